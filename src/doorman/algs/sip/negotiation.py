"""What a message of a call means for its media: who announces what, in which dialog, and what is agreed by now."""

from collections.abc import Sequence

from doorman.algs.api import Effect, Message
from doorman.algs.sip.calls import Call, Calls, Transaction
from doorman.algs.sip.forks import choose, dialog_of, is_followed, remember, speaker_of
from doorman.algs.sip.hold import release, retained
from doorman.algs.sip.media import Announced
from doorman.algs.sip.offers import announce, is_accepted, is_success, settle, succeeds, transaction_of
from doorman.algs.sip.progress import may_announce
from doorman.wire.sip import SipMessage


def concerns_media(call: Call, announced: list[Announced] | None, sip: SipMessage) -> bool:
    """Whether a message says anything of media: it describes some, accepts some, or is one that a change waits for.

    Requests of some methods do, and the answers to them (RFC 3264, 3262, 3311).
    """
    if not (announced or call.unsettled or is_success(sip)):
        return False
    return sip.cseq_method in (b"INVITE", b"ACK", b"PRACK", b"UPDATE")


def negotiate(
    calls: Calls, call: Call, announced: list[Announced] | None, sip: SipMessage, message: Message
) -> list[Effect]:
    """Follow a message that concerns media; what it announces, None for nothing."""
    transaction = transaction_of(sip, message.direction)
    if not may_announce(call, sip, transaction):
        return []
    now, linger = message.now, calls.times.linger
    dialog = dialog_of(call, sip)
    if not is_followed(call, dialog):
        if announced:
            remember(call, dialog, announced, speaker_of(message))
        return []
    if announced:
        speaker = speaker_of(message)
        if not is_accepted(sip):  # what is followed from now on need not be remembered
            remember(call, dialog, announced, speaker)
        if calls.limits.retains:
            announced = retained(call, announced, speaker)
        if sip.method and sip.method != b"ACK":
            call.offer = transaction
        effects = announce(call, announced, speaker, transaction, now)
    else:
        effects = choose(call, sip, dialog, transaction, now)
    if call.unsettled:
        effects += settle(call, sip, transaction, now, linger)
    if _is_agreed(call, announced, sip, transaction):
        effects += release(calls, call, now + linger)
    return effects


def _is_agreed(call: Call, announced: list[Announced] | None, sip: SipMessage, transaction: Transaction) -> bool:
    """Whether both ends have said what they want: a request succeeds that made an offer, or ACK answers one."""
    return succeeds(sip) and (bool(announced) if sip.method else call.offer == transaction)


def wants_more_doors(call: Call, announced: list[Announced], most: int) -> bool:
    """Whether a call would have more doors for media with what is announced, those that are to be settled included."""
    count = _count_flows(announced)
    for ends in call.streams:
        count += _count_flows(ends)
    for change in call.unsettled:
        count += len(change.before.flows)
    if count <= most or not call.streams:
        return count > most
    lines = announced + [end for ends in call.streams for end in ends if end is not None]
    lines += [change.before for change in call.unsettled]
    # Of a call that goes on, some may be the same again.
    return len({flow.entrance for line in lines for flow in line.flows}) > most


def _count_flows(lines: Sequence[Announced | None]) -> int:
    count = 0
    for line in lines:
        if line is not None:
            count += len(line.flows)
    return count
