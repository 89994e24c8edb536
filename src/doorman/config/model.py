"""What a configuration says, as values. Rendered by `render`, filled by `commands`, read by the engine.

The leaves are frozen; `Config` itself is what commands edit. Two configurations that say the same compare equal.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from doorman.algs.registry import DEFAULT_PORTS, ENTRIES, REGISTRY, Service
from doorman.algs.settings import Mode, Settings, TcpMode
from doorman.config.access_lists import AccessList, ServiceMatch
from doorman.config.ipsec import Ipsec
from doorman.config.ipv6_lists import Ipv6List
from doorman.config.nat64 import Nat64
from doorman.config.object_groups import ObjectGroup, with_members
from doorman.config.port_map import services_of
from doorman.config.route_maps import RouteMap
from doorman.config.statics import Statics, Transport
from doorman.config.vrf import Vrf
from doorman.config.zones import Firewall
from doorman.net.addresses import Address, Prefix
from doorman.timers import NEVER

NatSide = Literal["inside", "outside"]
PoolType = Literal["generic", "match-host", "rotary"]
ServiceProfile = Literal["rfc4787", "ios"]
"""Where the switches and settings of all ALGs start from."""
Failure = Literal["fail-open", "fail-closed"]
"""What becomes of signalling while nobody inspects it: it passes with plain NAT, or not at all."""


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface, its first address with the length of its network, its side of the NAT, and the VRF it is in.

    With `dhcp` the first address is whichever it gets. `secondary` has further addresses, each with a length. `modes`
    has the mode of each ALG that was said of it, by the names of the ALGs, sorted; `access_in` and `access_out` name
    the access lists that packets must pass; `zone` is its security zone. `nat64`: IPv6 hosts behind it are translated.
    """

    name: str
    address: Address | None = None
    prefix_length: int = 32
    nat: NatSide | None = None
    description: str = ""
    shutdown: bool = False
    modes: tuple[tuple[str, Mode], ...] = ()
    access_in: str | None = None
    access_out: str | None = None
    zone: str | None = None
    vrf: str | None = None
    dhcp: bool = False
    secondary: tuple[tuple[Address, int], ...] = ()
    nat64: bool = False

    @property
    def addresses(self) -> tuple[tuple[Address, int], ...]:
        """All its addresses that are known, the first one first, with the lengths of their networks."""
        first = () if self.address is None else ((self.address, self.prefix_length),)
        return first + self.secondary

    @property
    def networks(self) -> tuple[Prefix, ...]:
        """The networks directly connected to it."""
        return tuple(Prefix(_network(address, length), length) for address, length in self.addresses)

    @property
    def network(self) -> Prefix | None:
        """The network directly connected to it, None where it has no address."""
        if self.address is None:
            return None
        return Prefix(_network(self.address, self.prefix_length), self.prefix_length)


@dataclass(frozen=True, slots=True)
class Pool:
    """`ip nat pool NAME [FIRST LAST] {netmask MASK | prefix-length N} [type TYPE]`, and `address FIRST LAST`.

    Both ends are part of a range; each range lies within one network of the prefix. A pool of type `rotary` has the
    real hosts of a destination, all others names to be given out.
    """

    name: str
    ranges: tuple[tuple[Address, Address], ...]
    prefix_length: int
    type: PoolType = "generic"

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return sum(int.from_bytes(last, "big") - int.from_bytes(first, "big") + 1 for first, last in self.ranges)


@dataclass(frozen=True, slots=True)
class DynamicSource:
    """`ip nat inside source {list ACL | route-map MAP} {pool NAME | interface NAME} [overload] [vrf NAME …]`.

    There is exactly one of pool and interface; the access list is empty where there is a route map.
    """

    access_list: str
    pool: str | None = None
    interface: str | None = None
    overload: bool = False
    vrf: str | None = None
    match_in_vrf: bool = False
    route_map: str | None = None

    @property
    def chooser(self) -> tuple[str, str | None]:
        """What says whom it is about: an access list, or, where there is one, a route map."""
        return self.access_list, self.route_map

    @property
    def chosen_by(self) -> str:
        """What says whom it is about, in the words of its command."""
        return f"list {self.access_list}" if self.route_map is None else f"route-map {self.route_map}"


