"""Tests of `doorman run` with real peers: as root, in network namespaces; elsewhere skipped with the reason."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.lab.media import Station, station
from doorman.lab.network import network
from kit.lab import Lab, need_lab

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def root() -> None:
    need_lab()


@pytest.fixture
def media(root: None) -> Iterator[Station]:  # noqa: ARG001 - its check
    with station() as made:
        yield made


@pytest.fixture
def make_lab(root: None, media: Station, tmp_path: Path) -> Iterator[Callable[..., Lab]]:  # noqa: ARG001 - its check
    """Makes labs, which are gone after the test; each has its own directory."""
    with ExitStack() as stack:

        def make(phones: int = 1) -> Lab:
            number = next(_numbers)
            directory = tmp_path / str(number)
            directory.mkdir()
            net = stack.enter_context(network(f"doorman-live-{os.getpid()}-{number}", phones=phones))
            return Lab(net, directory, media)

        yield make


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A lab with four inside phones; nothing serves yet."""
    return make_lab(phones=4)
