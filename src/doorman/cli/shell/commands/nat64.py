"""`show nat64 …` and `clear nat64 statistics`: hosts that have IPv6 only."""

from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.nat64 import show_nat64_statistics, show_nat64_translations
from doorman.config.command import Command


def _translations(terminal: Terminal) -> Output:
    """Show the translations of IPv6 hosts, by the addresses of both families."""
    return Output(terminal.gateway.nat64_translations(), show_nat64_translations)


def _statistics(terminal: Terminal) -> Output:
    """Show how many IPv6 hosts there are, what packets of theirs were translated, and what was dropped."""
    return Output(terminal.gateway.nat64_statistics(), show_nat64_statistics)


def _clear(terminal: Terminal) -> None:
    """Count the packets of IPv6 hosts anew."""
    terminal.gateway.clear_nat64_statistics()


_HELP = {"nat64": "NAT64 information", "translations": "Translation entries", "statistics": "NAT64 statistics"}

SHOW_COMMANDS = (
    Command("show nat64 translations", SHOW | _HELP, _translations),
    Command("show nat64 statistics", SHOW | _HELP, _statistics),
)

COMMANDS = (Command("clear nat64 statistics", {"clear": "Reset functions"} | _HELP, _clear),)
