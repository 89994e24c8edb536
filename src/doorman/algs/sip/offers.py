"""Offer and answer (RFC 3264): doors for the media that the two ends of a call announce.

offer    c= m=  ->    a gate for the peer alone: nobody knows yet where media will come from
answer   c= m=  <-    doors for the addresses in the answer; and in the other direction
new offer       ->    new doors; the old ones stay until it is answered
refused         <-    as if it had never been made (RFC 3261, section 14.1)
accepted        <-    what is not announced any more closes; what is, and not listened to, see `hold`
"""

from collections.abc import Sequence
from typing import Final

from doorman.algs.api import CloseDoors, Direction, Effect, OpenDoor
from doorman.algs.flows import Flow
from doorman.algs.sip.calls import Call, Speaker, Transaction, Unsettled
from doorman.algs.sip.media import Announced, hears
from doorman.algs.sip.settings import LONGEST_CALL
from doorman.net.addresses import Address, is_private
from doorman.wire.sip import SipMessage

LONGEST_DOOR: Final = LONGEST_CALL * 60.0
"""Seconds that a door is there, and until the next whole hour. What closes it is the end of its call; this is for a
kernel left alone."""
_HOUR: Final = 3_600
MAX_UNSETTLED: Final = 64
"""Changes of a call that wait for an answer; what further ones leave behind closes with the call."""


def announce(
    call: Call, announced: Sequence[Announced], speaker: Speaker, transaction: Transaction, now: float
) -> list[Effect]:
    """Open doors for what one end announces, and let it in where the other end announced before.

    What it changes is to be settled with the transaction that it is announced in.
    """
    effects: list[Effect] = []
    near, source, peer = speaker.end, speaker.source, speaker.peer
    far = 1 - near
    for index, mine in enumerate(announced):
        if index == len(call.streams):
            call.streams += ([None, None],)
        ends = call.streams[index]
        before, theirs = ends[near], ends[far]
        if before is not None and before != mine and len(call.unsettled) < MAX_UNSETTLED:
            call.unsettled += (Unsettled(index, near, before, source, transaction),)
        ends[near] = mine
        if hears(mine):
            effects += [_door(call, flow, theirs, peer, now) for flow in mine.flows if not _shared(flow, mine, theirs)]
        effects += _let_in(call, mine, theirs, source, now, moved=_moved(before, mine))
    return effects


def settle(call: Call, sip: SipMessage, transaction: Transaction, now: float, linger: float) -> list[Effect]:
    """Where a message accepts or refuses an offer that changed something, keep the change or undo it.

    Args:
        call: whose offers they are.
        sip: the message.
        transaction: its transaction.
        now: the time.
        linger: seconds that the doors stay which are not needed any more.
    """
    if succeeds(sip):
        return accept(call, transaction, now + linger)
    if sip.status < 300:  # noqa: PLR2004 - nothing final
        return []
    mine, call.unsettled = _changes(call, transaction)
    return [effect for change in reversed(mine) for effect in _undo(call, change, now, now + linger)]


def accept(call: Call, transaction: Transaction, at: float) -> list[Effect]:
    """Keep what was changed in a transaction; what it replaced closes at time `at`."""
    mine, call.unsettled = _changes(call, transaction)
    return [effect for change in mine for effect in close_gone(call, change.before, at)]


def succeeds(sip: SipMessage) -> bool:
    """Whether a message says that a request was accepted."""
    return is_success(sip) or sip.method == b"ACK"


def is_success(sip: SipMessage) -> bool:
    """Whether a message is a response of success."""
    return 200 <= sip.status < 300  # noqa: PLR2004 - see RFC 3261, section 7.2


def is_accepted(sip: SipMessage) -> bool:
    """Whether a message says that an INVITE was accepted."""
    return is_success(sip) and sip.cseq_method == b"INVITE"


def _changes(call: Call, transaction: Transaction) -> tuple[list[Unsettled], tuple[Unsettled, ...]]:
    """The changes that wait for this transaction, and those that wait for others."""
    mine = [change for change in call.unsettled if change.transaction == transaction]
    return mine, tuple([change for change in call.unsettled if change.transaction != transaction])


def transaction_of(sip: SipMessage, direction: Direction) -> Transaction:
    """The transaction of a message: its CSeq, and which way its request went; an ACK belongs to its INVITE."""
    method = b"INVITE" if sip.cseq_method == b"ACK" else sip.cseq_method
    return sip.cseq, method, 1 - direction if sip.status else direction


def _undo(call: Call, change: Unsettled, now: float, at: float) -> list[Effect]:
    ends = call.streams[change.line]
    refused, ends[change.end] = ends[change.end], change.before
    effects = close_gone(call, refused, at)
    return effects + _let_in(call, change.before, ends[1 - change.end], change.source, now)


def close_gone(call: Call, before: Announced | None, at: float) -> list[Effect]:
    """Close, at a time, what was announced before and is not any more by any line: some share a port (BUNDLE)."""
    if before is None:
        return []
    ends = [end for pair in call.streams for end in pair if end is not None]
    kept = {flow.entrance for end in ends for flow in end.flows}
    gone = [flow.entrance for flow in before.flows if flow.entrance not in kept]
    return [CloseDoors(call.owner, at, entrance) for entrance in gone]


def _moved(before: Announced | None, now: Announced) -> bool:
    """Whether an end receives, and so sends, somewhere else than before."""
    return before is not None and None not in {before.receives, now.receives} and before.receives != now.receives


def _let_in(  # noqa: PLR0913 - both ends, and what is known of them
    call: Call, mine: Announced, theirs: Announced | None, source: Address, now: float, *, moved: bool = False
) -> list[Effect]:
    """Let one end, which receives and sends at `mine`, in at the doors of the other."""
    if theirs is None or mine.receives is None or not hears(theirs):
        return []
    return [
        CloseDoors(call.owner, now, flow.entrance)
        if _shared(flow, theirs, mine)
        else _door(call, flow, mine, source, now, anew=moved)
        for flow in theirs.flows
    ]


def _shared(flow: Flow, mine: Announced, theirs: Announced | None) -> bool:
    """Whether it is RTCP that comes on the port of RTP, as both ends say (RFC 5761, section 5.1.1)."""
    return flow.role == "rtcp" and mine.mux and theirs is not None and theirs.mux


def _door(  # noqa: PLR0913 - a flow of a call, and who may come by it
    call: Call, flow: Flow, visiting: Announced | None, peer: Address, now: float, *, anew: bool = False
) -> OpenDoor:
    """A door for one flow; before the other end announced itself, a gate for its signalling peer.

    What closes either is the end of the call: a gate's comes with timer C, which ringing prolongs.
    """
    # In whole hours: to announce a door again seldom changes it, so that nothing of it has to be saved.
    closes = float((int(now + LONGEST_DOOR) // _HOUR + 1) * _HOUR)
    return OpenDoor(flow.door(call.owner, _visitor(visiting, peer), closes), anew=anew)


def _visitor(end: Announced | None, peer: Address) -> Address | None:
    """Who may use a door: the other end's media address once it is known, until then only its signalling peer.

    An end that announces a private address though it signals from a public one is behind a NAT of its own; nobody
    knows what its media will come from.
    """
    if end is None or end.receives is None:
        return peer
    if is_private(end.receives.address) and not is_private(peer):
        return None
    return end.receives.address
