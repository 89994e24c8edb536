"""Ports: preserved, else of the same parity and range, else whatever is left; and all of them come back."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.api import Refused
from doorman.nat.ports import PortSpace
from doorman.net.addresses import PRIVILEGED_END


def chance(seed: int = 1) -> Callable[[], float]:
    return random.Random(seed).random


def space_without(taken: range) -> PortSpace:
    space = PortSpace(chance())
    for port in taken:
        assert space.claim(port)
    return space


@given(st.integers(0, 65_535))
def test_a_free_port_is_preserved(port: int) -> None:
    assert PortSpace(chance()).take(port) == port


@given(st.integers(0, 65_535), st.integers())
def test_a_taken_one_gives_way_to_one_of_its_parity_and_range(wanted: int, seed: int) -> None:
    space = PortSpace(chance(seed))
    space.claim(wanted)
    port = space.take(wanted)
    assert port != wanted
    assert port % 2 == wanted % 2
    assert (port < PRIVILEGED_END) == (wanted < PRIVILEGED_END)


def test_which_one_is_left_to_chance() -> None:
    ports = set()
    for seed in range(50):
        space = PortSpace(chance(seed))
        space.claim(5000)
        ports.add(space.take(5000))
    assert len(ports) > 45


def test_the_same_seed_gives_the_same_ports() -> None:
    first, second = PortSpace(chance(7)), PortSpace(chance(7))
    assert [first.take(5000) for _ in range(20)] == [second.take(5000) for _ in range(20)]


@pytest.mark.parametrize("luck", [0.0, 0.5, 0.999_999])
def test_the_last_free_port_is_found_wherever_chance_points(luck: float) -> None:
    for free in (1024, 1025, 40_000, 65_534, 65_535):
        space = PortSpace(lambda: luck)
        for port in range(65_536):
            if port != free:
                space.claim(port)
        assert space.take(free ^ 2) == free


def test_when_privileged_ports_are_gone_an_ordinary_one_does() -> None:
    assert space_without(range(512, 1024)).take(600) >= PRIVILEGED_END


def test_when_its_parity_is_gone_the_other_does() -> None:
    space = space_without(range(0, 65_536, 2))
    assert space.take(5000) % 2 == 1


def test_all_ports_can_be_had_and_then_none() -> None:
    space = PortSpace(chance())
    had = {space.take(5000 + n % 2) for n in range(65_536 - PRIVILEGED_END)}
    assert had == set(range(PRIVILEGED_END, 65_536))
    with pytest.raises(Refused, match="ports-exhausted"):
        space.take(5000)
    space.release(40_001)
    assert space.take(5001) == 40_001


@given(st.integers(1024, 65_535), st.integers(1, 8), st.booleans(), st.integers())
def test_a_run_is_in_a_row_and_begins_even(wanted: int, count: int, even: bool, seed: int) -> None:  # noqa: FBT001
    space = PortSpace(chance(seed))
    space.claim(wanted)
    first = space.take(wanted, count, even=even)
    assert first + count <= 65_536
    assert first % 2 == (0 if even else wanted % 2)
    assert not any(space.claim(first + step) for step in range(count))


def test_no_pair_is_left_though_half_of_the_ports_are_free() -> None:
    space = space_without(range(1, 65_536, 2))
    with pytest.raises(Refused, match="ports-exhausted"):
        space.take(5000, 2, even=True)


def test_an_odd_port_of_a_pair_becomes_even() -> None:
    assert PortSpace(chance()).take(5001, 2, even=True) % 2 == 0


def test_a_claim_is_all_or_nothing() -> None:
    space = space_without(range(5003, 5004))
    assert not space.claim(5000, 4)
    assert space.claim(5000, 3)
    assert not space.claim(65_535, 2)


@given(st.lists(st.tuples(st.integers(0, 65_535), st.integers(1, 3), st.booleans()), max_size=30), st.integers())
def test_no_port_is_given_twice_and_all_come_back(wishes: list[tuple[int, int, bool]], seed: int) -> None:
    space = PortSpace(chance(seed))
    given_out: list[int] = []
    for wanted, count, even in wishes:
        first = space.take(wanted, count, even=even)
        given_out += range(first, first + count)
    assert len(given_out) == len(set(given_out))
    for port in given_out:
        space.release(port)
    assert space.claim(0, 65_536)


@given(st.integers(1025, 65_536), st.integers(0, 65_535), st.integers(1, 4), st.booleans(), st.integers())
def test_none_is_given_from_the_end_on(end: int, wanted: int, count: int, even: bool, seed: int) -> None:  # noqa: FBT001
    space = PortSpace(chance(seed), end)
    try:
        first = space.take(wanted, count, even=even)
    except Refused:
        assert end - PRIVILEGED_END < count + 1
        return
    assert 0 <= first <= end - count
    assert not (even and first & 1)


def test_all_below_the_end_can_be_had_and_then_none() -> None:
    space = PortSpace(chance(), 1100)
    assert sorted(space.take(40_000) for _ in range(76)) == list(range(1024, 1100))
    with pytest.raises(Refused):
        space.take(40_000)
    assert space.claim(40_000), "a static port may be anywhere"


def test_a_privileged_port_stays_privileged_rather_than_odd() -> None:
    """RFC 4787: REQ-3 comes before REQ-4 for programs that look at it (rsh)."""
    space = space_without(range(513, 1024, 2))
    assert 512 <= space.take(1023) < PRIVILEGED_END
