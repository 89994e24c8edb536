"""`ip nat service ALG mode …`: how much an ALG does, everywhere or for the hosts of one interface."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from doorman.algs.registry import REGISTRY
from doorman.algs.settings import Mode, Setting
from doorman.config.command import Command
from doorman.config.model import Config

_CHOICE = "MODE:full|pinhole-only|observe|off"
_HELP = {
    "mode": "How much the ALG does",
    "full": "It translates messages and opens doors",
    "pinhole-only": "It opens doors, and changes no message",
    "observe": "It changes nothing and opens nothing, and tells what it would have done",
    "off": "Messages are not looked into",
}

MODE = Setting(
    "mode",
    "mode",
    _CHOICE,
    "Let the ALG translate and open doors, open doors only, only tell what it would do, or do nothing; "
    "`full` by default.",
    _HELP,
)


def _set(alg: str, config: Config, interface: str, *, mode: Mode) -> None:
    """Let the ALG do so much for the hosts of this interface's network, whatever it does elsewhere."""
    changed = config.interfaces[interface]
    modes = dict(changed.modes) | {alg: mode}
    config.interfaces[interface] = replace(changed, modes=tuple(sorted(modes.items())))


def _reset(alg: str, config: Config, interface: str) -> None:
    """Let the ALG do for them what it does for all."""
    changed = config.interfaces[interface]
    config.interfaces[interface] = replace(changed, modes=tuple(mode for mode in changed.modes if mode[0] != alg))


def _about(alg: str, function: Callable[..., None]) -> Callable[..., None]:
    bound = partial(function, alg)
    bound.__doc__ = function.__doc__
    return bound


INTERFACE_COMMANDS = tuple(
    Command(
        f"ip nat service {entry.name} mode ~ {_CHOICE}",
        _HELP
        | {
            "ip": "Interface Internet Protocol config commands",
            "nat": "NAT interface commands",
            "service": "Application-level gateways for the hosts of this interface",
            entry.name: f"{entry.name.upper()} protocol",
        },
        _about(entry.name, _set),
        _about(entry.name, _reset),
    )
    for entry in REGISTRY
)
