"""One direction of a spliced connection: what its sender sent, what its receiver is to get, and who knows of what.

The sender is told of no byte that the receiver has not acknowledged, but for those of a message that is not whole yet:
there the gateway vouches for what it holds, or the rest would never come. The last bytes of a message are never
among those, so that whoever sends them again asks for what the receiver lacks.
"""

from doorman.net.tcp import FIN, MAX_SHIFT, SEQUENCES, Offer, Segment, read_timestamps
from doorman.stream.ordering import ROOM, Ordering
from doorman.stream.outgoing import Outgoing

WINDOW = 65_535
"""Bytes that a sender may be ahead of what was acknowledged, so that what the gateway keeps is bounded."""
REPEAT_AFTER = 1.0
"""Seconds until the gateway sends again what nobody else can (RFC 6298, section 2.1); doubled each time."""
MOST_DOUBLINGS = 6
_LARGEST_FIELD = 65_535


def unwrap(number: int, near: int) -> int:
    """The position nearest to another whose sequence number this is."""
    return near + (number - near + SEQUENCES // 2) % SEQUENCES - SEQUENCES // 2


class Half:
    """A direction, from the SYN of its sender on.

    Args:
        syn: that segment.

    Attributes:
        first: the sequence number of the SYN.
        offer: what its sender offered with it.
        came: what its sender sent.
        out: what goes on.
        fin: the position of the sender's FIN, -1 while there was none.
        edge: how far the receiver lets the sender go, in positions of `out`.
        told, told_edge: what the sender was told of both, in positions of `came`.
        ip: the IP header of the last segment.
        clock: the last timestamp, None where there are none.
        largest: bytes of data in the longest segment.
        sent_at: when data went on last.
        repeats: how often the gateway has sent again what was not acknowledged.
        urgent: the position behind the last urgent byte, 0 where there was none.
    """

    __slots__ = (
        "came", "clock", "edge", "fin", "first", "ip", "largest", "offer", "out", "repeats", "sent_at", "told",
        "told_edge", "urgent",
    )  # fmt: skip

    def __init__(self, syn: Segment, offer: Offer) -> None:
        begin = syn.sequence + 1
        self.first = syn.sequence
        self.offer = offer
        self.came = Ordering(begin)
        self.out = Outgoing(begin)
        self.fin = -1
        self.edge = self.told = self.told_edge = begin
        self.ip = syn.ip
        timestamps = read_timestamps(syn.options)
        self.clock = timestamps.value if timestamps is not None else None
        self.largest = 0
        self.sent_at = 0.0
        self.repeats = self.urgent = 0

    @property
    def idle(self) -> bool:
        """Whether all of it is with its two ends, and the sender may not go further than the receiver lets it."""
        if not self.out.idle or self.out.head_in != self.came.next or self.came.waiting:
            return False
        return self.told_edge + self.out.grown <= self.edge

    def see(self, segment: Segment) -> None:
        """Note what a segment of the sender shows of it."""
        self.ip = segment.ip
        self.largest = max(self.largest, len(segment.data))
        timestamps = read_timestamps(segment.options)
        if timestamps is not None and self.clock is not None:
            self.clock = max(self.clock, unwrap(timestamps.value, self.clock))

    def mark_urgent(self, segment: Segment) -> None:
        """Note where urgent data end, of a stream that nobody looks into: else all of it is data (RFC 6093)."""
        self.urgent = unwrap(segment.sequence, self.came.next) + segment.urgent

    def urgency(self, position: int) -> int:
        """How far behind a position of what goes on urgent data end; 0 where they do not."""
        if not self.urgent:
            return 0
        ahead = max(self.urgent - self.out.head_in, 0)
        return min(max(self.out.place(self.urgent) + ahead - position, 0), _LARGEST_FIELD)

    def acknowledge(self, segment: Segment, shift: int) -> bool:
        """Note what the receiver acknowledges, and how far it lets the sender go.

        False: it speaks of what was not sent.

        Windows never move back here: what was sent in good faith is the receiver's to refuse.
        """
        position = unwrap(segment.acknowledgement, self.out.acknowledged)
        honest = position <= self.out.sent
        position = min(position, self.out.sent)
        if position >= self.out.acknowledged:
            self.edge = max(self.edge, position + (segment.window << shift))
        if position > self.out.acknowledged:
            self.repeats = 0
        self.out.acknowledge(position)
        self.came.forget(min(self.acknowledgement, self.came.next))
        return honest

    @property
    def acknowledgement(self) -> int:
        """What the sender may be told has arrived."""
        arrived = self.out.arrived()
        return self.came.next if arrived is None else arrived

    def tell(self, shift: int) -> tuple[int, int]:
        """The acknowledgement number and the window, with the receiver's scale, for a segment to the sender."""
        self.told = max(self.told, self.acknowledgement)
        room = min(max(self.edge - self.out.head_out, 0), WINDOW)
        self.told_edge = max(self.told_edge, self.came.next + room, self.told)
        field = (self.told_edge - self.told) >> shift
        return self.told % SEQUENCES, min(field, _LARGEST_FIELD)

    def take(self, segment: Segment) -> tuple[bytes, bool]:
        """Take the data of a segment: what is in order now, and whether the stream ends behind it."""
        start = unwrap(segment.sequence, self.came.next)
        if self.out.finished or start + len(segment.data) - self.acknowledgement > ROOM:
            return b"", False
        if segment.flags & FIN and self.fin < 0:
            self.fin = start + len(segment.data)
        data = segment.data if self.fin < 0 else segment.data[: max(self.fin - start, 0)]
        new = self.came.take(start, data)
        return new, self.came.next == self.fin

    def finish(self) -> None:
        """The stream ends; all of it was handed out."""
        self.out.finish()
        self.came.skip(self.came.next + 1)

    def repeated(self, segment: Segment) -> tuple[int, int]:
        """What goes on again for a segment of which something was there before: from where to where.

        A sender that begins with what it waits for asks for the whole message that holds it up.
        """
        start = unwrap(segment.sequence, self.came.next)
        stop = min(start + len(segment.data) + bool(segment.flags & FIN), self.came.next)
        if start >= stop:
            return 0, 0
        first, last = self.out.place(start), self.out.place(stop)
        if start <= self.told < stop:
            first, last = self.out.acknowledged, max(last, self.out.first_end)
        return max(first, self.out.acknowledged), min(last, self.out.sent)

    def is_probe(self, segment: Segment) -> bool:
        """Whether a segment only asks for an answer: a keep-alive (RFC 9293, section 3.8.4); its byte means nothing."""
        last = unwrap(segment.sequence, self.came.next) == self.came.next - 1
        return last and len(segment.data) <= 1 and not segment.flags & FIN and self.out.idle

    def sequence(self, segment: Segment) -> int:
        """The position, in what goes on, of a segment without data."""
        position = unwrap(segment.sequence, self.came.next)
        if position >= self.out.head_in:
            return self.out.sent
        if self.out.idle:
            return self.out.sent - (self.out.head_in - position)
        return min(self.out.place(position), self.out.sent)

    def origin(self, blocks: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Blocks that the receiver acknowledges selectively as the sender knows them; unknown ones are left out."""
        near = self.out.acknowledged
        found = [self.out.origin(unwrap(start, near), unwrap(stop, near)) for start, stop in blocks]
        return [(start % SEQUENCES, stop % SEQUENCES) for start, stop in filter(None, found)]

    @property
    def vouched(self) -> bool:
        """Whether something has not arrived that the sender takes for arrived, and will not send again."""
        return not self.out.idle and self.told >= self.came.next

    def orphaned(self, now: float) -> bool:
        """Whether such a thing is long on its way."""
        return self.vouched and now - self.sent_at >= REPEAT_AFTER * (1 << self.repeats)

    def note_sent(self, start: int, stop: int, now: float) -> None:
        """What goes on was sent between these positions; some of it again, if it begins before what had been."""
        if start < self.out.sent:
            self.repeats = min(self.repeats + 1, MOST_DOUBLINGS)
        self.out.sent = stop
        self.sent_at = now


def shift_of(half: Half | None, other: Half | None) -> int:
    """By how many bits the sender of a half shifts its windows: only where both said so."""
    if half is None or other is None or half.offer.shift is None or other.offer.shift is None:
        return 0
    return min(half.offer.shift, MAX_SHIFT)
