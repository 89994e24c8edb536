"""The commands about NAT64: what they mean, how they are written back, what is wrong with some."""

import pytest

from doorman.config.errors import ConfigErrors
from doorman.config.in_force import in_force
from doorman.config.model import Config
from doorman.config.nat64 import Nat64Pool, Nat64Rule, Nat64Static
from doorman.config.reader import Reader, read_config
from doorman.config.realms import config_of, realms
from doorman.config.render import render
from doorman.config.session import Session
from doorman.config.stand_ins import NETWORK, fixed
from doorman.config.statics import StaticHost
from doorman.net.addresses import address_of, parse_prefix

LAN = "interface lan\n nat64 enable\n"
WAN = "interface wan\n ip address 203.0.113.1 255.255.255.0\n ip nat outside\n"
PREFIX = "nat64 prefix stateful 2001:db8:64::/96\n"
POOL = "nat64 v4 pool P 203.0.113.10 203.0.113.20\n"
RULE = "nat64 v6v4 list HOSTS pool P overload\n"
STATIC = "nat64 v6v4 static 2001:db8:1::9 203.0.113.9\n"
HOSTS = "ipv6 access-list HOSTS\n deny ipv6 host 2001:db8:1::66 any\n permit ipv6 2001:db8:1::/64 any\n"
ALL = LAN + WAN + PREFIX + POOL + RULE + STATIC + HOSTS


