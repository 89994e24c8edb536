"""Timers against a naive model: what rings, when, and that nothing rings twice."""

import math
import pickle
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.timers import LOOK, NEVER, Timed, Timers

TIMES = st.one_of(st.integers(0, 8).map(float), st.floats(0, 8), st.just(math.inf))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), TIMES, st.integers(0, 4)),
        st.tuples(st.just("stop"), st.just(0.0), st.integers(0, 4)),
        st.tuples(st.just("wait"), st.floats(0, 4), st.just(0)),
    ),
    max_size=30,
)


@given(STEPS)
def test_an_item_rings_once_within_a_second_of_its_newest_time(steps: list[tuple[str, float, int]]) -> None:
    timers: Timers[Timed] = Timers()
    items = [Timed() for _ in range(5)]
    expected: dict[int, float] = {}
    now = 0.0
    for verb, seconds, name in [*steps, ("wait", 20.0, 0)]:
        if verb == "start":
            timers.start(now + seconds, items[name])
            expected[name] = now + seconds
            continue
        if verb == "stop":
            timers.stop(items[name])
            expected.pop(name, None)
            continue
        now += seconds
        ringing = [items.index(item) for item in timers.due(now)]
        assert len(ringing) == len(set(ringing)), "an item rang twice"
        must = {name for name, at in expected.items() if math.ceil(at if at < math.inf else now + 1) <= now}
        may = {name for name, at in expected.items() if at <= now}
        assert must <= set(ringing) <= may
        for rung in ringing:
            del expected[rung]
    assert all(at == math.inf for at in expected.values())


def test_one_that_was_put_off_does_not_ring_at_its_old_time() -> None:
    timers: Timers[Timed] = Timers()
    item = Timed()
    timers.start(5.0, item)
    timers.start(9.0, item)
    assert timers.due(8.0) == []
    assert timers.due(9.0) == [item]
    assert timers.due(100.0) == []


def test_one_that_was_brought_forward_and_put_off_again_rings_once() -> None:
    timers: Timers[Timed] = Timers()
    item = Timed()
    for at in (9.0, 5.0, 9.0):
        timers.start(at, item)
    assert timers.due(20.0) == [item]


def test_what_is_over_is_not_kept_until_it_was_to_ring() -> None:
    timers: Timers[Timed] = Timers()
    items = [Timed() for _ in range(3)]
    kept_here = sys.getrefcount(items[1])
    for item in items:
        timers.start(5.0, item)
    del item
    timers.stop(items[1])
    timers.start(2.0, items[2])
    still_kept = sys.getrefcount(items[1])
    assert still_kept == kept_here
    assert timers.due(3.0) == [items[2]]
    assert timers.due(6.0) == [items[0]]


def test_what_others_have_filed_is_theirs_until_they_are_gone() -> None:
    """As what goes on by another configuration, which has timers of its own."""
    before: Timers[Timed] = Timers()
    timers: Timers[Timed] = Timers()
    mine, other = Timed(), Timed()
    before.start(5.0, mine)
    timers.start(5.0, other)
    timers.start(7.0, mine)
    assert timers.due(5.0) == [other]
    assert timers.due(7.0) == [mine]


@pytest.mark.parametrize("never", [math.inf, NEVER, NEVER + 1000.0])
def test_never_is_never(never: float) -> None:
    timers: Timers[Timed] = Timers()
    item = Timed()
    timers.start(5.0, item)
    timers.start(never, item)
    assert item.rings == math.inf
    assert timers.due(1e15) == []


def test_what_never_rings_takes_no_room() -> None:
    timers: Timers[Timed] = Timers()
    items = [Timed() for _ in range(100)]
    for item in items:
        timers.start(NEVER, item)
    assert memory_of(timers) == memory_of(Timers())
    timers.start(3.0, items[7])
    assert timers.due(4.0) == [items[7]]


def memory_of(timers: Timers[Timed]) -> int:
    return len(pickle.dumps([getattr(timers, name) for name in Timers.__slots__]))


def test_an_item_whose_time_is_far_off_is_looked_at_again_and_again_and_not_filed_for_long() -> None:
    timers: Timers[Timed] = Timers()
    item, now = Timed(), 0.0
    for _ in range(10):
        timers.look(10 * LOOK, item, now)
        assert timers.due(now + LOOK - 1) == []
        now += LOOK
        assert timers.due(now) == [item]
    assert now == 10 * LOOK
    timers.look(now + 5, item, now)
    assert timers.due(now + 4) == []
    assert timers.due(now + 6) == [item]
    timers.look(math.inf, item, now)
    assert timers.due(now + 10 * LOOK) == []