@dataclass(frozen=True, slots=True)
class OutsideSource:
    """`ip nat outside source list ACL pool NAME [vrf NAME …] [add-route]`: outside hosts get addresses of their own."""

    access_list: str
    pool: str
    add_route: bool = False
    vrf: str | None = None
    match_in_vrf: bool = False


@dataclass(frozen=True, slots=True)
class DynamicDestination:
    """`ip nat inside destination list ACL pool NAME [vrf NAME …]`: what is called by the list is the pool's hosts."""

    access_list: str
    pool: str
    vrf: str | None = None
    match_in_vrf: bool = False


def lifetime(seconds: int | None) -> float:
    """A timeout to reckon with, in seconds."""
    return NEVER if seconds is None else float(seconds)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """`ip nat translation …-timeout`, in seconds; None is `never`. The defaults are those of IOS."""

    translation: int | None = 86_400
    tcp: int | None = 86_400
    udp: int | None = 300
    icmp: int | None = 60
    dns: int | None = 60
    finrst: int | None = 60
    syn: int | None = 60
    pptp: int | None = 86_400
    """Of PPTP: its control connection, and GRE."""
    ports: tuple[tuple[Transport, int, int | None], ...] = ()
    """`ip nat translation port-timeout {tcp|udp} PORT SECONDS`, sorted."""


