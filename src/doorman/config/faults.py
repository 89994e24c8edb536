"""What is wrong with a configuration as a whole, though each of its lines is right: a name that nothing bears."""

from collections.abc import Iterator

from doorman.config.commands.static_rule import similar
from doorman.config.fault import Fault
from doorman.config.model import Config, DynamicDestination, DynamicSource, OutsideSource
from doorman.config.nat64_faults import find_nat64_faults
from doorman.config.realms import outside_of
from doorman.config.statics import Static, StaticPort
from doorman.config.zone_faults import find_zone_faults

MOST_REAL_HOSTS = 1_024
"""Hosts that the connections to one virtual host are shared out among: the kernel's rule names each."""


def find_faults(config: Config) -> Iterator[Fault]:
    """Every rule that names what does not exist, and every static port that another has taken by another name."""
    for source in config.dynamic_sources:
        yield from _chosen_faults(config, source)
        yield from _pool_faults(config, source)
        yield from _interface_faults(config, source)
    for outside in config.outside_sources:
        yield from _list_faults(config, outside, outside.access_list)
        yield from _pool_faults(config, outside)
    for destination in config.destinations:
        yield from _list_faults(config, destination, destination.access_list)
        yield from _rotary_faults(config, destination)
    for static in config.statics:
        if static.route_map is not None:
            yield from _route_map_faults(config, static, static.route_map)
    for port in config.statics.ports:
        yield from _interface_faults(config, port)
    for interface, _ in config.ipsec.inward:
        if interface not in config.interfaces:
            yield Fault(("esp", interface), "interface", f"% Interface {interface} does not exist")
    yield from _taken_ports(config)
    yield from _vrf_faults(config)
    yield from _missing_lists(config)
    yield from find_zone_faults(config)
    yield from find_nat64_faults(config)


def _chosen_faults(config: Config, rule: DynamicSource) -> Iterator[Fault]:
    """What says which flows a rule is about must be there; a list may look at destinations, too."""
    if rule.route_map is not None:
        yield from _route_map_faults(config, rule, rule.route_map)
    elif rule.access_list not in config.access_lists:
        yield Fault(rule, "acl", f"% Access list {rule.access_list} does not exist")


def _route_map_faults(config: Config, rule: DynamicSource | Static, name: str) -> Iterator[Fault]:
    if name not in config.route_maps:
        yield Fault(rule, "route_map", f"% Route-map {name} does not exist")
        return
    for entry in config.route_maps[name].entries:
        for line in entry.others:
            yield Fault(rule, "route_map", f"% Route-map {name} has `{line}`, which is of no use in a NAT rule")
        for listed in entry.access_lists:
            if listed not in config.access_lists:
                yield Fault(rule, "route_map", f"% Access list {listed} of route-map {name} does not exist")


def _pool_faults(config: Config, rule: DynamicSource | OutsideSource) -> Iterator[Fault]:
    if rule.pool is None:
        return
    pool = config.pools.get(rule.pool)
    if pool is None:
        yield Fault(rule, "pool", f"% Pool {rule.pool} does not exist")
    elif pool.type == "rotary":
        yield Fault(rule, "pool", f"% Pool {rule.pool} is of type rotary: it has real hosts, no names for them")
    elif isinstance(rule, DynamicSource) and rule.overload and pool.type == "match-host":
        yield Fault(rule, "pool", f"% Pool {rule.pool} is of type match-host: its addresses are not shared")


def _rotary_faults(config: Config, rule: DynamicDestination) -> Iterator[Fault]:
    pool = config.pools.get(rule.pool)
    if pool is None:
        yield Fault(rule, "pool", f"% Pool {rule.pool} does not exist")
    elif pool.type != "rotary":
        yield Fault(rule, "pool", f"% Pool {rule.pool} is not of type rotary")
    elif pool.size > MOST_REAL_HOSTS:
        yield Fault(rule, "pool", f"% Pool {rule.pool} has more than {MOST_REAL_HOSTS} addresses for real hosts")


def _interface_faults(config: Config, rule: DynamicSource | StaticPort) -> Iterator[Fault]:
    if rule.interface is not None and rule.interface not in config.interfaces:
        yield Fault(rule, "interface", f"% Interface {rule.interface} does not exist")


def _vrf_faults(config: Config) -> Iterator[Fault]:
    """Rules of a VRF that name an outside which it has not."""
    inside = *config.dynamic_sources, *config.statics
    for rule in (*inside, *config.destinations, *config.outside_sources, *config.outside_statics):
        outside = outside_of(config, rule.vrf)
        if rule.match_in_vrf and outside != rule.vrf:
            yield Fault(rule, "match", f"% VRF {rule.vrf} has no outside interface of its own")
            continue
        naming = isinstance(rule, DynamicSource | StaticPort)
        named = config.interfaces.get(rule.interface or "") if naming else None
        if named is not None and named.nat == "outside" and named.vrf != outside:
            place = f"in VRF {outside}" if outside is not None else "in no VRF"
            yield Fault(rule, "interface", f"% Interface {named.name} is not one of this outside, which is {place}")


def _missing_lists(config: Config) -> Iterator[Fault]:
    """Settings of ALGs, and limits, that name access lists."""
    for alg, settings in config.settings.items():
        for field in settings.LISTS:
            name = getattr(settings, field)
            if name:
                yield from _list_faults(config, (alg, field), name)
    for name, _ in config.max_entries.lists:
        yield from _list_faults(config, ("max-entries", name), name)
    for field, names in (("spi_match", config.ipsec.spi_match), ("preserve_port", config.ipsec.preserve_port)):
        for name in names:
            yield from _list_faults(config, (field, name), name)


def _list_faults(
    config: Config, rule: DynamicSource | OutsideSource | DynamicDestination | tuple[str, str], name: str
) -> Iterator[Fault]:
    """A list that says which hosts are meant must be there, and look at sources only."""
    if name not in config.access_lists:
        yield Fault(rule, "acl", f"% Access list {name} does not exist")
    elif config.access_lists[name].by_source is None:
        yield Fault(rule, "acl", f"% Access list {name} looks at more than source addresses, which is of no use here")


def _taken_ports(config: Config) -> Iterator[Fault]:
    """Static ports of an interface and of its address are the same ports."""
    taken: dict[tuple[str | None, str, bytes, int], StaticPort] = {}
    for rule in config.statics.ports:
        named = config.interfaces.get(rule.interface or "")
        address = rule.global_ if named is None else named.address
        if address is None:
            continue
        outside = rule.vrf if rule.match_in_vrf else None
        first = taken.setdefault((outside, rule.transport, address, rule.global_port), rule)
        if first is not rule:
            yield Fault(rule, "global_port", similar(first))
