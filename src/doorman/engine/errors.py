"""The road of ICMP errors: each is about a packet that it quotes, which went the other way (RFC 5508, section 4).

What it quotes gets the names that its sender knows, and so do the ends of the error; a router in between keeps its own.
"""

from collections.abc import Callable

from doorman.algs.api import Direction
from doorman.engine.checkpoint import Checkpoint
from doorman.engine.ipsec import Ends, IpsecRoad, is_about_ipsec
from doorman.engine.results import Fate, Led, Result, Returning, Side
from doorman.engine.state import State
from doorman.nat.icmp import Quote, is_damaged, quoted, readdress_error
from doorman.nat.sessions import Session, Way, flow_key
from doorman.net.addresses import Address
from doorman.net.packet import Packet

_FORWARDED, _PASSED, _, _ = Fate
_INSIDE, _OUTSIDE = Side
_OTHER = (_OUTSIDE, _INSIDE)
_OUTBOUND, _INBOUND = Direction
Drop = Callable[[bytes, Side, str], Result]


class ErrorRoad:
    """Says what becomes of ICMP errors.

    Args:
        state: the tables of the gateway.
        ipsec: how it tells packets of IPsec apart.
        checkpoint: who is asked before one goes out.
        drop: what sends one nowhere, and counts that.
    """

    __slots__ = ("_checkpoint", "_drop", "_ipsec", "_state", "_ways")

    def __init__(self, state: State, ipsec: IpsecRoad, checkpoint: Checkpoint, drop: Drop) -> None:
        self._state = state
        self._ipsec = ipsec
        self._checkpoint = checkpoint
        self._drop = drop
        self._ways = (state.sessions.outward, state.sessions.inward)

    def receive(self, packet: Packet, side: Side, now: float) -> Result:
        """Take an ICMP error that arrived on a side of the NAT; give what becomes of it.

        Raises:
            Refused: it must not pass.
        """
        leaves = _OTHER[side]
        quote = quoted(packet)
        ends = self._ipsec.ends_of_error(packet, quote, side) if quote is not None else None
        if quote is not None and ends is not None:
            return self._tunnelled(packet, quote, ends, leaves, now)
        if quote is not None and self._state.delegated and is_about_ipsec(quote):
            return Result(_PASSED, packet.data, leaves)  # it may be another gateway's of this machine, or for itself
        way = None
        if quote is not None:
            way = self._ways[side].get(flow_key(quote.protocol, quote.receiver, quote.sender))
        if quote is None or way is None:
            return self._about_nothing(packet, quote, side, now)
        return self._about(packet, quote, way, side, now)

    def _about(self, packet: Packet, quote: Quote, way: Way, side: Side, now: float) -> Result:
        """An error about a packet of a session."""
        session = way.session
        if is_damaged(packet):
            return self._damaged(packet, session, side, now)
        if quote.is_short and not session.is_level:
            return self._drop(packet.data, _OTHER[side], "icmp-error-without-quote")
        sender = _INBOUND if side == _INSIDE else _OUTBOUND
        shift = session.splice.distance(sender, quote.sequence) if session.splice is not None else 0
        changed = quote.readdressed(way.receiver, way.sender, shift)
        addresses = _ends(packet, session, side)
        self._checkpoint.release_error(packet, session, addresses, side, now)
        kind = Returning if side == _INSIDE and session.hairpin else Result
        return kind(_FORWARDED, readdress_error(packet, changed, *addresses), _OTHER[side])

    def _damaged(self, packet: Packet, session: Session, side: Side, now: float) -> Result:
        """One with a wrong checksum: where it is nobody's to translate, it goes on as it is."""
        if not session.is_level and not self._stays_inside(packet, side):
            return self._drop(packet.data, _OTHER[side], "icmp-error-damaged")
        self._checkpoint.release_untouched(packet, _OTHER[side], now)
        return Result(_PASSED, packet.data, _OTHER[side])

    def _about_nothing(self, packet: Packet, quote: Quote | None, side: Side, now: float) -> Result:
        """An error about a packet of no session: it may be about what is not translated."""
        if self._translates(packet, side, quote):
            return self._drop(packet.data, _OTHER[side], f"icmp-error-without-{'session' if quote else 'quote'}")
        if side == _INSIDE and self._checkpoint.turns_back(packet):
            return Returning(_FORWARDED, packet.data, _OUTSIDE)
        self._checkpoint.release_untouched(packet, _OTHER[side], now)
        return Result(_PASSED, packet.data, _OTHER[side])

    def _tunnelled(self, packet: Packet, quote: Quote, ends: tuple[Ends, Ends], leaves: Side, now: float) -> Result:
        """An error about a packet of IPsec."""
        outer, inner = ends
        self._checkpoint.release_tunnelled_error(packet, outer, inner, leaves, now)
        if self._state.delegated and leaves == _OUTSIDE:
            outer = packet.sender, packet.receiver
        error = readdress_error(packet, quote.readdressed(*inner), outer[0].address, outer[1].address)
        return Led(_FORWARDED, error, leaves)

    def _came_back(self, quote: Quote) -> bool:
        """Whether what an inside host refuses is an answer to it as it is, whom it called by a name of ours."""
        key = flow_key(quote.protocol, quote.receiver, quote.sender)
        return key in self._state.sessions.inward and key not in self._state.sessions.outward

    def _stays_inside(self, packet: Packet, side: Side) -> bool:
        """Whether an error goes from one inside host to another, by the address that this has."""
        return side == _INSIDE and self._state.rules.is_inside(packet.destination)

    def _translates(self, packet: Packet, side: Side, quote: Quote | None) -> bool:
        """Whether what an error from here is about would have been translated: of some hosts only single ports are."""
        rules = self._state.rules
        if side == _OUTSIDE:
            return rules.owns(packet.destination)
        if self._stays_inside(packet, side) or (quote is not None and self._came_back(quote)):
            return False
        tells = quote is not None and quote.receiver.address == packet.source and not quote.is_cut
        if quote is None or not tells or is_damaged(packet) or rules.dynamic_for(packet.source) is not None:
            return rules.translates(packet.source)
        return self._state.bindings.by_local(quote.protocol, quote.receiver) is not None


def _ends(packet: Packet, session: Session, side: Side) -> tuple[Address, Address]:
    """Sender and receiver of an ICMP error on the other side; its sender may be a router, or an end of the flow."""
    local, global_ = session.outside_local.address, session.outside_global.address
    if side == _INSIDE:
        return session.inside_global.address, global_ if packet.destination == local else packet.destination
    return local if packet.source == global_ else packet.source, session.inside_local.address
