"""What a variable of the grammar accepts: a kind such as `word` or `ipv4`, see `_KINDS`, or a range `1-99`.

A reader gets the line from the variable's first character on and says which value stands there and how many
characters it takes; nearly all take one word.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import NamedTuple

from doorman.config.interface_names import read_interface_name
from doorman.config.port_map import NAMES as APPLICATIONS
from doorman.config.port_map import OWN, is_application
from doorman.config.protocol_names import ICMP_MESSAGES, TCP_PORTS, UDP_PORTS
from doorman.net.addresses import parse_address, parse_prefix

Reading = tuple[object, int] | None
"""A value and the number of characters it takes; None: no such value stands there."""

_BLANKS = re.compile(r"[ \t]+")
_FIRST_WORD = re.compile(r"[^ \t]+")
_NAME = re.compile(r"[!->@-~]{1,64}")  # printable ASCII; the question mark asks for help
_TEXT = re.compile(r"[!-~]{1,255}")  # what messages may hold, a question mark too
_HOSTNAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
STANDARD_NUMBERS = "1-99,1300-1999"
EXTENDED_NUMBERS = "100-199,2000-2699"
"""The numbers of access lists."""

_LIST_NAME = re.compile(r"[A-Za-z][!->@-~]{0,63}")
_DIGITS = re.compile(r"[0-9]{1,10}")
_SLASH = re.compile(r"/([0-9]{1,2})(?![^ \t])")
_IPV4_LENGTH, _IPV4_BITS = 4, 32
_LAST_PORT = 65_535
_MOST_PORTS = 10


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


def _read_ipv6(rest: str) -> Reading:
    word = _FIRST_WORD.match(rest)
    address = parse_address(word[0].encode("ascii", "replace")) if word else None
    if word is None or address is None or len(address) == _IPV4_LENGTH:
        return None
    return address, word.end()


def _read_ipv6_prefix(rest: str) -> Reading:
    """A network; bits behind its length count for nothing."""
    word = _FIRST_WORD.match(rest)
    if word is None or ":" not in word[0] or "/" not in word[0] or not word[0].isascii():
        return None
    try:
        return parse_prefix(word[0]), word.end()
    except ValueError:
        return None


def _read_list(ranges: tuple[tuple[int, int], ...], rest: str) -> Reading:
    """The number of an access list, as it is written, or a name."""
    number = _read_number(ranges, rest)
    return (str(number[0]), number[1]) if number is not None else _read_matching(_LIST_NAME, rest)


def _read_lists(ranges: tuple[tuple[int, int], ...], rest: str) -> Reading:
    """Access lists, all that stand there."""
    names: list[str] = []
    end = 0
    while True:
        blank = _BLANKS.match(rest, end)
        start = blank.end() if blank is not None else end
        found = _read_list(ranges, rest[start:])
        if found is None:
            return (tuple(names), end) if names else None
        names.append(str(found[0]))
        end = start + found[1]


def _read_number(ranges: tuple[tuple[int, int], ...], rest: str) -> Reading:
    word = _FIRST_WORD.match(rest)
    if word is None or not _DIGITS.fullmatch(word[0]):
        return None
    number = int(word[0])
    return (number, word.end()) if any(low <= number <= high for low, high in ranges) else None


def _read_port(names: Mapping[str, int], rest: str) -> tuple[int, int] | None:
    word = _FIRST_WORD.match(rest)
    if word is None:
        return None
    number = names.get(word[0].lower())
    if number is None and _DIGITS.fullmatch(word[0]) and int(word[0]) <= _LAST_PORT:
        number = int(word[0])
    return (number, word.end()) if number is not None else None


def _read_ports(names: Mapping[str, int], rest: str) -> Reading:
    """Up to ten ports, all that stand there."""
    ports: list[int] = []
    end = 0
    while len(ports) < _MOST_PORTS:
        blank = _BLANKS.match(rest, end)
        start = blank.end() if blank is not None else end
        found = _read_port(names, rest[start:])
        if found is None:
            break
        ports.append(found[0])
        end = start + found[1]
    return (tuple(ports), end) if ports else None


def _read_message(rest: str) -> Reading:
    word = _FIRST_WORD.match(rest)
    message = ICMP_MESSAGES.get(word[0].lower()) if word is not None else None
    return (message, word.end()) if word is not None and message is not None else None


def _read_application(rest: str) -> Reading:
    word = _FIRST_WORD.match(rest)
    if word is None or not _NAME.fullmatch(word[0]) or not is_application(word[0].lower()):
        return None
    return word[0].lower(), word.end()


def _shown(ranges: tuple[tuple[int, int], ...], *words: str) -> tuple[str, ...]:
    return (*(f"<{low}-{high}>" for low, high in ranges), *words)


def _bounds(part: str) -> tuple[int, int]:
    low, _, high = part.partition("-")
    return int(low), int(high)


def _ranges(spec: str) -> tuple[tuple[int, int], ...]:
    return tuple(_bounds(part) for part in spec.split(","))


def _list_kind(spec: str) -> Kind:
    ranges = _ranges(spec)
    return Kind(_shown(ranges, "WORD"), str, partial(_read_list, ranges))


def _lists_kind(spec: str) -> Kind:
    ranges = _ranges(spec)
    return Kind(_shown(ranges, "WORD"), tuple, partial(_read_lists, ranges))


def _port_kind(names: Mapping[str, int]) -> Kind:
    return Kind(_shown(((0, _LAST_PORT),), *names), int, partial(_read_port, names))


def _ports_kind(names: Mapping[str, int]) -> Kind:
    return Kind(_shown(((0, _LAST_PORT),), *names), tuple, partial(_read_ports, names))


_KINDS = {
    "word": Kind(("WORD",), str, _read_word),
    "text": Kind(("WORD",), str, _read_text),
    "hostname": Kind(("WORD",), str, _read_hostname),
    "line": Kind(("LINE",), str, _read_line),
    "ipv4": Kind(("A.B.C.D",), bytes, _read_ipv4),
    "ipv6": Kind(("X:X:X:X::X",), bytes, _read_ipv6),
    "ipv6-prefix": Kind(("X:X:X:X::X/<0-128>",), tuple, _read_ipv6_prefix),
    "slash": Kind(("/nn",), int, _read_slash),
    "interface": Kind(("INTERFACE",), str, read_interface_name),
    "standard-list": _list_kind(STANDARD_NUMBERS),
    "extended-list": _list_kind(EXTENDED_NUMBERS),
    "access-list": _list_kind(f"{STANDARD_NUMBERS},{EXTENDED_NUMBERS}"),
    "access-lists": _lists_kind(f"{STANDARD_NUMBERS},{EXTENDED_NUMBERS}"),
    "tcp-port": _port_kind(TCP_PORTS),
    "tcp-ports": _ports_kind(TCP_PORTS),
    "udp-port": _port_kind(UDP_PORTS),
    "udp-ports": _ports_kind(UDP_PORTS),
    "tcp-udp-port": _port_kind({}),
    "tcp-udp-ports": _ports_kind({}),
    "application": Kind((*APPLICATIONS, f"{OWN}WORD"), str, _read_application),
    "icmp-message": Kind(tuple(ICMP_MESSAGES), tuple, _read_message),
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
    ranges = _ranges(spec)
    return Kind(_shown(ranges), int, partial(_read_number, ranges))
