"""What ALGs do with the two streams of a TCP connection, whoever carries it: a proxy, or a splice of its segments.

What either end sends is cut into whole messages, and these take the same road as datagrams: the ALG decides, and what
it asks for is carried out. A connection between two inside hosts by the global name of one of them may be translated
twice, out and in again.
"""

from collections import Counter, deque
from enum import IntEnum
from typing import Literal, NamedTuple

from doorman.algs.api import Direction, Ends, Message, Note, Outcome, Path, StopInspecting
from doorman.algs.makers import FRAMERS
from doorman.algs.settings import lets_pass
from doorman.engine.inspection import Inspection, Inspector
from doorman.engine.state import State
from doorman.nat.sessions import Session
from doorman.net.packet import TCP
from doorman.stream.assembler import Assembler, Unit
from doorman.stream.framing import MAX_MESSAGE, TOO_LONG, Kind
from doorman.stream.outgoing import Piece
from doorman.stream.splice import Translation

_OUTBOUND, _INBOUND = Direction
_MESSAGE, _BETWEEN, _REFUSED = Kind.MESSAGE, frozenset({Kind.KEEPALIVE, Kind.DATA}), Kind.REFUSED


class End(IntEnum):
    """An end of a connection: who opened it, and who accepted it."""

    CLIENT = 0
    SERVER = 1


class Limits(NamedTuple):
    """How streams are cut: the most bytes of a message, and what becomes of a connection where there is no cutting."""

    message: int = MAX_MESSAGE
    refused: Literal["close", "pass"] = "close"


class Passage(NamedTuple):
    """An ALG's look at one direction.

    Attributes:
        alg: its name.
        session: the flow, if it is translated.
        direction: which way.
        path: how both sides name its ends.
        of_client: whether the end that sends opened the connection.
    """

    alg: str
    session: Session | None
    direction: Direction
    path: Path
    of_client: bool = False

    @property
    def ends(self) -> Ends:
        """See `Message.ends`."""
        return Message(b"", self.direction, TCP, self.path, 0.0).ends


