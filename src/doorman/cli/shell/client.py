"""`doorman shell`: an operator's terminal at a running gateway, or a script's.

With `-c`, or with a script on standard input, nothing is echoed and the session is privileged from the start. The first
line that fails ends it with exit code 1, since those behind it may rest on it; it is shown on standard error. Lines
before it have taken effect.
"""

import argparse
import os
import select
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from doorman.cli.places import DEFAULT_SOCKET
from doorman.cli.shell.connection import CannotConnect, Connection, Reply
from doorman.config.errors import printable

GOOD, FAILED, NO_GATEWAY = 0, 1, 2
"""Exit codes: all was carried out; a command was wrong or refused; there is no gateway to talk to."""

_AT_ONCE = 65_536


def add_shell_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line of `doorman shell` may hold."""
    parser.description = (
        "Talk to a running gateway. Exit code 0; 1 if a command of -c or of a script is wrong or refused, which ends "
        "the script; 2 if there is no gateway to talk to."
    )
    parser.add_argument(
        "--socket", metavar="PATH", type=Path, default=DEFAULT_SOCKET, help=f"the gateway's (default {DEFAULT_SOCKET})"
    )
    parser.add_argument(
        "-c", dest="commands", metavar="COMMAND", action="append", default=[], help="carry this out (repeatable)"
    )
    parser.add_argument("--json", action="store_true", help="show everything as JSON, an object for each command")


def run_shell(options: argparse.Namespace) -> int:
    """Run a session.

    Returns:
        The exit code.
    """
    try:
        if not options.commands and sys.stdin.isatty():
            from doorman.cli.shell.interactive import run_interactive  # noqa: PLC0415 - scripts need no line editor

            return run_interactive(options.socket, as_json=options.json)
        connection = Connection(options.socket)
        try:
            lines = _given(options.commands) if options.commands else _script(connection)
            return _run(connection, lines, as_json=options.json)
        finally:
            connection.close()
    except CannotConnect as error:
        sys.stderr.write(f"doorman shell: {error}\n")
        return NO_GATEWAY


def _given(commands: list[str]) -> Iterator[str]:
    return (line for command in commands for line in command.splitlines())


def _script(connection: Connection) -> Iterator[str]:
    """The lines of standard input; while none comes, debug lines are shown."""
    source = sys.stdin.fileno()
    rest = b""
    while True:
        for reply in connection.left_over():
            _show(reply)
        readable, _, _ = select.select([source, connection], [], [])
        if connection in readable:
            for reply in connection.received():
                _show(reply)
        if source in readable:
            data = os.read(source, _AT_ONCE)
            *lines, rest = (rest + data).split(b"\n")
            yield from (line.decode(errors="replace").removesuffix("\r") for line in lines)
            if not data:
                yield rest.decode(errors="replace")
                return


def _run(connection: Connection, lines: Iterable[str], *, as_json: bool) -> int:
    for _ in connection.ask({"execute": "enable"}):
        pass
    for line in lines:
        prompt = connection.prompt
        for reply in connection.ask({"execute": line, "json": as_json}):
            _show(reply)
            if reply.get("ok") is False:
                sys.stderr.write(f"{prompt} {printable(line)}\n{error_lines(reply, len(prompt) + 1)}")
                return FAILED
        if connection.ended:
            break
    return GOOD


def _show(reply: Reply) -> None:
    sys.stdout.write(shown(reply))
    sys.stdout.flush()


def shown(reply: Reply) -> str:
    """What a part of an answer shows."""
    if "text" in reply:
        return str(reply["text"])
    if "debug" in reply:
        return f"{reply['debug']}\n"
    if "lost" in reply:
        return f"% {reply['lost']} debug lines were lost here\n"
    return ""


def error_lines(reply: Reply, width: int) -> str:
    """What is wrong with a line that stands behind a prompt of some width, with a caret where it is about a word."""
    column = reply["column"]
    caret = "" if column is None else f"{' ' * (width + column)}^\n"
    return f"{caret}{reply['error']}\n"
