"""Strategies: configurations of a gateway between 192.168.1.0/24, 10.0.0.0/8 behind it, and the world.

Each feature is a strategy that gives lines. What one line makes impossible for another (a name that is taken) is kept
apart by the addresses: each feature has its own, and some that it shares with the others.
"""

from collections.abc import Sequence

from hypothesis import strategies as st

from kit.gateway import INTERFACES as WITH_LIST

Lines = tuple[str, ...]

INTERFACES = WITH_LIST.partition("access-list")[0].strip()
INSIDE_HOSTS = (*(f"192.168.1.{number}" for number in (5, 6, 7, 10, 11, 66)), "10.1.2.3", "10.1.3.3", "10.9.9.9")
PORTS = (80, 5000, 5001, 40_000)
NAMES = tuple(f"203.0.113.{number}" for number in (1, 5, 6, 32, 33, 34, 35, 43, 44, 50, 64, 66, 70))
"""Addresses outside that may be the gateway's own, or given out; a host of a network has its number from 64 on."""

_chance = st.booleans()


def _some(lines: Sequence[str], most: int) -> st.SearchStrategy[Lines]:
    return st.lists(st.sampled_from(lines), max_size=most, unique=True).map(tuple)


_entries = st.tuples(
    st.sampled_from(("permit", "permit", "permit", "deny")),
    st.sampled_from((
        "any", "192.168.1.0 0.0.0.255", "192.168.1.0 0.0.0.254", "192.168.1.8 0.0.0.7", "10.0.0.0 0.255.255.255",
        "host 192.168.1.10", "host 192.168.1.66", "10.1.0.0 0.0.255.255",
    )),
).map(" ".join)  # fmt: skip


@st.composite
def standard_lists(draw: st.DrawFn) -> Lines:
    """Two standard lists of hosts."""
    lines = []
    for number in (1, 2):
        entries = draw(st.lists(_entries, min_size=1, max_size=3, unique_by=lambda entry: entry.partition(" ")[2]))
        lines += [f"access-list {number} {entry}" for entry in entries]
    return tuple(lines)


static_hosts = _some(
    [
        f"ip nat inside source static {local} {name}{extendable}"
        for local, name, extendable in (
            ("192.168.1.5", "203.0.113.5", ""),
            ("192.168.1.6", "203.0.113.6", " extendable"),
            ("192.168.1.6", "203.0.113.34", " extendable"),
            ("10.1.3.3", "203.0.113.32", ""),
        )
    ],
    3,
)
static_ports = _some(
    [
        f"ip nat inside source static {line} extendable"
        for line in (
            "tcp 192.168.1.7 80 203.0.113.7 80",
            "tcp 192.168.1.7 80 203.0.113.33 8080",
            "udp 192.168.1.7 5000 203.0.113.33 5000",
            "tcp 192.168.1.10 80 interface out0 80",
            "udp 192.168.1.10 5000 interface out0 40000",
            "udp 192.168.1.6 5001 203.0.113.1 5001",
        )
    ],
    3,
)
static_networks = st.sampled_from((
    (), (), ("ip nat inside source static network 192.168.1.64 203.0.113.64 /29",),
    ("ip nat inside source static network 10.1.2.0 203.0.113.64 /30",),
))  # fmt: skip


@st.composite
def dynamic_sources(draw: st.DrawFn) -> Lines:
    """Rules for what the lists permit: a shared interface, a shared pool, an address for each host."""
    pools = (
        ("ip nat pool P 203.0.113.32 203.0.113.34 prefix-length 24",),
        ("ip nat pool P 203.0.113.35 203.0.113.35 prefix-length 24",),
        ("ip nat pool P prefix-length 24", " address 203.0.113.32 203.0.113.33", " address 203.0.113.40 203.0.113.41"),
        ("ip nat pool P 203.0.113.1 203.0.113.126 prefix-length 24 type match-host",),
    )
    pool = draw(st.sampled_from(pools))
    shared = () if "match-host" in pool[0] else ("pool P overload",)
    goals = ("interface out0 overload", "pool P", *shared)
    rules = [f"ip nat inside source list {number} {draw(st.sampled_from(goals))}" for number in (1, 2)]
    return (*pool, *rules[: draw(st.integers(0, 2))])


