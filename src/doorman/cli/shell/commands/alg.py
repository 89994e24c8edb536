"""`show alg …`: what the ALGs know and have seen."""

from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.calls import live_calls
from doorman.cli.show.registrations import live_registrations
from doorman.cli.show.statistics import show_alg_statistics
from doorman.config.command import Command


def _calls(terminal: Terminal) -> Output:
    """Show the calls that the SIP ALG follows, with their media."""
    return Output(terminal.gateway.calls(), live_calls)


def _registrations(terminal: Terminal) -> Output:
    """Show the registrations of inside phones that went through the gateway."""
    return Output(terminal.gateway.registrations(), live_registrations)


def _statistics(terminal: Terminal) -> Output:
    """Show how many messages of each kind the SIP ALG has seen, and what it dropped or noted."""
    return Output(terminal.gateway.alg_statistics("sip"), show_alg_statistics)


_HELP = SHOW | {
    "alg": "Application-level gateways",
    "sip": "SIP protocol",
    "calls": "Calls with their media",
    "registrations": "Registrations of inside phones",
    "statistics": "Messages, drops and notes",
}

COMMANDS = (
    Command("show alg sip calls", _HELP, _calls),
    Command("show alg sip registrations", _HELP, _registrations),
    Command("show alg sip statistics", _HELP, _statistics),
)
