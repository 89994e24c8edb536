"""Hypothesis strategies: whole configurations of a gateway, whose rules name only what there is."""

import string
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import strategies as st

from doorman.algs.dns.settings import DnsSettings
from doorman.algs.ftp.settings import FtpSettings
from doorman.algs.rcmd.settings import RcmdSettings
from doorman.algs.registry import DEFAULT_PORTS
from doorman.algs.rtsp.settings import RtspSettings
from doorman.algs.settings import Mode, Settings
from doorman.algs.sip.settings import SipSettings
from doorman.algs.tftp.settings import TftpSettings
from doorman.config.access_lists import (
    AccessEntry,
    AccessList,
    Entry,
    ExtendedEntry,
    HostGroup,
    Hosts,
    Log,
    Operator,
    Ports,
    ServiceGroup,
    ServiceMatch,
)
from doorman.config.distinct import Distinct
from doorman.config.faults import MOST_REAL_HOSTS
from doorman.config.interface_names import natural_order, read_interface_name
from doorman.config.ipsec import Ipsec
from doorman.config.ipv6_lists import Ipv6List, about
from doorman.config.model import (
    Config,
    DynamicDestination,
    DynamicSource,
    Failure,
    Interface,
    MaxEntries,
    NatSide,
    OutsideSource,
    Pool,
    PoolType,
    Timeouts,
    ports_at_first,
    settings_at_first,
)
from doorman.config.nat64 import Nat64, Nat64Pool, Nat64Rule, Nat64Static
from doorman.config.object_groups import GroupKind, Member, Nested, ObjectGroup, Range
from doorman.config.realms import outside_of
from doorman.config.route_maps import RouteMap, RouteMapEntry
from doorman.config.statics import Static, StaticHost, StaticNetwork, StaticPort, Statics, Transport
from doorman.config.vrf import Family, Vrf
from doorman.net.addresses import Address, Endpoint, Prefix, address_text, parse_prefix
from doorman.net.embedding import LENGTHS

ports = st.integers(1, 65_535)
seconds = st.none() | st.integers(1, 536_870)
tcp: Transport = "tcp"
udp: Transport = "udp"
transports = st.sampled_from((tcp, udp))
numbers = st.integers(1, 99) | st.integers(1300, 1999)
printable = st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" ")
texts = st.text(printable, min_size=1, max_size=40).map(lambda text: text.strip(" ") or "x")
"""What a comment or a description may be; made of what may be in it, since filters cost more than all else."""
words = st.text(string.ascii_letters + string.digits + "-_.!{}|[]^", min_size=1, max_size=12)
names = st.sampled_from(
    ["in0", "out0", "eth0.100", "eth2", "eth10", "GigabitEthernet0/0/0", "lan", "wan"]
) | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,15}", fullmatch=True).filter(
    lambda name: read_interface_name(name) == (name, len(name))
)


def ipv4(number: int) -> Address:
    return Address(number.to_bytes(4, "big"))


hosts = st.integers(0x01000000, 0x7EFFFFFF).map(ipv4) | st.integers(0x80000000, 0xDFFFFFFF).map(ipv4)


inside: NatSide = "inside"
outside: NatSide = "outside"
sides = st.sampled_from((None, inside, outside))
fail_open: Failure = "fail-open"
fail_closed: Failure = "fail-closed"
failures = st.dictionaries(
    st.sampled_from(sorted({service.alg for service in DEFAULT_PORTS})), st.sampled_from((fail_open, fail_closed))
)


full: Mode = "full"
pinhole_only: Mode = "pinhole-only"
observe: Mode = "observe"
off: Mode = "off"
modes = st.sampled_from((full, pinhole_only, observe, off))


