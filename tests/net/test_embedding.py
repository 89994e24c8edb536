"""The examples of RFC 6052, section 2.4, and that every address comes out as it went in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.net.addresses import Address, address_of, address_text, parse_prefix
from doorman.net.embedding import LENGTHS, embed, embedded

EXAMPLES = [
    ("2001:db8::/32", "2001:db8:c000:221::"),
    ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
    ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
    ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
    ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100:0"),
    ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"),
    ("64:ff9b::/96", "64:ff9b::c000:221"),
]


@pytest.mark.parametrize(("prefix", "text"), EXAMPLES)
def test_an_address_stands_where_the_rfc_says(prefix: str, text: str) -> None:
    found = embed(parse_prefix(prefix), address_of("192.0.2.33"))
    assert address_text(found) == address_text(address_of(text))
    assert embedded(parse_prefix(prefix), found) == address_of("192.0.2.33")


@given(st.sampled_from(LENGTHS), st.binary(min_size=16, max_size=16), st.binary(min_size=4, max_size=4))
def test_it_is_found_again(length: int, network: bytes, address: bytes) -> None:
    prefix = parse_prefix(f"{address_text(Address(network[:8] + bytes(1) + network[9:]))}/{length}")
    found = embed(prefix, Address(address))
    assert len(found) == 16
    assert embedded(prefix, found) == address


def test_an_address_elsewhere_contains_none() -> None:
    prefix = parse_prefix("2001:db8:64::/96")
    assert embedded(prefix, address_of("2001:db8:64:0:1::1")) is None
    assert embedded(prefix, address_of("192.0.2.33")) is None
