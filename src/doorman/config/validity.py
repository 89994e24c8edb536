"""Checks of addresses and masks that several commands share, refused in the words of IOS."""

from doorman.config.command import Refused
from doorman.net.addresses import Address, address_text

_ALL_ONES = (1 << 32) - 1
_LOOPBACK = 127
_FIRST_MULTICAST = 224


def prefix_length(mask: Address, parameter: str) -> int:
    """The length of the prefix that an IPv4 mask stands for, 0 to 32.

    Raises:
        Refused: a one bit follows a zero bit.
    """
    host = int.from_bytes(mask, "big") ^ _ALL_ONES
    if host & (host + 1):
        raise Refused(f"% Bad mask {address_text(mask)}: its bits are not contiguous", parameter)
    return 32 - host.bit_length()


def require_host(address: Address, parameter: str) -> None:
    """See that an IPv4 address can be that of a host.

    Raises:
        Refused: it is in 0.0.0.0/8, loopback, multicast or reserved (RFC 6890, RFC 5771).
    """
    if address[0] in {0, _LOOPBACK} or address[0] >= _FIRST_MULTICAST:
        raise Refused(f"% Not a valid host address - {address_text(address)}", parameter)


def host_bits(address: Address, length: int) -> int:
    """The bits of an IPv4 address after its prefix, as a number."""
    return int.from_bytes(address, "big") & (_ALL_ONES >> length)


def mask_of(length: int) -> Address:
    """The IPv4 mask of a prefix length, network order."""
    return Address((_ALL_ONES << (32 - length) & _ALL_ONES).to_bytes(4, "big"))
