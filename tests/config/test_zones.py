"""The language of the zone-based firewall: the examples of its documents, names that nothing bears, and port maps."""

import pytest
from hypothesis import given

from doorman.algs.registry import DEFAULT_PORTS, Service
from doorman.config.access_lists import Ports, ServiceMatch
from doorman.config.command import CommandError
from doorman.config.errors import ConfigErrors
from doorman.config.in_force import in_force
from doorman.config.model import Config
from doorman.config.port_map import NAMES
from doorman.config.reader import Reader, read_config
from doorman.config.render import render
from doorman.config.session import Session
from doorman.config.zones import MatchProtocol, ParameterMap, Police, PolicyClass, ZonePair
from kit.zones import firewall_configs

AS_PRINTED = """\
class-map type inspect match-any sip-class1
  match protocol sip
  !
policy-map type inspect sip-policy
  class type inspect sip-class1
    inspect
  !
class class-default

zone security zone1
!
zone security zone2
!
zone-pair security in-out source zone1 destination zone2
  service-policy type inspect sip-policy
!
interface gigabitethernet 0/0/0
  zone security zone1
!
interface gigabitethernet 0/1/1
  zone security zone2
"""
"""The example of Cisco's document, blanks and all."""

RENDERED = """\
!
class-map type inspect match-any sip-class1
 match protocol sip
!
policy-map type inspect sip-policy
 class type inspect sip-class1
  inspect
 class class-default
!
zone security zone1
!
zone security zone2
!
zone-pair security in-out source zone1 destination zone2
 service-policy type inspect sip-policy
!
interface GigabitEthernet0/0/0
 zone-member security zone1
!
interface GigabitEthernet0/1/1
 zone-member security zone2
!
end
"""

WHOLE = """\
ip access-list extended WEB
 permit tcp any any eq www
class-map type inspect match-any SHOP
 match protocol http
class-map type inspect match-all OURS
 match class-map SHOP
 match access-group name WEB
parameter-map type inspect SLOW
 udp idle-time 90
policy-map type inspect OUT
 class type inspect OURS
  inspect SLOW
zone security LAN
zone security WAN
zone-pair security Z source LAN destination WAN
 service-policy type inspect OUT
interface in0
 zone-member security LAN
"""


def test_the_example_as_printed_says_what_its_text_says() -> None:
    config = read_config(AS_PRINTED, "printed")
    assert {name: one.zone for name, one in config.interfaces.items()} == {
        "GigabitEthernet0/0/0": "zone1",
        "GigabitEthernet0/1/1": "zone2",
    }
    firewall = config.firewall
    assert firewall.pair("zone1", "zone2") == ZonePair("in-out", "zone1", "zone2", "sip-policy")
    assert firewall.pair("zone2", "zone1") is None
    assert firewall.policy_maps["sip-policy"].classes == (
        PolicyClass("sip-class1", "inspect"),
        PolicyClass("class-default"),
    )
    assert firewall.class_maps["sip-class1"].matches == (MatchProtocol("sip"),)
    assert firewall.class_maps["sip-class1"].any_of
    assert render(config) == RENDERED


def test_a_zone_in_the_section_of_an_interface_is_its_own_only_where_the_line_stands_deeper() -> None:
    config = read_config("zone security A\ninterface in0\n zone security A\nzone security B\n", "f")
    assert list(config.firewall.zones) == ["A", "B"]
    assert config.interfaces["in0"].zone == "A"


def test_class_default_stays_behind_classes_that_are_added_later() -> None:
    lines = "policy-map type inspect P\nclass class-default\npass\nclass type inspect C\ndrop log\n"
    policy = read_config("class-map type inspect C\n" + lines, "f").firewall.policy_maps["P"]
    assert policy.classes == (PolicyClass("C", "drop", log=True), PolicyClass("class-default", "pass"))


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (
            "ip access-list extended WEB\n permit tcp any any eq www\n",
            {(" match access-group name WEB", "% Access list WEB does not exist")},
        ),
        (
            "class-map type inspect match-any SHOP\n match protocol http\n",
            {(" match class-map SHOP", "% Class-map SHOP not configured")},
        ),
        (
            "class-map type inspect match-all OURS\n match class-map SHOP\n match access-group name WEB\n",
            {(" class type inspect OURS", "% Class-map OURS not configured")},
        ),
        (
            "parameter-map type inspect SLOW\n udp idle-time 90\n",
            {("  inspect SLOW", "% Parameter-map SLOW not configured")},
        ),
        (
            "policy-map type inspect OUT\n class type inspect OURS\n  inspect SLOW\n",
            {(" service-policy type inspect OUT", "% Policy-map OUT not configured")},
        ),
        (
            "zone security LAN\n",
            {
                ("zone-pair security Z source LAN destination WAN", "% Zone LAN not configured"),
                (" zone-member security LAN", "% Zone LAN not configured"),
            },
        ),
    ],
)
def test_what_is_named_must_be_there(taken: str, said: set[tuple[str, str]]) -> None:
    assert taken in WHOLE
    with pytest.raises(ConfigErrors) as caught:
        read_config(WHOLE.replace(taken, ""), "f")
    assert {(error.text, error.message) for error in caught.value.errors} == said


