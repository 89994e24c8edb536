"""The table's text; tests/kernel shows what it does, and that nft takes it whatever the configuration says."""

import re

import pytest

from doorman.algs.registry import DEFAULT_PORTS
from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.chains.expressions import Setting, UnsupportedConfig, Zone
from doorman.dataplanes.netfilter.ruleset import Present, set_up, skeleton
from kit.gateway import INTERFACES, OVERLOAD, POOL, SHARED_POOL, STATIC

SETTING = Setting("doorman", 5060, 0, timeouts=True)
PROXIED = SETTING._replace(proxy_port=4444)


def rules(config: str, chain: str, setting: Setting = SETTING, present: Present = Present()) -> list[str]:  # noqa: B008 - a constant
    """The rules of a chain."""
    start = f"add rule ip {setting.table} {chain} "
    lines = set_up(read_config(config, "test.cfg"), setting, present).script.splitlines()
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


@pytest.mark.parametrize("side", ["inside", "outside"])
def test_a_nat_has_two_sides(side: str) -> None:
    with pytest.raises(UnsupportedConfig, match="ip nat inside"):
        rules(OVERLOAD.replace(f" ip nat {side}\n", ""), "inspect")
    with pytest.raises(UnsupportedConfig):
        rules(OVERLOAD.replace(f" ip nat {side}\n", f" ip nat {side}\n shutdown\n"), "inspect")


def test_a_rule_needs_the_address_of_its_interface() -> None:
    with pytest.raises(UnsupportedConfig, match="interface out0 of a NAT rule has no address"):
        rules(OVERLOAD.replace(" ip address 203.0.113.1 255.255.255.0\n", ""), "inspect")


def test_each_chain_is_made_and_emptied_before_a_rule_names_it() -> None:
    for config in (OVERLOAD, POOL, SHARED_POOL, STATIC):
        lines = set_up(read_config(config, "test.cfg"), PROXIED).script.splitlines()
        made = [line.split()[4] for line in lines if line.startswith("add chain ")]
        emptied = [line.split()[4] for line in lines if line.startswith("flush chain ")]
        first_rule = next(index for index, line in enumerate(lines) if line.startswith("add rule "))
        assert all(line.startswith("add rule ") for line in lines[first_rule:])
        assert set(made) - set(emptied) == {"to_alg"}, "the queue's rule stays"
        assert set(re.findall(r"(?:goto|jump) (\S+)", "\n".join(lines[first_rule:]))) <= set(made)
        assert {line.split()[4] for line in lines[first_rule:]} <= set(emptied)


def test_nothing_but_our_table_is_named() -> None:
    for line in (set_up(read_config(POOL, "test.cfg"), SETTING._replace(table="mine"))).script.splitlines():
        words = line.split()
        assert words[words.index("ip") :][:2] == ["ip", "mine"], line
    assert all(" ip mine" in line for line in skeleton("mine").splitlines())


def in_road(config: str, setting: Setting = SETTING, present: Present = Present()) -> set[str]:  # noqa: B008 - a constant
    """The chains that see all packets, but those of type nat."""
    lines = set_up(read_config(config, "test.cfg"), setting, present).script.splitlines()
    return {line.split()[4] for line in lines if " type filter hook " in line}


NAMED = "ip nat inside source static 192.168.1.5 203.0.113.5\n"
KEEPING = "ip nat service list 1 IKE preserve-port\n"
ZONES = "zone security LAN\ninterface in0\n zone-member security LAN\n"
ESP_ROAD = {"ipsec_untracked", "ipsec_forward"}


def test_one_chain_sees_all_packets_and_asks_first_what_is_true_of_most() -> None:
    assert in_road(OVERLOAD) == {"inspect"}
    assert rules(OVERLOAD, "inspect") == [
        "ct state != established goto inspect_apart",
        "ct mark and 0xa0000 != 0 goto known",
        'ip saddr and 255.255.255.0 == 192.168.1.0 iifname "out0" counter drop',
    ]


@pytest.mark.parametrize(
    ("config", "chains"),
    [
        (KEEPING, ESP_ROAD),
        ("ip nat inside source static esp 192.168.1.5 interface out0\n", ESP_ROAD),
        (ZONES, ESP_ROAD | {"zone_forward", "zone_input", "zone_output", "strays_forward", "dns_forward"}),
        (NAMED, {"dns_forward"}),
        (NAMED + "no ip nat service dns\n", set()),
    ],
)
def test_others_do_only_where_they_have_something_to_do(config: str, chains: set[str]) -> None:
    assert in_road(OVERLOAD + config) == {"inspect", *chains}


