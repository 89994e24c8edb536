"""TCP connections that a proxy carries for the engine: what it has to connect to, and what goes through.

    client ──── first leg ──── proxy ──── second leg ──── server
              sender, receiver       source, target

Both ends see the addresses they would see if the gateway only translated packets. What either sends is cut into whole
messages, and these take the same road as datagrams: the ALG decides, what it asks for is carried out, and then the
caller makes the data plane do likewise, before it sends what it is given. A connection between two inside hosts by
the global name of one of them is translated twice, out and in again.
"""

from typing import NamedTuple

from doorman.engine.clearance import Clearance
from doorman.engine.engine import Engine
from doorman.engine.inspection import Inspection
from doorman.engine.streams import End, Limits, Passage, Streams
from doorman.nat.sessions import Session
from doorman.net.addresses import Endpoint
from doorman.stream.splice import Translation

__all__ = ["Connection", "End", "Limits", "Passage", "Relay"]


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


class Connection:
    """A connection through the gateway, made by `connecting.connect`.

    Args:
        engine: whose it is.
        clearance: what lets it pass the firewall.
        sessions: its flows; one, two of a hairpin, none where nothing is translated.
        passages: who looks at what each end sends, in order, by `End`.
        legs: the endpoints of the second leg.
        limits: how streams are cut, if not as the settings of the ALG say.

    Attributes:
        source: what the second leg is bound to: the client, as the server knows it.
        target: what the second leg connects to.
    """

    __slots__ = ("_broken", "_clearance", "_engine", "_streams", "sessions", "source", "target")

    def __init__(  # noqa: PLR0913, PLR0917 - who lets it pass, who it is between, and who looks at it
        self,
        engine: Engine,
        clearance: Clearance,
        sessions: tuple[Session, ...],
        passages: tuple[list[Passage], list[Passage]],
        legs: tuple[Endpoint, Endpoint],
        limits: Limits | None = None,
    ) -> None:
        self.sessions = sessions
        self.source, self.target = legs
        self._clearance = clearance
        self._broken = False
        self._engine = engine
        self._streams = Streams(engine.state, engine.inspector, engine.drops, passages, sessions, limits)

    @property
    def alive(self) -> bool:
        """Whether its flows are still allowed, and nothing came that it must be closed for; if not it must be reset."""
        if self._broken or not self._clearance.holds:
            return False
        entered = self._engine.state.sessions.outward
        return all(entered.get(session.outward_key) is session.outward for session in self.sessions)

    @property
    def inspected(self) -> bool:
        """Whether anything that goes through is still looked into."""
        return self._streams.inspected

    def receive(self, data: bytes, end: End, now: float) -> Relay:
        """Take bytes that an end sent; give what goes on."""
        if not self.alive:
            return Relay(b"", b"", close=True)
        for session in self.sessions:
            session.last_used = now
        self._clearance.see(len(data), now, answer=end == End.SERVER)
        if not self._streams.looks_into(end):
            return Relay(data, data)
        return self._relay(self._streams.receive(data, end, now), end)

    def finish(self, end: End, now: float) -> Relay:
        """An end sends no more; give what still goes on. Part of a message does not."""
        if not self.alive:
            return Relay(b"", b"", close=True)
        self._clearance.finish(now, answer=end == End.SERVER)
        return self._relay(self._streams.finish(end, now), end)

    def begin(self, now: float) -> None:
        """The connection is new: what was known of another between the same ends is over."""
        self._streams.forget(now)

    def establish(self, now: float) -> None:
        """The second leg is there, too."""
        self._clearance.establish(now)

    def close(self, now: float) -> None:
        """The connection is over."""
        self._clearance.end(now)
        entered = self._engine.state.sessions.outward
        if all(entered.get(session.outward_key, session.outward) is session.outward for session in self.sessions):
            self._streams.forget(now)  # no other has begun between the same ends
        for session in self.sessions:
            if entered.get(session.outward_key) is session.outward:
                self._engine.state.end_session(session, now)

    def _relay(self, translation: Translation, end: End) -> Relay:
        pieces, back = translation.pieces[end], translation.pieces[1 - end]
        self._broken = self._broken or translation.close
        return Relay(
            b"".join(piece.data for piece in pieces),
            b"".join(piece.data for piece in pieces if not piece.judged),
            self._streams.take_inspections(),
            b"".join(piece.data for piece in back),
            translation.close,
        )