@given(firewall_configs())
def test_what_is_rendered_reads_to_the_same(config: Config) -> None:
    text = render(config)
    assert read_config(text, "rendered") == config


def test_a_policy_with_a_fault_drops_all_until_the_fault_is_gone() -> None:
    session = Session(Config())
    for line in WHOLE.splitlines():
        if line not in {"class-map type inspect match-any SHOP", " match protocol http"}:
            session.execute(line)
    working, faults = in_force(session.config)
    assert faults == ["% Class-map SHOP not configured"]
    assert (working.firewall.zone_pairs["Z"].policy, list(working.firewall.policy_maps)) == ("OUT", [])
    session.execute("class-map type inspect match-any SHOP")
    working, faults = in_force(session.config)
    assert (list(working.firewall.policy_maps), faults) == (["OUT"], [])


def test_nothing_of_the_firewall_is_passed_over() -> None:
    with pytest.raises(ConfigErrors, match="Invalid input"):
        read_config("policy-map type inspect P\n class class-default\n  urlfilter U\n", "f")


def test_maps_of_other_features_are_passed_over_with_their_sections() -> None:
    reader = Reader("f")
    config = reader.read(
        "class-map match-any VOICE\n match ip dscp ef\npolicy-map WAN-OUT\n class VOICE\n  priority percent 30\n"
        "parameter-map type webauth global\n type webauth\nclass-map type inspect match-any A\n match protocol dns\n"
    )
    assert [error.line for error in reader.warnings] == [1, 3, 6]
    assert list(config.firewall.class_maps) == ["A"]


@pytest.mark.parametrize("name", NAMES)
def test_every_application_says_what_its_packets_carry(name: str) -> None:
    found = read_config(f"class-map type inspect C\n match protocol {name}\n", "f").application(name)
    assert list(found) == [None]
    assert all(service.protocols in {(1,), (6,), (17,)} for service in found[None])
    assert found[None]


def test_port_maps_add_ports_for_all_servers_or_for_some() -> None:
    config = read_config(
        "access-list 7 permit 10.0.0.5\nip port-map http port 8080\nip port-map http port tcp 8000 list 7\n"
        "ip port-map user-shop port udp 9000\nip port-map user-both port 9001\n",
        "f",
    )
    assert config.application("http") == {
        None: (ServiceMatch((6,), destination_ports=Ports("eq", (80, 8080))),),
        "7": (ServiceMatch((6,), destination_ports=Ports("eq", (8000,))),),
    }
    assert config.application("user-shop")[None] == (ServiceMatch((17,), destination_ports=Ports("eq", (9000,))),)
    assert [one.protocols for one in config.application("user-both")[None]] == [(6,), (17,)]


def test_an_alg_listens_where_a_port_map_says_and_is_matched_where_it_listens() -> None:
    config = read_config(
        "ip nat service sip udp port 5070\nip port-map sip port udp 5080\nip port-map sip port tcp 5090 list 1\n"
        "access-list 1 permit any\nno ip nat service sip tcp port 5060\n",
        "f",
    )
    assert config.served == DEFAULT_PORTS | {
        Service("sip", "udp"): frozenset({5060, 5070, 5080}),
        Service("sip", "tcp"): frozenset(),
    }
    assert config.ports("udp")["sip"] == frozenset({5060, 5070, 5080})
    assert config.application("sip") == {
        None: (
            ServiceMatch((6,), destination_ports=Ports("eq", (5060,))),
            ServiceMatch((17,), destination_ports=Ports("eq", (5060, 5070, 5080))),
        ),
        "1": (ServiceMatch((6,), destination_ports=Ports("eq", (5090,))),),
    }


def test_a_protocol_that_is_no_application_is_refused_at_its_place() -> None:
    session = Session(Config())
    session.execute("class-map type inspect C")
    with pytest.raises(CommandError) as caught:
        session.execute("match protocol bittorrent")
    assert caught.value.column == len("match protocol ")


def test_the_burst_of_a_rate_and_the_parameters_by_default() -> None:
    assert Police(8_000).bucket == 1_500
    assert Police(8_000_000).bucket == 31_250
    assert Police(8_000, 2_000).bucket == 2_000
    firewall = read_config("parameter-map type inspect default\n tcp idle-time 60\n", "f").firewall
    assert firewall.parameters(None) == ParameterMap("default", tcp_idle=60)
    assert firewall.parameters("gone") == ParameterMap("gone")
