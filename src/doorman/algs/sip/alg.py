"""The SIP ALG: what a SIP message becomes on the other side, and which flows it announces.

    inside phone            gateway                       outside phone
      | INVITE  c= m=  ------->| translate, gate for RTP --------->|
      |<----------------- 200  |<-------------------- 200  c= m=   |   the gate becomes a door for the answer's address
      | ACK, RTP  <===========>|<=========================> RTP    |
      | BYE ------------------>|---------------------------------->|   doors close 5 s later, after the 200

RFC 3261 (messages, transactions, dialogs), RFC 3264 (offer and answer), RFC 3581 (rport), RFC 5621 (bodies).
"""

from collections.abc import Container, Hashable, Iterable

from doorman.algs.api import (
    CloseDoors,
    Edit,
    Effect,
    Json,
    Message,
    Nat,
    Note,
    Outcome,
    Owner,
    Record,
    Refused,
    StopInspecting,
    Touched,
)
from doorman.algs.records import DamagedRecord
from doorman.algs.sip.body import translate_body
from doorman.algs.sip.calls import Call, Calls, State
from doorman.algs.sip.headers import Bare, HeaderTranslation, Spelling, echoed_identity, own_identities
from doorman.algs.sip.media import Announced
from doorman.algs.sip.offers import announce, settle
from doorman.algs.sip.progress import follow, is_answered_by, is_newer, is_of_dialog, may_announce
from doorman.algs.sip.records import bare_key, call_key, read_call, read_key, write_call
from doorman.algs.sip.signalling import Signals
from doorman.wire.malformed import Malformed
from doorman.wire.sip import METHODS, SipMessage, begins_like_sip, is_keepalive, read_sip

MAX_MESSAGE = 65_000
"""Bytes of a message as it goes on, so that it fits into a datagram."""

_OFFERING = frozenset({b"INVITE", b"ACK", b"PRACK", b"UPDATE"})
"""The methods whose messages, and the answers to them, announce media (RFC 3264, 3262, 3311)."""
_TRYING, _, _, _ENDED = State
_MOST_GROWTH = 3
"""How many times longer a message can become: `1.1.1.1` is shorter than `255.255.255.255:65535` by this."""


