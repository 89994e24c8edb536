"""What is wrong with NAT64 as a whole, though each of its lines is right; and what then works of it."""

from collections.abc import Container, Iterator
from dataclasses import replace

from doorman.config.fault import Fault
from doorman.config.model import Config
from doorman.config.nat64 import Nat64Rule
from doorman.config.stand_ins import DEVICE, fixed
from doorman.config.statics import StaticHost
from doorman.config.zones import Place


def find_nat64_faults(config: Config) -> Iterator[Fault]:
    """Every rule that names what does not exist, and every interface that cannot be one of NAT64."""
    nat64, stand_ins = config.nat64, fixed(config.nat64)
    for rule in nat64.rules:
        yield from _rule_faults(config, rule)
    for static in nat64.statics:
        if nat64.prefix is None:
            yield Fault(static, "host", _NO_PREFIX)
        if config.statics.obstacle(StaticHost(stand_ins[static.host], static.name)) is not None:
            yield Fault(static, "name", f"% {static} is the address of another static translation")
    enabled = [interface for interface in config.interfaces.values() if interface.nat64]
    for interface in enabled:
        place = Place("nat64", interface.name)
        if interface.vrf is not None:
            yield Fault(
                place, "", f"% NAT64 of hosts in a VRF is not supported: {interface.name} is in {interface.vrf}"
            )
        elif interface.zone != enabled[0].zone:
            yield Fault(place, "", f"% {interface.name} must be in the security zone of {enabled[0].name}, as NAT64 is")
    if enabled and DEVICE in config.interfaces:
        yield Fault(Place("nat64", enabled[0].name), "", f"% {DEVICE} is the gateway's own interface")


def without_faulty_nat64(config: Config, faulty: Container[object]) -> Config:
    """A configuration whose NAT64 works; none where an interface of it cannot, since nobody is to guess which does."""
    names = [name for name, one in config.interfaces.items() if one.nat64]
    interfaces = config.interfaces
    if any(Place("nat64", name) in faulty for name in names):
        interfaces = {name: replace(one, nat64=False) for name, one in interfaces.items()}
    rules = tuple(rule for rule in config.nat64.rules if rule not in faulty)
    statics = tuple(static for static in config.nat64.statics if static not in faulty)
    return replace(config, interfaces=interfaces, nat64=replace(config.nat64, rules=rules, statics=statics))


_NO_PREFIX = "% NAT64 has no stateful prefix"


def _rule_faults(config: Config, rule: Nat64Rule) -> Iterator[Fault]:
    if config.nat64.prefix is None:
        yield Fault(rule, "acl", _NO_PREFIX)
    if rule.access_list not in config.ipv6_lists:
        yield Fault(rule, "acl", f"% IPv6 access list {rule.access_list} does not exist")
    elif not config.ipv6_lists[rule.access_list].by_source:
        more = "looks at more than source addresses, which is of no use here"
        yield Fault(rule, "acl", f"% IPv6 access list {rule.access_list} {more}")
    if rule.pool is not None and config.nat64.pool(rule.pool) is None:
        yield Fault(rule, "pool", f"% NAT64 pool {rule.pool} does not exist")
    if rule.interface is not None and rule.interface not in config.interfaces:
        yield Fault(rule, "interface", f"% Interface {rule.interface} does not exist")
