"""How calls, registrations and other exchanges go on and end (RFC 3261, sections 9, 10, 12, 13, 15)."""

import re
from itertools import zip_longest
from typing import Final

from doorman.algs.api import CloseDoors, Direction, Effect, InactivityTimeout, Message, Nat
from doorman.algs.sip.calls import NO_TRANSACTION, NOT_ASKED, Call, Calls, State, Transaction
from doorman.algs.sip.forks import dialog_of, follow_dialog, go_on, is_followed
from doorman.algs.sip.lifetime import keep, keep_a_while, keep_ringing, refresh
from doorman.algs.sip.offers import is_success, transaction_of
from doorman.wire.sip import SipMessage
from doorman.wire.uri import HostPort, find_uris

DEFAULT_EXPIRES: Final = 3_600.0
"""Of a registration or subscription which does not say."""
MAX_EXPIRES: Final = 86_400.0
"""The longest that a registration or subscription is believed; refreshing it makes it last."""

_EXPIRES: Final = re.compile(rb";\s*+expires\s*+=\s*+\"?([0-9]{1,9})", re.IGNORECASE)
# Looked up once: in Python 3.11 each `State.ENDED` costs more than a look-up in a dictionary.
_TRYING: Final = State.TRYING
_EARLY: Final = State.EARLY
_CONFIRMED: Final = State.CONFIRMED
_ENDED: Final = State.ENDED
_INBOUND: Final = Direction.INBOUND
_FOR_EVER: Final = float("inf")
_LASTING: Final = frozenset({b"REGISTER", b"SUBSCRIBE"})
_CALLING: Final = frozenset({b"BYE", b"CANCEL", b"INVITE"})


def is_newer(call: Call, sip: SipMessage, direction: Direction) -> bool:
    """Whether an INVITE comes after the last one that went this way."""
    last = call.newest_invite(direction)
    return not last or _is_before(last, sip.cseq)


def _is_before(cseq: bytes, other: bytes) -> bool:
    """Whether a number is smaller than another; they are of any length. Nothing is before b"", which is none."""
    if not other or cseq == other:
        return False
    one, two = cseq.lstrip(b"0"), other.lstrip(b"0")
    return (len(one), one) < (len(two), two)


def is_of_dialog(call: Call, sip: SipMessage, direction: Direction) -> bool:
    """Whether a message may be one of the call: it begins a dialog, or names both ends of one that is known.

    Of a call that was not seen from its beginning, and of one between ends that write no tags (RFC 2543), no more is
    known than was seen; their messages are believed. Nobody calls by the Call-ID of another's registration.
    """
    if call.method != b"INVITE":
        others = call.method in _LASTING and call.asked != NOT_ASKED and call.asked[0] != direction
        return not (others and sip.method in _CALLING)
    to, sender, tag = sip.to_tag, sip.from_tag, call.tag
    if not to and not sip.status:
        return sender == tag or not (tag or call.dialogs)
    if tag and tag not in (to, sender):
        return False
    if sip.status and sip.cseq_method == b"INVITE":
        return True  # that may be how a dialog begins
    return not call.dialogs or call.dialog(to) is not None or call.dialog(sender) is not None


def is_established(call: Call | None, sip: SipMessage) -> bool:
    """Whether a request is one within an established call."""
    return call is not None and call.state is _CONFIRMED and bool(sip.method and sip.to_tag)


def tells_nothing(call: Call, sip: SipMessage) -> bool:
    """Whether a message tells nothing new of how far its call has come: it answers what ended that."""
    return call.state is _ENDED and sip.cseq_method == b"BYE" and not sip.method


def is_answered_by(call: Call, sip: SipMessage, message: Message) -> bool:
    """Whether a response may be one to what was asked: it comes from whom that went to, as far as it was seen."""
    direction, address = call.asked
    if not sip.status or not address:
        return True
    answers = direction != message.direction
    method = sip.cseq_method
    if method == b"INVITE":
        return not answers or message.path.sent_from.address == address
    if method in _LASTING and call.method in _LASTING:
        return answers and message.path.sent_from.address == address
    return True


