"""IP packets: where their fields are, and changing addresses and ports without touching anything else.

IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792, 4443). Checksums are never computed
anew but carried: what an address or a payload changes in the sum is taken off the checksum (RFC 1624). A packet that
was damaged on its way stays recognisable as damaged, and undoing a change gives back the very bytes.
"""

from typing import Final

from doorman.net.addresses import Address, Endpoint, new_tuple
from doorman.net.checksum import carry_edits, sum_difference
from doorman.net.edits import Edit

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
GRE: Final = 47
ESP: Final = 50
ICMPV6: Final = 58

PROTOCOL_NAMES: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp", ESP: "esp", ICMPV6: "icmpv6"}

ICMP_QUERIES: Final = frozenset({0, 8, 13, 14, 15, 16, 17, 18})
"""ICMP messages with an identifier: echo, timestamp, information and mask, each with its reply."""
ICMP_REQUESTS: Final = frozenset({8, 13, 15, 17})
"""Those of them that ask (RFC 792, RFC 950)."""
_ERRORS: Final = frozenset({3, 4, 5, 11, 12})
"""ICMP messages which quote the packet they are about: unreachable, quench, redirect, time exceeded, parameter."""
_EXTENSIONS: Final = frozenset({0, 43, 60})
"""IPv6 headers to step over: hop-by-hop options, routing, destination options."""
CHECKSUM_AT: Final = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}
"""Where the checksum stands in the header of each protocol."""
_V6_FRAGMENT: Final = 44
_V4_MINIMUM: Final = 20
_V6_HEADER: Final = 40
_NONE: Final[list[Edit]] = []


class Packet:
    """An IP packet and the places in it that matter to a gateway.

    Attributes:
        data: the packet, from its IP header to the end of what the header says.
        source, destination: addresses.
        protocol: the number of what follows the IP header (and IPv6 extension headers).
        source_port, destination_port: TCP and UDP ports. An ICMP query has its identifier as both; all else has 0.
        transport_at: where the TCP, UDP or ICMP header begins.
        payload_at: where the payload begins; for what is neither TCP nor UDP, the same as `transport_at`.
        payload_end: where it ends; a UDP datagram ends where its own length says.
        fragment: whether it is a piece of a datagram; the ports of a piece are not looked for.
    """

    __slots__ = (
        "_receiver",
        "_sender",
        "data",
        "destination",
        "destination_port",
        "fragment",
        "payload_at",
        "payload_end",
        "protocol",
        "source",
        "source_port",
        "transport_at",
    )

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._sender: Endpoint | None = None
        self._receiver: Endpoint | None = None
        self.source_port = self.destination_port = 0
        self.fragment = False
        if data[0] >> 4 == 4:  # noqa: PLR2004 - the version
            self.protocol: int = data[9]
            self.transport_at = (data[0] & 15) * 4
            self.source = Address(data[12:16])
            self.destination = Address(data[16:20])
            self.fragment = bool(data[6] & 0x3F or data[7])
        else:
            self.source = Address(data[8:24])
            self.destination = Address(data[24:40])
            self.protocol, self.transport_at = self._skip_extensions()
        self.payload_at = self.transport_at
        self.payload_end = len(data)
        if not self.fragment:
            self._find_ports()

    def _skip_extensions(self) -> tuple[int, int]:
        data, at, protocol = self.data, _V6_HEADER, self.data[6]
        while protocol in _EXTENSIONS and at + 2 <= len(data):
            protocol, at = data[at], at + (data[at + 1] + 1) * 8
        if protocol == _V6_FRAGMENT:
            self.fragment = True
        return protocol, min(at, len(data))

    def _find_ports(self) -> None:
        data, at = self.data, self.transport_at
        room = len(data) - at
        if (self.protocol == UDP and room >= 8) or (self.protocol == TCP and room >= 20):  # noqa: PLR2004 - headers
            self.source_port = data[at] << 8 | data[at + 1]
            self.destination_port = data[at + 2] << 8 | data[at + 3]
            if self.protocol == UDP:
                self.payload_at = at + 8
                self.payload_end = max(at + 8, min(at + (data[at + 4] << 8 | data[at + 5]), len(data)))
            else:
                self.payload_at = min(at + max(20, (data[at + 12] >> 4) * 4), len(data))
        elif self.protocol == ICMP and room >= 8 and data[at] in ICMP_QUERIES:  # noqa: PLR2004 - header
            self.source_port = self.destination_port = data[at + 4] << 8 | data[at + 5]

    @property
    def sender(self) -> Endpoint:
        """Source address and port."""
        if self._sender is None:
            self._sender = new_tuple(Endpoint, (self.source, self.source_port))
        return self._sender

    @property
    def receiver(self) -> Endpoint:
        """Destination address and port."""
        if self._receiver is None:
            self._receiver = new_tuple(Endpoint, (self.destination, self.destination_port))
        return self._receiver

    @property
    def has_ports(self) -> bool:
        """Whether a TCP or UDP header is there and whole, or an ICMP query, whose identifier serves as port."""
        return self.payload_at != self.transport_at or self.is_query

    @property
    def is_query(self) -> bool:
        """Whether this is an ICMP query or its answer, which has an identifier where others have ports."""
        return self.protocol == ICMP and not self.fragment and self._transport_type() in ICMP_QUERIES

    @property
    def is_request(self) -> bool:
        """Whether this is an ICMP query that asks."""
        return self.protocol == ICMP and not self.fragment and self._transport_type() in ICMP_REQUESTS

    @property
    def is_error(self) -> bool:
        """Whether this is an ICMP message about another packet, which it quotes."""
        return self.protocol == ICMP and not self.fragment and self._transport_type() in _ERRORS

    @property
    def message(self) -> tuple[int, int]:
        """Type and code of an ICMP message; -1 for both where this is none, or a piece of one."""
        data, at = self.data, self.transport_at
        if self.protocol != ICMP or self.fragment or len(data) < at + 2:
            return -1, -1
        return data[at], data[at + 1]

    @property
    def payload(self) -> bytes:
        """What TCP or UDP carries."""
        return self.data[self.payload_at : self.payload_end]

    @property
    def checksum(self) -> int:
        """The checksum of a UDP datagram; 0 where there is none."""
        if self.protocol != UDP or self.payload_at == self.transport_at:
            return 0
        return self.data[self.transport_at + 6] << 8 | self.data[self.transport_at + 7]

    def _transport_type(self) -> int:
        return self.data[self.transport_at] if len(self.data) >= self.transport_at + 8 else -1


