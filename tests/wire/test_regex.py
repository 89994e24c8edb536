"""Patterns that take time in proportion to the text: held to Python's own, which do not."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.wire.malformed import Malformed
from doorman.wire.regex import MOST_STATES, Pattern

atoms = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", "[a-c1]", r"\d", r"\W", r"\.", "^", "$", r"\x61", "[]a]"])
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.tuples(inner, inner).map("|".join).map("({})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}"])).map(
            lambda pair: "({}){}".format(*pair)
        ),
    ),
    max_leaves=8,
)


@given(patterns, st.binary(max_size=6) | st.text("abc1.\n", max_size=8).map(str.encode))
def test_it_finds_what_the_same_pattern_of_python_finds(pattern: str, text: bytes) -> None:
    same = re.compile(pattern.replace("$", r"\Z").encode(), re.DOTALL)
    assert Pattern(pattern).search(text) == (same.search(text) is not None)


def test_texts_that_take_others_for_ever_cost_a_step_a_byte() -> None:
    assert not Pattern("(a+)+$").search(b"a" * 60_000 + b"b")
    assert not Pattern("(a|aa)*c").search(b"a" * 60_000)
    assert Pattern("(.*)*x").search(b"a" * 60_000 + b"x")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "ends-too-early"),
        ("a)", "unbalanced-bracket"),
        ("[a", "ends-too-early"),
        ("*a", "nothing-to-repeat"),
        ("a{3,2}", "bad-repetition"),
        ("a{999}", "bad-repetition"),
        ("a{x}", "bad-repetition"),
        ("a{", "bad-repetition"),
        ("[z-a]", "bad-range"),
        (r"\q", "bad-escape"),
        (r"\x1", "bad-escape"),
        ("a\\", "ends-too-early"),
        ("[\u00e4]", "not-ascii"),
        ("(" * 60 + ")" * 60, "too-many-brackets"),
        ("((a{50}){50}){50}", "pattern-too-large"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        Pattern(pattern)
    assert caught.value.reason == reason


@given(st.text(max_size=12))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    with suppress(Malformed):
        Pattern(text).search(b"abc")


def test_names_of_others_than_ascii_are_their_bytes() -> None:
    assert Pattern("\u00e4+").search("x\u00e4".encode())
    assert MOST_STATES >= 500
