"""What a message of a call means for its media: who announces what, in which dialog, and what is agreed by now."""

from typing import Final

from doorman.algs.api import Effect, Message
from doorman.algs.sip.calls import Call, Calls, State
from doorman.algs.sip.forks import choose, dialog_of, is_followed, remember, speaker_of
from doorman.algs.sip.hold import release, retained
from doorman.algs.sip.media import Announced
from doorman.algs.sip.offers import announce, settle, succeeds, transaction_of
from doorman.wire.sip import SipMessage

_CONFIRMED: Final = State.CONFIRMED


def negotiate(
    calls: Calls, call: Call, announced: list[Announced] | None, sip: SipMessage, message: Message
) -> list[Effect]:
    """Follow a message by which media may be announced; what it announces, None for nothing."""
    settings, now, linger = calls.settings, message.now, calls.times.linger
    dialog = dialog_of(call, sip) if call.tag else b""
    if dialog and not is_followed(call, dialog):
        if announced:
            remember(call, dialog, announced, speaker_of(message))
        return []
    transaction = transaction_of(sip, message.direction)
    effects: list[Effect] = []
    if announced:
        speaker = speaker_of(message)
        if dialog:
            remember(call, dialog, announced, speaker)
        if settings.hold == "retain":
            announced = retained(call, announced, speaker)
        if sip.method and sip.method != b"ACK":
            call.offer = transaction
        effects = announce(call, announced, speaker, transaction, now)
    elif call.forks and sip.status and succeeds(sip) and call.state is not _CONFIRMED:
        effects = choose(call, dialog, transaction, now)
    if call.unsettled:
        effects += settle(call, sip, transaction, now, linger)
    if succeeds(sip) and (announced if sip.method else call.offer == transaction):
        # The request that succeeds made an offer, or ACK answers one: both ends have said what they want.
        effects += release(call, settings, now + linger)
    return effects


def wants_more_doors(call: Call, announced: list[Announced], most: int) -> bool:
    """Whether a call would have more doors for media with what is announced, those that are to be settled included."""
    lines = announced
    if call.streams:
        lines = announced + [end for pair in call.streams for end in pair if end is not None]
        lines += [change.before for change in call.unsettled]
    count = 0
    for line in lines:
        count += len(line.flows)
    # Of a call that goes on, some may be the same again.
    return count > most and (not call.streams or len({flow.entrance for line in lines for flow in line.flows}) > most)
