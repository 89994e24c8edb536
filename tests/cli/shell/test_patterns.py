"""Regular expressions: the same answers as Python's `re`, but in linear time."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.cli.shell.patterns import LONGEST_PATTERN, BadPattern, Pattern

LITERALS = st.sampled_from(["a", "b", "ab", ".", "[ab]", "[^a]", "[a-c-]", "[]b]", r"\.", r"\(", "_"])


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from("*+?")).map(lambda pair: f"({pair[0]}){pair[1]}"),
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.sampled_from(["^{}", "{}$", "({}|)"]).flatmap(lambda form: inner.map(form.format)),
    )


@given(st.recursive(LITERALS, larger, max_leaves=8), st.text("abc.(_]-", max_size=12))
def test_as_pythons_own(pattern: str, line: str) -> None:
    assert Pattern(pattern).search(line) == bool(re.search(pattern, line))


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        ("", "anything", True),
        ("10.0.0.1", "10x0y0z1", True),
        (r"10\.0\.0\.1$", "ip 10.0.0.10", False),
        ("^udp|^tcp", "udp 1", True),
        ("a{2}", "aa", False),  # no counted repetition: the braces stand for themselves
        ("a{2}", "a{2}", True),
        ("sip_calls", "sip_calls", True),
        ("a**", "", True),
        ("[a-]", "-", True),
        ("(^a|b$)+", "xb", True),
    ],
)
def test_what_matches(pattern: str, line: str, *, found: bool) -> None:
    assert Pattern(pattern).search(line) is found


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "( is not closed"),
        ("a)", ") without ("),
        ("[a", "[ is not closed"),
        ("[]", "[ is not closed"),
        ("*", "nothing stands before *"),
        ("a|+", "nothing stands before +"),
        ("a\\", "nothing stands behind \\"),
        ("[z-a]", "z-a is no range"),
        ("[ -\U0010ffff]", " -\U0010ffff is no range"),
        ("a" * (LONGEST_PATTERN + 1), f"longer than {LONGEST_PATTERN} characters"),
    ],
)
def test_what_is_none(pattern: str, reason: str) -> None:
    with pytest.raises(BadPattern) as bad:
        Pattern(pattern)
    assert str(bad.value) == reason


@given(st.text("ab.*+?()[]^$|\\-", max_size=24))
def test_whatever_is_typed_matches_or_is_refused(text: str) -> None:
    try:
        pattern = Pattern(text)
    except BadPattern:
        return
    pattern.search("abab" * 4)
