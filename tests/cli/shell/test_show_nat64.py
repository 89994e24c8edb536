"""`show nat64 …`: IPv6 hosts by the addresses of both families."""

import json
from pathlib import Path

import pytest

from doorman.cli.shell.session import ShellSession
from doorman.net.addresses import address_of, address_text
from kit.nat64 import CONFIG, HOST, OTHER
from kit.packets import udp
from kit.shell import FakeGateway, typed
from kit.sip import OVERLOAD


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path / "gw.cfg", CONFIG)


@pytest.fixture
def session(gateway: FakeGateway) -> ShellSession:
    made = ShellSession(gateway, lambda _: None)
    typed(made, "enable")
    return made


def send(gateway: FakeGateway) -> str:
    stand_in = address_text(gateway.engine.state.stand_ins.give(address_of(HOST), gateway.now))
    gateway.inside(udp(f"{stand_in}:5000", "203.0.113.20:9"))
    return stand_in


def test_translations_are_told_of_in_both_families(gateway: FakeGateway, session: ShellSession) -> None:
    stand_in = send(gateway)
    fixed = address_text(gateway.engine.state.stand_ins.known(address_of(OTHER)) or b"")
    assert typed(session, "show nat64 translations").splitlines() == [
        "Pro   Inside IPv6                     Outside IPv6",
        "      Inside IPv4                     Outside IPv4              Stand-in",
        "---   2001:db8:1::9                   ---",
        f"      203.0.113.9                     ---                       {fixed}",
        "udp   [2001:db8:1::5]:5000            [2001:db8:64::cb00:7114]:9",
        f"      203.0.113.1:5000                203.0.113.20:9            {stand_in}",
        "Total number of translations: 2",
    ]
    _, flow = json.loads(typed(session, "show nat64 translations", as_json=True))["data"]
    assert flow == {
        "protocol": "udp",
        "inside_ipv6": "[2001:db8:1::5]:5000",
        "stand_in": stand_in,
        "inside_ipv4": "203.0.113.1:5000",
        "outside_ipv6": "[2001:db8:64::cb00:7114]:9",
        "outside_ipv4": "203.0.113.20:9",
    }


def test_statistics(gateway: FakeGateway, session: ShellSession) -> None:
    send(gateway)
    assert typed(session, "show nat64 statistics").splitlines() == [
        "Stateful prefix: 2001:db8:64::/96",
        "Interfaces: lan0",
        "Total hosts: 2 (1 static, 1 dynamic)",
        "Packets translated (IPv6 -> IPv4): 5",
        "Packets translated (IPv4 -> IPv6): 4",
        "Packets by other interfaces: 2",
        "Drops: 1",
        "  Name           Count  Meaning",
        "  no-nat64-rule  1      NAT64: no list of a rule permits this IPv6 host (nat64 v6v4 list)",
    ]
    typed(session, "clear nat64 statistics")
    found = json.loads(typed(session, "show nat64 statistics", as_json=True))["data"]
    assert (found["to_ipv4"], found["drops"], found["hosts"]) == (0, {}, {"static": 1, "dynamic": 1})


def test_where_there_is_none_of_it(tmp_path: Path) -> None:
    gateway = FakeGateway(tmp_path / "gw.cfg", OVERLOAD)
    gateway.inside(udp("10.0.0.10:5000", "203.0.113.20:9"))
    session = ShellSession(gateway, lambda _: None)
    assert typed(session, "show nat64 translations").splitlines()[-1] == "Total number of translations: 0"
    assert typed(session, "show nat64 statistics").splitlines()[:2] == ["Stateful prefix: none", "Interfaces: none"]
