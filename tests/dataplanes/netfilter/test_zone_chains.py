"""The text of the firewall's chains; tests/kernel shows what they do, and that nft takes them."""

import re

import pytest

from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.chains.expressions import Setting, Zone
from doorman.dataplanes.netfilter.chains.zones import LABEL_BITS, LoggedClass, ZoneChains
from doorman.dataplanes.netfilter.ruleset import Present, set_up
from kit.gateway import OVERLOAD

SETTING = Setting("doorman", 5060, 0, timeouts=True)
ZONES = """
zone security LAN
zone security WAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
interface dmz0
zone-pair security OUT source LAN destination WAN
 service-policy type inspect P
"""


def chains(policy: str, more: str = "", present: Present = Present()) -> dict[str, list[str]]:  # noqa: B008 - a constant
    """The rules of each chain, of a policy of these classes."""
    text = OVERLOAD + more + f"policy-map type inspect P\n{policy}" + ZONES
    found: dict[str, list[str]] = {}
    for line in set_up(read_config(text, "test.cfg"), SETTING, present).script.splitlines():
        rule = re.fullmatch(r"add rule ip doorman (\S+) (.*)", line)
        if rule is not None:
            found.setdefault(rule[1], []).append(rule[2])
    return found


def classes(*names: str) -> str:
    """A class for each application, and a policy that inspects them."""
    return "".join(f"class-map type inspect {name.upper()}\n match protocol {name}\n" for name in names)


def inspected(*names: str) -> str:
    return "".join(f" class type inspect {name.upper()}\n  inspect\n" for name in names)


def test_without_zones_there_is_no_chain_of_the_firewall() -> None:
    text = set_up(read_config(OVERLOAD, "test.cfg"), SETTING).script
    assert not [line for line in text.splitlines() if re.search(r"chain ip doorman (zone|zbf)", line)]


def test_pairs_of_interfaces_are_led_to_pairs_of_zones() -> None:
    [*_, leading] = chains(inspected("dns"), classes("dns"))["zone_forward"]
    assert re.findall(r'"(\w+)" \. "(\w+)" : goto zbf_(\w+)', leading) == [
        ("in0", "out0", "pair_0"),
        ("in0", "dmz0", "apart"),
        ("out0", "in0", "apart"),
        ("out0", "dmz0", "apart"),
        ("dmz0", "in0", "apart"),
        ("dmz0", "out0", "apart"),
    ]


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        (None, "ct mark and 0x800000 != 0 goto zbf_known"),
        (Zone(7, shares=False), "ct zone != 7 accept"),
        (Zone(7, shares=True, judges_rest=True), "ct zone != { 7, 0 } accept"),
        (Zone(0, shares=False, judges_rest=True), "ct zone != 0 accept"),
    ],
)
def test_each_vrf_judges_its_own_flows(zone: Zone | None, first: str) -> None:
    config = read_config(OVERLOAD + "policy-map type inspect P\n" + ZONES, "test.cfg")
    made = {chain.name: chain.rules for chain in ZoneChains(config, SETTING._replace(zone=zone)).chains()}
    assert made["zone_forward"][0] == first


def test_classes_of_a_policy_are_one_look_up() -> None:
    names = "dns", "http", "https", "ntp", "smtp"
    lookup, default = chains(inspected(*names), classes(*names))["zbf_pair_0"]
    assert lookup.startswith("meta l4proto . th dport vmap { 6 . 53 : goto zbf_act_")
    assert len(set(re.findall(r"zbf_act_\w+", lookup))) == len(names)
    assert default.startswith("goto zbf_act_")


def test_all_matches_of_a_class_are_asked_one_behind_the_other() -> None:
    more = "access-list 101 deny tcp any host 192.0.2.1\naccess-list 101 permit ip any any\n"
    more += "class-map type inspect match-all BOTH\n match protocol http\n match access-group 101\n"
    found = chains(" class type inspect BOTH\n  drop\n", more)
    assert found["zbf_pair_0"][0] == "meta l4proto 6 th dport 80 jump zbf_m_1"
    assert found["zbf_m_1"] == ["jump zbf_m_0"]
    denied, permitted = found["zbf_m_0"]
    assert denied == "meta l4proto 6 ip daddr 192.0.2.1 return"
    assert permitted.startswith("goto zbf_act_")


def test_an_application_of_some_servers() -> None:
    more = "access-list 7 permit 192.0.2.0 0.0.0.255\nip port-map http port tcp 8080 list 7\n" + classes("http")
    found = chains(inspected("http"), more)
    assert found["zbf_pair_0"][:2] == [found["zbf_pair_0"][0], "meta l4proto 6 th dport 8080 jump zbf_m_0"]
    assert found["zbf_m_0"][0].startswith("ip daddr 192.0.2.0/24 goto zbf_act_")


