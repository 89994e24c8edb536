"""The message in which the kernel hands out a packet, see `queue`.

    nlmsghdr nfgenmsg  PACKET_HDR id | protocol hook  INDEV  MARK  HWADDR …  | PAYLOAD the packet
                                     |     the front: the same of all       |
                                     |     that one neighbour sends         |

So attributes are looked at one by one only where a front is new.
"""

import struct
import sys
from typing import Final

from doorman.dataplanes.netfilter.messages import ATTRIBUTE, MESSAGE
from doorman.net.memo import remember

_PACKET_HDR: Final = 1
_MARK: Final = 3
_INDEV: Final = 5
_PAYLOAD: Final = 10
_ATTRIBUTES: Final = MESSAGE.size + 4
_HEADER: Final = 4
"""Bytes before the content of an attribute: its length and its kind, in host order, unlike all else."""
_LOW: Final = 0 if sys.byteorder == "little" else 1
_HIGH: Final = 1 - _LOW
_NUMBER: Final = 4
_NOBODY: Final = bytes(_NUMBER)
_HOOK_AT: Final = 6
_PAYLOAD_KIND: Final = struct.pack("=H", _PAYLOAD)
_ID_HEADER: Final = ATTRIBUTE.pack(11, _PACKET_HDR)
_ID_AT: Final = _ATTRIBUTES + _HEADER
_FRONT_AT: Final = _ID_AT + _NUMBER
_MOST_FRONTS: Final = 1_024


class QueuedPacket:
    """A packet that waits for its verdict.

    Attributes:
        id: its number in this queue, for the verdict: 4 bytes as the kernel writes them.
        hook: where it was caught: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting.
        mark: the packet's mark.
        in_index: the index of the interface it came in by, 0 if none.
        data: the IP packet; cut short if it is longer than MAX_PACKET.
    """

    __slots__ = ("data", "hook", "id", "in_index", "mark")

    def __init__(self, packet_id: bytes, hook: int, mark: int, in_index: int, data: bytes) -> None:
        self.id = packet_id
        self.hook = hook
        self.mark = mark
        self.in_index = in_index
        self.data = data


class _Front:
    """What a front tells."""

    __slots__ = ("hook", "in_index", "mark")

    def __init__(self, packet: QueuedPacket) -> None:
        self.hook = packet.hook
        self.mark = packet.mark
        self.in_index = packet.in_index


class PacketReader:
    """Reads the messages of one queue. Its length: how many fronts it knows."""

    __slots__ = ("_ends", "_fronts")

    def __init__(self) -> None:
        self._fronts: dict[bytes, _Front] = {}
        self._ends = _FRONT_AT  # where that of a message ended which was new last

    def __len__(self) -> int:
        return len(self._fronts)

    def read(self, datagram: bytes) -> QueuedPacket:
        """Read a packet's message; of a broken one what stands before the break."""
        ends = self._ends
        front = self._fronts.get(datagram[_FRONT_AT:ends]) if len(datagram) >= ends + _HEADER else None
        if front is not None and datagram[ends + 2 : ends + _HEADER] == _PAYLOAD_KIND:
            content = ends + _HEADER
            stop = ends + (datagram[ends + _LOW] | datagram[ends + _HIGH] << 8)
            data = datagram[content : max(content, stop)]
            return QueuedPacket(datagram[_ID_AT:_FRONT_AT], front.hook, front.mark, front.in_index, data)
        packet = read_packet(datagram)
        ends = len(datagram) - len(packet.data) - _HEADER
        is_usual = ends >= _FRONT_AT and datagram[_ATTRIBUTES:_ID_AT] == _ID_HEADER
        if is_usual and datagram[ends + 2 : ends + _HEADER] == _PAYLOAD_KIND:
            self._ends = ends
            remember(self._fronts, datagram[_FRONT_AT:ends], _Front(packet), _MOST_FRONTS)
        return packet


def read_packet(datagram: bytes) -> QueuedPacket:
    """Read a packet's message; of a broken one what stands before the break."""
    hook = mark = in_index = 0
    packet_id, data = _NOBODY, b""
    start, end = _ATTRIBUTES, len(datagram)
    while start + _HEADER <= end:
        length = datagram[start + _LOW] | datagram[start + _HIGH] << 8
        kind = datagram[start + 2 + _LOW] | datagram[start + 2 + _HIGH] << 8
        content, stop = start + _HEADER, min(start + length, end)
        if kind == _PAYLOAD:
            data = datagram[content : max(content, stop)]
        elif stop - content >= _NUMBER:
            if kind == _PACKET_HDR:
                packet_id = datagram[content : content + _NUMBER]
                hook = datagram[content + _HOOK_AT] if content + _HOOK_AT < stop else 0
            elif kind == _INDEV:
                in_index = _number(datagram, content)
            elif kind == _MARK:
                mark = _number(datagram, content)
        start += max(length + 3 & ~3, _HEADER)
    return QueuedPacket(packet_id, hook, mark, in_index, data)


def _number(data: bytes, at: int) -> int:
    return data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
