"""A TCP connection through the gateway whose streams are changed on the way, segment by segment (vTCP).

    client                          gateway                            server
      | SYN ----------------------------->|------------------------------->|   seen from here on, or never
      | INVITE, first half  ------------->| held
      |<------------------ acknowledgement| for the rest would not come
      | second half --------------------->| translated; longer ----------->|
      |<----------------------------------|<---------------- all of it is there

Hardly anything is sent at the gateway's own time: each segment that passes, in either direction, may take others with
it. What is lost is sent again when its sender sends it again; only what its sender takes for arrived is the gateway's
to remember (`remind`). Both ends keep their own sequence numbers, scales, options and
time stamps; what is in one stream is found in the other (see `outgoing`).
"""

from collections.abc import Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

from doorman.net.tcp import (
    ACK,
    CWR,
    ECE,
    FIN,
    PSH,
    RST,
    SEQUENCES,
    SYN,
    Segment,
    Timestamps,
    is_signed,
    read_blocks,
    read_offer,
    with_blocks,
    without_multipath,
    write_options,
)
from doorman.stream.half import Half, shift_of, unwrap
from doorman.stream.outgoing import Piece

_LONGEST = 65_000
"""Bytes of data in a segment, so that it fits into a packet."""


class Translation(NamedTuple):
    """What becomes of bytes in order.

    Attributes:
        pieces: what goes on of both streams, by the end that sent it.
        close: whether the connection must be reset.
    """

    pieces: tuple[list[Piece], list[Piece]]
    close: bool = False


class Translator(Protocol):
    """Whoever looks into both streams of a connection."""

    @property
    def inspected(self) -> bool:
        """Whether it still does. If not, bytes go on as they come."""
        ...

    def receive(self, data: bytes, end: int, now: float) -> Translation:
        """Take the next bytes that an end sent."""
        ...

    def finish(self, end: int, now: float) -> Translation:
        """An end sends no more."""
        ...

    def stop(self, why: str, now: float) -> Translation:
        """Look into the streams no longer; give what waited."""
        ...


T = TypeVar("T", bound=Translator)


class Taken(NamedTuple):
    """What is to be sent for a segment that came: on to the other end, and back to where it came from."""

    forward: list[Segment]
    back: list[Segment]


