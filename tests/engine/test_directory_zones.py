"""NetBIOS and LDAP past a firewall: matched by name, at the ports that they are served on, with NAT and without."""

import random

import pytest

from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from kit.ldap import added, person
from kit.netbios import CALL, datagram, registration
from kit.packets import endpoint, tcp
from kit.sip import NO_NAT, STATIC, Gateway

ZONES = """
zone security LAN
zone security WAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
class-map type inspect match-any DIRECTORIES
 match protocol netbios-ns
 match protocol netbios-dgm
 match protocol netbios-ssn
 match protocol ldap
policy-map type inspect OUT
 class type inspect DIRECTORIES
  inspect
zone-pair security OUT source LAN destination WAN
 service-policy type inspect OUT
"""
MORE = "ip nat service netbios-ns udp port 1037\nno ip nat service netbios-ns udp port 137\n"
nat_or_not = pytest.mark.parametrize(("config", "name"), [(STATIC, "203.0.113.100"), (NO_NAT, "10.0.0.10")])


@nat_or_not
def test_datagrams_and_names_pass_and_are_answered(config: str, name: str) -> None:
    gateway = Gateway(config + ZONES)
    for port, packet in ((137, registration), (138, lambda address: datagram(address, 138))):
        passed = gateway.out(packet("10.0.0.10"), f"10.0.0.10:{port}", f"198.51.100.20:{port}")
        assert (passed.fate, passed.data) == (Fate.FORWARDED, packet(name))
        answered = gateway.in_(packet("198.51.100.20"), f"198.51.100.20:{port}", f"{name}:{port}")
        assert answered.fate == Fate.FORWARDED
        stranger = gateway.in_(packet("192.0.2.66"), f"192.0.2.66:{port}", f"{name}:{port}")
        assert stranger.fate == Fate.DROPPED
    assert gateway.out(b"other", "10.0.0.10:53", "198.51.100.20:53").reason == "zone-policy"


def test_a_service_is_matched_where_it_is_served() -> None:
    gateway = Gateway(STATIC + ZONES + MORE)
    passed = gateway.out(registration("10.0.0.10"), "10.0.0.10:1037", "198.51.100.20:1037")
    assert passed.data == registration("203.0.113.100")
    assert gateway.out(registration("10.0.0.10"), "10.0.0.10:137", "198.51.100.20:137").reason == "zone-policy"


def test_connections_are_made_and_looked_into() -> None:
    engine = Engine(read_config(STATIC + ZONES, "test.cfg"), random.Random(7).random)
    for port, sent, expected in (
        (389, added(person("10.0.0.10")), added(person("203.0.113.100"))),
        (1002, added(person("10.0.0.10")), added(person("203.0.113.100"))),
        (139, CALL, CALL),
    ):
        ends = endpoint(f"10.0.0.10:{40_000 + port}"), endpoint(f"198.51.100.20:{port}")
        connection = connect(engine, *ends, Side.INSIDE, 1000.0)
        assert connection.receive(sent, End.CLIENT, 1000.0).data == expected
    refused = engine.receive(tcp("10.0.0.10:40000", "198.51.100.20:636"), Side.INSIDE, 1000.0)
    assert refused.reason == "zone-policy"