sip_settings = st.builds(
    SipSettings,
    max_message_size=st.integers(8_192, 65_535),
    oversized=st.sampled_from(("drop", "pass")),
    malformed=st.sampled_from(("drop", "pass", "pass nat-applied", "pass routed")),
    inactive_media_timeout=st.integers(10, 2_550),
    maximum_call_duration=st.integers(3, 7_200),
    t1_interval=st.integers(500, 5_000),
    t4_interval=st.integers(5, 10),
    c_timeout=st.integers(3, 10),
    hold=st.sampled_from(("release", "retain")),
    max_streams=st.integers(1, 64),
    unknown_message=st.sampled_from(("drop", "permit", "permit nat-applied", "permit routed")),
    calls=st.integers(1, 1_000_000),
    incoming_calls=st.integers(1, 1_000_000),
    headers=st.integers(16, 4_096),
    header_length=st.integers(128, 65_535),
    values=st.integers(16, 65_535),
    doors=st.integers(2, 4_096),
    signalling_doors=st.integers(1, 256),
    protect_deny_time=st.integers(0, 3_600),
    protect_threshold=st.integers(1, 10_000),
    protect_period=st.integers(1, 3_600),
    protect_rate=st.integers(0, 100_000),
    protect_against=st.sampled_from(("outside", "everyone")),
    mode=modes,
    tcp_mode=st.sampled_from(("l4f", "vtcp")),
)
ftp_settings = st.builds(
    FtpSettings,
    max_message_size=st.integers(8_192, 65_535),
    oversized=st.sampled_from(("drop", "pass")),
    malformed=st.sampled_from(("drop", "pass", "pass nat-applied", "pass routed")),
    data_timeout=st.integers(5, 3_600),
    commands=st.integers(16, 4_096),
    mode=modes,
    tcp_mode=st.sampled_from(("l4f", "vtcp")),
)
_malformed = st.sampled_from(("drop", "pass", "pass nat-applied", "pass routed"))
datagram_settings = st.builds(Settings, malformed=_malformed, mode=modes)
stream_settings = st.builds(
    Settings,
    max_message_size=st.integers(8_192, 65_535),
    oversized=st.sampled_from(("drop", "pass")),
    malformed=_malformed,
    mode=modes,
    tcp_mode=st.sampled_from(("l4f", "vtcp")),
)
rcmd_settings = st.builds(
    RcmdSettings,
    malformed=_malformed,
    data_timeout=st.integers(5, 3_600),
    mode=modes,
    tcp_mode=st.sampled_from(("l4f", "vtcp")),
)
dns_settings = st.builds(
    DnsSettings,
    max_message_size=st.integers(8_192, 65_535),
    oversized=st.sampled_from(("drop", "pass")),
    malformed=_malformed,
    reset_ttl=st.booleans(),
    mode=modes,
    tcp_mode=st.sampled_from(("l4f", "vtcp")),
)
tftp_settings = st.builds(
    TftpSettings,
    malformed=_malformed,
    data_timeout=st.integers(5, 3_600),
    requests=st.integers(16, 4_096),
    mode=modes,
)
rtsp_settings = st.builds(
    RtspSettings,
    max_message_size=st.integers(8_192, 65_535),
    oversized=st.sampled_from(("drop", "pass")),
    malformed=_malformed,
    session_timeout=st.integers(10, 86_400),
    streams=st.integers(1, 64),
    sessions=st.integers(1, 1_000_000),
    requests=st.integers(16, 4_096),
    mode=modes,
    tcp_mode=st.sampled_from(("l4f", "vtcp")),
)
settings_of: dict[str, st.SearchStrategy[Settings]] = {
    "sip": sip_settings,
    "ftp": ftp_settings,
    "rtsp": rtsp_settings,
    "netbios-ns": datagram_settings,
    "netbios-dgm": datagram_settings,
    "netbios-ssn": stream_settings,
    "tftp": tftp_settings,
    "ldap": st.builds(
        Settings,
        max_message_size=st.integers(8_192, 65_535),
        malformed=_malformed,
        mode=modes,
        tcp_mode=st.sampled_from(("l4f", "vtcp")),
    ),
    "rcmd": rcmd_settings,
    "dns": dns_settings,
}
interface_modes = st.dictionaries(st.sampled_from(sorted(settings_of)), modes).map(
    lambda all_: tuple(sorted(all_.items()))
)