class Splice(Generic[T]):
    """A connection, from its SYN on. Its ends are 0 and 1, whichever opens it.

    Args:
        translator: what its streams are given to.

    Attributes:
        broken: whether the gateway has reset it: nothing goes through any more.
        settled: whether numbers differ by what was added once, and that is all.
        over: whether nothing was changed nor will be; the connection needs no splice any more.
    """

    __slots__ = ("_halves", "_reset", "broken", "over", "settled", "translator")

    def __init__(self, translator: T) -> None:
        self.translator = translator
        self.over = False
        self._halves: list[Half | None] = [None, None]
        self.broken = self.settled = self._reset = False

    def half(self, end: int) -> Half | None:
        """What an end sends; None while it has not begun."""
        return self._halves[end]

    def is_begun_by(self, segment: Segment, end: int) -> bool:
        """Whether a SYN is of another connection between the same ports, and this one is past."""
        known, other = self._halves[end], self._halves[1 - end]
        if known is None or known.first == segment.sequence:
            return False
        return self._reset or other is None or (self._is_closed(known) and self._is_closed(other))

    @property
    def ended(self) -> bool:
        """Whether both ends have ended the connection, or one has reset it."""
        first, second = self._halves
        if first is None or second is None:
            return self._reset
        return self._reset or (self._is_closed(first) and self._is_closed(second))

    def take(self, segment: Segment, end: int, now: float) -> Taken:
        """Take a segment that an end sent."""
        if self.broken:
            return Taken([], _refusal(segment))
        if segment.flags & SYN:
            return self._open(segment, end, now)
        half, other = self._halves[end], self._halves[1 - end]
        if half is None or other is None:
            # What goes one way only cannot be followed; nothing was changed yet.
            self.over = self.over or not segment.flags & RST
            return Taken([segment], [])
        half.see(segment)
        if segment.urgent and not self.translator.inspected:
            half.mark_urgent(segment)
        if segment.flags & RST:
            return self._pass_reset(segment, half, other)
        if self.settled:
            half.fin = 0 if segment.flags & FIN else half.fin
            return Taken([_shifted(segment, half, other)], [])
        taken = self._carry(segment, end, half, other, now)
        self._settle(half, other)
        return taken

    def distance(self, end: int, number: int) -> int:
        """What is to be added to a sequence number of what goes on, to have that of what the end sent."""
        half = self._halves[end]
        if half is None or self.settled:
            return -half.out.grown if half is not None else 0
        position = unwrap(number, half.out.acknowledged)
        return half.out.source(position) - position

    @property
    def owes(self) -> bool:
        """Whether something is on its way, or waits for room, that its sender takes for arrived."""
        return not self.broken and any(half is not None and half.vouched for half in self._halves)

    def remind(self, now: float) -> tuple[list[Segment], list[Segment]]:
        """What is to be sent because of the time, by the end in whose name: to be asked for each second or so."""
        first, second = (self._remind(end, now) for end in (0, 1))
        return first, second

    def reset(self) -> tuple[list[Segment], list[Segment]]:
        """Break the connection off: a reset in the name of each end."""
        self.broken = self._reset = True
        if None in self._halves:
            return [], []
        first, second = (
            [self._make(end, half.out.sent, RST | ACK, b"")._replace(copy=1)]
            for end, half in enumerate(self._halves)
            if half is not None
        )
        return first, second

    def stop(self, why: str, now: float) -> None:
        """Look into the streams no longer."""
        self._put(self.translator.stop(why, now))

    def skip(self, end: int, position: int, now: float) -> list[Segment]:
        """Go on behind bytes that never came this way, though they arrived; give what can be sent before them."""
        half = self._halves[end]
        if half is None or position <= half.came.next:
            return []
        self.stop("tcp-segment-missing", now)
        sent = self._flush(end, now, b"")
        missing = position - half.came.next
        half.came.skip(position)
        half.out.put(Piece(missing, bytes(missing)), b"")
        half.out.sent = half.out.head_out
        half.out.acknowledge(half.out.head_out)
        self._translate(end, half.came.take(position, b""), now)
        return sent

    # The handshake

    def _open(self, segment: Segment, end: int, now: float) -> Taken:
        """A SYN. Data that come with it follow once the other end has answered (TCP Fast Open, RFC 7413)."""
        half, other = self._halves[end], self._halves[1 - end]
        if is_signed(segment.options):
            self.stop("tcp-signed", now)
            self.over = True
            return Taken([segment], [])
        if half is None or (half.first != segment.sequence and not half.told_edge > half.first + 1):
            half = self._halves[end] = Half(segment, read_offer(segment.options))
        elif half.first != segment.sequence:
            return Taken([_shifted(segment, half, other or half)], [])
        acknowledgement, window = segment.acknowledgement, segment.window
        if segment.flags & ACK and other is not None:
            other.acknowledge(segment, 0)
            acknowledgement, window = other.tell(0)
        if segment.data:
            new, _ = half.take(segment._replace(sequence=(segment.sequence + 1) % SEQUENCES, flags=0))
            self._translate(end, new, now)
        options = without_multipath(segment.options)
        opened = segment._replace(acknowledgement=acknowledgement, window=window, options=options, data=b"", urgent=0)
        return Taken([opened], [])

    # An open connection

    def _carry(self, segment: Segment, end: int, half: Half, other: Half, now: float) -> Taken:
        asks = bool(segment.data) or bool(segment.flags & FIN)
        known = other.told, other.told_edge
        honest = not segment.flags & ACK or other.acknowledge(segment, shift_of(half, other))
        if not honest and not asks:
            return Taken([], [])  # it speaks of bytes that were not sent (RFC 9293, section 3.10.7.4)
        blocks = read_blocks(segment.options)
        options = with_blocks(segment.options, other.origin(blocks)) if blocks else segment.options
        if is_signed(options):
            self.stop("tcp-signed", now)
        if half.is_probe(segment):
            probe = self._make(end, half.out.sent - 1, segment.flags, options)
            return Taken([probe], self._flush(1 - end, now))
        again = half.repeated(segment)
        if asks and self._receive(segment, end, half, now):
            return self._break(end)
        forward = [*self._cut(end, *again, options, segment.flags), *self._flush(end, now, options, segment.flags)]
        back = self._flush(1 - end, now)
        if not asks:
            return Taken(forward or [self._make(end, half.sequence(segment), segment.flags, options)], back)
        if not forward:
            if half.edge <= half.out.sent:
                forward = [self._make(end, half.out.acknowledged - 1, ACK, options)]  # is its window still shut?
            elif self._has_news(end, known) or blocks:
                forward = [self._make(end, half.out.sent, segment.flags & ~(FIN | PSH), options)]
            if not back:
                back = [self._vouch(1 - end, half)]
        return Taken(forward, back)

    def _receive(self, segment: Segment, end: int, half: Half, now: float) -> bool:
        """Take what a segment carries; whether the connection must be reset for it."""
        new, ends = half.take(segment)
        close = bool(new) and self._translate(end, new, now)
        if ends and not close:
            close = self._put(self.translator.finish(end, now))
            half.finish()
        if half.came.contradicted and self.translator.inspected:
            self.stop("tcp-contradiction", now)
        return close

    def _translate(self, end: int, new: bytes, now: float) -> bool:
        return self._put(self.translator.receive(new, end, now)) if new else False

    def _put(self, translation: Translation) -> bool:
        """Append what goes on to both streams; whether the connection must be reset."""
        for half, pieces in zip(self._halves, translation.pieces, strict=True):
            if half is not None:
                for piece in pieces:
                    half.out.put(piece, half.came.look(half.out.head_in, half.out.head_in + piece.taken))
        return translation.close

    def _has_news(self, end: int, known: tuple[int, int]) -> bool:
        """Whether the other end must hear what it has not been told."""
        half, other = self._pair(end)
        other.tell(shift_of(half, other))
        return known != (other.told, other.told_edge)

    # What is sent

    def _flush(self, end: int, now: float, options: bytes | None = None, flags: int = PSH) -> list[Segment]:
        """What an end's receiver may have now, and has not been sent."""
        half = self._halves[end]
        if half is None or self._halves[1 - end] is None:
            return []
        out = half.out
        start = out.acknowledged if half.orphaned(now) else out.sent
        stop = max(min(out.head_out, half.edge), out.sent)
        if out.finished and stop == out.head_out - 1:
            stop = out.head_out  # a FIN needs no room
        if start >= stop:
            return []
        half.note_sent(start, stop, now)
        return list(self._cut(end, start, stop, options, flags))

    def _remind(self, end: int, now: float) -> list[Segment]:
        """What an end's receiver may have lost; where its window is shut, the question whether it still is."""
        half = self._halves[end]
        if half is None or not half.orphaned(now):
            return []
        again = self._flush(end, now)
        if not again:
            half.note_sent(half.out.acknowledged - 1, half.out.sent, now)
            again = [self._make(end, half.out.acknowledged - 1, ACK, self._options(*self._pair(end)))]
        return [one._replace(copy=number) for number, one in enumerate(again, 1)]

    def _cut(self, end: int, start: int, stop: int, options: bytes | None, flags: int) -> Iterator[Segment]:
        """Segments of what goes on from one position to another, none longer than the path is known to take."""
        if start >= stop:
            return
        half, other = self._pair(end)
        if options is None:
            options = self._options(half, other)
        data = half.out.read(start, stop)
        most = max(min(half.offer.mss, other.offer.mss) - len(options), half.largest)
        most = max(min(most, _LONGEST), 1)
        ends = FIN if half.out.ends_at(stop) else 0
        pushed = ends | flags & PSH
        for copy, at in enumerate(range(0, len(data) or 1, most)):
            last = at + most >= len(data)
            marks = (flags & (ECE | CWR) if not copy else 0) | (pushed if last else 0)
            made = self._make(end, start + at, ACK | marks, options, data[at : at + most])
            yield made._replace(copy=copy, urgent=half.urgency(start + at))

    def _vouch(self, end: int, half: Half) -> Segment:
        """An acknowledgement to the sender of a half of what is held, in the name of its other end."""
        other = self._halves[end] or half
        blocks = half.came.waiting if half.offer.sack and other.offer.sack else []
        wrapped = [(start % SEQUENCES, stop % SEQUENCES) for start, stop in blocks]
        return self._make(end, other.out.sent, ACK, self._options(other, half, wrapped))._replace(copy=1)

    def _options(self, half: Half, other: Half, blocks: list[tuple[int, int]] | None = None) -> bytes:
        """Options of a segment that the gateway builds in the name of a half's sender."""
        stamps = None
        if half.clock is not None and other.clock is not None:
            stamps = Timestamps(half.clock % SEQUENCES, other.clock % SEQUENCES)
        return write_options(stamps, blocks or [])

    def _pair(self, end: int) -> tuple[Half, Half]:
        """The half of an end, and that of the other; both have begun."""
        half, other = self._halves[end], self._halves[1 - end]
        if half is None or other is None:
            raise RuntimeError("a connection of which one direction is not known")
        return half, other

    def _make(self, end: int, position: int, flags: int, options: bytes, data: bytes = b"") -> Segment:
        """A segment in the name of an end, as its receiver must read it."""
        half, other = self._pair(end)
        acknowledgement, window = other.tell(shift_of(half, other))
        if not flags & ACK:
            acknowledgement = 0
        return Segment(half.ip, position % SEQUENCES, acknowledgement, flags, window, options, data)

    # The end

    def _pass_reset(self, segment: Segment, half: Half, other: Half) -> Taken:
        self._reset = True
        if self.settled:
            return Taken([_shifted(segment, half, other)], [])
        end = self._halves.index(half)
        return Taken([self._make(end, half.sequence(segment), segment.flags, segment.options)], [])

    def _break(self, end: int) -> Taken:
        """Reset the connection towards both ends."""
        self.broken = self._reset = True
        resets = [
            self._make(side, half.out.sent, RST, b"")
            for side in (end, 1 - end)
            if (half := self._halves[side]) is not None
        ]
        return Taken(resets[:1], [reset._replace(copy=1) for reset in resets[1:]])

    def _settle(self, half: Half, other: Half) -> None:
        """Once nothing is looked into and nothing waits, numbers differ by what was added, and that is all."""
        if self.translator.inspected or not (half.idle and other.idle):
            return
        self.over = not half.out.grown and not other.out.grown
        self.settled = True
        half.told, other.told = half.came.next, other.came.next

    def _is_closed(self, half: Half) -> bool:
        return half.fin >= 0 and half.out.idle and (half.out.finished or self.settled)


