"""`class-map type inspect`: which flows a class of the zone-based firewall is about."""

from dataclasses import replace
from typing import Literal

from doorman.config.command import Command, Refused
from doorman.config.model import Config
from doorman.config.zones import (
    CLASS_DEFAULT,
    ClassMap,
    Match,
    MatchClass,
    MatchList,
    MatchProtocol,
    Place,
    classes_within,
)

_How = Literal["match-any", "match-all"]


def _enter(config: Config, *, name: str, how: _How | None = None) -> str:
    """Describe a class, made here if it is new: flows that all its matches cover, or with `match-any` one of them."""
    if name == CLASS_DEFAULT:
        raise Refused(f"% {CLASS_DEFAULT} is a well-known class and is not configurable", "name")
    known = config.firewall.class_maps.get(name, ClassMap(name))
    if how is not None:
        known = replace(known, any_of=how == "match-any")
    config.firewall.class_maps[name] = known
    return name


def _remove(config: Config, *, name: str, how: _How | None = None) -> None:  # noqa: ARG001 - may be typed
    """Remove the class, which nothing may use any more."""
    firewall = config.firewall
    if name not in firewall.class_maps:
        raise Refused(f"% Class-map {name} not configured", "name")
    users = [f"policy-map {policy.name}" for policy in firewall.policy_maps.values() if name in policy]
    users += [f"class-map {one.name}" for one in firewall.class_maps.values() if MatchClass(name) in one.matches]
    if users:
        raise Refused(f"% Class-map {name} is being used by {users[0]}, remove it there first", "name")
    del firewall.class_maps[name]


def _match_protocol(config: Config, name: str, *, protocol: str) -> None:
    """Match flows to the ports of an application, or all of TCP, UDP or ICMP; see `ip port-map`."""
    _add(config, name, MatchProtocol(protocol))


def _no_protocol(config: Config, name: str, *, protocol: str) -> None:
    """Take the match out of the class."""
    _take(config, name, MatchProtocol(protocol))


def _match_list(config: Config, name: str, *, acl: str) -> Place:
    """Match flows whose first packet the access list permits."""
    return _add(config, name, MatchList(acl))


def _no_list(config: Config, name: str, *, acl: str) -> None:
    """Take the match out of the class."""
    _take(config, name, MatchList(acl))


def _match_class(config: Config, name: str, *, other: str) -> Place:
    """Match flows of another class."""
    if name in classes_within(config.firewall.class_maps, other):
        raise Refused("% A class-map cannot match itself", "other")
    return _add(config, name, MatchClass(other))


def _no_class(config: Config, name: str, *, other: str) -> None:
    """Take the match out of the class."""
    _take(config, name, MatchClass(other))


def _describe(config: Config, name: str, *, text: str) -> None:
    """Say in words what the class is."""
    class_maps = config.firewall.class_maps
    class_maps[name] = replace(class_maps[name], description=text)


def _no_description(config: Config, name: str) -> None:
    """Remove the description."""
    _describe(config, name, text="")


def _add(config: Config, name: str, match: Match) -> Place:
    known = config.firewall.class_maps[name]
    if match not in known.matches:
        config.firewall.class_maps[name] = replace(known, matches=(*known.matches, match))
    return Place("class-map", name, match)


def _take(config: Config, name: str, match: Match) -> None:
    known = config.firewall.class_maps[name]
    if match not in known.matches:
        raise Refused(f"% Class-map {name} has no such match")
    config.firewall.class_maps[name] = replace(known, matches=tuple(one for one in known.matches if one != match))


_HELP = {
    "class-map": "Configure Class Map",
    "type": "type of the class-map",
    "inspect": "Configure Firewall Class Map",
    "match-any": "Logical-OR all matching statements under this classmap",
    "match-all": "Logical-AND all matching statements under this classmap",
    "NAME": "Class-map name",
    "match": "Classification criteria",
    "protocol": "Match protocol",
    "PROTOCOL": "Protocol name; those of your own begin with user-",
    "access-group": "Match access group",
    "name": "Match a named access list",
    "ACL": "Access list number or name",
    "OTHER": "Class-map name",
    "description": "Class-Map description",
    "TEXT": "Up to the end of the line",
}

COMMANDS = (
    Command("class-map type inspect [HOW:match-any|match-all] NAME:word", _HELP, _enter, _remove, enters="class-map"),
)

CLASS_MAP_COMMANDS = (
    Command("match protocol PROTOCOL:application", _HELP, _match_protocol, _no_protocol),
    Command("match access-group {name ACL:access-list | ACL:access-list}", _HELP, _match_list, _no_list),
    Command("match class-map OTHER:word", _HELP | {"class-map": "Match Class map"}, _match_class, _no_class),
    Command("description ~ TEXT:line", _HELP, _describe, _no_description),
)
