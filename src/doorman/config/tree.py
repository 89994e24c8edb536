"""The command tree of one mode: it reads lines, and knows what may come next.

Keywords may be abbreviated while they stay unique among those possible at their place; a word typed in full always
wins. Keywords are tried before variables: a word that may be the beginning of one and leads nowhere as that is then
tried as a variable, so that a name may begin as a keyword does. Letter case does not matter in keywords.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from doorman.config.command import (
    AmbiguousCommandError,
    Command,
    CommandError,
    IncompleteCommandError,
    InvalidInputError,
    UnknownCommandError,
)
from doorman.config.grammar import Group, Keyword, Sequence, Token, Variable, parameter_name, parse_grammar, variables
from doorman.config.kinds import Kind, kind_of

_WORD = re.compile(r"[^ \t]+")
_LOOKS_LIKE_A_COMMAND = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
NO = "no"
SHARED_WORDS = frozenset(
    {NO, "ip", "ipv6", "class-map", "policy-map", "parameter-map", "type", "crypto", "ipsec", "nat-transparency"}
)
"""Words with which commands of many features begin: what comes after them says whose a command is."""
_NO = Keyword(NO)
_NO_HELP = {NO: "Negate a command or set its defaults"}
END_OF_LINE = "<cr>"


class Ending(NamedTuple):
    """What a line that may end here means; only these parameters are passed on."""

    command: Command
    negated: bool
    parameters: frozenset[str]


class Parsed(NamedTuple):
    """A line understood: the command, its `no`, the values of its parameters, and the column of each from 0."""

    command: Command
    negated: bool
    arguments: dict[str, object]
    columns: dict[str, int]


class Completion(NamedTuple):
    """What may come next, as help shows it: a keyword, a kind of variable such as `A.B.C.D`, or `<cr>`."""

    word: str
    help: str


def help_text(completions: Iterable[Completion]) -> str:
    """What `?` shows: a line for each completion, the explanations below each other."""
    listed = list(completions)
    width = max((len(completion.word) for completion in listed), default=0)
    return "".join(f"  {completion.word:<{width}}  {completion.help}".rstrip() + "\n" for completion in listed)


class _Path(NamedTuple):
    """What may still come of a command at some place: first the head, then the tail, in which the line may stop."""

    ending: Ending
    head: Sequence
    tail: Sequence

    def steps(self) -> Iterator[tuple[Token, "_Path"]]:
        """Each token that may come next, and what may come after it."""
        for token, rest in _firsts(self.head):
            yield token, self._replace(head=rest)
        if _may_be_empty(self.head):
            for token, rest in _firsts(self.tail):
                yield token, self._replace(head=(), tail=rest)


class _Node:
    """A place in the tree: the token that led here, what may follow, and whether that belongs to many features.

    It grows when somebody comes by: a line of an access list can be written in more ways than a tree could hold.
    """

    def __init__(self, token: Token, help_text: str, *, shared: bool) -> None:
        self.token = token
        self.help = help_text
        self.shared = shared
        self._paths: list[_Path] = []

    def add(self, path: _Path) -> None:
        """Let a command lead on from here."""
        self._paths.append(path)

    @cached_property
    def ending(self) -> Ending | None:
        """What a line that stops here means; None where it must not.

        Raises:
            ValueError: two commands end here.
        """
        found = [path.ending for path in self._paths if _may_be_empty(path.head)]
        if any(ending != found[0] for ending in found):
            raise ValueError(f"two commands end alike: {' and '.join(one.command.grammar for one in found)}")
        return found[0] if found else None

    @cached_property
    def children(self) -> "list[_Node]":
        """The places that one word leads to, those of a token together.

        Raises:
            KeyError: a word without a help text.
        """
        found: dict[Token, _Node] = {}
        for path in self._paths:
            for token, after in path.steps():
                if token not in found:
                    texts = _NO_HELP if token == _NO else path.ending.command.help
                    word = token.word if isinstance(token, Keyword) else token.name
                    found[token] = _Node(token, texts[word], shared=self.shared and word in SHARED_WORDS)
                found[token].add(after)
        return list(found.values())

    @cached_property
    def keywords(self) -> "dict[str, _Node]":
        """The places that keywords lead to."""
        return {child.token.word: child for child in self.children if isinstance(child.token, Keyword)}

    @cached_property
    def variables(self) -> "list[tuple[Kind, _Node]]":
        """The places that values lead to, and the kinds of these."""
        return [(kind_of(child.token.kind), child) for child in self.children if isinstance(child.token, Variable)]


class CommandTree:
    """The commands of a mode, ready to read lines."""

    def __init__(self, commands: Iterable[Command]) -> None:
        """Plant the tree. It grows as lines are read; a mistake in the grammar shows where it stands (`_Node`)."""
        self._root = _Node(Keyword(""), "", shared=True)
        for command in commands:
            self._add(command)

    def parse(self, line: str) -> Parsed:
        """Read a whole line.

        Raises:
            CommandError: it is no command of this mode.
        """
        node, values = _follow(self._root, line, _WORD.search(line), whole=True)
        if node.ending is None:
            raise IncompleteCommandError(len(line))
        wanted = node.ending.parameters
        return Parsed(
            node.ending.command,
            node.ending.negated,
            {name: value for name, (value, _) in values.items() if name in wanted},
            {name: column for name, (_, column) in values.items()},
        )

    def completions(self, line: str) -> list[Completion]:
        """What may come next after a line typed so far, sorted: after a blank the next words, else those it begins.

        Raises:
            CommandError: the words before are not understood.
        """
        start = max(line.rfind(" "), line.rfind("\t")) + 1
        node, _ = _follow(self._root, line[:start], _WORD.search(line[:start]), whole=False)
        partial = line[start:].lower()
        keywords = [Completion(word, child.help) for word, child in node.keywords.items() if word.startswith(partial)]
        found = sorted(keywords if partial and keywords else keywords + _variables_after(node))
        return [*found, Completion(END_OF_LINE, "")] if node.ending and not partial else found

    def _add(self, command: Command) -> None:
        head, tail = parse_grammar(command.grammar)
        if command.run is not None:
            self._root.add(_Path(Ending(command, negated=False, parameters=_parameters(head + tail)), head + tail, ()))
        if command.undo is not None:
            self._root.add(_Path(Ending(command, negated=True, parameters=_parameters(head)), (_NO, *head), tail))


def _follow(
    node: _Node, line: str, word: re.Match[str] | None, *, whole: bool
) -> tuple[_Node, dict[str, tuple[object, int]]]:
    """Follow the words of a line from one on: the place reached, and each parameter's value and column.

    If the line is `whole`, it must be one that may stop there.
    """
    if word is None:
        if whole and node.ending is None:
            raise IncompleteCommandError(len(line.rstrip(" \t")) + 1)
        return node, {}
    failed: CommandError | None = None
    for child, value, end in _steps(node, line, word):
        try:
            reached, values = _follow(child, line, _WORD.search(line, end), whole=whole)
        except CommandError as error:
            failed = failed or error
            continue
        parameter = child.token.parameter
        return reached, {parameter: (value, word.start())} | values if parameter else values
    raise failed or InvalidInputError(word.start())


def _steps(node: _Node, line: str, word: re.Match[str]) -> list[tuple[_Node, object, int]]:
    """The children that a word may lead to, the likelier one first; the value of the word, and the column after it."""
    typed = word[0].lower()
    if typed in node.keywords:
        return [(node.keywords[typed], typed, word.end())]
    found: list[tuple[_Node, object, int]] = [
        (child, keyword, word.end()) for keyword, child in node.keywords.items() if keyword.startswith(typed)
    ]
    if len(found) > 1:
        raise AmbiguousCommandError(line, word.start())
    rest = line[word.start() :]
    for kind, child in node.variables:
        reading = kind.read(rest)
        if reading is not None:
            found.append((child, reading[0], word.start() + reading[1]))
            break
    if not found and node.shared and _LOOKS_LIKE_A_COMMAND.fullmatch(word[0]):
        raise UnknownCommandError(word.start())
    return found


def _firsts(sequence: Sequence) -> Iterator[tuple[Token, Sequence]]:
    """Each token that a sequence may begin with, and what of it comes after."""
    for index, element in enumerate(sequence):
        after = sequence[index + 1 :]
        if not isinstance(element, Group):
            yield element, after
            return
        for alternative in element.alternatives:
            yield from ((token, rest + after) for token, rest in _firsts(alternative))
        if not _may_be_empty((element,)):
            return


def _may_be_empty(sequence: Sequence) -> bool:
    return all(
        isinstance(element, Group) and (element.optional or any(map(_may_be_empty, element.alternatives)))
        for element in sequence
    )


def _parameters(sequence: Sequence) -> frozenset[str]:
    return frozenset(parameter_name(name) for name in variables(sequence))


def _variables_after(node: _Node) -> list[Completion]:
    return [Completion(shown, child.help) for kind, child in node.variables for shown in kind.shown]
