"""ICMP messages as ICMPv6, and back (RFC 7915, sections 4.2, 4.3, 5.2, 5.3): echoes, and errors with what they quote.

    type(1)  code(1)  checksum(2)  4 bytes of the type's own  the quoted packet  extensions (RFC 4884)

ICMPv6 sums a pseudo header of addresses too, ICMP does not: the checksum is carried from one to the other. A quote
grows or shrinks with its header; where extensions follow it, it is padded as RFC 4884, section 5, asks, and its length
told. All other messages are of one family alone, and have no counterpart.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from doorman.net.checksum import word_sum
from doorman.net.packet import ICMPV6, carried

HEADER: Final = 8
MINIMUM_MTU: Final = 1_280
"""What every IPv6 link takes (RFC 8200, section 5), in bytes."""

QuoteOf = Callable[[bytes], bytes]
"""A quoted packet, whose end may be missing, as one of the other family; raises `Untranslatable`."""


class Untranslatable(Exception):  # noqa: N818 - an outcome
    """A packet has no counterpart of the other family; the text is the reason's name."""


class _Error(NamedTuple):
    """An error as the other family says it: its type, its code, and the 4 bytes behind its checksum."""

    type: int
    code: int
    own: bytes = bytes(4)


class _Extensions(NamedTuple):
    """How a family's errors tell the length of a quote that extensions follow (RFC 4884, section 4).

    Attributes:
        types: of errors that have any.
        length_at: where the length stands.
        unit: of the length, in bytes.
        room: bytes of the longest quote, with its extensions.
    """

    types: frozenset[int]
    length_at: int
    unit: int
    room: int


_UNREACHABLE, _TOO_BIG, _TIME_EXCEEDED, _PARAMETER = range(1, 5)
"""Types of ICMPv6 (RFC 4443)."""
_V4_UNREACHABLE, _V4_TIME_EXCEEDED, _V4_PARAMETER = 3, 11, 12
_FRAGMENTATION_NEEDED: Final = 4
_ECHOES: Final = {128: 8, 129: 0}
_V4_ECHOES: Final = {8: 128, 0: 129}

_CODES: Final = {0: 1, 1: 10, 2: 1, 3: 1, 4: 3}
"""Of unreachable, as ICMP says them."""
_V4_CODES: Final = dict.fromkeys((0, 1, 5, 6, 7, 8, 11, 12), 0) | dict.fromkeys((9, 10, 13, 15), 1) | {3: 4}
"""Of unreachable, as ICMPv6 says them."""
_POINTERS: Final = (
    {0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8} | dict.fromkeys(range(8, 24), 12) | dict.fromkeys(range(24, 40), 16)
)
"""Which byte of an IPv4 header has what one of an IPv6 header has (section 5.2)."""
_V4_POINTERS: Final = (
    {0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6} | dict.fromkeys(range(12, 16), 8) | dict.fromkeys(range(16, 20), 24)
)
_NEXT_HEADER_AT: Final = bytes((0, 0, 0, 6))

_GROWTH: Final = 20
"""By how much an IPv6 header is longer."""
_PLATEAUS: Final = (65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68)
"""MTUs to try where a router does not tell its own (RFC 1191, section 7)."""
_PADDED: Final = 128
"""Bytes of a quote that extensions follow, at least (RFC 4884, section 3)."""

_V6_EXTENSIONS: Final = _Extensions(frozenset({_UNREACHABLE, _TIME_EXCEEDED}), 4, 8, MINIMUM_MTU - 40 - HEADER)
_V4_EXTENSIONS: Final = _Extensions(
    frozenset({_V4_UNREACHABLE, _V4_TIME_EXCEEDED, _V4_PARAMETER}), 5, 4, 576 - 20 - HEADER
)


def icmp_to_ipv4(body: bytes, addresses: bytes, length: int, quote_of: QuoteOf | None) -> bytes:
    """An ICMPv6 message as ICMP.

    Args:
        body: the message; if it is itself quoted, its end may be missing.
        addresses: the two of its IPv6 packet.
        length: its whole length, as its packet tells it.
        quote_of: of what it quotes; None for a message that is quoted, and quotes nothing.

    Raises:
        Untranslatable: it has no counterpart.
    """
    new = _echo(body, _ECHOES) or _requoted(_as_v4(body), body, quote_of, _V6_EXTENSIONS, _V4_EXTENSIONS)
    return _summed(new, body, -_pseudo_sum(addresses, length))