class Streams:
    """Both streams of a connection.

    Args:
        state: the tables of the gateway.
        inspector: its ALGs.
        drops: where dropped messages are counted.
        passages: who looks at what each end sends, in order.
        sessions: the flows of the connection.
        limits: how streams are cut, if not as the settings of the ALG say.

    Attributes:
        inspections: the messages ALGs saw, until they are taken.
        expected: in replay, the next messages from the outside as they must arrive. These go on, whatever was decided.
        garbled: those of them that would have arrived otherwise, and as what.
    """

    __slots__ = (
        "_assemblers", "_drops", "_inspector", "_limits", "_passages", "_sessions", "_state", "_told", "expected",
        "garbled", "inspections",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - a gateway, a connection through it, and how it is treated
        self,
        state: State,
        inspector: Inspector,
        drops: Counter[str],
        passages: tuple[list[Passage], list[Passage]],
        sessions: tuple[Session, ...],
        limits: Limits | None = None,
    ) -> None:
        self.inspections: list[Inspection] = []
        self.expected: deque[bytes] = deque()
        self.garbled: list[tuple[bytes, bytes]] = []
        self._state = state
        self._inspector = inspector
        self._drops = drops
        self._passages = tuple([look for look in looks if not self._is_off(look)] for looks in passages)
        self._sessions = sessions
        self._told = False
        self._limits = limits
        self._assemblers = [self._assembler(looks) for looks in self._passages]

    @property
    def inspected(self) -> bool:
        """Whether anything that goes through is still looked into."""
        return self._assemblers != [None, None]

    def looks_into(self, end: int) -> bool:
        """Whether what an end sends is still looked into."""
        return self._assemblers[end] is not None

    def take_inspections(self) -> tuple[Inspection, ...]:
        """The messages that ALGs saw since the last call."""
        taken = tuple(self.inspections)
        self.inspections.clear()
        return taken

    def receive(self, data: bytes, end: int, now: float) -> Translation:
        """Take the next bytes that an end sent."""
        assembler = self._assemblers[end]
        if assembler is None:
            return _only(end, [Piece(len(data), data)])
        return self._pass(assembler.feed(data), end, now)

    def finish(self, end: int, now: float) -> Translation:
        """An end sends no more; part of a message does not go on."""
        assembler = self._assemblers[end]
        return self._pass(assembler.finish(), end, now) if assembler is not None else _only(end, [])

    def stop(self, why: str, now: float) -> Translation:
        """Look into nothing any more; give what waited."""
        self._note(why, now)
        return Translation(self._stop())

    def forget(self, now: float) -> None:
        """What ALGs know of a connection between these ends is over."""
        for passage in dict.fromkeys(look for looks in self._passages for look in looks):
            self._state.carry_out(self._inspector.on_end(passage.alg, passage.ends, now), now)

    def _pass(self, units: list[Unit], end: int, now: float) -> Translation:
        pieces: list[Piece] = []
        tails: tuple[list[Piece], list[Piece]] = ([], [])
        close = False
        for unit in units:
            assembler, length = self._assemblers[end], len(unit.data)
            if unit.kind == _MESSAGE and assembler is not None:
                self._note(unit.note, now)
                pieces.append(Piece(length, b"" if close else self._message(unit.data, end, now), judged=True))
                close = close or self._is_reset()
                if self._told_to_stop(end):
                    tails = self._stop()
            elif unit.kind == _REFUSED and assembler is not None and not self._may_pass(unit, end, now):
                close = close or bool(assembler.stopped)
                pieces.append(Piece(length, b"", judged=True))
            else:
                pieces.append(Piece(length, b"" if close else unit.data))
                if unit.kind in _BETWEEN:
                    self._note(unit.note, now)
                elif unit.note and assembler is not None:
                    tails = self._ended(unit.note, end, now)
        tails[end][:0] = pieces
        return Translation(tails, close)

    def _is_reset(self) -> bool:
        """Whether the last message must not only be dropped, but end the connection."""
        return bool(self.inspections) and self.inspections[-1].outcome.reset

    def _message(self, data: bytes, end: int, now: float) -> bytes:
        """Take a message past everybody who looks at it; nothing where it must not go on."""
        after = data
        for passage in self._passages[end]:
            inspection = self._inspect(passage, after, now)
            self.inspections.append(inspection)
            after = inspection.after
            if inspection.outcome.drop is not None:
                after = b""
                break
        if not self.expected or self._passages[end][0].direction == _OUTBOUND:
            return after
        truth = self.expected.popleft()
        if after not in {truth, b""}:
            self.garbled.append((truth, after))
        return truth

    def _inspect(self, passage: Passage, data: bytes, now: float) -> Inspection:
        alg, session, direction, path, of_client = passage
        state = self._state
        view = state.view(direction, path)
        message = Message(data, direction, TCP, path, now, of_client=of_client)
        outcome = self._inspector.ask(alg, message, view, self._inspector.mode(alg, direction, path))
        if outcome.drop is not None:
            state.carry_out(outcome.effects, now)
            view.undo()
            self._drops[f"{alg}: {outcome.drop}"] += 1
            return Inspection(alg, message, outcome)
        # What an inside host speaks is its own affair; nobody outside may say it is another protocol.
        state.carry_out(outcome.effects, now, session, of_inside=direction == _OUTBOUND)
        self._told = any(isinstance(effect, StopInspecting) and effect.agreed for effect in outcome.effects)
        if session is not None and outcome.name:
            session.spoke = alg
        state.keep(view.made, now)
        return Inspection(alg, message, outcome)

    def _may_pass(self, unit: Unit, end: int, now: float) -> bool:
        """Write down what nobody can find the end of; say whether it goes on as it came."""
        alg, _, direction, path, _ = self._passages[end][0]
        passes = self._passes(alg, unit.note, translated=path.translated)
        if not passes and self._inspector.mode(alg, direction, path) == "observe":
            self._note("would-drop", now)
            passes = True
        outcome = Outcome([], [], "malformed", drop=None if passes else unit.note)
        head = unit.data[: self.longest(alg)]
        self.inspections.append(Inspection(alg, Message(head, direction, TCP, path, now), outcome))
        if not passes:
            self._drops[f"{alg}: {unit.note}"] += 1
        return passes

    def longest(self, alg: str) -> int:
        """The most bytes of a message."""
        return self._inspector.settings[alg].max_message_size if self._limits is None else self._limits.message

    def _assembler(self, looks: list[Passage]) -> Assembler | None:
        return Assembler(FRAMERS[looks[0].alg](self.longest(looks[0].alg))) if looks else None

    def _passes(self, alg: str, reason: str, *, translated: bool) -> bool:
        """Whether a message that is refused for this reason goes on as it came, and all behind it."""
        if self._limits is not None:
            return self._limits.refused == "pass"
        settings = self._inspector.settings[alg]
        policy = settings.oversized if reason == TOO_LONG else settings.malformed
        return lets_pass(policy, translated=translated)

    def _is_off(self, look: Passage) -> bool:
        return self._inspector.mode(look.alg, look.direction, look.path) == "off"

    def _told_to_stop(self, end: int) -> bool:
        """Whether an ALG said that a flow does not speak its protocol."""
        return self._told or any(look.session is not None and look.session.alg is None for look in self._passages[end])

    def _ended(self, why: str, end: int, now: float) -> tuple[list[Piece], list[Piece]]:
        """A direction is looked into no longer and, where an inside host sent, neither is the other."""
        self._note(why, now)
        if self._passages[end][0].direction == _OUTBOUND:
            return self._stop()
        self._assemblers[end] = None
        return [], []

    def _stop(self) -> tuple[list[Piece], list[Piece]]:
        """Look into nothing any more; give what waited, by the end that sent it."""
        first, second = (_waited(look) for look in self._assemblers)
        self._assemblers = [None, None]
        for session in self._sessions:
            session.alg = None
            session.settle_plain()
        return first, second

    def _note(self, name: str, now: float) -> None:
        if name:
            self._state.carry_out([Note(name)], now)


def _waited(assembler: Assembler | None) -> list[Piece]:
    held = assembler.stop() if assembler is not None else b""
    return [Piece(len(held), held)] if held else []


def _only(end: int, pieces: list[Piece]) -> Translation:
    return Translation(([], pieces) if end else (pieces, []))


def passage_of(session: Session, direction: Direction, *, of_client: bool = False) -> Passage:
    """What an ALG is told of one direction of a flow; its name is empty where no ALG serves the flow."""
    way = session.outward if direction == _OUTBOUND else session.inward
    return Passage(session.alg or "", session, direction, way.path, of_client)
