"""TCP connections that a proxy carries for the engine: what it has to connect to, and what goes through.

    client ──── first leg ──── proxy ──── second leg ──── server
              sender, receiver       source, target

Both ends see the addresses they would see if the gateway only translated packets. What either sends is cut into whole
messages, and these take the same road as datagrams: the ALG decides, what it asks for is carried out, and then the
caller makes the data plane do likewise, before it sends what it is given. A connection between two inside hosts by
the global name of one of them is translated twice, out and in again.
"""

from enum import IntEnum
from typing import Literal, NamedTuple

from doorman.algs.api import Direction, Message, Note, Outcome, Path, apply_edits
from doorman.algs.registry import FRAMERS
from doorman.engine.engine import Engine
from doorman.engine.inspection import Inspection
from doorman.engine.views import Inward, Outward
from doorman.nat.sessions import Session
from doorman.net.addresses import Endpoint
from doorman.net.packet import TCP
from doorman.stream.assembler import Assembler, Unit
from doorman.stream.framing import MAX_MESSAGE, Kind

_OUTBOUND, _INBOUND = Direction
_MESSAGE, _KEEPALIVE, _RAW, _REFUSED = Kind


class End(IntEnum):
    """An end of a connection: who opened it, and who accepted it."""

    CLIENT = 0
    SERVER = 1


class Limits(NamedTuple):
    """How streams are cut: the most bytes of a message, and what becomes of a connection where there is no cutting."""

    message: int = MAX_MESSAGE
    refused: Literal["close", "pass"] = "close"


LIMITS = Limits()


class Relay(NamedTuple):
    """What becomes of bytes that arrived.

    Attributes:
        data: what goes on to the other end, once the data plane has done what the engine did.
        rest: what of it no ALG decided about; all that may go on where the data plane could not follow.
        inspections: the messages ALGs saw; a hairpin's twice.
        back: what had waited for more in the other direction, and goes to the end that sent now.
        close: whether the connection must be reset once this is sent.
    """

    data: bytes
    rest: bytes
    inspections: tuple[Inspection, ...] = ()
    back: bytes = b""
    close: bool = False


class Passage(NamedTuple):
    """An ALG's look at one direction: whose flow it is, if it is translated, and how both sides name its ends."""

    alg: str
    session: Session | None
    direction: Direction
    path: Path


