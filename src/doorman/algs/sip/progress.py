"""How calls, registrations and other exchanges go on and end (RFC 3261, sections 9, 10, 12, 13, 15)."""

import re

from doorman.algs.api import CloseDoors, Effect, Nat
from doorman.algs.sip.calls import Call, Calls, State
from doorman.algs.sip.offers import GATE, LINGER, MAX_CALL
from doorman.net.addresses import parse_address
from doorman.wire.sip import SipMessage
from doorman.wire.uri import find_uris

TRANSACTION = 32.0
"""64 * T1: how long a request without INVITE, or the end of a call, may take (RFC 3261, section 17.1.2.2)."""
DEFAULT_EXPIRES = 3_600.0
"""Of a registration or subscription which does not say."""

_TAG = re.compile(rb";\s*+tag\s*+=\s*+([^;>,\s]++)", re.IGNORECASE)
_EXPIRES = re.compile(rb";\s*+expires\s*+=\s*+\"?([0-9]{1,9})", re.IGNORECASE)
_LASTING = frozenset({b"REGISTER", b"SUBSCRIBE"})


def follow(calls: Calls, call: Call, sip: SipMessage, nat: Nat, now: float) -> list[Effect]:
    """Bring the call's state up to date, and close what it ends."""
    if sip.cseq_method == b"INVITE":
        return _invite(calls, call, sip, now)
    if sip.method in {b"BYE", b"CANCEL"}:
        return _end(calls, call, sip, now)
    if sip.cseq_method in _LASTING and 200 <= sip.status < 300:  # noqa: PLR2004 - success
        calls.keep(call, now + _expires(sip, nat))
    elif not call.forget_at or (call.forget_at < now + TRANSACTION and call.state != State.ENDED):
        calls.keep(call, now + TRANSACTION)
    return []


def _invite(calls: Calls, call: Call, sip: SipMessage, now: float) -> list[Effect]:
    status = sip.status
    if call.method != b"INVITE":
        call.method = b"INVITE"
    if status == 0 or status == 100:  # noqa: PLR1714, PLR2004 - a request, or Trying
        if call.state != State.CONFIRMED:
            call.state = State.TRYING if call.state == State.ENDED else call.state
            calls.keep(call, now + GATE)
    elif status < 200:  # noqa: PLR2004 - provisional
        call.see_dialog(tag_of(sip, "to"), State.EARLY)
        if call.state != State.CONFIRMED:
            call.state = State.EARLY
            calls.keep(call, now + GATE)
    elif status < 300:  # noqa: PLR2004 - success
        call.see_dialog(tag_of(sip, "to"), State.CONFIRMED)
        call.state = State.CONFIRMED
        calls.keep(call, now + MAX_CALL)
    elif call.state != State.CONFIRMED:
        call.see_dialog(tag_of(sip, "to"), State.ENDED)
        return _close(calls, call, now)
    return []


def _end(calls: Calls, call: Call, sip: SipMessage, now: float) -> list[Effect]:
    for name in ("to", "from"):
        tag = tag_of(sip, name)
        if call.dialogs and tag in call.dialogs:
            call.dialogs[tag] = State.ENDED
    if sip.method == b"CANCEL" and call.state == State.CONFIRMED:
        return []  # it came too late (RFC 3261, section 9.1)
    if sip.method == b"BYE" and call.dialogs and State.CONFIRMED in call.dialogs.values():
        return []  # another fork goes on, or this is no BYE of this call's dialogs
    return _close(calls, call, now)


def _close(calls: Calls, call: Call, now: float) -> list[Effect]:
    call.state = State.ENDED
    calls.keep(call, now + TRANSACTION)
    return [CloseDoors(call.owner, now + LINGER)]


def tag_of(sip: SipMessage, name: str) -> bytes:
    """The tag in the first From or To header, b"" where there is none."""
    found = _TAG.search(sip.value(name))
    return found[1] if found else b""


def _expires(sip: SipMessage, nat: Nat) -> float:
    """How long a registration or subscription lives (RFC 3261, section 10.3).

    A registrar lists all devices of a user: only what it says of our Contacts counts, else the Expires header.
    """
    seconds = []
    for name, start, end in sip.headers:
        if name == "contact":
            value = sip.data[start:end]
            places = find_uris(value)
            ends = [place.start for place in places[1:]] + [len(value)]
            for place, stop in zip(places, ends, strict=True):
                found = _EXPIRES.search(value, place.end, stop)
                address = parse_address(place.host)
                if found is not None and address is not None and nat.owns(address):
                    seconds.append(float(found[1]))
    if seconds:
        return max(seconds)
    value = sip.value("expires").strip()
    return float(value) if value.isdigit() and len(value) < 10 else DEFAULT_EXPIRES  # noqa: PLR2004 - digits
