"""The gateway's nft table, as text for libnftables: `nft list table ip doorman` shows it with the tables filled.

    prerouting  -150  inspect      signalling to the queue, or marked for the proxy; others pass after three questions
    prerouting  -149  judged       segments of spliced connections: from the queue, or reset        (TCP mode vtcp)
    output      -300  made         segments that we made pass conntrack, they are translated        (TCP mode vtcp)
    (the chains for IPsec, see `chains.ipsec`)
    prerouting  -101  (the redirect to the proxy, see `redirect`)
    prerouting  -100  translate_in  doors, static names: where a flow from outside leads
    forward       10  dns_forward  messages of DNS to the queue in which an address may be translated
    postrouting   99  strays_new   what nothing translates, and must not be seen as it is
    postrouting  100  translate_out names: what an inside host is called outside; ordinary flows by pool or interface
    prerouting  -160  access_in    access lists of the interfaces that packets come by
    postrouting  110  access_out   access lists of the interfaces that they leave by
    forward, input, output 0  zone_…   the zone-based firewall; for IPv6 in a table of family ip6, see `chains.ipv6`
    prerouting  -151  outside_way  the way of what goes to outside hosts with inside addresses
    prerouting  -300  vrf_zone     the conntrack zone of a VRF's packets, and `vrf_made` in output      (with VRFs)
    prerouting   -99  vrf_route    its routing mark                                                 (with VRFs)

Header translation is conntrack's: the chains of type nat see the first packet of a flow only. A first start, a later
one and a change of the configuration are one transaction each: sets keep their elements, and only chains whose rules
are others are filled anew, since packets wait for a verdict, see `hooks`. The tables' elements are not in it: they
follow the engine, see `tables`.

    doors, doors_any    visitor . entrance, or entrance alone -> inside end       while a door is open
    entrances           entrance -> inside end                                    static ports
    hosts(_in)          inside host <-> global address                            static hosts
    leases(_in)         the same, leased from a pool, and `leased`, its keys
    outside_hosts(_in)  outside local <-> outside global address                  static names of outside hosts
    outside_ports(_in)  the same of ports; outside_leases(_in), `outside_leased`: as those of inside hosts
    bindings            inside end -> name                                        every port that has a name
    promised_N, bindings_N, hosts_N, leased_N    see `chains.flow_names`
    names               names given out: without a door nothing new comes in, and leaves no trace that would block media
    inspected           names at which signalling arrives; `whole`, global addresses of whole hosts
    single, esp_…, ike_…  see `chains.ipsec`
    legs                port of a second leg -> name                              while the proxy connects
    let_in…             visitor . end where a door leads, or that alone               while it is open, past a firewall
    quoted              every name of a port, for ICMP errors about it            with VRFs that share an outside

The chains are in `chains`, a file for each family.
"""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from doorman.config.model import Config
from doorman.dataplanes.netfilter.chains.access import AccessChains
from doorman.dataplanes.netfilter.chains.destinations import DestinationChains
from doorman.dataplanes.netfilter.chains.dns import DnsChains
from doorman.dataplanes.netfilter.chains.expressions import (
    ENDPOINT,
    QUOTED,
    TO_ALG,
    Chain,
    Setting,
    UnsupportedConfig,
    interface_names,
)
from doorman.dataplanes.netfilter.chains.filling import filled
from doorman.dataplanes.netfilter.chains.flow_names import FlowNameChains, sets_of_flows
from doorman.dataplanes.netfilter.chains.inspect import InspectChains
from doorman.dataplanes.netfilter.chains.ipsec import SETS as IPSEC_SETS
from doorman.dataplanes.netfilter.chains.ipsec import IpsecChains
from doorman.dataplanes.netfilter.chains.ipv6 import ipv6_left, ipv6_lines
from doorman.dataplanes.netfilter.chains.leasing import LeaseChains
from doorman.dataplanes.netfilter.chains.limits import LimitChains
from doorman.dataplanes.netfilter.chains.outside import OutsideChains
from doorman.dataplanes.netfilter.chains.sources import SourceChains
from doorman.dataplanes.netfilter.chains.strays import StrayChains
from doorman.dataplanes.netfilter.chains.translate import TranslateChains
from doorman.dataplanes.netfilter.chains.vrf import VrfChains
from doorman.dataplanes.netfilter.chains.zones import BLOCKED, COUNTING, ZoneChains
from doorman.dataplanes.netfilter.chains.zones import SETS as ZONE_SETS
from doorman.dataplanes.netfilter.elements import NFPROTO_IPV4, NFPROTO_IPV6
from doorman.dataplanes.netfilter.hooks import HookedChain
from doorman.dataplanes.netfilter.lifetimes import media_timeout, spliced_timeouts, timeouts_of
from doorman.dataplanes.netfilter.packed import Element, text_of
from doorman.dataplanes.netfilter.tables import Tables