_FLOWS = (
    "ip {0} 198.51.100.0 0.0.0.255", "ip {0} host 198.51.100.7", "udp {0} any", "tcp {0} any eq 80",
    "tcp {0} gt 1024 any", "icmp {0} any echo", "udp {0} any range 9 80", "ip {0} 203.0.113.0 0.0.0.255",
    "tcp {0} any established", "ip {0} any", "ip {0} 198.51.0.7 0.0.255.0",
)  # fmt: skip
_FLOW_SENDERS = ("any", "192.168.1.0 0.0.0.255", "host 192.168.1.10", "10.0.0.0 0.255.255.255")


@st.composite
def route_maps(draw: st.DrawFn) -> Lines:
    """Two extended lists, and two route maps of them and of interfaces."""
    lines = []
    for number in (101, 102):
        for _ in range(draw(st.integers(1, 5))):
            flow = draw(st.sampled_from(_FLOWS)).format(draw(st.sampled_from(_FLOW_SENDERS)))
            lines.append(f"access-list {number} {draw(st.sampled_from(('permit', 'permit', 'deny')))} {flow}")
    for name in ("M", "N"):
        for sequence in range(draw(st.integers(1, 2))):
            lines.append(f"route-map {name} {draw(st.sampled_from(('permit', 'permit', 'deny')))} {sequence + 1}")
            named = draw(st.lists(st.sampled_from(("1", "101", "102")), max_size=2, unique=True))
            lines += [f" match ip address {' '.join(named)}"] if named else []
            lines += [" match interface out0"] if draw(_chance) else []
    return tuple(dict.fromkeys(lines))


@st.composite
def rules_of_flows(draw: st.DrawFn) -> Lines:
    """Rules that look at flows, dynamic and static ones, in every other configuration."""
    if draw(_chance):
        return ()
    choosers = st.sampled_from(("list 101", "list 102", "route-map M", "route-map N"))
    goals = st.sampled_from(("interface out0 overload", "pool Q overload", "pool R"))
    dynamic = draw(st.lists(st.tuples(choosers, goals), min_size=1, max_size=3, unique_by=lambda rule: rule[0]))
    statics = (
        "192.168.1.10 203.0.113.50 route-map M", "192.168.1.10 203.0.113.51 route-map N",
        "tcp 192.168.1.11 80 203.0.113.52 80 route-map M", "192.168.1.5 203.0.113.53 route-map N",
        "network 192.168.1.4 203.0.113.72 /30 route-map M",
    )  # fmt: skip
    return (
        *draw(route_maps()),
        "ip nat pool Q 203.0.113.42 203.0.113.43 prefix-length 24",
        "ip nat pool R 203.0.113.44 203.0.113.46 prefix-length 24",
        *(f"ip nat inside source {chooser} {goal}" for chooser, goal in dynamic),
        *(f"ip nat inside source static {one}" for one in draw(_some(statics, 2))),
    )


OUTSIDE_LOCALS = ("172.16.0.7", "172.16.0.8", "172.16.0.1", "172.16.0.2")
"""What inside hosts may call peers; to nobody else are these addresses anything."""
VIRTUAL = "203.0.113.70"


@st.composite
def outside_sources(draw: st.DrawFn) -> Lines:
    """Peers with other names inside, in one of three configurations."""
    if draw(st.integers(0, 2)):
        return ()
    statics = (
        "static 198.51.100.7 172.16.0.7", "static udp 198.51.100.8 9 172.16.0.8 80",
        "static tcp 198.51.100.8 80 172.16.0.8 80",
    )  # fmt: skip
    lines = [f"ip nat outside source {one}" for one in draw(_some(statics, 3))]
    if draw(_chance):
        lines += ["ip nat pool OUT 172.16.0.1 172.16.0.2 prefix-length 24", "ip nat outside source list 7 pool OUT"]
        lines += [f"access-list 7 {draw(st.sampled_from(('permit 198.51.100.0 0.0.0.15', 'permit 198.51.100.8')))}"]
    return tuple(lines)


