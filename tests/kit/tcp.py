"""A TCP end written from RFC 9293 alone, and a network between two of them that loses, repeats and reorders.

It is strict: what a real end would silently refuse, and wait for in vain, is an assertion here. It knows nothing of the
project's own TCP: segments are made and read by `struct` and the RFC's figures.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

SEQUENCES = 1 << 32
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MSS_KIND, SCALE_KIND, SACK_PERMITTED_KIND, SACK_KIND, STAMP_KIND = 2, 3, 4, 5, 8


class Wire(NamedTuple):
    """A segment on the wire."""

    sequence: int
    acknowledgement: int
    flags: int
    window: int
    options: bytes = b""
    data: bytes = b""

    @property
    def length(self) -> int:
        """Of the sequence numbers it occupies (RFC 9293, section 3.4)."""
        return len(self.data) + bool(self.flags & SYN) + bool(self.flags & FIN)


class Manners(NamedTuple):
    """How an end behaves."""

    mss: int = 100
    window: int = 1_000
    shift: int | None = 2
    sack: bool = True
    stamps: bool = True
    first: int = 0xFFFF_FF00


def behind(number: int, near: int) -> int:
    """The distance from one sequence number to another, negative if it lies before."""
    return (number - near + (1 << 31)) % SEQUENCES - (1 << 31)


class Host:
    """An end of a connection: sends `stream`, keeps what it gets in `got`."""

    def __init__(self, stream: bytes, manners: Manners, chance: random.Random, *, client: bool) -> None:
        self.stream = stream
        self.manners = manners
        self.chance = chance
        self.client = client
        self.state = "closed" if client else "listen"
        self.una = 0  # offsets: 0 is the SYN, 1 the first byte, len + 1 the FIN
        self.nxt = 0
        self.high = 0
        self.edge = 0
        self.shift = self.peer_shift = 0
        self.peer_mss = 536
        self.irs = -1
        self.got = bytearray()
        self.early: dict[int, bytes] = {}
        self.fin_at = -1
        self.ended = False
        self.shown_edge = 0
        self.clock = 1
        self.recent = 0
        self.stamps = self.sack = False
        self.reset = False
        self.room = manners.window
        self.in_order = False

    # What it sends

    @property
    def end(self) -> int:
        """The offset of the FIN."""
        return len(self.stream) + 1

    @property
    def done(self) -> bool:
        """Whether all it sent was acknowledged and all there is was got."""
        return self.reset or (self.una == self.end + 1 and self.ended)

    def open(self) -> Wire:
        """The SYN, of either side."""
        manners = self.manners
        options = bytes((MSS_KIND, 4)) + manners.mss.to_bytes(2, "big")
        if manners.shift is not None and (self.client or self.scales):
            options += bytes((1, SCALE_KIND, 3, manners.shift))
        if manners.sack and (self.client or self.sack):
            options += bytes((1, 1, SACK_PERMITTED_KIND, 2))
        if manners.stamps and (self.client or self.stamps):
            options += self._stamp()
        self.state = "syn-sent" if self.client else "syn-received"
        self.nxt = max(self.nxt, 1)
        self.high = max(self.high, 1)
        flags = SYN if self.client else SYN | ACK
        self.shown_edge = min(self._free(), 65_535)
        number = 0 if self.client else self._rcv_nxt()
        return Wire(manners.first, number, flags, min(self._free(), 65_535), options)

    def output(self) -> list[Wire]:
        """What the window lets it send, in segments of any size up to the other's longest."""
        sent = []
        while self.state == "open" and self.nxt <= self.end:
            size = self.chance.randint(1, self._most())
            size = min(size, self.edge - self.nxt, self.end - self.nxt)
            if size <= 0 and not (self.nxt == self.end and self.chance.random() < 0.5):
                break
            sent.append(self._segment(self.nxt, max(size, 0)))
        return sent

    def repeat(self) -> list[Wire]:
        """What it sends when its timer ends: the oldest bytes again, cut otherwise; or it probes."""
        if self.state in {"syn-sent", "syn-received"}:
            return [self.open()]
        if self.state != "open":
            return []
        if self.una < self.nxt:
            return [self._segment(self.una, min(self.chance.randint(1, self._most()), self.nxt - self.una))]
        if self.nxt < self.end and self.edge <= self.nxt:  # a window that is shut is probed with a byte
            return [self._segment(self.nxt, 1)]
        return [self._segment(self.nxt - 1, 0)] if self.chance.random() < 0.3 else []

    def _most(self) -> int:
        return max(min(self.peer_mss, self.manners.mss) - (12 if self.stamps else 0), 1)

    def _segment(self, offset: int, size: int) -> Wire:
        data = self.stream[offset - 1 : offset - 1 + size]
        ends = offset + len(data) == self.end and offset <= self.end
        # A FIN goes with the last byte, or alone.
        ends = ends and (not size or self.chance.random() < 0.5 or self.nxt > self.end)
        self.nxt = max(self.nxt, offset + len(data) + ends)
        self.high = max(self.high, self.nxt)
        return self._wire(offset, ACK | (FIN if ends else 0), data)

    def _wire(self, offset: int, flags: int, data: bytes = b"") -> Wire:
        number = (self.manners.first + offset) % SEQUENCES
        options = (b"\x01\x01" + self._stamp() if self.stamps else b"") + self._blocks()
        self.shown_edge = max(self.shown_edge, len(self.got) + (self._window() << self.shift))
        return Wire(number, self._rcv_nxt(), flags, self._window(), options, data)

    def _stamp(self) -> bytes:
        return bytes((STAMP_KIND, 10)) + self.clock.to_bytes(4, "big") + self.recent.to_bytes(4, "big")

    def _blocks(self) -> bytes:
        if not self.sack or not self.early:
            return b""
        runs: list[tuple[int, int]] = []
        for start in sorted(self.early):
            stop = start + len(self.early[start])
            if runs and runs[-1][1] >= start:
                runs[-1] = runs[-1][0], max(stop, runs[-1][1])
            else:
                runs.append((start, stop))
        edges = b"".join(((self.irs + 1 + edge) % SEQUENCES).to_bytes(4, "big") for run in runs[:3] for edge in run)
        return bytes((1, 1, SACK_KIND, 2 + len(edges))) + edges

    # What it gets

    def receive(self, segment: Wire) -> list[Wire]:
        """Take a segment; give what answers it at once."""
        self.clock += 1
        if segment.flags & RST:
            self.reset = True
            return []
        if segment.flags & SYN:
            return self._synchronise(segment)
        if self.irs < 0:
            return []
        if self.state == "syn-received":
            self.state = "open"
        stamp = _option(segment.options, STAMP_KIND)
        offset = behind(segment.sequence, (self.irs + 1) % SEQUENCES)
        if self.stamps:
            assert stamp is not None, "timestamps are on every segment (RFC 7323, section 3.2)"
            value = int.from_bytes(stamp[:4], "big")
            assert int.from_bytes(stamp[4:], "big") <= self.clock, "an echo of a time that was not"
            if value < self.recent:  # PAWS
                return [self._ack()]
            if offset <= len(self.got):
                self.recent = value
        self._acknowledged(segment)
        if not segment.length:
            # What lies before the window asks for an answer.
            return [self._ack()] if offset < len(self.got) + (self.ended) else []
        self._take(segment, offset)
        return [self._ack()]

    def _synchronise(self, segment: Wire) -> list[Wire]:
        if self.irs >= 0:
            assert segment.sequence == self.irs, "another first number"
            return [self._ack()] if self.state == "open" else []
        self.irs = segment.sequence
        shift = _option(segment.options, SCALE_KIND)
        self.scales = shift is not None and self.manners.shift is not None
        if self.scales and shift is not None:
            self.peer_shift, self.shift = shift[0], self.manners.shift or 0
        self.peer_mss = int.from_bytes(_option(segment.options, MSS_KIND) or b"\x02\x18", "big")
        self.sack = self.manners.sack and _option(segment.options, SACK_PERMITTED_KIND) is not None
        stamp = _option(segment.options, STAMP_KIND)
        self.stamps = self.manners.stamps and stamp is not None
        self.recent = int.from_bytes(stamp[:4], "big") if stamp else 0
        if not self.client:
            return [self.open()]
        assert segment.flags & ACK
        assert segment.acknowledgement == (self.manners.first + 1) % SEQUENCES
        self.una = 1
        self.edge = 1 + segment.window
        self.state = "open"
        return [self._ack()]

    def _acknowledged(self, segment: Wire) -> None:
        assert segment.flags & ACK
        offset = self.una + behind(segment.acknowledgement, (self.manners.first + self.una) % SEQUENCES)
        assert offset <= self.high, "it acknowledges what was never sent"
        if offset >= self.una:
            edge = offset + (segment.window << self.peer_shift)
            assert not self.in_order or edge + (1 << self.peer_shift) > self.edge, "the window shrinks"
            self.edge = max(self.edge, edge)
            self.una = offset
            self.nxt = max(self.nxt, offset)
        sacked = _option(segment.options, SACK_KIND) or b""
        for at in range(0, len(sacked), 8):
            first, last = (int.from_bytes(sacked[at + step : at + step + 4], "big") for step in (0, 4))
            start = self.una + behind(first, (self.manners.first + self.una) % SEQUENCES)
            stop = self.una + behind(last, (self.manners.first + self.una) % SEQUENCES)
            assert start < stop <= self.high, "it holds what was never sent"

    def _take(self, segment: Wire, offset: int) -> None:
        stop = offset + len(segment.data)
        assert stop <= max(self.shown_edge, len(self.got)) + 1, "beyond the window"  # a probe has a byte
        assert len(segment.data) <= max(self.manners.mss - 12 * self.stamps, 1), "longer than offered"
        if segment.flags & FIN:
            assert self.fin_at in {-1, stop}, "two ends"
            self.fin_at = stop
        known = bytes(self.got[max(offset, 0) : stop])
        assert known == segment.data[max(-offset, 0) : max(-offset, 0) + len(known)], "other bytes than before"
        if stop > len(self.got) and segment.data:
            self.early[offset] = max(self.early.get(offset, b""), segment.data, key=len)
        for start in sorted(self.early):
            if start > len(self.got):
                break
            data = self.early.pop(start)
            self.got += data[len(self.got) - start :]
        self.ended = self.fin_at == len(self.got)

    def doze(self) -> None:
        """The application stops reading, or begins again."""
        self.room = 0 if self.room else self.manners.window

    def _ack(self) -> Wire:
        return self._wire(self.nxt, ACK)

    def _rcv_nxt(self) -> int:
        return (self.irs + 1 + len(self.got) + self.ended) % SEQUENCES

    def _free(self) -> int:
        return max(self.room, self.shown_edge - len(self.got), 0)

    def _window(self) -> int:
        return min(-(-self._free() >> self.shift) if self.shift else self._free(), 65_535)


