"""Packets for a gateway, each a step that may build on what became of an earlier one.

A step is told what it is about as `of`, which is one of the packets that left before, and is made of what *this*
gateway made of that one: the answer goes to the name that this gateway gave out. Where nothing has left yet, there is
no packet.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw

from doorman.engine.results import Side
from doorman.net.packet import carried
from kit.agreement.gateways import INSIDE_HOSTS, NAMES, OUTSIDE_LOCALS, PORTS
from kit.packets import QUERY_TYPES, ip, ping, port, udp
from kit.subjects.subject import Arrives, Left

PEERS = ("198.51.100.7", "198.51.100.8", "203.0.113.200")
_DATA = b"data"
_GRE = 47


class Sent(NamedTuple):
    """What a step came to at one gateway: what arrived there, and what left, if anything did."""

    arrives: Arrives
    left: Left | None


_QUOTED_CHECKSUMS = {"header": 10, "transport": 26}
"""Where they stand in a quote, of UDP for the latter."""
DAMAGES = ("", "own", *_QUOTED_CHECKSUMS)

History = Sequence[Sent | None]


class Step(Protocol):
    """One packet."""

    def arrives(self, history: History) -> Arrives | None:
        """The packet for a gateway where the steps before it came to this; None where there is none."""
        ...


class Begin(NamedTuple):
    """A flow begins: `kind` is udp, tcp, ack (of a connection that was there before), gre, or a query of ICMP."""

    kind: str
    side: Side
    sender: str
    receiver: str

    def arrives(self, history: History) -> Arrives:
        """See `Step`."""
        del history
        return Arrives(self.side, _first(self.kind, self.sender, self.receiver))


class Answer(NamedTuple):
    """The receiver of a packet answers, as its protocol would have it."""

    of: int

    def arrives(self, history: History) -> Arrives | None:
        """See `Step`."""
        left = _left(history, self.of)
        answer = _answer(IP(left.packet)) if left else b""
        return Arrives(left.side, answer) if left and answer else None


class Again(NamedTuple):
    """A packet comes once more."""

    of: int

    def arrives(self, history: History) -> Arrives | None:
        """See `Step`."""
        sent = _sent(history, self.of)
        return sent.arrives if sent else None


class Intrude(NamedTuple):
    """Somebody else sends to where a packet seems to have come from."""

    of: int
    kind: str
    sender: str

    def arrives(self, history: History) -> Arrives | None:
        """See `Step`."""
        left = _left(history, self.of)
        if left is None:
            return None
        read = IP(left.packet)
        number = read.payload.sport if isinstance(read.payload, UDP | TCP) else 5000
        sides = {True: Side.INSIDE, False: Side.OUTSIDE}
        side = sides[self.sender.partition(":")[0] in INSIDE_HOSTS]
        return Arrives(side, _first(self.kind, self.sender, f"{read.src}:{number}"))


class Refuse(NamedTuple):
    """An ICMP error about a packet, by the one that got it or a router on the way.

    Attributes:
        of: the packet.
        by: who sends it; "" for the packet's receiver.
        kind, code: of the error.
        quoted: how many bytes are quoted behind the IP header.
        extended: whether extensions follow the quote, padded to 128 bytes (RFC 4884).
        damage: whose checksum is wrong: nobody's, its `own`, or in the quote the IP `header`'s or the `transport`'s.
    """

    of: int
    by: str
    kind: int
    code: int
    quoted: int
    extended: bool = False
    damage: str = ""

    def arrives(self, history: History) -> Arrives | None:
        """See `Step`."""
        left = _left(history, self.of)
        if left is None or (left.packet[9] == 1 and left.packet[20] in {3, 11, 12}):
            return None
        read = IP(left.packet)
        quoted = max(self.quoted, 8) if read.proto == _GRE else self.quoted  # conntrack wants all of its header
        quote = left.packet[: (left.packet[0] & 15) * 4 + quoted]
        if self.extended:
            quote = left.packet[:128].ljust(128, b"\0")
        error = ICMP(type=self.kind, code=self.code, length=32 if self.extended else 0)
        extensions = bytes.fromhex("20000000 0008 0101 00064140".replace(" ", "")) if self.extended else b""
        source = self.by if self.by and left.side == Side.OUTSIDE else read.dst
        if self.damage in _QUOTED_CHECKSUMS:
            quote = _damaged(quote, _QUOTED_CHECKSUMS[self.damage])
        told = bytes(ip(source, read.src) / error / Raw(quote + extensions))
        return Arrives(left.side, _damaged(told, 22) if self.damage == "own" else told)


class RefuseFragment(NamedTuple):
    """An error about a fragment of a packet.

    Attributes:
        like: the error, as it would be about the whole packet.
        offset: of the fragment, in units of 8 bytes.
        more: whether others follow it.
    """

    like: Refuse
    offset: int
    more: bool

    def arrives(self, history: History) -> Arrives | None:
        """See `Step`."""
        whole = self.like.arrives(history)
        if whole is None:
            return None
        told = IP(whole.packet)
        quote = IP(bytes(told[ICMP].payload))
        quote.flags, quote.frag = "MF" if self.more else 0, self.offset
        del quote.chksum, told.chksum, told[ICMP].chksum
        told[ICMP].payload = Raw(bytes(quote))
        return Arrives(whole.side, bytes(told))


def _sent(history: History, of: int) -> Sent | None:
    """The step that another is about: the number wraps, and is counted from the newest."""
    found = [sent for sent in history if sent and sent.left]
    return found[-1 - of % len(found)] if found else None


def _left(history: History, of: int) -> Left | None:
    sent = _sent(history, of)
    return sent.left if sent else None


def _damaged(data: bytes, at: int) -> bytes:
    """The bytes with a checksum that is wrong by as much, whatever it was; if they reach that far."""
    if len(data) < at + 2:
        return data
    return data[:at] + carried(int.from_bytes(data[at : at + 2], "big"), 0x1000).to_bytes(2, "big") + data[at + 2 :]


@lru_cache(4096)
def _first(kind: str, sender: str, receiver: str) -> bytes:
    if kind in QUERY_TYPES:
        return ping(sender, receiver, port(sender), kind)
    if kind == "udp":
        return udp(sender, receiver, _DATA)
    if kind == "gre":
        return bytes(ip(sender, receiver, proto=47) / b"\0\0\x08\0anything")
    flags = {"tcp": "S", "ack": "A"}[kind]
    return bytes(ip(sender, receiver) / TCP(sport=port(sender), dport=port(receiver), flags=flags, seq=100, ack=7))


_REPLIES = {8: 0, 13: 14, 17: 18}
"""Types of ICMP queries, each with that of its reply."""


def _answer(seen: Any) -> bytes:  # noqa: ANN401 - scapy
    """The packet that the receiver of one would send; nothing if it would send none."""
    back = IP(src=seen.dst, dst=seen.src, proto=seen.proto)
    inner = seen.payload
    if isinstance(inner, UDP):
        return bytes(back / UDP(sport=inner.dport, dport=inner.sport) / _DATA)
    if isinstance(inner, TCP):
        return bytes(back / _acknowledged(inner))
    if isinstance(inner, ICMP):
        kind = _REPLIES.get(inner.type)
        return bytes(back / ICMP(type=kind, id=inner.id, seq=1) / b"ping") if kind is not None else b""
    return bytes(back / Raw(bytes(inner)))


def _acknowledged(seen: Any) -> Any:  # noqa: ANN401 - scapy
    """The next segment of the other end: SYN, SYN and ACK, ACK, then data."""
    flags = str(seen.flags)
    number = seen.ack if "A" in flags else 9000
    length = len(seen.payload) + ("S" in flags) + ("F" in flags)
    data = b"" if "S" in flags else _DATA
    ports = {"sport": seen.dport, "dport": seen.sport}
    return TCP(flags="SA" if flags == "S" else "A", seq=number, ack=seen.seq + length, **ports) / data


_kinds = st.sampled_from(
    ("udp", "udp", "tcp", "tcp", "ack", "echo-request", "echo-request", "timestamp-request", "gre")
)
_inside = st.tuples(st.sampled_from(INSIDE_HOSTS), st.sampled_from(PORTS)).map(lambda ends: "{}:{}".format(*ends))
_peers = st.tuples(st.sampled_from(PEERS), st.sampled_from((9, 80, 5000))).map(lambda ends: "{}:{}".format(*ends))
_names = st.tuples(st.sampled_from(NAMES), st.sampled_from((*PORTS, 8080))).map(lambda ends: "{}:{}".format(*ends))

_ofs = st.integers(0, 15)
_called = st.tuples(st.sampled_from(OUTSIDE_LOCALS), st.sampled_from((9, 80))).map(lambda ends: "{}:{}".format(*ends))
outward = st.builds(Begin, _kinds, st.just(Side.INSIDE), _inside, st.one_of(_peers, _peers, _peers, _called))
inward = st.builds(Begin, _kinds, st.just(Side.OUTSIDE), _peers, _names)
hairpins = st.builds(Begin, _kinds, st.just(Side.INSIDE), _inside, _names)
answers = st.builds(Answer, _ofs)
repeats = st.builds(Again, _ofs)
intruders = st.builds(Intrude, _ofs, _kinds, _peers | _inside)
errors = st.builds(
    Refuse,
    _ofs,
    st.sampled_from(("", "198.51.100.1")),
    st.sampled_from((3, 3, 11, 12)),
    st.sampled_from((0, 1, 3, 4, 13)),
    st.sampled_from((8, 8, 12, 200, 4, 0)),
    st.booleans(),
    st.sampled_from(("", "", *DAMAGES)),
)
PACKETS: tuple[st.SearchStrategy[Step], ...] = (
    outward, outward, inward, hairpins, answers, answers, answers, repeats, intruders, errors,
)  # fmt: skip
exchanges = st.lists(st.one_of(PACKETS), min_size=20, max_size=20)
"""The packets for one configuration; errors and answers find something to be about since flows come first."""
