"""`vrf definition NAME`, `ip vrf NAME`, which interfaces are in it, and the words by which NAT rules name one."""

import re
from collections.abc import Iterator
from dataclasses import replace

from doorman.config.command import Command, Refused
from doorman.config.commands.interface import overlapping
from doorman.config.model import Config
from doorman.config.vrf import GLOBAL, NAME_CHARACTERS, Family, Vrf
from doorman.net.addresses import address_text

OF_VRF = "vrf VRF:word [MATCH:match-in-vrf]"
"""Whose inside hosts a NAT rule is about."""
OF_VRF_HELP = {
    "vrf": "Specify vrf",
    "VRF": "VPN routing/forwarding instance name",
    "match-in-vrf": "The outside is in the same VRF",
}


def require_vrf(config: Config, name: str | None, parameter: str = "vrf") -> None:
    """See that there is a VRF of this name, where one is named.

    Raises:
        Refused: there is none.
    """
    if name is not None and name not in config.vrfs:
        raise Refused(f"% VRF {name} does not exist", parameter)


def _define(config: Config, *, name: str) -> str:
    """Define a VRF, whose inside addresses may be those of another as well; the lines that follow are about it."""
    return _enter(config, name, by_ip=False)


def _define_by_ip(config: Config, *, name: str) -> str:
    """The same in the old manner, for IPv4 alone."""
    return _enter(config, name, by_ip=True)


def _enter(config: Config, name: str, *, by_ip: bool) -> str:
    if name == "forwarding":  # of an interface, and unfinished
        raise Refused("% Incomplete command.")
    if name == GLOBAL:
        raise Refused(f"% VRF name {GLOBAL} is that of the hosts in no VRF", "name")
    if not re.fullmatch(NAME_CHARACTERS, name):
        raise Refused("% A VRF's name has up to 32 letters, digits and - or _", "name")
    known = config.vrfs.setdefault(name, Vrf(name, by_ip))
    if known.by_ip != by_ip:
        used = "ip vrf" if known.by_ip else "vrf definition"
        raise Refused(f"% VRF {name} is defined by `{used}` already", "name")
    return name


def _remove(config: Config, *, name: str) -> None:
    """Forget the VRF, which no interface and no rule may use any more."""
    require_vrf(config, name, "name")
    for use in _uses(config, name):
        raise Refused(f"% VRF {name} in use by {use}, cannot delete", "name")
    del config.vrfs[name]


def _uses(config: Config, name: str) -> Iterator[str]:
    yield from (f"interface {one.name}" for one in config.interfaces.values() if one.vrf == name)
    inside = *config.dynamic_sources, *config.statics
    if any(
        rule.vrf == name for rule in (*inside, *config.destinations, *config.outside_sources, *config.outside_statics)
    ):
        yield "a NAT rule"
    if name in dict(config.max_entries.vrfs):
        yield "a limit of NAT entries"


def _distinguisher(config: Config, name: str, *, value: str) -> None:
    """Note the route distinguisher: it is for routing protocols, and has no effect here."""
    config.vrfs[name] = replace(config.vrfs[name], distinguisher=value)


def _no_distinguisher(config: Config, name: str) -> None:
    """Remove it."""
    config.vrfs[name] = replace(config.vrfs[name], distinguisher="")


def _description(config: Config, name: str, *, text: str) -> None:
    """Say in words what the VRF is for."""
    config.vrfs[name] = replace(config.vrfs[name], description=text)


def _no_description(config: Config, name: str) -> None:
    """Remove the description."""
    config.vrfs[name] = replace(config.vrfs[name], description="")


def _family(config: Config, name: str, *, family: Family) -> str:
    """Use the VRF for an address family; what is said of it there has no effect here."""
    known = config.vrfs[name]
    if known.by_ip:
        raise Refused("% `ip vrf` is of IPv4 alone: use `vrf definition`", "family")
    config.vrfs[name] = replace(known, families=tuple(sorted({*known.families, family})))
    return name


def _no_family(config: Config, name: str, *, family: Family) -> None:
    """Use it for that no more."""
    known = config.vrfs[name]
    config.vrfs[name] = replace(known, families=tuple(one for one in known.families if one != family))


def _forward(config: Config, interface: str, *, vrf: str) -> None:
    """Put the interface in a VRF; its addresses stay."""
    require_vrf(config, vrf)
    _move(config, interface, vrf)


def _no_forward(config: Config, interface: str) -> None:
    """Take the interface out of its VRF."""
    _move(config, interface, None)


def _move(config: Config, interface: str, vrf: str | None) -> None:
    moved = config.interfaces[interface]
    for address, length in moved.addresses:
        for other, _ in overlapping(config, vrf, address, length):
            if other.name != interface:
                raise Refused(f"% {address_text(address)} overlaps with {other.name}", "vrf")
    config.interfaces[interface] = replace(moved, vrf=vrf)


def _leave_family(config: Config, name: str) -> None:
    """Go back to what is said of the VRF as a whole."""


_NAME = {"NAME": "VPN routing/forwarding instance name"}
_FORWARDING = {"vrf": "VPN routing/forwarding parameters on the interface", "forwarding": "Configure forwarding table"}
_VRF = {"VRF": OF_VRF_HELP["VRF"]}

COMMANDS = (
    Command(
        "vrf definition NAME:word",
        {"vrf": "VRF commands", "definition": "VRF definition"} | _NAME,
        _define,
        _remove,
        enters="vrf",
    ),
    Command(
        "ip vrf NAME:word",
        {"ip": "Global IP configuration subcommands", "vrf": "Configure an IP VPN routing/forwarding instance"} | _NAME,
        _define_by_ip,
        _remove,
        enters="vrf",
    ),
)

VRF_COMMANDS = (
    Command(
        "rd ~ VALUE:word",
        {"rd": "Specify route distinguisher", "VALUE": "VPN route distinguisher, such as 65000:1"},
        _distinguisher,
        _no_distinguisher,
    ),
    Command(
        "description ~ TEXT:line",
        {"description": "VRF specific description", "TEXT": "Up to the end of the line"},
        _description,
        _no_description,
    ),
    Command(
        "address-family FAMILY:ipv4|ipv6",
        {"address-family": "Enter address family command mode", "ipv4": "Address family", "ipv6": "Address family"},
        _family,
        _no_family,
        enters="vrf-family",
    ),
)

FAMILY_COMMANDS = (
    Command("exit-address-family", {"exit-address-family": "Exit from VRF address-family mode"}, _leave_family),
)

INTERFACE_COMMANDS = (
    Command("vrf forwarding ~ VRF:word", _FORWARDING | _VRF, _forward, _no_forward),
    Command(
        "ip vrf forwarding ~ VRF:word",
        {"ip": "Interface Internet Protocol config commands"} | _FORWARDING | _VRF,
        _forward,
        _no_forward,
    ),
)
