"""What the far party of a spliced connection must have sent: replay's question, for streams.

    captured to the inside    -> mirror -> what the far party sent   -> splice of the gateway -> what was captured
    captured from the inside             -> splice of the gateway    -> what the far party got

A capture of the inside holds its two streams as inside hosts know them. The far party's own stream is made of it
message by message, and its acknowledgements are about what the gateway sent on. So a mirror is a splice of its own,
which undoes what that of the gateway will do.
"""

from collections.abc import Iterator

from doorman.algs.api import Direction, Message, Path, apply_edits
from doorman.algs.makers import FRAMERS
from doorman.engine.inspection import Inspector
from doorman.engine.state import State
from doorman.engine.streams import Streams
from doorman.engine.views import Mirror as View
from doorman.nat.selection import Towards
from doorman.nat.sessions import Session
from doorman.net.packet import TCP
from doorman.net.tcp import ACK, FIN, SEQUENCES, SYN, Segment, read_blocks, with_blocks
from doorman.stream.assembler import Assembler, Unit
from doorman.stream.framing import Kind
from doorman.stream.half import unwrap
from doorman.stream.outgoing import Piece
from doorman.stream.splice import Splice, Translation

_OUTBOUND, _INBOUND = Direction
_MESSAGE = Kind.MESSAGE


class _FarStream:
    """Makes of what arrived what was sent, as long as the gateway looks into it. The other direction is left alone."""

    __slots__ = ("_alg", "_assembler", "_inspector", "_session", "_state", "_streams")

    def __init__(self, state: State, inspector: Inspector, session: Session, streams: Streams) -> None:
        self._state = state
        self._inspector = inspector
        self._session = session
        self._streams = streams
        self._alg = session.alg or ""
        self._assembler = Assembler(FRAMERS[self._alg](streams.longest(self._alg)))

    @property
    def inspected(self) -> bool:
        return self._streams.inspected

    def receive(self, data: bytes, end: int, now: float) -> Translation:  # noqa: ARG002 - what is undone has no time
        if end == _OUTBOUND:
            return Translation(([Piece(len(data), data)], []))
        if not self._streams.looks_into(_INBOUND):
            held = self._assembler.stop() + data
            return Translation(([], [Piece(len(held), held)]))
        return Translation(([], list(self._pieces(self._assembler.feed(data)))))

    def finish(self, end: int, now: float) -> Translation:  # noqa: ARG002 - what is undone has no time
        return Translation(([], list(self._pieces(self._assembler.finish())) if end == _INBOUND else []))

    def stop(self, why: str, now: float) -> Translation:  # noqa: ARG002 - the gateway's splice notes it
        held = self._assembler.stop()
        return Translation(([], [Piece(len(held), held)] if held else []))

    def _pieces(self, units: list[Unit]) -> Iterator[Piece]:
        for unit in units:
            if unit.kind == _MESSAGE:
                self._streams.expected.append(unit.data)
            yield Piece(len(unit.data), self._as_sent(unit.data) if unit.kind == _MESSAGE else unit.data)

    def _as_sent(self, data: bytes) -> bytes:
        session, state = self._session, self._state
        if session.is_level:
            return data
        towards = Towards(TCP, session.inside_local.port, session.outside_global)
        view = View(state.names, session.inside_local.address, towards)
        path = Path(session.inside_local, session.outside_local, session.inside_global, session.outside_global)
        message = Message(data, _OUTBOUND, TCP, path, 0.0)
        return apply_edits(data, self._inspector.as_sent(self._alg, message, view))


class Mirror:
    """The far party of one connection.

    Args:
        state: the tables of the gateway.
        inspector: its ALGs.
        session: the connection.
        splice: what the gateway lets its segments through.
    """

    __slots__ = ("_acknowledged", "_far", "_released", "splice")

    def __init__(self, state: State, inspector: Inspector, session: Session, splice: Splice[Streams]) -> None:
        self.splice = splice
        self._far = Splice(_FarStream(state, inspector, session, splice.translator))
        self._released: list[Segment] = []
        self._acknowledged = (-1, -1, -1)

    def as_sent(self, segment: Segment, now: float) -> list[Segment]:
        """What the far party sent for this segment to arrive as it was captured, and what it had to wait with."""
        released, self._released = self._released, []
        known = self._as_heard(segment, now)
        return released + (self._far.take(known, _INBOUND, now).forward if known is not None else [])

    def hear(self, segment: Segment, now: float) -> None:
        """The far party gets this segment from the gateway."""
        answers = self._far.take(segment, _OUTBOUND, now).back
        self._released += [answer for answer in answers if answer.data or answer.flags & FIN]

    def look_for_gaps(self, segment: Segment, now: float) -> None:
        """Whether an inside host acknowledges what was not captured: nobody will ever see that."""
        ours, far = self.splice.half(_INBOUND), self._far.half(_INBOUND)
        if ours is None or far is None or self._far.settled or not segment.flags & ACK or segment.flags & SYN:
            return
        position = unwrap(segment.acknowledgement, far.came.next)
        if position > far.came.next:
            self._far.skip(_INBOUND, position, now)
            self.splice.skip(_INBOUND, far.out.head_out, now)
            self.splice.translator.expected.clear()

    def _as_heard(self, segment: Segment, now: float) -> Segment | None:
        """A captured segment, acknowledging what the gateway sent on; None where the far party had nothing to say.

        Of a message that was not whole when the inside's part of it was acknowledged, the far party had nothing.
        """
        half, blocks = self.splice.half(_OUTBOUND), read_blocks(segment.options)
        if half is None or not segment.flags & ACK:
            return segment
        if self.splice.settled:
            grown = half.out.grown
            moved = [((start + grown) % SEQUENCES, (stop + grown) % SEQUENCES) for start, stop in blocks]
            return segment._replace(
                acknowledgement=(segment.acknowledgement + grown) % SEQUENCES,
                options=with_blocks(segment.options, moved),
            )
        position = unwrap(segment.acknowledgement, half.came.next)
        if position > half.came.next and not segment.flags & SYN:
            self.splice.skip(_OUTBOUND, position, now)
        place = half.out.place(position)
        before, self._acknowledged = self._acknowledged, (position, place, segment.window)
        silent = not segment.data and not segment.flags & ~ACK
        if silent and before[0] < position and before[1:] == (place, segment.window):
            return None
        near = half.came.next
        placed = [(half.out.place(unwrap(start, near)), half.out.place(unwrap(stop, near))) for start, stop in blocks]
        known = [(start % SEQUENCES, stop % SEQUENCES) for start, stop in placed if start < stop]
        return segment._replace(
            acknowledgement=place % SEQUENCES,
            options=with_blocks(segment.options, known) if blocks else segment.options,
        )
