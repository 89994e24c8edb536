"""`object-group network|service NAME`: hosts, or services, that lines of access lists use by a name."""

from dataclasses import replace
from typing import Any

from doorman.config.access_lists import ANY, Hosts
from doorman.config.command import Command, Refused
from doorman.config.commands.access_rule import HELP, MESSAGE, OTHERS, ports, service
from doorman.config.model import Config
from doorman.config.object_groups import GroupKind, Member, Nested, ObjectGroup, Range, holds, names_in
from doorman.config.validity import host_bits, prefix_length
from doorman.net.addresses import UNSPECIFIED_V4, Address, address_text


def require_group(config: Config, name: str, kind: str, parameter: str) -> None:
    """See that there is a group of this kind.

    Raises:
        Refused: there is none.
    """
    group = config.object_groups.get(name)
    if group is None or group.kind != kind:
        raise Refused(f"% Object-group {name} of type {kind} does not exist", parameter)


def _enter_network(config: Config, *, name: str) -> str:
    """Describe a group of hosts, made here if it is new; the lines that follow are its members."""
    return _enter(config, name, "network")


def _enter_service(config: Config, *, name: str) -> str:
    """Describe a group of services, made here if it is new; the lines that follow are its members."""
    return _enter(config, name, "service")


def _remove_network(config: Config, *, name: str) -> None:
    """Remove the group, which nothing may use any more."""
    _remove(config, name, "network")


def _remove_service(config: Config, *, name: str) -> None:
    """Remove the group, which nothing may use any more."""
    _remove(config, name, "service")


def _add_hosts(config: Config, name: str, **typed: Any) -> None:  # noqa: ANN401 - as typed
    """Add hosts to the group: one, a network with its mask, a range with both ends, or all of another group."""
    _add(config, name, _hosts(**typed))


def _take_hosts(config: Config, name: str, **typed: Any) -> None:  # noqa: ANN401 - as typed
    """Take them out of the group."""
    _take(config, name, _hosts(**typed))


def _add_service(config: Config, name: str, **typed: Any) -> None:  # noqa: ANN401 - as typed
    """Add a service to the group; `source` is about the ports that packets come from."""
    _add(config, name, service(**typed))


def _take_service(config: Config, name: str, **typed: Any) -> None:  # noqa: ANN401 - as typed
    """Take it out of the group."""
    _take(config, name, service(**typed))


def _add_group(config: Config, name: str, *, group: str) -> None:
    """Add all that another group of the kind holds, now and later."""
    require_group(config, group, config.object_groups[name].kind, "group")
    if holds(config.object_groups, group, name):
        raise Refused("% A group cannot hold itself", "group")
    _add(config, name, Nested(group))


def _take_group(config: Config, name: str, *, group: str) -> None:
    """Take the other group out."""
    _take(config, name, Nested(group))


def _describe(config: Config, name: str, *, text: str) -> None:
    """Say in words what the group is for."""
    config.object_groups[name] = replace(config.object_groups[name], description=text)


def _no_description(config: Config, name: str) -> None:
    """Remove the description."""
    config.object_groups[name] = replace(config.object_groups[name], description="")


def _enter(config: Config, name: str, kind: GroupKind) -> str:
    group = config.object_groups.setdefault(name, ObjectGroup(name, kind))
    if group.kind != kind:
        raise Refused(f"% Object-group {name} is of type {group.kind}", "name")
    return name


def _remove(config: Config, name: str, kind: GroupKind) -> None:
    require_group(config, name, kind, "name")
    users = [group.name for group in config.object_groups.values() if Nested(name) in group.members]
    users += [one.name for one in config.access_lists.values() if any(name in names_in(entry) for entry in one.entries)]
    if users:
        raise Refused(f"% Object-group {name} is in use by {users[0]}", "name")
    del config.object_groups[name]


def _add(config: Config, name: str, member: Member) -> None:
    group = config.object_groups[name]
    config.object_groups[name] = replace(group, members=group.members.with_one(member))


def _take(config: Config, name: str, member: Member) -> None:
    group = config.object_groups[name]
    if member not in group.members:
        raise Refused(f"% Object-group {name} has no such member")
    config.object_groups[name] = replace(group, members=group.members.without(group.members.index(member)))


def _hosts(
    address: Address | None = None,
    mask: Address | None = None,
    first: Address = UNSPECIFIED_V4,
    last: Address | None = None,
) -> Hosts | Range:
    if last is not None:
        if first > last:
            raise Refused(f"% Bad range, {address_text(last)} is before {address_text(first)}", "last")
        return Range(first, last)
    if address is None:
        return ANY
    if mask is None:
        return Hosts(address, UNSPECIFIED_V4)
    if host_bits(address, prefix_length(mask, "mask")):
        raise Refused(f"% Bad mask for address {address_text(address)}", "mask")
    return Hosts(address, Address(bytes(0xFF ^ byte for byte in mask)))


_GROUP = {
    "object-group": "Configure Object Group",
    "network": "network group",
    "service": "service group",
    "NAME": "Object group name",
}
_MEMBER = HELP | {
    "any": "Any address",
    "host": "Host address of the object-group member",
    "range": "Match only packets in the range",
    "FIRST": "First address of the range",
    "LAST": "Last address of the range",
    "ADDRESS": "Address of the member",
    "MASK": "Network mask",
    "group-object": "Nested object group",
    "GROUP": "Object group name",
    "description": "Object group description",
    "TEXT": "Up to the end of the line",
    "source": "Source port",
    "tcp-udp": "TCP or UDP",
}

COMMANDS = (
    Command("object-group network NAME:word", _GROUP, _enter_network, _remove_network, enters="network-group"),
    Command("object-group service NAME:word", _GROUP, _enter_service, _remove_service, enters="service-group"),
)

_OWN = (
    Command("description ~ TEXT:line", _MEMBER, _describe, _no_description),
    Command("group-object GROUP:word", _MEMBER, _add_group, _take_group),
)

NETWORK_COMMANDS = (
    *_OWN,
    Command(
        "{any | host ADDRESS:ipv4 | range FIRST:ipv4 LAST:ipv4 | ADDRESS:ipv4 MASK:ipv4}",
        _MEMBER,
        _add_hosts,
        _take_hosts,
    ),
)

SERVICE_COMMANDS = (
    *_OWN,
    *(
        Command(
            f"PROTOCOL:{transport} [source {{{ports('SOURCE', transport)}}}] [{ports('DESTINATION', transport)}]",
            _MEMBER,
            _add_service,
            _take_service,
        )
        for transport in ("tcp", "udp", "tcp-udp")
    ),
    Command(f"PROTOCOL:icmp {MESSAGE}", _MEMBER, _add_service, _take_service),
    Command(f"{{PROTOCOL:{OTHERS} | PROTOCOL:0-255}}", _MEMBER, _add_service, _take_service),
)