def test_those_of_an_earlier_version_go() -> None:
    script = set_up(read_config(OVERLOAD, "test.cfg"), SETTING, Present(chains={"strays", "stray_new"})).script
    assert {"delete chain ip doorman strays", "delete chain ip doorman stray_new"} <= set(script.splitlines())


def test_what_is_known_is_not_written_again() -> None:
    config = read_config(OVERLOAD, "test.cfg")
    first = set_up(config, SETTING)
    present = Present(chains=first.chains, known=first.chains)
    assert "flush" not in set_up(config, SETTING, present).script
    assert not set_up(config, SETTING, present).hooks
    changed = set_up(read_config(OVERLOAD + "ip nat service sip udp port 5070\n", "test.cfg"), SETTING, present)
    flushed = [line.split()[4] for line in changed.script.splitlines() if line.startswith("flush chain")]
    assert "begin" in flushed
    assert "inspect" not in flushed
    assert changed.chains["inspect"] == first.chains["inspect"]


def test_what_leaves_the_road_of_packets_is_emptied_first() -> None:
    road = {"ipsec_untracked", "ipsec_forward"}
    over = set_up(read_config(OVERLOAD, "test.cfg"), SETTING, Present(chains={*road, "acl_7"}, hooked=road))
    assert [f"flush chain ip doorman {name}" in over.script for name in road] == [True, True]
    assert [line.split()[4] for line in over.script.splitlines() if line.startswith("delete chain")] == ["acl_7"]
    assert [chain.name for chain in over.idle] == ["ipsec_forward", "ipsec_untracked"]


def test_nothing_comes_into_the_road_of_packets_to_be_looked_at_only() -> None:
    config = read_config(OVERLOAD + ZONES, "test.cfg")
    present = Present(chains={"inspect"})
    lines = set_up(config, SETTING, present, dry=True).script.splitlines()
    assert [line.split()[4] for line in lines if " hook " in line] == ["inspect"]
    assert "add chain ip6 doorman zone_forward" in lines


@pytest.mark.parametrize(("config", "chains"), [("", ESP_ROAD), ("no ip nat service ipsec-esp enable\n", set())])
def test_those_for_tunnels_do_once_there_is_one(config: str, chains: set[str]) -> None:
    tunnels = Present(tunnels=True)
    assert in_road(OVERLOAD + config, SETTING, tunnels) == {"inspect", *chains}
    over = set_up(read_config(OVERLOAD, "test.cfg"), SETTING, Present(chains=ESP_ROAD)).script.splitlines()
    assert {line.split()[4] for line in over if line.startswith("delete chain")} == ESP_ROAD


def test_the_only_interface_inside_is_told_by_its_number() -> None:
    present = Present(indexes={"in0": 7, "in1": 8, "out0": 9})
    sent = "ip saddr and 255.255.255.0 == 192.168.1.0 "
    for chain in ("inspect", "begin", "strays_unknown"):
        assert f'{sent}iif != 7 iifname "out0" counter drop' in rules(OVERLOAD, chain, SETTING, present)
        for there in (Present(), Present(indexes={"in1": 8, "out0": 9})):
            assert f'{sent}iifname "out0" counter drop' in rules(OVERLOAD, chain, SETTING, there)
    two = OVERLOAD + "interface in1\n ip nat inside\n"
    assert f'{sent}iifname "out0" counter drop' in rules(two, "inspect", SETTING, present)


def test_signalling_ports_are_those_served() -> None:
    served = "no ip nat service sip udp port 5060\nip nat service sip udp port 5070\nip nat service sip udp port 5080\n"
    [rule] = [rule for rule in rules(OVERLOAD + served, "begin") if rule.startswith("udp dport")]
    assert rule.endswith(", 5070, 5080 } goto begin_udp")
    off = rules(OVERLOAD + "no ip nat service sip\n", "begin")
    assert not [rule for rule in off if "5060" in rule]


