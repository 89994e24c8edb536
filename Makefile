# Each target does its own set-up: on a fresh machine `make demo` or `make test` is all there is to type.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

.PHONY: setup demo test check format bench lock examples clean
.DEFAULT_GOAL := check

setup: $(STAMP)
	@sh tools/system-packages.sh

# The locked versions with their hashes, then the project itself, editable.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(STAMP)
