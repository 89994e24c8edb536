"""Packets made anew around what a datagram or a stream carried: for captures of what nobody kept the headers of.

    IPv4   0x45 0  total length(2)  0(4)  time to live(1)  protocol(1)  checksum(2)  source(4)  destination(4)
    IPv6   0x60 0 0 0  payload length(2)  next header(1)  hop limit(1)  source(16)  destination(16)
    UDP    source port(2)  destination port(2)  length(2)  checksum(2)

Everything is in network order (RFC 768, 791, 8200). For TCP see `tcp`.
"""

from doorman.net.addresses import Endpoint
from doorman.net.checksum import checksum, word_sum
from doorman.net.packet import TCP, UDP
from doorman.net.tcp import ACK, PSH, Segment, write_segment

MOST_DATA = 65_535 - 20 - 20
"""Bytes that fit into a packet of any kind made here."""
_TTL = 64
_WINDOW = 65_535
_IPV4_LENGTH = 4


def datagram(sender: Endpoint, receiver: Endpoint, data: bytes) -> bytes:
    """The packet of a UDP datagram, of at most MOST_DATA bytes, both ends of one IP version."""
    length = 8 + len(data)
    head = sender.port.to_bytes(2, "big") + receiver.port.to_bytes(2, "big") + length.to_bytes(2, "big")
    covered = word_sum(head + bytes(2) + data) + word_sum(sender.address + receiver.address) + UDP + length
    field = 0xFFFF - covered % 0xFFFF  # never zero, which would be none
    return _ip_header(sender, receiver, UDP, length) + head + field.to_bytes(2, "big") + data


def segment(sender: Endpoint, receiver: Endpoint, data: bytes, sequence: int, acknowledgement: int) -> bytes:
    """The packet of a TCP segment without options, of at most MOST_DATA bytes, both ends of one IP version."""
    ip = _ip_header(sender, receiver, TCP, 0)
    return write_segment(Segment(ip, sequence, acknowledgement, PSH | ACK, _WINDOW, b"", data), sender, receiver)


def _ip_header(sender: Endpoint, receiver: Endpoint, protocol: int, length: int) -> bytes:
    addresses = sender.address + receiver.address
    if len(sender.address) != _IPV4_LENGTH:
        return b"\x60\0\0\0" + length.to_bytes(2, "big") + bytes((protocol, _TTL)) + addresses
    start = b"\x45\0" + (20 + length).to_bytes(2, "big") + bytes(4) + bytes((_TTL, protocol))
    return start + checksum(start + addresses).to_bytes(2, "big") + addresses