def test_classes_keep_their_numbers() -> None:
    def numbers(policy: str, present: Present = Present()) -> list[str]:  # noqa: B008 - a constant
        known = chains(policy, classes("dns", "http", "ntp"), present)
        return sorted(name for name in known if name.startswith("zbf_let"))

    first = numbers(inspected("dns", "http"))
    after = numbers(inspected("ntp", "dns", "http"), Present(first))
    assert set(first) < set(after)
    assert sorted(name.rpartition("_")[2] for name in after) == ["1", "2", "3"]


def test_sessions_are_told_apart_by_the_bits_of_their_class() -> None:
    names = ["dns", "http", "https", "ntp", "smtp", "ssh", "telnet"]
    found = chains(inspected(*names), classes(*names))
    leaves = {int(name.rpartition("_")[2]): name for name in found if name.startswith("zbf_let")}

    def led(chain: str, number: int) -> str:
        """Where a flow with this label ends up."""
        for rule in found[chain]:
            asked = re.fullmatch(r"(?:ct label (\d+) )?(accept|goto (\S+))", rule)
            assert asked is not None, rule
            if asked[1] is None or number >> int(asked[1]) & 1:
                goal = asked[3] or "accept"
                return led(goal, number) if goal.startswith("zbf_known") else goal
        return ""

    assert {number: led("zbf_known", number) for number in range(8)} == {0: "accept"} | leaves


@pytest.mark.parametrize(
    ("action", "rules"),
    [
        ("pass", ['counter name "C_pass" accept']),
        ("drop", ['counter name "C_drop" drop']),
        ("drop log", ['log prefix "zbf zone-policy OUT DNS" snaplen 128 group 5060', 'counter name "C_drop" drop']),
        ("pass log", ['log prefix "zbf - OUT DNS" snaplen 128 group 5060', 'counter name "C_pass" accept']),
    ],
)
def test_what_becomes_of_a_class(action: str, rules: list[str]) -> None:
    found = chains(f" class type inspect DNS\n  {action}\n", classes("dns"))
    [then] = re.findall(r"goto (zbf_act_\w+)", found["zbf_pair_0"][0])
    counter = then.replace("act_", "")
    assert [rule.removeprefix("limit rate 100/second burst 100 packets ") for rule in found[then]] == [
        rule.replace("C_", f"{counter}_") for rule in rules
    ]


def test_limits_of_sessions() -> None:
    more = classes("dns") + (
        "parameter-map type inspect FEW\n sessions maximum 9\n one-minute high 30\n udp idle-time 77\n"
        " tcp max-incomplete host 5 block-time 2\n"
        "parameter-map type inspect global\n sessions maximum 99\n"
    )
    found = chains(" class type inspect DNS\n  inspect FEW\n  police rate 80000 burst 20000\n", more)
    [let] = [name for name in found if name.startswith("zbf_let")]
    [act] = [name for name in found if name.startswith("zbf_act") and any(let in rule for rule in found[name])]
    limits = [rule.partition(" goto ")[0] for rule in found[act] if "zbf_full" in rule]
    assert [re.sub("_[0-9a-f]{16}_", "_X_", limit) for limit in limits] == [
        "meta l4proto tcp ip daddr @zbf_blocked",
        "add @zbf_max_X_9 { ip daddr and 0.0.0.0 ct count over 9 }",
        "add @zbf_max_X_99 { ip daddr and 0.0.0.0 ct count over 99 }",
    ]
    assert 'meta l4proto udp ct timeout set "udp_77"' in found[act]
    assert found[let][0].startswith("limit rate over 10000 bytes/second burst 10000 bytes goto zbf_police_")


def test_names_survive_the_way_through_the_kernel() -> None:
    for place in (("zone-policy", "OUT", "class-default"), ("", 'a"b{', "x" * 30), ("no-zone-pair", "", "")):
        logged = LoggedClass(*place)
        assert LoggedClass.read(str(logged)) == logged
        assert not set(str(logged)) & set('"{};$')
    assert len(str(LoggedClass("zone-session-limit", "%" * 200, "%" * 200))) < 128
    assert LoggedClass.read("acl denied WORLD") is None


def test_there_are_numbers_for_many_classes() -> None:
    policy = "".join(f" class type inspect C{number}\n  inspect\n" for number in range(300))
    class_map = "class-map type inspect C{0}\n match protocol user-{0}\nip port-map user-{0} port tcp {1}\n"
    more = "".join(class_map.format(number, number + 1) for number in range(300))
    config = read_config(OVERLOAD + more + f"policy-map type inspect P\n{policy}" + ZONES, "test.cfg")
    numbers = ZoneChains(config, SETTING).numbers
    assert sorted(numbers.values()) == list(range(1, 301))
    assert max(numbers.values()) < 1 << LABEL_BITS
