"""Packets of IPv6 hosts inside as IPv4 packets of their stand-ins, and back: the edge at which NAT64 begins (RFC 6146).

IPv6 host > prefix:server    <->    stand-in > server    <->    (NAT, as of any inside host) name > server
"""

from typing import Final

from doorman.algs.api import Refused
from doorman.nat.stand_ins import StandIns
from doorman.net.addresses import Address
from doorman.net.embedding import embed, embedded
from doorman.net.packet import ICMPV6, Packet, parse_packet
from doorman.net.siit import Untranslatable, to_ipv4, to_ipv6

_IPV6: Final = 16
_FIRST_MULTICAST: Final = 224
_FIRST_INFORMATION: Final = 128
"""The first type of ICMPv6 that is no error (RFC 4443, section 2.1)."""
_UNBOUNDED: Final = 1 << 17
"""An MTU that no packet exceeds, in bytes."""
_QUOTED_AT: Final = 32
"""Where the destination begins in an ICMPv6 error of the packet that it quotes."""


class Families:
    """The two families of addresses that the packets of an IPv6 host have, on its own link and behind it.

    Args:
        stand_ins: of the hosts, with the prefix under which they call those of IPv4.
        mtu: of their links, in bytes.
    """

    def __init__(self, stand_ins: StandIns, mtu: int) -> None:
        self._stand_ins = stand_ins
        self._mtu = mtu
        self._identification = 0

    def outward(self, data: bytes, now: float) -> bytes:
        """A packet that an IPv6 host sent, as IPv4.

        Raises:
            Refused: it has no counterpart, or its sender may not send it.
        """
        packet = _read(data)
        server = self._server(packet.destination)
        if server is None or server[0] in {0, 127} or server[0] >= _FIRST_MULTICAST:
            raise Refused("nat64-destination")
        return self._down(packet, (self._sender(packet, now), server))

    def inward(self, data: bytes, now: float) -> bytes:
        """A packet that came to an IPv6 host, as the IPv4 it was made of.

        Raises:
            Refused: it has no counterpart, or its receiver could not have got it.
        """
        packet = _read(data)
        server = self._server(packet.source)
        if server is None:
            raise Refused("nat64-source")
        return self._down(packet, (server, self._stand_ins.give(packet.destination, now)))

    def to_host(self, data: bytes, now: float, *, whole: bool = False) -> list[bytes]:
        """An IPv4 packet to a stand-in as IPv6 for its host; in pieces where it is too long, and may be cut.

        One that stays `whole` is cut by others.

        Raises:
            Refused: it has no counterpart, or nobody has that stand-in.
        """
        packet = parse_packet(data)
        if packet is None or len(packet.source) == _IPV6:
            raise Refused("ip-header-damaged")
        host = self._stand_ins.host(packet.destination)
        if host is None:
            raise Refused("no-stand-in")
        self._stand_ins.see(packet.destination, now)
        try:
            mtu = _UNBOUNDED if whole else self._mtu
            return to_ipv6(data, (self._ipv6_of(packet.source), host), self._ipv6_of, mtu)
        except Untranslatable as reason:
            raise Refused(str(reason)) from None

    def calls(self, address: Address) -> bool:
        """Whether an IPv6 address means one of IPv4."""
        return self._server(address) is not None

    def concern(self, source: Address, destination: Address) -> bool:
        """Whether a packet goes between two families."""
        return len(source) == _IPV6 and (self.calls(destination) or self.calls(source))

    def _server(self, address: Address) -> Address | None:
        prefix = self._stand_ins.prefix
        return embedded(prefix, address) if prefix is not None else None

    def _down(self, packet: Packet, ends: tuple[Address, Address]) -> bytes:
        self._identification = (self._identification + 1) & 0xFFFF
        try:
            return to_ipv4(packet.data, ends, self._ipv4_of, self._identification)
        except Untranslatable as reason:
            raise Refused(str(reason)) from None

    def _sender(self, packet: Packet, now: float) -> Address:
        """The stand-in of who sent a packet; a router that tells of one speaks for the host which that was to."""
        source = packet.source
        if source[0] == 0xFF or source[:2] == b"\xfe\x80" or not any(source[:15]) or self.calls(source):  # noqa: PLR2004
            raise Refused("nat64-source")
        at, data = packet.transport_at, packet.data
        if packet.protocol == ICMPV6 and len(data) > at and data[at] < _FIRST_INFORMATION:
            known = self._stand_ins.known(source)
            known = known or self._stand_ins.known(Address(data[at + _QUOTED_AT : at + _QUOTED_AT + _IPV6]))
            if known is None:
                raise Refused("no-stand-in")
            return known
        return self._stand_ins.give(source, now)

    def _ipv4_of(self, address: Address) -> Address:
        found = self._server(address) or self._stand_ins.known(address)
        if found is None:
            raise Untranslatable("no-stand-in")
        return found

    def _ipv6_of(self, address: Address) -> Address:
        host, prefix = self._stand_ins.host(address), self._stand_ins.prefix
        if host is not None:
            return host
        if prefix is None:
            raise Untranslatable("no-stand-in")
        return embed(prefix, address)


def _read(data: bytes) -> Packet:
    packet = parse_packet(data)
    if packet is None or len(packet.source) != _IPV6:
        raise Refused("ip-header-damaged")
    return packet
