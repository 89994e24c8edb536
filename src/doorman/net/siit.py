"""IPv6 packets as IPv4 packets, and back: the IP/ICMP Translation Algorithm (RFC 7915), one packet at a time.

    IPv6   traffic class  payload length  next header  hop limit  [fragment header: offset, M, identification]
    IPv4   TOS            total length    protocol     TTL         offset, MF, identification, DF, checksum

Checksums of what the packet carries are not computed but carried, as everywhere (`packet`): what was damaged stays so.
The one exception is a UDP datagram without a checksum, which IPv6 does not know. The hop limit stays: whoever hands a
packet over here has forwarded it, and counted that hop. Of ICMP see `siit_icmp`.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from doorman.net.addresses import Address
from doorman.net.checksum import checksum, is_valid, sum_difference
from doorman.net.fragments import MAX_DATAGRAM, fragment
from doorman.net.packet import CHECKSUM_AT, ICMP, ICMPV6, TCP, UDP, carried
from doorman.net.siit_icmp import MINIMUM_MTU, QuoteOf, Untranslatable, icmp_to_ipv4, icmp_to_ipv6

__all__ = ["MINIMUM_MTU", "Untranslatable", "to_ipv4", "to_ipv6"]

V4_HEADER: Final = 20
V6_HEADER: Final = 40

_FRAGMENT: Final = 44
_ROUTING: Final = 43
_STEPPED_OVER: Final = frozenset({0, _ROUTING, 60})
"""Hop-by-hop options, routing, destination options: they are not translated (section 5.1)."""
_OF_IPV6: Final = _STEPPED_OVER | {_FRAGMENT, ICMPV6}
"""What means something else behind an IPv6 header, or nothing behind an IPv4 one."""
_FRAGMENT_HEADER: Final = 8
_DONT_FRAGMENT: Final = 0x4000
_MORE: Final = 0x2000
_OFFSET: Final = 0x1FFF
_WHOLE_UP_TO: Final = 1_260
"""Bytes of an IPv4 packet that may be cut on its way (section 5.1); a longer one finds out its path's MTU."""
_SOURCE_ROUTES: Final = frozenset({131, 137})

AddressOf = Callable[[Address], Address]
"""The same host's address of the other family; raises `Untranslatable` where it has none."""

Ends = tuple[Address, Address]
"""Source and destination."""


def to_ipv4(data: bytes, ends: Ends, ipv4_of: AddressOf, identification: int) -> bytes:
    """An IPv6 packet as IPv4 (RFC 7915, section 5).

    Args:
        data: the packet, from its header to its own end.
        ends: the IPv4 addresses it is to have.
        ipv4_of: of the addresses in a packet that an ICMP error quotes.
        identification: 0 to 65535, of a packet that may be cut on its way.

    Raises:
        Untranslatable: it has no counterpart.
    """
    return _to_ipv4(data, ends, identification, partial(_quote_to_ipv4, ipv4_of))


def to_ipv6(data: bytes, ends: Ends, ipv6_of: AddressOf, mtu: int) -> list[bytes]:
    """An IPv4 packet as IPv6 (RFC 7915, section 4); where it may be cut and is longer than the MTU, its fragments.

    Args:
        data: the packet, from its header to its own end.
        ends: the IPv6 addresses it is to have.
        ipv6_of: of the addresses in a packet that an ICMP error quotes.
        mtu: of the link the IPv6 host is on, at least 1280 bytes.

    Raises:
        Untranslatable: it has no counterpart.
    """
    if not is_valid(data[: (data[0] & 15) * 4]):
        raise Untranslatable("ip-header-damaged")
    place, quote_of = data[6] << 8 | data[7], partial(_quote_to_ipv6, ipv6_of)
    if place & (_MORE | _OFFSET):
        room = mtu - (V6_HEADER - V4_HEADER) - _FRAGMENT_HEADER
        return [_to_ipv6(piece, ends, quote_of) for piece in fragment(data, room)]
    packet = _to_ipv6(data, ends, quote_of)
    if place & _DONT_FRAGMENT or len(packet) <= mtu:
        return [packet]
    return fragment(packet, mtu, data[4] << 8 | data[5])


