"""`show alg sip guard` and `clear alg sip guard`: whom the SIP ALG denies, and hearing them again."""

from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.guard import show_guard
from doorman.config.command import Command, Refused
from doorman.net.addresses import Address


def _show(terminal: Terminal) -> Output:
    """Show the sources whose INVITEs fail, and those that are denied for it."""
    return Output(terminal.gateway.guard(), show_guard)


def _clear(terminal: Terminal, *, address: Address | None = None) -> None:
    """Hear a source again, or all, and begin counting its failures anew."""
    if not terminal.gateway.clear_guard(address) and address is not None:
        raise Refused("% No such source", "address")


_HELP = {"alg": "Application-level gateways", "sip": "SIP protocol", "guard": "Sources whose INVITEs fail"}

SHOW_COMMANDS = (Command("show alg sip guard", SHOW | _HELP, _show),)

COMMANDS = (
    Command(
        "clear alg sip guard [ADDRESS:ipv4]",
        {"clear": "Reset functions", "ADDRESS": "IP address of the source"} | _HELP,
        _clear,
    ),
)
