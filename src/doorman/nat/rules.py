"""Which rule of the configuration an inside address falls under, and what is inside at all."""

from typing import NamedTuple

from doorman.config.model import Config, DynamicSource
from doorman.nat.distribution import Distribution
from doorman.nat.entries import EntryLimits
from doorman.nat.holdings import Holdings, UnusableConfig, interface_address
from doorman.nat.ipsec_rules import IpsecRules
from doorman.nat.pools import AddressPool
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import TCP, UDP

__all__ = ["DynamicRule", "Rules", "StaticRule", "UnusableConfig"]

_CACHE_LIMIT = 65_536


class StaticRule(NamedTuple):
    """An inside host, or one port of it, that always has the same name outside; with protocol 0, both ports are 0."""

    protocol: int
    local: Endpoint
    global_: Endpoint


class DynamicRule(NamedTuple):
    """Hosts that get a global address from `pool`: one each, or with `overload` a few ports of a shared one."""

    source: DynamicSource
    pool: AddressPool
    overload: bool


class Rules:
    """The NAT rules of a configuration, looked up by inside address; their pools are those of the holdings.

    Attributes:
        static_hosts, static_ports, dynamic: the rules.
        virtual: the virtual hosts.

    Raises:
        UnusableConfig: a rule names an interface that has no address.
    """

    def __init__(self, config: Config, holdings: Holdings) -> None:
        self._config = config
        self._holdings = holdings
        self._lists = config.lists
        self._inside = config.networks("inside")
        self._outside = config.networks("outside")
        self.static_hosts = [
            StaticRule(0, Endpoint(rule.local, 0), Endpoint(rule.global_, 0)) for rule in config.statics.hosts
        ]
        self.static_ports = [
            StaticRule(
                TCP if rule.transport == "tcp" else UDP,
                rule.local,
                Endpoint(rule.global_ or interface_address(config, rule.interface), rule.global_port),
            )
            for rule in config.statics.ports
        ]
        self._port_hosts = {rule.local.address: rule.global_.address for rule in reversed(self.static_ports)}
        self.virtual = Distribution(config)
        self.dynamic = [self._dynamic(source) for source in config.dynamic_sources]
        inward = {interface_address(config, name): local for name, local in config.ipsec.inward}
        self.ipsec = IpsecRules(config.ipsec, self._lists, inward)
        statics = [*self.static_hosts, *self.static_ports]
        self._owned = {rule.global_.address for rule in statics}
        self._owned |= {address for interface in config.interfaces.values() for address, _ in interface.addresses}
        self._locals = {rule.local.address for rule in statics} | set(inward.values())
        self._inside_cache: dict[Address, bool] = {}
        self._translated: dict[Address, bool] = {}
        self._dynamic_cache: dict[Address, DynamicRule | None] = {}

    def entry_limits(self) -> EntryLimits:
        """What counts the names that hosts are given."""
        return EntryLimits(self._config.max_entries, self._lists)

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

    def translates(self, address: Address) -> bool:
        """Whether an address is an inside host's that some rule gives another name."""
        known = self._translated.get(address)
        if known is None:
            known = self.is_inside(address) and (address in self._locals or self.dynamic_for(address) is not None)
            if len(self._translated) >= _CACHE_LIMIT:
                self._translated.clear()
            self._translated[address] = known
        return known

    def static_port_host(self, address: Address) -> Address | None:
        """The global address of an inside host of which only single ports are mapped."""
        return self._port_hosts.get(address)

    def is_inside(self, address: Address) -> bool:
        """Whether an address is an inside host's.

        It is when it lies in a network of an inside interface, belongs to a static rule, or is permitted by the
        access list of a rule in a line that names a network: `permit any` says who is translated, not where it is.
        """
        known = self._inside_cache.get(address)
        if known is None:
            if len(self._inside_cache) >= _CACHE_LIMIT:
                self._inside_cache.clear()
            known = self._inside_cache[address] = self._find_inside(address)
        return known

    def owns(self, address: Address) -> bool:
        """Whether an address is one of the gateway's own or of those it gives out."""
        return address in self._owned or any(address in rule.pool for rule in self.dynamic)

    def _find_inside(self, address: Address) -> bool:
        if any(address in network for network in self._inside) or address in self._locals:
            return True
        if self.owns(address) or any(address in network for network in self._outside):
            return False
        lists = [self._lists[rule.source.access_list] for rule in self.dynamic]
        return any(
            access_list.permits(address)
            and any(entry.matches(address) and entry.wildcard != b"\xff" * 4 for entry in access_list.by_source or ())
            for access_list in lists
        )

    def _dynamic(self, source: DynamicSource) -> DynamicRule:
        if source.access_list not in self._lists:
            raise UnusableConfig(f"access list {source.access_list} of a NAT rule does not exist")
        if source.pool is None:
            address = interface_address(self._config, source.interface)
            # One address for all: without its ports it could serve but a single host.
            return DynamicRule(source, AddressPool([(address, address)]), overload=True)
        return DynamicRule(source, self._holdings.pool(source.pool), source.overload)
