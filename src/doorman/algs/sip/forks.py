"""Forking (RFC 3261, sections 12.1 and 13.2.2.4): one INVITE that several answer, each in a dialog of its own.

183 of b   c= m=    doors for the media of b
183 of c   c= m=    doors for those of c; what b announced is remembered
200 of b            the call follows b, whether or not this says again what b announced; what c announced closes
200 of c   c= m=    changes nothing: it is remembered, too
BYE to b            if c has not ended as well, the call goes on with c
"""

from typing import Final

from doorman.algs.api import Effect, Message
from doorman.algs.sip.calls import MAX_DIALOGS, NOT_ASKED, Call, Fork, Speaker, State, Transaction
from doorman.algs.sip.media import Announced
from doorman.algs.sip.offers import accept, announce, succeeds
from doorman.wire.sip import SipMessage

_CONFIRMED: Final = State.CONFIRMED


def dialog_of(call: Call, sip: SipMessage) -> bytes:
    """The tag of the called party in a message, which tells dialogs apart; b"" where nobody knows which that is."""
    tag = call.tag
    if not tag:
        return b""
    to = sip.to_tag
    return to if to != tag else sip.from_tag


def is_followed(call: Call, dialog: bytes) -> bool:
    """Whether what is announced in a dialog counts: the call follows that, or none yet, or nobody knows."""
    return not dialog or not call.chosen or dialog == call.chosen or call.state is not _CONFIRMED


def remember(call: Call, dialog: bytes, announced: list[Announced], speaker: Speaker) -> None:
    """Note what the called party announced in a dialog which is not, or not yet, the one that the call follows."""
    if not dialog or dialog == call.chosen or (call.asked != NOT_ASKED and call.asked[0] == speaker.end):
        return
    if call.forks is None:
        call.forks = {}
    if dialog in call.forks or len(call.forks) < MAX_DIALOGS:
        call.forks[dialog] = Fork(tuple(announced), speaker)


def follow_dialog(call: Call, dialog: bytes) -> None:
    """Follow a dialog from now on: what it announced counts, and need not be remembered beside that."""
    call.chosen = dialog
    if call.forks is not None:
        call.forks.pop(dialog, None)
        call.forks = call.forks or None


def choose(call: Call, sip: SipMessage, dialog: bytes, transaction: Transaction, now: float) -> list[Effect]:
    """If a message without a description is the first answer: go back to what its dialog announced before others."""
    forks = call.forks
    if forks is None or len(forks) == 1 or call.state is _CONFIRMED or not (sip.status and succeeds(sip)):
        return []
    fork = forks.get(dialog)
    if fork is None:
        return []
    return announce(call, fork.announced, fork.speaker, transaction, now)


def go_on(call: Call, transaction: Transaction, now: float, linger: float) -> list[Effect]:
    """The dialog that the call followed has ended: follow another that was answered, if there is one."""
    followed = call.dialog(call.chosen)
    if followed is not None and followed.state is _CONFIRMED:
        return []
    call.chosen = b""
    for dialog in call.dialogs:
        if dialog.state is _CONFIRMED and dialog.tag != call.tag:
            call.chosen = dialog.tag
            break
    fork = call.forks.get(call.chosen) if call.forks is not None else None
    if fork is None:
        return []
    effects = announce(call, fork.announced, fork.speaker, transaction, now)
    return effects + accept(call, transaction, now + linger)


def speaker_of(message: Message) -> Speaker:
    """Who announces what a message announces."""
    path = message.path
    return Speaker(message.direction, path.sent_from.address, path.arrives_to.address)
