"""The road of IPsec that has no ports of its own: ESP of hosts that share an address, told apart by SPI.

All else, hosts with an address for themselves and NAT traversal (RFC 3948) included, goes the ordinary way.
"""

from doorman.algs.api import Refused
from doorman.engine.results import Side
from doorman.engine.state import State
from doorman.nat.icmp import Quote
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import ESP, Packet
from doorman.wire.esp import read_spi
from doorman.wire.malformed import Malformed

Ends = tuple[Endpoint, Endpoint]
"""Sender and receiver of a packet, as it leaves."""


class IpsecRoad:
    """Says which ends packets of IPsec leave with."""

    def __init__(self, state: State) -> None:
        self._state = state

    def ends(self, packet: Packet, side: Side, now: float) -> Ends | None:
        """The ends that a packet leaves with; None where it goes the ordinary way.

        Raises:
            Refused: nobody can tell whose it is.
        """
        if packet.protocol != ESP or not self._state.rules.ipsec.esp:
            return None
        return self._sent(packet, now) if side == Side.INSIDE else self._received(packet, now)

    def ends_of_error(self, packet: Packet, quote: Quote, side: Side) -> tuple[Ends, Ends] | None:
        """The ends that an ICMP error and the packet it quotes leave with; None where it goes the ordinary way."""
        if quote.protocol != ESP:
            return None
        tunnels = self._state.tunnels
        if side == Side.INSIDE:
            tunnel = tunnels.received(quote.receiver.address, quote.sender.address, quote.spi)
            if tunnel is None:
                return None
            name = Endpoint(tunnel.name, 0)
            return (name, packet.receiver), (quote.sender, name)
        tunnel = tunnels.sent(quote.sender.address, quote.receiver.address, quote.spi)
        if tunnel is None:
            return None
        host = Endpoint(tunnel.host, 0)
        return (packet.sender, host), (host, quote.receiver)

    def _sent(self, packet: Packet, now: float) -> Ends | None:
        rules = self._state.rules
        if not rules.is_inside(packet.source) or rules.is_inside(packet.destination) or rules.owns(packet.destination):
            return None
        if not self._shares_address(packet.source):
            return None
        tunnel = self._state.tunnels.send(packet.source, packet.destination, _spi(packet), now)
        return Endpoint(tunnel.name, 0), packet.receiver

    def _received(self, packet: Packet, now: float) -> Ends | None:
        state, name = self._state, packet.destination
        if not state.rules.owns(name) or state.bindings.local_host(name) is not None:
            return None
        tunnel = state.tunnels.receive(packet.source, name, _spi(packet), now)
        return packet.sender, Endpoint(tunnel.host, 0)

    def _shares_address(self, host: Address) -> bool:
        """Whether a host has no address for itself, and is to have a shared one."""
        state = self._state
        if state.bindings.by_local(ESP, Endpoint(host, 0)) is not None:
            return False
        rule = state.rules.dynamic_for(host)
        return host in state.rules.ipsec.outward or (rule is not None and rule.overload)


def name_towards(state: State, host: Address, server: Address) -> Address | None:
    """The address by which a server knows a host that it has a tunnel with; None where it has none."""
    tunnels = state.tunnels.between(host, server)
    return tunnels[-1].name if tunnels else state.rules.ipsec.outward.get(host)


def _spi(packet: Packet) -> int:
    try:
        return read_spi(packet.data, packet.transport_at)
    except Malformed as malformed:
        raise Refused(malformed.reason) from None