def errors(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(ConfigErrors) as caught:
        read_config(text, "gw.conf")
    return [(error.line, error.column, error.message) for error in caught.value.errors]


def test_they_say_who_is_seen_as_whom() -> None:
    config = read_config(ALL, "gw.conf")
    assert config.nat64.prefix == parse_prefix("2001:db8:64::/96")
    assert config.nat64.pools == (Nat64Pool("P", address_of("203.0.113.10"), address_of("203.0.113.20")),)
    assert config.nat64.rules == (Nat64Rule("HOSTS", "P", None, overload=True),)
    assert config.nat64.statics == (Nat64Static(address_of("2001:db8:1::9"), address_of("203.0.113.9")),)
    assert [config.interfaces[name].nat64 for name in ("lan", "wan")] == [True, False]
    listed = config.ipv6_lists["HOSTS"]
    assert [listed.permits(address_of(f"2001:db8:{host}")) for host in ("1::1", "1::66", "2::1")] == [
        True,
        False,
        False,
    ]


def test_lines_of_a_list_have_their_places() -> None:
    text = "ipv6 access-list A\n permit ipv6 any any\n sequence 5 deny ipv6 host 2001:db8::1 any\n"
    config = read_config(text, "t")
    assert render(config).splitlines()[1:4] == [
        "ipv6 access-list A",
        " sequence 5 deny ipv6 host 2001:db8::1 any",
        " sequence 10 permit ipv6 any any",
    ]
    session = Session(config)
    session.execute("ipv6 access-list A")
    session.execute("no sequence 5")
    assert [line.text for line in config.ipv6_lists["A"].lines] == ["permit ipv6 any any"]
    session.execute("no permit ipv6 any any")
    assert [line.text for line in config.ipv6_lists["A"].lines] == []
    session.execute("no ipv6 access-list A")
    assert config == Config()


OTHERS = """\
ipv6 access-list FILTER
 remark for ssh alone
 permit tcp any any eq 22
 permit ipv6 2001:db8::/32 any log
 permit ipv6 any host 2001:db8::1
 permit ipv6 object-group V6 any
 deny ipv6 any any
"""


def test_lists_of_other_features_are_kept_as_they_are() -> None:
    config = read_config(OTHERS, "router.cfg")
    assert OTHERS in render(config)
    assert read_config(render(config), "again") == config
    assert errors(LAN + WAN + PREFIX + "nat64 v6v4 list FILTER interface wan\n" + OTHERS) == [
        (7, 17, "% IPv6 access list FILTER looks at more than source addresses, which is of no use here")
    ]
    session = Session(config)
    for line in OTHERS.splitlines()[1:]:
        session.execute("ipv6 access-list FILTER")
        session.execute(f"no{line}")
    assert config.ipv6_lists["FILTER"].lines == ()


def test_remarks_stand_in_the_way_of_nothing() -> None:
    text = HOSTS.replace(" deny", " remark but not that one\n deny")
    listed = read_config(LAN + WAN + PREFIX + POOL + RULE + text, "t").ipv6_lists["HOSTS"]
    assert listed.permits(address_of("2001:db8:1::1"))


def test_each_is_taken_back() -> None:
    config = read_config(ALL, "gw.conf")
    session = Session(config)
    for line in (
        "no nat64 v6v4 list HOSTS pool P",
        "no nat64 v6v4 static 2001:db8:1::9 203.0.113.9",
        "no nat64 v4 pool P",
        "no nat64 prefix stateful 2001:db8:64::/96",
        "no ipv6 access-list HOSTS",
        "interface lan",
        "no nat64 enable",
    ):
        session.execute(line)
    assert render(config) == render(read_config("interface lan\n" + WAN, "t"))


def test_for_the_rest_of_the_gateway_its_hosts_are_behind_one_more_inside_interface() -> None:
    config = read_config(ALL, "gw.conf")
    own = config_of(config, None)
    device = own.interfaces["nat64"]
    assert (device.nat, device.network) == ("inside", NETWORK)
    (rule,) = own.dynamic_sources
    assert own.pools[rule.pool or ""].ranges == ((address_of("203.0.113.10"), address_of("203.0.113.20")),)
    stand_in = fixed(config.nat64)[address_of("2001:db8:1::9")]
    assert list(own.statics) == [StaticHost(stand_in, address_of("203.0.113.9"))]
    assert own.access_lists[rule.access_list].permits(stand_in) is False
    without = read_config(ALL.replace(" nat64 enable\n", ""), "t")
    assert config_of(without, None) is without


def test_a_stand_in_stays_whatever_else_there_is() -> None:
    alone = config_of(read_config(ALL, "t"), None)
    more = ALL + "nat64 v6v4 list OTHERS interface wan overload\nipv6 access-list OTHERS\n permit ipv6 any any\n"
    more += "nat64 v6v4 static 2001:db8:1::8 203.0.113.8\n"
    beside = config_of(read_config(more, "t"), None)
    assert beside.access_lists["nat64 HOSTS"] == alone.access_lists["nat64 HOSTS"]
    assert set(alone.statics) < set(beside.statics)
    assert len({listed.entries[0] for listed in beside.access_lists.values()}) == 2


def test_other_vrfs_have_nothing_of_it() -> None:
    text = "vrf definition red\n address-family ipv4\ninterface red0\n vrf forwarding red\n ip nat inside\n" + ALL
    config = read_config(text, "t")
    assert realms(config) == [None, "red"]
    assert "nat64" in config_of(config, None).interfaces
    red = config_of(config, "red")
    assert ("nat64" in red.interfaces, red.nat64.prefix, list(red.statics)) == (False, None, [])


FAULTS = [
    (LAN + WAN + POOL + RULE + HOSTS, (7, 17, "% NAT64 has no stateful prefix")),
    (LAN + PREFIX + RULE + HOSTS, (4, 28, "% NAT64 pool P does not exist")),
    (LAN + PREFIX + POOL + RULE, (5, 17, "% IPv6 access list HOSTS does not exist")),
    (PREFIX + "nat64 v6v4 list HOSTS interface wan\n" + HOSTS, (2, 33, "% Interface wan does not exist")),
    (
        PREFIX + STATIC + "ip nat inside source static 192.168.1.1 203.0.113.9\n",
        (2, 33, "% 2001:db8:1::9 -> 203.0.113.9 is the address of another static translation"),
    ),
    (
        "vrf definition red\n address-family ipv4\ninterface red0\n vrf forwarding red\n nat64 enable\n",
        (5, 1, "% NAT64 of hosts in a VRF is not supported: red0 is in red"),
    ),
    (
        LAN + "zone security A\ninterface lan2\n zone-member security A\n nat64 enable\n",
        (6, 1, "% lan2 must be in the security zone of lan, as NAT64 is"),
    ),
    (LAN + "interface nat64\n", (2, 1, "% nat64 is the gateway's own interface")),
]


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_what_cannot_work_is_told(text: str, expected: tuple[int, int, str]) -> None:
    assert errors(text) == [expected]


REFUSED = [
    ("nat64 prefix stateful 2001:db8::/33", "% The prefix length must be one of 32, 40, 48, 56, 64, 96"),
    ("nat64 v4 pool P 203.0.113.9 203.0.113.8", "% End address less than start address"),
    ("nat64 v4 pool P 203.0.113.9 240.0.0.1", "% Not a valid host address - 240.0.0.1"),
    (PREFIX + POOL + RULE + HOSTS + "nat64 v4 pool P 1.1.1.1 1.1.1.2", "% Pool P in use, cannot redefine"),
    (PREFIX + POOL + RULE + HOSTS + "no nat64 v4 pool P", "% Pool P in use, cannot destroy"),
    (PREFIX + POOL + RULE + HOSTS + "nat64 v6v4 list HOSTS pool P", "% Dynamic mapping in use, cannot change"),
    (
        PREFIX + STATIC + "nat64 v6v4 static 2001:db8::1 203.0.113.9",
        "% similar static entry (2001:db8:1::9 -> 203.0.113.9) already exists",
    ),
    ("no nat64 v6v4 static 2001:db8::1 203.0.113.9", "% Static translation not found"),
    ("no nat64 v6v4 list A pool P", "% Dynamic mapping not found"),
    ("no nat64 prefix stateful 2001:db8::/32", "% NAT64 prefix not found"),
    ("no nat64 v4 pool P", "% Pool P not found"),
    ("no ipv6 access-list A", "% IPv6 access list A does not exist"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_refused(text: str, message: str) -> None:
    assert [told for _, _, told in errors(text)] == [message]


def test_what_is_faulty_is_not_in_force() -> None:
    session = Session(Config())
    for line in (LAN + WAN + PREFIX + POOL + RULE + STATIC).splitlines():
        session.execute(line)
    working, told = in_force(session.config)
    assert told == ["% IPv6 access list HOSTS does not exist"]
    assert (working.nat64.rules, len(working.nat64.statics)) == ((), 1)
    session.execute("interface nat64")
    assert config_of(in_force(session.config)[0], None).dynamic_sources == []
    assert list(config_of(in_force(session.config)[0], None).statics) == []


def test_other_commands_of_ipv6_are_another_features() -> None:
    reader = Reader("router.cfg")
    reader.read("ipv6 unicast-routing\ninterface lan\n ipv6 address 2001:db8::1/64\nipv6 route ::/0 2001:db8::2\n")
    assert len(reader.warnings) == 3