SETS = {
    "doors": f"map doors {{ type ipv4_addr . {ENDPOINT} : ipv4_addr . inet_service; flags timeout; }}",
    "doors_any": f"map doors_any {{ type {ENDPOINT} : ipv4_addr . inet_service; flags timeout; }}",
    "entrances": f"map entrances {{ type {ENDPOINT} : ipv4_addr . inet_service; }}",
    "bindings": f"map bindings {{ type {ENDPOINT} : ipv4_addr . inet_service; flags timeout; }}",
    "hosts": "map hosts { type ipv4_addr : ipv4_addr; }",
    "hosts_in": "map hosts_in { type ipv4_addr : ipv4_addr; }",
    "leases": "map leases { type ipv4_addr : ipv4_addr; }",
    "leases_in": "map leases_in { type ipv4_addr : ipv4_addr; }",
    "leased": "set leased { type ipv4_addr; }",
    "whole": "set whole { type ipv4_addr; }",
    "outside_hosts": "map outside_hosts { type ipv4_addr : ipv4_addr; }",
    "outside_hosts_in": "map outside_hosts_in { type ipv4_addr : ipv4_addr; }",
    "outside_ports": f"map outside_ports {{ type {ENDPOINT} : ipv4_addr . inet_service; }}",
    "outside_ports_in": f"map outside_ports_in {{ type {ENDPOINT} : ipv4_addr . inet_service; }}",
    "outside_leases": "map outside_leases { type ipv4_addr : ipv4_addr; }",
    "outside_leases_in": "map outside_leases_in { type ipv4_addr : ipv4_addr; }",
    "outside_leased": "set outside_leased { type ipv4_addr; }",
    "names": f"set names {{ type {ENDPOINT}; flags timeout; }}",
    "inspected": f"set inspected {{ type {ENDPOINT}; }}",
    **ZONE_SETS,
    **IPSEC_SETS,
}
"""The sets and maps that follow the engine, by name, each with its definition."""
_QUOTED = f"set quoted {{ typeof {QUOTED}; flags timeout; }}"
_CHANGING = (
    *("access_", "acl_", "begin_virtual_", "dns_", "zone_", "zbf_", "ipsec_", "outside_way", "vrf_"),
    *("flows", "kept", "map_", "name", "source_", "pool_", "lease_", "leasing", "shared_", "stray"),
)
"""How the names of chains begin that some configurations need and others do not."""
_LEGS = "map legs { type inet_service : ipv4_addr . inet_service; flags timeout; }"


class Present(NamedTuple):
    """What there is already.

    Attributes:
        chains, counters, sets: the names of those that the table has.
        hooked: of the chains, those in the road of packets.
        known: the chains whose rules are known, by name.
        ipv6: the names of the chains that the table of family ip6 has.
        indexes: of the machine's interfaces, by their names.
        tunnels: whether hosts have tunnels of IPsec.
    """

    chains: Collection[str] = ()
    counters: Collection[str] = ()
    sets: Collection[str] = ()
    hooked: Collection[str] = ()
    known: Mapping[str, Chain] = MappingProxyType({})
    ipv6: Collection[str] = ()
    indexes: Mapping[str, int] = MappingProxyType({})
    tunnels: bool = False


class SetUp(NamedTuple):
    """What is to be done.

    Attributes:
        script: the commands.
        chains: the chains of family ip that are wanted, by name.
        hooks: whether some of them are new in the road of packets.
        idle: chains that stay in the road of packets, and have no rules any more.
        ipv6: whether there is a table of family ip6 then.
    """

    script: str
    chains: dict[str, Chain]
    hooks: bool
    idle: list[HookedChain]
    ipv6: bool


def sets_of(config: Config, setting: Setting) -> dict[str, str]:
    """The sets and maps of a table that follow the engine, by name, each with its definition."""
    quoted = {"quoted": _QUOTED} if setting.zone is not None and setting.zone.by_name else {}
    return SETS | quoted | sets_of_flows(config)


