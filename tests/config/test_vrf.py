"""VRFs in the language: how they are defined, who may name them, and what is one VRF's part of a configuration."""

import pytest

from doorman.config.command import CommandError
from doorman.config.errors import ConfigErrors
from doorman.config.model import Config
from doorman.config.reader import Reader, read_config
from doorman.config.realms import config_of, config_of_outside, outside_of, realms
from doorman.config.render import render
from doorman.config.session import Session
from doorman.config.vrf import Vrf

TWO = """\
!
vrf definition blue
 rd 65000:2
 address-family ipv4
 exit-address-family
!
ip vrf red
 description the first floor
 rd 65000:1
!
interface blue0
 vrf forwarding blue
 ip address 192.168.1.1 255.255.255.0
 ip nat inside
!
interface out0
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
!
interface red0
 ip vrf forwarding red
 ip address 192.168.1.1 255.255.255.0
 ip nat inside
!
ip nat translation max-entries 100
ip nat translation max-entries all-vrf 50
ip nat translation max-entries vrf red 20
ip nat inside source list 1 interface out0 vrf red overload
ip nat inside source list 1 interface out0 vrf blue overload
ip nat inside source static 192.168.1.5 203.0.113.5 vrf red
ip nat inside source static 192.168.1.5 203.0.113.6 vrf blue
ip nat inside source static tcp 192.168.1.6 80 203.0.113.1 8080 vrf blue extendable
!
access-list 1 permit 192.168.1.0 0.0.0.255
!
end
"""
OWN = """\
interface wan0
 vrf forwarding red
 ip address 198.18.0.1 255.255.255.0
 ip nat outside
"""


def read(text: str) -> Config:
    return read_config(text, "gw.conf")


def error(text: str) -> tuple[int, str]:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    [found] = caught.value.errors
    return found.line, found.message


def refusal(config: Config, *lines: str) -> str:
    session = Session(config)
    for line in lines[:-1]:
        session.execute(line)
    with pytest.raises(CommandError) as caught:
        session.execute(lines[-1])
    return caught.value.message


def test_a_configuration_with_overlapping_vrfs_reads_and_renders() -> None:
    config = read(TWO)
    assert config.vrfs == {
        "blue": Vrf("blue", distinguisher="65000:2", families=("ipv4",)),
        "red": Vrf("red", by_ip=True, distinguisher="65000:1", description="the first floor"),
    }
    assert render(config) == TWO


def test_what_routing_protocols_need_is_passed_over() -> None:
    reader = Reader("gw.conf")
    text = "vrf definition red\n rd 1:1\n route-target export 1:1\n address-family ipv4\n  import map M\n"
    assert reader.read(f"{text} exit-address-family\n description later\n").vrfs["red"].description == "later"
    assert [warning.line for warning in reader.warnings] == [3, 5]


def test_the_realms_are_those_with_an_inside() -> None:
    assert realms(read(TWO)) == ["blue", "red"]
    assert realms(Config()) == [None]
    with_global = TWO.replace("!\nend\n", "interface in0\n ip nat inside\n")
    assert realms(read(with_global)) == [None, "blue", "red"]


def test_a_realm_has_its_own_rules_and_the_shared_outside() -> None:
    config = read(TWO)
    red = config_of(config, "red")
    assert list(red.interfaces) == ["out0", "red0"]
    assert [rule.vrf for rule in red.dynamic_sources] == ["red"]
    assert list(map(str, red.statics)) == ["192.168.1.5 -> 203.0.113.5 vrf red"]
    assert (outside_of(config, "red"), outside_of(config, "blue")) == (None, None)
    assert len(config_of_outside(config, None).statics) == 3


def test_limits_of_a_realm_are_its_own_or_those_of_every_vrf() -> None:
    config = read(TWO)
    assert [config_of(config, realm).max_entries.all for realm in ("red", "blue", None)] == [20, 50, 100]


def test_an_outside_in_the_vrf_is_not_shared() -> None:
    config = read(TWO.replace("interface out0 vrf red", "interface wan0 vrf red").replace("!\nend\n", OWN))
    assert outside_of(config, "red") == "red"
    assert list(config_of(config, "red").interfaces) == ["red0", "wan0"]
    assert list(config_of(config, "blue").interfaces) == ["blue0", "out0"]
    assert {rule.vrf for rule in config_of_outside(config, None).statics} == {"blue"}


def test_two_vrfs_may_have_one_global_name_where_it_is_on_their_own_outsides() -> None:
    own = OWN + OWN.replace("red", "blue").replace("wan0", "wan1")
    static = "ip nat inside source static 192.168.1.5 198.18.0.9 vrf {} match-in-vrf\n"
    head = TWO.partition("ip nat trans")[0]
    config = read(head + own + static.format("red") + static.format("blue"))
    assert len(config.statics) == 2
    shared = static.replace(" match-in-vrf", "")
    _, message = error(head + own + shared.format("red") + shared.format("blue"))
    assert message == "% similar static entry (192.168.1.5 -> 198.18.0.9 vrf red) already exists"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "ip nat inside source static 192.168.1.7 203.0.113.5 vrf blue",
            "% similar static entry (192.168.1.5 -> 203.0.113.5 vrf red) already exists",
        ),
        ("ip nat inside source static 192.168.1.7 203.0.113.7 vrf green", "% VRF green does not exist"),
        ("ip nat inside source list 2 interface out0 vrf green", "% VRF green does not exist"),
        ("ip nat translation max-entries vrf green 5", "% VRF green does not exist"),
        ("no vrf definition green", "% VRF green does not exist"),
        ("no ip vrf red", "% VRF red in use by interface red0, cannot delete"),
        ("vrf definition red", "% VRF red is defined by `ip vrf` already"),
        ("vrf definition a/b", "% A VRF's name has up to 32 letters, digits and - or _"),
        ("ip vrf forwarding", "% Incomplete command."),
    ],
)
def test_what_is_refused(line: str, message: str) -> None:
    assert refusal(read(TWO), line) == message