def may_announce(call: Call, sip: SipMessage, transaction: Transaction) -> bool:
    """Whether a message can announce anything: nothing does in what is over, not even sent again.

    Nor does what belongs to an INVITE that another followed: a copy that was late, or lost its ACK.
    """
    cseq, method, asking = transaction
    if method == b"INVITE" and _is_before(cseq, call.newest_invite(asking)):
        return False
    if sip.status:  # also of a call that was cancelled, if the answer crossed the CANCEL
        return not _is_over(call, sip.to_tag) and (call.state is not _ENDED or sip.status >= 200)  # noqa: PLR2004
    return call.state is not _ENDED


def follow(calls: Calls, call: Call, sip: SipMessage, message: Message, nat: Nat) -> list[Effect]:
    """Bring the call's state up to date, and close what the message ends."""
    now = message.now
    if sip.cseq_method == b"INVITE":
        return _invite(calls, call, sip, message)
    if sip.method == b"ACK" and not message.direction and call.state is _TRYING and _is_unasked(call):
        return _answered(calls, call, sip, sip.to_tag, now)  # an inside host knows what it was
    if sip.method == b"BYE" or (sip.method == b"CANCEL" and _cancels(call, sip, message.direction)):
        return _end(calls, call, sip, message)
    if sip.cseq_method == b"UPDATE" and is_success(sip):
        return _refreshed(calls, call, sip, now)
    if call.method in _LASTING and sip.cseq_method in _LASTING:
        if sip.method:
            if call.asked == NOT_ASKED or call.asked[0] == message.direction:  # the other end cannot ask for this one
                call.asked = (message.direction, message.path.arrives_to.address)
                call.expires = _expires(call, sip, message, nat)
        elif is_success(sip) and call.asked != NOT_ASKED:
            said = _expires(call, sip, message, nat)
            expires = said if said is not None else call.expires
            calls.keep(call, now + min(DEFAULT_EXPIRES if expires is None else expires, MAX_EXPIRES))
            return []
    if call.state is not _ENDED:
        keep_a_while(calls, call, now)
    return []


def _refreshed(calls: Calls, call: Call, sip: SipMessage, now: float) -> list[Effect]:
    """An UPDATE succeeded: if it is one of the dialog that the call follows, the session goes on (RFC 4028)."""
    dialog = dialog_of(call, sip)
    if call.state is _CONFIRMED and (not call.chosen or dialog == call.chosen):
        return refresh(calls, call, sip, now)
    if call.state is not _ENDED:
        keep_a_while(calls, call, now)
    return []


def _invite(calls: Calls, call: Call, sip: SipMessage, message: Message) -> list[Effect]:
    status, now = sip.status, message.now
    call.method = b"INVITE"
    if sip.method == b"INVITE" and is_newer(call, sip, message.direction):
        outbound, inbound = call.invites
        call.invites = (outbound, sip.cseq) if message.direction else (sip.cseq, inbound)
        call.asked = (message.direction, message.path.arrives_to.address)
        if not sip.to_tag:
            call.tag = sip.from_tag
    tag = sip.to_tag if status else b""
    newest = call.newest_invite(not message.direction) or sip.cseq  # of a call that was not seen from its beginning
    if status and (sip.cseq != newest or _is_over(call, tag) or (message.direction and _is_unasked(call))):
        # Of another try, or of a dialog that is over, or to nothing that was asked: it tells nothing of this one.
        keep_a_while(calls, call, now)
    elif status <= 100:  # noqa: PLR2004 - a request, or Trying
        if not _is_settled(call):
            keep_ringing(calls, call, now)
    elif status < 200:  # noqa: PLR2004 - provisional
        call.see_dialog(tag, _EARLY)
        if not _is_settled(call):
            call.state = _EARLY
            keep_ringing(calls, call, now)
            return [InactivityTimeout(call.owner, _FOR_EVER)] if call.streams else []
    elif status < 300:  # noqa: PLR2004 - success
        return _answered(calls, call, sip, tag, now)
    elif call.state is not _CONFIRMED:
        call.see_dialog(tag, _ENDED)
        return _close(calls, call, now)
    return []


