"""Addresses, endpoints and prefixes as cheap values.

An address is its own bytes in network order, 4 for IPv4 and 16 for IPv6: a slice of a packet is an address as it
stands, hashing and comparing happen in C. Its text is cached, because the same few addresses come in every message.
"""

from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final, NamedTuple, NewType

from doorman.net.memo import MOST, remember

Address = NewType("Address", bytes)
"""4 or 16 bytes in network order."""

_PARSED: Final[dict[bytes, Address]] = {}
_WRITTEN: Final[dict[Address, bytes]] = {}
_WRITTEN_ENDPOINTS: "Final[dict[Endpoint, bytes]]" = {}
_NONE: Final = Address(b"")
"""What is remembered of a text that is no address."""

_FEW: Final = 4_096
"""How many texts of endpoints are: each is asked for some times in a row, and never again."""

_OCTETS: Final = {str(number).encode(): number for number in range(256)}
"""Decimal octets without leading zeros, which some read as octal (RFC 6943, section 3.1.1)."""

new_tuple: Final = tuple.__new__
"""Makes a named tuple, `new_tuple(Endpoint, (address, port))`, in half the time that calling its class takes.

For what is made several times for each message.
"""

UNSPECIFIED_V4: Final = Address(bytes(4))
UNSPECIFIED_V6: Final = Address(bytes(16))

PRIVILEGED_END: Final = 1024
"""The first port that any program may have."""


class Endpoint(NamedTuple):
    """An address and a TCP or UDP port (or an ICMP query identifier), 0 to 65535."""

    address: Address
    port: int

    def __str__(self) -> str:
        return endpoint_text(self)


def endpoints_from(first: Endpoint, count: int) -> list[Endpoint]:
    """So many endpoints of one address at ports in a row, from this one on."""
    run = [first]
    while len(run) < count:
        run.append(new_tuple(Endpoint, (first.address, first.port + len(run))))
    return run


class Prefix(NamedTuple):
    """A network: its address in bytes with the host bits zero, and the number of leading bits that count."""

    network: Address
    length: int

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, bytes) or len(address) != len(self.network):
            return False
        host_bits = len(self.network) * 8 - self.length
        return int.from_bytes(address, "big") >> host_bits == int.from_bytes(self.network, "big") >> host_bits

    def __str__(self) -> str:
        return f"{address_text(self.network)}/{self.length}"


def parse_address(text: bytes) -> Address | None:
    """Read a dotted quad or an IPv6 address (no brackets, no zone); None for anything else, such as a host name."""
    known = _PARSED.get(text)
    if known is None:
        known = remember(_PARSED, text, _parse(text) or _NONE)
    return known or None


def _parse(text: bytes) -> Address | None:
    octets = text.split(b".")
    if len(octets) == 4 and b":" not in text:  # noqa: PLR2004 - a dotted quad, which may also end an IPv6 address
        try:
            return Address(bytes([_OCTETS[octet] for octet in octets]))
        except KeyError:
            return None
    if b":" not in text or b"%" in text:
        return None
    try:
        return Address(IPv6Address(text.decode("ascii")).packed)
    except (AddressValueError, UnicodeDecodeError):
        return None


@lru_cache(MOST)
def address_text(address: Address) -> str:
    """Write an address the usual way; IPv6 compressed as RFC 5952 asks."""
    if len(address) == 4:  # noqa: PLR2004 - IPv4
        return ".".join(map(str, address))
    return IPv6Address(bytes(address)).compressed


@lru_cache(_FEW)
def endpoint_text(endpoint: Endpoint) -> str:
    """What `str` makes of an endpoint: `192.0.2.1:5060`, `[2001:db8::1]:5060`."""
    text = address_text(endpoint.address)
    return f"{text}:{endpoint.port}" if len(endpoint.address) == 4 else f"[{text}]:{endpoint.port}"  # noqa: PLR2004


def address_ascii(address: Address) -> bytes:
    """The same text as bytes, as it stands in a message."""
    known = _WRITTEN.get(address)
    if known is None:
        known = remember(_WRITTEN, address, address_text(address).encode("ascii"))
    return known


def endpoint_ascii(endpoint: Endpoint) -> bytes:
    """The text of an endpoint as bytes."""
    known = _WRITTEN_ENDPOINTS.get(endpoint)
    if known is None:
        known = remember(_WRITTEN_ENDPOINTS, endpoint, endpoint_text(endpoint).encode("ascii"))
    return known


def address_of(text: str) -> Address:
    """Read an address that must be one.

    Raises:
        ValueError: the text is no address.
    """
    address = parse_address(text.encode("ascii", "replace"))
    if address is None:
        raise ValueError(f"not an IP address: {text!r}")
    return address


def parse_prefix(text: str) -> Prefix:
    """Read ADDRESS/LENGTH, or an address alone as a host; host bits are cleared.

    Raises:
        ValueError: not an address, or a length that does not fit it.
    """
    host, slash, digits = text.partition("/")
    address = address_of(host)
    width = len(address) * 8
    if slash and not (digits.isdecimal() and int(digits) <= width):
        raise ValueError(f"not a prefix length for {host}: {digits!r}")
    length = int(digits) if slash else width
    host_bits = width - length
    network = int.from_bytes(address, "big") >> host_bits << host_bits
    return Prefix(Address(network.to_bytes(len(address), "big")), length)


def is_unspecified(address: Address) -> bool:
    """Whether an address is nobody's: 0.0.0.0, `::`."""
    return address in (UNSPECIFIED_V4, UNSPECIFIED_V6)


def is_multicast(address: Address | None) -> bool:
    """Whether an address is one of a group; what is none is not."""
    if address is None:
        return False
    return address[0] == 0xFF if len(address) != 4 else address[0] >> 4 == 0xE  # noqa: PLR2004 - IPv4


def is_private(address: Address) -> bool:
    """Whether an IPv4 address is one that many networks have (RFC 1918, 6598)."""
    first, second = address[0], address[1]
    return len(address) == 4 and (  # noqa: PLR2004 - IPv4
        first == 10  # noqa: PLR2004 - 10.0.0.0/8
        or (first == 172 and 16 <= second < 32)  # noqa: PLR2004 - 172.16.0.0/12
        or (first == 192 and second == 168)  # noqa: PLR2004 - 192.168.0.0/16
        or (first == 100 and 64 <= second < 128)  # noqa: PLR2004 - 100.64.0.0/10
    )
