"""Packets that a TUN device hands over with work left to do: checksums, and cutting into segments (virtio 1.2, 5.1.6).

    virtio_net_hdr   flags:u8  kind:u8  headers:u16  size:u16  start:u16  offset:u16    native order; then the packet
    flags            1: from `start` on it is to be summed, and the sum put `offset` bytes behind that
    kind             1: TCP in IPv4, 4: TCP in IPv6, longer than a segment, to be cut into pieces of `size` bytes

So a host's 64 kB pass at once, in one look at their headers. Where the sum belongs stands that of the pseudo header
alone, and not its complement as in any checksum: turned round it is carried as any other, and then turned round again.
"""

from struct import Struct
from typing import Final

_HEADER: Final = Struct("=BBHHHH")
SIZE: Final = _HEADER.size
_TO_BE_SUMMED: Final = 1
_KINDS: Final = {0: 0, 1: 4, 4: 1}
"""What a kind is in the other family."""


class Offloaded:
    """A packet of a device, with what is left to be done to it.

    Attributes:
        packet: it, so that its checksum can be carried.
        whole: whether it must stay in one piece.

    Raises:
        ValueError: it is no packet with such a header.
    """

    __slots__ = ("_header", "packet", "whole")

    def __init__(self, data: bytes) -> None:
        if len(data) <= SIZE:
            raise ValueError("no packet behind the header")
        self.packet = data[SIZE:]
        self._header = data[:SIZE]
        flags, kind, _, _, start, offset = _HEADER.unpack(self._header)
        self.whole = bool(flags & _TO_BE_SUMMED) or kind != 0
        if kind not in _KINDS:
            raise ValueError(f"segments of kind {kind}")
        if flags & _TO_BE_SUMMED:
            self.packet = _turned_round(self.packet, start + offset)

    def translated(self, packet: bytes) -> bytes:
        """What the device gets, of the packet in the other family."""
        if not self.whole:
            return bytes(SIZE) + packet
        flags, kind, headers, size, start, offset = _HEADER.unpack(self._header)
        flags &= _TO_BE_SUMMED
        grown = len(packet) - len(self.packet)
        if flags & _TO_BE_SUMMED:
            start += grown
            packet = _turned_round(packet, start + offset)
        headers += grown if headers else 0
        return _HEADER.pack(flags, _KINDS[kind], headers, size, start, offset) + packet


def _turned_round(packet: bytes, at: int) -> bytes:
    """A packet with the complement of a field; of zero's two forms the one that UDP has a checksum by."""
    if at + 2 > len(packet):
        raise ValueError("no checksum in the packet")
    field = packet[at] << 8 | packet[at + 1]
    turned = 0xFFFF - field or 0xFFFF
    return packet[:at] + turned.to_bytes(2, "big") + packet[at + 2 :]
