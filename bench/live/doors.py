"""Doors opened by the kernel's data plane, by transaction: an INVITE's worth, a batch of INVITEs, one door alone.

Beside it the same elements by libnftables, which reads text.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.needs import Terms
from doorman.dataplanes.netfilter.nft import Nft
from doorman.dataplanes.netfilter.packed import text_of
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.netfilter.tables import Tables
from doorman.engine.engine import Engine
from doorman.engine.results import Change, DoorOpened, Side
from doorman.lab.namespaces import entered, namespace
from doorman.net.addresses import Endpoint, address_of
from figures import figure
from live.beds import CONFIG
from live.messages import SIP_PORT, request
from traffic import OUTSIDE, udp

_ROUNDS = 5
_INVITES = 400
"""Of a round, of each kind."""
_BATCH = 64
"""Packets that the gateway decides on together, when so many wait."""
_TABLE = "bench"
_QUEUE = 60_000


def measure() -> None:
    """Print doors per second."""
    config = read_config(CONFIG, "bench")
    with _plane(config) as plane:
        nft = Nft()
        ways: dict[str, Callable[[Sequence[Change]], None]] = {
            "invite": lambda changes: plane.commit(changes, 0.0),
            "batch": lambda changes: plane.commit(changes, 0.0),
            "single": lambda changes: plane.commit(changes, 0.0),
            "libnftables": lambda changes: _by_text(nft, changes),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        work = iter(_invites(config))
        for _ in range(_ROUNDS):
            for name, commit in ways.items():
                steps = list(_steps(name, [next(work) for _ in range(_INVITES)], plane))
                rates[name].append(_rate(commit, steps))
        nft.close()
    of_each = {name: median(values) for name, values in rates.items()}
    shown = {name: round(value) for name, value in of_each.items()}
    figure("live-doors", of_each["invite"], "doors/s", ">= 5000", **shown)
    figure("live-doors-vs-libnftables", of_each["invite"] / of_each["libnftables"], "times", "> 1")


@contextmanager
def _plane(config: Config) -> Iterator[NetfilterPlane]:
    """A data plane in a network namespace of its own."""
    with namespace(f"doorman-bench-{os.getpid()}-doors") as name, entered(name):
        plane = NetfilterPlane(Setting(_TABLE, _QUEUE, 0, timeouts=True))
        plane.synchronise(config, (), (), 0.0)
        yield plane
        plane.close(remove=True)


def _invites(config: Config) -> Iterator[list[Change]]:
    """What each of many INVITEs changes: each is a call of its own."""
    engine = Engine(config, random.Random(1).random, delegated=True)
    for call in range(_ROUNDS * _INVITES * 4):
        phone = f"192.168.1.{10 + call % 100}"
        packet = udp(Endpoint(address_of(phone), SIP_PORT), Endpoint(OUTSIDE, SIP_PORT), request(phone, call))
        engine.receive(packet, Side.INSIDE, call * 0.0001)
        yield engine.take_changes()


def _steps(name: str, invites: list[list[Change]], plane: NetfilterPlane) -> Iterator[list[Change]]:
    """The transactions of a round."""
    if name == "batch":
        for start in range(0, len(invites), _BATCH):
            yield [change for changes in invites[start : start + _BATCH] for change in changes]
    elif name == "single":
        names = [change for changes in invites for change in changes if not isinstance(change, DoorOpened)]
        plane.commit(names, 0.0)
        for changes in invites:
            for change in changes:
                if isinstance(change, DoorOpened):
                    yield [change]
    else:
        yield from invites


def _by_text(nft: Nft, changes: Sequence[Change]) -> None:
    elements = Tables(Terms({}))
    elements.plan(changes, 0.0)
    nft.run("".join(f"add element ip {_TABLE} {one.set_name} {{ {text_of(one)} }}\n" for one in elements))


def _rate(commit: Callable[[Sequence[Change]], None], steps: list[list[Change]]) -> float:
    doors = sum(isinstance(change, DoorOpened) for changes in steps for change in changes)
    begun = time.perf_counter()
    for changes in steps:
        commit(changes)
    return doors / (time.perf_counter() - begun)