extended_numbers = st.integers(100, 199) | st.integers(2000, 2699)
list_names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,15}", fullmatch=True)
applied = st.none() | list_names | extended_numbers.map(str)


families: st.SearchStrategy[tuple[Family, ...]] = st.sampled_from(((), ("ipv4",), ("ipv4", "ipv6"), ("ipv6",)))
no_families: tuple[Family, ...] = ()
vrf_names = st.sampled_from(("red", "blue", "Customer_7-b"))
said: dict[str, st.SearchStrategy[str]] = {"distinguisher": st.just("") | words, "description": st.just("") | texts}
vrfs = st.lists(
    st.builds(Vrf, vrf_names, by_ip=st.sampled_from((True,)), families=st.just(no_families), **said)
    | st.builds(Vrf, vrf_names, families=families, **said),
    max_size=2,
    unique_by=lambda vrf: vrf.name,
)


@st.composite
def interfaces(draw: st.DrawFn, vrfs: list[str]) -> dict[str, Interface]:
    """Interfaces in networks that do not overlap, or in different VRFs."""
    found: dict[str, Interface] = {}
    for index, name in enumerate(draw(st.lists(names, max_size=4, unique=True))):
        length = draw(st.integers(8, 32))
        within = draw(st.sampled_from([None, *vrfs]))
        network = (10 + (index if within is None else 0)) << 24
        if within is not None and any(other.vrf == within for other in found.values()):
            within, network = None, (10 + index) << 24
        lowest, highest = (1, (1 << (32 - length)) - 2) if length < 31 else (0, (1 << (32 - length)) - 1)
        address = ipv4(network + draw(st.integers(lowest, highest))) if draw(st.booleans()) else None
        side = draw(sides)
        description = draw(st.just("") | texts)
        prefix = length if address is not None else 32
        lists = draw(st.tuples(applied, applied))
        off = draw(st.booleans())
        dhcp = address is None and draw(st.booleans())
        secondary = tuple((ipv4(network + (1 << 23) + 5 + (step << 16)), 24) for step in range(draw(st.integers(0, 2))))
        if length < 24:
            secondary = ()
        found[name] = Interface(
            name,
            address,
            prefix,
            side,
            description,
            off,
            draw(interface_modes),
            *lists,
            vrf=within,
            dhcp=dhcp,
            secondary=secondary,
        )
    return found


@st.composite
def matched_hosts(draw: st.DrawFn) -> Hosts:
    wildcard = draw(st.sampled_from((0, 0xFF, 0xFFFFFFFF)) | st.integers(0, 0xFFFFFFFF))
    return Hosts(ipv4(draw(st.integers(0, 0xFFFFFFFF)) & ~wildcard), ipv4(wildcard))


@st.composite
def entries(draw: st.DrawFn) -> AccessEntry:
    hosts = draw(matched_hosts())
    return AccessEntry(draw(st.booleans()), hosts.address, hosts.wildcard, draw(st.sampled_from(no_log)))


no_log: tuple[Log, ...] = ("", "log")
logs: tuple[Log, ...] = ("", "log", "log-input")
several: tuple[Operator, ...] = ("eq", "neq")
single: tuple[Operator, ...] = ("gt", "lt")
any_port = st.integers(0, 65_535) | st.sampled_from((20, 53, 80, 514))
matched_ports = st.one_of(
    st.builds(Ports, st.sampled_from(several), st.lists(any_port, min_size=1, max_size=10).map(tuple)),
    st.builds(Ports, st.sampled_from(single), any_port.map(lambda port: (port,))),
    st.tuples(any_port, any_port).map(lambda ends: Ports("range", (min(ends), max(ends)))),
)
octets = st.integers(0, 255)
NO_GROUPS: Mapping[str, ObjectGroup] = {}


@st.composite
def services(draw: st.DrawFn) -> ServiceMatch:
    protocol = draw(st.sampled_from((0, 1, 6, 6, 17, 17, 47, 50)) | octets)
    if protocol == 1:
        return ServiceMatch((1,), icmp=draw(st.none() | st.tuples(octets, st.none() | octets)))
    if protocol in {6, 17}:
        return ServiceMatch((protocol,), draw(st.none() | matched_ports), draw(st.none() | matched_ports))
    return ServiceMatch((protocol,))


