"""The RTSP ALG: what is said of streams on a connection, and the media that it announces.

    client inside                                 gateway                               server outside
      | SETUP  client_port=4588-4589  ------------->| translate ----------------------------->|
      |<------------- 200  client_port, server_port |<---------------------------------- 200  |   doors for the server
      | PLAY -------------------------------------->|---------------------------------------->|
      |<================ RTP, RTCP ================>|<=======================================>|
      | TEARDOWN ---------------------------------->|---------------------------------------->|   doors close

A server inside is the same the other way round: its `server_port` and `source` are translated, with doors for the
client. URLs and descriptions are translated in all messages. Media interleaved with messages (`$`) pass untouched.
RFC 2326 (RTSP 1.0), RFC 7826 (RTSP 2.0).
"""

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping
from typing import Final

from doorman.algs.api import (
    CloseDoors,
    Direction,
    Edit,
    Effect,
    Ends,
    Message,
    Nat,
    Note,
    Outcome,
    Owner,
    Plain,
    Record,
    Shown,
    WaitForOthers,
)
from doorman.algs.base import BaseAlg
from doorman.algs.records import DamagedRecord
from doorman.algs.rtsp.control import Control, Request
from doorman.algs.rtsp.records import read_session, write_session
from doorman.algs.rtsp.sessions import GRACE, LINGER, LONGEST_TIMEOUT, RtspSession, RtspSessions, State
from doorman.algs.rtsp.settings import RtspSettings
from doorman.algs.rtsp.streams import stream_of
from doorman.algs.rtsp.translation import Translation
from doorman.algs.settings import Settings, lets_pass
from doorman.net.addresses import address_text
from doorman.wire.malformed import Malformed
from doorman.wire.rtsp import METHODS, RtspMessage

_NAMES: Final = {method: method.decode("ascii") for method in METHODS}
_STATES: Final = {b"PLAY": State.PLAYING, b"RECORD": State.RECORDING, b"PAUSE": State.READY}
_FLOWING: Final = frozenset({b"PLAY", b"RECORD"})
_SESSION_NOT_FOUND: Final = 454
_LONGEST_SHOWN: Final = 256
"""Bytes of a URL that are remembered for tables."""


