"""The rules by which packets of VRFs are told apart; tests/live shows what they do."""

from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.config.realms import config_of, numbers
from doorman.dataplanes.netfilter.chains.expressions import Setting, Zone
from doorman.dataplanes.netfilter.ruleset import set_up
from kit.gateway import OVERLOAD as PLAIN
from kit.vrf import OVERLOAD, OWN_OUTSIDES, POOL

SHARED, OWN, GLOBAL = Zone(7, shares=True), Zone(7, shares=False), Zone(0, shares=False)

MAPPED = "route-map M permit 10\n match ip address 1\nip nat inside source route-map M pool Q vrf red\n"
MAPPED += "ip nat pool Q 203.0.113.30 203.0.113.31 prefix-length 24\n"


def rules(config: str, chain: str, zone: Zone | None, vrf: str | None = "red") -> list[str]:
    """The rules of a chain in the table of a VRF."""
    start = f"add rule ip doorman.red {chain} "
    setting = Setting("doorman.red", 5060, 15060, timeouts=True, zone=zone)
    lines = set_up(config_of(read_config(config, "test.cfg"), vrf), setting).script.splitlines()
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


def test_without_vrfs_there_is_nothing_about_zones() -> None:
    text = set_up(read_config(PLAIN, "test.cfg"), Setting("doorman", 5060, 15060, timeouts=True)).script
    assert "zone" not in text
    assert "vrf" not in text


def test_behind_a_shared_outside_only_names_are_in_the_zone_both_ways() -> None:
    found = rules(OVERLOAD, "vrf_zone", SHARED)
    assert found[-1] == "goto vrf_ordinary"
    named = [rule for rule in found if rule.endswith("goto vrf_both")]
    assert [rule for rule in named if rule.startswith('iifname "out0"')] == named[:5]
    outside = ("names", "entrances", "hosts_in", "leases_in", "quoted")
    assert all(any(f"@{name} " in rule for rule in named[:5]) for name in outside)
    assert all(any(f"@{name} " in rule for rule in named[5:]) for name in ("bindings", "hosts", "leases"))


def test_an_outside_of_its_own_is_in_the_zone_as_a_whole() -> None:
    assert rules(OWN_OUTSIDES, "vrf_zone", OWN) == [
        "ip protocol esp jump ipsec_untracked_here",
        "ct state untracked accept",
        'iifname { "red0", "out-red" } goto vrf_both',
    ]


def test_hosts_that_will_be_leased_an_address_are_in_the_zone_both_ways() -> None:
    assert "jump vrf_lease_0" in rules(POOL, "vrf_zone", SHARED)
    assert rules(POOL, "vrf_lease_0", SHARED) == ["ip saddr 10.0.0.0/24 goto vrf_both"]


def test_rules_that_set_a_zone_are_never_written_anew() -> None:
    """When they go, so do all packets that wait for a verdict."""
    setting = Setting("doorman.red", 5060, 15060, timeouts=True, zone=SHARED)
    configs = [config_of(read_config(text, "test.cfg"), "red") for text in (OVERLOAD, POOL, OVERLOAD + MAPPED)]
    configs.append(config_of(read_config(OVERLOAD + "ip nat service sip udp port 5070\n", "test.cfg"), "red"))
    found = [set_up(config, setting).chains for config in configs]
    setting_zones = [
        {name: chain for name, chain in chains.items() if any(" zone set " in rule for rule in chain.rules)}
        for chains in found
    ]
    assert setting_zones == [setting_zones[0]] * len(configs)
    assert set(setting_zones[0]) == {"vrf_both", "vrf_ordinary", "vrf_made"}
    assert [setting_zones[0][name].rules for name in ("vrf_both", "vrf_ordinary")] == [
        ["ct zone set 7 accept"],
        ["ct original zone set 7 accept"],
    ]


def test_packets_bear_the_mark_of_their_vrf() -> None:
    assert rules(OVERLOAD, "vrf_route", SHARED) == [
        'iifname { "red0", "out0" } ct zone 7 meta mark set meta mark and 0xffffff or 0x7000000'
    ]
    assert rules(OVERLOAD, "vrf_made", SHARED)[-1] == "meta mark and 0xff000000 == 0x7000000 ct zone set 7"


def test_flows_of_others_are_passed_over() -> None:
    for chain in ("known", "begin", "translate_in", "translate_out"):
        assert "ct zone != 7 return" in rules(OVERLOAD, chain, SHARED)[:2]
    own = "interface in0\n ip nat inside\n"
    assert "ct zone != 0 return" in rules(OVERLOAD + own, "translate_in", GLOBAL, vrf=None)
    assert not rules(OVERLOAD + own, "vrf_zone", GLOBAL, vrf=None)


def test_static_ports_of_others_are_not_picked_for_ordinary_flows() -> None:
    static = "ip nat inside source static udp 10.0.0.9 5000 203.0.113.1 40000 vrf blue\n"
    picks = "meta l4proto { tcp, udp } snat to 203.0.113.1:40001-65535 persistent"
    assert picks in rules(OVERLOAD + static, "pool_0", SHARED)
    assert picks not in rules(OVERLOAD, "pool_0", SHARED)


def test_numbers_are_of_their_own_and_stay() -> None:
    config = Config()
    config.vrfs = dict(read_config("".join(f"vrf definition v{name}\n" for name in range(255)), "test.cfg").vrfs)
    found = numbers(config)
    assert sorted(found.values()) == list(range(1, 256))
    few = read_config("vrf definition red\nvrf definition blue\n", "test.cfg")
    assert numbers(few) == {name: numbers(few)[name] for name in ("red", "blue")}
    assert numbers(read_config("vrf definition red\n", "test.cfg"))["red"] == numbers(few)["red"]
