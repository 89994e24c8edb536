"""A sequence of command lines at work on a configuration: which mode it is in, and what each line does.

A line is first tried in the mode it stands in, then in the modes around it, which it thereby returns to: so sections
of a file need neither indentation nor `exit`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from doorman.config.command import CommandError, Refused, RefusedError, UnknownCommandError
from doorman.config.model import Config
from doorman.config.modes import CONFIGURE, END, LEAVING, SUBMODES, Mode
from doorman.config.tree import Completion, Parsed

LONGEST_LINE = 1_024
"""In characters."""


class Done(NamedTuple):
    """What a line made (None: nothing that a later check is about), and the columns of its parameters from 0."""

    made: object
    columns: Mapping[str, int]


def is_comment(line: str) -> bool:
    """Whether a line says nothing: it is blank, or begins with an exclamation mark."""
    words = line.lstrip(" \t")
    return not words or words.startswith("!")


class _Level(NamedTuple):
    """A mode, and what it is about: nothing, or the name of an interface."""

    mode: Mode
    subject: tuple[object, ...]


class Session:
    """Where a reader of commands stands, be it a file's or an operator's."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.ended = False
        """Whether `end` was read."""
        self._levels = [_Level(CONFIGURE, ())]

    @property
    def mode(self) -> Mode:
        """The mode the next line is read in."""
        return self._levels[-1].mode

    def execute(self, line: str) -> Done | None:
        """Carry out one line, which leaves the configuration as it was if it fails; None for a comment or a blank line.

        Raises:
            CommandError: the line is no command here, or is refused.
        """
        if is_comment(line):
            return None
        if len(line) > LONGEST_LINE:
            raise RefusedError(f"% Line is longer than {LONGEST_LINE} characters", LONGEST_LINE)
        parsed = self._parse(line)
        return Done(self._run(parsed, line), parsed.columns)

    def completions(self, line: str) -> list[Completion]:
        """What may come next after a line typed so far, in this mode.

        Raises:
            CommandError: the words before are not understood.
        """
        return self.mode.tree.completions(line)

    def _parse(self, line: str) -> Parsed:
        """Read the line in the innermost mode that understands it, else raise the error that is farthest along."""
        errors: list[CommandError] = []
        for depth in range(len(self._levels), 0, -1):
            try:
                parsed = self._levels[depth - 1].mode.tree.parse(line)
            except CommandError as error:
                errors.append(error)
            else:
                if parsed.command.indented and line[:1] not in {" ", "\t"}:
                    errors.append(UnknownCommandError(0))
                    continue
                del self._levels[depth:]
                return parsed
        raise max(errors, key=lambda error: error.column)

    def _run(self, parsed: Parsed, line: str) -> object:
        command = parsed.command
        if command is END:
            self.ended = True
            return None
        if command in LEAVING:
            del self._levels[max(1, len(self._levels) - 1) :]
            return None
        function = command.undo if parsed.negated else command.run
        if function is None:
            raise RuntimeError(f"a command without a function: {command.grammar}")
        try:
            made = function(self.config, *self._levels[-1].subject, **parsed.arguments)
        except Refused as refusal:
            first = len(line) - len(line.lstrip(" \t"))
            raise RefusedError(refusal.message, parsed.columns.get(refusal.parameter, first)) from None
        if command.enters and not parsed.negated:
            self._levels.append(_Level(SUBMODES[command.enters], (made,)))
        return made
