"""Properties: what grows from one value leaves it as it was, whatever else grows from it; and it is as a tuple is."""

from hypothesis import given
from hypothesis import strategies as st

from doorman.config.distinct import Distinct

things = st.integers(0, 12)
changes = st.lists(st.tuples(st.integers(0, 20), things, st.none() | st.integers(0, 9)), max_size=25)


@given(st.lists(things, max_size=4), changes)
def test_all_that_grew_from_one_value_are_as_they_were_made(
    first: list[int], made: list[tuple[int, int, int | None]]
) -> None:
    found = [(Distinct(first), tuple(dict.fromkeys(first)))]
    for of, thing, place in made:
        known, wanted = found[of % len(found)]
        at = len(wanted) if place is None else min(place, len(wanted))
        grown = wanted if thing in wanted else (*wanted[:at], thing, *wanted[at:])
        found.append((known.with_one(thing, place), grown))
    for known, wanted in found:
        assert tuple(known) == wanted
        assert [thing in known for thing in range(13)] == [thing in wanted for thing in range(13)]
        assert [known[index] for index in range(-len(wanted), len(wanted))] == [*wanted, *wanted]
        assert known == Distinct(wanted)
        assert hash(known) == hash(Distinct(wanted))
        assert [tuple(known.without(index)) for index in range(len(wanted))] == [
            wanted[:index] + wanted[index + 1 :] for index in range(len(wanted))
        ]


def test_order_counts() -> None:
    assert Distinct("xy") != Distinct("yx")
    assert Distinct("xy") != Distinct("xyz")
    assert Distinct("xy") != ("x", "y")
    assert Distinct("xyz")[1:] == Distinct("yz")
    assert Distinct("xyz").index("z") == 2