class Connection:
    """A connection through the gateway, made by `connecting.connect`.

    Args:
        engine: whose it is.
        sessions: its flows; one, two of a hairpin, none where nothing is translated.
        passages: who looks at what each end sends, in order, by `End`.
        legs: the endpoints of the second leg.
        limits: how streams are cut.

    Attributes:
        source: what the second leg is bound to: the client, as the server knows it.
        target: what the second leg connects to.
    """

    __slots__ = ("_assemblers", "_broken", "_engine", "_limits", "_passages", "sessions", "source", "target")

    def __init__(
        self,
        engine: Engine,
        sessions: tuple[Session, ...],
        passages: tuple[list[Passage], list[Passage]],
        legs: tuple[Endpoint, Endpoint],
        limits: Limits = LIMITS,
    ) -> None:
        self.sessions = sessions
        self.source, self.target = legs
        self._broken = False
        self._engine = engine
        self._limits = limits
        self._passages = passages
        self._assemblers = [_assembler(looks, limits.message) for looks in passages]

    @property
    def alive(self) -> bool:
        """Whether its flows are still allowed, and nothing came that it must be closed for; if not it must be reset."""
        if self._broken:
            return False
        entered = self._engine.state.sessions.outward
        return all(entered.get(session.outward_key) is session.outward for session in self.sessions)

    @property
    def inspected(self) -> bool:
        """Whether anything that goes through is still looked into."""
        return self._assemblers != [None, None]

    def receive(self, data: bytes, end: End, now: float) -> Relay:
        """Take bytes that an end sent; give what goes on."""
        if not self.alive:
            return Relay(b"", b"", close=True)
        for session in self.sessions:
            session.last_used = now
        assembler = self._assemblers[end]
        if assembler is None:
            return Relay(data, data)
        return self._relay(assembler.feed(data), end, now)

    def finish(self, end: End, now: float) -> Relay:
        """An end sends no more; give what still goes on. Part of a message does not."""
        if not self.alive:
            return Relay(b"", b"", close=True)
        assembler = self._assemblers[end]
        return self._relay(assembler.finish(), end, now) if assembler is not None else Relay(b"", b"")

    def close(self, now: float) -> None:
        """The connection is over."""
        for session in self.sessions:
            if self._engine.state.sessions.outward.get(session.outward_key) is session.outward:
                self._engine.state.end_session(session, now)

    def _relay(self, units: list[Unit], end: End, now: float) -> Relay:
        data: list[bytes] = []
        rest: list[bytes] = []
        inspections: list[Inspection] = []
        tails, close = (b"", b""), False
        for unit in units:
            assembler = self._assemblers[end]
            if unit.kind == _MESSAGE and assembler is not None:
                self._note(unit.note, now)
                data.append(self._message(unit.data, end, now, inspections))
                if self._told_to_stop(end):
                    tails = self._stop()
            elif unit.kind == _REFUSED and assembler is not None and not self._may_pass(unit, end, now, inspections):
                close = self._broken = bool(assembler.stopped)
            else:
                data.append(unit.data)
                rest.append(unit.data)
                if unit.kind != _KEEPALIVE and unit.note and assembler is not None:
                    tails = self._ended(unit.note, end, now)
        data.append(tails[end])
        rest.append(tails[end])
        return Relay(b"".join(data), b"".join(rest), tuple(inspections), tails[1 - end], close)

    def _message(self, data: bytes, end: End, now: float, inspections: list[Inspection]) -> bytes:
        """Take a message past everybody who looks at it; nothing where it must not go on."""
        for passage in self._passages[end]:
            inspection = self._inspect(passage, data, now)
            inspections.append(inspection)
            if inspection.outcome.drop is not None:
                return b""
            data = inspection.after
        return data

    def _inspect(self, passage: Passage, data: bytes, now: float) -> Inspection:
        alg, session, direction, path = passage
        engine, state = self._engine, self._engine.state
        outward = Outward(state.rules, state.bindings, path.sent_from.address) if direction == _OUTBOUND else None
        message = Message(data, direction, TCP, path, now)
        outcome = engine.inspector.ask(alg, message, outward or Inward(state.rules, state.bindings, path))
        if outcome.drop is not None:
            state.carry_out(outcome.effects, now)
            if outward is not None:
                outward.undo()
            engine.drops[f"{alg}: {outcome.drop}"] += 1
            return Inspection(alg, message, outcome, data)
        # What an inside host speaks is its own affair; nobody outside may say it is another protocol.
        state.carry_out(outcome.effects, now, session if outward is not None else None)
        if session is not None:
            session.spoke = session.spoke or bool(outcome.name)
        if outward is not None:
            state.keep(outward.made, now)
        after = apply_edits(data, outcome.edits) if outcome.edits else data
        return Inspection(alg, message, outcome, after)

    def _may_pass(self, unit: Unit, end: End, now: float, inspections: list[Inspection]) -> bool:
        """Write down what nobody can find the end of; say whether it goes on as it came."""
        alg, _, direction, path = self._passages[end][0]
        passes = self._limits.refused == "pass"
        outcome = Outcome([], [], "malformed", drop=None if passes else unit.note)
        head = unit.data[: self._limits.message]
        inspections.append(Inspection(alg, Message(head, direction, TCP, path, now), outcome, head))
        if not passes:
            self._engine.drops[f"{alg}: {unit.note}"] += 1
        return passes

    def _told_to_stop(self, end: End) -> bool:
        """Whether an ALG said that a flow does not speak its protocol."""
        return any(look.session is not None and look.session.alg is None for look in self._passages[end])

    def _ended(self, why: str, end: End, now: float) -> tuple[bytes, bytes]:
        """A direction is looked into no longer and, where an inside host sent, neither is the other."""
        self._note(why, now)
        if self._passages[end][0].direction == _OUTBOUND:
            return self._stop()
        self._assemblers[end] = None
        return b"", b""

    def _stop(self) -> tuple[bytes, bytes]:
        """Look into nothing any more; give what waited, by the end that sent it."""
        client, server = (look.stop() if look is not None else b"" for look in self._assemblers)
        self._assemblers = [None, None]
        for session in self.sessions:
            session.alg = None
            session.settle_plain()
        return client, server

    def _note(self, name: str, now: float) -> None:
        if name:
            self._engine.state.carry_out([Note(name)], now)


def _assembler(passages: list[Passage], limit: int) -> Assembler | None:
    return Assembler(FRAMERS[passages[0].alg](limit)) if passages else None