virtual_hosts = st.sampled_from((
    (), (),
    (f"access-list 9 permit {VIRTUAL}",
     "ip nat pool REAL 192.168.1.11 192.168.1.12 prefix-length 24 type rotary",
     "ip nat inside destination list 9 pool REAL"),
))  # fmt: skip


_ENDS = ("any", "any", "192.168.1.0 0.0.0.255", "host 192.168.1.10", "203.0.113.0 0.0.0.255", "host 203.0.113.5",
         "198.51.100.0 0.0.0.254")  # fmt: skip
_services = st.sampled_from((
    "ip {0} {1}", "udp {0} {1}", "udp {0} {1} eq 5000", "udp {0} range 80 5000 {1}", "tcp {0} {1}",
    "tcp {0} {1} neq 80", "tcp {0} {1} established", "icmp {0} {1}", "icmp {0} {1} echo",
    "icmp {0} {1} unreachable", "gre {0} {1}",
))  # fmt: skip


@st.composite
def _extended_list(draw: st.DrawFn, name: str) -> Lines:
    lines = [
        f" {draw(st.sampled_from(('permit', 'deny')))} "
        + draw(_services).format(draw(st.sampled_from(_ENDS)), draw(st.sampled_from(_ENDS)))
        for _ in range(draw(st.integers(1, 4)))
    ]
    rest = draw(st.sampled_from((" permit ip any any", " permit ip any any", " deny ip any any")))
    return (f"ip access-list extended {name}", *dict.fromkeys((*lines, rest)))


@st.composite
def access_groups(draw: st.DrawFn) -> Lines:
    """Access lists on interfaces, in every other configuration."""
    if draw(_chance):
        return ()
    lines = [line for name in "AB" for line in draw(_extended_list(name))]
    for interface in ("in0", "out0"):
        lines.append(f"interface {interface}")
        for direction in ("in", "out"):
            name = draw(st.sampled_from(("A", "B", "", "")))
            lines += [f" ip access-group {name} {direction}"] if name else []
    return tuple(lines)


_matches = st.lists(st.sampled_from(("udp", "tcp", "icmp")), min_size=1, max_size=2, unique=True)
_actions = st.sampled_from(("inspect", "inspect", "pass", "drop"))


@st.composite
def zone_policies(draw: st.DrawFn) -> Lines:
    """A zone inside, one outside, and policies between them, in every other configuration."""
    if draw(_chance):
        return ()
    lines = ["zone security LAN", "zone security WAN"]
    for name in ("OUT", "IN"):
        lines += [f"class-map type inspect match-any {name}-C", *(f" match protocol {one}" for one in draw(_matches))]
        lines += [f"policy-map type inspect {name}-P", f" class type inspect {name}-C", f"  {draw(_actions)}"]
        lines += [" class class-default", f"  {draw(st.sampled_from(('drop', 'drop', 'pass')))}"]
    pairs = [("OUT", "LAN", "WAN"), ("IN", "WAN", "LAN")][: draw(st.integers(0, 2))]
    for name, source, destination in pairs:
        lines += [f"zone-pair security {name} source {source} destination {destination}"]
        lines += [f" service-policy type inspect {name}-P"]
    return (*lines, "interface in0", " zone-member security LAN", "interface out0", " zone-member security WAN")


FEATURES: tuple[st.SearchStrategy[Lines], ...] = (
    standard_lists(), static_hosts, static_ports, static_networks, rules_of_flows(), dynamic_sources(),
    outside_sources(), virtual_hosts, access_groups(), zone_policies(),
)  # fmt: skip

configurations = st.tuples(*FEATURES).map(lambda parts: (INTERFACES, *(line for part in parts for line in part)))
"""Whole configurations, as their lines."""
