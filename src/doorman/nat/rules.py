"""Which rule of the configuration an inside address falls under, and what is inside at all."""

from collections.abc import Collection

from doorman.config.model import Config, DynamicSource
from doorman.nat.distribution import Distribution
from doorman.nat.holdings import Holdings, UnusableConfig, interface_address
from doorman.nat.ipsec_rules import IpsecRules
from doorman.nat.naming import DynamicRule, Naming, StaticRule, outside_locals, outside_naming
from doorman.nat.pools import AddressPool
from doorman.nat.selection import Exits, select
from doorman.net.address_set import AddressSet
from doorman.net.addresses import Address, Endpoint
from doorman.net.memo import remember
from doorman.net.routes import UNKNOWN, Route

__all__ = ["DynamicRule", "Rules", "StaticRule", "UnusableConfig"]


class Rules(Naming):
    """The NAT rules of a configuration, looked up by inside address; their pools are those of the holdings.

    Attributes:
        static_hosts, static_ports, dynamic: the rules about inside hosts.
        virtual: the virtual hosts.
        outside: the rules about outside hosts.
        outside_locals: what these may be called inside.
        looks: how often it was looked anew who is inside; what was said before may be otherwise.

    Raises:
        UnusableConfig: a rule names an interface that has no address.
    """

    def __init__(self, config: Config, holdings: Holdings, route: Route | None = None) -> None:
        exits = Exits(config, route)
        sources = enumerate(config.dynamic_sources, 1)
        dynamic = [_dynamic(number, source, config, holdings, exits) for number, source in sources]
        super().__init__(config.statics, dynamic, config, config.max_entries, exits)
        self._route = route
        self.looks = 0
        self._inside_names = {
            one.name for one in config.interfaces.values() if one.nat == "inside" and not one.shutdown
        }
        self._inside = config.networks("inside")
        self._outside = config.networks("outside")
        self._port_hosts = {rule.local.address: rule.global_.address for rule in reversed(self.static_ports)}
        self.virtual = Distribution(config)
        inward = {interface_address(config, name): local for name, local in config.ipsec.inward}
        self.ipsec = IpsecRules(config.ipsec, self._lists, inward)
        self.outside = outside_naming(config, holdings)
        self._names_outside = bool(config.outside_statics or config.outside_sources)
        self.leaves_some = self.leaves_some or self.outside.leaves_some
        self.outside_locals = outside_locals(config)
        self._routed = outside_locals(config, routed=True)
        own = {address for interface in config.interfaces.values() for address, _ in interface.addresses}
        self._owned = AddressSet(own | self._names, self._lent)
        self._locals |= set(inward.values())
        self._inside_cache: dict[Address, bool] = {}
        self._translated: dict[Address, bool] = {}
        self._renamed: dict[Address, bool] = {}
        self._renamed_inward: dict[Address, bool] = {}

    def leaves(self, protocol: int, end: Endpoint) -> bool:
        """See `Naming.leaves`; of hosts on both sides."""
        return super().leaves(protocol, end) or self.outside.leaves(protocol, end)

    def translates(self, address: Address) -> bool:
        """Whether an address is an inside host's that some rule gives another name."""
        known = self._translated.get(address)
        if known is None:
            known = remember(self._translated, address, self.is_inside(address) and self.gives_name(address))
        return known

    def static_port_host(self, address: Address) -> Address | None:
        """The global address of an inside host of which only single ports are mapped."""
        return self._port_hosts.get(address)

    def is_inside(self, address: Address) -> bool:
        """Whether an address is an inside host's.

        It is when it lies in a network of an inside interface, belongs to a static rule, or is permitted by the
        access list of a rule in a line that names a network: `permit any` says who is translated, not where it is.
        Where a kernel has routes, they say whether a host in no network is behind an inside interface.
        """
        known = self._inside_cache.get(address)
        if known is None:
            known = remember(self._inside_cache, address, self._find_inside(address))
        return known

    def look_anew(self) -> None:
        """Ask for routes again, which may be others by now."""
        if self._route is not None:
            self.looks += 1
            for known in (self._inside_cache, self._translated, self._renamed):
                known.clear()

    def owns(self, address: Address) -> bool:
        """Whether an address is one of the gateway's own or of those it gives out."""
        return address in self._owned

    def renames(self, address: Address) -> bool:
        """Whether what the inside calls so has another name outside."""
        known = self._renamed.get(address)
        if known is None:
            known = remember(self._renamed, address, self.translates(address) or self.outside.is_name(address))
        return known

    def renames_inward(self, address: Address) -> bool:
        """Whether what the outside calls so has another name inside."""
        known = self._renamed_inward.get(address)
        if known is None:
            renamed = self.owns(address) or (self._names_outside and self.outside.gives_name(address))
            known = remember(self._renamed_inward, address, renamed)
        return known

    def renames_any_inward(self, addresses: Collection[Address]) -> bool:
        """Whether one of several has. See `renames_inward`; where most are strangers, this is faster."""
        if self._owned.has_any(addresses):
            return True
        return self._names_outside and any(map(self.outside.gives_name, addresses))

    def is_spoofed(self, address: Address) -> bool:
        """Whether nobody outside can have this address: an inside host has it, and no outside one with another name."""
        return self.is_inside(address) and not self.outside.gives_name(address)

    def _find_inside(self, address: Address) -> bool:
        if address in self._routed:
            return False
        if any(address in network for network in self._inside) or address in self._locals:
            return True
        if self.owns(address) or any(address in network for network in self._outside):
            return False
        way = self._route(address) if self._route is not None and address not in self.outside_locals else UNKNOWN
        if way != UNKNOWN:
            return way in self._inside_names
        return any(rule.selector.is_about(address) for rule in self.dynamic)


def _dynamic(number: int, source: DynamicSource, config: Config, holdings: Holdings, exits: Exits) -> DynamicRule:
    if source.route_map is None and source.access_list not in config.lists:
        raise UnusableConfig(f"access list {source.access_list} of a NAT rule does not exist")
    selector = select(config, source.access_list, source.route_map, exits)
    way = 0 if selector.by_source else number
    if source.pool is None:
        address = interface_address(config, source.interface)
        # One address for all: without its ports it could serve but a single host.
        return DynamicRule(source, AddressPool([(address, address)]), overload=True, selector=selector, way=way)
    return DynamicRule(source, holdings.pool(source.pool), source.overload, selector, way)