@st.composite
def networks(draw: st.DrawFn) -> Hosts:
    host_bits = (1 << draw(st.integers(0, 32))) - 1
    return Hosts(ipv4(draw(st.integers(0, 2**32 - 1)) & ~host_bits), ipv4(host_bits))


group_kinds: tuple[GroupKind, ...] = ("network", "service")
addresses = st.integers(0, 2**32 - 1).map(ipv4)
address_ranges = st.tuples(addresses, addresses).map(lambda ends: Range(min(ends), max(ends)))
tcp_udp_services = st.builds(ServiceMatch, st.just((6, 17)), st.none() | matched_ports, st.none() | matched_ports)


@st.composite
def object_groups(draw: st.DrawFn) -> dict[str, ObjectGroup]:
    """Groups that may hold those before them."""
    found: dict[str, ObjectGroup] = {}
    for name in draw(st.lists(words, max_size=4, unique=True)):
        kind = draw(st.sampled_from(group_kinds))
        members: st.SearchStrategy[Member] = (
            networks() | address_ranges if kind == "network" else services() | tcp_udp_services
        )
        known = [group.name for group in found.values() if group.kind == kind]
        if known:
            members |= st.sampled_from(known).map(Nested)
        description = draw(st.just("") | texts)
        found[name] = ObjectGroup(name, kind, Distinct(draw(st.lists(members, max_size=4, unique=True))), description)
    return found


@st.composite
def extended_entries(draw: st.DrawFn, groups: Mapping[str, ObjectGroup] = NO_GROUPS) -> ExtendedEntry:
    named = {kind: [group.name for group in groups.values() if group.kind == kind] for kind in group_kinds}
    hosts: st.SearchStrategy[Hosts | HostGroup] = matched_hosts()
    if named["network"]:
        hosts |= st.sampled_from(named["network"]).map(HostGroup)
    service: ServiceMatch | ServiceGroup = draw(services())
    is_tcp = isinstance(service, ServiceMatch) and service.protocols == (6,)
    if draw(st.booleans()) and named["service"]:
        service, is_tcp = ServiceGroup(draw(st.sampled_from(named["service"]))), False
    return ExtendedEntry(
        draw(st.booleans()),
        service,
        draw(hosts),
        draw(hosts),
        established=is_tcp and draw(st.booleans()),
        log=draw(st.sampled_from(logs)),
    )


@st.composite
def access_lists(draw: st.DrawFn, groups: Mapping[str, ObjectGroup]) -> dict[str, AccessList]:
    found = {}
    for name in draw(st.lists(numbers | extended_numbers | list_names, max_size=4, unique=True)):
        extended = draw(st.booleans()) if isinstance(name, str) else name in {*range(100, 200), *range(2000, 2700)}
        least = 0 if isinstance(name, str) else 1
        line: st.SearchStrategy[Entry] = extended_entries(groups) if extended else entries()
        lines = draw(st.lists(line, min_size=least, max_size=4, unique=True))
        places = sorted(draw(st.lists(st.integers(0, len(lines)), max_size=3)))
        remarks = tuple((place, draw(texts)) for place in places)
        steps = tuple(sorted(draw(st.sets(st.integers(1, 2**31 - 1), min_size=len(lines), max_size=len(lines)))))
        chosen = () if steps == tuple(range(10, 10 + 10 * len(steps), 10)) else draw(st.sampled_from(((), steps)))
        found[str(name)] = AccessList(str(name), Distinct(lines), remarks, Distinct(chosen), extended)
    return found


generic: PoolType = "generic"
match_host: PoolType = "match-host"
rotary: PoolType = "rotary"
pool_types = generic, match_host, rotary


