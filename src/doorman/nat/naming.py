"""Which names the hosts of one side of a NAT have, or get, on the other.

The same for both sides: an inside host is called by its inside global name outside, and an outside host by its outside
local name inside. Here `local` is where a host is, and `global_` what it is called on the other side.
"""

from typing import NamedTuple

from doorman.config.model import Config, DynamicSource, MaxEntries, OutsideSource
from doorman.config.statics import StaticHost, StaticPort, Statics
from doorman.nat.entries import EntryLimits
from doorman.nat.holdings import Holdings, UnusableConfig, interface_address
from doorman.nat.pools import AddressPool
from doorman.nat.selection import Exits, Selector, Towards, select
from doorman.net.address_set import AddressSet
from doorman.net.addresses import Address, Endpoint
from doorman.net.memo import remember
from doorman.net.packet import TCP, UDP


class StaticRule(NamedTuple):
    """A host, or one port of it, that always has the same name; with protocol 0, both ports are 0.

    Attributes:
        protocol, local, global_: what is called how.
        way: 0, or that of the route map which says for which flows from inside it is.
        no_payload: whether messages that name it stay as they are.
    """

    protocol: int
    local: Endpoint
    global_: Endpoint
    way: int = 0
    no_payload: bool = False


class _Chosen(NamedTuple):
    """What has static names for some flows: those that a route map permits.

    Attributes:
        way: of the route map.
        selector: which flows it permits.
        locals: protocols and ends; protocol and port 0 for whole hosts.
    """

    way: int
    selector: Selector
    locals: set[tuple[int, Endpoint]]


class DynamicRule(NamedTuple):
    """Hosts that get an address from `pool`: one each, or with `overload` a few ports of a shared one.

    Attributes:
        source: what the configuration says.
        pool, overload: see above.
        selector: which hosts, or which of their flows.
        way: 0, or its own number where it looks at flows: a host then may have other names by other rules.
    """

    source: DynamicSource | OutsideSource
    pool: AddressPool
    overload: bool
    selector: Selector
    way: int = 0


