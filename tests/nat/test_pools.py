"""Pools of global addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Refused
from doorman.nat.pools import AddressPool
from doorman.net.addresses import Address, address_of

FIRST, LAST = address_of("203.0.113.254"), address_of("203.0.114.1")
HOST = address_of("10.0.0.5")
ALL = [address_of(text) for text in ("203.0.113.254", "203.0.113.255", "203.0.114.0", "203.0.114.1")]


def test_addresses_are_shared_in_turn() -> None:
    pool = AddressPool([(FIRST, LAST)])
    assert [pool.share(HOST) for _ in range(6)] == [*ALL, *ALL[:2]]


def test_each_is_leased_to_one_host() -> None:
    pool = AddressPool([(FIRST, LAST)])
    assert [pool.lease(HOST) for _ in range(4)] == ALL
    with pytest.raises(Refused, match="pool-exhausted"):
        pool.lease(HOST)
    pool.release(ALL[2])
    assert pool.lease(HOST) == ALL[2]


def test_it_holds_its_ends_and_what_lies_between() -> None:
    pool = AddressPool([(FIRST, LAST)])
    assert all(address in pool for address in ALL)
    outside = ("203.0.113.253", "203.0.114.2", "::")
    assert not any(address_of(text) in pool for text in outside)
    assert "203.0.114.0" not in pool


@pytest.mark.parametrize(("first", "last"), [("203.0.113.2", "203.0.113.1"), ("203.0.113.2", "2001:db8::1")])
def test_no_pool(first: str, last: str) -> None:
    with pytest.raises(ValueError, match="from its first address to its last"):
        AddressPool([(address_of(first), address_of(last))])


def test_reserved_addresses_are_never_given_out() -> None:
    pool = AddressPool([(FIRST, LAST)], reserved={ALL[0], ALL[3], address_of("192.0.2.1")})
    assert [pool.share(HOST) for _ in range(3)] == [ALL[1], ALL[2], ALL[1]]
    assert {pool.lease(HOST), pool.lease(HOST)} == {ALL[1], ALL[2]}
    assert ALL[0] in pool
    with pytest.raises(Refused, match="pool-exhausted"):
        pool.lease(HOST)


def test_when_all_are_reserved_none_can_be_had() -> None:
    pool = AddressPool([(FIRST, LAST)], reserved=set(ALL))
    with pytest.raises(Refused, match="pool-exhausted"):
        pool.share(HOST)


@given(st.lists(st.integers(0, 3), max_size=30))
def test_a_lease_is_never_given_twice(steps: list[int]) -> None:
    pool = AddressPool([(FIRST, LAST)])
    leased: list[Address] = []
    for step in steps:
        if step and len(leased) < 4:
            address = pool.lease(HOST)
            assert address not in leased
            leased.append(address)
        elif leased:
            pool.release(leased.pop(step % len(leased)))
    while len(leased) < 4:
        leased.append(pool.lease(HOST))
    assert sorted(leased) == ALL


def test_an_address_can_be_claimed_once() -> None:
    pool = AddressPool([(FIRST, LAST)], [ALL[3]])
    assert pool.claim(ALL[1], HOST)
    assert not pool.claim(ALL[1], HOST)
    assert not pool.claim(ALL[3], HOST)
    assert not pool.claim(address_of("203.0.114.2"), HOST)
    assert not pool.claim(address_of("2001:db8::1"), HOST)
    assert [pool.lease(HOST), pool.lease(HOST)] == [ALL[0], ALL[2]]
    with pytest.raises(Refused):
        pool.share(HOST)
    pool.release(ALL[1])
    assert pool.claim(ALL[1], HOST)


def test_several_ranges_are_given_out_one_after_the_other() -> None:
    ends = [tuple(map(address_of, pair)) for pair in (("192.0.2.1", "192.0.2.2"), ("198.51.100.9", "198.51.100.9"))]
    pool = AddressPool([(first, last) for first, last in ends], [address_of("192.0.2.2")])
    assert [pool.share(HOST) for _ in range(3)] == [ends[0][0], ends[1][0], ends[0][0]]
    assert address_of("192.0.2.3") not in pool
    assert {pool.lease(HOST), pool.lease(HOST)} == {ends[0][0], ends[1][0]}
    with pytest.raises(Refused, match="pool-exhausted"):
        pool.lease(HOST)


def test_without_ranges_there_is_nothing_to_give() -> None:
    pool = AddressPool([])
    assert HOST not in pool
    with pytest.raises(Refused, match="pool-exhausted"):
        pool.lease(HOST)


def test_a_host_keeps_its_number() -> None:
    ranges = [
        (address_of("192.0.2.1"), address_of("192.0.2.9")),
        (address_of("198.51.100.5"), address_of("198.51.100.99")),
    ]
    pool = AddressPool(ranges, host_bits=8)
    assert pool.lease(HOST) == address_of("192.0.2.5")
    assert pool.lease(address_of("10.0.1.5")) == address_of("198.51.100.5")
    assert pool.lease(address_of("10.0.0.77")) == address_of("198.51.100.77")
    for taken in ("10.0.2.5", "10.0.0.200"):
        with pytest.raises(Refused, match="pool-exhausted"):
            pool.lease(address_of(taken))
    assert not pool.claim(address_of("192.0.2.6"), HOST)
    assert pool.claim(address_of("192.0.2.6"), address_of("10.0.0.6"))
