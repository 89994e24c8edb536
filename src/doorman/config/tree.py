"""The command tree of one mode: it reads lines, and knows what may come next.

Keywords may be abbreviated while they stay unique among those possible at their place; a word typed in full always
wins. Keywords are tried before variables. Letter case does not matter in keywords.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from doorman.config.command import (
    AmbiguousCommandError,
    Command,
    IncompleteCommandError,
    InvalidInputError,
    UnknownCommandError,
)
from doorman.config.grammar import Group, Keyword, Sequence, Token, Variable, parameter_name, parse_grammar, variables
from doorman.config.kinds import kind_of

_WORD = re.compile(r"[^ \t]+")
_LOOKS_LIKE_A_COMMAND = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
NO = "no"
SHARED_WORDS = frozenset({NO, "ip"})
"""Words with which commands of many features begin: what comes after them says whose a command is."""
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


class _Node:
    """A place in the tree: the token that led here, what may follow, and whether that belongs to many features."""

    __slots__ = ("children", "ending", "help", "shared", "token")

    def __init__(self, token: Token, help_text: str) -> None:
        self.token = token
        self.help = help_text
        self.shared = False
        self.children: list[_Node] = []
        self.ending: Ending | None = None

    def child(self, token: Token, texts: Mapping[str, str]) -> "_Node":
        """The child behind a token, made if there is none yet."""
        for child in self.children:
            if child.token == token:
                return child
        made = _Node(token, texts[token.word if isinstance(token, Keyword) else token.name])
        made.shared = self.shared and isinstance(token, Keyword) and token.word in SHARED_WORDS
        self.children.append(made)
        return made


class CommandTree:
    """The commands of a mode, ready to read lines."""

    def __init__(self, commands: Iterable[Command]) -> None:
        """Build the tree.

        Raises:
            KeyError: a word without a help text.
            ValueError: two commands that end at the same place.
        """
        self._root = _Node(Keyword(""), "")
        self._root.shared = True
        for command in commands:
            self._add(command)

    def parse(self, line: str) -> Parsed:
        """Read a whole line.

        Raises:
            CommandError: it is no command of this mode.
        """
        node, values = self._walk(line)
        if node.ending is None:
            raise IncompleteCommandError(len(line.rstrip(" \t")) + 1)
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
        node, _ = self._walk(line[:start])
        partial = line[start:].lower()
        keywords = [
            Completion(child.token.word, child.help)
            for child in node.children
            if isinstance(child.token, Keyword) and child.token.word.startswith(partial)
        ]
        found = sorted(keywords if partial and keywords else keywords + _variables_after(node))
        return [*found, Completion(END_OF_LINE, "")] if node.ending and not partial else found

    def _add(self, command: Command) -> None:
        grammar = parse_grammar(command.grammar)
        head, tail = grammar
        if command.run is not None:
            ending = Ending(command, negated=False, parameters=_parameters(head + tail))
            for node in _attach([self._root], head + tail, command.help):
                _end(node, ending)
        if command.undo is not None:
            root = self._root.child(Keyword(NO), {NO: "Negate a command or set its defaults"})
            ending = Ending(command, negated=True, parameters=_parameters(head))
            ends = _attach([root], head, command.help)
            for node in ends:
                _end(node, ending)
            _attach(ends, tail, command.help, ending)

    def _walk(self, line: str) -> tuple[_Node, dict[str, tuple[object, int]]]:
        """Follow the words of a line: the place reached, and each parameter's value and column."""
        node = self._root
        values: dict[str, tuple[object, int]] = {}
        word = _WORD.search(line)
        while word is not None:
            start = word.start()
            node, value, position = _step(node, line, word)
            if node.token.parameter:
                values[node.token.parameter] = value, start
            word = _WORD.search(line, position)
        return node, values


def _step(node: _Node, line: str, word: re.Match[str]) -> tuple[_Node, object, int]:
    """The child that a word leads to, the value of the word, and the column after it."""
    typed = word[0].lower()
    begun = [(child, child.token.word) for child in node.children if isinstance(child.token, Keyword)]
    begun = [(child, keyword) for child, keyword in begun if keyword.startswith(typed)]
    matches = [(child, keyword) for child, keyword in begun if keyword == typed] or begun
    if len(matches) > 1:
        raise AmbiguousCommandError(line, word.start())
    if matches:
        return *matches[0], word.end()
    for child in node.children:
        if isinstance(child.token, Variable):
            reading = kind_of(child.token.kind).read(line[word.start() :])
            if reading is not None:
                return child, reading[0], word.start() + reading[1]
    if node.shared and _LOOKS_LIKE_A_COMMAND.fullmatch(word[0]):
        raise UnknownCommandError(word.start())
    raise InvalidInputError(word.start())


def _attach(
    nodes: list[_Node], sequence: Sequence, texts: Mapping[str, str], ending: Ending | None = None
) -> list[_Node]:
    """Grow a sequence from every given node and return where it ends; with an ending, the line may stop anywhere."""
    for element in sequence:
        if isinstance(element, Group):
            grown = [end for part in element.alternatives for end in _attach(nodes, part, texts, ending)]
            nodes = grown + nodes if element.optional else grown
        else:
            nodes = [node.child(element, texts) for node in nodes]
            if ending is not None:
                for node in nodes:
                    _end(node, ending)
    return nodes


def _end(node: _Node, ending: Ending) -> None:
    if node.ending is not None and node.ending != ending:
        raise ValueError(f"two commands end alike: {node.ending.command.grammar} and {ending.command.grammar}")
    node.ending = ending


def _parameters(sequence: Sequence) -> frozenset[str]:
    return frozenset(parameter_name(name) for name in variables(sequence))


def _variables_after(node: _Node) -> list[Completion]:
    return [
        Completion(shown, child.help)
        for child in node.children
        if isinstance(child.token, Variable)
        for shown in kind_of(child.token.kind).shown
    ]