def _shifted(segment: Segment, half: Half, other: Half) -> Segment:
    """A segment of a connection in which nothing is changed any more, though something was."""
    grown, other_grown = half.out.grown, other.out.grown
    start, data, flags = unwrap(segment.sequence, half.told), segment.data, segment.flags
    urgent = start + segment.urgent
    behind = start + len(data) + bool(flags & FIN)
    if start < behind <= half.told:  # it has arrived, under other numbers than these; the answer says so
        start, data, flags = half.told - 1, b"", flags & ~FIN
    elif start < half.told < behind:
        start, data = half.told, data[half.told - start :]
    acknowledgement = segment.acknowledgement
    if segment.flags & ACK:
        position = unwrap(acknowledgement - other_grown, other.told)
        other.told = max(other.told, position)
        acknowledgement = position % SEQUENCES
    options = segment.options
    if other_grown:
        shifted = [tuple((edge - other_grown) % SEQUENCES for edge in block) for block in read_blocks(options)]
        options = with_blocks(options, [(first, last) for first, last in shifted])
    sequence = (start + grown) % SEQUENCES
    return Segment(
        segment.ip,
        sequence,
        acknowledgement,
        flags,
        segment.window,
        options,
        data,
        segment.copy,
        max(urgent - start, 0) if segment.urgent and data else 0,
    )


def _refusal(segment: Segment) -> list[Segment]:
    """The answer to a segment of a connection that is none (RFC 9293, section 3.10.7.1)."""
    if segment.flags & RST:
        return []
    if segment.flags & ACK:
        return [Segment(segment.ip, segment.acknowledgement, 0, RST, 0, copy=1)]
    behind = (segment.sequence + len(segment.data) + bool(segment.flags & (SYN | FIN))) % SEQUENCES
    return [Segment(segment.ip, 0, behind, RST | ACK, 0, copy=1)]
