"""The SIP ALG: what a SIP message becomes on the other side, and which flows it announces.

    inside phone            gateway                       outside phone
      | INVITE  c= m=  ------->| translate, gate for RTP --------->|
      |<----------------- 200  |<-------------------- 200  c= m=   |   the gate becomes a door for the answer's address
      | ACK, RTP  <===========>|<=========================> RTP    |
      | BYE ------------------>|---------------------------------->|   doors close 5 s later, after the 200

RFC 3261 (messages, transactions, dialogs), RFC 3264 (offer and answer), RFC 3581 (rport), RFC 5621 (bodies).
"""

from collections import Counter
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping
from typing import Final

from doorman.algs.api import (
    CloseDoors,
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
    Refused,
    Shown,
    StopInspecting,
    Touched,
)
from doorman.algs.records import DamagedRecord
from doorman.algs.settings import Settings, lets_pass
from doorman.algs.sip.body import translate_body
from doorman.algs.sip.calls import Call, Calls, State
from doorman.algs.sip.guard import Guard
from doorman.algs.sip.headers import echoed_identity, find_users, own_identities, translate_headers
from doorman.algs.sip.hold import silence
from doorman.algs.sip.lifetime import deadline, why_over
from doorman.algs.sip.media import Announced
from doorman.algs.sip.naming import Naming
from doorman.algs.sip.negotiation import concerns_media, negotiate, wants_more_doors
from doorman.algs.sip.progress import (
    follow,
    is_answered_by,
    is_established,
    is_newer,
    is_of_dialog,
    tells_nothing,
)
from doorman.algs.sip.records import read_call, read_key, write_call
from doorman.algs.sip.settings import SipSettings
from doorman.algs.sip.signalling import Signals
from doorman.algs.sip.spelling import Spelling, Written
from doorman.algs.sip.wanted import WantedDoors
from doorman.net.addresses import new_tuple
from doorman.net.edits import growth
from doorman.net.packet import UDP
from doorman.wire.malformed import Excessive, Malformed
from doorman.wire.sip import METHODS, SipMessage, begins_like_sip, is_keepalive, read_sip

MAX_DATAGRAM: Final = 65_500
"""Bytes of a message over UDP as it goes on, so that it fits into a packet: one of 65,000 may still grow."""

_CONFIRMED: Final = State.CONFIRMED
_ENDED: Final = State.ENDED
_NAMES: Final = {method: method.decode("ascii") for method in METHODS}
_MOST_GROWTH: Final = 3
"""How many times longer a message can become: `1.1.1.1` is shorter than `255.255.255.255:65535` by this."""


