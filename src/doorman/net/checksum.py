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
    before: list[bytes] = []
    after: list[bytes] = []
    taken = given = at = growth = 0
    for edit in edits:
        start, new = edit.start, edit.new
        if growth & 1 and at < start:
            kept = data[at:start]
            taken = _put(before, kept, at, taken)
            given = _put(after, kept, at + growth, given)
        taken = _put(before, data[start : edit.end], start, taken)
        given = _put(after, new, start + growth, given)
        growth += len(new) - edit.end + start
        at = edit.end
    if growth & 1:
        kept = data[at:]
        _put(before, kept, at, taken)
        _put(after, kept, at + growth, given)
    return sum_difference(b"".join(after), b"".join(before))


def _put(pieces: list[bytes], piece: bytes, at: int, length: int) -> int:
    """Add what stands at some place to pieces of so many bytes, even to even; how many bytes they are then."""
    if (length ^ at) & 1:
        pieces.append(b"\0")
        length += 1
    pieces.append(piece)
    return length + len(piece)


def checksum(data: bytes) -> int:
    """The checksum to write, 0 to 0xFFFE, for `data` whose own checksum field is zero (RFC 1071, section 1)."""
    return 0xFFFF - (word_sum(data) or 0xFFFF)


def is_valid(data: bytes) -> bool:
    """Whether `data`, checksum field included, sums to zero."""
    return word_sum(data) == 0
