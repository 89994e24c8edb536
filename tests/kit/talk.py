"""Two ends of a TCP connection through an engine, each segment by hand.

talk = Talk(Engine(...), "10.0.0.10:40000", "198.51.100.20:5060")
talk.open()
talk.say(INSIDE, b"INVITE ...")      the packets of the engine, as scapy reads them: what went on, what came back
talk.heard[OUTSIDE]                  the bytes that arrived in order
"""

from typing import Any, NamedTuple

from scapy.layers.inet import IP, TCP

from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Result, Side
from kit.packets import rebuilt

INSIDE, OUTSIDE = Side


class Heard(NamedTuple):
    """What came of a segment: its fate, and what left on both sides."""

    result: Result
    on: list[Any]
    back: list[Any]


class Talk:
    """A connection that `client` opens, between two ends as the inside names them; the outside's name is learned."""

    def __init__(self, engine: Engine, inside: str, outside: str, *, seen_as: str = "", client: Side = INSIDE) -> None:
        self.engine = engine
        self.client = client
        self.now = 1000.0
        self.ends = {INSIDE: (inside, outside), OUTSIDE: (outside, seen_as)}
        self.next = {INSIDE: 5_000, OUTSIDE: 2**32 - 100}
        self.expected = {INSIDE: 0, OUTSIDE: 0}
        self.heard = {INSIDE: b"", OUTSIDE: b""}

    def open(self, options: list[Any] | None = None) -> None:
        """The handshake."""
        other = Side(1 - self.client)
        self.send(self.client, "S", options=options or [("MSS", 1_460)])
        self.next[self.client] += 1
        self.send(other, "SA", options=[("MSS", 1_460)])
        self.next[other] += 1
        self.send(self.client, "A")

    def say(self, side: Side, data: bytes, flags: str = "PA") -> Heard:
        """The next bytes of a stream."""
        heard = self.send(side, flags, data)
        self.next[side] += len(data) + ("F" in flags)
        return heard

    def send(
        self,
        side: Side,
        flags: str,
        data: bytes = b"",
        *,
        back: int = 0,
        options: list[Any] | None = None,
        **more: Any,  # noqa: ANN401 - scapy
    ) -> Heard:
        """A segment of a side, `back` bytes before the next."""
        source, target = self.ends[side]
        header = TCP(
            sport=int(source.partition(":")[2]),
            dport=int(target.partition(":")[2]),
            flags=flags,
            seq=(self.next[side] - back) % 2**32,
            ack=self.expected[side] if "A" in flags else 0,
            window=more.pop("window", 20_000),
            options=options or [],
            **more,
        )
        packet = bytes(IP(src=source.partition(":")[0], dst=target.partition(":")[0]) / header / data)
        result = self.engine.receive(packet, side, self.now)
        other = Side(1 - side)
        on = [self._hear(one, other) for one in result.packets if result.leaves == other]
        return Heard(result, on, [self._hear(one, side) for one in result.back])

    def _hear(self, packet: bytes, side: Side) -> Any:  # noqa: ANN401 - scapy
        parsed = IP(packet)
        assert rebuilt(parsed) == packet, "a length or checksum that scapy computes otherwise"
        header = parsed[TCP]
        if side == OUTSIDE:
            name = f"{parsed.src}:{header.sport}"
            self.ends[OUTSIDE] = self.ends[OUTSIDE][0], name
        if "S" in str(header.flags):
            self.expected[side] = (header.seq + 1) % 2**32
        data = bytes(header.payload)
        if data and header.seq == self.expected[side]:
            self.heard[side] += data
            self.expected[side] = (header.seq + len(data)) % 2**32
        if "F" in str(header.flags) and (header.seq + len(data)) % 2**32 == self.expected[side]:
            self.expected[side] = (self.expected[side] + 1) % 2**32
        return header


def dropped(heard: Heard) -> str:
    """Why a segment went nowhere."""
    return heard.result.reason if heard.result.fate == Fate.DROPPED else ""
