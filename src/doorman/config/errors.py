"""The errors of a configuration file, each shown with its line and a caret under the column."""

from dataclasses import dataclass
from typing import NamedTuple

_SHOWN = 100
"""How much of a long line is shown, in characters."""


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One error: the file's name, the number of the line and the column (both from 1), the line, and what is wrong."""

    filename: str
    line: int
    column: int
    text: str
    message: str

    def __str__(self) -> str:
        shown, caret = _window(self.text, self.column - 1)
        place = f"{printable(self.filename)}:{self.line}:{self.column}"
        return f"{place}\n  {shown.rstrip()}\n  {' ' * caret}^\n{printable(self.message)}"


class ConfigErrors(ValueError):  # noqa: N818 - all the errors of one file
    """A configuration that cannot be used, with every error in it, in the order of the lines."""

    def __init__(self, errors: list[ConfigError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


def printable(text: str) -> str:
    """The text with all but printable ASCII escaped, so that no file can write to a terminal what it likes."""
    return "".join(
        character if " " <= character <= "~" else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


class _Window(NamedTuple):
    shown: str
    caret: int


def _window(text: str, column: int) -> _Window:
    """The part of a line around a column, escaped, and how many characters stand before that column."""
    spaced = text.replace("\t", " ")
    start = max(0, column - _SHOWN) if len(spaced) > _SHOWN else 0
    before = printable(spaced[start:column]).ljust(column - start)
    return _Window(before + printable(spaced[column : start + 2 * _SHOWN]), len(before))
