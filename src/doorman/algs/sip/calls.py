"""The SIP call database: what is known of each call, and how long it is kept.

A call is found by its Call-ID and its inside party, never by the 5-tuple: a trunk carries hundreds on one. Two hosts
that use one Call-ID are two calls. Requests outside calls (REGISTER, SUBSCRIBE, OPTIONS …) have records of the same
kind, since they too need doors and must be forgotten in the end.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from doorman.algs.api import Direction, Owner, Refused
from doorman.algs.sip.media import Announced
from doorman.algs.sip.settings import SipSettings
from doorman.algs.sip.times import Times
from doorman.net.addresses import Address, Endpoint
from doorman.timers import Timed, Timers

MAX_DIALOGS: Final = 32
"""Dialogs of one call that are told apart (forks); further ones share the state of the call."""

Transaction = tuple[bytes, bytes, int]
"""CSeq number, CSeq method, and the direction of the request."""
SignalKey = tuple[int, Endpoint, Address | None]
"""A signalling door: protocol, inside endpoint, and the one visitor it lets in, None for any."""


class State(Enum):
    """How far a call or another exchange has come."""

    TRYING = "trying"
    EARLY = "early"
    CONFIRMED = "confirmed"
    ENDED = "ended"


_TRYING: Final = State.TRYING


class Unsettled(NamedTuple):
    """A change of what one end announced, until the other end accepts or refuses it.

    Attributes:
        line: index of the media line.
        end: which end, see `Call.streams`.
        before: what it had announced.
        source: where its messages come from.
        transaction: what was offered in, and is answered in.
    """

    line: int
    end: int
    before: Announced
    source: Address
    transaction: Transaction


class Speaker(NamedTuple):
    """Who announces: which end, see `Call.streams`, where its messages come from, and where they go to."""

    end: Direction
    source: Address
    peer: Address


class Fork(NamedTuple):
    """What the called party of one dialog announced, and who that is."""

    announced: tuple[Announced, ...]
    speaker: Speaker


class Call(Timed):
    """One call, or another exchange under one Call-ID, of one inside party.

    Attributes:
        owner: its identity, and the owner of its doors.
        method: of the first request seen.
        begun: the direction of its first message.
        state: of the whole call.
        tag: of the party that called; b"" until it is known.
        dialogs: the state of each dialog, by the tag of the party that was called (RFC 3261, section 12).
        chosen: the dialog that the call follows: the one that was answered first; b"" before that.
        forks: what dialogs announced, by tag, until one is chosen; then what those announced that it may yet follow.
        streams: for each media line, what the two ends announced: outbound messages' first, inbound ones' second.
        unsettled: changes to them that were offered and not answered yet.
        offer: the transaction whose request offered media last.
        invites: the CSeq of the newest INVITE, outbound and inbound; b"" before there is one.
        asked: which way the newest INVITE, REGISTER or SUBSCRIBE went, and to whom; from there it is answered
            (RFC 3261, section 18.2.2).
        established: when it was answered, in seconds; 0 before that.
        since: when that began which it waits for now: ringing, the session's next refresh, being forgotten.
        session: how long its session lasts without being refreshed, in seconds (RFC 4028); None: as long as the call.
        expires: what its newest REGISTER or SUBSCRIBE asked for, in seconds; None where it did not say.
        signals: the signalling doors it keeps open.
        aliases: inside hosts that its messages named as identities, see `Naming`.
        caller, callee: user parts of the From and To of the first request.
        kept: whether it is entered among all calls.
        forget_at: when it is given up, in seconds.
    """

    __slots__ = (
        "aliases",
        "asked",
        "begun",
        "callee",
        "caller",
        "chosen",
        "dialogs",
        "established",
        "expires",
        "forget_at",
        "forks",
        "invites",
        "kept",
        "method",
        "offer",
        "owner",
        "session",
        "signals",
        "since",
        "state",
        "streams",
        "tag",
        "unsettled",
    )

    def __init__(self, owner: Owner, method: bytes, begun: Direction = Direction.OUTBOUND) -> None:
        super().__init__()
        self.owner = owner
        self.begun = begun
        self.method = method
        self.state = _TRYING
        self.tag = b""
        self.dialogs: dict[bytes, State] | None = None
        self.chosen = b""
        self.forks: dict[bytes, Fork] | None = None
        self.streams: list[list[Announced | None]] = []
        self.unsettled: list[Unsettled] = []
        self.offer: Transaction | None = None
        self.invites = [b"", b""]
        self.asked: tuple[int, Address] | None = None
        self.expires: float | None = None
        self.signals: list[SignalKey] = []
        self.aliases: dict[bytes, Address] | None = None
        self.caller = self.callee = b""
        self.established = self.since = 0.0
        self.session: float | None = None
        self.kept = False
        self.forget_at = 0.0

    def begin_again(self) -> None:
        """Try again, with credentials, say: what was before is over."""
        self.state, self.streams, self.unsettled, self.dialogs = _TRYING, [], [], None
        self.chosen, self.forks, self.offer = b"", None, None
        self.established, self.session = 0.0, None

    def see_dialog(self, tag: bytes, state: State) -> None:
        """Take note of a dialog's state."""
        if not tag:
            return
        if self.dialogs is None:
            self.dialogs = {}
        if tag in self.dialogs or len(self.dialogs) < MAX_DIALOGS:
            self.dialogs[tag] = state


class Calls:
    """All calls of one SIP ALG. `settings`: how many of them there may be; `times`: how long they are kept."""

    __slots__ = ("_counts", "_known", "_timers", "settings", "times")

    def __init__(self, settings: SipSettings) -> None:
        self.configure(settings)
        self._counts: dict[Address, list[int]] = {}
        self._known: dict[tuple[bytes, Address], Call] = {}
        self._timers: Timers[Call] = Timers()

    def configure(self, settings: SipSettings) -> None:
        """Go on by other settings; each call is to be kept anew."""
        self.settings = settings
        self.times = Times(settings)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._known.values())

    def __len__(self) -> int:
        return len(self._known)

    def find(self, call_id: bytes, party: Address) -> Call | None:
        """The call of this Call-ID and inside party."""
        return self._known.get((call_id, party))

    def begin(self, owner: Owner, method: bytes, direction: Direction) -> Call:
        """A new call, begun by a message that goes this way; it is entered when it is first kept.

        Raises:
            Refused: its inside host has too many.
        """
        counts = self._counts.get(owner.party)
        if counts is not None:
            own, strangers = counts
            settings = self.settings
            if own + strangers >= settings.calls or (direction and strangers >= settings.incoming_calls):
                raise Refused("too-many-calls")
        return Call(owner, method, direction)

    def keep(self, call: Call, until: float) -> None:
        """Enter a call, or keep it until another time."""
        if not call.kept:
            owner = call.owner
            self._known[owner.name, owner.party] = call
            call.kept = True
            self._counts.setdefault(owner.party, [0, 0])[call.begun] += 1
        call.forget_at = until
        if until < call.rings:
            self._timers.start(until, call)

    def overdue(self, now: float) -> list[Call]:
        """Take out the calls whose time is up."""
        gone = []
        for call in self._timers.due(now):
            if call.forget_at > now:
                self._timers.look(call.forget_at, call, now)
            else:
                call.kept = False
                del self._known[call.owner.name, call.owner.party]
                gone.append(call)
                self._leave(call.owner.party, call.begun)
        return gone

    def _leave(self, party: Address, begun: Direction) -> None:
        counts = self._counts[party]
        counts[begun] -= 1
        if not any(counts):
            del self._counts[party]
