"""Offer and answer (RFC 3264): doors for the media that the two ends of a call announce.

offer    c= m=  ->    a gate for the peer alone: nobody knows yet where media will come from
answer   c= m=  <-    doors for the addresses in the answer; and in the other direction
new offer       ->    new doors; the old ones stay until it is answered
refused         <-    as if it had never been made (RFC 3261, section 14.1)
accepted        <-    what is not announced any more closes
"""

from doorman.algs.api import CloseDoors, Direction, Door, Effect, Message, OpenDoor
from doorman.algs.sip.calls import Call, Transaction, Unsettled
from doorman.algs.sip.media import Announced, Flow
from doorman.net.addresses import Address, parse_prefix
from doorman.wire.sip import SipMessage

GATE = 180.0
"""How long an offer may wait for its answer: timer C of a proxy (RFC 3261, section 16.6)."""
MAX_CALL = 43_200.0
"""Maximum call duration: 720 minutes."""
LINGER = 5.0
"""How long doors stay after what ends them, so that late responses and media pass."""
MAX_UNSETTLED = 64
"""Changes of a call that wait for an answer; what further ones leave behind closes with the call."""

_PRIVATE = [parse_prefix(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]


def announce(call: Call, announced: list[Announced], sip: SipMessage, message: Message) -> list[Effect]:
    """Open doors for what a message announces, and let the sender in where the other end announced before."""
    effects: list[Effect] = []
    near, far = message.direction, 1 - message.direction
    source, peer = message.path.sent_from.address, message.path.arrives_to.address
    for index, mine in enumerate(announced):
        if index == len(call.streams):
            call.streams.append([None, None])
        ends = call.streams[index]
        before, theirs = ends[near], ends[far]
        if before is not None and before != mine and len(call.unsettled) < MAX_UNSETTLED:
            call.unsettled.append(Unsettled(index, near, before, source, _transaction(sip, near)))
        ends[near] = mine
        effects += [_door(call, flow, theirs, peer, message.now) for flow in mine.flows]
        effects += _let_in(call, mine, theirs, source, message.now)
    return effects


def settle(call: Call, sip: SipMessage, message: Message) -> list[Effect]:
    """Where a message accepts or refuses an offer that changed something, keep the change or undo it."""
    transaction = _transaction(sip, message.direction)
    mine = [change for change in call.unsettled if change.transaction == transaction]
    now = message.now
    if 200 <= sip.status < 300 or sip.method == b"ACK":  # noqa: PLR2004 - success
        effects = [effect for change in mine for effect in _keep(call, change, now)]
    elif sip.status >= 300:  # noqa: PLR2004 - failure
        effects = [effect for change in reversed(mine) for effect in _undo(call, change, now)]
    else:
        return []
    call.unsettled = [change for change in call.unsettled if change.transaction != transaction]
    return effects


def _transaction(sip: SipMessage, direction: Direction) -> Transaction:
    """The transaction of a message: its CSeq, and which way its request went; an ACK belongs to its INVITE."""
    method = b"INVITE" if sip.cseq_method == b"ACK" else sip.cseq_method
    return sip.cseq, method, 1 - direction if sip.status else direction


def _keep(call: Call, change: Unsettled, now: float) -> list[Effect]:
    return _close_gone(call, change.before, now)


def _undo(call: Call, change: Unsettled, now: float) -> list[Effect]:
    ends = call.streams[change.line]
    refused, ends[change.end] = ends[change.end], change.before
    effects = _close_gone(call, refused, now)
    return effects + _let_in(call, change.before, ends[1 - change.end], change.source, now)


def _close_gone(call: Call, before: Announced | None, now: float) -> list[Effect]:
    """Close, in a while, what was announced before and is not any more by any line: some share a port (BUNDLE)."""
    if before is None:
        return []
    ends = [end for pair in call.streams for end in pair if end is not None]
    kept = {flow.entrance for end in ends for flow in end.flows}
    return [CloseDoors(call.owner, now + LINGER, flow.entrance) for flow in before.flows if flow.entrance not in kept]


def _let_in(call: Call, mine: Announced, theirs: Announced | None, source: Address, now: float) -> list[Effect]:
    """Let one end, which receives and sends at `mine`, in at the doors of the other."""
    if theirs is None or mine.receives is None:
        return []
    return [_door(call, flow, mine, source, now) for flow in theirs.flows]


def _door(call: Call, flow: Flow, visiting: Announced | None, peer: Address, now: float) -> OpenDoor:
    """A door for one flow; before the other end announced itself, a gate for its signalling peer.

    What closes either is the end of the call: a gate's comes with timer C, which ringing prolongs.
    """
    role, protocol, entrance, leads_to = flow
    visitor, closes = _visitor(visiting, peer), now + MAX_CALL
    return OpenDoor(
        Door(call.owner, role, protocol, visitor=visitor, entrance=entrance, leads_to=leads_to, closes=closes, flows=1)
    )


def _visitor(end: Announced | None, peer: Address) -> Address | None:
    """Who may use a door: the other end's media address once it is known, until then only its signalling peer.

    An end that announces a private address though it signals from a public one is behind a NAT of its own; nobody
    knows what its media will come from.
    """
    if end is None or end.receives is None:
        return peer
    if _is_private(end.receives.address) and not _is_private(peer):
        return None
    return end.receives.address


def _is_private(address: Address) -> bool:
    return any(address in prefix for prefix in _PRIVATE)