@st.composite
def pools(draw: st.DrawFn) -> dict[str, Pool]:
    found = {}
    for name in draw(st.lists(words, max_size=3, unique=True)):
        ends = sorted(draw(st.lists(hosts, min_size=2, max_size=6, unique=True)))
        pairs = tuple(zip(ends[::2], ends[1::2], strict=False))
        least = min(
            32 - (int.from_bytes(first, "big") ^ int.from_bytes(last, "big")).bit_length() for first, last in pairs
        )
        if least:
            found[name] = Pool(name, pairs, draw(st.integers(1, least)), draw(st.sampled_from(pool_types)))
    return found


@st.composite
def statics(draw: st.DrawFn, config: Config) -> Statics:
    """Statics that do not stand in each other's way; some share a host or an address."""
    found = Statics()
    addresses = draw(st.lists(hosts, min_size=2, max_size=5, unique=True))
    for index in range(draw(st.integers(0, 6))):
        rule = draw(static_rules(addresses, config, 1_000 + index))
        if found.obstacle(rule) is None:
            found.add(rule)
    return found


@st.composite
def places(draw: st.DrawFn, config: Config) -> tuple[str | None, bool]:
    """The VRF of a rule, and whether its outside is in that too."""
    vrf = draw(st.sampled_from([None, *config.vrfs]))
    return vrf, vrf is not None and outside_of(config, vrf) == vrf and draw(st.booleans())


def interfaces_for(config: Config, vrf: str | None) -> list[str]:
    """Those that a rule of a VRF may name."""
    outside = outside_of(config, vrf)
    return [name for name, one in config.interfaces.items() if one.nat != "outside" or one.vrf == outside]


@st.composite
def static_rules(draw: st.DrawFn, addresses: list[Address], config: Config, port: int) -> Static:
    vrf, matched = draw(places(config))
    local, global_ = draw(st.sampled_from(addresses)), draw(st.sampled_from(addresses) | hosts)
    extendable, left = draw(st.booleans()), draw(st.booleans())
    match draw(st.sampled_from(("host", "port", "network"))):
        case "host":
            return StaticHost(local, global_, extendable, vrf, matched, no_payload=left)
        case "network":
            length = draw(st.integers(20, 32))
            first, seen_as = (
                ipv4(int.from_bytes(end, "big") >> (32 - length) << (32 - length)) for end in (local, global_)
            )
            return StaticNetwork(first, seen_as, length, extendable, vrf, matched, no_payload=left)
    interface = draw(st.sampled_from([None, *interfaces_for(config, vrf)]))
    named = None if interface else global_
    end = Endpoint(local, draw(ports))
    return StaticPort(draw(transports), end, named, interface, port, extendable, vrf, matched, no_payload=left)


@st.composite
def dynamic_rules(draw: st.DrawFn, config: Config) -> list[DynamicSource]:
    """At most one rule for each access list."""
    found = []
    for number, listed in config.access_lists.items():
        if listed.by_source is None:
            continue
        vrf, matched = draw(places(config))
        named = [name for name, pool in config.pools.items() if pool.type != "rotary"]
        pool = draw(st.sampled_from([None, *named]))
        interface = draw(st.sampled_from([None, *interfaces_for(config, vrf)])) if pool is None else None
        if pool or interface:
            may_share = pool is None or config.pools[pool].type == "generic"
            found.append(DynamicSource(number, pool, interface, may_share and draw(st.booleans()), vrf, matched))
    return found


@st.composite
def route_maps(draw: st.DrawFn, config: Config) -> dict[str, RouteMap]:
    """Maps that name lists which there are."""
    found = {}
    for name in draw(st.lists(words, max_size=2, unique=True)):
        entries = []
        for sequence in sorted(draw(st.sets(st.integers(0, 65_535), min_size=1, max_size=3))):
            known = st.sampled_from(sorted(config.access_lists) or ["1"])
            lists = draw(st.lists(known, max_size=2, unique=True))
            exits = draw(st.lists(names, max_size=2, unique=True))
            others = draw(st.sampled_from(((), ("match community 5",), ("match ip next-hop 7", "match tag 3"))))
            sets = draw(st.sampled_from(((), ("description why not", "set metric 7"))))
            entries.append(RouteMapEntry(sequence, draw(st.booleans()), tuple(lists), tuple(exits), others, sets))
        found[name] = RouteMap(name, tuple(entries))
    return found


