"""IPv4 addresses inside IPv6 addresses (RFC 6052, section 2.2): how an IPv6 host calls one that has IPv4 only.

prefix     bytes of the address
/96        prefix(12)                       IPv4(4)
/64        prefix(8)  zero(1)  IPv4(4)      zero(3)
/32 … /56  prefix, and the IPv4 address around byte 8, which is zero; zeros behind it
"""

from typing import Final

from doorman.net.addresses import Address, Prefix

LENGTHS: Final = (32, 40, 48, 56, 64, 96)
"""The lengths that a prefix may have, in bits."""

_ZERO_AT: Final = 8
"""The byte that no IPv4 address covers: bits 64 to 71 ("u")."""
_LENGTH: Final = 16


def embed(prefix: Prefix, address: Address) -> Address:
    """The IPv6 address by which an IPv4 address is called under a prefix of one of the `LENGTHS`."""
    start = prefix.length // 8
    if start > _ZERO_AT:
        return Address(prefix.network[:start] + address)
    bare = prefix.network[:start] + address
    return Address((bare[:_ZERO_AT] + b"\0" + bare[_ZERO_AT:]).ljust(_LENGTH, b"\0"))


def embedded(prefix: Prefix, address: Address) -> Address | None:
    """The IPv4 address that an IPv6 address contains; None where it is not under the prefix."""
    start = prefix.length // 8
    if len(address) != _LENGTH or address[:start] != prefix.network[:start]:
        return None
    bare = address if start > _ZERO_AT else address[:_ZERO_AT] + address[_ZERO_AT + 1 :]
    return Address(bare[start : start + 4])
