"""The live gateway: engine, queue and the rules in a kernel, one gateway after the other in one namespace."""

import random
import select
from contextlib import ExitStack
from pathlib import Path

from doorman.daemon.devices import sides
from doorman.daemon.journal import Journal
from doorman.daemon.keeper import Keeper
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.events import Events
from doorman.dataplanes.netfilter.marks import OURS
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.netfilter.queue import Queue
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from kit.subjects.links import Links
from kit.subjects.subject import Left, Opening, read
from kit.wires import Wires

_QUEUE = 5060


class Live:
    """The live gateway, without its event loop; see `Subject`."""

    name = "live"
    is_configurable = True
    has_links = True

    def __init__(self, wires: Wires, stack: ExitStack, directory: Path) -> None:
        self._namespace = wires.gateway
        self._links = Links(wires)
        self._sweep = self._links.sweep
        self.age = self._links.age
        self.narrow = self._links.narrow
        with self._namespace.inside():
            self._queue = stack.enter_context(Queue.open(_QUEUE, length=1000, fail_open=False))
            self._events = stack.enter_context(Events(OURS, buffer=1 << 20))
            self._plane = _plane()
        stack.callback(lambda: self._plane.close(remove=True))
        self._journal = Journal(directory, "boot")
        stack.callback(self._journal.close)

    def begin(self, config: str) -> None:
        """See `Subject.begin`."""
        wanted = read(config)
        self._plane.close(remove=False)  # it would remember names that the gateway before gave back
        with self._namespace.inside():
            self._plane = _plane()
            self.engine = Engine(wanted, random.Random(7).random, delegated=True)
            keeper = Keeper(self.engine, self._journal, print)
            self._traffic = Traffic(self.engine, self._plane, self._queue, self._events, keeper)
            self._traffic.adopt(wanted)
            self._traffic.sides = sides(wanted)
        self._links.begin()
        while self._events.receive():
            pass

    def send(self, packet: bytes, side: Side) -> list[Left]:
        """See `Subject.send`."""
        left = self._sweep.send(packet, side)
        if select.select([self._queue, self._events], [], [], 0)[0]:
            with self._namespace.inside():
                while select.select([self._queue], [], [], 0)[0]:
                    self._traffic.on_packets()
                while select.select([self._events], [], [], 0)[0]:
                    self._traffic.on_events()
            left += self._sweep.rest(side)
        return left

    def seconds(self, config: str, opening: Opening) -> int:
        """See `Subject.seconds`: what conntrack shows."""
        self.begin(config)
        opening(self)
        return self._links.seconds()


def _plane() -> NetfilterPlane:
    return NetfilterPlane(Setting("doorman", _QUEUE, 0, timeouts=True))
