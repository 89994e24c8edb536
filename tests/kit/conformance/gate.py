"""A gateway under test, and the questions that probes ask of it.

phones 192.168.1.10, .11 …      server 192.168.1.6, its port 80 known as 203.0.113.1:8080
hosts 192.168.1.5 and .7, known as 203.0.113.5 and .7
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from scapy.layers.inet import TCP

from doorman.engine.results import Side
from doorman.net.addresses import Address, address_text
from doorman.net.packet import ICMP, parse_packet, readdress
from kit.gateway import OVERLOAD, SHARED_POOL
from kit.packets import endpoint, icmp_error, ip, ping, pong, tcp, udp
from kit.subjects.subject import Arrives, Left, Subject

STATICS = (
    "ip nat inside source static tcp 192.168.1.6 80 interface out0 8080\n"
    "ip nat inside source static udp 192.168.1.6 80 interface out0 8080\n"
    "ip nat inside source static 192.168.1.5 203.0.113.5\n"
    "ip nat inside source static 192.168.1.7 203.0.113.7\n"
)
GATEWAY = OVERLOAD + STATICS
"""What is probed, but where a probe says otherwise."""
POOL = SHARED_POOL
PHONE, OTHER = "192.168.1.10:5000", "192.168.1.11:5000"
PEERS = ("198.51.100.7:9000", "198.51.100.7:9001", "198.51.100.8:9000")
PEER = PEERS[0]
OWN = "203.0.113.1"
"""The gateway's address outside."""
Maker = Callable[[str, str], bytes]


class Cell(NamedTuple):
    """What a gateway does about a requirement.

    Attributes:
        verdict: `pass`, `fail` or `n/a`.
        measured: what was seen, in a few words.
    """

    verdict: str
    measured: str

    def __str__(self) -> str:
        return f"{self.verdict}: {self.measured}"


class Requirement(NamedTuple):
    """A requirement: its number, what it says in a few words, and how it is measured."""

    number: str
    text: str
    probe: "Callable[[Gate], Cell]"


def passed(measured: str) -> Cell:
    """As required."""
    return Cell("pass", measured)


def judged(holds: object, measured: str, otherwise: str) -> Cell:
    """As required if it holds."""
    return Cell("pass", measured) if holds else Cell("fail", otherwise)


def inapplicable(why: str) -> Cell:
    """Nothing to be measured."""
    return Cell("n/a", why)


class Gate:
    """A gateway that has just begun; see `Subject`."""

    def __init__(self, subject: Subject, config: str = GATEWAY) -> None:
        self.subject = subject
        self.begin(config)

    def begin(self, config: str = GATEWAY) -> None:
        """Be a gateway that has seen nothing."""
        self.config = config
        self.subject.begin(config)

    def out(self, packet: bytes) -> Left | None:
        """What leaves of a packet from the inside, if anything."""
        return _first(self.subject.send(packet, Side.INSIDE))

    def into(self, packet: bytes) -> Left | None:
        """What leaves of a packet from the outside, if anything."""
        return _first(self.subject.send(packet, Side.OUTSIDE))

    def name(self, make: Maker, sender: str, receiver: str) -> str:
        """What the outside sees as the sender of a packet; empty if it sees none."""
        left = self.out(make(sender, receiver))
        return ends_of(left.packet)[0] if left is not None and left.side == Side.OUTSIDE else ""

    def comes(self, packet: bytes) -> bool:
        """Whether a packet from the outside goes on to somebody inside."""
        left = self.into(packet)
        return left is not None and left.side == Side.INSIDE

    def seconds(self, opening: "Callable[[Gate], Arrives]", config: str = "") -> int:
        """How long what an opening begins may be silent."""
        return self.subject.seconds(config or self.config, lambda _: opening(self))


def query(sender: str, receiver: str) -> bytes:
    """A ping whose identifier is the sender's port."""
    return ping(sender, receiver, int(sender.partition(":")[2]))


def reply(sender: str, receiver: str) -> bytes:
    """The answer to a query, whose identifier is the receiver's port."""
    return pong(sender, receiver, int(receiver.partition(":")[2]))


def _quickly(make: Maker) -> Maker:
    """A maker of many: scapy makes one packet, which gets other ends."""
    template = parse_packet(make("192.0.2.1:1", "192.0.2.2:2"))
    assert template is not None
    return lambda sender, receiver: readdress(template, endpoint(sender), endpoint(receiver))


MAKERS: dict[str, Maker] = {"udp": _quickly(udp), "tcp": _quickly(tcp), "icmp": _quickly(query)}


def segment(  # noqa: PLR0913 - what a segment has
    sender: str, receiver: str, flags: str, seq: int = 0, ack: int = 0, *, data: bytes = b""
) -> bytes:
    """A TCP segment with its numbers; with PUSH, some data."""
    ports = {"sport": int(sender.partition(":")[2]), "dport": int(receiver.partition(":")[2])}
    data = data or (b"data" if flags == "PA" else b"")
    return bytes(ip(sender, receiver) / TCP(flags=flags, seq=seq, ack=ack, **ports) / data)


def answer(protocol: str, left: Left) -> bytes:
    """What the peer sends first to the sender of a packet that left."""
    name = ends_of(left.packet)[0]
    if protocol == "tcp":
        return segment(PEER, name, "SA", 9000, 1)
    return udp(PEER, name) if protocol == "udp" else reply(PEER, name)


def refusal(about: Left, router: str = "198.51.100.1", kind: int = 3, code: int = 1, cut: int = 28) -> bytes:
    """The error of a router about a packet that left."""
    return icmp_error(router, address_text(Address(about.packet[12:16])), about.packet[:cut], kind, code)


def quoted(left: Left | None) -> str:
    """The ends of the packet that an error quotes, and its own: `RECEIVER: SENDER > RECEIVER`."""
    if left is None:
        return ""
    receiver = address_text(Address(left.packet[16:20]))
    return "{}: {} > {}".format(receiver, *ends_of(left.packet[28:]))


def _first(left: Iterable[Left]) -> Left | None:
    return next(iter(left), None)


def ends_of(packet: bytes) -> tuple[str, str]:
    """Sender and receiver of a packet, or of the beginning of one; of a query, its identifier is the port of both."""
    at = (packet[0] & 15) * 4
    ports = (4, 4) if packet[9] == ICMP else (0, 2)
    numbers = [int.from_bytes(packet[at + place : at + place + 2], "big") for place in ports]
    hosts = [address_text(Address(packet[place : place + 4])) for place in (12, 16)]
    return f"{hosts[0]}:{numbers[0]}", f"{hosts[1]}:{numbers[1]}"
