"""The Internet checksum (RFC 1071) by arithmetic modulo 65535, which is what one's complement addition is.

`int.from_bytes(data) % 65535` is the one's complement sum of the 16-bit words of `data`, computed in C.
"""

from doorman.net.edits import Edit


def word_sum(data: bytes) -> int:
    """Sum the 16-bit big-endian words of `data` modulo 65535; an odd last byte counts as the high one of its word."""
    total = int.from_bytes(data, "big")
    if len(data) & 1:
        total <<= 8
    return total % 0xFFFF


def sum_difference(new: bytes, old: bytes) -> int:
    """By how much the word sum of `new` is above that of `old`, modulo 65535; one division does for both."""
    if len(new) & 1:
        new += b"\0"
    if len(old) & 1:
        old += b"\0"
    return (int.from_bytes(new, "big") - int.from_bytes(old, "big")) % 0xFFFF


def edits_difference(data: bytes, edits: list[Edit]) -> int:
    """By how much the word sum of `data` grows, modulo 65535, when its edits are carried out.

    Only what is replaced is summed, and what comes to stand at an odd distance from where it was.

    Args:
        data: stands at an even place.
        edits: in order and without overlap.
    """
    before, after = _Pieces(), _Pieces()
    at = growth = 0
    for edit in edits:
        start, new = edit.start, edit.new
        if growth & 1 and at < start:
            kept = data[at:start]
            before.put(kept, at)
            after.put(kept, at + growth)
        before.put(data[start : edit.end], start)
        after.put(new, start + growth)
        growth += len(new) - edit.end + start
        at = edit.end
    if growth & 1:
        kept = data[at:]
        before.put(kept, at)
        after.put(kept, at + growth)
    return sum_difference(b"".join(after.pieces), b"".join(before.pieces))


class _Pieces:
    """Parts of a message, one behind the other: each at an even place if it stands at one in the message."""

    __slots__ = ("length", "pieces")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.length = 0

    def put(self, piece: bytes, at: int) -> None:
        """Add what stands at some place."""
        if (self.length ^ at) & 1:
            self.pieces.append(b"\0")
            self.length += 1
        self.pieces.append(piece)
        self.length += len(piece)


def checksum(data: bytes) -> int:
    """The checksum to write, 0 to 0xFFFE, for `data` whose own checksum field is zero (RFC 1071, section 1)."""
    return 0xFFFF - (word_sum(data) or 0xFFFF)


def is_valid(data: bytes) -> bool:
    """Whether `data`, checksum field included, sums to zero."""
    return word_sum(data) == 0