def test_networks_overlap_within_a_vrf_only() -> None:
    config = read(TWO)
    same = "interface new0", "vrf forwarding red", "ip address 192.168.1.9 255.255.255.0"
    assert refusal(config, *same) == "% 192.168.1.9 overlaps with red0"
    other = "interface new1", "ip address 192.168.1.9 255.255.255.0", "vrf forwarding red"
    assert refusal(config, *other) == "% 192.168.1.9 overlaps with red0"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("list 2 interface out0 vrf red match-in-vrf overload", "% VRF red has no outside interface of its own"),
        ("static 10.0.0.1 10.0.0.2 vrf red match-in-vrf", "% VRF red has no outside interface of its own"),
    ],
)
def test_match_in_vrf_needs_an_outside_in_the_vrf(rule: str, message: str) -> None:
    text = TWO.replace("!\nend\n", f"access-list 2 permit any\nip nat inside source {rule}\n")
    assert error(text)[1] == message


def test_a_rule_names_an_interface_of_its_outside() -> None:
    text = TWO.replace("!\nend\n", OWN)
    assert error(text) == (28, "% Interface out0 is not one of this outside, which is in VRF red")
    text = TWO.replace("interface out0 vrf blue", "interface wan0 vrf blue")
    text = text.replace("interface out0 vrf red", "interface wan0 vrf red").replace("!\nend\n", OWN)
    assert error(text)[1] == "% Interface wan0 is not one of this outside, which is in no VRF"


SIDES = """\
ip nat pool OUT 10.98.0.1 10.98.0.9 prefix-length 24
ip nat pool REAL 192.168.1.11 192.168.1.12 prefix-length 24 type rotary
{}ip nat outside source list 1 pool OUT vrf red add-route
ip nat outside source list 1 pool OUT vrf blue
ip nat outside source static 198.51.100.7 10.99.0.7 vrf red
ip nat outside source static tcp 198.51.100.8 80 10.99.0.8 80 vrf red extendable
ip nat outside source static 198.51.100.7 10.99.0.7 vrf blue
ip nat outside source static network 198.51.101.0 10.97.0.0 /24 vrf blue
ip nat inside destination list 1 pool REAL vrf red
ip nat inside destination list 1 pool REAL vrf blue
"""


def test_names_of_outside_hosts_and_virtual_hosts_are_of_a_vrf() -> None:
    rules = [line for line in TWO.splitlines(keepends=True) if line.startswith("ip nat inside source")]
    before, after = TWO.split("".join(rules))
    config = read(before + SIDES.format("".join(rules)) + after)
    assert render(config) == before + SIDES.format("".join(rules)) + after
    red = config_of(config, "red")
    assert [rule.vrf for rule in red.outside_sources] == [rule.vrf for rule in red.destinations] == ["red"]
    assert list(map(str, red.outside_statics)) == [
        "198.51.100.7 -> 10.99.0.7 vrf red",
        "tcp 198.51.100.8:80 -> 10.99.0.8:80 vrf red",
    ]
    assert len(config_of(config, None).outside_statics) == 0
    again = "ip nat outside source static 198.51.100.9 10.99.0.7 vrf"
    assert refusal(config, f"{again} red").startswith("% similar static entry")
    for rule in ("ip nat outside source static 198.51.100.7 10.99.0.7", "ip nat inside destination list 1 pool REAL"):
        assert "not found" in refusal(config, f"no {rule}")
        Session(config).execute(f"no {rule} vrf blue")
    assert refusal(config, "no ip nat outside source list 1 pool OUT").endswith("not found")
    assert [rule.vrf for rule in config.destinations] == ["red"]


@pytest.mark.parametrize(
    "rule",
    [
        "ip nat outside source static 198.51.100.7 10.99.0.7 vrf nobody",
        "ip nat outside source list 1 pool OUT vrf nobody",
        "ip nat inside destination list 1 pool REAL vrf nobody",
    ],
)
def test_no_rule_is_of_a_vrf_that_is_not_there(rule: str) -> None:
    assert refusal(read(TWO), rule) == "% VRF nobody does not exist"


def test_a_vrf_that_names_of_outside_hosts_are_for_stays() -> None:
    config = Config()
    lines = "vrf definition red", "exit", "ip nat outside source static 1.1.1.1 2.2.2.2 vrf red"
    assert "in use by a NAT rule" in refusal(config, *lines, "no vrf definition red")
