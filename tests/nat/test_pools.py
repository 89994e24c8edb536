"""Pools of global addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Refused
from doorman.nat.pools import AddressPool
from doorman.net.addresses import Address, address_of

FIRST, LAST = address_of("203.0.113.254"), address_of("203.0.114.1")
ALL = [address_of(text) for text in ("203.0.113.254", "203.0.113.255", "203.0.114.0", "203.0.114.1")]


def test_addresses_are_shared_in_turn() -> None:
    pool = AddressPool(FIRST, LAST)
    assert [pool.share() for _ in range(6)] == [*ALL, *ALL[:2]]


def test_each_is_leased_to_one_host() -> None:
    pool = AddressPool(FIRST, LAST)
    assert [pool.lease() for _ in range(4)] == ALL
    with pytest.raises(Refused, match="pool-exhausted"):
        pool.lease()
    pool.release(ALL[2])
    assert pool.lease() == ALL[2]


def test_it_holds_its_ends_and_what_lies_between() -> None:
    pool = AddressPool(FIRST, LAST)
    assert all(address in pool for address in ALL)
    outside = ("203.0.113.253", "203.0.114.2", "::")
    assert not any(address_of(text) in pool for text in outside)
    assert "203.0.114.0" not in pool


@pytest.mark.parametrize(("first", "last"), [("203.0.113.2", "203.0.113.1"), ("203.0.113.2", "2001:db8::1")])
def test_no_pool(first: str, last: str) -> None:
    with pytest.raises(ValueError, match="from its first address to its last"):
        AddressPool(address_of(first), address_of(last))


def test_reserved_addresses_are_never_given_out() -> None:
    pool = AddressPool(FIRST, LAST, reserved={ALL[0], ALL[3], address_of("192.0.2.1")})
    assert [pool.share() for _ in range(3)] == [ALL[1], ALL[2], ALL[1]]
    assert {pool.lease(), pool.lease()} == {ALL[1], ALL[2]}
    assert ALL[0] in pool
    with pytest.raises(Refused, match="pool-exhausted"):
        pool.lease()


def test_when_all_are_reserved_none_can_be_had() -> None:
    pool = AddressPool(FIRST, LAST, reserved=set(ALL))
    with pytest.raises(Refused, match="pool-exhausted"):
        pool.share()


@given(st.lists(st.integers(0, 3), max_size=30))
def test_a_lease_is_never_given_twice(steps: list[int]) -> None:
    pool = AddressPool(FIRST, LAST)
    leased: list[Address] = []
    for step in steps:
        if step and len(leased) < 4:
            address = pool.lease()
            assert address not in leased
            leased.append(address)
        elif leased:
            pool.release(leased.pop(step % len(leased)))
    while len(leased) < 4:
        leased.append(pool.lease())
    assert sorted(leased) == ALL


def test_an_address_can_be_claimed_once() -> None:
    pool = AddressPool(FIRST, LAST, [ALL[3]])
    assert pool.claim(ALL[1])
    assert not pool.claim(ALL[1])
    assert not pool.claim(ALL[3])
    assert not pool.claim(address_of("203.0.114.2"))
    assert not pool.claim(address_of("2001:db8::1"))
    assert [pool.lease(), pool.lease()] == [ALL[0], ALL[2]]
    with pytest.raises(Refused):
        pool.share()
    pool.release(ALL[1])
    assert pool.claim(ALL[1])