def test_without_a_proxy_tcp_is_left_alone() -> None:
    assert rules(OVERLOAD, "begin_tcp") == []
    proxied = rules(OVERLOAD, "begin_tcp", PROXIED)
    assert proxied[-1] == "ct mark set ct mark or 0x200000 accept"
    assert not [rule for rule in rules(OVERLOAD, "translate_in") if "0x200000" in rule]
    assert "ct mark and 0x200000 != 0 ct mark set ct mark and 0xffdfffff" in rules(OVERLOAD, "translate_in", PROXIED)
    closed = rules(OVERLOAD + "ip nat service sip fail-closed\n", "translate_in", PROXIED)
    assert "ct mark and 0x200000 != 0 counter drop" in closed


def test_a_second_leg_without_a_name_does_not_leave() -> None:
    assert not [rule for rule in rules(OVERLOAD, "translate_out") if "@legs" in rule]
    named, unnamed = rules(OVERLOAD, "translate_out", PROXIED)[:2]
    assert named.endswith("snat ip to tcp sport map @legs")
    assert unnamed == named.partition(" ct mark set")[0] + " counter drop"


def test_ordinary_flows_have_the_ports_above_all_names() -> None:
    assert rules(OVERLOAD, "pool_0")[1].endswith("snat to 203.0.113.1:32768-65535 persistent")
    assert rules(SHARED_POOL, "pool_0")[1].endswith("snat to 203.0.113.20-203.0.113.21:32768-65535 persistent")
    assert rules(POOL, "pool_0") == ["counter drop"]


@pytest.mark.parametrize(
    ("statics", "left"),
    [
        ((), "203.0.113.20-203.0.113.29"),
        ((20,), "203.0.113.21-203.0.113.29"),
        ((29,), "203.0.113.20-203.0.113.28"),
        ((23,), "203.0.113.24-203.0.113.29"),
        ((22, 24, 26, 28), "203.0.113.20-203.0.113.21"),
        (tuple(range(20, 29)), "203.0.113.29"),
        ((19, 30), "203.0.113.20-203.0.113.29"),
        (tuple(range(20, 30)), None),
    ],
)
def test_ordinary_flows_leave_static_hosts_their_addresses(statics: tuple[int, ...], left: str | None) -> None:
    config = INTERFACES + "ip nat pool P 203.0.113.20 203.0.113.29 prefix-length 24\n"
    config += "ip nat inside source list 1 pool P overload\n"
    for number in statics:
        config += f"ip nat inside source static 192.168.1.{number} 203.0.113.{number}\n"
    found = rules(config, "pool_0")
    if left is None:
        assert found == ["counter drop"]
    else:
        assert found[2] == f"snat to {left} persistent"


def test_ordinary_flows_leave_static_ports_alone() -> None:
    config = OVERLOAD + f"ip nat inside source static udp 192.168.1.6 {6000} interface out0 {40_000}\n"
    assert rules(config, "pool_0")[1].endswith("snat to 203.0.113.1:40001-65535 persistent")
    config += "ip nat inside source static tcp 192.168.1.6 80 interface out0 65535\n"
    config += "ip nat inside source static tcp 192.168.1.6 81 interface out0 8080\n"
    config += "ip nat inside source static udp 192.168.1.6 82 interface out0 700\n"
    below, above = rules(config, "pool_0")[:2]
    assert above.endswith("snat to 203.0.113.1:40001-65534 persistent")
    assert below.endswith("th sport < 1024 snat to 203.0.113.1:512-699 persistent")


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        ("permit any", "goto pool_0"),
        ("deny any", "return"),
        ("permit host 10.1.2.3", "ip saddr 10.1.2.3/32 goto pool_0"),
        ("deny 10.1.0.0 0.0.255.255", "ip saddr 10.1.0.0/16 return"),
        ("permit 10.0.3.0 0.255.0.255", "ip saddr and 255.0.255.0 == 10.0.3.0 goto pool_0"),
    ],
)
def test_lines_of_access_lists(entry: str, match: str) -> None:
    config = INTERFACES.replace("permit 192.168.1.0 0.0.0.255", entry)
    assert rules(config + "ip nat inside source list 1 interface out0 overload\n", "source_0") == [match]


def test_timeouts_only_where_the_kernel_has_them() -> None:
    without = SETTING._replace(timeouts=False)
    assert "timeout" in set_up(read_config(OVERLOAD, "test.cfg"), SETTING).script
    assert not [rule for rule in rules(OVERLOAD, "translate_out", without) if "timeout" in rule]


VTCP = OVERLOAD + "ip nat service sip tcp mode vtcp\n"


def served(*but: int) -> str:
    """The TCP ports of all ALGs, without some, as nft has them."""
    found = {port for (_, transport), ports in DEFAULT_PORTS.items() if transport == "tcp" for port in ports}
    return ", ".join(map(str, sorted(found.difference(but))))


