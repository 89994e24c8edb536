"""A live gateway without its event loop: engine, plane, queue and events in a namespace, asked when a test says so.

phone 10.0.0.10      gateway 203.0.113.1      peer 198.51.100.20

live.out(request())               -> the datagrams that left, such as "203.0.113.1:5060 > 198.51.100.20:5060"
"""

import random
import select
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from doorman.config.reader import read_config
from doorman.daemon.clock import seconds
from doorman.daemon.devices import sides
from doorman.daemon.journal import Journal
from doorman.daemon.keeper import Keeper
from doorman.daemon.packet_news import PacketNews
from doorman.daemon.part import Part
from doorman.daemon.parts import Parts, Place
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.events import Events
from doorman.dataplanes.netfilter.marks import AUDITED, OURS
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.netfilter.queue import Queue
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.packet import UDP
from kit.packets import udp
from kit.sip import GLOBAL, OVERLOAD, PEER, PHONE
from kit.wires import Wires, contents, ends_of


class Datagram(NamedTuple):
    """What arrived: its ends, and what it carries."""

    sender: str
    receiver: str
    data: bytes


class Live:
    """A gateway at work on real packets.

    Attributes:
        run: runs a program in the gateway's namespace.
    """

    def __init__(  # noqa: PLR0913 - all that may differ between two gateways
        self,
        wires: Wires,
        stack: ExitStack,
        directory: Path,
        config: str = OVERLOAD,
        *,
        table: str = "doorman",
        number: int = 5060,
        plane: type[NetfilterPlane] = NetfilterPlane,
        news_buffer: int = 1 << 20,
    ) -> None:
        self.wires = wires
        self.run = wires.gateway.run
        self.config = read_config(config, "test.cfg")
        with wires.gateway.inside():
            self.chance: Callable[[], float] = random.Random(7).random
            self.engine = Engine(self.config, self._draw, delegated=True)
            self.queue = stack.enter_context(Queue.open(number, length=1000, fail_open=False))
            self.events = stack.enter_context(Events(OURS | AUDITED, buffer=news_buffer))
            self.plane = plane(Setting(table, number, 0, timeouts=True))
            stack.callback(self.plane.close, remove=True)
            keeper = Keeper(self.engine, Journal(directory, "boot"), print)
            stack.callback(keeper.close, 0.0)
            self.traffic = Traffic(self.engine, self.plane, self.queue, self.events, keeper)
            listener = stack.enter_context(socket.socket())
            self.parts = Parts(Place(table, directory))
            self.plane.hooked = self.parts.begin_anew
            self.parts[None] = Part(None, self.traffic, keeper, listener, PacketNews(self.engine, None))
            self.traffic.adopt(self.config)
            self.traffic.sides = sides(self.config)

    def _draw(self) -> float:
        return self.chance()

    def packets(self, side: Side, *sent: bytes) -> list[bytes]:
        """Let packets arrive on a side, all in one batch; what left then."""
        for packet in sent:
            self.wires.send(packet, side)
        left = self.wires.sync(side)
        with self.wires.gateway.inside():
            while select.select([self.queue], [], [], 0)[0]:
                self.traffic.on_packets()
            while select.select([self.events], [], [], 0)[0]:
                self.traffic.on_events()
        return left + self.wires.sync(side)

    def out(self, data: bytes, sender: str = PHONE, receiver: str = PEER) -> list[Datagram]:
        """Send a datagram from the inside; what left then."""
        return _datagrams(self.packets(Side.INSIDE, udp(sender, receiver, data)))

    def in_(self, data: bytes, sender: str = PEER, receiver: str = f"{GLOBAL}:5060") -> list[Datagram]:
        """Send a datagram from the outside; what left then."""
        return _datagrams(self.packets(Side.OUTSIDE, udp(sender, receiver, data)))

    def tick(self) -> None:
        """Let a second pass, as far as the gateway's chores go."""
        with self.wires.gateway.inside():
            self.traffic.on_time()
            self.parts.unhook()

    def wait(self, lapse: float) -> None:
        """Do what is due when so many seconds have passed; the kernel's own clock stays as it is."""
        with self.wires.gateway.inside():
            self.engine.expire(seconds() + lapse)
            self.traffic.commit()

    def reconfigure(self, config: str, now: float) -> None:
        """Go on by another configuration."""
        with self.wires.gateway.inside():
            self.config = read_config(config, "test.cfg")
            self.engine.reconfigure(self.config, now)
            self.traffic.adopt(self.config)

    def elements(self, name: str, kind: str = "map") -> str:
        """A set or map of the table, as nft lists it."""
        return self.run("nft", "list", kind, "ip", self.plane.setting.table, name)

    def flows(self, *options: str) -> list[str]:
        """The lines of conntrack's list, of UDP unless said otherwise."""
        return self.run("conntrack", "-L", *(options or ("-p", "udp"))).splitlines()


def _datagrams(packets: list[bytes]) -> list[Datagram]:
    return [Datagram(*ends_of(packet), contents(packet)) for packet in packets if packet[9] == UDP]
