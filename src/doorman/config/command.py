"""What a command is, and the ways in which one can be wrong.

A command is a line of grammar (see `grammar`), a plain function that carries it out and one that takes it back, with
a help text for each word. The errors speak as IOS does; their columns count characters from 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One line of grammar and the functions behind it.

    `run` and `undo` take the configuration, then what the mode is about (the name of the interface, say), then the
    grammar's variables as keyword parameters: `LOCAL-PORT` becomes `local_port`; one that was not typed is not passed.
    They return what they made, if a later check or the mode they enter is about it, and raise `Refused`.
    """

    grammar: str
    help: Mapping[str, str]
    """A text for each keyword, and for each variable under its name in capitals."""
    run: Callable[..., object] | None = None
    """None: there is only a `no` form."""
    undo: Callable[..., object] | None = None
    """What the `no` form does, with the variables before the grammar's `~`; None: there is no such form."""
    enters: str = ""
    """The name of the mode this command leads to; what `run` returns is what that mode is about."""
    indented: bool = False
    """Whether it is one only in a line that begins with a blank: one that does not is of a mode around."""


class CommandError(ValueError):
    """A line that is no command. `message` is what the operator reads, `column` where the trouble is, from 0."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


class InvalidInputError(CommandError):
    """A word that nothing accepts at its place."""

    def __init__(self, column: int) -> None:
        super().__init__("% Invalid input detected at '^' marker.", column)


class UnknownCommandError(InvalidInputError):
    """A word with which no command begins: the line is another feature's, or mistyped."""


class AmbiguousCommandError(CommandError):
    """An abbreviation of two or more keywords."""

    def __init__(self, line: str, column: int) -> None:
        super().__init__(f'% Ambiguous command:  "{line.strip()}"', column)


class IncompleteCommandError(CommandError):
    """A line that ends too early; the column is where the next word would stand."""

    def __init__(self, column: int) -> None:
        super().__init__("% Incomplete command.", column)


class RefusedError(CommandError):
    """A command that was understood and cannot be carried out."""


class Refused(Exception):  # noqa: N818 - an answer of a command's function, which becomes a RefusedError with a column
    """Raised by a command's function: why not, and which parameter is to blame ("" for the command as a whole)."""

    def __init__(self, message: str, parameter: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.parameter = parameter
