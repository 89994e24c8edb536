"""The SIP ALG: what a SIP message becomes on the other side, and which flows it announces.

    inside phone            gateway                       outside phone
      | INVITE  c= m=  ------->| translate, gate for RTP --------->|
      |<----------------- 200  |<-------------------- 200  c= m=   |   the gate becomes a door for the answer's address
      | ACK, RTP  <===========>|<=========================> RTP    |
      | BYE ------------------>|---------------------------------->|   doors close 5 s later, after the 200

RFC 3261 (messages, transactions, dialogs), RFC 3264 (offer and answer), RFC 3581 (rport), RFC 5621 (bodies).
"""

import re

from doorman.algs.api import (
    CloseDoors,
    Door,
    Edit,
    Effect,
    Message,
    Nat,
    Note,
    OpenDoor,
    Outcome,
    Owner,
    Refused,
    StopInspecting,
)
from doorman.algs.sip.calls import Call, Calls, State
from doorman.algs.sip.headers import HeaderTranslation, Spelling
from doorman.algs.sip.media import Announced, Flow, MediaTranslation
from doorman.algs.sip.signalling import Signals
from doorman.net.addresses import Address, parse_prefix
from doorman.wire.malformed import Malformed
from doorman.wire.multipart import find_parts
from doorman.wire.sdp import read_sdp
from doorman.wire.sip import METHODS, SipMessage, is_keepalive, read_sip

MAX_MEDIA = 12
"""Media lines of a description, as Cisco IOS and Junos have it (channels per call)."""
C_TIMEOUT = 180.0
"""How long an INVITE may ring: timer C of a proxy (RFC 3261, section 16.6)."""
TRANSACTION = 32.0
"""64 * T1: how long a request without INVITE, or the end of a call, may take (RFC 3261, section 17.1.2.2)."""
MAX_CALL = 43_200.0
"""Maximum call duration: 720 minutes."""
LINGER = 5.0
"""How long doors stay after BYE or CANCEL, so that the response passes."""
DEFAULT_EXPIRES = 3_600.0
"""Of a registration or subscription which does not say."""

