"""The RTSP sessions that are followed: which streams each has, and when it is over (RFC 2326, section 12.37).

    SETUP 200     begins a session, or adds a stream to it
    PLAY 200      media flow; PAUSE 200: they rest
    TEARDOWN 200  ends a stream, or all; so does 454 (Session Not Found)

A session is not bound to a connection. It ends when its client is silent for longer than the server said. Reports of
RTCP count as well (RFC 7826, section 10.5), but nobody looks into these: once no message has come for so long, what
still flows keeps the doors open, and nothing else.
"""

import math
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from typing import Final

from doorman.algs.api import CloseDoors, Effect, Ends, InactivityTimeout, Owner
from doorman.algs.rtsp.streams import LONGEST_DOOR, Stream, open_doors
from doorman.net.addresses import Address, Endpoint
from doorman.timers import Timed, Timers

LONGEST_TIMEOUT: Final = 86_400.0
"""Seconds; no server is believed that says more."""
GRACE: Final = 10.0
"""Seconds that a client may be late, which asks again just before its session would end."""
SILENCE: Final = 30.0
"""Seconds without media after which doors close, once no message has come in time: RTCP comes every five or so."""
FRESH: Final = 5.0
"""Seconds after which a flow that came by a door may have been forgotten in silence."""
LINGER: Final = 2.0
"""Seconds that doors stay after what ends them, so that late media and the last reports pass."""


class State(Enum):
    """What a session does."""

    READY = "ready"
    PLAYING = "playing"
    RECORDING = "recording"
    ENDED = "ended"


class RtspSession(Timed):
    """A session.

    Attributes:
        owner: of its doors.
        id: its name, as the server gave it.
        client, server: who talks about it, each as it knows itself; their ports are those of the last connection.
        connection: the one on which its last message came, None once that is over.
        url: of its first stream.
        begun: when that was set up, in seconds.
        state: what it does.
        timeout: how long it lives in silence.
        until: when it is over unless there is another message.
        late: whether no message has come in time, so that only what flows keeps it.
        streams: by the URL that each was set up with.
        opened: when their doors were opened last.
    """

    __slots__ = (
        "begun", "client", "connection", "id", "late", "opened", "owner", "server", "state", "streams",
        "timeout", "until", "url",
    )  # fmt: skip

    def __init__(self, owner: Owner, name: bytes, begun: float) -> None:
        super().__init__()
        self.owner = owner
        self.id = name
        self.client = self.server = _NOWHERE
        self.connection: Ends | None = None
        self.url = b""
        self.begun = begun
        self.state = State.READY
        self.timeout = self.until = self.opened = 0.0
        self.late = False
        self.streams: dict[bytes, Stream] = {}

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state == State.ENDED

    def open_doors(self, now: float) -> list[Effect]:
        """Open the doors of all its streams again: a flow that was silent for a while has used its door up."""
        self.opened = now
        return [effect for stream in self.streams.values() for effect in open_doors(self.owner, stream.entrances, now)]

    def needs_doors(self, now: float, *, flows: bool) -> bool:
        """Whether its doors must be opened again: they are old, or rested, and now something `flows`."""
        return now - self.opened > (FRESH if flows else LONGEST_DOOR / 2)

    @property
    def has_doors(self) -> bool:
        """Whether any of its streams needs some."""
        return any(stream.entrances for stream in self.streams.values())

    def silence(self) -> InactivityTimeout:
        """How long its doors may be unused."""
        return InactivityTimeout(self.owner, SILENCE if self.late else math.inf)

    def put_stream(self, url: bytes, stream: Stream, now: float) -> list[Effect]:
        """Have a stream, in place of the one that was set up with this URL before."""
        closing = self.close_stream(url, now)
        self.streams[url], self.opened = stream, now
        kept = {entrance.flow.entrance for entrance in stream.entrances}
        closing = [effect for effect in closing if isinstance(effect, CloseDoors) and effect.entrance not in kept]
        return [*closing, *open_doors(self.owner, stream.entrances, now)]

    def close_stream(self, url: bytes, at: float) -> list[Effect]:
        """Close the doors of a stream that no other stream has."""
        gone = self.streams.pop(url, None)
        if gone is None:
            return []
        kept = {entrance.flow.entrance for stream in self.streams.values() for entrance in stream.entrances}
        names = [entrance.flow.entrance for entrance in gone.entrances]
        return [CloseDoors(self.owner, at, name) for name in names if name not in kept]


_NOWHERE: Final = Endpoint(Address(bytes(4)), 0)


class RtspSessions:
    """All sessions of an RTSP ALG."""

    __slots__ = ("_by_owner", "_counts", "_timers")

    def __init__(self) -> None:
        self._by_owner: dict[Owner, RtspSession] = {}
        self._counts: Counter[Address] = Counter()
        self._timers: Timers[RtspSession] = Timers()

    def __iter__(self) -> Iterator[RtspSession]:
        return iter(self._by_owner.values())

    def __len__(self) -> int:
        return len(self._by_owner)

    def find(self, owner: Owner) -> RtspSession | None:
        """The session of an owner."""
        return self._by_owner.get(owner)

    def count(self, party: Address) -> int:
        """How many an inside host has."""
        return self._counts[party]

    def add(self, session: RtspSession) -> None:
        """Follow a session."""
        self._by_owner[session.owner] = session
        self._counts[session.owner.party] += 1

    def keep(self, session: RtspSession, until: float) -> None:
        """Let a session live until a time."""
        session.until = until
        if until < session.rings:
            self._timers.start(until, session)

    def remove(self, session: RtspSession) -> None:
        """Follow it no more."""
        if self._by_owner.pop(session.owner, None) is not None:
            session.state = State.ENDED
            self._timers.stop(session)
            self._counts[session.owner.party] -= 1
            if not self._counts[session.owner.party]:
                del self._counts[session.owner.party]

    def overdue(self, now: float) -> list[RtspSession]:
        """The sessions whose time is up."""
        late = []
        for session in self._timers.due(now):
            if session.until > now:
                self._timers.look(session.until, session, now)
            else:
                late.append(session)
        return late