def parse_packet(data: bytes) -> Packet | None:
    """Read an IP packet; None when its own header is damaged or shorter than it says."""
    if len(data) < _V4_MINIMUM:
        return None
    version = data[0] >> 4
    if version == 4:  # noqa: PLR2004 - the version
        header = (data[0] & 15) * 4
        return Packet(data) if _V4_MINIMUM <= header <= len(data) else None
    return Packet(data) if version == 6 and len(data) >= _V6_HEADER else None  # noqa: PLR2004 - the version


def carried(checksum: int, difference: int) -> int:
    """A checksum after the sum of what it covers grew by `difference` (RFC 1624, in arithmetic modulo 65535)."""
    return (checksum - difference) % 0xFFFF if difference % 0xFFFF else checksum


def readdress(packet: Packet, sender: Endpoint, receiver: Endpoint, payload: bytes | None = None) -> bytes:
    """The packet with other addresses and ports and, where given, another payload, see `rewrite`."""
    if payload is None:
        return rewrite(packet, sender, receiver, _NONE)
    return rewrite(packet, sender, receiver, [Edit(0, packet.payload_end - packet.payload_at, payload, "")])


def rewrite(packet: Packet, sender: Endpoint, receiver: Endpoint, edits: list[Edit]) -> bytes:
    """The packet with other addresses and ports, and its payload edited.

    Everything else stays, options and what stands behind a UDP datagram (RFC 9868) included. The packet must not grow
    beyond 65,535 bytes. A UDP checksum of zero (none, RFC 768) stays zero. The ports of an ICMP query are its one
    identifier: that of whichever end differs from the packet's is written, unless there are edits.

    Args:
        packet: as it is.
        sender: whom it is from, from now on.
        receiver: whom it is for.
        edits: of its payload, in order and without overlap.
    """
    data, at, payload_at = packet.data, packet.transport_at, packet.payload_at
    first = _addresses_at(packet)
    last = first + 2 * len(packet.source)
    growth = covered = 0
    parts = [b"", b"", b""]  # the headers, which depend on what follows them
    if edits:
        growth, covered = carry_edits(data, payload_at, packet.payload_end, edits, parts)
    moved = sum_difference(sender.address + receiver.address, data[first:last])
    if packet.protocol != ICMP:  # all others sum a pseudo header of addresses and length too
        covered += moved + growth
    parts[0] = _ip_start(packet, moved, growth)
    if payload_at == at:
        parts[1] = b"%b%b%b" % (sender.address, receiver.address, data[last:at])
        if not edits:
            parts[2] = _portless(packet, sender.port, receiver.port, covered)
            parts.append(data[packet.payload_end :])
        return b"".join(parts)
    covered += sender.port - packet.source_port + receiver.port - packet.destination_port
    ports = (sender.port << 16 | receiver.port).to_bytes(4, "big")
    parts[1] = b"%b%b%b%b" % (sender.address, receiver.address, data[last:at], ports)
    parts[2] = _behind_ports(packet, growth, covered)
    if not edits:
        parts.append(data[payload_at:])
    return b"".join(parts)


