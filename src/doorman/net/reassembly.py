"""Putting datagrams together from their fragments (RFC 815; RFC 8200, section 4.5).

Fragments come in any order, and some twice. Those that overlap in any other way are how an attack passes a firewall:
such a datagram is refused whole, together with what may still come of it (RFC 5722, here for IPv4 too).
What a sender can make this hold is bounded, and nothing that waits is given up for another's sake.
"""

from bisect import bisect
from enum import StrEnum
from typing import NamedTuple

from doorman.net.fragments import MAX_DATAGRAM, DatagramId, Fragment, join, read_fragment


class Reason(StrEnum):
    """Why a fragment or its datagram was given up."""

    MALFORMED = "malformed fragment"
    OVERLAP = "overlapping fragments"
    TOO_LONG = "fragments beyond 65535 bytes"
    TOO_MANY = "too many fragments in a datagram"
    SOURCE_FULL = "too many datagrams in fragments from one source"
    FULL = "too many datagrams in fragments"
    TIMEOUT = "fragments missing"


class Datagram(NamedTuple):
    """All fragments came: the whole packet, as it was before it was cut."""

    id: DatagramId
    packet: bytes
    fragments: int
    """How many fragments came, duplicates included."""


class Refused(NamedTuple):
    """Fragments that will not become a datagram."""

    id: DatagramId | None
    """None for a fragment too malformed to tell."""
    reason: Reason
    fragments: int
    """How many are given up now: those that waited and the one that was added."""


class Limits(NamedTuple):
    """Bounds of a Reassembler: what a sender can make it hold."""

    timeout: float = 30.0
    """Seconds from the first fragment of a datagram to when it is given up."""
    fragments: int = 128
    """Per datagram; enough for the longest one in pieces of 512 bytes."""
    per_source: int = 64
    """Datagrams that wait, per source address."""
    datagrams: int = 1024
    """Datagrams that wait, in all."""


class Reassembler:
    """Keeps fragments until their datagram is whole, refused or given up.

    Time is in seconds of any clock that does not run backwards; where it does, `expire` is only late.

    Args:
        limits: What may be kept, and how long.
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008 - a constant
        self._limits = limits
        self._waiting: dict[DatagramId, _Waiting] = {}
        self._by_source: dict[bytes, int] = {}

    def __len__(self) -> int:
        """Count the datagrams that wait, those that were refused and are remembered included."""
        return len(self._waiting)

    def add(self, packet: bytes, now: float) -> Datagram | Refused | None:
        """Take a fragment.

        Args:
            packet: An IP packet for which `is_fragment` holds.
            now: The time, in seconds.

        Returns:
            The whole datagram when this was the last of it to come, None while others are missing, or why the
            fragment was refused and with it those before it. After that, each further one is refused alone.
        """
        piece = read_fragment(packet)
        if piece is None:
            return Refused(None, Reason.MALFORMED, 1)
        if not piece.start and not piece.more:
            return self._whole(piece, piece.data, 1)
        waiting = self._waiting.get(piece.id)
        if waiting is None:
            refused = self._no_room(piece.id)
            if refused:
                return Refused(piece.id, refused, 1)
            waiting = self._open(piece.id, now)
        return self._take(waiting, piece)

    def expire(self, now: float) -> list[Refused]:
        """Give up the datagrams that were not whole in time; those refused before are only forgotten."""
        given_up = []
        while self._waiting:
            datagram, waiting = next(iter(self._waiting.items()))
            if waiting.deadline > now:
                break
            self._close(datagram)
            if waiting.refused is None:
                given_up.append(Refused(datagram, Reason.TIMEOUT, waiting.fragments))
        return given_up

    def _take(self, waiting: "_Waiting", piece: Fragment) -> Datagram | Refused | None:
        if waiting.refused is not None:
            return Refused(piece.id, waiting.refused, 1)
        reason = waiting.add(piece, self._limits.fragments)
        if reason is not None:
            waiting.refuse(reason)
            return Refused(piece.id, reason, waiting.fragments)
        if waiting.first is None or waiting.held != waiting.length:
            return None
        whole = self._whole(waiting.first, b"".join(waiting.pieces), waiting.fragments)
        self._close(piece.id)
        return whole

    def _whole(self, first: Fragment, data: bytes, fragments: int) -> Datagram | Refused:
        packet = join(first, data)
        if packet is None:
            return Refused(first.id, Reason.TOO_LONG, fragments)
        return Datagram(first.id, packet, fragments)

    def _no_room(self, datagram: DatagramId) -> Reason | None:
        if self._by_source.get(datagram.source, 0) >= self._limits.per_source:
            return Reason.SOURCE_FULL
        return Reason.FULL if len(self._waiting) >= self._limits.datagrams else None

    def _open(self, datagram: DatagramId, now: float) -> "_Waiting":
        self._by_source[datagram.source] = self._by_source.get(datagram.source, 0) + 1
        waiting = self._waiting[datagram] = _Waiting(now + self._limits.timeout)
        return waiting

    def _close(self, datagram: DatagramId) -> None:
        del self._waiting[datagram]
        self._by_source[datagram.source] -= 1
        if not self._by_source[datagram.source]:
            del self._by_source[datagram.source]


class _Waiting:
    """The fragments of one datagram, in the order of their places; none overlaps another."""

    __slots__ = ("deadline", "first", "fragments", "held", "length", "pieces", "refused", "starts")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.first: Fragment | None = None
        self.fragments = 0
        self.held = 0
        self.length = -1
        self.starts: list[int] = []
        self.pieces: list[bytes] = []
        self.refused: Reason | None = None

    def add(self, piece: Fragment, most: int) -> Reason | None:
        """Put a fragment in its place; the reason when it must not go there."""
        self.fragments += 1
        start, data = piece.start, piece.data
        if start + len(data) > MAX_DATAGRAM:
            return Reason.TOO_LONG
        if self._contradicts_end(piece):
            return Reason.OVERLAP
        at = bisect(self.starts, start)
        if at and self.starts[at - 1] == start and self.pieces[at - 1] == data:
            return None
        if self._overlaps(at, start, start + len(data)):
            return Reason.OVERLAP
        if len(self.pieces) >= most:
            return Reason.TOO_MANY
        self.starts.insert(at, start)
        self.pieces.insert(at, data)
        self.held += len(data)
        if not piece.more:
            self.length = start + len(data)
        if not start:
            self.first = piece
        return None

    def refuse(self, reason: Reason) -> None:
        """Keep only that the datagram is refused, so that the rest of it does not begin another."""
        self.refused, self.first = reason, None
        self.starts.clear()
        self.pieces.clear()

    def _contradicts_end(self, piece: Fragment) -> bool:
        """Whether two fragments claim to be the last, or one lies where the datagram has ended."""
        end = piece.start + len(piece.data)
        if self.length >= 0:
            return end >= self.length if piece.more else end != self.length
        return not piece.more and bool(self.starts) and self.starts[-1] + len(self.pieces[-1]) >= end

    def _overlaps(self, at: int, start: int, end: int) -> bool:
        before = at > 0 and self.starts[at - 1] + len(self.pieces[at - 1]) > start
        return before or (at < len(self.starts) and self.starts[at] < end)
