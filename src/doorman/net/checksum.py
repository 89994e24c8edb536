"""The Internet checksum (RFC 1071) by arithmetic modulo 65535, which is what one's complement addition is.

`int.from_bytes(data) % 65535` is the one's complement sum of the 16-bit words of `data`, computed in C.
"""


def word_sum(data: bytes) -> int:
    """Sum the 16-bit big-endian words of `data` modulo 65535; an odd last byte counts as the high one of its word."""
    total = int.from_bytes(data, "big")
    if len(data) & 1:
        total <<= 8
    return total % 0xFFFF


def sum_difference(new: bytes, old: bytes) -> int:
    """By how much the word sum of `new` is above that of `old`, modulo 65535; one division does for both."""
    after, before = int.from_bytes(new, "big"), int.from_bytes(old, "big")
    if len(new) & 1:
        after <<= 8
    if len(old) & 1:
        before <<= 8
    return (after - before) % 0xFFFF


def checksum(data: bytes) -> int:
    """The checksum to write, 0 to 0xFFFE, for `data` whose own checksum field is zero (RFC 1071, section 1)."""
    return 0xFFFF - (word_sum(data) or 0xFFFF)


def is_valid(data: bytes) -> bool:
    """Whether `data`, checksum field included, sums to zero."""
    return word_sum(data) == 0
