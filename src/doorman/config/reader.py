"""Configuration text to a `Config`, or all that is wrong with it.

Lines end in LF or CRLF; a byte order mark is passed over; nothing is read after `end`. Commands of features that this
gateway has not are passed over with a warning each, so that the configuration of a router can be used as it is.
"""

from typing import NamedTuple

from doorman.config.command import CommandError, UnknownCommandError
from doorman.config.errors import ConfigError, ConfigErrors
from doorman.config.fault import Fault
from doorman.config.faults import find_faults
from doorman.config.foreign import ForeignCommand
from doorman.config.model import Config
from doorman.config.modes import WHOLE
from doorman.config.session import Done, Session, is_comment

_BYTE_ORDER_MARK = "\ufeff"


class _Origin(NamedTuple):
    """Where a rule was written: the line's number from 1, its text, and what it did."""

    number: int
    text: str
    done: Done


def read_config(text: str, filename: str) -> Config:
    """Read a whole configuration; the name is for messages only.

    Raises:
        ConfigErrors: lines that are no commands, or are refused, or refer to what nowhere exists.
    """
    return Reader(filename).read(text)


class Reader:
    """Reads one file. `lines` then says how many lines there were, `read_lines` how many before and with `end`.

    Args:
        filename: for messages.
        strict: whether commands of other features are errors too.
    """

    def __init__(self, filename: str, *, strict: bool = False) -> None:
        self.lines = 0
        self.read_lines = 0
        self._filename = filename
        self._strict = strict
        self._foreign: list[ForeignCommand] = []
        self._section: ForeignCommand | None = None
        self._errors: list[ConfigError] = []
        self._origins: dict[object, _Origin] = {}

    @property
    def warnings(self) -> list[ConfigError]:
        """The commands that were passed over."""
        return [
            ConfigError(self._filename, command.number, command.column + 1, command.text, command.message)
            for command in self._foreign
        ]

    def read(self, text: str) -> Config:
        """Read the text of the file.

        Raises:
            ConfigErrors: see `read_config`.
        """
        session = Session(Config())
        text = text.removeprefix(_BYTE_ORDER_MARK)
        lines = text.removesuffix("\n").split("\n") if text else []
        self.lines = len(lines)
        for line in lines:
            self._read_line(session, line.removesuffix("\r"))
            if session.ended:
                break
        for fault in find_faults(session.config):
            self._note_fault(fault)
        if self._errors:
            raise ConfigErrors(sorted(self._errors, key=lambda error: (error.line, error.column)))
        return session.config

    def _read_line(self, session: Session, line: str) -> None:
        self.read_lines += 1
        if self._is_of_section(line):
            return
        try:
            done = session.execute(line)
        except CommandError as error:
            if isinstance(error, UnknownCommandError) and not (session.mode in WHOLE and line[:1] in {" ", "\t"}):
                self._section = ForeignCommand(self.read_lines, line, error.column)
                if not self._strict:
                    self._foreign.append(self._section)
                    return
            self._note(self.read_lines, line, error.column, error.message)
        else:
            if done is not None and done.made is not None:
                self._origins[done.made] = _Origin(self.read_lines, line, done)

    def _is_of_section(self, line: str) -> bool:
        """Whether a line belongs to the foreign command before it."""
        if self._section is None or self._section.takes(line):
            return self._section is not None
        if not is_comment(line):
            self._section = None
        return False

    def _note_fault(self, fault: Fault) -> None:
        origin = self._origins[fault.rule]
        self._note(origin.number, origin.text, origin.done.columns.get(fault.parameter, 0), fault.message)

    def _note(self, number: int, text: str, column: int, message: str) -> None:
        self._errors.append(ConfigError(self._filename, number, column + 1, text, message))
