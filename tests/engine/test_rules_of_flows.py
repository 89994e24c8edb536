"""Rules that look at where flows go: one host has several names, each for other destinations.

phone 192.168.1.10    to 198.51.100.0/24 as 203.0.113.1    to 192.0.2.0/24 as 203.0.113.20    to others as it is
"""

import random

import pytest

from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from kit.gateway import INTERFACES, Gateway, gateway
from kit.packets import endpoint, icmp_error, ping, quote_of, tcp, udp
from kit.sip import answer, request, sdp

PHONE = "192.168.1.10"
NEAR, FAR, OTHER = "198.51.100.7", "192.0.2.7", "100.64.0.7"
LISTS = (
    INTERFACES
    + "ip nat pool P 203.0.113.20 203.0.113.21 prefix-length 24\n"
    + "access-list 101 permit ip 192.168.1.0 0.0.0.255 198.51.100.0 0.0.0.255\n"
    + "access-list 102 permit ip 192.168.1.0 0.0.0.255 192.0.2.0 0.0.0.255\n"
)
EXTENDED = LISTS + (
    "ip nat inside source list 101 interface out0 overload\nip nat inside source list 102 pool P overload\n"
)
ROUTE_MAPS = LISTS + (
    "route-map NEAR permit 10\n match ip address 101\n"
    "route-map FAR deny 5\n match ip address 101\nroute-map FAR permit 10\n match ip address 102 101\n"
    "ip nat inside source route-map FAR pool P overload\n"
    "ip nat inside source route-map NEAR interface out0 overload\n"
)
STATIC = EXTENDED + (
    "route-map WEB permit 10\n match ip address 103\n"
    "access-list 103 permit tcp any any eq 80\n"
    f"ip nat inside source static {PHONE} 203.0.113.9 route-map WEB\n"
)


@pytest.mark.parametrize("config", [EXTENDED, ROUTE_MAPS])
def test_a_host_has_a_name_for_each_rule(config: str) -> None:
    gate = gateway(config)
    near = gate.mapped(udp(f"{PHONE}:5000", f"{NEAR}:9"))
    far = gate.mapped(udp(f"{PHONE}:5000", f"{FAR}:9"))
    assert near == "203.0.113.1:5000"
    assert far == "203.0.113.20:5000"
    assert gate.inside(udp(f"{PHONE}:5000", f"{OTHER}:9")) == f"passed outside: udp {PHONE}:5000 > {OTHER}:9"
    for other in (f"{NEAR}:10", "198.51.100.8:9"):
        assert gate.mapped(udp(f"{PHONE}:5000", other)) == near, "the mapping is independent of the endpoint"
    assert gate.mapped(udp(f"{PHONE}:5000", "192.0.2.8:9")) == far
    assert gate.outside(udp(f"{FAR}:9", far)) == f"inside: udp {FAR}:9 > {PHONE}:5000"
    assert gate.outside(udp(f"{FAR}:9", near)) == "dropped: no-session-or-door"
    gate.inside(ping(PHONE, FAR, 7))
    assert gate.packet[12:16] == bytes([203, 0, 113, 20])
    gate.outside(icmp_error(FAR, "203.0.113.20", udp(far, f"{FAR}:9")))
    assert quote_of(gate.packet) == udp(f"{PHONE}:5000", f"{FAR}:9")


def test_ports_and_protocols_choose_too() -> None:
    config = INTERFACES + (
        "access-list 101 permit tcp any any eq 80\n"
        "access-list 102 deny icmp any any\naccess-list 102 permit ip any any\n"
        "ip nat pool P 203.0.113.20 203.0.113.21 prefix-length 24\n"
        "ip nat inside source list 101 pool P overload\nip nat inside source list 102 interface out0 overload\n"
    )
    gate = gateway(config)
    assert gate.mapped(tcp(f"{PHONE}:1025", f"{NEAR}:80")) == "203.0.113.20:1025"
    assert gate.mapped(tcp(f"{PHONE}:1026", f"{NEAR}:81")) == "203.0.113.1:1026"
    assert gate.mapped(udp(f"{PHONE}:1025", f"{NEAR}:80")) == "203.0.113.1:1025"
    assert gate.inside(ping(PHONE, NEAR, 7)).startswith("passed ")


def test_addresses_leased_for_some_flows() -> None:
    config = LISTS + "ip nat inside source list 102 pool P\n"
    gate = gateway(config)
    assert gate.mapped(udp(f"{PHONE}:5000", f"{FAR}:9")) == "203.0.113.20:5000"
    assert gate.inside(udp(f"{PHONE}:5000", f"{NEAR}:9")).startswith("passed ")
    assert gate.mapped(udp("192.168.1.11:5000", f"{FAR}:9")) == "203.0.113.21:5000"
    assert gate.outside(tcp(f"{NEAR}:9", "203.0.113.20:80")) == f"inside: tcp {NEAR}:9 > {PHONE}:80"


def test_a_static_name_for_some_flows() -> None:
    gate = gateway(STATIC)
    assert gate.mapped(tcp(f"{PHONE}:1025", f"{NEAR}:80")) == "203.0.113.9:1025"
    assert gate.mapped(tcp(f"{PHONE}:1025", f"{NEAR}:81")) == "203.0.113.1:1025"
    assert gate.outside(udp(f"{OTHER}:9", "203.0.113.9:9")) == f"inside: udp {OTHER}:9 > {PHONE}:9"
    assert gate.inside(udp(f"{PHONE}:9", f"{OTHER}:9")) == f"outside: udp 203.0.113.9:9 > {OTHER}:9"


