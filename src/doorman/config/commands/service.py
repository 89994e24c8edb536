"""`ip nat service`: which ALGs are at work, and on which ports.

Every ALG is on at its well-known ports, as on IOS. A line adds a port, its `no` form takes one away, and an ALG with no
port left is off. `ip nat service profile rfc4787` starts from the other end: all off (RFC 4787, REQ-10).
"""

from collections.abc import Callable
from functools import partial

from doorman.algs.registry import DEFAULT_PORTS, REGISTRY, Service
from doorman.algs.settings import Setting
from doorman.config.command import Command
from doorman.config.commands.mode import MODE
from doorman.config.commands.settings import commands_of, start_from
from doorman.config.commands.words import IP_NAT, TRANSPORT
from doorman.config.model import Config, Failure, ServiceProfile, ports_at_first
from doorman.config.statics import Transport

ALGS = tuple(dict.fromkeys(service.alg for service in DEFAULT_PORTS))
"""The names of the ALGs, in the order of the registry."""

SETTINGS: dict[str, tuple[Setting, ...]] = {entry.name: (MODE, *entry.commands) for entry in REGISTRY}
"""The settings of each ALG that commands set, in the order in which they are written."""


def transports_of(alg: str) -> list[Transport]:
    """The transports an ALG has a switch for, in the order of the registry."""
    return [service.transport for service in DEFAULT_PORTS if service.alg == alg]


def _add_port(service: Service, config: Config, *, port: int) -> None:
    """Let the ALG work on a further port."""
    config.services[service] |= {port}


def _remove_port(service: Service, config: Config, *, port: int) -> None:
    """Keep the ALG off a port."""
    config.services[service] -= {port}


def _default_ports(alg: str, config: Config) -> None:
    """Let the ALG work on its well-known ports, and no others."""
    for transport in transports_of(alg):
        config.services[Service(alg, transport)] = DEFAULT_PORTS[Service(alg, transport)]


def _switch_off(alg: str, config: Config) -> None:
    """Switch the ALG off."""
    for transport in transports_of(alg):
        config.services[Service(alg, transport)] = frozenset()


def _default_port(service: Service, config: Config) -> None:
    """Let the ALG work on its well-known port of one transport, and no other: the form of IOS."""
    config.services[service] = DEFAULT_PORTS[service]


def _switch_off_one(service: Service, config: Config) -> None:
    """Keep the ALG off one transport."""
    config.services[service] = frozenset()


def _fail(alg: str, config: Config, *, failure: Failure) -> None:
    """Let signalling pass without the ALG, or not at all, while the gateway is gone or too slow; live only."""
    config.failures[alg] = failure


def _fail_by_default(alg: str, config: Config, *, failure: Failure) -> None:
    """Go back to the default, fail-open."""
    if config.failures.get(alg) == failure:
        del config.failures[alg]


def _start_from(config: Config, *, profile: ServiceProfile) -> None:
    """Switch every ALG off, for the lines that follow to switch on those wanted (`rfc4787`), or limit as IOS does."""
    _begin(config, profile)


def _no_profile(config: Config, *, profile: ServiceProfile) -> None:
    """Go back to every ALG on its well-known ports and with its own limits."""
    if config.profile == profile:
        _begin(config, None)


def _begin(config: Config, profile: ServiceProfile | None) -> None:
    start_from(config, profile)
    config.profile = profile
    config.services = ports_at_first(profile)


def _about(whom: str | Service, function: Callable[..., None]) -> Callable[..., None]:
    """The function with its ALG or service filled in and its description kept."""
    bound = partial(function, whom)
    bound.__doc__ = function.__doc__
    return bound


_HELP = IP_NAT | {"service": "Special translation for application using non-standard port"}


def _commands_of(alg: str) -> tuple[Command, ...]:
    texts = (
        _HELP
        | TRANSPORT
        | {alg: f"{alg.upper()} protocol", "port": "Special port", "PORT": f"Port number of the {alg.upper()} messages"}
    )
    services = [Service(alg, transport) for transport in transports_of(alg)]
    return (
        Command(f"ip nat service {alg}", texts, _about(alg, _default_ports), _about(alg, _switch_off)),
        *(
            Command(
                f"ip nat service {alg} {service.transport} port PORT:1-65535",
                texts,
                _about(service, _add_port),
                _about(service, _remove_port),
            )
            for service in services
        ),
        *(
            Command(
                f"ip nat service alg {service.transport} {alg}",
                texts | {"alg": "ALGs by the transport that carries their protocol"},
                _about(service, _default_port),
                _about(service, _switch_off_one),
            )
            for service in services
        ),
        *commands_of(alg, SETTINGS.get(alg, ()), texts),
        Command(
            f"ip nat service {alg} FAILURE:fail-open|fail-closed",
            texts
            | {
                "fail-open": "Signalling passes with plain NAT while it cannot be inspected",
                "fail-closed": "Signalling is dropped while it cannot be inspected",
            },
            _about(alg, _fail),
            _about(alg, _fail_by_default),
        ),
    )


COMMANDS = (
    Command(
        "ip nat service profile PROFILE:rfc4787|ios",
        _HELP
        | {
            "profile": "Where the switches of all ALGs start from",
            "rfc4787": "All off, as RFC 4787 REQ-10 asks",
            "ios": "All on, with the limits of IOS",
        },
        _start_from,
        _no_profile,
    ),
    *(command for alg in ALGS for command in _commands_of(alg)),
)