def set_up(config: Config, setting: Setting, present: Present = Present(), *, dry: bool = False) -> SetUp:  # noqa: B008 - a constant
    """What makes the table, or changes what is present of it to fit the configuration.

    `dry`: it is for the kernel to look at only, so no chain comes into the road of packets.

    Raises:
        UnsupportedConfig: an interface is missing, or a pool cannot be expressed.
    """
    _refuse_unsupported(config)
    table = setting.table
    limits = LimitChains(config)
    access, zones = AccessChains(config, setting), ZoneChains(config, setting, present.chains)
    ipsec = IpsecChains(config, setting, tunnels=present.tunnels)
    strays = StrayChains(config, setting, present.indexes)
    families = (
        InspectChains(config, setting, ipsec, strays),
        DnsChains(config, setting),
        TranslateChains(config, setting, ipsec),
        SourceChains(config),
        FlowNameChains(config, setting),
        LeaseChains(config, setting),
        DestinationChains(config),
        ipsec,
        OutsideChains(config),
        strays,
        limits,
        access,
        zones,
        VrfChains(config, setting),
    )
    chains = {chain.name: chain for family in families for chain in family.chains()}
    counters = [*access.counters(), *zones.counters()]
    definitions = (*sets_of(config, setting).values(), _LEGS, *limits.sets, *zones.sets())
    new = {name for name, chain in chains.items() if chain.hook and name not in present.chains}
    lines = [
        *skeleton(table).splitlines(),
        *(f"add {definition.replace(' ', f' ip {table} ', 1)}" for definition in definitions),
        *(_timeouts(config, zones, table) if setting.timeouts else ()),
        *(f"add counter ip {table} {name}" for name in counters),
        *filled(f"ip {table}", chains.values(), present.known, new if dry else ()),
        *_remove(table, present, chains, counters, {definition.split(" ", 2)[1] for definition in definitions}),
        *(of_ipv6 := list(ipv6_lines(config, table, present.ipv6, dry=dry))),
    ]
    idle = [HookedChain(NFPROTO_IPV4, name) for name in _left(present, chains) if name in present.hooked]
    idle += [HookedChain(NFPROTO_IPV6, name) for name in ipv6_left(config, present.ipv6)]
    return SetUp("\n".join(lines) + "\n", chains, bool(new), idle, bool(of_ipv6))


def filling(config: Config, setting: Setting, tables: Tables, now: float) -> Iterator[str]:
    """The commands that let the sets hold these elements alone."""
    table, sets = setting.table, sets_of(config, setting)
    elements: dict[str, list[Element]] = {name: [] for name in sets}
    for element in tables:
        elements[element.set_name].append(element)
    lingering = [_with_timeout(element, timeout) for element, timeout in tables.lingering(now)]
    for name, definition in sets.items():
        yield f"flush {definition.split(' ', 1)[0]} ip {table} {name}\n"
        is_timed = "timeout" in definition  # of others nothing ends by itself
        texts = [_with_timeout(element, tables.timeout(element, now) if is_timed else 0) for element in elements[name]]
        if name == "names":
            texts += lingering
        if texts:
            yield f"add element ip {table} {name} {{ {', '.join(texts)} }}\n"


def _with_timeout(element: Element, timeout: int) -> str:
    text = text_of(element)
    if not timeout:
        return text
    key, colon, data = text.partition(" : ")
    return f"{key} timeout {timeout // 1000 + 1}s{colon}{data}"


def skeleton(table: str) -> str:
    """The commands that make the table with nothing but the chain for the queue."""
    return f"add table ip {table}\nadd chain ip {table} {TO_ALG}\n"


def _refuse_unsupported(config: Config) -> None:
    if not interface_names(config, "inside") or not interface_names(config, "outside"):
        raise UnsupportedConfig("the gateway needs an interface with `ip nat inside` and one with `ip nat outside`")


def _left(present: Present, chains: Collection[str]) -> list[str]:
    """The chains that an earlier configuration needed and this one does not; of fixed names they stay, they are few."""
    return [name for name in sorted(present.chains) if name.startswith(_CHANGING) and name not in chains]


def _remove(
    table: str, present: Present, chains: Collection[str], counters: Collection[str], sets: Collection[str]
) -> Iterator[str]:
    """What an earlier configuration needed and this one does not; chains in the road of packets are emptied only."""
    left = _left(present, chains)
    yield from (f"flush chain ip {table} {name}" for name in left)
    yield from (f"delete chain ip {table} {name}" for name in left if name not in present.hooked)
    yield from (f"delete counter ip {table} {name}" for name in sorted(present.counters) if name not in counters)
    gone = [name for name in sorted(present.sets) if name.startswith((BLOCKED, COUNTING)) and name not in sets]
    yield from (f"delete set ip {table} {name}" for name in gone)


def _timeouts(config: Config, zones: ZoneChains, table: str) -> Iterator[str]:
    spliced = spliced_timeouts(config.timeouts) if config.ports("tcp", "vtcp") else ()
    for timeout in [*timeouts_of(config.timeouts), media_timeout(config), *spliced, *zones.timeouts()]:
        policy = f"protocol {timeout.protocol}; l3proto ip; {timeout.policy}"
        yield f"add ct timeout ip {table} {timeout.name} {{ {policy} }}"
