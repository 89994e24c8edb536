#!/usr/bin/env python3
"""Write the references of commands from the command trees: docs/commands.md, and the end of docs/shell.md."""

from collections.abc import Iterator
from pathlib import Path

from doorman.cli.shell.filters import COMMANDS as FILTERS
from doorman.cli.shell.modes import PRIVILEGED, USER, ExecMode
from doorman.config.command import Command
from doorman.config.grammar import Element, Group, Keyword, Variable, parse_grammar, usage
from doorman.config.kinds import kind_of
from doorman.config.modes import CONFIGURE, END, EXIT, SUBMODES, Mode

DOCS = Path(__file__).resolve().parent.parent / "docs"
TARGET = DOCS / "commands.md"
SHELL = DOCS / "shell.md"
MARK = "<!-- From here on made by tools/command_table.py -->\n"

_OPENING = """\
# Commands of the configuration

Made from the command tree by `tools/command_table.py`; a test sees that it is up to date.

Keywords may be abbreviated while they stay unique (`ip nat ins so li 1 int out0 over`). A line that begins with `!` is
a comment. `no` before a command takes it back; what stands in the second column is all it needs, what follows in the
full command may be typed and is not looked at. `exit` leaves a mode, as does any command of the mode around it; `end`
ends the file.

The configuration of a router can be used as it is: commands of features that are not here are passed over with a
warning each, together with the section that belongs to them (lines that stand deeper; the text of a banner). `--strict`
of `doorman check`, `replay` and `run` makes errors of them. A mistake in a command that begins like one of these is an
error in any case.
"""


def reference() -> str:
    """The whole document."""
    sections = [_section(mode) for mode in (CONFIGURE, *SUBMODES.values())]
    return "\n".join([_OPENING, *sections])


def shell_page(text: str) -> str:
    """The page about the shell: what is written by hand, up to the mark, then the tables."""
    everywhere = [command for command in USER.commands if command in PRIVILEGED.commands]
    privileged = [command for command in PRIVILEGED.commands if command not in everywhere]
    sections = [
        _section(ExecMode(f"{USER.name} and {PRIVILEGED.name}", f"{USER.prompt} {PRIVILEGED.prompt}", *everywhere)),
        _section(ExecMode(f"{PRIVILEGED.name} only", PRIVILEGED.prompt, *privileged)),
        _section(ExecMode("of filters, behind a show command and", "|", *FILTERS)),
    ]
    return "\n".join([text.partition(MARK)[0] + MARK, *sections])


def _section(mode: Mode | ExecMode) -> str:
    commands = [command for command in mode.commands if command not in (EXIT, END)]
    rows = [f"| {_code(_full(command))} | {_code(_negated(command))} | {_effect(command)} |" for command in commands]
    meanings = [f"| `{name}` | {shown} | {text} |" for name, shown, text in _variables(commands)]
    return "\n".join(
        [
            f"## Mode {mode.name} `{mode.prompt}`\n",
            "| command | `no` form | effect |",
            "| --- | --- | --- |",
            *rows,
            "",
            "| variable | values | meaning |",
            "| --- | --- | --- |",
            *meanings,
            "",
        ]
    )


def _full(command: Command) -> str:
    grammar = parse_grammar(command.grammar)
    return usage(grammar.head + grammar.tail) if command.run is not None else ""


def _negated(command: Command) -> str:
    return f"no {usage(parse_grammar(command.grammar).head)}" if command.undo is not None else ""


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def _effect(command: Command) -> str:
    """The first sentences of what the functions say of themselves."""
    done = (command.run.__doc__ or "").splitlines()[0] if command.run is not None else ""
    undone = (command.undo.__doc__ or "").splitlines()[0] if command.undo is not None else ""
    return f"{done} *no:* {undone}".strip() if undone else done


def _variables(commands: list[Command]) -> list[tuple[str, str, str]]:
    """Each meaning once: the variables that have it, what they accept, and their help text."""
    names: dict[tuple[str, str], list[str]] = {}
    for name, shown, text in sorted({row for command in commands for row in _variables_of(command)}):
        names.setdefault((shown, text), []).append(name)
    return [("`, `".join(alike), shown, text) for (shown, text), alike in names.items()]


def _variables_of(command: Command) -> Iterator[tuple[str, str, str]]:
    grammar = parse_grammar(command.grammar)
    waiting: list[Element] = [*grammar.head, *grammar.tail]
    while waiting:
        element = waiting.pop(0)
        match element:
            case Variable(name, kind):
                yield name, " ".join(f"`{shown}`" for shown in kind_of(kind).shown), command.help[name]
            case Group(alternatives):
                waiting.extend(inner for alternative in alternatives for inner in alternative)
            case Keyword():
                pass


def main() -> None:
    """Write the documents."""
    DOCS.mkdir(exist_ok=True)
    TARGET.write_text(reference(), encoding="utf-8")
    SHELL.write_text(shell_page(SHELL.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
