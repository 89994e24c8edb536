"""Tests of the real kernel: as root, in network namespaces they make and remove; elsewhere skipped with the reason.

In CI, what is missing fails instead, other than being root.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.dataplanes.netfilter.plane import NetfilterPlane
from kit.agreement.trial import Trial, open_trial
from kit.live import Live
from kit.namespaces import Namespace
from kit.sip import OVERLOAD
from kit.wires import Places, Wires

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


@pytest.fixture
def make(new_namespace: Callable[[], Namespace], tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Makes live gateways of a configuration, on wires of their own."""
    with ExitStack() as stack:

        def live(
            config: str = OVERLOAD, plane: type[NetfilterPlane] = NetfilterPlane, news_buffer: int = 1 << 20
        ) -> Live:
            wires = Wires(new_namespace(), new_namespace(), stack, Places(inside="10.0.0.1"))
            return Live(wires, stack, tmp_path, config, plane=plane, news_buffer=news_buffer)

        yield live


@pytest.fixture
def live(make: Callable[..., Live]) -> Live:
    """A live gateway whose phones share one address."""
    return make()


@pytest.fixture(scope="module")
def trial(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:  # noqa: ARG001 - its check
    """The engine of replay and a live gateway, to be held to each other."""
    with open_trial(tmp_path_factory.mktemp("agreement")) as trial:
        yield trial