def _quote_to_ipv4(ipv4_of: AddressOf, data: bytes) -> bytes:
    """A packet that an ICMP error quotes, of which the end may be missing, as IPv4."""
    if len(data) < V6_HEADER or data[0] >> 4 != 6:  # noqa: PLR2004 - the version
        raise Untranslatable("quote-cut")
    ends = ipv4_of(Address(data[8:24])), ipv4_of(Address(data[24:40]))
    return _to_ipv4(data, ends, 0, None)


def _quote_to_ipv6(ipv6_of: AddressOf, data: bytes) -> bytes:
    """A packet that an ICMP error quotes, of which the end may be missing, as IPv6."""
    if len(data) < V4_HEADER or data[0] >> 4 != 4 or not V4_HEADER <= (data[0] & 15) * 4 <= len(data):  # noqa: PLR2004
        raise Untranslatable("quote-cut")
    ends = ipv6_of(Address(data[12:16])), ipv6_of(Address(data[16:20]))
    return _to_ipv6(data, ends, None)


def _behind_headers(data: bytes) -> tuple[int, int, bool]:
    """The protocol behind an IPv6 header and what extends it, where that begins, and whether it is a fragment."""
    protocol, at = data[6], V6_HEADER
    while protocol in _STEPPED_OVER:
        if at + 8 > len(data):  # an extension header has 8 bytes at least
            raise Untranslatable("ip-header-damaged")
        if protocol == _ROUTING and data[at + 3]:
            raise Untranslatable("source-route")  # segments are left (section 5.1)
        protocol, at = data[at], at + (data[at + 1] + 1) * 8
    fragmented = protocol == _FRAGMENT
    if fragmented and at + _FRAGMENT_HEADER <= len(data):
        protocol, at = data[at], at + _FRAGMENT_HEADER
    told = data[4] << 8 | data[5]
    if at > len(data) or protocol == _FRAGMENT or (told and at > V6_HEADER + told):
        raise Untranslatable("ip-header-damaged")
    return protocol, at, fragmented


def _to_ipv4(data: bytes, ends: Ends, identification: int, quote_of: QuoteOf | None) -> bytes:
    """See `to_ipv4`; a packet that is itself quoted may end anywhere, and has no `quote_of`."""
    protocol, at, fragmented = _behind_headers(data)
    told = data[4] << 8 | data[5]
    body = data[at : V6_HEADER + told] if told else data[at:]
    place, ident = 0, identification
    if fragmented:
        offset = data[at - 6] << 8 | data[at - 5]
        place, ident = offset >> 3 | (_MORE if offset & 1 else 0), data[at - 2] << 8 | data[at - 1]
    length = V4_HEADER + told - (at - V6_HEADER)
    if protocol == ICMP:
        raise Untranslatable("protocol-of-one-family")
    if protocol == ICMPV6:
        if place:
            raise Untranslatable("icmp-fragment")
        changed = icmp_to_ipv4(body, data[8:40], length - V4_HEADER if told else len(body), quote_of)
        length += len(changed) - len(body)
        protocol, body = ICMP, changed
    elif not place & _OFFSET:
        body = _carried(protocol, body, sum_difference(ends[0] + ends[1], data[8:40]))
    if length > MAX_DATAGRAM:
        raise Untranslatable("packet-too-long")
    if not fragmented and length > _WHOLE_UP_TO:
        place, ident = _DONT_FRAGMENT, 0
    traffic_class = (data[0] << 4 | data[1] >> 4) & 0xFF
    first = 0x4500 << 16 | traffic_class << 16 | (length if told else 0)
    head = (first << 48 | ident << 32 | place << 16 | data[7] << 8 | protocol).to_bytes(10, "big")
    field = checksum(head + ends[0] + ends[1]).to_bytes(2, "big")
    return b"%b%b%b%b%b" % (head, field, ends[0], ends[1], body)


