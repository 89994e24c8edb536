"""`zone security`, `zone-pair security`, and the zone of an interface."""

from dataclasses import replace

from doorman.config.command import Command, Refused
from doorman.config.model import Config
from doorman.config.zones import DEFAULT, SELF, Place, Zone, ZonePair


def _enter(config: Config, *, name: str) -> str:
    """Make a zone; the one named `default` is that of all interfaces that were given none."""
    if name == SELF:
        raise Refused(f"% Zone {SELF} is there always: it is the router itself", "name")
    config.firewall.zones.setdefault(name, Zone(name))
    return name


def _remove(config: Config, *, name: str) -> None:
    """Remove the zone, in which no interface may be any more, nor may a zone pair name it."""
    if name not in config.firewall.zones:
        raise Refused(f"% Zone {name} not configured", "name")
    users = [f"interface {one.name}" for one in config.interfaces.values() if one.zone == name]
    users += [f"zone-pair {one.name}" for one in config.firewall.zone_pairs.values() if name in one.zones]
    if users:
        raise Refused(f"% Zone {name} is being used by {users[0]}, remove it there first", "name")
    del config.firewall.zones[name]


def _describe(config: Config, zone: str, *, text: str) -> None:
    """Say in words what the zone is."""
    config.firewall.zones[zone] = replace(config.firewall.zones[zone], description=text)


def _no_description(config: Config, zone: str) -> None:
    """Remove the description."""
    _describe(config, zone, text="")


def _enter_pair(config: Config, *, name: str, source: str | None = None, destination: str | None = None) -> Place:
    """Say which policy is asked about flows from one zone to another; the zones are needed where the pair is new."""
    known = config.firewall.zone_pairs.get(name)
    if source is None or destination is None:
        if known is None:
            raise Refused(f"% Zone-pair {name} not configured: its source and destination are needed", "name")
    elif source == destination == SELF:
        raise Refused(f"% Source and destination cannot both be {SELF}", "destination")
    else:
        other = config.firewall.pair(source, destination)
        if other is not None and other.name != name:
            raise Refused(f"% Zone-pair {other.name} has the same source and destination", "destination")
        if known is None:
            known = ZonePair(name, source, destination)
        elif (known.source, known.destination) != (source, destination):
            raise Refused(f"% Zone-pair {name} is from {known.source} to {known.destination}, remove it first", "name")
    config.firewall.zone_pairs[name] = known
    return Place("zone-pair", name)


def _remove_pair(config: Config, *, name: str) -> None:
    """Remove the pair: no flow may begin from the one zone to the other."""
    if config.firewall.zone_pairs.pop(name, None) is None:
        raise Refused(f"% Zone-pair {name} not configured", "name")


def _apply(config: Config, place: Place, *, policy: str) -> Place:
    """Ask this policy."""
    return _set_policy(config, place, policy)


def _no_policy(config: Config, place: Place, *, policy: str) -> None:
    """Ask none: all flows are dropped."""
    if config.firewall.zone_pairs[place.name].policy == policy:
        _set_policy(config, place, None)


def _set_policy(config: Config, place: Place, policy: str | None) -> Place:
    pairs = config.firewall.zone_pairs
    pairs[place.name] = replace(pairs[place.name], policy=policy)
    return Place("service-policy", place.name, policy)


def _describe_pair(config: Config, place: Place, *, text: str) -> None:
    """Say in words what the pair is for."""
    pairs = config.firewall.zone_pairs
    pairs[place.name] = replace(pairs[place.name], description=text)


def _no_pair_description(config: Config, place: Place) -> None:
    """Remove the description."""
    _describe_pair(config, place, text="")


def _join(config: Config, interface: str, *, zone: str) -> Place:
    """Put the interface in a zone: it talks to those of its own, and beyond as zone pairs say."""
    if zone == SELF:
        raise Refused(f"% An interface cannot be in zone {SELF}", "zone")
    config.interfaces[interface] = replace(config.interfaces[interface], zone=zone)
    return Place("zone-member", interface, zone)


def _leave(config: Config, interface: str, *, zone: str) -> None:
    """Take the interface out of the zone."""
    if config.interfaces[interface].zone == zone:
        config.interfaces[interface] = replace(config.interfaces[interface], zone=None)


_HELP = {
    "zone": "FW with zoning",
    "zone-pair": "Zone pair command",
    "security": "Security zone",
    "NAME": "Name of the zone or of the pair",
    "source": "Source zone of the pair",
    "destination": "Destination zone of the pair",
    "SOURCE": f"Zone name, {SELF} for the router itself, or {DEFAULT}",
    "DESTINATION": f"Zone name, {SELF} for the router itself, or {DEFAULT}",
    "service-policy": "Configure the policy of the pair",
    "type": "Type of the policy",
    "inspect": "Firewall policy",
    "POLICY": "Policy-map name",
    "description": "Description",
    "TEXT": "Up to the end of the line",
}
_MEMBER = {
    "zone-member": "Apply zone name",
    "zone": "The same, in a line that stands deeper than `interface`",
    "security": "Security zone",
    "ZONE": "Name of the zone",
}

COMMANDS = (
    Command("zone security NAME:word", _HELP, _enter, _remove, enters="zone"),
    Command(
        "zone-pair security NAME:word ~ [source SOURCE:word destination DESTINATION:word]",
        _HELP,
        _enter_pair,
        _remove_pair,
        enters="zone-pair",
    ),
)

ZONE_COMMANDS = (Command("description ~ TEXT:line", _HELP, _describe, _no_description),)

ZONE_PAIR_COMMANDS = (
    Command("service-policy type inspect POLICY:word", _HELP, _apply, _no_policy),
    Command("description ~ TEXT:line", _HELP, _describe_pair, _no_pair_description),
)

INTERFACE_COMMANDS = (
    Command("zone-member security ZONE:word", _MEMBER, _join, _leave),
    Command("zone security ZONE:word", _MEMBER, _join, _leave, indented=True),
)
