"""The road of IPsec that ports do not tell apart: ESP of hosts that share an address, and IKE that keeps its port.

    ESP              by the SPI                                       `Tunnels`
    UDP 500 -> 500   by the initiator's SPI, of hosts in the list     `Peerings`

All else, hosts with an address for themselves and NAT traversal (RFC 3948) included, goes the ordinary way.
"""

from doorman.algs.api import Refused
from doorman.engine.results import Side
from doorman.engine.state import State
from doorman.nat.bindings import Binding
from doorman.nat.icmp import Quote
from doorman.nat.peerings import Peering
from doorman.nat.tunnels import Tunnel
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import ESP, UDP, Packet
from doorman.wire.esp import read_spi
from doorman.wire.ike import PORT, IkeHeader, read_header
from doorman.wire.malformed import Malformed

Ends = tuple[Endpoint, Endpoint]
"""Sender and receiver of a packet, as it leaves."""
_INSIDE = Side.INSIDE


class IpsecRoad:
    """Says which ends packets of IPsec leave with."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._made: Tunnel | Peering | None = None

    def undo(self) -> None:
        """Forget what the last packet made, or made whole: it must not leave."""
        if isinstance(self._made, Tunnel):
            self._state.tunnels.end(self._made)
        elif self._made is not None:
            self._state.peerings.end(self._made)
        self._made = None

    def ends(self, packet: Packet, side: Side, now: float) -> Ends | None:
        """The ends that a packet leaves with; None where it goes the ordinary way.

        Raises:
            Refused: nobody can tell whose it is.
        """
        self._made = None
        rules = self._state.rules.ipsec
        if packet.protocol == ESP and rules.esp:
            return self._esp_sent(packet, now) if side == _INSIDE else self._esp_received(packet, now)
        if rules.preserves and is_ike(packet):
            return self._ike_sent(packet, now) if side == _INSIDE else self._ike_received(packet, now)
        return None

    def ends_of_error(self, packet: Packet, quote: Quote, side: Side) -> tuple[Ends, Ends] | None:
        """The ends that an ICMP error and the packet it quotes leave with; None where it goes the ordinary way."""
        sender, receiver = quote.sender, quote.receiver
        if side == _INSIDE:
            name = self._name_of(quote)
            if name is None:
                return None
            return (Endpoint(name, 0), packet.receiver), (sender, Endpoint(name, receiver.port))
        host = self._host_of(quote)
        if host is None:
            return None
        return (packet.sender, Endpoint(host, 0)), (Endpoint(host, sender.port), receiver)

    def _name_of(self, quote: Quote) -> Address | None:
        """The global name of the host to which a quoted packet went."""
        host, server = quote.receiver.address, quote.sender.address
        if quote.protocol == ESP:
            tunnel = self._state.tunnels.received(host, server, quote.spi)
            return tunnel.name if tunnel is not None else None
        peering = _peering(self._state, host, server) if _keeps_port(quote) else None
        return peering.name if peering is not None else None

    def _host_of(self, quote: Quote) -> Address | None:
        """The host from which a quoted packet went; of IKE, its beginning need not be quoted."""
        name, server = quote.sender.address, quote.receiver.address
        if quote.protocol == ESP:
            tunnel = self._state.tunnels.sent(name, server, quote.spi)
            return tunnel.host if tunnel is not None else None
        if not _keeps_port(quote):
            return None
        peering = self._state.peerings.of(server, name, quote.payload[:8])
        peerings = [peering] if peering is not None else self._state.peerings.with_server(server, name)
        return peerings[0].host if len(peerings) == 1 else None

    # ESP

    def _esp_sent(self, packet: Packet, now: float) -> Ends | None:
        if not self._leaves(packet) or not self._shares_address(packet.source):
            return None
        tunnels = self._state.tunnels
        before = len(tunnels)
        tunnel = tunnels.send(packet.source, packet.destination, _spi(packet), now)
        self._made = tunnel if len(tunnels) > before else None
        return Endpoint(tunnel.name, 0), packet.receiver

    def _esp_received(self, packet: Packet, now: float) -> Ends | None:
        if not self._is_shared(packet.destination):
            return None
        tunnels, ends, spi = self._state.tunnels, (packet.source, packet.destination), _spi(packet)
        is_known = tunnels.knows(*ends, spi)
        tunnel = tunnels.receive(*ends, spi, now)
        self._made = None if is_known else tunnel
        return packet.sender, Endpoint(tunnel.host, 0)

    # IKE

    def _ike_sent(self, packet: Packet, now: float) -> Ends | None:
        state, host = self._state, packet.source
        if not self._leaves(packet) or not state.rules.ipsec.preserves_port(host):
            return None
        # A static entry for the port goes before, and an exchange that began otherwise goes on as it did.
        if state.bindings.by_local(UDP, packet.sender) is not None or not self._may_share_address(host):
            return None
        before = len(state.peerings)
        peering = state.peerings.send(host, packet.destination, _header(packet), now)
        self._made = peering if len(state.peerings) > before else None
        return Endpoint(peering.name, PORT), packet.receiver

    def _ike_received(self, packet: Packet, now: float) -> Ends | None:
        state, server, name = self._state, packet.source, packet.destination
        if not self._is_shared(name):
            return None
        header = _header(packet)
        if header is None or state.peerings.of(server, name, header.initiator) is None:
            binding = state.bindings.by_global(UDP, packet.receiver)
            if binding is not None or not state.peerings.with_server(server, name):
                return self._ike_of_binding(packet, binding)
        peering = state.peerings.receive(server, name, header, now)
        return packet.sender, Endpoint(peering.host, PORT)

    def _ike_of_binding(self, packet: Packet, binding: Binding | None) -> Ends | None:
        """A message to a host whose port has the name by itself; a kernel that has left it to us does not know that."""
        if binding is None or not self._state.delegated:
            return None
        return packet.sender, binding.inward(packet.receiver)

    # Both

    def _leaves(self, packet: Packet) -> bool:
        """Whether a packet goes from the inside to the outside, and not to ourselves."""
        rules, target = self._state.rules, packet.destination
        return rules.is_inside(packet.source) and not rules.is_inside(target) and not rules.owns(target)

    def _shares_address(self, host: Address) -> bool:
        """Whether a host has no address for itself, and is to have a shared one."""
        if self._state.bindings.by_local(ESP, Endpoint(host, 0)) is not None:
            return False
        return host in self._state.rules.ipsec.outward or self._may_share_address(host)

    def _may_share_address(self, host: Address) -> bool:
        rule = self._state.rules.dynamic_for(host)
        return rule is not None and rule.overload

    def _is_shared(self, name: Address) -> bool:
        """Whether an address is one of ours, and not that of a single host."""
        return self._state.rules.owns(name) and self._state.bindings.local_host(name) is None


def is_ike(packet: Packet) -> bool:
    """Whether a packet is between two ends that have IKE's port both."""
    return packet.protocol == UDP and packet.source_port == PORT == packet.destination_port


