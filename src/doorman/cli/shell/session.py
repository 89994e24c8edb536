"""One operator's session: a line goes in, text comes out. No socket and no terminal: `daemon.control` lends it both."""

from collections.abc import Callable, Iterable, Iterator

from doorman.cli.gateway import Gateway, NotApplied
from doorman.cli.shell.exec_line import carry_out, exec_completions, read_exec_line
from doorman.cli.shell.modes import PRIVILEGED, USER, ExecMode
from doorman.cli.shell.output import Output, json_lines, text_lines, told
from doorman.cli.shell.terminal import Terminal
from doorman.config.command import CommandError, InvalidInputError, RefusedError
from doorman.config.errors import printable
from doorman.config.session import LONGEST_LINE
from doorman.config.tree import Completion, help_text

CONTROL_Z = "\x1a"

_DO = Completion("do", "To run exec commands in config mode")


class ShellSession:
    """A session at a running gateway.

    Args:
        gateway: what it is about.
        tell: takes each debug line, whenever it arises; must not block.
    """

    def __init__(self, gateway: Gateway, tell: Callable[[str], None]) -> None:
        self._terminal = Terminal(gateway, tell)

    @property
    def ended(self) -> bool:
        """Whether the operator left."""
        return self._terminal.ended

    @property
    def prompt(self) -> str:
        """What stands before the line that is typed next, without a blank behind it."""
        configuring = self._terminal.configuring
        mode = self._exec_mode if configuring is None else configuring.mode
        return f"{self._terminal.gateway.config.hostname}{mode.prompt}"

    def execute(self, line: str, *, as_json: bool = False) -> Iterator[str]:
        """Carry out one line; give its text in pieces of whole lines, some of them empty: good places to pause.

        What the line does is done when the first piece is asked for. CTRL-Z at its end is an `end` behind it.

        Raises:
            CommandError: while pieces are taken: the line is no command here, or is refused.
            NotApplied: likewise: the gateway cannot carry it out.
        """
        line, control_z, _ = line.partition(CONTROL_Z)
        try:
            yield from self._execute(line, as_json=as_json)
        finally:
            if control_z:
                self._terminal.configuring = None

    def completions(self, line: str) -> list[Completion]:
        """What may come next after a line typed so far, as help shows it.

        Raises:
            CommandError: the words before are not understood.
        """
        configuring = self._terminal.configuring
        start = 0 if configuring is None else _behind_do(line)
        if configuring is None or start is not None:
            return exec_completions(self._exec_mode.tree, line, start or 0)
        found = configuring.completions(line)
        return sorted([*found, _DO]) if _DO.word.startswith(line.lstrip(" \t").lower()) else found

    def words(self, line: str) -> list[str]:
        """The keywords that the word being typed, the last of the line, may become; none if the line is wrong."""
        try:
            found = self.completions(line)
        except CommandError:
            return []
        partial = line[max(line.rfind(" "), line.rfind("\t")) + 1 :].lower()
        # Keywords are written in small letters, kinds of variables are not.
        return [word for word, _ in found if word.islower() and word[0] != "<" and word.startswith(partial)]

    def help(self, line: str) -> str:
        """What `?` shows behind a line typed so far.

        Raises:
            CommandError: the words before are not understood.
        """
        return help_text(self.completions(line))

    def explain(self, error: Exception) -> tuple[str, int | None] | None:
        """What an operator reads of an error, and under which column of the line a caret belongs, if under any.

        None for an error that no line may lead to.
        """
        if not isinstance(error, CommandError | NotApplied):
            return None
        text = error.message if isinstance(error, CommandError) else f"% {error}"
        escaped = "\n".join(map(printable, text.split("\n")))  # it may repeat what was typed
        return escaped, error.column if isinstance(error, InvalidInputError) else None

    def close(self) -> None:
        """The operator is gone, with or without a word."""
        self._terminal.leave()

    @property
    def _exec_mode(self) -> ExecMode:
        return PRIVILEGED if self._terminal.privileged else USER

    def _execute(self, line: str, *, as_json: bool) -> Iterator[str]:
        if len(line) > LONGEST_LINE:
            raise RefusedError(f"% Line is longer than {LONGEST_LINE} characters", LONGEST_LINE)
        configuring = self._terminal.configuring
        start = 0 if configuring is None else _behind_do(line + " ")
        if configuring is not None and start is None:
            configuring.execute(line)
            if configuring.ended:
                self._terminal.configuring = None
            yield from _pieces(map(printable, configuring.told))
        elif line.strip(" \t") and not line.lstrip(" \t").startswith("!"):
            yield from self._execute_exec(line, start or 0, as_json=as_json)

    def _execute_exec(self, line: str, start: int, *, as_json: bool) -> Iterator[str]:
        parsed, wanted = read_exec_line(self._exec_mode.tree, line, start)
        if wanted is not None and as_json:
            raise RefusedError("% A filter works on text, not on JSON", start)
        made = carry_out(parsed, line, self._terminal)
        output = made if isinstance(made, Output) else told(made)
        if as_json:
            yield from _pieces(json_lines(line[start:].strip(" \t"), output))
            return
        lines = text_lines(output)
        yield from _pieces(lines if wanted is None else wanted.keep(lines))


def _behind_do(line: str) -> int | None:
    """The column where the command behind `do` begins; None for a line that does not begin with `do` and a blank."""
    blanks = len(line) - len(line.lstrip(" \t"))
    word = line[blanks : blanks + 3]
    return blanks + 3 if word.lower() in {"do ", "do\t"} else None


def _pieces(lines: Iterable[str | None]) -> Iterator[str]:
    return ("" if line is None else f"{line}\n" for line in lines)
