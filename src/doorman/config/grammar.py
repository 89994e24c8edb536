"""The notation of commands: a line of IOS's documentation, with the kinds of its variables.

    ip nat pool NAME:word ~ FIRST:ipv4 LAST:ipv4 {netmask MASK:ipv4 | prefix-length LENGTH:1-32}

- a word in small letters is a keyword, which may be abbreviated;
- `NAME:kind` is a variable (see `kinds`); `TRANSPORT:tcp|udp` one whose values are keywords;
- `{ … | … }` is a choice, `[ … ]` may be left out;
- after `~` comes what the `no` form does not need: there the line may stop at any word, and the rest is not looked at.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from doorman.config.kinds import is_kind

_TOKEN = re.compile(r"[{}\[\]]|[^\s{}\[\]]+")
_CLOSING = {"{": "}", "[": "]"}


class Keyword(NamedTuple):
    """A fixed word; with a `parameter`, the word itself is that parameter's value."""

    word: str
    parameter: str = ""


class Variable(NamedTuple):
    """A word that varies: its name in capitals, and the specification of its kind."""

    name: str
    kind: str

    @property
    def parameter(self) -> str:
        """The name of the parameter it becomes."""
        return parameter_name(self.name)


class Group(NamedTuple):
    """Alternatives, each a sequence; of an optional group none need be there."""

    alternatives: tuple["Sequence", ...]
    optional: bool
    variable: str = ""
    """The name in capitals, where the group is a variable whose values are keywords."""


Token = Keyword | Variable
Element = Keyword | Variable | Group
Sequence = tuple[Element, ...]


class Grammar(NamedTuple):
    """A command in two parts: `head` is what the `no` form needs, `tail` what it does not."""

    head: Sequence
    tail: Sequence


def parameter_name(name: str) -> str:
    """The parameter that a variable's name becomes: LOCAL-PORT is local_port."""
    return name.lower().replace("-", "_")


@cache
def parse_grammar(text: str) -> Grammar:
    """Read a line of grammar.

    Raises:
        ValueError: brackets that do not match; names the grammar.
    """
    head, mark, tail = text.partition(" ~")
    if not mark and text.startswith("~"):
        raise ValueError(f"nothing stands before ~ in grammar: {text}")
    return Grammar(_parse_part(head, text), _parse_part(tail, text))


def variables(sequence: Sequence) -> Iterator[str]:
    """The names of all variables in a sequence, in order, in capitals; a name can come twice in a choice."""
    for element in sequence:
        if isinstance(element, Variable):
            yield element.name
        elif isinstance(element, Group):
            if element.variable:
                yield element.variable
            for alternative in element.alternatives:
                yield from variables(alternative)


def usage(sequence: Sequence) -> str:
    """Write a sequence as documentation does: without kinds, choices of keywords spelt out."""
    return " ".join(_usage_of(element) for element in sequence)


def _usage_of(element: Element) -> str:
    match element:
        case Keyword():
            return element.word
        case Variable():
            return element.name
        case Group():
            inner = " | ".join(usage(alternative) for alternative in element.alternatives)
            if element.optional:
                return f"[{inner}]"
            return f"{{{inner}}}" if len(element.alternatives) > 1 else inner


def _parse_part(part: str, whole: str) -> Sequence:
    tokens = _TOKEN.findall(part)
    alternatives, end = _alternatives(tokens, 0)
    if end != len(tokens) or len(alternatives) != 1:
        raise ValueError(f"brackets do not match in grammar: {whole}")
    return alternatives[0]


def _alternatives(tokens: list[str], start: int) -> tuple[tuple[Sequence, ...], int]:
    """Read sequences parted by bars, up to a closing bracket or the end; also where they end."""
    found: list[list[Element]] = [[]]
    position = start
    while position < len(tokens) and tokens[position] not in _CLOSING.values():
        token = tokens[position]
        position += 1
        if token == "|":  # noqa: S105 - the bar between alternatives, no password
            found.append([])
        elif token in _CLOSING:
            inner, position = _alternatives(tokens, position)
            if tokens[position : position + 1] != [_CLOSING[token]]:
                raise ValueError(f"brackets do not match in grammar: {' '.join(tokens)}")
            position += 1
            found[-1].append(Group(inner, optional=token == "["))  # noqa: S105 - a bracket
        else:
            found[-1].append(_element(token))
    return tuple(map(tuple, found)), position


def _element(token: str) -> Element:
    name, colon, spec = token.partition(":")
    if not colon:
        return Keyword(token)
    if is_kind(spec):
        return Variable(name, spec)
    parameter = parameter_name(name)
    return Group(tuple((Keyword(word, parameter),) for word in spec.split("|")), optional=False, variable=name)
