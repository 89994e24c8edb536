"""ICMP errors through the NAT: the packet they quote is translated along with them (RFC 5508, section 4.2).

    IP header | type code checksum unused | IP header of the quoted packet | its first 8 bytes or more | extensions

Whoever gets the error must recognise its own packet in it: addresses and ports are changed back, and the checksums
of the quote carried. A quote may be cut short anywhere behind the first 8 bytes; extensions (RFC 4884) stay.
"""

from doorman.net.addresses import Address, Endpoint
from doorman.net.checksum import is_valid, word_sum
from doorman.net.packet import CHECKSUM_AT, ICMP, ICMP_QUERIES, TCP, UDP, Packet, carried, parse_packet, readdress
from doorman.net.tcp import SEQUENCES

_QUOTE_AT = 8


class Quote:
    """The packet that an ICMP error is about, as far as it is quoted.

    Attributes:
        protocol, sender, receiver: its flow, as in `Packet`.
    """

    __slots__ = ("_data", "_has_ports", "_transport_at", "protocol", "receiver", "sender")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.protocol: int = data[9]
        self._transport_at = (data[0] & 15) * 4
        ports = self._ports()
        self._has_ports = ports is not None
        first, second = ports or (0, 0)
        self.sender = Endpoint(Address(data[12:16]), first)
        self.receiver = Endpoint(Address(data[16:20]), second)

    def _ports(self) -> tuple[int, int] | None:
        data, at = self._data, self._transport_at
        if data[6] & 0x1F or data[7]:
            return None
        if self.protocol in {TCP, UDP} and len(data) >= at + 4:
            return data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        if self.protocol == ICMP and not self.is_short and data[at] in ICMP_QUERIES:
            identifier = data[at + 4] << 8 | data[at + 5]
            return identifier, identifier
        return None

    @property
    def is_short(self) -> bool:
        """Whether it has less than the 8 bytes behind its header that an error must quote (RFC 792)."""
        return len(self._data) < self._transport_at + 8

    @property
    def is_cut(self) -> bool:
        """Whether its protocol has ports, or identifiers, and they are not quoted."""
        return not self._has_ports and self.protocol in {TCP, UDP, ICMP}

    @property
    def sequence(self) -> int:
        """The sequence number of a quoted TCP segment."""
        return int.from_bytes(self._data[self._transport_at + 4 : self._transport_at + 8], "big")

    @property
    def payload(self) -> bytes:
        """What is quoted of what a UDP datagram carries."""
        return self._data[self._transport_at + 8 :]

    @property
    def spi(self) -> int:
        """The SPI of a quoted ESP packet; 0, which none has, where it is not quoted."""
        data, at = self._data, self._transport_at
        if self.is_short or data[6] & 0x1F or data[7]:
            return 0
        return int.from_bytes(data[at : at + 4], "big")

    def readdressed(self, sender: Endpoint, receiver: Endpoint, shift: int = 0) -> bytes:
        """The quote with other endpoints; for an ICMP query, the identifier of whichever end differs.

        `shift`: what is to be added to the sequence number of a TCP segment.
        """
        data, at = self._data, self._transport_at
        header = data[:12] + sender.address + receiver.address + data[20:at]
        checksum = carried(int.from_bytes(header[10:12], "big"), word_sum(header) - word_sum(data[:at]))
        header = header[:10] + checksum.to_bytes(2, "big") + header[12:]
        return header + self._transport(sender, receiver, shift)

    def _transport(self, sender: Endpoint, receiver: Endpoint, shift: int) -> bytes:
        old = self._data[self._transport_at :]
        if not self._has_ports:
            return old
        if self.protocol == ICMP:
            identifier = sender.port if sender.port != self.sender.port else receiver.port
            new = old[:4] + identifier.to_bytes(2, "big") + old[6:]
            covered = 0
        else:
            new = sender.port.to_bytes(2, "big") + receiver.port.to_bytes(2, "big") + old[4:]
            if shift and self.protocol == TCP:
                new = new[:4] + ((self.sequence + shift) % SEQUENCES).to_bytes(4, "big") + new[8:]
            covered = word_sum(sender.address + receiver.address) - word_sum(
                self.sender.address + self.receiver.address
            )
        at = CHECKSUM_AT[self.protocol]
        field = int.from_bytes(old[at : at + 2], "big")
        if len(old) < at + 2 or (self.protocol == UDP and field == 0):
            return new
        field = carried(field, word_sum(new[:8]) - word_sum(old[:8]) + covered)
        if self.protocol == UDP and field == 0:
            field = 0xFFFF
        return new[:at] + field.to_bytes(2, "big") + new[at + 2 :]


def quoted(packet: Packet) -> Quote | None:
    """What an ICMP error quotes; None when that is no IPv4 packet, or less than its header."""
    data = packet.data[packet.transport_at + _QUOTE_AT :]
    if len(data) < 20 or data[0] >> 4 != 4 or not 20 <= (data[0] & 15) * 4 <= len(data):  # noqa: PLR2004 - IPv4 header
        return None
    return Quote(data)


def is_damaged(packet: Packet) -> bool:
    """Whether an ICMP message has a wrong checksum (RFC 5508, REQ-3); of one that was cut short nobody can tell."""
    end = int.from_bytes(packet.data[2:4], "big")
    return end <= len(packet.data) and not is_valid(packet.data[packet.transport_at : end])


def readdress_error(packet: Packet, quote: bytes, source: Address, destination: Address) -> bytes:
    """An ICMP error with another quote and other addresses, its checksum carried."""
    at = packet.transport_at
    old = packet.data[at:]
    new = old[:_QUOTE_AT] + quote
    field = carried(int.from_bytes(old[2:4], "big"), word_sum(new) - word_sum(old))
    changed = new[:2] + field.to_bytes(2, "big") + new[4:]
    outer = readdress(packet, Endpoint(source, 0), Endpoint(destination, 0))
    return outer[:at] + changed


def renumbered(data: bytes, translated: bytes) -> bytes | None:
    """An ICMP error with the sequence number that its translation quotes, and nothing else of that; None: it has it."""
    packet, other = parse_packet(data), parse_packet(translated)
    quote, meant = packet and quoted(packet), other and quoted(other)
    if not packet or not quote or not meant or quote.protocol != TCP or quote.sequence == meant.sequence:
        return None
    changed = quote.readdressed(quote.sender, quote.receiver, meant.sequence - quote.sequence)
    return readdress_error(packet, changed, packet.source, packet.destination)
