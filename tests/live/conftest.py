"""Tests of `doorman run` with real peers: as root, in network namespaces; elsewhere skipped with the reason."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.lab.media import Station, station
from doorman.lab.network import network
from kit.lab import LINGER, Lab, eventually, need_lab

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def root() -> None:
    need_lab()


@pytest.fixture
def media(root: None) -> Iterator[Station]:  # noqa: ARG001 - its check
    with station() as made:
        yield made


@pytest.fixture
def make_lab(media: Station, tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Makes labs, which are gone after the test; each has its own directory."""
    with ExitStack() as stack:

        def make(phones: int = 1) -> Lab:
            return _made(stack, media, tmp_path, phones)

        yield make


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A lab with four inside phones; nothing serves yet."""
    return make_lab(phones=4)


@pytest.fixture(scope="module")
def shared_lab(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:  # noqa: ARG001 - its check
    """A lab with many inside phones that all tests of a module have in common; nothing serves yet."""
    with ExitStack() as stack, station() as media:
        yield _made(stack, media, tmp_path_factory.mktemp("lab"), phones=40)


@pytest.fixture(scope="module")
def served(shared_lab: Lab) -> Iterator[Lab]:
    """The lab that a module's tests have in common, with a gateway of which their calls leave nothing behind."""
    with shared_lab.serving():
        yield shared_lab
        eventually(lambda: not shared_lab.doors(), "doors outlive their calls", LINGER + 3.0)
        eventually(lambda: not shared_lab.media_flows(), "media flows outlive their calls", LINGER + 3.0)
        assert shared_lab.ask("show alg sip statistics")["drops"] == {}


def _made(stack: ExitStack, media: Station, parent: Path, phones: int) -> Lab:
    number = next(_numbers)
    directory = parent / str(number)
    directory.mkdir()
    return Lab(stack.enter_context(network(f"doorman-live-{os.getpid()}-{number}", phones=phones)), directory, media)
