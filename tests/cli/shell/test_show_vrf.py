"""`show vrf`, and commands that choose the hosts of one VRF."""

import json
from pathlib import Path

import pytest

from doorman.cli.shell.session import ShellSession
from doorman.config.command import CommandError
from kit.shell import FakeGateway, typed
from kit.vrf import OVERLOAD

CHOOSING = (
    "show ip nat translations vrf",
    "show ip nat doors vrf",
    "show alg sip calls vrf",
    "show alg sip registrations vrf",
    "show vrf",
)


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    more = "ip vrf old\nvrf definition both\n address-family ipv6\n address-family ipv4\n"
    return FakeGateway(tmp_path / "gw.cfg", OVERLOAD + more)


@pytest.fixture
def session(gateway: FakeGateway) -> ShellSession:
    made = ShellSession(gateway, lambda _: None)
    typed(made, "enable")
    return made


def test_vrfs_are_listed(session: ShellSession) -> None:
    assert typed(session, "show vrf").splitlines() == [
        "Name  Default RD  Protocols  Interfaces",
        "red   65000:1                red0",
        "blue  65000:2                blue0",
        "old   <not set>   ipv4",
        "both  <not set>   ipv4,ipv6",
    ]


def test_one_of_them(session: ShellSession) -> None:
    found = json.loads(typed(session, "show vrf blue", as_json=True))["data"]
    assert found == [{"name": "blue", "rd": "65000:2", "protocols": [], "interfaces": ["blue0"]}]


@pytest.mark.parametrize("command", CHOOSING)
def test_one_that_is_not_there_is_told(command: str, session: ShellSession) -> None:
    with pytest.raises(CommandError, match="% VRF green does not exist"):
        typed(session, f"{command} green")


@pytest.mark.parametrize("line", ["* vrf green", "inside 203.0.113.1 10.0.0.1 vrf green"])
def test_nor_can_its_translations_be_cleared(line: str, session: ShellSession) -> None:
    with pytest.raises(CommandError, match="% VRF green does not exist"):
        typed(session, f"clear ip nat translation {line}")


def test_entries_of_others_are_not_shown(session: ShellSession, gateway: FakeGateway) -> None:
    gateway.crowd(3)
    assert "Total number of translations: 0" in typed(session, "show ip nat translations vrf red")
    assert "Total number of translations: 0" not in typed(session, "show ip nat translations")