def _option(options: bytes, kind: int) -> bytes | None:
    at = 0
    while at < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        if options[at] == kind:
            return options[at + 2 : at + options[at + 1]]
        at += options[at + 1]
    return None


Middle = Callable[[Wire, int, float], tuple[list[Wire], list[Wire]]]
"""What is between two ends: a segment from one of them, and the time; what goes on, and what goes back."""


class Network:
    """Two ends and what is between them; all that is on its way lies in a heap from which chance picks."""

    def __init__(self, hosts: tuple[Host, Host], middle: Middle, chance: random.Random, evil: float) -> None:
        self.hosts = hosts
        self.middle = middle
        self.chance = chance
        self.evil = evil
        for host in hosts:
            host.in_order = not evil
        self.way: list[tuple[Wire, int, bool]] = []  # segment, sender, whether it has passed the middle
        self.now = 0.0

    def run(self, steps: int = 20_000) -> None:
        """Until both are done."""
        client, server = self.hosts
        self._send([client.open()], 0)
        for step in range(steps):
            self.now += 0.01
            evil = self.evil if step < 400 else 0.0
            for host in self.hosts:
                if self.chance.random() < evil / 10 or not (evil or host.room):
                    host.doze()
            if client.done and server.done and not self.way:
                return
            self._step(evil)
        raise AssertionError("they never end")

    def _step(self, evil: float) -> None:
        for end, host in enumerate(self.hosts):
            self._send(host.output(), end)
        if not self.way:
            for end, host in enumerate(self.hosts):
                host.clock += 1
                self._send(host.repeat(), end)
            return
        at = self.chance.randrange(len(self.way)) if self.chance.random() < evil else 0
        segment, sender, passed = self.way.pop(at)
        luck = self.chance.random()
        if luck < evil / 2:
            return
        if luck < evil:
            self.way.append((segment, sender, passed))
        if self.chance.random() < evil / 4:
            end = self.chance.randrange(2)
            self._send(self.hosts[end].repeat(), end)
        if passed:
            self._send(self.hosts[1 - sender].receive(segment), 1 - sender)
            return
        forward, back = self.middle(segment, sender, self.now)
        self.way += [(one, sender, True) for one in forward] + [(one, 1 - sender, True) for one in back]

    def _send(self, segments: list[Wire], sender: int) -> None:
        self.way += [(segment, sender, False) for segment in segments]
