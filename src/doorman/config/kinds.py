"""What a variable of the grammar accepts: `word`, `text`, `line`, `ipv4`, `slash`, `interface`…, or a range `1-99`.

A reader gets the line from the variable's first character on and says which value stands there and how many
characters it takes; nearly all take one word.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from doorman.config.interface_names import read_interface_name
from doorman.net.addresses import parse_address

Reading = tuple[object, int] | None
"""A value and the number of characters it takes; None: no such value stands there."""

_FIRST_WORD = re.compile(r"[^ \t]+")
_NAME = re.compile(r"[!->@-~]{1,64}")  # printable ASCII; the question mark asks for help
_TEXT = re.compile(r"[!-~]{1,255}")  # what messages may hold, a question mark too
_HOSTNAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_DIGITS = re.compile(r"[0-9]{1,10}")
_SLASH = re.compile(r"/([0-9]{1,2})(?![^ \t])")
_IPV4_LENGTH, _IPV4_BITS = 4, 32


class Kind(NamedTuple):
    """A kind of variable: how help shows it (a line each), the type of its value, and its reader."""

    shown: tuple[str, ...]
    value_type: type
    read: Callable[[str], Reading]


def _read_matching(pattern: re.Pattern[str], rest: str) -> Reading:
    word = _FIRST_WORD.match(rest)
    if word is None or not pattern.fullmatch(word[0]):
        return None
    return word[0], word.end()


def _read_word(rest: str) -> Reading:
    return _read_matching(_NAME, rest)


def _read_text(rest: str) -> Reading:
    return _read_matching(_TEXT, rest)


def _read_hostname(rest: str) -> Reading:
    return _read_matching(_HOSTNAME, rest)


def _read_slash(rest: str) -> Reading:
    word = _SLASH.match(rest)
    return (int(word[1]), word.end()) if word is not None and 1 <= int(word[1]) <= _IPV4_BITS else None


def _read_line(rest: str) -> Reading:
    text = rest.rstrip(" \t")
    return (text, len(rest)) if text.isprintable() else None


def _read_ipv4(rest: str) -> Reading:
    word = _FIRST_WORD.match(rest)
    address = parse_address(word[0].encode("ascii", "replace")) if word else None
    if word is None or address is None or len(address) != _IPV4_LENGTH:
        return None
    return address, word.end()


_KINDS = {
    "word": Kind(("WORD",), str, _read_word),
    "text": Kind(("WORD",), str, _read_text),
    "hostname": Kind(("WORD",), str, _read_hostname),
    "line": Kind(("LINE",), str, _read_line),
    "ipv4": Kind(("A.B.C.D",), bytes, _read_ipv4),
    "slash": Kind(("/nn",), int, _read_slash),
    "interface": Kind(("INTERFACE",), str, read_interface_name),
}


def is_kind(spec: str) -> bool:
    """Whether a variable's specification names a kind or a range; otherwise it is a choice of keywords."""
    return spec in _KINDS or spec[:1].isdigit()


@cache
def kind_of(spec: str) -> Kind:
    """The kind that a variable's specification in the grammar names.

    Raises:
        ValueError: no such kind, or a range that is none.
    """
    known = _KINDS.get(spec)
    if known is not None:
        return known
    ranges = [_bounds(part) for part in spec.split(",")]

    def read(rest: str) -> Reading:
        word = _FIRST_WORD.match(rest)
        if word is None or not _DIGITS.fullmatch(word[0]):
            return None
        number = int(word[0])
        return (number, word.end()) if any(low <= number <= high for low, high in ranges) else None

    return Kind(tuple(f"<{low}-{high}>" for low, high in ranges), int, read)


def _bounds(part: str) -> tuple[int, int]:
    low, _, high = part.partition("-")
    return int(low), int(high)
