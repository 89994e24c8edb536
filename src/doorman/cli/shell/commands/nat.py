"""`show ip nat …`: the tables and the counters of the NAT."""

from typing import Literal

from doorman.cli.shell.commands.words import IP_NAT, SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.doors import live_doors
from doorman.cli.show.statistics import show_statistics
from doorman.cli.show.translations import live_translations, verbose_translations
from doorman.config.command import Command


def _translations(terminal: Terminal, *, verbose: Literal["verbose"] | None = None) -> Output:
    """Show all translations, the gateway's own and the kernel's; with `verbose` also age, use and counters."""
    shown = terminal.gateway.translations(verbose=verbose is not None)
    return Output(shown, verbose_translations if verbose else live_translations)


def _statistics(terminal: Terminal) -> Output:
    """Show how many translations, doors and packets there are and were, and what was dropped."""
    return Output(terminal.gateway.statistics(), show_statistics)


def _doors(terminal: Terminal) -> Output:
    """Show the flows that were announced and have not come yet."""
    return Output(terminal.gateway.doors(), live_doors)


_HELP = (
    SHOW
    | IP_NAT
    | {
        "translations": "Translation entries",
        "verbose": "Show extra information",
        "statistics": "Translation statistics",
        "doors": "Doors: announced flows that may come in",
    }
)

COMMANDS = (
    Command("show ip nat translations [VERBOSE:verbose]", _HELP, _translations),
    Command("show ip nat statistics", _HELP, _statistics),
    Command("show ip nat doors", _HELP, _doors),
)