_TAG = re.compile(rb";\s*+tag\s*+=\s*+([^;>,\s]++)", re.IGNORECASE)
_EXPIRES = re.compile(rb";\s*+expires\s*+=\s*+\"?([0-9]{1,9})", re.IGNORECASE)
_PRIVATE = [parse_prefix(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
_LASTING = frozenset({b"REGISTER", b"SUBSCRIBE"})


class SipAlg:
    """SIP's application-level gateway. `ports`: those it is served on, where signalling doors may lead."""

    name = "sip"

    def __init__(self, ports: frozenset[int]) -> None:
        self.calls = Calls()
        self._signals = Signals(ports)
        self._spelling = Spelling()

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
        owner = Owner(self.name, sip.call_id, message.party)
        call = self.calls.find(owner) or Call(owner, sip.cseq_method)
        try:
            headers = HeaderTranslation(sip, message, nat, self._spelling, call.aliases)
            headers.run()
            edits, effects = headers.edits, headers.effects
            announced = _translate_body(sip, nat, edits, effects)
            effects += self._signals.of_message(sip, headers.signalling, message, nat, call)
            call.aliases = headers.aliases
            if not call.caller:
                call.caller, call.callee = headers.users.get("from", b""), headers.users.get("to", b"")
        except Malformed as malformed:
            return Outcome([], [], sip.name, drop=malformed.reason)
        except Refused as refused:
            return Outcome([], [], sip.name, drop=str(refused))
        if sip.method and sip.cseq_method != sip.method:
            effects.append(Note("cseq-method-differs", sip.cseq_method))
        if call.state == State.ENDED and sip.method == b"INVITE":
            call.streams, call.dialogs = [], None  # tried again: with credentials, say
        if sip.status and call.dialogs and call.dialogs.get(_tag(sip, "to")) == State.ENDED:
            return Outcome(edits, effects, sip.name)  # an answer sent again opens nothing that a BYE has closed
        effects += self._offer(call, announced, message)
        effects += self._follow(call, sip, message.now)
        return Outcome(edits, effects, sip.name)

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """Name everything in a message as its sender did. See `Alg.as_sent`."""
        try:
            sip = read_sip(message.data)
            if sip is None:
                return []
            # What a host wrote before must not be taken from the message that is to prove it was kept.
            headers = HeaderTranslation(sip, message, nat, Spelling(), None)
            headers.run()
            _translate_body(sip, nat, headers.edits, headers.effects)
        except (Malformed, Refused):
            return []
        return headers.edits

    def on_time(self, now: float) -> list[Effect]:
        """Give up calls that nothing ended. See `Alg.on_time`."""
        effects: list[Effect] = []
        for call in self.calls.overdue(now):
            if call.streams:
                effects.append(CloseDoors(call.owner, now))
            effects += self._signals.release(call, now)
        return effects

    def _offer(self, call: Call, announced: list[Announced] | None, message: Message) -> list[Effect]:
        """Open doors for what a message announces, and let the sender in where the other end announced before."""
        effects: list[Effect] = []
        near, far = message.direction, 1 - message.direction
        peer = message.path.arrives_to.address
        for index, mine in enumerate(announced or ()):
            if index == len(call.streams):
                call.streams.append([None, None])
            ends = call.streams[index]
            before, theirs = ends[near], ends[far]
            if before == mine and call.state != State.ENDED:
                continue  # a retransmission, or the final answer after an early one
            ends[near] = mine
            kept = {flow.entrance for flow in mine.flows}
            gone = [flow for flow in before.flows if flow.entrance not in kept] if before is not None else []
            effects += [CloseDoors(call.owner, message.now + LINGER, flow.entrance) for flow in gone]
            effects += [_door(call, flow, theirs, peer, message.now) for flow in mine.flows]
            if theirs is not None and mine.receives is not None:
                source = message.path.sent_from.address
                effects += [_door(call, flow, mine, source, message.now) for flow in theirs.flows]
        return effects

    def _follow(self, call: Call, sip: SipMessage, now: float) -> list[Effect]:
        """Bring the call's state up to date, and close what it ends."""
        if sip.cseq_method == b"INVITE":
            return self._invite(call, sip, now)
        if sip.method in {b"BYE", b"CANCEL"}:
            return self._end(call, sip, now)
        if sip.cseq_method in _LASTING and 200 <= sip.status < 300:  # noqa: PLR2004 - success
            self.calls.keep(call, now + _expires(sip))
        elif not call.forget_at or (call.forget_at < now + TRANSACTION and call.state != State.ENDED):
            self.calls.keep(call, now + TRANSACTION)
        return []

    def _invite(self, call: Call, sip: SipMessage, now: float) -> list[Effect]:
        status = sip.status
        if call.method != b"INVITE":
            call.method = b"INVITE"
        if status == 0 or status == 100:  # noqa: PLR1714, PLR2004 - a request, or Trying
            if call.state != State.CONFIRMED:
                call.state = State.TRYING if call.state == State.ENDED else call.state
                self.calls.keep(call, now + C_TIMEOUT)
        elif status < 200:  # noqa: PLR2004 - provisional
            call.see_dialog(_tag(sip, "to"), State.EARLY)
            if call.state != State.CONFIRMED:
                call.state = State.EARLY
                self.calls.keep(call, now + C_TIMEOUT)
        elif status < 300:  # noqa: PLR2004 - success
            call.see_dialog(_tag(sip, "to"), State.CONFIRMED)
            call.state = State.CONFIRMED
            self.calls.keep(call, now + MAX_CALL)
        elif call.state != State.CONFIRMED:
            call.see_dialog(_tag(sip, "to"), State.ENDED)
            return self._close(call, now)
        return []

    def _end(self, call: Call, sip: SipMessage, now: float) -> list[Effect]:
        for name in ("to", "from"):
            tag = _tag(sip, name)
            if call.dialogs and tag in call.dialogs:
                call.dialogs[tag] = State.ENDED
        if sip.method == b"CANCEL" and call.state == State.CONFIRMED:
            return []  # it came too late (RFC 3261, section 9.1)
        if sip.method == b"BYE" and call.dialogs and State.CONFIRMED in call.dialogs.values():
            return []  # another fork goes on, or this is no BYE of this call's dialogs
        return self._close(call, now)

    def _close(self, call: Call, now: float) -> list[Effect]:
        call.state = State.ENDED
        self.calls.keep(call, now + TRANSACTION)
        return [CloseDoors(call.owner, now + LINGER)]


def _translate_body(sip: SipMessage, nat: Nat, edits: list[Edit], effects: list[Effect]) -> list[Announced] | None:
    """Translate the descriptions in a body, and add to edits and effects; what they announce, None without any."""
    if sip.body_end == sip.body_start:
        return None
    announced: list[Announced] | None = None
    body_edits: list[Edit] = []
    for start, end in _descriptions(sip, effects):
        media = MediaTranslation(read_sdp(sip.data, start, end), nat)
        media.run(MAX_MEDIA)
        body_edits += media.edits
        effects += media.effects
        announced = media.announced if announced is None else announced + media.announced
    if body_edits:
        edits += body_edits
        _correct_length(sip, edits, body_edits)
        edits.sort()
    return announced


def _descriptions(sip: SipMessage, effects: list[Effect]) -> list[tuple[int, int]]:
    """Where the session descriptions of a body stand."""
    if sip.value("content-encoding").strip().lower() not in {b"", b"identity"}:
        effects.append(Note("encoded-body"))
        return []
    found = []
    for kind, start, end in find_parts(sip.data, sip.value("content-type"), sip.body_start, sip.body_end):
        if kind == b"application/sdp" or (not kind and sip.data.startswith(b"v=0", start)):
            found.append((start, end))
        elif kind.startswith((b"application/pkcs7", b"application/x-pkcs7")):
            effects.append(Note("encrypted-body"))
    return found


def _door(call: Call, flow: Flow, visiting: Announced | None, peer: Address, now: float) -> OpenDoor:
    """A door for one flow; before the other end announced itself, a gate for its signalling peer.

    What closes either is the end of the call: a gate's comes with timer C, which ringing prolongs.
    """
    return OpenDoor(
        Door(
            call.owner,
            flow.role,
            flow.protocol,
            visitor=_visitor(visiting, peer),
            entrance=flow.entrance,
            leads_to=flow.leads_to,
            closes=now + MAX_CALL,
            flows=1,
        )
    )


def _visitor(end: Announced | None, peer: Address) -> Address | None:
    """Who may use a door: the other end's media address once it is known, until then only its signalling peer.

    An end that announces a private address though it signals from a public one is behind a NAT of its own; nobody
    knows what its media will come from.
    """
    if end is None:
        return peer
    if end.receives is None or (_is_private(end.receives.address) and not _is_private(peer)):
        return None
    return end.receives.address


def _is_private(address: Address) -> bool:
    return any(address in prefix for prefix in _PRIVATE)


def _correct_length(sip: SipMessage, edits: list[Edit], body_edits: list[Edit]) -> None:
    growth = sum(len(new) - (end - start) for start, end, new, _ in body_edits)
    if sip.length is None or not growth:
        return
    start, end = sip.length
    width = end - start if sip.data[start : start + 1] == b"0" else 0
    length = sip.body_end - sip.body_start + growth
    edits.append(Edit(start, end, str(length).zfill(width).encode(), "Content-Length"))


def _tag(sip: SipMessage, name: str) -> bytes:
    found = _TAG.search(sip.value(name))
    return found[1] if found else b""


def _expires(sip: SipMessage) -> float:
    """How long a registration or subscription lives: what the Contacts say, else Expires (RFC 3261, section 10.3)."""
    contacts = [
        int(found[1])
        for name, start, end in sip.headers
        if name == "contact"
        for found in _EXPIRES.finditer(sip.data, start, end)
    ]
    if contacts:
        return float(max(contacts))
    value = sip.value("expires").strip()
    return float(value) if value.isdigit() and len(value) < 10 else DEFAULT_EXPIRES  # noqa: PLR2004 - digits