class SipAlg:
    """SIP's application-level gateway. `ports`: those it is served on, where signalling doors may lead."""

    name = "sip"

    def __init__(self, ports: frozenset[int]) -> None:
        self.touched = Touched()
        self.calls = Calls()
        self._signals = Signals(ports)
        self._spelling = Spelling(self.touched)

    def serve(self, ports: frozenset[int]) -> None:
        """Let signalling doors lead to other ports. See `Alg.serve`."""
        self._signals.ports = ports

    def recognises(self, data: bytes) -> bool:
        """Whether a message begins with a line of SIP. See `Alg.recognises`."""
        return begins_like_sip(data)

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Translate a message and follow what it does to its call. See `Alg.on_message`."""
        try:
            sip = read_sip(message.data)
        except Malformed as malformed:
            return Outcome([], [], "malformed", drop=malformed.reason)
        if sip is None:
            return Outcome([], [] if is_keepalive(message.data) else [StopInspecting(), Note("not-sip")])
        if sip.method and sip.method not in METHODS:
            return Outcome([], [Note("unknown-method", sip.method)], "unknown", drop="unknown-method")
        try:
            return self._translate(sip, message, nat)
        except Malformed as malformed:
            return Outcome([], [], sip.name, drop=malformed.reason)
        except Refused as refused:
            return Outcome([], [], sip.name, drop=str(refused))

    def _translate(self, sip: SipMessage, message: Message, nat: Nat) -> Outcome:
        owner = Owner(self.name, sip.call_id, message.party)
        call = self.calls.find(owner) or self.calls.begin(owner, sip.cseq_method, message.direction)
        headers = HeaderTranslation(sip, message, nat, self._spelling, call.aliases, own_identities(sip))
        headers.run()
        edits, effects = headers.edits, headers.effects
        announced = translate_body(sip, nat, edits, effects)
        if len(message.data) * _MOST_GROWTH > MAX_MESSAGE and _length_after(message.data, edits) > MAX_MESSAGE:
            raise Refused("message-too-long")
        if nat.shielded(message.path.sent_from.address):
            effects += self._signals.of_message(sip, headers.reachable, message, call)
        # From here on nothing is refused: what the message does to its call may be written down.
        self.touched.add(call)
        call.aliases = headers.aliases
        if not call.caller:
            call.caller, call.callee = headers.caller, headers.callee
        if sip.method and sip.cseq_method != sip.method:
            effects.append(Note("cseq-method-differs", sip.cseq_method))
        return Outcome(edits, effects + self._follow(call, announced, sip, message, nat), sip.name)

    def _follow(
        self, call: Call, announced: list[Announced] | None, sip: SipMessage, message: Message, nat: Nat
    ) -> list[Effect]:
        if call.state == _ENDED and sip.method == b"INVITE" and is_newer(call, sip, message.direction):
            # Tried again: with credentials, say.
            call.state, call.streams, call.unsettled, call.dialogs = _TRYING, [], [], None
        elif not is_of_dialog(call, sip):
            return [Note("unknown-dialog")]
        if not is_answered_by(call, sip, message):
            return [Note("unexpected-answer")]
        effects: list[Effect] = []
        if announced and sip.cseq_method in _OFFERING and may_announce(call, sip):
            effects += announce(call, announced, sip, message)
        if call.unsettled:
            effects += settle(call, sip, message)
        return effects + follow(self.calls, call, sip, message, nat)

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """Name everything in a message as its sender did. See `Alg.as_sent`."""
        try:
            sip = read_sip(message.data)
            if sip is None:
                return []
            # What a host wrote before must not be taken from the message that is to prove it was kept.
            headers = HeaderTranslation(sip, message, nat, Spelling(Touched()), None, echoed_identity(sip))
            headers.run()
            translate_body(sip, nat, headers.edits, headers.effects)
        except (Malformed, Refused):
            return []
        return headers.edits

    def on_time(self, now: float) -> list[Effect]:
        """Give up calls that nothing ended. See `Alg.on_time`."""
        effects: list[Effect] = []
        for call in self.calls.overdue(now):
            self.touched.add(call)
            # At its own time: after a quiet gap, what its doors held must not seem to have been needed until now.
            if call.streams:
                effects.append(CloseDoors(call.owner, call.forget_at))
            effects += self._signals.release(call, call.forget_at)
        return effects

    def remembered(self) -> Iterable[Hashable]:
        """Its calls, and the spellings of inside hosts. See `Alg.remembered`."""
        return [*self.calls, *self._spelling]

    def record(self, item: Hashable) -> Record:
        """The record of a call or a spelling. See `Alg.record`."""
        if isinstance(item, Call):
            call = self.calls.find(item.owner)
            return Record(call_key(item.owner), write_call(call) if call is not None else None, item.owner)
        if isinstance(item, Bare):
            return Record(bare_key(item), self._spelling.is_bare(item.endpoint, via=item.via) or None)
        raise TypeError(f"not of SIP: {item!r}")

    def restore(self, key: str, value: Json, doors: Container[Owner]) -> Iterable[Owner]:
        """Remember a call or a spelling again. See `Alg.restore`."""
        item = read_key(key, self.name)
        if isinstance(item, Bare):
            if value is not True:
                raise DamagedRecord("true")
            self._spelling.remember(item.endpoint, via=item.via, bare=True)
            return []
        call = read_call(item, value)
        if self.calls.find(item) is not None:
            raise DamagedRecord("one record of a call")
        self.calls.keep(call, call.forget_at)
        return [item, *self._signals.restore(call, doors)]


def _length_after(data: bytes, edits: list[Edit]) -> int:
    return len(data) + sum(len(new) - end + start for start, end, new, _ in edits)
