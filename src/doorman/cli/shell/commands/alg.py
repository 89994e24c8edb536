"""`show alg …`: what the ALGs know and have seen. Every ALG has its statistics here; SIP has calls, others sessions."""

from collections.abc import Callable, Iterator
from functools import partial

from doorman.algs.registry import ENTRIES, REGISTRY, Entry
from doorman.cli.shell.commands.vrf import OF_VRF, OF_VRF_HELP, of_vrf
from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.alg_statistics import show_alg_statistics, show_qfp_statistics
from doorman.cli.show.call import show_call
from doorman.cli.show.calls import live_calls
from doorman.cli.show.netbios_statistics import SERVICES, show_netbios_statistics
from doorman.cli.show.registrations import live_registrations
from doorman.cli.show.sessions import live_sessions
from doorman.config.command import Command


def _calls(terminal: Terminal, *, vrf: str | None = None) -> Output:
    """Show the calls that the SIP ALG follows, with their media."""
    return Output(of_vrf(terminal, terminal.gateway.calls(), vrf), live_calls)


def _call(terminal: Terminal, *, call_id: str) -> Output:
    """Show one call: the ladder of its messages, its dialogs, media and doors, how long it lasted and why it ended."""
    return Output(terminal.gateway.call_details(call_id), show_call)


def _registrations(terminal: Terminal, *, vrf: str | None = None) -> Output:
    """Show the registrations of inside phones that went through the gateway."""
    return Output(of_vrf(terminal, terminal.gateway.registrations(), vrf), live_registrations)


def _statistics(alg: str, terminal: Terminal) -> Output:
    """Show how many messages of each kind the ALG has seen, and what it dropped or noted."""
    return Output(terminal.gateway.alg_statistics(alg), show_alg_statistics)


def _sessions(alg: str, terminal: Terminal, *, vrf: str | None = None) -> Output:
    """Show the sessions that the ALG follows, and what was announced in each last."""
    return Output(of_vrf(terminal, terminal.gateway.sessions(alg), vrf), partial(live_sessions, ENTRIES[alg].sessions))


def _qfp_statistics(terminal: Terminal) -> Output:
    """Show the same counters in the form of IOS-XE."""
    return Output(terminal.gateway.alg_statistics("sip"), show_qfp_statistics)


def _netbios_statistics(terminal: Terminal) -> Output:
    """Show the counters of the NetBIOS services in the form of IOS-XE."""
    found = {service.alg: terminal.gateway.alg_statistics(service.alg) for service in SERVICES}
    return Output(found, show_netbios_statistics)


_HELP = (
    SHOW
    | OF_VRF_HELP
    | {
        "alg": "Application-level gateways",
        **{entry.name: f"{entry.name.upper()} protocol" for entry in REGISTRY},
        "call": "One call with its messages",
        "CALL-ID": "Call-ID, or as much of it as tells it from others",
        "calls": "Calls with their media",
        "registrations": "Registrations of inside phones",
        "sessions": "Sessions that it follows",
        "statistics": "Messages, drops and notes",
    }
)


def _about(alg: str, function: Callable[..., Output]) -> Callable[..., Output]:
    bound = partial(function, alg)
    bound.__doc__ = function.__doc__
    return bound


def _commands_of(entry: Entry) -> Iterator[Command]:
    if entry.sessions:
        yield Command(f"show alg {entry.name} sessions {OF_VRF}", _HELP, _about(entry.name, _sessions))
    yield Command(f"show alg {entry.name} statistics", _HELP, _about(entry.name, _statistics))


_QFP = "show platform hardware qfp active feature alg statistics"
_QFP_HELP = _HELP | {
    "platform": "Platform information, as IOS-XE has it",
    "hardware": "Hardware",
    "qfp": "Packet processor",
    "active": "The active one",
    "feature": "Feature",
    "netbios": "NetBIOS, all three services",
}

COMMANDS = (
    Command("show alg sip call CALL-ID:text", _HELP, _call),
    Command(f"show alg sip calls {OF_VRF}", _HELP, _calls),
    Command(f"show alg sip registrations {OF_VRF}", _HELP, _registrations),
    *(command for entry in REGISTRY for command in _commands_of(entry)),
    Command(f"{_QFP} sip", _QFP_HELP, _qfp_statistics),
    Command(f"{_QFP} netbios", _QFP_HELP, _netbios_statistics),
)
