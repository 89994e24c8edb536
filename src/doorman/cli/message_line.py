"""A piece of a message that is no text, in words, as `--explain` shows it."""

from typing import NamedTuple


class Line(NamedTuple):
    """Some bytes of a message, and what they say."""

    start: int
    end: int
    text: str


def unreadable(lines: list[Line], length: int) -> Line:
    """The rest of a message of so many bytes, of which only these lines can be read."""
    at = lines[-1].end if lines else 0
    return Line(at, length, f"{length - at} bytes that cannot be read")
