"""The notation of commands and the tree it grows into, on commands made for the purpose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.config.command import (
    AmbiguousCommandError,
    Command,
    CommandError,
    IncompleteCommandError,
    InvalidInputError,
)
from doorman.config.grammar import Group, Keyword, Variable, parse_grammar, usage
from doorman.config.modes import CONFIGURE, INTERFACE
from doorman.config.tree import CommandTree, Completion

HELP = dict.fromkeys(["show", "shut", "shutter", "a", "b", "x", "y", "N", "T", "W"], "help")


def tree(*grammars: str) -> CommandTree:
    return CommandTree([Command(grammar, HELP, lambda: None, lambda: None) for grammar in grammars])


def test_the_notation() -> None:
    grammar = parse_grammar("a N:1-9 ~ {x | y T:line} [W:a|b]")
    assert grammar.head == (Keyword("a"), Variable("N", "1-9"))
    assert grammar.tail == (
        Group(((Keyword("x"),), (Keyword("y"), Variable("T", "line"))), optional=False),
        Group(
            ((Group(((Keyword("a", "w"),), (Keyword("b", "w"),)), optional=False, variable="W"),),),
            optional=True,
        ),
    )
    assert usage(grammar.head + grammar.tail) == "a N {x | y T} [{a | b}]"


@pytest.mark.parametrize("grammar", ["a {x", "a x}", "a [x}", "a {x | [y}", "a | b"])
def test_brackets_that_do_not_match(grammar: str) -> None:
    with pytest.raises(ValueError, match="brackets"):
        parse_grammar(grammar)


def test_a_word_without_help_and_two_commands_alike_are_mistakes() -> None:
    with pytest.raises(KeyError):
        tree("unexplained").parse("unexplained")
    with pytest.raises(ValueError, match="end alike"):
        tree("a N:1-9", "a N:1-9").parse("a 1")


def test_an_exact_word_wins_over_longer_ones() -> None:
    commands = tree("shut", "shutter", "show")
    assert commands.parse("shut").command.grammar == "shut"
    assert commands.parse("shutt").command.grammar == "shutter"
    assert commands.parse("SHOW").command.grammar == "show"
    with pytest.raises(AmbiguousCommandError) as caught:
        commands.parse(" shu")
    assert (caught.value.message, caught.value.column) == ('% Ambiguous command:  "shu"', 1)


def test_parameters_are_typed_and_absent_ones_not_passed() -> None:
    commands = tree("a N:1-9 [W:x|y] [b T:line]")
    parsed = commands.parse("a 07  Y b  free  text ")
    assert parsed.arguments == {"n": 7, "w": "y", "t": "free  text"}
    assert parsed.columns == {"n": 2, "w": 6, "t": 11}
    assert commands.parse("a 1").arguments == {"n": 1}
    assert commands.parse("a 1 b t").arguments == {"n": 1, "t": "t"}


def test_the_no_form_needs_the_head_and_looks_at_no_more() -> None:
    commands = tree("a N:1-9 ~ {x | y T:word}")
    for line in ("no a 1", "no a 1 x", "no a 1 y", "no a 1 y word"):
        parsed = commands.parse(line)
        assert parsed.negated
        assert parsed.arguments == {"n": 1}
    with pytest.raises(IncompleteCommandError):
        commands.parse("no a")
    with pytest.raises(IncompleteCommandError):
        commands.parse("a 1")
    with pytest.raises(InvalidInputError):
        commands.parse("no a 1 z")


def test_completions_are_words_kinds_and_the_end_of_the_line() -> None:
    commands = tree("a N:1-9,20-29 [T:word]", "a x", "shut", "show")
    assert commands.completions("sh") == [Completion("show", "help"), Completion("shut", "help")]
    assert commands.completions("a ") == [
        Completion("<1-9>", "help"),
        Completion("<20-29>", "help"),
        Completion("x", "help"),
    ]
    assert commands.completions("a 1 ") == [Completion("WORD", "help"), Completion("<cr>", "")]
    assert commands.completions("show") == [Completion("show", "help")]
    with pytest.raises(InvalidInputError):
        commands.completions("zzz ")


@pytest.mark.parametrize("mode", [CONFIGURE, INTERFACE], ids=lambda mode: mode.name)
def test_no_two_commands_of_a_mode_are_in_each_others_way(mode: object) -> None:
    """Siblings differ in their word; only one sibling is a variable."""
    assert isinstance(mode, type(CONFIGURE))
    waiting = [""]
    while waiting:
        before = waiting.pop()
        words = [completion.word for completion in mode.tree.completions(before)]
        assert len(words) == len(set(words)), before
        waiting += [f"{before}{word} " for word in words if word.islower() and not word.startswith("<")]


LINES = [
    "ip nat inside source list 1 interface out0 overload",
    "ip nat inside source static tcp 10.0.0.1 80 192.0.2.1 80",
    "ip nat pool P 192.0.2.1 192.0.2.2 netmask 255.255.255.0",
    "no ip nat translation port-timeout udp 69",
    "access-list 1 permit host 10.0.0.1",
    "interface out0",
]


@given(st.sampled_from(LINES), st.data())
def test_an_abbreviation_means_the_same_or_is_refused(line: str, data: st.DataObject) -> None:
    words = [
        word[: data.draw(st.integers(1, len(word)))] if word.replace("-", "").isalpha() and word != "P" else word
        for word in line.split()
    ]
    full = CONFIGURE.tree.parse(line)
    try:
        short = CONFIGURE.tree.parse(" ".join(words))
    except CommandError as error:
        assert isinstance(error, AmbiguousCommandError)  # noqa: PT017 - the other outcome is as good
    else:
        assert (short.command, short.negated, short.arguments) == (full.command, full.negated, full.arguments)


@given(st.sampled_from(LINES), st.data())
def test_a_line_can_be_typed_from_its_completions(line: str, data: st.DataObject) -> None:
    words = line.split()
    count = data.draw(st.integers(0, len(words) - 1))
    offered = [
        completion.word for completion in CONFIGURE.tree.completions("".join(f"{word} " for word in words[:count]))
    ]
    assert words[count] in offered or any(word.isupper() or word.startswith("<") for word in offered)


def test_a_name_may_begin_as_a_keyword_does() -> None:
    commands = tree("show N:word", "show shutter N:word", "show shut [x]")
    with pytest.raises(AmbiguousCommandError):
        commands.parse("show shu")
    assert commands.parse("show shut").arguments == {}
    assert commands.parse("show shutt").arguments == {"n": "shutt"}
    assert commands.parse("show shutt y").command.grammar == "show shutter N:word"
    with pytest.raises(IncompleteCommandError):
        commands.parse("show shutter")
    with pytest.raises(InvalidInputError) as caught:
        commands.parse("show shutt y z")
    assert caught.value.column == len("show shutt y ")