@dataclass(frozen=True, slots=True)
class MaxEntries:
    """`ip nat translation max-entries …`: how many names may be given out; None and what is not named: no limit.

    `all_vrf` is for each VRF that is not named. `hosts`, `lists` and `vrfs` have a number for each inside host, and for
    each access list and each VRF by its name; all sorted.
    """

    all: int | None = None
    all_host: int | None = None
    hosts: tuple[tuple[Address, int], ...] = ()
    lists: tuple[tuple[str, int], ...] = ()
    all_vrf: int | None = None
    vrfs: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Config:
    """A whole configuration. Dictionaries are keyed by the name that commands use."""

    hostname: str = "Router"
    vrfs: dict[str, Vrf] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    access_lists: dict[str, AccessList] = field(default_factory=dict)
    """As they were written; what uses them takes `lists`."""
    object_groups: dict[str, ObjectGroup] = field(default_factory=dict)
    route_maps: dict[str, RouteMap] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    dynamic_sources: list[DynamicSource] = field(default_factory=list)
    destinations: list[DynamicDestination] = field(default_factory=list)
    statics: Statics = field(default_factory=Statics)
    others: Statics = field(default_factory=Statics)
    """Of one VRF's part of a configuration: what other VRFs have of the same outside, see `realms`."""
    members_elsewhere: dict[str, str | None] = field(default_factory=dict)
    """Of such a part: the security zones of the interfaces that it has not."""
    outside_sources: list[OutsideSource] = field(default_factory=list)
    outside_statics: Statics = field(default_factory=lambda: Statics(in_vrf=True))
    """Of outside hosts: `local` is their outside global address, `global_` the outside local one, known in its VRF."""
    profile: ServiceProfile | None = None
    """`ip nat service profile`: what `services` and `settings` started from; only commands and rendering ask."""
    services: dict[Service, frozenset[int]] = field(default_factory=lambda: ports_at_first(None))
    """The ports each ALG listens to, by ALG and transport; an empty set is an ALG switched off."""
    settings: dict[str, Settings] = field(default_factory=lambda: settings_at_first(None))
    """What else is said of each ALG, by its name."""
    failures: dict[str, Failure] = field(default_factory=dict)
    """What was said of each ALG's failure, by its name."""
    timeouts: Timeouts = Timeouts()
    max_entries: MaxEntries = MaxEntries()
    firewall: Firewall = field(default_factory=Firewall)
    ipsec: Ipsec = field(default_factory=Ipsec)
    nat64: Nat64 = field(default_factory=Nat64)
    ipv6_lists: dict[str, Ipv6List] = field(default_factory=dict)

    @property
    def lists(self) -> dict[str, AccessList]:
        """The access lists, with what the groups hold that their lines use."""
        return {name: with_members(listed, self.object_groups) for name, listed in self.access_lists.items()}

    @property
    def settings_with_lists(self) -> dict[str, Settings]:
        """The settings of each ALG, with the access lists that they may name: those that say which hosts are meant."""
        lists = {name: listed for name, listed in self.lists.items() if listed.by_source is not None}
        return {alg: replace(settings, lists=lists) for alg, settings in self.settings.items()}

    def failure(self, alg: str) -> Failure:
        """What becomes of an ALG's signalling on the live gateway while nobody inspects it."""
        return self.failures.get(alg, "fail-open")

    @property
    def fails_open(self) -> bool:
        """Whether what goes to the queue passes while nobody inspects it: if all ALGs served there say so."""
        queued = self.ports("udp").keys() | self.ports("tcp", "vtcp").keys()
        return all(self.failure(alg) == "fail-open" for alg in queued)

    @property
    def served(self) -> dict[Service, frozenset[int]]:
        """The ports at which each ALG is at work: those it listens to, and those that `ip port-map` adds for all."""
        found = dict(self.services)
        for mapped in self.firewall.port_maps:
            for transport in mapped.transports if mapped.access_list is None else ():
                service = Service(mapped.protocol, transport)
                if found.get(service):
                    found[service] |= {mapped.port}
        return found

    def ports(self, transport: Transport, tcp_mode: TcpMode | None = None) -> dict[str, frozenset[int]]:
        """The ports of the ALGs that serve a transport, by their names; of TCP those in this mode, if one is given."""
        return {
            service.alg: ports
            for service, ports in self.served.items()
            if service.transport == transport and ports and tcp_mode in {None, self.settings[service.alg].tcp_mode}
        }

    @property
    def flow_ports(self) -> dict[str, frozenset[int]]:
        """The ports of UDP whose flows are inspected from their first datagram on, by the names of their ALGs."""
        return {alg: ports for alg, ports in self.ports("udp").items() if not ENTRIES[alg].of_hosts}

    @property
    def carried_ports(self) -> dict[str, frozenset[int]]:
        """Those at which an ALG looks at datagrams that a kernel carries all the same."""
        return {alg: ports for alg, ports in self.ports("udp").items() if ENTRIES[alg].of_hosts}

    def application(self, name: str) -> dict[str | None, tuple[ServiceMatch, ...]]:
        """What packets of an application carry, as `match protocol` means it; see `port_map.services_of`."""
        served = {service.transport: ports for service, ports in self.services.items() if service.alg == name and ports}
        return services_of(name, self.firewall.port_maps, served)

    @property
    def zone_members(self) -> dict[str, str | None]:
        """The security zone of each interface that is not shut down, in whichever VRF; None for one that is in none."""
        own = {one.name: self.firewall.zone_of(one.zone) for one in self.interfaces.values() if not one.shutdown}
        return own | self.members_elsewhere

    def networks(self, side: NatSide) -> list[Prefix]:
        """The networks directly connected to the interfaces of one side of the NAT that are not shut down."""
        return [
            network
            for interface in self.interfaces.values()
            if interface.nat == side and not interface.shutdown
            for network in interface.networks
        ]


def ports_at_first(profile: ServiceProfile | None) -> dict[Service, frozenset[int]]:
    """The ports of each ALG before any line about it: the registry's, or with `rfc4787` none (REQ-10)."""
    return dict(DEFAULT_PORTS) if profile != "rfc4787" else dict.fromkeys(DEFAULT_PORTS, frozenset())


def settings_at_first(profile: ServiceProfile | None) -> dict[str, Settings]:
    """The settings of each ALG before any line about it: the registry's, for a profile that it knows or for none."""
    return {entry.name: entry.profiles.get(profile or "", entry.settings) for entry in REGISTRY}


def _network(address: Address, length: int) -> Address:
    host_bits = len(address) * 8 - length
    return Address((int.from_bytes(address, "big") >> host_bits << host_bits).to_bytes(len(address), "big"))
