"""The configuration as a whole: shown, saved, read again."""

from pathlib import Path

from doorman.cli.check import UnreadableError, read_text
from doorman.cli.gateway import NotApplied
from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.config.command import Command, Refused
from doorman.config.in_force import in_force
from doorman.config.render import render


def _running(terminal: Terminal) -> Output:
    """Show the configuration that is at work, as a file that can be read again."""
    return _shown("Current", render(terminal.gateway.config))


def _startup(terminal: Terminal) -> Output:
    """Show the file that the gateway reads when it starts."""
    return _shown("Startup", _read(terminal.gateway.config_path))


def _shown(which: str, text: str) -> Output:
    """A configuration with a comment before it that tells its size in bytes."""
    title = f"! {which} configuration : {len(text.encode())} bytes"
    return Output({"lines": text.splitlines()}, lambda found: iter([title, *found["lines"]]))


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise Refused(f"% {path}: {error.strerror}") from None
    except UnreadableError as error:
        raise Refused(f"% {path}: {error}") from None


def _write(terminal: Terminal) -> list[str]:
    """Save the running configuration, for the next start."""
    waiting = in_force(terminal.gateway.config)[1]
    if waiting:
        raise Refused("\n".join([*waiting, "% Not saved: a file with this error could not be read"]))
    try:
        path = terminal.gateway.write_memory()
    except NotApplied as refused:
        raise Refused(f"% {refused}") from None
    return [f"Building configuration to {path}", "[OK]"]


def _reload(terminal: Terminal) -> list[str]:
    """Read the configuration file again and apply what differs; calls go on (on IOS, this restarts the router)."""
    try:
        warnings = terminal.gateway.reload()
    except NotApplied as refused:
        raise Refused(f"{refused}\n% Not reloaded: the running configuration stays") from None
    return [*warnings, f"Configuration read from {terminal.gateway.config_path}"]


_WRITE = {"write": "Write running configuration to memory", "memory": "Write to the configuration file"}
_CONFIGURATION = SHOW | {
    "running-config": "Current operating configuration",
    "startup-config": "Contents of startup configuration",
}

COMMANDS = (
    Command("show running-config", _CONFIGURATION, _running),
    Command("show startup-config", _CONFIGURATION, _startup),
    Command("write [memory]", _WRITE, _write),
    Command(
        "copy running-config startup-config",
        _CONFIGURATION | {"copy": "Copy from one file to another"},
        _write,
    ),
    Command("reload", {"reload": "Read the configuration file again"}, _reload),
)