class SipAlg:
    """SIP's application-level gateway.

    Args:
        ports: those it is served on, where signalling doors may lead.
        settings: `SipSettings`.

    Raises:
        TypeError: they are those of another ALG.
    """

    name = "sip"

    def __init__(self, ports: frozenset[int], settings: Settings | None = None) -> None:
        self.touched = Touched()
        self._settings = _of_sip(settings or SipSettings())
        self.calls = Calls(self._settings)
        self._limits = self.calls.limits
        self._signals = Signals(ports, self._limits)
        self.guard = Guard(self._settings, self._signals.expect)
        self._spelling = Spelling(self.touched)
        self._to_watch: list[Call] = []

    def configure(self, ports: frozenset[int], settings: Settings) -> None:
        """Let signalling doors lead to other ports, and all calls live by other settings. See `Alg.configure`."""
        self._signals.ports = ports
        before = self._settings
        # Also where they are equal: the access lists that they name may not be.
        self._settings = _of_sip(settings)
        self.calls.configure(self._settings)
        self.guard.configure(self._settings)
        self._limits = self._signals.limits = self.calls.limits
        if settings == before:
            return
        self._to_watch = list(self.calls)
        for call in self._to_watch:
            ends = deadline(call, self.calls.times)
            if ends != call.forget_at:
                self.touched.add(call)
                self.calls.keep(call, ends)

    def recognises(self, data: bytes) -> bool:
        """Whether a message begins with a line of SIP. See `Alg.recognises`."""
        return begins_like_sip(data)

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Translate a message and follow what it does to its call. See `Alg.on_message`."""
        limits = self._limits
        try:
            sip = read_sip(message.data, limits.headers, limits.header_length)
        except Malformed as malformed:
            return self._unreadable(malformed, "malformed", message)
        if sip is None:
            return Outcome([], [] if is_keepalive(message.data) else [StopInspecting(), Note("not-sip")])
        party = message.party
        call = self.calls.find(sip.call_id, party)
        owner = call.owner if call is not None else new_tuple(Owner, (self.name, sip.call_id, party))
        if sip.method and sip.method not in METHODS:
            note = Note("unknown-method", sip.method)
            outcome = _by_policy(self._settings.unknown_message, "unknown-method", "unknown", message, [note])
        else:
            if call is None:
                call = self._signals.joined(sip, owner)
                owner = call.owner if call is not None else owner
            outcome = self._decide(sip, message, nat, owner, call)
        outcome.owner = owner
        outcome.answers = _NAMES.get(sip.cseq_method) or "" if sip.status else ""
        return outcome

    def _decide(self, sip: SipMessage, message: Message, nat: Nat, owner: Owner, known: Call | None) -> Outcome:
        try:
            return self._translate(sip, message, nat, owner, known)
        except Malformed as malformed:
            return self._unreadable(malformed, sip.name, message)
        except Refused as refused:
            return Outcome([], [], sip.name, str(refused))

    def _unreadable(self, malformed: Malformed, name: str, message: Message) -> Outcome:
        policy = "drop" if isinstance(malformed, Excessive) else self._settings.malformed
        return _by_policy(policy, malformed.reason, name, message, [])

    def _translate(self, sip: SipMessage, message: Message, nat: Nat, owner: Owner, known: Call | None) -> Outcome:
        limits = self._limits
        guarded = sip.cseq_method == b"INVITE" and not is_established(known, sip)
        if guarded and sip.method:
            guarded = self.guard.admit(message, nat)
        call = known or self.calls.begin(owner, sip.cseq_method, message.direction)
        guests = self._signals.guests(sip, call, trusted=self._trusts(message, nat))
        wanted = WantedDoors(sip, message, call.signals) if nat.shielded(message.path.sent_from.address) else None
        naming = Naming(message, nat, self._spelling, call.aliases, own_identities(sip), guests, wanted, limits.values)
        translate_headers(sip, naming)
        edits, effects = naming.edits, naming.effects
        announced = translate_body(sip, naming, limits.max_streams)
        if _outgrows(message, edits):
            return _by_policy(self._settings.oversized, "message-too-long", sip.name, message, [])
        if announced and wants_more_doors(call, announced, limits.doors):
            raise Refused("too-many-doors")
        # From here on nothing is refused: what the message does to its call may be written down.
        self._remember(call, sip, naming, message)
        if sip.method and sip.cseq_method != sip.method:
            effects.append(Note("cseq-method-differs", sip.cseq_method))
        if guarded:
            effects += self.guard.follow(sip, message)
        effects += self._follow(call, announced, sip, message, nat)
        return Outcome(edits, effects, sip.name)

    def _remember(self, call: Call, sip: SipMessage, naming: Naming, message: Message) -> None:
        """Keep what a message says of the hosts of its call, and open the doors that signalling needs to them."""
        signals, wanted = call.signals, naming.wanted
        if wanted is not None and wanted.places:
            naming.effects += self._signals.open(wanted.places, message, call)
        if naming.aliases or call.signals is not signals or not tells_nothing(call, sip):
            self.touched.add(call)
        call.aliases = naming.aliases
        if not call.caller:
            call.caller, call.callee = find_users(sip)

    def _trusts(self, message: Message, nat: Nat) -> bool:
        """Whether a message may announce others than its sender."""
        if not self._limits.trusted_media:
            return False
        return self._settings.trusts(message.path.sent_from.address) and nat.trust()

    def _follow(
        self, call: Call, announced: list[Announced] | None, sip: SipMessage, message: Message, nat: Nat
    ) -> list[Effect]:
        if call.state is _ENDED and sip.method == b"INVITE" and is_newer(call, sip, message.direction):
            call.begin_again()
        elif not is_of_dialog(call, sip, message.direction):
            return [Note("unexpected-answer" if sip.status else "unknown-dialog")]
        if not is_answered_by(call, sip, message):
            return [Note("unexpected-answer")]
        if not concerns_media(call, announced, sip):
            return follow(self.calls, call, sip, message, nat)
        effects = negotiate(self.calls, call, announced, sip, message)
        return effects + follow(self.calls, call, sip, message, nat)

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """Name everything in a message as its sender did. See `Alg.as_sent`."""
        try:
            limits = self._limits
            sip = read_sip(message.data, limits.headers, limits.header_length)
            if sip is None:
                return []
            # What a host wrote before must not be taken from the message that is to prove it was kept.
            naming = Naming(message, nat, Spelling(Touched()), None, echoed_identity(sip), budget=limits.values)
            translate_headers(sip, naming)
            translate_body(sip, naming, limits.max_streams)
        except (Malformed, Refused):
            return []
        return naming.edits

    def on_time(self, now: float) -> list[Effect]:
        """Give up calls that nothing ended. See `Alg.on_time`."""
        self.guard.expire(now)
        watched = [call for call in self._to_watch if call.state is _CONFIRMED and call.streams]
        effects: list[Effect] = [silence(self.calls, call) for call in watched]
        self._to_watch = []
        for call in self.calls.overdue(now):
            self.touched.add(call)
            why = why_over(call, self.calls.times)
            if why:
                effects.append(Note(why, call.owner.name, call.owner))
            # At its own time: after a quiet gap, what its doors held must not seem to have been needed until now.
            if call.streams:
                effects.append(CloseDoors(call.owner, call.forget_at))
            effects += self._signals.release(call, call.forget_at)
        return effects

    def on_end(self, ends: Ends, now: float) -> list[Effect]:  # noqa: ARG002 - see there
        """Nothing: calls outlive the flows of their signalling. See `Alg.on_end`."""
        return []

    def totals(self) -> Mapping[str, int]:
        """Calls and registrations. See `Alg.totals`."""
        methods = Counter(call.method for call in self.calls)
        return {"calls": methods[b"INVITE"], "registrations": methods[b"REGISTER"]}

    def sessions(self, now: float) -> Iterator[Mapping[str, Shown]]:  # noqa: ARG002 - see there
        """None: calls and registrations have tables of their own. See `Alg.sessions`."""
        return iter(())

    def remembered(self) -> Iterable[Hashable]:
        """Its calls, and the spellings of inside hosts. See `Alg.remembered`."""
        return [*self.calls, *self._spelling]

    def of_owner(self, owner: Owner) -> Hashable | None:
        """A call; signalling doors are nobody's. See `Alg.of_owner`."""
        return self.calls.find(owner.name, owner.party)

    def record(self, item: Hashable) -> Record:
        """The record of a call or a spelling. See `Alg.record`."""
        if isinstance(item, Call):
            owner = item.owner
            call = item if item.kept else self.calls.find(owner.name, owner.party)
            return owner, write_call(call) if call is not None else None
        if isinstance(item, Written):
            return item, item in self._spelling or None
        raise TypeError(f"not of SIP: {item!r}")

    def restore(self, key: Plain, value: Plain, doors: Container[Owner]) -> Iterable[Owner]:
        """Remember a call or a spelling again. See `Alg.restore`."""
        item = read_key(key, self.name)
        if isinstance(item, Written):
            if value is not True:
                raise DamagedRecord("true")
            self._spelling.remember(item.endpoint, item.form, via=item.via, so=True)
            return []
        call = read_call(item, value)
        if self.calls.find(item.name, item.party) is not None:
            raise DamagedRecord("one record of a call")
        self.calls.keep(call, call.forget_at)
        self._to_watch.append(call)
        return [item, *self._signals.restore(call, doors)]


def _of_sip(settings: Settings) -> SipSettings:
    if not isinstance(settings, SipSettings):
        raise TypeError(f"not of SIP: {settings!r}")
    return settings


def _by_policy(policy: str, reason: str, name: str, message: Message, effects: list[Effect]) -> Outcome:
    """Let a message go on as it came, or drop it for this reason."""
    if lets_pass(policy, translated=message.path.translated):
        return Outcome([], [*effects, Note("passed-as-it-came", reason.encode())], name)
    return Outcome([], effects, name, reason)


def _outgrows(message: Message, edits: list[Edit]) -> bool:
    """Whether a datagram could not carry the message as it goes on."""
    length = len(message.data)
    if length * _MOST_GROWTH <= MAX_DATAGRAM or message.protocol != UDP:
        return False
    return length + growth(edits) > MAX_DATAGRAM