def test_a_network_that_has_another_name_for_each_provider() -> None:
    """The usual case of `route-map` at a static network: two providers, each with addresses of its own."""
    config = LISTS + (
        "route-map NEAR permit 10\n match ip address 101\nroute-map FAR permit 10\n match ip address 102\n"
        "ip nat inside source static network 192.168.1.8 203.0.113.8 /29 route-map NEAR\n"
        "ip nat inside source static network 192.168.1.8 203.0.113.88 /29 route-map FAR\n"
    )
    gate = gateway(config)
    assert gate.mapped(udp(f"{PHONE}:5000", f"{NEAR}:9")) == "203.0.113.10:5000"
    assert gate.mapped(udp(f"{PHONE}:5000", f"{FAR}:9")) == "203.0.113.90:5000"
    assert gate.outside(udp(f"{FAR}:9", "203.0.113.90:5000")) == f"inside: udp {FAR}:9 > {PHONE}:5000"
    assert gate.outside(udp(f"{OTHER}:9", "203.0.113.91:7")) == f"inside: udp {OTHER}:9 > 192.168.1.11:7"
    assert gate.inside(udp("192.168.1.12:5000", f"{OTHER}:9")).startswith("passed ")


def test_interfaces_are_matched_by_their_networks() -> None:
    config = INTERFACES + (
        "interface out1\n ip address 198.51.100.1 255.255.255.0\n ip nat outside\n"
        "route-map ONE permit 10\n match interface out0\n"
        "route-map TWO permit 10\n match interface out1\n match ip address 1\n"
        "ip nat inside source route-map ONE interface out0 overload\n"
        "ip nat inside source route-map TWO interface out1 overload\n"
    )
    gate = gateway(config)
    assert gate.mapped(udp(f"{PHONE}:5000", "203.0.113.77:9")) == "203.0.113.1:5000"
    assert gate.mapped(udp(f"{PHONE}:5000", f"{NEAR}:9")) == "198.51.100.1:5000"
    assert gate.inside(udp(f"{PHONE}:5000", f"{OTHER}:9")).startswith("passed ")


def test_another_configuration_keeps_the_names_it_allows() -> None:
    gate = gateway(EXTENDED)
    far = gate.mapped(udp(f"{PHONE}:5000", f"{FAR}:9"))
    near = gate.mapped(udp(f"{PHONE}:5000", f"{NEAR}:9"))
    gate.engine.reconfigure(read_config(EXTENDED + "access-list 102 permit ip any host 100.64.0.7\n", "t"), gate.now)
    assert gate.mapped(udp(f"{PHONE}:5000", f"{OTHER}:9")) == far
    assert gate.outside(udp(f"{NEAR}:9", near)).startswith("inside: ")
    gate.engine.reconfigure(read_config(LISTS + "ip nat inside source list 102 pool P overload\n", "t"), gate.now)
    assert gate.outside(udp(f"{FAR}:9", far)).startswith("inside: ")
    assert gate.inside(udp(f"{PHONE}:5000", f"{NEAR}:9")).startswith("passed ")


def invite(gate: Gateway, peer: str) -> bytes:
    message = request(host=PHONE, body=sdp(PHONE, 4000), call_id=peer).replace(b"198.51.100.20", peer.encode())
    assert gate.inside(udp(f"{PHONE}:5060", f"{peer}:5060", message)).startswith("outside: ")
    return gate.packet


@pytest.mark.parametrize(("peer", "name"), [(NEAR, b"203.0.113.1"), (FAR, b"203.0.113.20")])
def test_messages_name_a_host_as_their_own_flow_does(peer: str, name: bytes) -> None:
    gate = gateway(EXTENDED)
    invite(gate, FAR if peer == NEAR else NEAR)
    sent = invite(gate, peer)
    assert b"c=IN IP4 " + name + b"\r\n" in sent
    assert b"Contact: <sip:alice@" + name + b":5060>" in sent
    assert PHONE.encode() not in sent


def test_media_to_who_was_told_a_name_have_it_whatever_rule_is_about_them() -> None:
    gate = gateway(EXTENDED)
    sent = invite(gate, NEAR)
    ok = answer(call_id=NEAR, body=sdp(FAR, 6000)).replace(b"198.51.100.20", NEAR.encode())
    assert b"m=audio 4000" in sent
    assert gate.outside(udp(f"{NEAR}:5060", "203.0.113.1:5060", ok)).startswith("inside: ")
    assert gate.mapped(udp(f"{PHONE}:4000", f"{FAR}:6000")) == "203.0.113.1:4000"
    assert gate.mapped(udp(f"{PHONE}:4002", f"{FAR}:6000")) == "203.0.113.20:4002"


def test_a_capture_of_the_inside_is_undone_by_the_same_rule() -> None:
    gate = gateway(EXTENDED)
    invite(gate, NEAR)
    invite(gate, FAR)
    for peer, name in ((NEAR, b"203.0.113.1"), (FAR, b"203.0.113.20")):
        bye = (
            answer(call_id=peer, body=sdp(peer, 6000))
            .replace(b"203.0.113.1", PHONE.encode())
            .replace(b"198.51.100.20", peer.encode())
        )
        captured = udp(f"{peer}:5060", f"{PHONE}:5060", bye)
        sent = gate.engine.as_sent(captured)
        assert b"sip:alice@" + name + b">" in sent
        assert gate.outside(sent).startswith("inside: ")
        assert gate.packet == captured


def test_a_saved_name_is_adopted_by_the_rule_that_gives_it() -> None:
    engine = Engine(read_config(EXTENDED, "t"), random.Random(1).random)
    for name in ("203.0.113.1:5000", "203.0.113.21:5000"):
        binding = engine.state.bindings.adopt(17, endpoint(f"{PHONE}:5000"), endpoint(name))
        assert str(binding.global_) == name