@st.composite
def outside_sources(draw: st.DrawFn, config: Config) -> list[OutsideSource]:
    """At most one for each access list."""
    lists = [name for name, listed in config.access_lists.items() if listed.by_source is not None]
    usable = [name for name, pool in config.pools.items() if pool.type != "rotary"]
    chosen = draw(st.lists(st.sampled_from(lists), max_size=2, unique=True)) if lists and usable else []
    places = st.sampled_from((None, *config.vrfs))
    return [OutsideSource(name, draw(st.sampled_from(usable)), draw(st.booleans()), draw(places)) for name in chosen]


@st.composite
def destinations(draw: st.DrawFn, config: Config) -> list[DynamicDestination]:
    """At most one for each access list, to a pool of real hosts."""
    lists = [name for name, listed in config.access_lists.items() if listed.by_source is not None]
    usable = [name for name, pool in config.pools.items() if pool.type == "rotary" and pool.size <= MOST_REAL_HOSTS]
    chosen = draw(st.lists(st.sampled_from(lists), max_size=2, unique=True)) if lists and usable else []
    places = st.sampled_from((None, *config.vrfs))
    return [DynamicDestination(name, draw(st.sampled_from(usable)), draw(places)) for name in chosen]


@st.composite
def max_entries(draw: st.DrawFn, lists: list[str], vrfs: list[str]) -> MaxEntries:
    numbers = st.integers(1, 2_147_483_647)
    named = sorted(draw(st.sets(st.sampled_from(lists))) if lists else (), key=natural_order)
    return MaxEntries(
        draw(st.none() | numbers),
        draw(st.none() | numbers),
        tuple(sorted(draw(st.dictionaries(hosts, numbers, max_size=2)).items())),
        tuple((name, draw(numbers)) for name in named),
        draw(st.none() | numbers),
        tuple((name, draw(numbers)) for name in sorted(vrfs) if draw(st.booleans())),
    )


@st.composite
def ipsec(draw: st.DrawFn, lists: list[str], known: list[str]) -> Ipsec:
    named = st.sets(st.sampled_from(lists)) if lists else st.just(set[str]())
    inward = draw(st.dictionaries(st.sampled_from(known), hosts, max_size=2)) if known else {}
    return Ipsec(
        draw(st.booleans()),
        tuple(sorted(draw(named), key=natural_order)),
        tuple(sorted(draw(named), key=natural_order)),
        tuple(sorted(inward.items(), key=lambda one: natural_order(one[0]))) if len(set(inward.values())) > 1 else (),
        draw(st.booleans()),
    )


ipv6_addresses = st.binary(min_size=16, max_size=16).map(Address)


@st.composite
def ipv6_networks(draw: st.DrawFn, *lengths: int) -> Prefix:
    length = draw(st.sampled_from(lengths) if lengths else st.integers(0, 128))
    return parse_prefix(f"{address_text(draw(ipv6_addresses))}/{length}")


@st.composite
def ipv6_lists(draw: st.DrawFn) -> dict[str, Ipv6List]:
    found = {}
    for name in draw(st.lists(list_names, max_size=3, unique=True)):
        listed, steps = Ipv6List(name), draw(st.none() | st.sets(st.integers(1, 99), min_size=4, max_size=4))
        numbers = iter(sorted(steps) if steps is not None else [None] * 4)
        for prefix in draw(st.lists(ipv6_networks(1, 64, 127), max_size=3, unique=True)):
            permit = draw(st.booleans())
            words = f"{'permit' if permit else 'deny'} ipv6 {prefix} any"
            listed = listed.with_line(words, about(prefix, permit=permit), next(numbers))
        if draw(st.booleans()):
            others = ("permit tcp any any eq 22", "deny ipv6 any any log", "remark why not", "permit ipv6 any host ::1")
            listed = listed.with_line(draw(st.sampled_from(others)), None, next(numbers))
        found[name] = listed
    return found


