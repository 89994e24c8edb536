"""A playbook for TFTP: this datagram in at one side of a gateway, that one out at the other.

client or server 10.0.0.10     gateway 203.0.113.1     the other one 198.51.100.20, or a stranger 192.0.2.66

tftp = Tftp()                                                          the client is inside
tftp.out(request("boot.img"))                                          -> "outside: udp 203.0.113.1:40000 > …:69"
tftp.in_(data(1), "198.51.100.20:31000", "203.0.113.1:40000")          -> "inside: udp … > 10.0.0.10:40000"
"""

import random
from collections import defaultdict

from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import address_text
from doorman.net.packet import parse_packet
from kit.packets import shown, udp
from kit.sip import OVERLOAD

CLIENT, SERVER = "10.0.0.10:40000", "198.51.100.20:69"
STRANGER = "192.0.2.66"
SERVED = OVERLOAD + "ip nat inside source static 10.0.0.10 203.0.113.100\n"
"""The inside host is a server with an address of its own."""
FORWARDED = OVERLOAD + "ip nat inside source static udp 10.0.0.10 69 interface out0 69\n"
"""It is one by a port of the shared address."""


def request(file: str = "boot.img", mode: str = "octet", *options: str, verb: int = 1) -> bytes:
    """An RRQ, or a WRQ (2), with options and their values."""
    return b"".join([bytes((0, verb)), *(word.encode() + b"\0" for word in (file, mode, *options))])


def data(block: int, content: bytes = b"x" * 512) -> bytes:
    """A DATA."""
    return bytes((0, 3)) + block.to_bytes(2, "big") + content


def ack(block: int) -> bytes:
    """An ACK."""
    return bytes((0, 4)) + block.to_bytes(2, "big")


ERROR = b"\0\5\0\1File not found\0"


class Tftp:
    """A gateway that datagrams go through.

    Args:
        config: of the gateway.
        engine: in place of one of its own.
    """

    def __init__(self, config: str = OVERLOAD, engine: Engine | None = None) -> None:
        self.engine = engine or Engine(read_config(config, "test.cfg"), random.Random(7).random)
        self.now = 1000.0

    def out(self, datagram: bytes, sender: str = CLIENT, receiver: str = SERVER) -> str:
        """A datagram from the inside; where it leaves, or why not. It is never changed."""
        return self._pass(udp(sender, receiver, datagram), datagram, Side.INSIDE)

    def in_(self, datagram: bytes, sender: str, receiver: str) -> str:
        """The same from the outside."""
        return self._pass(udp(sender, receiver, datagram), datagram, Side.OUTSIDE)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.engine.expire(self.now)

    @property
    def doors(self) -> list[str]:
        """The open doors: who may come in where, and where that leads."""
        return [
            f"{address_text(door.visitor) if door.visitor is not None else 'any'} > {door.entrance} > {door.leads_to}"
            for door in self.engine.state.doors
        ]

    @property
    def notes(self) -> defaultdict[str, int]:
        """What was noted."""
        return self.engine.state.notes

    @property
    def requests(self) -> list[dict[str, str]]:
        """The requests that wait for their answers, as they are shown."""
        shown_now = self.engine.inspector.algs["tftp"].sessions(self.now)
        return [{key: str(value) for key, value in one.items()} for one in shown_now]

    def _pass(self, packet: bytes, datagram: bytes, side: Side) -> str:
        result = self.engine.receive(packet, side, self.now)
        if result.fate == Fate.DROPPED:
            return f"dropped: {result.reason}"
        passed = parse_packet(result.packet)
        assert passed is not None
        assert passed.payload == datagram
        return f"{result.leaves.name.lower()}: {shown(result.packet)}"
