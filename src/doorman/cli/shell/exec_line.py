"""A line of an EXEC mode: a command of its tree and, behind the bar of a `show` command, a filter of another tree.

Lines are read from a column on (behind `do`, say), with blanks in place of what stands before it: so the columns of
errors are those of the line as it was typed.
"""

from typing import NamedTuple

from doorman.cli.shell.filters import BAR, FILTERS, Filter
from doorman.config.command import CommandError, Refused, RefusedError
from doorman.config.tree import END_OF_LINE, CommandTree, Completion, Parsed


class ExecLine(NamedTuple):
    """A line understood: its command and its filter, if it has one."""

    parsed: Parsed
    filter: Filter | None


def read_exec_line(tree: CommandTree, line: str, start: int = 0) -> ExecLine:
    """Read a line from a column on.

    Raises:
        CommandError: it is no command, or its filter is none.
    """
    command, behind = _parts(tree, line, start)
    parsed = tree.parse(command)
    if not behind:
        return ExecLine(parsed, None)
    made = carry_out(FILTERS.parse(behind), behind)
    if not isinstance(made, Filter):
        raise TypeError(f"no filter comes of: {behind}")
    return ExecLine(parsed, made)


def exec_completions(tree: CommandTree, line: str, start: int = 0) -> list[Completion]:
    """What may come next after a line typed so far, see `CommandTree.completions`.

    Raises:
        CommandError: the words before are not understood.
    """
    command, behind = _parts(tree, line, start)
    if behind:
        return FILTERS.completions(behind)
    found = tree.completions(command)
    if found and found[-1].word == END_OF_LINE and _is_show(tree, command):
        found.insert(-1, Completion(BAR, "Output modifiers"))
    return found


def carry_out(parsed: Parsed, line: str, *about: object) -> object:
    """Call the function of a command.

    Raises:
        RefusedError: what the function refused, with the column of the word to blame.
    """
    function = parsed.command.undo if parsed.negated else parsed.command.run
    if function is None:
        raise RuntimeError(f"a command without a function: {parsed.command.grammar}")
    try:
        return function(*about, **parsed.arguments)
    except Refused as refusal:
        first = len(line) - len(line.lstrip(" \t"))
        raise RefusedError(refusal.message, parsed.columns.get(refusal.parameter, first)) from None


def _parts(tree: CommandTree, line: str, start: int) -> tuple[str, str]:
    """The command, and what stands behind the bar of a `show` command ("" without one), each at its columns."""
    whole = " " * start + line[start:]
    command, bar, rest = whole.partition(BAR)
    if not bar or not _is_show(tree, command):
        return whole, ""
    return command, " " * (len(command) + 1) + rest


def _is_show(tree: CommandTree, line: str) -> bool:
    """Whether a line is a whole command that shows something."""
    try:
        return tree.parse(line).command.grammar.startswith("show ")
    except CommandError:
        return False