def test_in_mode_vtcp_the_first_segment_of_a_connection_goes_to_the_queue() -> None:
    assert [rule for rule in rules(VTCP, "begin") if "tcp" in rule] == [
        f"tcp dport {{ {served(5060)} }} goto begin_tcp",
        "tcp dport 5060 goto begin_segments",
        "meta l4proto tcp ip daddr . meta l4proto . th dport @inspected goto begin_segments",
    ]
    assert rules(VTCP, "begin_segments")[-2:] == [
        "tcp flags & (fin | syn | rst | ack) == syn ct mark set ct mark or 0x100000 goto to_alg",
        "counter reject with tcp reset",
    ]
    assert rules(VTCP, "judged")[-1] == "ct mark and 0x80000 != 0 counter reject with tcp reset"
    assert rules(VTCP, "made") == ["meta mark and 0x80000 != 0 notrack"]


def test_otherwise_it_goes_to_the_proxy_and_no_rule_speaks_of_segments() -> None:
    assert f"tcp dport {{ {served()} }} goto begin_tcp" in rules(OVERLOAD, "begin")
    assert [rules(OVERLOAD, chain) for chain in ("begin_segments", "judged", "made")] == [[], [], []]


def test_numbers_that_nobody_acknowledges_are_no_reason_to_end_a_connection_early() -> None:
    script = set_up(read_config(VTCP + "ip nat translation port-timeout tcp 5060 600\n", "test.cfg"), SETTING).script
    for name, seconds in (("spliced_tcp_86400_60_60", 86_400), ("spliced_5060_600_60_60", 600)):
        [policy] = [line for line in script.splitlines() if f"add ct timeout ip doorman {name} " in line]
        assert policy.endswith(f"retrans : {seconds}, unack : {seconds} }}; }}")
    [*_, rule] = [rule for rule in rules(VTCP, "translate_in") if "timeout" in rule]
    assert rule == 'ct mark and 0x80000 != 0 meta l4proto tcp ct timeout set "spliced_tcp_86400_60_60"'


ACCESS = OVERLOAD + (
    "interface out0\n ip access-group WORLD in\n ip access-group 2 out\n"
    "ip access-list extended WORLD\n permit udp any any eq 5060\n deny ip any any log-input\n"
    "access-list 2 permit 10.0.0.0 0.0.0.255\n"
)


def test_access_lists_of_interfaces() -> None:
    assert rules(ACCESS, "access_in") == ['iifname "out0" goto acl_0']
    assert rules(ACCESS, "access_out") == ["iif 0 goto access_out_own", 'oifname "out0" goto acl_1']
    signalling, everything, implicit = rules(ACCESS, "acl_0")
    assert signalling.startswith("meta l4proto 17 th dport 5060 goto acl_line_")
    permitted, denied, end = (rule.rpartition(" ")[2] for rule in (signalling, everything, implicit))
    assert rules(ACCESS, permitted) == [f'counter name "{permitted}" accept']
    assert rules(ACCESS, end) == [f'counter name "{end}" drop']
    counted, logged, dropped = rules(ACCESS, denied)
    assert (counted, dropped) == (f'counter name "{denied}"', "drop")
    assert logged == (
        'limit rate 100/second burst 100 packets log prefix "acl denied-input WORLD" snaplen 128 group 5060'
    )


def test_lists_without_lines_let_all_pass() -> None:
    config = OVERLOAD + "interface out0\n ip access-group NONE in\n ip access-group EMPTY out\n"
    config += "ip access-list extended EMPTY\n remark nothing yet\n"
    assert [rules(config, chain) for chain in ("access_in", "access_out", "acl_0")] == [[], [], []]


def test_what_an_earlier_configuration_needed_is_removed() -> None:
    applied = read_config(ACCESS, "test.cfg")
    made = [line.split()[1:5] for line in set_up(applied, SETTING).script.splitlines() if line.startswith("add ")]
    chains = [name for kind, *_, name in made if kind == "chain"]
    counters = [name for kind, *_, name in made if kind == "counter"]
    script = set_up(read_config(OVERLOAD, "test.cfg"), SETTING, Present(chains, counters)).script.splitlines()
    removed = [line.split()[4] for line in script if line.startswith("delete chain")]
    assert removed == sorted({name for name in chains if name.startswith(("acl_", "access_"))})
    assert [line.split()[4] for line in script if line.startswith("delete counter")] == sorted(counters)
    assert "delete" not in set_up(applied, SETTING, Present(chains, counters)).script


