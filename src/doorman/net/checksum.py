"""The Internet checksum (RFC 1071) by arithmetic modulo 65535, which is what one's complement addition is.

`int.from_bytes(data) % 65535` is the one's complement sum of the 16-bit words of `data`, computed in C.
"""

from typing import Final

from doorman.net.edits import Edit
from doorman.net.memo import remember

_SHORT: Final = 64
_MOST_SUMS: Final = 4_096


class _Sums:
    """The word sums of a text and of what took its place last: of an address and its name, in every message."""

    __slots__ = ("new", "of_new", "of_old", "old")

    def __init__(self, old: bytes, new: bytes) -> None:
        self.old = old
        self.new = new
        self.of_old = word_sum(old)
        self.of_new = word_sum(new)


def word_sum(data: bytes) -> int:
    """Sum the 16-bit big-endian words of `data` modulo 65535; an odd last byte counts as the high one of its word."""
    total = int.from_bytes(data, "big")
    if len(data) & 1:
        total <<= 8
    return total % 0xFFFF


_NO_SUMS: Final = _Sums(b"", b"")
_SUMS: Final[dict[bytes, _Sums]] = {}
"""By the text; of short ones."""


def sum_difference(new: bytes, old: bytes) -> int:
    """By how much the word sum of `new` is above that of `old`, modulo 65535; one division does for both."""
    if len(new) & 1:
        new += b"\0"
    if len(old) & 1:
        old += b"\0"
    return (int.from_bytes(new, "big") - int.from_bytes(old, "big")) % 0xFFFF


def carry_edits(data: bytes, start: int, end: int, edits: list[Edit], parts: list[bytes]) -> tuple[int, int]:
    """Carry out edits of the payload of a packet, and find what they do to the sum of its words.

    Only what is replaced is summed, and what comes to stand at an odd distance from where it was.

    Args:
        data: the packet.
        start: where its payload begins, at an even distance from what it is summed with.
        end: where it ends.
        edits: of the payload, in order and without overlap.
        parts: get what the packet has from `start` on, to its own end.

    Returns:
        By how many bytes the payload grows, and its word sum, modulo 65535.
    """
    total = growth = 0
    at = start
    sums = _NO_SUMS
    for edit in edits:
        new, begins, ends = edit.new, start + edit.start, start + edit.end
        kept = data[at:begins]
        if growth & 1:
            total += _turned(kept, at - start)
        old = data[begins:ends]
        if old != sums.old or new != sums.new:  # the same name stands in several lines of most messages
            sums = _sums(old, new)
        total += sums.of_new << 8 if edit.start + growth & 1 else sums.of_new
        total -= sums.of_old << 8 if edit.start & 1 else sums.of_old
        growth += len(new) - ends + begins
        parts.append(kept)
        parts.append(new)
        at = ends
    if growth & 1:
        total += _turned(data[at:end], at - start)
    parts.append(data[at:])
    return growth, total % 0xFFFF


def _sums(old: bytes, new: bytes) -> _Sums:
    if len(old) > _SHORT or len(new) > _SHORT:
        return _Sums(old, new)
    sums = _SUMS.get(old)
    if sums is None:
        return remember(_SUMS, old, _Sums(old, new), _MOST_SUMS)
    if sums.new != new:
        sums.new, sums.of_new = new, word_sum(new)
    return sums


def _turned(kept: bytes, at: int) -> int:
    """What the bytes from a place on add to a word sum when the high ones of words become the low ones."""
    total = word_sum(kept)
    return total - (total << 8) if at & 1 else (total << 8) - total


def checksum(data: bytes) -> int:
    """The checksum to write, 0 to 0xFFFE, for `data` whose own checksum field is zero (RFC 1071, section 1)."""
    return 0xFFFF - (word_sum(data) or 0xFFFF)


def is_valid(data: bytes) -> bool:
    """Whether `data`, checksum field included, sums to zero."""
    return word_sum(data) == 0