class Naming:
    """The rules about one side's hosts.

    Args:
        statics: who has a name for himself.
        dynamic: who gets one.
        config: the access lists, and the addresses of interfaces, that these name.
        limits: how many names may be given out.
        exits: which interface a flow leaves by.

    Attributes:
        static_hosts, static_ports, dynamic: the rules.
        looks_at_flows: whether one of them is about some flows of a host only.
        leaves_some: whether messages stay as they are that name some host.

    Raises:
        UnusableConfig: a rule names an interface that has no address.
    """

    def __init__(
        self, statics: Statics, dynamic: list[DynamicRule], config: Config, limits: MaxEntries, exits: Exits
    ) -> None:
        self._lists = config.lists
        self._limits = limits
        self.dynamic = dynamic
        self._chosen = {
            name: _Chosen(-number, select(config, "", name, exits), set())
            for number, name in enumerate(statics.route_maps, 1)
        }
        self.static_hosts = [
            self._static(0, Endpoint(rule.local, 0), Endpoint(rule.global_, 0), rule) for rule in statics.hosts
        ]
        self.static_ports = [
            self._static(
                TCP if rule.transport == "tcp" else UDP,
                rule.local,
                Endpoint(rule.global_ or interface_address(config, rule.interface), rule.global_port),
                rule,
            )
            for rule in statics.ports
        ]
        plain = [rule for rule in (*self.static_hosts, *self.static_ports) if not rule.way]
        self._plain = {(rule.protocol, rule.local) for rule in plain}
        self.looks_at_flows = bool(self._chosen) or any(rule.way for rule in dynamic)
        rules = [*self.static_hosts, *self.static_ports]
        self._left = {(rule.protocol, end) for rule in rules if rule.no_payload for end in (rule.local, rule.global_)}
        self.leaves_some = bool(self._left)
        self._locals = {rule.local.address for rule in rules}
        self._names = {rule.global_.address for rule in rules}
        self._lent = [ends for rule in dynamic for ends in rule.pool.ranges]
        self._lends = AddressSet(ranges=self._lent)
        self._dynamic_cache: dict[Address, DynamicRule | None] = {}

    def entry_limits(self) -> EntryLimits:
        """What counts the names that hosts are given."""
        return EntryLimits(self._limits, self._lists)

    def dynamic_for(self, address: Address) -> DynamicRule | None:
        """The first dynamic rule that is about the host, or some of its flows."""
        try:
            return self._dynamic_cache[address]
        except KeyError:
            rule = next((rule for rule in self.dynamic if rule.selector.may_choose(address)), None)
            return remember(self._dynamic_cache, address, rule)

    def rule_for(self, protocol: int, local: Endpoint, towards: Towards) -> tuple[int, DynamicRule | None]:
        """By which way an end of a host is named for a flow of the host, and by which dynamic rule, if by one.

        An end that is not the flow's own is named as if its host had begun such a flow itself.
        """
        end, host = (protocol, local), (0, Endpoint(local.address, 0))
        for way, selector, locals_ in self._chosen.values():
            if (end in locals_ or host in locals_) and selector.chooses(local.address, towards):
                return way, None
        if end in self._plain or host in self._plain:
            return 0, None
        rule = next((rule for rule in self.dynamic if rule.selector.chooses(local.address, towards)), None)
        return (rule.way, rule) if rule is not None else (0, None)

    def rule_giving(self, host: Address, name: Address, *, whole: bool) -> DynamicRule | None:
        """The dynamic rule by which a host may have a name that was given before: with all its ports, or some."""
        if not self.looks_at_flows:
            return self.dynamic_for(host)
        fitting = (rule for rule in self.dynamic if rule.overload != whole and name in rule.pool)
        return next((rule for rule in fitting if rule.selector.may_choose(host)), None)

    def gives_name(self, address: Address) -> bool:
        """Whether a rule is about a host with this address."""
        return address in self._locals or self.dynamic_for(address) is not None

    def is_name(self, address: Address) -> bool:
        """Whether an address is a name that a rule gives, or may give."""
        return address in self._names or self.lends(address)

    def lends(self, address: Address) -> bool:
        """Whether an address is somebody's only as long as a dynamic rule gives it to him."""
        return address in self._lends

    def leaves(self, protocol: int, end: Endpoint) -> bool:
        """Whether messages that name an end, or its host, stay as they are: by either name."""
        return (protocol, end) in self._left or (0, Endpoint(end.address, 0)) in self._left

    def _static(self, protocol: int, local: Endpoint, global_: Endpoint, said: StaticHost | StaticPort) -> StaticRule:
        if said.route_map is None:
            return StaticRule(protocol, local, global_, no_payload=said.no_payload)
        chosen = self._chosen[said.route_map]
        chosen.locals.add((protocol, local))
        return StaticRule(protocol, local, global_, chosen.way, said.no_payload)


def outside_naming(config: Config, holdings: Holdings) -> Naming:
    """The rules about outside hosts: `local` is then the outside global address, `global_` the outside local one."""
    lists = config.lists
    dynamic, exits = [], Exits(config)
    for source in config.outside_sources:
        if source.access_list not in lists:
            raise UnusableConfig(f"access list {source.access_list} of a NAT rule does not exist")
        selector = select(config, source.access_list, None, exits)
        dynamic.append(DynamicRule(source, holdings.pool(source.pool), overload=False, selector=selector))
    return Naming(config.outside_statics, dynamic, config, MaxEntries(), exits)


def outside_locals(config: Config, *, routed: bool = False) -> AddressSet:
    """The addresses that outside hosts may be called by inside; with `routed` those to which `add-route` leads."""
    statics, sources = config.outside_statics, config.outside_sources
    names = [rule.global_ for rule in statics.hosts if rule.add_route or not routed]
    names += [rule.global_ for rule in statics.ports if rule.global_ and (rule.add_route or not routed)]
    pools = [config.pools[source.pool] for source in sources if source.add_route or not routed]
    return AddressSet(names, (ends for pool in pools for ends in pool.ranges))
