"""Which names the hosts of one side of a NAT have, or get, on the other.

The same for both sides: an inside host is called by its inside global name outside, and an outside host by its outside
local name inside. Here `local` is where a host is, and `global_` what it is called on the other side.
"""

from typing import NamedTuple

from doorman.config.model import Config, DynamicSource, MaxEntries, OutsideSource
from doorman.config.statics import Statics
from doorman.nat.entries import EntryLimits
from doorman.nat.holdings import Holdings, UnusableConfig, interface_address
from doorman.nat.pools import AddressPool
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import TCP, UDP

_CACHE_LIMIT = 65_536


class StaticRule(NamedTuple):
    """A host, or one port of it, that always has the same name; with protocol 0, both ports are 0."""

    protocol: int
    local: Endpoint
    global_: Endpoint


class DynamicRule(NamedTuple):
    """Hosts that get an address from `pool`: one each, or with `overload` a few ports of a shared one."""

    source: DynamicSource | OutsideSource
    pool: AddressPool
    overload: bool


class Naming:
    """The rules about one side's hosts.

    Args:
        statics: who has a name for himself.
        dynamic: who gets one.
        config: the access lists, and the addresses of interfaces, that these name.
        limits: how many names may be given out.

    Attributes:
        static_hosts, static_ports, dynamic: the rules.

    Raises:
        UnusableConfig: a rule names an interface that has no address.
    """

    def __init__(self, statics: Statics, dynamic: list[DynamicRule], config: Config, limits: MaxEntries) -> None:
        self._lists = config.lists
        self._limits = limits
        self.dynamic = dynamic
        hosts = ((Endpoint(rule.local, 0), Endpoint(rule.global_, 0)) for rule in statics.hosts)
        self.static_hosts = [StaticRule(0, local, global_) for local, global_ in hosts]
        self.static_ports = [
            StaticRule(
                TCP if rule.transport == "tcp" else UDP,
                rule.local,
                Endpoint(rule.global_ or interface_address(config, rule.interface), rule.global_port),
            )
            for rule in statics.ports
        ]
        rules = [*self.static_hosts, *self.static_ports]
        self._locals = {rule.local.address for rule in rules}
        self._names = {rule.global_.address for rule in rules}
        self._dynamic_cache: dict[Address, DynamicRule | None] = {}

    def entry_limits(self) -> EntryLimits:
        """What counts the names that hosts are given."""
        return EntryLimits(self._limits, self._lists)

    def dynamic_for(self, address: Address) -> DynamicRule | None:
        """The first dynamic rule whose access list permits the address."""
        try:
            return self._dynamic_cache[address]
        except KeyError:
            lists = self._lists
            rule = next((rule for rule in self.dynamic if lists[rule.source.access_list].permits(address)), None)
            if len(self._dynamic_cache) >= _CACHE_LIMIT:
                self._dynamic_cache.clear()
            self._dynamic_cache[address] = rule
            return rule

    def gives_name(self, address: Address) -> bool:
        """Whether a rule is about a host with this address."""
        return address in self._locals or self.dynamic_for(address) is not None

    def is_name(self, address: Address) -> bool:
        """Whether an address is a name that a rule gives, or may give."""
        return address in self._names or any(address in rule.pool for rule in self.dynamic)


def outside_naming(config: Config, holdings: Holdings) -> Naming:
    """The rules about outside hosts: `local` is then the outside global address, `global_` the outside local one."""
    lists = config.lists
    dynamic = []
    for source in config.outside_sources:
        if source.access_list not in lists:
            raise UnusableConfig(f"access list {source.access_list} of a NAT rule does not exist")
        dynamic.append(DynamicRule(source, holdings.pool(source.pool), overload=False))
    return Naming(config.outside_statics, dynamic, config, MaxEntries())


class OutsideLocals:
    """The addresses that outside hosts may be called by inside; with `routed` those to which `add-route` leads."""

    __slots__ = ("_names", "_ranges")

    def __init__(self, config: Config, *, routed: bool = False) -> None:
        statics, sources = config.outside_statics, config.outside_sources
        self._names = {rule.global_ for rule in statics.hosts if rule.add_route or not routed}
        self._names |= {rule.global_ for rule in statics.ports if rule.global_ and (rule.add_route or not routed)}
        pools = [config.pools[source.pool] for source in sources if source.add_route or not routed]
        self._ranges = [ends for pool in pools for ends in pool.ranges]

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, bytes):
            return False
        return address in self._names or any(first <= address <= last for first, last in self._ranges)
