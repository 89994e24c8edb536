"""Addresses and prefixes, as the standard library's ipaddress reads and writes them."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.net.addresses import (
    Address,
    Endpoint,
    Prefix,
    address_ascii,
    address_of,
    address_text,
    is_private,
    parse_address,
    parse_prefix,
)

V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6)
_PRIVATE = "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"


@given(V4 | V6)
def test_text_and_bytes_agree_with_ipaddress(address: IPv4Address | IPv6Address) -> None:
    packed = Address(address.packed)
    assert ip_address(address_text(packed)) == address
    assert address_ascii(packed) == address_text(packed).encode()
    assert parse_address(str(address).encode()) == parse_address(address_ascii(packed)) == packed
    assert address_of(address.exploded) == packed


@given(V4)
def test_an_ipv6_address_may_end_in_a_dotted_quad(address: IPv4Address) -> None:
    assert parse_address(b"::ffff:%s" % str(address).encode()) == bytes(10) + b"\xff\xff" + address.packed
    assert parse_address(b"64:ff9b::%s" % str(address).encode()) == b"\0\x64\xff\x9b" + bytes(8) + address.packed


@given(st.binary(max_size=20) | st.text("0123456789.:%[]abcdef", max_size=20).map(str.encode))
def test_whatever_ipaddress_refuses_is_no_address(text: bytes) -> None:
    try:
        expected = ip_address(text.decode("ascii")).packed if b"%" not in text else None
    except ValueError:
        expected = None
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", "phone.example", "192.0.2", "192.0.2.1.5", "192.0.2.01", "192.0.2.256", "[::1]"])
def test_no_address(text: str) -> None:
    assert parse_address(text.encode()) is None
    with pytest.raises(ValueError, match="not an IP address"):
        address_of(text)


def test_a_zone_is_no_part_of_an_address() -> None:
    assert parse_address(b"fe80::1%eth0") is None


def test_endpoints_are_written_as_in_a_uri() -> None:
    assert str(Endpoint(address_of("192.0.2.1"), 5060)) == "192.0.2.1:5060"
    assert str(Endpoint(address_of("2001:db8::1"), 5060)) == "[2001:db8::1]:5060"


@given(V4 | V6, st.integers(0, 128), st.integers(min_value=0))
def test_a_prefix_holds_what_ipaddress_says(address: IPv4Address | IPv6Address, length: int, flip: int) -> None:
    length = min(length, address.max_prefixlen)
    network = ip_network((address, length), strict=False)
    prefix = parse_prefix(f"{address}/{length}")
    other = type(address)(int(address) ^ 1 << flip % address.max_prefixlen)
    assert str(prefix) == str(network)
    assert address.packed in prefix
    assert (other.packed in prefix) == (other in network)


def test_a_prefix_holds_nothing_of_the_other_family_and_no_other_things() -> None:
    everything = parse_prefix("0.0.0.0/0")
    assert address_of("::1") not in everything
    assert not everything.__contains__("192.0.2.1")
    assert parse_prefix("192.0.2.1") == Prefix(address_of("192.0.2.1"), 32)


@pytest.mark.parametrize("text", ["192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/8.", "::/129", "host/8"])
def test_no_prefix(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_prefix(text)


@given(V4)
@pytest.mark.parametrize("network", _PRIVATE)
def test_addresses_of_many_networks(network: str, address: IPv4Address) -> None:
    first, last = ip_network(network)[0], ip_network(network)[-1]
    assert all(is_private(Address(one.packed)) for one in (first, last))
    assert not any(is_private(Address(one.packed)) for one in (first - 1, last + 1))
    assert is_private(Address(address.packed)) == any(address in ip_network(one) for one in _PRIVATE)
    assert not is_private(Address(address.packed + bytes(12)))
