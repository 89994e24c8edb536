"""Rules of others, as libnftables and iptables-save show them."""

from typing import Any

import pytest

from doorman.dataplanes.netfilter.requirements.finding import Finding
from doorman.dataplanes.netfilter.requirements.foreign import foreign_rules
from doorman.dataplanes.netfilter.requirements.host import Host
from doorman.dataplanes.netfilter.requirements.trial import Trial

Item = dict[str, Any]


def rule(*statements: Item, table: str = "fw", family: str = "inet") -> Item:
    return {"rule": {"family": family, "table": table, "chain": "c", "handle": 5, "expr": list(statements)}}


def on(key: str, names: object, operator: str = "==") -> Item:
    return {"match": {"op": operator, "left": {"meta": {"key": key}}, "right": names}}


def chain(hook: str, policy: str, *, family: str = "inet", table: str = "fw", name: str = "c") -> Item:
    content = {"family": family, "table": table, "name": name, "type": "filter", "hook": hook, "policy": policy}
    return {"chain": content}


MASQUERADE: Item = {"masquerade": None}
SNAT: Item = {"snat": {"family": "ip", "addr": "192.0.2.1"}}
TARGET: Item = {"xt": {"type": "target", "name": "MASQUERADE"}}
HELPER: Item = {"ct helper": {"family": "inet", "name": "s", "table": "fw", "type": "sip", "protocol": "udp"}}
METAINFO: Item = {"metainfo": {"version": "1.0.6"}}


def found_in(*items: Item, iptables: str = "") -> list[Finding]:
    host = Host(trial=Trial(ruleset=[METAINFO, *items]), iptables=iptables)
    return [finding for finding in foreign_rules(host, "doorman", ["eth0", "eth1"]) if finding.state != "found"]


@pytest.mark.parametrize(
    "statements",
    [
        [MASQUERADE],
        [TARGET],
        [on("oifname", "eth1"), SNAT],
        [on("oifname", "eth*"), SNAT],
        [on("oifname", {"set": ["eth9", "eth1"]}), SNAT],
        [on("oifname", "lo", "!="), SNAT],
    ],
)
def test_nat_of_our_interfaces(statements: list[Item]) -> None:
    (finding,) = found_in(rule(*statements))
    assert (finding.name, finding.state) == ("other NAT", "warning")
    assert "table inet fw chain c" in finding.detail


@pytest.mark.parametrize(
    "item",
    [
        rule(on("oifname", "eth9"), MASQUERADE),
        rule(on("iif", {"set": ["lo", "eth9"]}), SNAT),
        rule(MASQUERADE, family="ip6"),
        rule(MASQUERADE, family="ip", table="doorman"),
        rule({"accept": None}),
        HELPER,
        rule({"ct helper": "ftp"}),
        rule({"xt": {"type": "target", "name": "CT"}}),
        chain("forward", "accept"),
        chain("output", "drop"),
        chain("forward", "drop", family="ip6"),
    ],
)
def test_what_is_not_in_the_way(item: Item) -> None:
    assert not found_in(item)


def test_our_own_name_in_another_family_is_a_stranger() -> None:
    assert found_in(rule(MASQUERADE, family="inet", table="doorman"))


def test_the_sip_helper_of_nft() -> None:
    (finding,) = found_in(HELPER, rule({"ct helper": "s"}))
    assert finding.mend == "nft delete rule inet fw c handle 5"


def test_a_helper_by_map_may_be_that_of_sip() -> None:
    (finding,) = found_in(rule({"ct helper": {"map": {}}}))
    assert finding.name == "kernel SIP helper"


def test_the_sip_helper_of_iptables() -> None:
    line = "-A PREROUTING -p udp -m udp --dport 5060 -j CT --helper sip"
    (finding,) = found_in(iptables=f"*raw\n:PREROUTING ACCEPT [0:0]\n{line}\nCOMMIT\n")
    assert finding.mend == f"iptables -t raw {line.replace('-A', '-D')}"


def test_nat_of_iptables() -> None:
    assert found_in(iptables="-A POSTROUTING -o eth1 -j MASQUERADE\n")
    assert found_in(iptables="-A POSTROUTING -o eth+ -j MASQUERADE\n")
    assert found_in(iptables="-A POSTROUTING ! -o eth9 -j MASQUERADE\n")
    assert not found_in(iptables="-A POSTROUTING -o eth9 -j MASQUERADE\n")


def test_flow_offload() -> None:
    (finding,) = found_in(rule({"flow": {"op": "add", "flowtable": "@f"}}))
    assert finding.name == "flow offload"


@pytest.mark.parametrize(
    ("item", "command"),
    [
        (chain("forward", "drop"), "nft insert rule inet fw c ct mark and 0x100000 != 0 accept"),
        (chain("input", "drop"), "nft insert rule inet fw c ct mark and 0x200000 != 0 accept"),
        (
            chain("forward", "drop", family="ip", table="filter", name="FORWARD"),
            "iptables -I FORWARD -m connmark --mark 0x100000/0x100000 -j ACCEPT",
        ),
    ],
)
def test_policy_drop(item: Item, command: str) -> None:
    (finding,) = found_in(item)
    assert (finding.name, finding.mend) == ("policy drop", command)


def test_policy_drop_of_iptables() -> None:
    (finding,) = found_in(iptables=":INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n")
    assert finding.mend == "iptables -I INPUT -m connmark --mark 0x200000/0x200000 -j ACCEPT"


def test_a_ruleset_that_may_not_be_read() -> None:
    (finding,) = foreign_rules(Host(trial=Trial(ruleset_unread="Operation not permitted")), "doorman", [])
    assert (finding.state, finding.blocks) == ("warning", False)


def test_without_a_configuration_every_interface_counts() -> None:
    host = Host(trial=Trial(ruleset=[rule(on("oifname", "eth9"), MASQUERADE)]))
    assert [finding.name for finding in foreign_rules(host, "doorman", [])] == ["other NAT"]