@st.composite
def nat64(draw: st.DrawFn, config: Config) -> Nat64:
    """Rules that name what there is, and hosts whose names are nobody else's."""
    ends = draw(st.lists(st.tuples(hosts, hosts), max_size=2))
    named = sorted(draw(st.sets(words, min_size=len(ends), max_size=len(ends))))
    pools = tuple(Nat64Pool(name, min(pair), max(pair)) for name, pair in zip(named, ends, strict=True))
    targets = [
        *(("pool", pool.name) for pool in pools),
        *(("interface", name) for name in interfaces_for(config, None)),
    ]
    rules = []
    for listed in [name for name, one in config.ipv6_lists.items() if one.by_source and targets]:
        kind, name = draw(st.sampled_from(targets))
        pool, interface = (name, None) if kind == "pool" else (None, name)
        rules.append(Nat64Rule(listed, pool, interface, draw(st.booleans())))
    fixed = draw(st.dictionaries(ipv6_addresses, hosts, max_size=2))
    free = {name: host for host, name in fixed.items() if not config.statics.obstacle(StaticHost(ipv4(1), name))}
    statics = tuple(Nat64Static(host, name) for name, host in free.items())
    return Nat64(draw(ipv6_networks(*LENGTHS)), pools, tuple(rules), statics)


_SECTIONS = (
    "groups", "lists", "pools", "timeouts", "services", "settings", "max-entries", "ipsec", "route-maps", "outside",
    "nat64",
)  # fmt: skip


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Whole configurations whose rules name only what there is; each has about half of the sections there can be."""
    bits = draw(st.integers(0, (1 << len(_SECTIONS)) - 1))
    has = {section for number, section in enumerate(_SECTIONS) if bits >> number & 1}
    groups = draw(object_groups()) if "groups" in has else {}
    defined = {one.name: one for one in draw(vrfs)}
    config = Config(
        object_groups=groups,
        hostname=draw(st.from_regex(r"[A-Za-z]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?", fullmatch=True)),
        vrfs=defined,
        interfaces=draw(interfaces(list(defined))),
        access_lists=draw(access_lists(groups)) if has & {"groups", "lists"} else {},
        pools=draw(pools()) if "pools" in has else {},
        profile=draw(st.sampled_from((None, "rfc4787", "ios"))),
    )
    if "timeouts" in has:
        config.timeouts = draw(st.builds(Timeouts, *[seconds] * 8, ports=port_timeouts))
    config.services = ports_at_first(config.profile)
    if "services" in has:
        config.services = draw(st.fixed_dictionaries(dict.fromkeys(DEFAULT_PORTS, served_ports)))
        config.failures = draw(failures)
    at_first = settings_at_first(config.profile)
    config.settings = {
        alg: draw(built) if "settings" in has and draw(st.booleans()) else at_first[alg]
        for alg, built in settings_of.items()
    }
    of_hosts = [name for name, listed in config.access_lists.items() if listed.by_source is not None]
    if "max-entries" in has:
        config.max_entries = draw(max_entries(of_hosts, list(defined)))
    if "ipsec" in has:
        config.ipsec = draw(ipsec(of_hosts, list(config.interfaces)))
    if "route-maps" in has:
        config.route_maps = draw(route_maps(config))
    if "outside" in has:
        config.outside_statics = draw(statics(Config()))
    config.dynamic_sources = draw(dynamic_rules(config))
    config.destinations = draw(destinations(config))
    config.outside_sources = draw(outside_sources(config))
    config.statics = draw(statics(config))
    if "nat64" in has:
        config.ipv6_lists = draw(ipv6_lists())
        config.nat64 = draw(nat64(config))
        config.interfaces = {
            name: replace(one, nat64=one.vrf is None and draw(st.booleans())) for name, one in config.interfaces.items()
        }
    return config


served_ports = st.frozensets(ports | st.just(5060), max_size=3)
port_timeouts = st.dictionaries(st.tuples(transports, ports), seconds, max_size=3).map(
    lambda chosen: tuple(sorted(((*key, value) for key, value in chosen.items()), key=lambda entry: entry[:2]))
)