class RtspAlg(BaseAlg[RtspSettings]):
    """RTSP's application-level gateway.

    Args:
        ports: those it is served on.
        settings: `RtspSettings`.

    Raises:
        TypeError: they are those of another ALG.
    """

    name = "rtsp"
    own = RtspSettings

    def __init__(self, ports: frozenset[int], settings: Settings | None = None) -> None:
        super().__init__(ports, settings)
        self._controls: dict[Ends, Control] = {}
        self._sessions = RtspSessions()
        self._to_watch: list[RtspSession] = []

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Translate a message, and follow what it does to its session. See `Alg.on_message`."""
        try:
            translation = Translation(message, nat)
        except Malformed as malformed:
            return self.unreadable(malformed.reason, "malformed", message)
        control = self._controls.get(message.ends) or self._begin(message)
        rtsp = translation.rtsp
        if rtsp.method:
            self._ask(translation, control, message)
            return Outcome(translation.edits, translation.effects, _NAMES.get(rtsp.method, "unknown"))
        effects = self._answer(translation, control, message)
        return Outcome(translation.edits, translation.effects + effects, str(rtsp.status))

    def _begin(self, message: Message) -> Control:
        ends = message.ends
        outbound = message.direction == Direction.OUTBOUND
        client, server = (ends.inside, ends.outside) if message.of_client == outbound else (ends.outside, ends.inside)
        control = self._controls[ends] = Control(ends, client, server)
        return control

    def _ask(self, translation: Translation, control: Control, message: Message) -> None:
        rtsp = translation.rtsp
        request = Request(rtsp.method, rtsp.url, rtsp.first_word(b"session"))
        if rtsp.method == b"SETUP":
            reason = self._over_quota(self._owner(control, request.session, message), request.url)
            passes = lets_pass(self.settings.malformed, translated=message.path.translated)
            request = request._replace(offers=translation.offers(reason, unreadable_pass=passes))
        number = rtsp.first_word(b"cseq")
        if not control.ask(number, request, self.settings.requests, of_client=message.of_client):
            translation.effects.append(Note("too-many-requests"))

    def _owner(self, control: Control, name: bytes, message: Message) -> Owner:
        """Whose a session of that name is: its ends may go on with it on another connection, if it has one."""
        ends = f"{address_text(control.client.address) if name else control.client} {control.server}"
        return Owner(self.name, b"%b %b" % (name or b"-", ends.encode()), message.party)

    def _over_quota(self, owner: Owner, url: bytes) -> str:
        """Why a stream must not be set up, "" if it may."""
        session, settings = self._sessions.find(owner), self.settings
        if session is None:
            return "too-many-sessions" if self._sessions.count(owner.party) >= settings.sessions else ""
        return "too-many-streams" if url not in session.streams and len(session.streams) >= settings.streams else ""

    def _answer(self, translation: Translation, control: Control, message: Message) -> list[Effect]:
        rtsp, now = translation.rtsp, message.now
        number = rtsp.first_word(b"cseq")
        request = control.answered(number, of_client=message.of_client, final=rtsp.is_final)
        sets_up = request is not None and request.method == b"SETUP" and rtsp.succeeds
        offers = translation.answers(expected=sets_up)
        if request is None:
            return []
        owner = self._owner(control, rtsp.first_word(b"session") or request.session, message)
        if rtsp.status == _SESSION_NOT_FOUND or (rtsp.succeeds and request.method == b"TEARDOWN"):
            return self._tear_down(owner, request, control, now)
        session = self._sessions.find(owner)
        if sets_up:
            reason = self._over_quota(owner, request.url)
            if reason:
                return [Note(reason)] if any(request.offers) else []
            session = session or self._new(owner, rtsp, request, now)
            stream = stream_of(translation.transports, request.offers, offers, message)
            opened = session.put_stream(request.url, stream, now)
            return [*opened, *self._hear(session, control, rtsp, now, again=True)]
        if session is None or not rtsp.succeeds:
            return []
        session.state = _STATES.get(request.method, session.state)
        opened = session.open_doors(now) if session.needs_doors(now, flows=request.method in _FLOWING) else []
        return [*opened, *self._hear(session, control, rtsp, now, again=bool(opened))]

    # What becomes of sessions

    def _new(self, owner: Owner, rtsp: RtspMessage, request: Request, now: float) -> RtspSession:
        session = RtspSession(owner, rtsp.first_word(b"session"), now)
        session.url, session.timeout = request.url[:_LONGEST_SHOWN], float(self.settings.session_timeout)
        self._sessions.add(session)
        return session

    def _hear(
        self, session: RtspSession, control: Control, rtsp: RtspMessage, now: float, *, again: bool
    ) -> list[Effect]:
        """A session goes on; `again`: its doors were opened, so that it must be said what closes them."""
        said = rtsp.timeout()
        if said is not None:
            session.timeout = min(said, LONGEST_TIMEOUT)
        session.client, session.server, session.connection = control.client, control.server, control.ends
        control.owners.add(session.owner)
        again, session.late = again or session.late, False
        self._sessions.keep(session, now + session.timeout + GRACE)
        self.touched.add(session)
        if not again or not session.has_doors:
            return []
        return [session.silence(), WaitForOthers(waits=True, owner=session.owner)]

    def _tear_down(self, owner: Owner, request: Request, control: Control, now: float) -> list[Effect]:
        """A stream is torn down, or a session that nobody may know any more."""
        session = self._sessions.find(owner)
        if session is not None and request.url in session.streams and len(session.streams) > 1:
            self.touched.add(session)
            return session.close_stream(request.url, now + LINGER)
        effects: list[Effect] = [CloseDoors(owner, now + LINGER)]
        control.owners.discard(owner)
        if session is not None:
            self._forget(session)
            effects.append(WaitForOthers(waits=False, owner=owner))
        return effects

    def _forget(self, session: RtspSession) -> None:
        self._sessions.remove(session)
        self.touched.add(session)

    def on_time(self, now: float) -> list[Effect]:
        """Leave sessions to their media in which nothing was said in time. See `Alg.on_time`."""
        effects: list[Effect] = [session.silence() for session in self._to_watch if not session.over]
        self._to_watch.clear()
        for session in self._sessions.overdue(now):
            if not session.late:
                session.late = True
                effects.append(session.silence())
            if session.connection is None:
                self._forget(session)
            else:
                self._sessions.keep(session, now + session.timeout)
        return effects

    def on_end(self, ends: Ends, now: float) -> list[Effect]:
        """A connection is over; its sessions may go on by another, if they have names. See `Alg.on_end`."""
        control = self._controls.pop(ends, None)
        if control is None:
            return []
        effects: list[Effect] = []
        left = {b"", *control.torn_down()}
        sessions = (self._sessions.find(owner) for owner in sorted(control.owners))
        for session in (one for one in sessions if one is not None and one.connection == ends):
            session.connection = None
            if session.id in left:
                effects.append(CloseDoors(session.owner, now + LINGER))
            if session.id in left or session.late or not session.has_doors:
                self._forget(session)
        return effects

    # What is shown and saved

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """Name everything in a message as its sender did. See `Alg.as_sent`."""
        try:
            return Translation(message, nat).as_sent()
        except Malformed:
            return []

    def totals(self) -> Mapping[str, int]:
        """Sessions and their streams. See `Alg.totals`."""
        return {"sessions": len(self._sessions), "streams": sum(len(session.streams) for session in self._sessions)}

    def sessions(self, now: float) -> Iterator[Mapping[str, Shown]]:
        """The sessions, in the order of their coming; those that ended only where somebody watches."""
        ended = [one for one in self.touched if isinstance(one, RtspSession) and one.over]
        for session in [*ended, *self._sessions]:
            stream = next(iter(session.streams.values()), None)
            yield {
                "client": session.client,
                "server": session.server,
                "session": session.id or None,
                "state": session.state.value,
                "age": now - session.begun,
                "streams": str(len(session.streams)),
                "transport": stream.transport if stream is not None else None,
                "client_media": stream.client if stream is not None else None,
                "server_media": stream.server if stream is not None else None,
                "url": session.url or None,
            }

    def remembered(self) -> Iterable[Hashable]:
        """Its sessions. See `Alg.remembered`."""
        return list(self._sessions)

    def of_owner(self, owner: Owner) -> Hashable | None:
        """A session. See `Alg.of_owner`."""
        return self._sessions.find(owner)

    def record(self, item: Hashable) -> Record:
        """The record of a session. See `Alg.record`."""
        if not isinstance(item, RtspSession):
            raise TypeError(f"not of RTSP: {item!r}")
        return item.owner, None if item.over else write_session(item)

    def restore(self, key: Plain, value: Plain, doors: Container[Owner]) -> Iterable[Owner]:
        """Remember a session again. See `Alg.restore`."""
        session = read_session(key, value, self.name)
        if self._sessions.find(session.owner) is not None:
            raise DamagedRecord("one record of a session")
        self._sessions.add(session)
        self._sessions.keep(session, session.until)
        self._to_watch.append(session)
        return [session.owner] if session.owner in doors else []