def edited(packet: Packet, edits: list[Edit]) -> bytes:
    """The packet between the ends that it has, with its payload edited; see `rewrite`."""
    data, at, first = packet.data, packet.transport_at, _addresses_at(packet)
    parts = [b"", b"", b""]
    growth, covered = carry_edits(data, packet.payload_at, packet.payload_end, edits, parts)
    parts[0] = _ip_start(packet, 0, growth)
    if packet.payload_at == at:
        parts[1] = data[first:at]
    else:
        parts[1] = data[first : at + 4]
        parts[2] = _behind_ports(packet, growth, covered + growth)
    return b"".join(parts)


def _addresses_at(packet: Packet) -> int:
    return 12 if len(packet.source) == 4 else 8  # noqa: PLR2004 - in IPv4 and IPv6


def _ip_start(packet: Packet, moved: int, growth: int) -> bytes:
    """An IP header up to its addresses, of a packet that grew; `moved`: by how much the word sum of those did."""
    data, is_v4 = packet.data, len(packet.source) == 4  # noqa: PLR2004 - IPv4
    if not (moved or growth):
        return data[:12] if is_v4 else data[:8]
    if not is_v4:  # IPv6 has no header checksum to carry
        return b"%b%b%b" % (data[:4], _grown(data[4] << 8 | data[5], growth).to_bytes(2, "big"), data[6:8])
    told = data[2] << 8 | data[3]
    length = _grown(told, growth)
    field = carried(data[10] << 8 | data[11], moved + length - told)
    return b"%b%b%b%b" % (data[:2], length.to_bytes(2, "big"), data[4:10], field.to_bytes(2, "big"))


def _behind_ports(packet: Packet, growth: int, covered: int) -> bytes:
    """What follows the ports in a header of TCP or UDP, of a packet that grew.

    `covered`: by how much the sum of all grew that the checksum covers.
    """
    data, at = packet.data, packet.transport_at
    if packet.protocol == TCP:
        checksum = carried(data[at + 16] << 8 | data[at + 17], covered).to_bytes(2, "big")
        return b"%b%b%b" % (data[at + 4 : at + 16], checksum, data[at + 18 : packet.payload_at])
    told, field = data[at + 4] << 8 | data[at + 5], data[at + 6] << 8 | data[at + 7]
    length = _grown(told, growth)
    if field:
        field = carried(field, covered + length - told) or 0xFFFF
    return (length << 16 | field).to_bytes(4, "big")


def _portless(packet: Packet, sender: int, receiver: int, covered: int) -> bytes:
    """What follows an IP header, without ports of TCP or UDP; of an ICMP query with another identifier.

    `covered`: by how much the sum of all else grew that a checksum covers.
    """
    old = new = packet.data[packet.transport_at : packet.payload_end]
    if packet.is_query:
        identifier = sender if sender != packet.source_port else receiver
        covered += identifier - packet.source_port
        new = old[:4] + identifier.to_bytes(2, "big") + old[6:]
    at = CHECKSUM_AT.get(packet.protocol)
    if packet.fragment or at is None or len(new) < at + 2:
        return new
    field = carried(int.from_bytes(old[at : at + 2], "big"), covered)
    return new[:at] + field.to_bytes(2, "big") + new[at + 2 :]


def _grown(told: int, growth: int) -> int:
    """A length field of what grew: a wrong one stays wrong by as much, one never told (offloading) stays untold."""
    return (told + growth) % 0x1_0000 if told else 0
