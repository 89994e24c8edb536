"""How long calls are kept (RFC 3261, table 4; RFC 4028).

    ringing        timer C from the last provisional response
    established    the maximum duration from the answer; no longer than its session where nobody refreshes that
    over           64 * T1, so that what is late finds that it is over

Everything is counted from what the call remembers, so that new settings hold for the calls that are there.
"""

import re
from typing import Final

from doorman.algs.api import Effect
from doorman.algs.sip.calls import Call, Calls, State
from doorman.algs.sip.hold import silence
from doorman.algs.sip.times import Times
from doorman.wire.sip import SipMessage

MIN_SESSION: Final = 90.0
"""Seconds; no session may be shorter (RFC 4028, section 4)."""

_INTERVAL: Final = re.compile(rb"\s*+([0-9]{1,9})(?![0-9])")
_CONFIRMED: Final = State.CONFIRMED
_ENDED: Final = State.ENDED


def deadline(call: Call, times: Times) -> float:
    """When a call is given up, in seconds; of an exchange that is none, when it was to be."""
    if call.state is _ENDED:
        return call.since + times.transaction
    if call.state is _CONFIRMED:
        ends = call.established + times.longest_call
        if call.session is None:
            return ends
        # The other side ends it a little before (section 10): that BYE may take as long as any transaction.
        return min(ends, call.since + call.session + times.transaction)
    return call.since + times.ringing if call.method == b"INVITE" else call.forget_at


def keep(calls: Calls, call: Call, now: float) -> None:
    """Let what a call waits for begin now."""
    call.since = now
    calls.keep(call, deadline(call, calls.times))


def keep_ringing(calls: Calls, call: Call, now: float) -> None:
    """The same, of a call that nobody has answered."""
    call.since = now
    calls.keep(call, now + calls.times.ringing)


def keep_a_while(calls: Calls, call: Call, now: float) -> None:
    """Keep an exchange for one more transaction; that makes no answered call longer."""
    until = now + calls.times.transaction
    if call.forget_at < until and call.state is not _CONFIRMED:
        calls.keep(call, until)


def refresh(calls: Calls, call: Call, sip: SipMessage, now: float) -> list[Effect]:
    """An INVITE or UPDATE succeeded: the session begins, or goes on, for as long as the response says.

    It does not matter here which side refreshes, nor what the request asked for: a request that asked for too little
    is refused (422), and a response that says nothing means a session without an end (RFC 4028, section 7.2).
    """
    value = sip.value("session-expires")
    said = _INTERVAL.match(value) if value else None
    call.session = max(float(said[1]), MIN_SESSION) if said is not None else None
    keep(calls, call, now)
    return [silence(calls, call)] if call.streams else []


def why_over(call: Call, times: Times) -> str:
    """The name of the timer that ended a call, "" where that is nothing to tell of."""
    if call.state is _CONFIRMED:
        return "call-too-long" if call.forget_at >= call.established + times.longest_call else "session-expired"
    return "call-unanswered" if call.method == b"INVITE" and call.state is not _ENDED else ""
