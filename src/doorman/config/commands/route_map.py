"""`route-map`: which flows a NAT rule is about, by access lists and by the interface that they leave by."""

from collections.abc import Callable
from dataclasses import replace

from doorman.config.command import Command, Refused
from doorman.config.model import Config
from doorman.config.route_maps import FIRST, Action, RouteMap, RouteMapEntry

_Place = tuple[str, int]
"""An entry: the name of its map, and its number."""


def _enter(config: Config, *, name: str, action: Action = "permit", sequence: int = FIRST) -> _Place:
    """Make an entry of the route map, or go on with one (number 10 if none is given); the lines that follow fill it."""
    known = config.route_maps.get(name, RouteMap(name))
    entry = known.entry(sequence) or RouteMapEntry(sequence)
    config.route_maps[name] = known.with_entry(replace(entry, permit=action == "permit"))
    return name, sequence


def _remove(config: Config, *, name: str, action: Action | None = None, sequence: int | None = None) -> None:
    """Remove the route map, or one entry of it."""
    del action
    known = config.route_maps.get(name)
    if known is None:
        raise Refused(f"% Could not find route-map {name}", "name")
    if sequence is not None and known.entry(sequence) is None:
        raise Refused(f"% Route-map {name} has no entry {sequence}", "sequence")
    left = known.without(sequence) if sequence is not None else RouteMap(name)
    if left.entries:
        config.route_maps[name] = left
    else:
        del config.route_maps[name]


def _change(config: Config, place: _Place, change: Callable[[RouteMapEntry], RouteMapEntry]) -> None:
    name, sequence = place
    known = config.route_maps[name]
    entry = known.entry(sequence)
    if entry is not None:
        config.route_maps[name] = known.with_entry(change(entry))


def _with(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *more]))


def _without(known: tuple[str, ...], gone: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in known if one not in gone)


def _address(config: Config, place: _Place, *, acls: tuple[str, ...]) -> None:
    """Match packets that one of the access lists permits, also those of other lines of this kind."""
    _change(config, place, lambda entry: replace(entry, access_lists=_with(entry.access_lists, acls)))


def _no_address(config: Config, place: _Place, *, acls: tuple[str, ...]) -> None:
    """Do not look at these lists."""
    _change(config, place, lambda entry: replace(entry, access_lists=_without(entry.access_lists, acls)))


def _interface(config: Config, place: _Place, *, interface: str) -> None:
    """Match packets that leave by the interface, also those of other lines of this kind."""
    _change(config, place, lambda entry: replace(entry, interfaces=_with(entry.interfaces, (interface,))))


def _no_interface(config: Config, place: _Place, *, interface: str) -> None:
    """Do not look at that interface."""
    _change(config, place, lambda entry: replace(entry, interfaces=_without(entry.interfaces, (interface,))))


def _other(config: Config, place: _Place, *, what: str, rest: str = "") -> None:
    """Keep the line for another feature: a NAT rule that uses this route map is refused."""
    line = f"match {what} {rest}".rstrip()
    _change(config, place, lambda entry: replace(entry, others=_with(entry.others, (line,))))


def _no_other(config: Config, place: _Place, *, what: str, rest: str = "") -> None:
    """Forget the line."""
    line = f"match {what} {rest}".rstrip()
    _change(config, place, lambda entry: replace(entry, others=_without(entry.others, (line,))))


def _other_ip(config: Config, place: _Place, *, what: str, rest: str = "") -> None:
    """Keep the line, such as `match ip next-hop`: a NAT rule that uses this route map is refused."""
    _other(config, place, what=f"ip {what}", rest=rest)


def _no_other_ip(config: Config, place: _Place, *, what: str, rest: str = "") -> None:
    """Forget the line."""
    _no_other(config, place, what=f"ip {what}", rest=rest)


def _set(config: Config, place: _Place, *, text: str) -> None:
    """Keep the line for other features: NAT sets nothing."""
    _change(config, place, lambda entry: replace(entry, sets=_with(entry.sets, (f"set {text}",))))


def _no_set(config: Config, place: _Place, *, text: str) -> None:
    """Forget the line."""
    _change(config, place, lambda entry: replace(entry, sets=_without(entry.sets, (f"set {text}",))))


def _description(config: Config, place: _Place, *, text: str) -> None:
    """Say in words what the entry is for."""
    _no_description(config, place)
    _change(config, place, lambda entry: replace(entry, sets=(f"description {text}", *entry.sets)))


def _no_description(config: Config, place: _Place) -> None:
    """Remove the description."""
    _change(
        config,
        place,
        lambda entry: replace(entry, sets=tuple(one for one in entry.sets if not one.startswith("description "))),
    )


COMMANDS = (
    Command(
        "route-map NAME:word [ACTION:permit|deny] [SEQUENCE:0-65535]",
        {
            "route-map": "Create route-map or enter route-map command mode",
            "NAME": "Route map tag",
            "permit": "Route map permits set operations",
            "deny": "Route map denies set operations",
            "SEQUENCE": "Sequence to insert to/delete from existing route-map entry",
        },
        _enter,
        _remove,
        enters="route-map",
    ),
)

_MATCH = {"match": "Match values from routing table", "REST": "Up to the end of the line"}
_IP = _MATCH | {"ip": "IP specific information"}

ROUTE_MAP_COMMANDS = (
    Command(
        "match ip address ACLS:access-lists",
        _IP | {"address": "Match address of route or match packet", "ACLS": "Access list numbers or names"},
        _address,
        _no_address,
    ),
    Command(
        "match interface INTERFACE:interface",
        _MATCH | {"interface": "Match first hop interface of route", "INTERFACE": "Interface that packets leave by"},
        _interface,
        _no_interface,
    ),
    Command("match ip WHAT:word [REST:line]", _IP | {"WHAT": "What another feature looks at"}, _other_ip, _no_other_ip),
    Command("match WHAT:word [REST:line]", _MATCH | {"WHAT": "What another feature looks at"}, _other, _no_other),
    Command("set TEXT:line", {"set": "Set values in destination routing protocol", "TEXT": "What"}, _set, _no_set),
    Command(
        "description ~ TEXT:line",
        {"description": "Route-map comment", "TEXT": "Up to the end of the line"},
        _description,
        _no_description,
    ),
)
