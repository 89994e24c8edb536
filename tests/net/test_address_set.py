"""Sets of addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.net.address_set import AddressSet
from doorman.net.addresses import Address, address_of

BITS = 4
"""Of the addresses of the property: few, so that ranges overlap and touch."""
V4, V6 = 4, 16
STRANGER = address_of("192.0.2.1")
numbers = st.integers(0, 2**BITS - 1)
widths = st.sampled_from([V4, V6])


def address(number: int, width: int) -> Address:
    """With its bits in the first byte and the last: an IPv6 one may begin as an IPv4 one does."""
    return Address(bytes([number >> 2]) + bytes(width - 2) + bytes([0xFC | number & 3]))


@given(st.lists(st.tuples(numbers, widths), max_size=3), st.lists(st.tuples(numbers, numbers, widths)))
def test_it_has_what_it_was_given(single: list[tuple[int, int]], drawn: list[tuple[int, int, int]]) -> None:
    ends = [(min(pair), max(pair), width) for *pair, width in drawn]
    ranges = [(address(low, width), address(high, width)) for low, high, width in ends]
    addresses = AddressSet((address(number, width) for number, width in single), ranges)
    for width in (V4, V6):
        for number in range(2**BITS):
            ranged = any(low <= number <= high and width == of for low, high, of in ends)
            expected = ranged or (number, width) in single
            assert (address(number, width) in addresses) == expected
            assert addresses.has_any([STRANGER, address(number, width), STRANGER]) == expected


def test_the_last_address_of_all_may_end_a_range() -> None:
    addresses = AddressSet(ranges=[(address_of("255.255.255.254"), address_of("255.255.255.255"))])
    assert address_of("255.255.255.255") in addresses
    assert address_of("255.255.255.253") not in addresses


def test_what_is_no_address_is_not_in_it() -> None:
    addresses = AddressSet(ranges=[(address_of("0.0.0.0"), address_of("255.255.255.255"))])
    assert "::1a" not in addresses
    assert b"" not in addresses
    assert b"\x0a\0\0\1\0" not in addresses


@pytest.mark.parametrize(("first", "last"), [("10.0.0.2", "10.0.0.1"), ("10.0.0.1", "2001:db8::1")])
def test_a_range_goes_from_its_first_address_to_its_last(first: str, last: str) -> None:
    with pytest.raises(ValueError, match="from its first address to its last"):
        AddressSet(ranges=[(address_of(first), address_of(last))])