def _to_ipv6(data: bytes, ends: Ends, quote_of: QuoteOf | None) -> bytes:
    """See `to_ipv6`; a packet that is itself quoted may end anywhere, and has no `quote_of`."""
    at, protocol, place = (data[0] & 15) * 4, data[9], data[6] << 8 | data[7]
    _refuse_source_route(data[V4_HEADER:at])
    told, addresses = data[2] << 8 | data[3], ends[0] + ends[1]
    length = told - at
    if told and length < 0:
        raise Untranslatable("ip-header-damaged")
    body = data[at:told] if told else data[at:]
    if protocol in _OF_IPV6:
        raise Untranslatable("protocol-of-one-family")
    fragmented = place & (_MORE | _OFFSET)
    if protocol == ICMP:
        if fragmented:
            raise Untranslatable("icmp-fragment")
        changed = icmp_to_ipv6(body, addresses, length if told else len(body), quote_of)
        length += len(changed) - len(body)
        protocol, body = ICMPV6, changed
    elif not place & _OFFSET:
        if protocol == UDP and body[6:8] == b"\0\0" and quote_of is not None:
            if fragmented:
                raise Untranslatable("no-udp-checksum")  # of a part nobody can compute one (section 4.5)
            body = _with_checksum(body, addresses)
        else:
            body = _carried(protocol, body, sum_difference(addresses, data[12:20]))
    following = protocol
    if fragmented:
        offset = (place & _OFFSET) << 3 | (1 if place & _MORE else 0)
        body = (protocol << 56 | offset << 32 | data[4] << 8 | data[5]).to_bytes(8, "big") + body
        length, following = length + _FRAGMENT_HEADER, _FRAGMENT
    first = (0x60 << 24 | data[1] << 20).to_bytes(4, "big")
    rest = bytes((following, data[8]))
    return b"%b%b%b%b%b%b" % (first, (length if told else 0).to_bytes(2, "big"), rest, ends[0], ends[1], body)


def _refuse_source_route(options: bytes) -> None:
    """A packet that is to pass certain routers, and has not passed them, cannot go on (section 4.1)."""
    at = 0
    while at < len(options) and options[at]:
        kind = options[at]
        length = 1 if kind == 1 else options[at + 1] if at + 1 < len(options) else 0
        if length < 1 or (kind != 1 and length < 2):  # noqa: PLR2004 - type and length
            return  # a router that heeds options would have thrown it away
        if kind in _SOURCE_ROUTES and at + 2 < len(options) and options[at + 2] <= length:
            raise Untranslatable("source-route")
        at += length


def _carried(protocol: int, body: bytes, difference: int) -> bytes:
    """What an IP packet carries, when the sum of its addresses grew; of a datagram in pieces the first."""
    if protocol not in {TCP, UDP}:
        return body
    at = CHECKSUM_AT[protocol]
    field = body[at : at + 2]
    if len(field) < 2 or (protocol == UDP and field == b"\0\0"):  # noqa: PLR2004 - a quote may end before it
        return body
    changed = carried(field[0] << 8 | field[1], difference)
    if protocol == UDP and not changed:
        changed = 0xFFFF
    return b"%b%b%b" % (body[:at], changed.to_bytes(2, "big"), body[at + 2 :])


def _with_checksum(body: bytes, addresses: bytes) -> bytes:
    """A UDP datagram that has no checksum with the one it has in IPv6 (RFC 8200, section 8.1)."""
    end = max(8, min(body[4] << 8 | body[5], len(body)))
    field = checksum(addresses + bytes((0, UDP)) + body[4:6] + body[:end]) or 0xFFFF
    return body[:6] + field.to_bytes(2, "big") + body[8:]
