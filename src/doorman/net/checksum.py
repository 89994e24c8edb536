"""The Internet checksum (RFC 1071) by arithmetic modulo 65535, which is what one's complement addition is.

`int.from_bytes(data) % 65535` is the one's complement sum of the 16-bit words of `data`, computed in C.
"""

from typing import Final

from doorman.net.edits import Edit
from doorman.net.memo import remember

_SUMS: Final[dict[bytes, int]] = {}
"""Word sums of short texts: mostly addresses and ports, which every message of a call has."""
_SHORT: Final = 64
_MOST_SUMS: Final = 4_096


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
    total = at = growth = 0
    for edit in edits:
        start, end, new = edit.start, edit.end, edit.new
        if growth & 1:
            total += _turned(data[at:start], at)
        total += _sum_at(new, start + growth) - _sum_at(data[start:end], start)
        growth += len(new) - end + start
        at = end
    if growth & 1:
        total += _turned(data[at:], at)
    return total % 0xFFFF


def _sum_at(text: bytes, at: int) -> int:
    """The word sum of a text that stands at a place."""
    total = _SUMS.get(text)
    if total is None:
        total = word_sum(text)
        if len(text) <= _SHORT:
            remember(_SUMS, text, total, _MOST_SUMS)
    return total << 8 if at & 1 else total


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
