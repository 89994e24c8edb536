"""RTP packets, as far as the lab sends and counts them (RFC 3550, clause 5.1). All fields are in network order.

     0                   1                   2                   3
    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
    |                           timestamp                           |
    |           synchronization source (SSRC) identifier            |

A sender's sequence numbers count its packets, modulo 65,536, so that a receiver knows what it missed.
"""

import struct
from collections import deque
from typing import NamedTuple

PCMU = 0
"""The payload type of G.711 µ-law: 8,000 samples a second, a byte each (RFC 3551)."""

TELEPHONE_EVENT = 101
"""The payload type that the lab's scenarios announce for digits (RFC 4733); a dynamic one, that most telephones use."""

_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_END_OF_EVENT = 0x80
_VOLUME = 10
"""Of a digit, in dB below full scale."""
_VERSION_2 = 0x80
_MARKER = 0x80
_ROUND = 1 << 16
_REMEMBERED = 512
"""How many sequence numbers back a packet is recognised as one that came before."""


class Rtp(NamedTuple):
    """The header of a packet without extension and contributing sources."""

    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int = PCMU
    marker: bool = False

    def packet(self, payload: bytes) -> bytes:
        """The header and the payload."""
        second = self.payload_type | _MARKER * self.marker
        return _HEADER.pack(_VERSION_2, second, self.sequence, self.timestamp, self.ssrc) + payload


def read_rtp(data: bytes) -> Rtp | None:
    """The header of a datagram that can be RTP, None if it cannot."""
    if len(data) < _HEADER.size or data[0] & 0xC0 != _VERSION_2:
        return None
    _, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    return Rtp(sequence, timestamp, ssrc, second & 0x7F, bool(second & _MARKER))


def digit(event: int, samples: int) -> list[bytes]:
    """The payloads of a digit (RFC 4733, clause 2.3): three while the key is down, three that tell of its end.

    event:u8  E:1 R:1 volume:6  duration:u16, which counts from the first packet's timestamp, the same in all of them

    Args:
        event: 0 to 9, 10 for *, 11 for #.
        samples: what a packet stands for.
    """
    down = [_EVENT.pack(event, _VOLUME, samples * turn) for turn in (1, 2, 3)]
    return down + [_EVENT.pack(event, _END_OF_EVENT | _VOLUME, samples * 3)] * 3


class Sequence:
    """What one sender's sequence numbers tell (RFC 3550, annex A.1, without its probation)."""

    def __init__(self) -> None:
        self.received = 0
        self.reordered = 0
        self.repeated = 0
        self._first = self._highest = 0
        self._recent: deque[int] = deque(maxlen=_REMEMBERED)
        self._seen: set[int] = set()

    @property
    def lost(self) -> int:
        """Packets that are missing between the first and the last that came."""
        return self._highest - self._first + 1 - self.received if self.received else 0

    def count(self, sequence: int) -> None:
        """A packet came."""
        if not self.received:
            self._first = self._highest = sequence
        # The number nearest to the highest so far, over however many rounds of 65,536.
        step = (sequence - self._highest + _ROUND // 2) % _ROUND - _ROUND // 2
        extended = self._highest + step
        if extended in self._seen:
            self.repeated += 1
            return
        if len(self._recent) == _REMEMBERED:
            self._seen.discard(self._recent[0])
        self._recent.append(extended)
        self._seen.add(extended)
        self.received += 1
        self.reordered += extended < self._highest
        self._first = min(self._first, extended)
        self._highest = max(self._highest, extended)