def icmp_to_ipv6(body: bytes, addresses: bytes, length: int, quote_of: QuoteOf | None) -> bytes:
    """An ICMP message as ICMPv6; `addresses`: the two that its IPv6 packet is to have. See `icmp_to_ipv4`.

    Raises:
        Untranslatable: it has no counterpart.
    """
    new = _echo(body, _V4_ECHOES) or _requoted(_as_v6(body), body, quote_of, _V4_EXTENSIONS, _V6_EXTENSIONS)
    return _summed(new, body, _pseudo_sum(addresses, length + len(new) + 2 - len(body)))


def _echo(body: bytes, echoes: Mapping[int, int]) -> bytes:
    """An echo of the other family, without its checksum; nothing for any other message."""
    if len(body) < HEADER:
        raise Untranslatable("icmp-type")
    return bytes((echoes[body[0]], body[1])) + body[4:] if body[0] in echoes else b""


def _as_v4(body: bytes) -> _Error:
    kind, code = body[0], body[1]
    if kind == _UNREACHABLE and code in _CODES:
        return _Error(_V4_UNREACHABLE, _CODES[code])
    if kind == _TOO_BIG:
        mtu = min(max(int.from_bytes(body[4:8], "big"), MINIMUM_MTU) - _GROWTH, 0xFFFF)
        return _Error(_V4_UNREACHABLE, _FRAGMENTATION_NEEDED, mtu.to_bytes(4, "big"))
    if kind == _TIME_EXCEEDED:
        return _Error(_V4_TIME_EXCEEDED, code)
    if kind == _PARAMETER and code == 1:  # an unknown next header
        return _Error(_V4_UNREACHABLE, 2)
    pointer = _POINTERS.get(int.from_bytes(body[4:8], "big"))
    if kind == _PARAMETER and code == 0 and pointer is not None:
        return _Error(_V4_PARAMETER, 0, bytes((pointer, 0, 0, 0)))
    raise Untranslatable("icmp-type")


def _as_v6(body: bytes) -> _Error:
    kind, code = body[0], body[1]
    if kind == _V4_UNREACHABLE and code == 2:  # noqa: PLR2004 - the protocol
        return _Error(_PARAMETER, 1, _NEXT_HEADER_AT)
    if kind == _V4_UNREACHABLE and code == _FRAGMENTATION_NEEDED:
        mtu = int.from_bytes(body[6:8], "big") or _plateau(int.from_bytes(body[HEADER + 2 : HEADER + 4], "big"))
        return _Error(_TOO_BIG, 0, max(mtu + _GROWTH, MINIMUM_MTU).to_bytes(4, "big"))
    if kind == _V4_UNREACHABLE and code in _V4_CODES:
        return _Error(_UNREACHABLE, _V4_CODES[code])
    if kind == _V4_TIME_EXCEEDED:
        return _Error(_TIME_EXCEEDED, code)
    pointer = _V4_POINTERS.get(body[4])
    if kind == _V4_PARAMETER and code in {0, 2} and pointer is not None:
        return _Error(_PARAMETER, 0, pointer.to_bytes(4, "big"))
    raise Untranslatable("icmp-type")


def _plateau(length: int) -> int:
    return next((mtu for mtu in _PLATEAUS if mtu < length), _PLATEAUS[-1])


def _requoted(error: _Error, body: bytes, quote_of: QuoteOf | None, before: _Extensions, after: _Extensions) -> bytes:
    """An error with its translated quote, without its checksum; one that is itself quoted has none."""
    if quote_of is None:
        raise Untranslatable("icmp-type")
    told = body[before.length_at] * before.unit if body[0] in before.types else 0
    end = HEADER + told if told else len(body)
    quote, extensions, own = quote_of(body[HEADER:end]), body[end:], error.own
    if extensions and error.type in after.types and len(extensions) <= after.room - _PADDED:
        room = (after.room - len(extensions)) // 8 * 8
        quote = quote[:room].ljust(_PADDED, b"\0")
        quote += bytes(-len(quote) % after.unit)
        at = after.length_at - 4
        own = own[:at] + bytes((len(quote) // after.unit,)) + own[at + 1 :]
    else:
        quote, extensions = quote[: after.room], b""
    return b"%b%b%b%b" % (bytes((error.type, error.code)), own, quote, extensions)


def _pseudo_sum(addresses: bytes, length: int) -> int:
    return word_sum(addresses) + (length >> 16) + (length & 0xFFFF) + ICMPV6


def _summed(new: bytes, old: bytes, pseudo: int) -> bytes:
    """A message with the checksum of another, carried; `new` is without one, `pseudo` what its sum has more."""
    difference = word_sum(new) - word_sum(old[:2] + old[4:]) + pseudo
    return new[:2] + carried(old[2] << 8 | old[3], difference).to_bytes(2, "big") + new[2:]