def test_the_counter_of_a_line_is_that_of_what_it_says() -> None:
    [first, *_] = rules(ACCESS, "acl_0")
    line = " permit udp any any eq 5060\n"
    assert rules(ACCESS.replace(line, f" deny udp any any eq 5061\n{line}"), "acl_0")[1] == first
    assert first not in rules(ACCESS.replace(line, line.replace("permit", "deny")), "acl_0")


def test_lines_of_an_extended_list_that_looks_at_sources() -> None:
    config = INTERFACES + (
        "object-group network PHONES\n host 192.168.1.7\n range 192.168.1.8 192.168.1.11\n"
        "ip access-list extended NAT\n deny ip host 192.168.1.9 any\n permit ip object-group PHONES any\n"
    )
    assert rules(config + "ip nat inside source list NAT interface out0 overload\n", "source_0") == [
        "ip saddr 192.168.1.9/32 return",
        "ip saddr 192.168.1.7/32 goto pool_0",
        "ip saddr 192.168.1.8/30 goto pool_0",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "access-list 101 permit ip any 192.0.2.0 0.0.0.255\nip nat inside source list 101 interface out0 overload\n",
        "route-map M\n match interface out0\nip nat inside source route-map M interface out0 overload\n",
        "route-map M\n match ip address 1\nip nat inside source static 192.168.1.5 203.0.113.5 route-map M\n",
    ],
)
def test_rules_of_flows_where_a_vrf_shares_its_outside(rule: str) -> None:
    """What has a name is the engine's with all flows; those without ports are asked about one by one."""
    own, shared = (SETTING._replace(zone=Zone(7, shares=shares)) for shares in (False, True))
    assert not rules(INTERFACES + rule, "vrf_portless", own)
    zoned = rules(INTERFACES + rule, "vrf_zone", shared)
    marked, portless = zoned[zoned.index('iifname != "in0" return') + 1 :][:2]
    assert marked.startswith("meta mark set ")
    assert portless == "meta l4proto != { tcp, udp } goto vrf_portless"
    named = "ip saddr . meta l4proto . th sport @bindings_"
    assert [rule for rule in zoned if rule.startswith(named)]
    assert [rule for rule in rules(INTERFACES + rule, "begin", shared) if named in rule and "goto to_alg" in rule]
    assert not [rule for rule in rules(INTERFACES + rule, "begin", own) if named in rule]


def test_a_route_map_of_senders_alone_is_asked_as_a_list_is() -> None:
    config = INTERFACES + (
        "access-list 2 permit 192.168.1.10\nroute-map M deny 5\n match ip address 2\nroute-map M permit 10\n"
        " match ip address 1\nip nat inside source route-map M interface out0 overload\n"
    )
    assert rules(config, "flows") == []
    assert "jump source_0" in rules(config, "translate_out")
    assert rules(config, "source_0") == ["ip saddr 192.168.1.10 return", "goto source_0_1"]
    assert rules(config, "source_0_1") == ["ip saddr 192.168.1.0/24 goto source_0_chosen", "return"]
    assert rules(config, "source_0_chosen") == ["goto pool_0"]


def test_entries_of_route_maps_hand_over_to_each_other() -> None:
    config = INTERFACES + (
        "access-list 101 permit tcp any any eq 80\naccess-list 101 deny tcp any any established\n"
        "access-list 102 deny udp any any\naccess-list 102 permit ip any host 198.51.100.7\n"
        "route-map M deny 5\n match ip address 101 102\n match interface out0\nroute-map M permit 10\n"
        "ip nat inside source route-map M interface out0 overload\n"
    )
    assert rules(config, "source_0") == [
        'oifname != "out0" goto source_0_2',
        "meta l4proto 6 th dport 80 return",
        "goto source_0_1",
    ]
    assert rules(config, "source_0_1") == [
        "meta l4proto 17 goto source_0_2",
        "ip daddr 198.51.100.7 return",
        "goto source_0_2",
    ]
    assert rules(config, "source_0_2") == ["goto name_0"]
    assert rules(config, "source_0_back")[0] == "meta l4proto 6 ct original proto-dst 80 return"
    assert rules(config, "source_0_1_back")[1] == "ct original ip daddr 198.51.100.7 return"
