"""The session itself: its modes, its end, and its terminal."""

from doorman.cli.shell.configuring import Configuring
from doorman.cli.shell.terminal import Terminal
from doorman.config.command import Command


def _enable(terminal: Terminal) -> None:
    """Turn on privileged commands; who may open the socket may do so."""
    terminal.privileged = True


def _disable(terminal: Terminal) -> None:
    """Turn off privileged commands."""
    terminal.privileged = False


def _configure(terminal: Terminal) -> list[str]:
    """Enter configuration mode, where each line takes effect at once."""
    terminal.configuring = Configuring(terminal.gateway)
    return ["Enter configuration commands, one per line.  End with CNTL/Z."]


def _exit(terminal: Terminal) -> None:
    """End the session, and its debugging."""
    terminal.leave()


def _set_size(terminal: Terminal, *, lines: int | None = None, columns: int | None = None) -> None:
    """Accepted for the sake of scripts: output is never paged or cut."""


def _monitor(terminal: Terminal) -> None:
    """Show the gateway's log in this session, as it is written: drops that are logged, alerts, the audit trail."""
    terminal.monitor(on=True)


def _no_monitor(terminal: Terminal) -> None:
    """Show it no more."""
    terminal.monitor(on=False)


_ENABLE = {"enable": "Turn on privileged commands"}
_TERMINAL = {
    "terminal": "Set terminal line parameters",
    "length": "Set number of lines on a screen",
    "monitor": "Copy the log to this session",
    "no": "Negate a command or set its defaults",
    "LINES": "Number of lines on screen (0 for no pausing)",
    "width": "Set width of the display terminal",
    "COLUMNS": "Number of characters on a screen line",
}

COMMANDS = (
    Command("enable", _ENABLE, _enable),
    Command("exit", {"exit": "Exit from the EXEC"}, _exit),
    Command("logout", {"logout": "Exit from the EXEC"}, _exit),
    Command("quit", {"quit": "Exit from the EXEC"}, _exit),
    Command("terminal length LINES:0-512", _TERMINAL, _set_size),
    Command("terminal width COLUMNS:0-512", _TERMINAL, _set_size),
)

PRIVILEGED_COMMANDS = (
    Command("terminal monitor", _TERMINAL, _monitor, _no_monitor),
    Command("terminal no monitor", _TERMINAL, _no_monitor),
    Command("disable", {"disable": "Turn off privileged commands"}, _disable),
    Command(
        "configure terminal",
        {"configure": "Enter configuration mode", "terminal": "Configure from the terminal"},
        _configure,
    ),
)
