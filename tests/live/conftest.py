"""Tests of `doorman run` with real peers: as root, in network namespaces; elsewhere skipped with the reason."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.lab.media import Station, station
from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, INSIDE_PHONE, OUTSIDE_PHONE, network
from kit.agents import Agent
from kit.lab import LINGER, Lab, eventually, need_lab
from kit.parties import parties, registered
from kit.talks import Talk

_numbers = itertools.count(1)
_WAYS = ["to outside", "to exchange", "to registered"]


@pytest.fixture(scope="session")
def root() -> None:
    need_lab()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test made is gone after it."""
    with ExitStack() as made:
        yield made


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


@pytest.fixture(params=itertools.product(_WAYS, ["udp", "tcp"]), ids=" over ".join)
def talk(request: pytest.FixtureRequest, served: Lab) -> Iterator[Talk]:
    """Two user agents that go by names, of which one will call the other: each way, and over each transport."""
    way, transport = request.param
    with ExitStack() as stack:
        host = INSIDE_EXCHANGE if way == "to exchange" else INSIDE_PHONE
        inside = Agent(served, stack, served.network.inside, host, transport)
        outside = Agent(served, stack, served.network.outside, OUTSIDE_PHONE, transport)
        if way == "to outside":
            yield Talk(served, stack, *parties(inside, outside, f"sip:bob@{OUTSIDE_PHONE}"))
            return
        contact = registered(inside, outside) if way == "to registered" else f"sip:bob@{EXCHANGE_GLOBAL}"
        yield Talk(served, stack, *parties(outside, inside, contact))


def _made(stack: ExitStack, media: Station, parent: Path, phones: int) -> Lab:
    number = next(_numbers)
    directory = parent / str(number)
    directory.mkdir()
    return Lab(stack.enter_context(network(f"doorman-live-{os.getpid()}-{number}", phones=phones)), directory, media)
