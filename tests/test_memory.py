"""The collector of cycles: spared while there is much to do, and what it missed found afterwards."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from doorman.memory import Garbage, settle_collector


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(10_000_000)
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_a_second_of_many_calls_brings_is_not_looked_through() -> None:
    settle_collector()
    collections: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:  # noqa: ARG001 - as it is called
        collections.append(phase)

    gc.callbacks.append(note)
    try:
        many = [[number] for number in range(400_000)]
    finally:
        gc.callbacks.remove(note)
    assert len(many) == 400_000
    assert collections == []


def test_what_comes_in_numbers_is_spared_and_looked_at_when_it_has_gone() -> None:
    gc.freeze()
    garbage = Garbage()
    many = [[number] for number in range(60_000)]
    cycle = weakref.ref(Cycle())
    garbage.spare()
    assert gc.get_count()[0] < 1_000
    garbage.collect()
    assert cycle() is not None, "there are too many values to be looked through"
    del many
    garbage.collect()
    assert cycle() is None


def test_what_was_spared_is_not_walked_through_to_count_it(monkeypatch: pytest.MonkeyPatch) -> None:
    garbage = Garbage()
    many = [[number] for number in range(60_000)]
    garbage.spare()
    walked: list[str] = []
    for walk in ("get_freeze_count", "collect", "unfreeze"):
        monkeypatch.setattr(gc, walk, lambda walk=walk: walked.append(walk))
    garbage.collect()
    assert walked == []
    del many
    garbage.collect()
    assert walked == ["unfreeze", "collect"]


def test_a_few_values_are_not_spared() -> None:
    garbage = Garbage()
    before = gc.get_freeze_count()
    few = [[number] for number in range(1_000)]
    garbage.spare()
    assert gc.get_freeze_count() == before
    assert len(few) == 1_000
