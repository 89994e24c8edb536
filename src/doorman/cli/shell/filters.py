"""What may stand behind `|` after a `show` command: a command of its own tree, which makes a filter of lines."""

from collections.abc import Callable
from typing import NamedTuple

from doorman.cli.shell.output import Lines
from doorman.cli.shell.patterns import BadPattern, Pattern
from doorman.config.command import Command, Refused
from doorman.config.tree import CommandTree

BAR = "|"


class Filter(NamedTuple):
    """Takes lines, and gives those that are to be printed."""

    keep: Callable[[Lines], Lines]


def _pattern(text: str) -> Pattern:
    try:
        return Pattern(text)
    except BadPattern as bad:
        raise Refused(f"% Bad regular expression: {bad}", "pattern") from None


def _include(*, pattern: str) -> Filter:
    """Only the lines that match."""
    search = _pattern(pattern).search
    return Filter(lambda lines: (line if line is not None and search(line) else None for line in lines))


def _exclude(*, pattern: str) -> Filter:
    """Only the lines that do not match."""
    search = _pattern(pattern).search
    return Filter(lambda lines: (None if line is None or search(line) else line for line in lines))


def _begin(*, pattern: str) -> Filter:
    """All from the first line that matches."""
    search = _pattern(pattern).search

    def begin(lines: Lines) -> Lines:
        begun = False
        for line in lines:
            begun = begun or (line is not None and search(line))
            yield line if begun else None

    return Filter(begin)


def _section(*, pattern: str) -> Filter:
    """The lines that match, each with the lines behind it that are indented further."""
    search = _pattern(pattern).search

    def section(lines: Lines) -> Lines:
        depth: int | None = None
        for line in lines:
            if line is None:
                yield None
                continue
            indented = len(line) - len(line.lstrip(" "))
            if depth is None or indented <= depth:
                depth = indented if search(line) else None
            yield line if depth is not None else None

    return Filter(section)


def _count(*, pattern: str) -> Filter:
    """How many lines match."""
    search = _pattern(pattern).search

    def count(lines: Lines) -> Lines:
        number = 0
        for line in lines:
            number += line is not None and search(line)
            yield None
        yield f"Number of lines which match regexp = {number}"

    return Filter(count)


_PATTERN = {"PATTERN": "Regular Expression"}

COMMANDS = (
    Command("begin PATTERN:line", {"begin": "Begin with the line that matches"} | _PATTERN, _begin),
    Command("count PATTERN:line", {"count": "Count number of lines which match regexp"} | _PATTERN, _count),
    Command("exclude PATTERN:line", {"exclude": "Exclude lines that match"} | _PATTERN, _exclude),
    Command("include PATTERN:line", {"include": "Include lines that match"} | _PATTERN, _include),
    Command("section PATTERN:line", {"section": "Filter a section of output"} | _PATTERN, _section),
)

FILTERS = CommandTree(COMMANDS)
