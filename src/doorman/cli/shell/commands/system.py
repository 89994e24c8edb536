"""`show version`, `show debugging`: the gateway itself."""

from collections.abc import Iterator

from doorman.cli.shell.commands.debug import debugging_lines
from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.durations import uptime
from doorman.config.command import Command
from doorman.dataplanes.report import Json


def _version(terminal: Terminal) -> Output:
    """Show which program this is, for how long it has been running, and which file configured it."""
    gateway = terminal.gateway
    return Output(
        {
            "version": gateway.version,
            "hostname": gateway.config.hostname,
            "uptime": gateway.uptime,
            "configuration": str(gateway.config_path),
        },
        _version_lines,
    )


def _version_lines(found: Json) -> Iterator[str]:
    yield f"Doorman, application-level gateways for NAT and firewalls, version {found['version']}"
    yield f"{found['hostname']} uptime is {uptime(found['uptime'])}"
    yield f"Configuration file is {found['configuration']}"


def _debugging(terminal: Terminal) -> Output:
    """Show what is being debugged in this session."""
    return Output(
        {"debugging": [topic.key for topic in terminal.debugging]}, lambda _: debugging_lines(terminal.debugging)
    )


_HELP = SHOW | {"version": "System status and version", "debugging": "State of each debugging option"}

COMMANDS = (
    Command("show version", _HELP, _version),
    Command("show debugging", _HELP, _debugging),
)
