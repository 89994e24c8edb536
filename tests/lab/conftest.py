"""Tests of the lab: what needs network namespaces runs as root only; in CI a missing program fails."""

import itertools
import os
import shutil
from collections.abc import Iterator

import pytest

from doorman.lab.bed import down
from doorman.lab.media import Station, station

PROGRAMS = {
    "ip": "iproute2",
    "ethtool": "ethtool",
    "nft": "nftables",
    "sipp": "sip-tester",
    "baresip": "baresip-core",
    "tcpdump": "tcpdump",
    "tshark": "tshark",
}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make network namespaces")
    missing = [f"{program} (package {package})" for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing:
        (pytest.fail if "CI" in os.environ else pytest.skip)(f"missing: {', '.join(missing)}")


@pytest.fixture
def lab_name(root: None) -> Iterator[str]:  # noqa: ARG001 - its check
    """A name that no other lab has; what is left of it after the test is taken down."""
    name = f"doorman-test-{os.getpid()}-{next(_numbers)}"
    yield name
    down(name)


@pytest.fixture
def media() -> Iterator[Station]:
    with station() as made:
        yield made
