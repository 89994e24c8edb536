"""`nat64 …`: hosts that have IPv6 only are seen under IPv4 addresses."""

from dataclasses import replace
from typing import Literal

from doorman.config.command import Command, Refused
from doorman.config.model import Config
from doorman.config.nat64 import Nat64Pool, Nat64Rule, Nat64Static
from doorman.config.stand_ins import MOST_RULES, MOST_STATICS
from doorman.config.validity import require_host
from doorman.config.zones import Place
from doorman.net.addresses import Address, Prefix
from doorman.net.embedding import LENGTHS


def _set_prefix(config: Config, *, prefix: Prefix) -> None:
    """Let hosts with IPv6 only call an IPv4 address by this prefix and that address behind it (RFC 6052)."""
    if prefix.length not in LENGTHS:
        raise Refused(f"% The prefix length must be one of {', '.join(map(str, LENGTHS))}", "prefix")
    config.nat64 = replace(config.nat64, prefix=prefix)


def _remove_prefix(config: Config, *, prefix: Prefix) -> None:
    """Translate nobody any more."""
    if config.nat64.prefix != prefix:
        raise Refused("% NAT64 prefix not found", "prefix")
    config.nat64 = replace(config.nat64, prefix=None)


def _add_pool(config: Config, *, name: str, first: Address, last: Address) -> None:
    """Define the range of IPv4 addresses, both ends included, that IPv6 hosts are seen under."""
    require_host(first, "first")
    require_host(last, "last")
    if last < first:
        raise Refused("% End address less than start address", "last")
    pool, known = Nat64Pool(name, first, last), config.nat64.pool(name)
    if known is not None and known != pool and _in_use(config, name):
        raise Refused(f"% Pool {name} in use, cannot redefine", "name")
    others = (one for one in config.nat64.pools if one.name != name)
    config.nat64 = replace(config.nat64, pools=tuple(sorted((*others, pool))))


def _remove_pool(config: Config, *, name: str) -> None:
    """Remove the pool, which no rule may use any more."""
    if config.nat64.pool(name) is None:
        raise Refused(f"% Pool {name} not found", "name")
    if _in_use(config, name):
        raise Refused(f"% Pool {name} in use, cannot destroy", "name")
    config.nat64 = replace(config.nat64, pools=tuple(one for one in config.nat64.pools if one.name != name))


def _add_rule(
    config: Config,
    *,
    acl: str,
    pool: str | None = None,
    interface: str | None = None,
    overload: Literal["overload"] | None = None,
) -> Nat64Rule:
    """Translate the IPv6 hosts that the list permits; with `overload` many share an address by port."""
    rule = Nat64Rule(acl, pool, interface, overload is not None)
    known = config.nat64.rules
    if any(other.access_list == acl and other != rule for other in known):
        raise Refused("% Dynamic mapping in use, cannot change", "acl")
    if rule not in known:
        if len(known) >= MOST_RULES:
            raise Refused(f"% There are {MOST_RULES} mappings already", "acl")
        config.nat64 = replace(config.nat64, rules=(*known, rule))
    return rule


def _remove_rule(config: Config, *, acl: str, pool: str | None = None, interface: str | None = None) -> None:
    """Remove the rule; `overload` need not be said."""
    left = tuple(rule for rule in config.nat64.rules if rule[:3] != (acl, pool, interface))
    if left == config.nat64.rules:
        raise Refused("% Dynamic mapping not found")
    config.nat64 = replace(config.nat64, rules=left)


def _add_static(config: Config, *, host: Address, name: Address) -> Nat64Static:
    """Translate one IPv6 host, all its protocols and ports, to an IPv4 address of its own."""
    require_host(name, "name")
    static, known = Nat64Static(host, name), config.nat64.statics
    for other in known:
        if other != static and (other.host == host or other.name == name):
            raise Refused(f"% similar static entry ({other}) already exists", "host" if other.host == host else "name")
    if static not in known:
        if len(known) >= MOST_STATICS:
            raise Refused(f"% There are {MOST_STATICS} static entries already", "host")
        config.nat64 = replace(config.nat64, statics=(*known, static))
    return static


def _remove_static(config: Config, *, host: Address, name: Address) -> None:
    """Remove the translation."""
    static = Nat64Static(host, name)
    if static not in config.nat64.statics:
        raise Refused("% Static translation not found")
    config.nat64 = replace(config.nat64, statics=tuple(one for one in config.nat64.statics if one != static))


def _in_use(config: Config, name: str) -> bool:
    return any(rule.pool == name for rule in config.nat64.rules)


_NAT64 = {"nat64": "NAT64 configuration commands"}
_V6V4 = _NAT64 | {"v6v4": "IPv6 source address to IPv4 source address translation"}

COMMANDS = (
    Command(
        "nat64 prefix stateful PREFIX:ipv6-prefix",
        _NAT64
        | {
            "prefix": "Prefix for IPv4 hosts",
            "stateful": "Stateful prefix",
            "PREFIX": "IPv6 prefix that stands before an IPv4 address",
        },
        _set_prefix,
        _remove_prefix,
    ),
    Command(
        "nat64 v4 pool NAME:word ~ FIRST:ipv4 LAST:ipv4",
        _NAT64
        | {
            "v4": "IPv4 configuration",
            "pool": "Define pool of addresses",
            "NAME": "Pool name",
            "FIRST": "Start IP address",
            "LAST": "End IP address",
        },
        _add_pool,
        _remove_pool,
    ),
    Command(
        "nat64 v6v4 list ACL:word {pool POOL:word | interface INTERFACE:interface} ~ [OVERLOAD:overload]",
        _V6V4
        | {
            "list": "Specify IPv6 access list describing hosts",
            "ACL": "IPv6 access list name",
            "pool": "Name pool of IPv4 addresses",
            "POOL": "Pool name for IPv4 addresses",
            "interface": "Specify interface for the IPv4 address",
            "INTERFACE": "Interface whose address hosts are seen under",
            "overload": "Overload an address translation",
        },
        _add_rule,
        _remove_rule,
    ),
    Command(
        "nat64 v6v4 static HOST:ipv6 NAME:ipv4",
        _V6V4
        | {
            "static": "Specify static IPv6->IPv4 mapping",
            "HOST": "IPv6 address of the host",
            "NAME": "IPv4 address it is seen under",
        },
        _add_static,
        _remove_static,
    ),
)


def _enable(config: Config, interface: str) -> Place:
    """Translate IPv6 hosts behind this interface that call by the NAT64 prefix."""
    config.interfaces[interface] = replace(config.interfaces[interface], nat64=True)
    return Place("nat64", interface)


def _disable(config: Config, interface: str) -> None:
    """Translate them no more."""
    config.interfaces[interface] = replace(config.interfaces[interface], nat64=False)


INTERFACE_COMMANDS = (
    Command("nat64 enable", {"nat64": "NAT64 interface commands", "enable": "Enable NAT64"}, _enable, _disable),
)
