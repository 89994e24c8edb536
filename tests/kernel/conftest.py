"""Tests of the real kernel: as root, in network namespaces they make and remove; elsewhere skipped with the reason.

In CI, what is missing fails instead, other than being root.
"""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from kit.namespaces import Namespace

_PROGRAMS = {"ip": "iproute2", "nft": "nftables", "conntrack": "conntrack"}


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{what} must be there in CI")
    pytest.skip(f"{what} is not here")


@pytest.fixture(scope="session")
def root() -> None:
    """Skips the test unless it runs as root, with the programs that set up namespaces and judge what we did."""
    if os.geteuid() != 0:
        pytest.skip("only root can make network namespaces")
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            _missing(f"{program} (package {package})")


@pytest.fixture
def new_namespace(root: None) -> Iterator[Callable[[], Namespace]]:  # noqa: ARG001 - its check
    """Makes network namespaces, which are removed after the test."""
    made: list[Namespace] = []

    def make() -> Namespace:
        made.append(Namespace.make())
        return made[-1]

    yield make
    for namespace in made:
        namespace.remove()


@pytest.fixture
def namespace(new_namespace: Callable[[], Namespace]) -> Namespace:
    """A network namespace, removed after the test."""
    return new_namespace()
