# Each target does its own set-up: on a fresh machine `make demo` or `make test` is all there is to type.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
COMPILED := $(VENV)-compiled
# Real telephones take their time, and three by three they hardly disturb each other.
WITH_PEERS := -n 3 --dist loadfile tests/live tests/lab
WITHOUT_PEERS := -n 2 --ignore=tests/live --ignore=tests/lab
# What is compiled, and what works with it; not what reads configurations, and shows;
OF_COMPILED := -n 2 $(addprefix tests/,algs daemon dataplanes engine firewall fuzz kernel nat net regressions stream wire)
# nor what answers operators, surveys the machine, and writes rules for nft.
OF_COMPILED += $(addprefix --ignore=tests/,daemon/test_control.py daemon/test_traces.py kernel/test_kernel_nft.py)
OF_COMPILED += $(addprefix --ignore=tests/dataplanes/netfilter/,requirements test_classify.py)
OF_COMPILED += $(addprefix --deselect=tests/kernel/test_kernel_,\
  ruleset.py::test_nft_takes_whatever_a_configuration_says zones.py::test_nft_takes_whatever_a_firewall_says)
UV := 0.13.8

# As an installation has it: what tests and daemon load is compiled to bytecode once, not at each start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check lint format compiled test-compiled bench bench-live fuzz rfc-table lock examples clean
.DEFAULT_GOAL := check

setup: $(STAMP)
	@sh tools/system-packages.sh tests

# The locked versions with their hashes, then the project itself, editable.
$(STAMP): requirements.lock pyproject.toml
	@PYTHON=$(PYTHON) sh tools/system-packages.sh venv
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(STAMP)

# The same in an environment of its own, with the hot path compiled: $(COMPILED)/bin/doorman.
compiled: $(COMPILED)/.ready

$(COMPILED)/.ready: $(STAMP) tools/compiled_wheel.py $(shell find src -name '*.py')
	@PYTHON=$(PYTHON) sh tools/system-packages.sh compiler
	@test -x $(COMPILED)/bin/python || $(PYTHON) -m venv $(COMPILED)
	@$(BIN)/uv pip sync --quiet --python $(COMPILED)/bin/python --require-hashes requirements.lock
	@HATCH_BUILD_HOOK_ENABLE_CUSTOM=true \
	  $(BIN)/uv pip install --quiet --python $(COMPILED)/bin/python --no-deps --no-build-isolation --no-cache .
	@touch $@

# A recorded call put through a gateway, and as root a real one through a live gateway.
demo: setup
	@sh tools/demo.sh $(BIN)/doorman

# All tests, or with TESTS what these options of pytest say.
test: setup
ifdef TESTS
	@$(BIN)/pytest $(TESTS)
else
	@$(BIN)/pytest $(WITHOUT_PEERS)
	@$(BIN)/pytest $(WITH_PEERS)
endif

# The tests of the compiled hot path.
test-compiled: setup compiled
	@$(COMPILED)/bin/pytest $(or $(TESTS),$(OF_COMPILED))

# What CI runs; the tests are those of `make test`.
check: lint
	@$(MAKE) --no-print-directory test TESTS=

# Format, rules and types.
lint: setup
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# One JSON line per figure, first interpreted, then compiled; single core.
bench: setup compiled
	@for python in $(BIN)/python $(COMPILED)/bin/python; do \
	  for bench in sip_alg ftp_alg tftp_alg rcmd_alg rtsp_alg dns_alg netbios_alg ldap_alg hard_cases replay calls startup statics; do $$python bench/$$bench.py || exit 1; done; done

# Damaged messages through reader, engine and streams; SECONDS=600 unless told otherwise.
fuzz: setup
	@$(BIN)/python tools/fuzz_sip.py --seconds $(or $(SECONDS),600)

# What RFC 4787, 5382 and 5508 ask of a NAT, and what is done about it; live gateways as root. WRITE=1: into docs/rfc.md.
rfc-table: setup
	@$(BIN)/python tools/rfc_table.py $(if $(WRITE),--write)

# The live gateway, compiled, beside what the kernel does by itself; root, in network namespaces.
bench-live: setup compiled
	@$(COMPILED)/bin/python bench/live_gateway.py

# After a change of the dependencies in pyproject.toml.
lock: setup
	@$(BIN)/uv pip compile --quiet pyproject.toml --group dev --universal --generate-hashes \
	  --python-version 3.11 --no-header --output-file requirements.lock

# Record the bundled captures anew, from real programs in network namespaces; needs root.
examples: setup
	@sh tools/system-packages.sh recording
	@$(BIN)/python tools/record_examples.py

clean:
	rm -rf $(VENV) build
