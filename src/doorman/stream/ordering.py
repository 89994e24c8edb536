"""The bytes of one direction of a TCP connection, put in the order in which they were sent.

Bytes that came first count. Those that come again must be the same: whoever sends others wants one reader to see what
another does not.
"""

from bisect import bisect_left

ROOM = 262_144
"""Bytes beyond the next one awaited that are taken."""
MOST_PIECES = 256
"""Pieces that wait for those before them."""


class Ordering:
    """Takes the data of segments in any order, several times, overlapping; gives each byte once and in order.

    Positions are sequence numbers that go on beyond 2**32.

    Args:
        begin: the position of the first byte.

    Attributes:
        next: the position of the first byte that has not come.
        contradicted: whether bytes came again as others.
    """

    __slots__ = ("_begin", "_kept", "_starts", "_waiting", "contradicted", "next")

    def __init__(self, begin: int) -> None:
        self.next = self._begin = begin
        self.contradicted = False
        self._kept = bytearray()
        self._starts: list[int] = []
        self._waiting: list[bytes] = []

    @property
    def waiting(self) -> list[tuple[int, int]]:
        """The first byte and the one behind the last of each run that waits for those before it."""
        runs: list[tuple[int, int]] = []
        for start, data in zip(self._starts, self._waiting, strict=True):
            if runs and runs[-1][1] == start:
                runs[-1] = runs[-1][0], start + len(data)
            else:
                runs.append((start, start + len(data)))
        return runs

    def take(self, start: int, data: bytes) -> bytes:
        """Take the data of a segment that begins at a position; give what is in order now."""
        if start < self.next:
            self._compare(start, data, self._begin, self._kept)
            data = data[self.next - start :]
            start = self.next
        if not data or start + len(data) - self.next > ROOM:
            return b""
        if start == self.next and not self._waiting:
            return self._give(data)
        self._wait(start, data)
        ready = []
        while self._starts and self._starts[0] == self.next:
            del self._starts[0]
            ready.append(self._give(self._waiting.pop(0)))
        return b"".join(ready)

    def skip(self, to: int) -> None:
        """Go on behind bytes that never came."""
        self._kept += bytes(to - self.next)
        self.next = to

    def look(self, start: int, stop: int) -> bytes:
        """The bytes between two positions that have come in order and are not forgotten."""
        return bytes(self._kept[max(start - self._begin, 0) : max(stop - self._begin, 0)])

    def forget(self, before: int) -> None:
        """Bytes before a position will not come again."""
        if before > self._begin:
            del self._kept[: before - self._begin]
            self._begin = before

    def _give(self, data: bytes) -> bytes:
        self._kept += data
        self.next += len(data)
        return data

    def _compare(self, start: int, data: bytes, known_at: int, known: bytes | bytearray) -> None:
        """Compare what came with what is known where both are."""
        first, last = max(start, known_at), min(start + len(data), known_at + len(known))
        if first < last and data[first - start : last - start] != known[first - known_at : last - known_at]:
            self.contradicted = True

    def _wait(self, start: int, data: bytes) -> None:
        """Keep what is new of data that others must come before, or that closes a gap."""
        at = bisect_left(self._starts, start)
        if at and self._starts[at - 1] + len(self._waiting[at - 1]) > start:
            at -= 1
        while data:
            known = self._starts[at] if at < len(self._starts) else start + len(data)
            if known > start:
                if len(self._starts) >= MOST_PIECES and start != self.next:
                    return
                new = data[: known - start]
                self._starts.insert(at, start)
                self._waiting.insert(at, new)
                at += 1
                data = data[len(new) :]
                start += len(new)
                continue
            self._compare(start, data, known, self._waiting[at])
            behind = known + len(self._waiting[at])
            data = data[behind - start :]
            start = max(start, behind)
            at += 1