def is_about_ipsec(quote: Quote) -> bool:
    """Whether what an error quotes is ESP, or between two ends that have IKE's port both."""
    return quote.protocol == ESP or _keeps_port(quote)


def name_towards(state: State, packet: Packet) -> Address | None:
    """The address by which the sender of a packet to an inside host knows it; None where it is as of other packets."""
    return _name(state, packet.destination, packet.source, packet.protocol == ESP, is_ike(packet))


def name_quoted(state: State, quote: Quote) -> Address | None:
    """The address by which the receiver of a quoted packet knows the inside host that sent it; None as above."""
    return _name(state, quote.sender.address, quote.receiver.address, quote.protocol == ESP, _keeps_port(quote))


def _name(state: State, host: Address, server: Address, is_esp: bool, keeps_port: bool) -> Address | None:  # noqa: FBT001 - of a packet
    if is_esp:
        tunnels = state.tunnels.between(host, server)
        return tunnels[-1].name if tunnels else state.rules.ipsec.outward.get(host)
    peering = _peering(state, host, server) if keeps_port else None
    return peering.name if peering is not None else None


def _peering(state: State, host: Address, server: Address) -> Peering | None:
    return state.peerings.between(host, server, state.bindings.global_host(host))


def _keeps_port(quote: Quote) -> bool:
    return quote.protocol == UDP and quote.sender.port == PORT == quote.receiver.port


def _header(packet: Packet) -> IkeHeader | None:
    """The header of an IKE message; None for what is none, such as a keepalive."""
    try:
        return read_header(packet.payload)
    except Malformed:
        return None


def _spi(packet: Packet) -> int:
    try:
        return read_spi(packet.data, packet.transport_at)
    except Malformed as malformed:
        raise Refused(malformed.reason) from None
