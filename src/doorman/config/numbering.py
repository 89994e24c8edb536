"""Numbers for names, made of the names themselves: they stay, whatever else there is, but where two clash."""

from collections.abc import Iterable
from zlib import crc32


def numbered(names: Iterable[bytes], most: int) -> dict[bytes, int]:
    """A number from 1 to `most` for each of at most so many names."""
    found: dict[bytes, int] = {}
    taken: set[int] = set()
    for name in sorted(names):
        number = crc32(name) % most
        while number + 1 in taken:
            number = (number + 1) % most
        found[name] = number + 1
        taken.add(number + 1)
    return found