def _is_settled(call: Call) -> bool:
    """Whether an INVITE was answered, or the call is over."""
    return call.state is _CONFIRMED or call.state is _ENDED


def _is_unasked(call: Call) -> bool:
    """Whether the INVITE of a call was not seen: the gateway was not there, or it never was."""
    return call.method == b"INVITE" and not _was_asked(call)


def _answered(calls: Calls, call: Call, sip: SipMessage, tag: bytes, now: float) -> list[Effect]:
    call.see_dialog(tag, _CONFIRMED)
    dialog = dialog_of(call, sip)
    if call.state is not _CONFIRMED:
        call.state, call.established = _CONFIRMED, now
        follow_dialog(call, dialog)
    return refresh(calls, call, sip, now) if is_followed(call, dialog) else []


def _cancels(call: Call, sip: SipMessage, direction: Direction) -> bool:
    """Whether a CANCEL is for an INVITE that went its way (RFC 3261, section 9.1), as far as any was seen."""
    newest = call.newest_invite(direction)
    return (bool(newest) and newest == sip.cseq) or not _was_asked(call)


def _is_over(call: Call, tag: bytes) -> bool:
    dialog = call.dialog(tag)
    return dialog is not None and dialog.state is _ENDED


def _end(calls: Calls, call: Call, sip: SipMessage, message: Message) -> list[Effect]:
    for tag in (sip.to_tag, sip.from_tag):
        dialog = call.dialog(tag)
        if dialog is not None:
            dialog.state = _ENDED
    if sip.method == b"CANCEL" and call.state is _CONFIRMED:
        return []  # it came too late (RFC 3261, section 9.1)
    if sip.method == b"BYE" and _goes_on(call):
        return go_on(call, transaction_of(sip, message.direction), message.now, calls.times.linger)
    return _close(calls, call, message.now)


def _was_asked(call: Call) -> bool:
    """Whether any INVITE of a call was seen."""
    return bool(call.invites[0] or call.invites[1])


def _goes_on(call: Call) -> bool:
    """Whether a dialog is left; before an answer one of several can be ended alone (RFC 3261, section 15)."""
    early = call.state is _EARLY
    return bool([one for one in call.dialogs if one.state is _CONFIRMED or (early and one.state is _EARLY)])


def _close(calls: Calls, call: Call, now: float) -> list[Effect]:
    call.state = _ENDED
    call.unsettled, call.forks, call.offer = (), None, NO_TRANSACTION
    keep(calls, call, now)
    return [CloseDoors(call.owner, now + calls.times.linger)]


def _expires(call: Call, sip: SipMessage, message: Message, nat: Nat) -> float | None:
    """How long a registration or subscription is to live (RFC 3261, section 10.3), None where nothing is said.

    A registrar lists all devices of a user: only what is said of the Contacts of this call counts, else the Expires
    header.
    """
    seconds = []
    for header in sip.headers:
        if header.name == "contact":
            value = sip.data[header.start : header.end]
            places = find_uris(value)
            for place, following in zip_longest(places, places[1:]):
                found = _EXPIRES.search(value, place.end, following.start if following else len(value))
                if found is not None and _is_of(call, place, message, nat):
                    seconds.append(float(found[1]))
    if seconds:
        return max(seconds)
    value = sip.value("expires").strip()
    return float(value) if value.isdigit() and len(value) < 10 else None  # noqa: PLR2004 - digits


def _is_of(call: Call, contact: HostPort, message: Message, nat: Nat) -> bool:
    """Whether a Contact is the inside party of a call, or whom it has registered; others share its name outside."""
    endpoint = contact.endpoint
    if endpoint is None or not nat.owns(endpoint.address):
        return False
    if message.direction is _INBOUND:
        endpoint = nat.translate(endpoint, contact.protocol or message.protocol)
    address = endpoint.address
    return address == call.owner.party or any(address == door.leads_to.address for door in call.signals)
