"""IP fragments: what they say of themselves, and cutting packets into them (RFC 791, 3.2; RFC 8200, 4.5).

    IPv4   identification in bytes 4-5; bytes 6-7 hold DF (0x4000), MF (0x2000) and the offset (0x1FFF, in 8 bytes)
    IPv6   a header of its own, number 44: next header(1)  reserved(1)  offset and M (0xFFF8, 0x0001)  identification(4)

Integers are in network order. Every fragment but the last carries a multiple of 8 bytes. In IPv6, hop-by-hop options
and routing stand before the fragment header, in every fragment; what follows it is cut with the data.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from doorman.net.addresses import Address, address_text
from doorman.net.checksum import checksum

MAX_DATAGRAM: Final = 65_535
"""The longest IPv4 packet, and the longest payload of an IPv6 packet, in bytes."""

_MORE: Final = 0x2000
_OFFSET: Final = 0x1FFF
_V4_HEADER: Final = 20
_V6_HEADER: Final = 40
_V6_NEXT_AT: Final = 6
_UNIT: Final = 8
_FRAGMENT: Final = 44
_HOP_BY_HOP: Final = 0
_ROUTING: Final = 43
_EXTENSIONS: Final = frozenset({_HOP_BY_HOP, _ROUTING, 60})
"""What may stand before the fragment header; 60 are destination options."""
_FRAGMENT_HEADER: Final = Struct("!BxHI")

_END_OF_OPTIONS: Final = 0
_NO_OPERATION: Final = 1
_COPIED: Final = 0x80


class DatagramId(NamedTuple):
    """What all fragments of one datagram have in common."""

    source: Address
    destination: Address
    protocol: int
    """0 in IPv6, where each fragment may name another one, and the first is right."""
    identification: int

    def __str__(self) -> str:
        source, destination = address_text(self.source), address_text(self.destination)
        return f"{source} > {destination} id {self.identification:#x}"


class Fragment(NamedTuple):
    """One fragment, and its place in the datagram."""

    id: DatagramId
    header: bytes
    """What stands before the data in the datagram: the IPv4 header, or the IPv6 ones without the fragment header."""
    start: int
    """Offset of `data`, in bytes."""
    data: bytes
    more: bool
    """Whether others follow it."""


def is_fragment(packet: bytes, start: int = 0) -> bool:
    """Whether the IP packet that begins at `start` is a fragment, an IPv6 'atomic' one (RFC 6946) included."""
    if len(packet) < start + _V4_HEADER:
        return False
    if packet[start] & 0xF0 == 0x40:  # noqa: PLR2004 - the version
        return bool(packet[start + 6] & 0x3F or packet[start + 7])
    return _find_header(packet, start)[1] > 0


def read_fragment(packet: bytes) -> Fragment | None:
    """Read a packet for which `is_fragment` holds; bytes behind its own length are left out.

    Returns:
        None for one that is malformed: cut short, without data, or an odd length where others follow.
    """
    if not packet:
        return None
    piece = _read_v4(packet) if packet[0] >> 4 == 4 else _read_v6(packet)  # noqa: PLR2004 - the version
    if piece is None or (piece.more and len(piece.data) % _UNIT) or (not piece.data and (piece.more or piece.start)):
        return None
    return piece


def join(first: Fragment, data: bytes) -> bytes | None:
    """Make the packet again of its first fragment and its whole data; None when longer than a packet can be.

    Flags and offset of an IPv4 header become zero, its checksum right.
    """
    header = first.header
    if header[0] >> 4 == 4:  # noqa: PLR2004 - the version
        return _v4_packet(header, 0, data) if len(header) + len(data) <= MAX_DATAGRAM else None
    length = len(header) - _V6_HEADER + len(data)
    return header[:4] + length.to_bytes(2, "big") + header[6:] + data if length <= MAX_DATAGRAM else None


def fragment(packet: bytes, mtu: int, identification: int | None = None) -> list[bytes]:
    """Cut a packet into fragments of at most `mtu` bytes; one that fits is returned as it is.

    DF is neither heeded nor kept: what had come in fragments may go on in fragments, and the caller decides.
    An IPv4 fragment may be cut again.

    Args:
        packet: An IP packet, without anything behind it.
        mtu: The longest packet the next link takes, in bytes, IP header included.
        identification: For IPv6, 32 bits that tell this datagram from others of its sender; IPv4 has its own.

    Raises:
        ValueError: the MTU has no room for any data, the packet is malformed, or the identification is missing.
    """
    if len(packet) <= mtu:
        return [packet]
    if packet[0] >> 4 == 4:  # noqa: PLR2004 - the version
        return list(_cut_v4(packet, mtu))
    if identification is None:
        raise ValueError("an IPv6 packet is cut with an identification")
    return list(_cut_v6(packet, mtu, identification))


def _read_v4(packet: bytes) -> Fragment | None:
    if len(packet) < _V4_HEADER:
        return None
    header_end = (packet[0] & 0x0F) * 4
    end = int.from_bytes(packet[2:4], "big")
    if not _V4_HEADER <= header_end < end <= len(packet):
        return None
    place = int.from_bytes(packet[6:8], "big")
    identification = int.from_bytes(packet[4:6], "big")
    datagram = DatagramId(Address(packet[12:16]), Address(packet[16:20]), packet[9], identification)
    start = (place & _OFFSET) * _UNIT
    return Fragment(datagram, packet[:header_end], start, packet[header_end:end], bool(place & _MORE))


def _read_v6(packet: bytes) -> Fragment | None:
    if len(packet) < _V6_HEADER:
        return None
    end = _V6_HEADER + int.from_bytes(packet[4:6], "big")
    next_at, header_at = _find_header(packet, 0)
    data_at = header_at + _FRAGMENT_HEADER.size
    if header_at < 0 or not data_at <= end <= len(packet):
        return None
    following, place, identification = _FRAGMENT_HEADER.unpack_from(packet, header_at)
    datagram = DatagramId(Address(packet[8:24]), Address(packet[24:40]), 0, identification)
    header = packet[:next_at] + bytes([following]) + packet[next_at + 1 : header_at]
    return Fragment(datagram, header, place & ~7, packet[data_at:end], bool(place & 1))


def _find_header(packet: bytes, start: int) -> tuple[int, int]:
    """Where an IPv6 fragment header is announced, and where it begins: -1 when there is none."""
    next_at, at = start + _V6_NEXT_AT, start + _V6_HEADER
    while packet[next_at] in _EXTENSIONS and at + 2 <= len(packet):
        next_at, at = at, at + (packet[at + 1] + 1) * 8
    return next_at, at if packet[next_at] == _FRAGMENT else -1


def _cut_v4(packet: bytes, mtu: int) -> Iterator[bytes]:
    header_end = (packet[0] & 0x0F) * 4
    if not _V4_HEADER <= header_end < len(packet):
        raise ValueError(f"not an IPv4 header: {header_end} bytes of {len(packet)}")
    place = int.from_bytes(packet[6:8], "big")
    header, data = packet[:header_end], packet[header_end:]
    start, more_to_come = place & _OFFSET, place & _MORE
    for offset, size in _cuts(len(data), mtu - header_end):
        more = _MORE if offset + size < len(data) else more_to_come
        yield _v4_packet(header, more | start + offset // _UNIT, data[offset : offset + size])
        if not offset:
            header = _later_header(header)


def _cut_v6(packet: bytes, mtu: int, identification: int) -> Iterator[bytes]:
    next_at, end = _unfragmentable(packet)
    following = packet[next_at]
    header = packet[:next_at] + bytes([_FRAGMENT]) + packet[next_at + 1 : end]
    data = packet[end:]
    before = len(header) + _FRAGMENT_HEADER.size
    for offset, size in _cuts(len(data), mtu - before):
        more = offset + size < len(data)
        length = before - _V6_HEADER + size
        yield (
            header[:4]
            + length.to_bytes(2, "big")
            + header[6:]
            + _FRAGMENT_HEADER.pack(following, offset | more, identification)
            + data[offset : offset + size]
        )


def _cuts(length: int, room: int) -> Iterator[tuple[int, int]]:
    """Offset and size of each piece: as much as there is room for, in units of 8 bytes but for the last."""
    step = room & ~7
    if step <= 0:
        raise ValueError(f"no room for data in a fragment: {room} bytes")
    offset = 0
    while length - offset > room:
        yield offset, step
        offset += step
    yield offset, length - offset


def _v4_packet(header: bytes, place: int, data: bytes) -> bytes:
    length = len(header) + len(data)
    start = header[:2] + length.to_bytes(2, "big") + header[4:6] + place.to_bytes(2, "big") + header[8:10]
    total = checksum(start + header[12:])
    return start + total.to_bytes(2, "big") + header[12:] + data


def _later_header(header: bytes) -> bytes:
    """The header of all fragments but the first: only options with the copied flag, padded to 4 bytes."""
    options, kept, at = header[_V4_HEADER:], b"", 0
    while at < len(options) and options[at] != _END_OF_OPTIONS:
        length = 1
        if options[at] != _NO_OPERATION:
            length = options[at + 1] if at + 1 < len(options) else 0
            if not 2 <= length <= len(options) - at:  # noqa: PLR2004 - type and length are part of it
                break
            if options[at] & _COPIED:
                kept += options[at : at + length]
        at += length
    kept += bytes(-len(kept) & 3)
    words = (_V4_HEADER + len(kept)) // 4
    return bytes([0x40 | words]) + header[1:_V4_HEADER] + kept


def _unfragmentable(packet: bytes) -> tuple[int, int]:
    """Where the next header is named that the cut begins with, and where that begins."""
    next_at, end = found = _V6_NEXT_AT, _V6_HEADER
    while end + 2 <= len(packet) and (number := packet[next_at]) in _EXTENSIONS:
        next_at, end = end, end + (packet[end + 1] + 1) * 8
        if number in {_HOP_BY_HOP, _ROUTING}:
            found = next_at, end
    if found[1] >= len(packet):
        raise ValueError(f"not an IPv6 packet: {len(packet)} bytes end in its headers")
    return found
