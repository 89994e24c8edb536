"""The SIP call database: what is known of each call, and how long it is kept.

A call is found by its Call-ID and its inside party, never by the 5-tuple: a trunk carries hundreds on one. Two hosts
that use one Call-ID are two calls. Requests outside calls (REGISTER, SUBSCRIBE, OPTIONS …) have records of the same
kind, since they too need doors and must be forgotten in the end.
"""

from collections.abc import Iterator
from enum import Enum
from itertools import chain
from typing import Final, NamedTuple

from doorman.algs.api import Direction, Owner, Refused
from doorman.algs.sip.limits import Limits
from doorman.algs.sip.media import Announced
from doorman.algs.sip.settings import SipSettings
from doorman.algs.sip.signal_doors import SignalDoor
from doorman.algs.sip.times import Times
from doorman.net.addresses import Address
from doorman.timers import Timed, Timers

MAX_DIALOGS: Final = 32
"""Dialogs of one call that are told apart (forks); further ones share the state of the call."""

Transaction = tuple[bytes, bytes, int]
"""CSeq number, CSeq method, and the direction of the request."""
NO_TRANSACTION: Final = (b"", b"", 0)
Asked = tuple[int, Address]
"""Which way a request went, and to whom."""
NOT_ASKED: Final = (0, Address(b""))


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


class Speaker:
    """Who announces: which end, see `Call.streams`, where its messages come from, and where they go to."""

    __slots__ = ("end", "peer", "source")

    def __init__(self, end: Direction, source: Address, peer: Address) -> None:
        self.end = end
        self.source = source
        self.peer = peer


class Fork:
    """What the called party of one dialog announced, and who that is."""

    __slots__ = ("announced", "speaker")

    def __init__(self, announced: tuple[Announced, ...], speaker: Speaker) -> None:
        self.announced = announced
        self.speaker = speaker


class Dialog:
    """A dialog (RFC 3261, section 12): the tag of the party that was called, and how far it has come."""

    __slots__ = ("state", "tag")

    def __init__(self, tag: bytes, state: State) -> None:
        self.tag = tag
        self.state = state


Ends = list[Announced | None]
"""What the two ends announced for a media line: outbound messages' first, inbound ones' second."""


class Call(Timed):
    """One call, or another exchange under one Call-ID, of one inside party.

    Attributes:
        owner: its identity, and the owner of its doors.
        method: of the first request seen.
        begun: the direction of its first message.
        state: of the whole call.
        tag: of the party that called; b"" until it is known.
        dialogs: those that were seen, in order.
        chosen: the dialog that the call follows: the one that was answered first; b"" before that.
        forks: what dialogs announced, by tag, until one is chosen; then what those announced that it may yet follow.
        streams: for each media line, what the two ends announced.
        unsettled: changes to them that were offered and not answered yet.
        offer: the transaction whose request offered media last, or `NO_TRANSACTION`.
        invites: the CSeq of the newest INVITE, outbound and inbound; b"" before there is one.
        asked: which way the newest INVITE, REGISTER or SUBSCRIBE went, and to whom, or `NOT_ASKED`; from there it is
            answered (RFC 3261, section 18.2.2).
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
        self.dialogs: tuple[Dialog, ...] = ()
        self.chosen = b""
        self.forks: dict[bytes, Fork] | None = None
        self.streams: tuple[Ends, ...] = ()
        self.unsettled: tuple[Unsettled, ...] = ()
        self.offer: Transaction = NO_TRANSACTION
        self.invites = (b"", b"")
        self.asked: Asked = NOT_ASKED
        self.expires: float | None = None
        self.signals: tuple[SignalDoor, ...] = ()
        self.aliases: dict[bytes, Address] | None = None
        self.caller = self.callee = b""
        self.established = self.since = 0.0
        self.session: float | None = None
        self.kept = False
        self.forget_at = 0.0

    def begin_again(self) -> None:
        """Try again, with credentials, say: what was before is over."""
        self.state, self.streams, self.unsettled, self.dialogs = _TRYING, (), (), ()
        self.chosen, self.forks, self.offer = b"", None, NO_TRANSACTION
        self.established, self.session = 0.0, None

    def see_dialog(self, tag: bytes, state: State) -> None:
        """Take note of a dialog's state."""
        if not tag:
            return
        known = self.dialog(tag)
        if known is not None:
            known.state = state
        elif len(self.dialogs) < MAX_DIALOGS:
            self.dialogs += (Dialog(tag, state),)

    def dialog(self, tag: bytes) -> Dialog | None:
        """The dialog with the party that has this tag."""
        for dialog in self.dialogs:
            if dialog.tag == tag:
                return dialog
        return None

    def newest_invite(self, direction: int) -> bytes:
        """The CSeq of the newest INVITE that went this way, b"" where none did."""
        outbound, inbound = self.invites
        return inbound if direction else outbound


class Calls:
    """All calls of one SIP ALG. `limits`: how many of them there may be; `times`: how long they are kept."""

    __slots__ = ("_counts", "_known", "_namesakes", "_timers", "limits", "times")

    def __init__(self, settings: SipSettings) -> None:
        self.configure(settings)
        self._counts: dict[Address, list[int]] = {}
        # By Call-ID; and those of other inside parties which have the same, by both.
        self._known: dict[bytes, Call] = {}
        self._namesakes: dict[tuple[bytes, Address], Call] = {}
        self._timers: Timers[Call] = Timers()

    def configure(self, settings: SipSettings) -> None:
        """Go on by other settings; each call is to be kept anew."""
        self.limits = Limits(settings)
        self.times = Times(settings)

    def __iter__(self) -> Iterator[Call]:
        return chain(self._known.values(), self._namesakes.values())

    def __len__(self) -> int:
        return len(self._known) + len(self._namesakes)

    def find(self, call_id: bytes, party: Address) -> Call | None:
        """The call of this Call-ID and inside party."""
        call = self._known.get(call_id)
        if call is not None and call.owner.party == party:
            return call
        return self._namesakes.get((call_id, party)) if self._namesakes else None

    def begin(self, owner: Owner, method: bytes, direction: Direction) -> Call:
        """A new call, begun by a message that goes this way; it is entered when it is first kept.

        Raises:
            Refused: its inside host has too many.
        """
        counts = self._counts.get(owner.party)
        if counts is not None:
            own, strangers = counts
            limits = self.limits
            if own + strangers >= limits.calls or (direction and strangers >= limits.incoming_calls):
                raise Refused("too-many-calls")
        return Call(owner, method, direction)

    def keep(self, call: Call, until: float) -> None:
        """Enter a call, or keep it until another time."""
        if not call.kept:
            self._enter(call)
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
                self._leave(call)
                gone.append(call)
        return gone

    def _enter(self, call: Call) -> None:
        name, party = call.owner.name, call.owner.party
        if name in self._known:
            self._namesakes[name, party] = call
        else:
            self._known[name] = call
        call.kept = True
        counts = self._counts.get(party)
        if counts is None:
            counts = self._counts[party] = [0, 0]
        counts[call.begun] += 1

    def _leave(self, call: Call) -> None:
        name, party = call.owner.name, call.owner.party
        if self._known.get(name) is call:
            del self._known[name]
        else:
            del self._namesakes[name, party]
        call.kept = False
        counts = self._counts[party]
        counts[call.begun] -= 1
        if not any(counts):
            del self._counts[party]
