"""One port for RTP: it sends to where it was directed, and counts what comes."""

import socket
from collections import Counter, deque
from collections.abc import Mapping
from typing import NamedTuple

from doorman.lab.audio import ulaw_tone
from doorman.lab.rtp import TELEPHONE_EVENT, Rtp, Sequence, digit, read_rtp

Endpoint = tuple[str, int]
"""An address and a port, as sockets have them."""

PACKET_SAMPLES = 160
"""In each packet: 20 ms of G.711."""

_BATCH = 32
_MOST_NAMES = 64
"""Senders and addresses that a stream tells apart; packets of more are counted as `strange`."""
_TONE = ulaw_tone(PACKET_SAMPLES)


class Counts(NamedTuple):
    """What a stream sent and received so far, in packets.

    Attributes:
        sent: what left.
        refused: what the kernel would not send (no route, or an ICMP error came back).
        received: what came, each packet once.
        lost: what is missing between the first and the last that came.
        reordered: what came after a later one.
        repeated: what came once more.
        strange: what is no RTP, or came from more than 64 senders or addresses.
        sources: how many came from which address.
        senders: the SSRC of each sender.
        payload_types: how many of which payload type came.
    """

    sent: int
    refused: int
    received: int
    lost: int
    reordered: int
    repeated: int
    strange: int
    sources: Mapping[Endpoint, int]
    senders: frozenset[int]
    payload_types: Mapping[int, int]


class Stream:
    """A port for RTP. Made by `Station.open`."""

    def __init__(self, port: socket.socket, ssrc: int) -> None:
        self.endpoint: Endpoint = port.getsockname()
        self.ssrc = ssrc
        self.port = port
        self._remote: Endpoint | None = None
        self._left: int | None = 0
        self._sequence = ssrc & 0xFFFF
        self._timestamp = ssrc
        self._sent = self._refused = self._strange = 0
        self._senders: dict[int, Sequence] = {}
        self._sources: Counter[Endpoint] = Counter()
        self._types: Counter[int] = Counter()
        self._keys: deque[tuple[int, bytes]] = deque()

    def towards(self, remote: Endpoint, packets: int | None = None) -> None:
        """Send there from now on: so many packets and then no more, or without end."""
        self._remote = remote
        self._left = packets

    def stop(self) -> None:
        """Send no more."""
        self._left = 0

    def press(self, event: int) -> None:
        """Send a digit in place of the next six packets of tone, see `rtp.digit`."""
        self._keys.extend(enumerate(digit(event, PACKET_SAMPLES)))

    @property
    def is_done(self) -> bool:
        """Whether it was directed, and has sent all it was to send."""
        return self._remote is not None and self._left == 0

    def counts(self) -> Counts:
        """What it sent and received so far."""
        senders = dict(self._senders)
        return Counts(
            self._sent,
            self._refused,
            sum(sequence.received for sequence in senders.values()),
            sum(sequence.lost for sequence in senders.values()),
            sum(sequence.reordered for sequence in senders.values()),
            sum(sequence.repeated for sequence in senders.values()),
            self._strange,
            dict(self._sources),
            frozenset(senders),
            dict(self._types),
        )

    def send(self) -> None:
        """Send one packet to where the stream is directed, if it is."""
        remote = self._remote
        if remote is None or self._left == 0:
            return
        try:
            self.port.sendto(self._packet(), remote)
        except OSError:
            self._refused += 1
        else:
            self._sent += 1
            self._left = None if self._left is None else self._left - 1
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._timestamp = (self._timestamp + PACKET_SAMPLES) & 0xFFFFFFFF

    def _packet(self) -> bytes:
        """Tone, or a digit: all its packets have the timestamp of the first one."""
        if not self._keys:
            return Rtp(self._sequence, self._timestamp, self.ssrc).packet(_TONE)
        turn, payload = self._keys.popleft()
        begun = (self._timestamp - turn * PACKET_SAMPLES) & 0xFFFFFFFF
        return Rtp(self._sequence, begun, self.ssrc, TELEPHONE_EVENT, marker=turn == 0).packet(payload)

    def receive(self) -> None:
        """Count what has come, a bounded number of packets."""
        for _ in range(_BATCH):
            try:
                data, source = self.port.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error to what was sent before is reported once, here or at the next sending.
                self._refused += 1
                continue
            self._count(data, source)

    def _count(self, data: bytes, source: Endpoint) -> None:
        header = read_rtp(data)
        if (
            header is None
            or (header.ssrc not in self._senders and len(self._senders) >= _MOST_NAMES)
            or (source not in self._sources and len(self._sources) >= _MOST_NAMES)
        ):
            self._strange += 1
            return
        self._senders.setdefault(header.ssrc, Sequence()).count(header.sequence)
        self._sources[source] += 1
        self._types[header.payload_type] += 1
