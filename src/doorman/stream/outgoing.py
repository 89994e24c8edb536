"""What goes on in place of the bytes of one direction, and which byte of the one stream stands for which of the other.

    came      |  message, 700 bytes  |  keep-alive  |  message, 500 bytes  |  not whole yet
    goes on   |  message, 731 bytes    |  keep-alive  |  (dropped)  |

A message that was changed is acknowledged to its sender once all of what replaces it is, not before: until then its
sender may have to send it again. Positions are sequence numbers that go on beyond 2**32; a FIN counts as a byte.
"""

from collections import deque
from typing import NamedTuple


class Piece(NamedTuple):
    """Bytes of a stream, and what goes on in their place.

    Attributes:
        taken: how many they were.
        data: what goes on.
        judged: whether an ALG decided about them.
    """

    taken: int
    data: bytes
    judged: bool = False


class _Placed:
    """A piece in its place in both streams; `same`: byte for byte as it came."""

    __slots__ = ("data", "end_in", "end_out", "same", "start_in", "start_out")

    def __init__(self, start_in: int, start_out: int, piece: Piece, *, same: bool) -> None:
        self.start_in, self.end_in = start_in, start_in + piece.taken
        self.start_out, self.end_out = start_out, start_out + len(piece.data)
        self.data = piece.data
        self.same = same


class Outgoing:
    """The stream that goes on.

    Args:
        begin: the position of the first byte, in both streams.

    Attributes:
        head_in, head_out: behind the last piece, in the stream that came and in that which goes on.
        sent: behind the last byte that was sent on.
        acknowledged: behind the last byte that has arrived.
    """

    __slots__ = ("_fin", "_pieces", "acknowledged", "head_in", "head_out", "sent")

    def __init__(self, begin: int) -> None:
        self.head_in = self.head_out = self.sent = self.acknowledged = begin
        self._pieces: deque[_Placed] = deque()
        self._fin: _Placed | None = None

    @property
    def idle(self) -> bool:
        """Whether all there is has arrived."""
        return not self._pieces

    @property
    def first_end(self) -> int:
        """Where the first piece ends that has not wholly arrived."""
        return self._pieces[0].end_out if self._pieces else self.head_out

    @property
    def grown(self) -> int:
        """By how many bytes what goes on is longer than what came."""
        return self.head_out - self.head_in

    @property
    def finished(self) -> bool:
        """Whether it has an end."""
        return self._fin is not None

    def put(self, piece: Piece, came: bytes) -> None:
        """Append a piece; `came`: the bytes that it is for."""
        same = piece.data == came
        if not piece.taken and not piece.data:
            return
        self._append(_Placed(self.head_in, self.head_out, piece, same=same))

    def finish(self) -> None:
        """Append the FIN."""
        fin = _Placed(self.head_in, self.head_out, Piece(1, b""), same=False)
        fin.end_out += 1
        self._fin = fin
        self._append(fin)

    def acknowledge(self, position: int) -> None:
        """All before this position of what goes on has arrived."""
        self.acknowledged = max(self.acknowledged, min(position, self.sent))
        while self._pieces and self._pieces[0].end_out <= self.acknowledged:
            self._pieces.popleft()

    def arrived(self) -> int | None:
        """How much of what came has arrived: the position behind it; None: all there is."""
        if not self._pieces:
            return None
        first = self._pieces[0]
        return first.start_in + (max(self.acknowledged - first.start_out, 0) if first.same else 0)

    def read(self, start: int, stop: int) -> bytes:
        """The data between two positions of what goes on; all of it has not arrived yet."""
        parts = []
        for piece in self._pieces:
            if piece.start_out >= stop:
                break
            if piece.end_out > start:
                parts.append(piece.data[max(0, start - piece.start_out) : stop - piece.start_out])
        return b"".join(parts)

    def ends_at(self, position: int) -> bool:
        """Whether the FIN is the byte before this position."""
        return self._fin is not None and self._fin.end_out == position

    def place(self, position: int) -> int:
        """Where a position of what came is in what goes on. The end of a piece is the end of what replaces it."""
        for piece in self._pieces:
            if position < piece.end_in:
                return min(piece.start_out + max(position - piece.start_in, 0), piece.end_out)
        return self.head_out

    def source(self, position: int) -> int:
        """Which byte of what came stands for a position of what goes on: of a changed message, its first."""
        for piece in self._pieces:
            if position < piece.end_out:
                return piece.start_in + (max(position - piece.start_out, 0) if piece.same else 0)
        return self.head_in

    def origin(self, start: int, stop: int) -> tuple[int, int] | None:
        """What of what came has wholly arrived, if the bytes between two positions of what goes on have."""
        first = last = -1
        for piece in self._pieces:
            if piece.same:
                low, high = max(start, piece.start_out), min(stop, piece.end_out)
                found = (piece.start_in + low - piece.start_out, piece.start_in + high - piece.start_out)
            else:
                low, high = (0, 1) if start <= piece.start_out and piece.end_out <= stop else (0, 0)
                found = (piece.start_in, piece.end_in)
            if low < high:
                first = found[0] if first < 0 else first
                last = found[1]
        return (first, last) if first >= 0 else None

    def _append(self, piece: _Placed) -> None:
        self.head_in, self.head_out = piece.end_in, piece.end_out
        if piece.end_out > self.acknowledged:
            self._pieces.append(piece)
