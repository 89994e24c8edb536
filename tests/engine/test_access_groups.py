"""Access lists on interfaces: what passes, by which addresses it is judged, and what a denied packet leaves behind."""

import random

import pytest

from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import address_of
from doorman.net.fragments import fragment
from kit.gateway import OVERLOAD, STATIC, STATIC_PORT, gateway
from kit.packets import gre, icmp_error, ping, tcp, udp
from kit.sip import GLOBAL, PEER, PHONE, Gateway, request, sdp
from kit.sip import OVERLOAD as SIP

INSIDE, OUTSIDE = "interface in0", "interface out0"
DENIED = "dropped: access-list"
HOST, PEER_DNS = "192.168.1.10:5000", "198.51.100.7:53"
NAME = "203.0.113.1:5000"


def filtered(where: str, direction: str, *lines: str, base: str = OVERLOAD) -> str:
    """A configuration with an access list on an interface."""
    body = "".join(f" {line}\n" for line in lines)
    return f"{base}ip access-list extended L\n{body}{where}\n ip access-group L {direction}\n"


def counts(engine: Engine, name: str = "L") -> list[int]:
    assert engine.access is not None
    return engine.access.lists[name].matches


class TestWhichAddressesAreJudged:
    """On the way in, those a packet comes with; on the way out, those it leaves with."""

    @pytest.mark.parametrize(
        ("where", "direction", "line"),
        [
            (INSIDE, "in", "permit udp host 192.168.1.10 eq 5000 host 198.51.100.7 eq domain"),
            (OUTSIDE, "out", "permit udp host 203.0.113.1 eq 5000 host 198.51.100.7 eq domain"),
        ],
    )
    def test_from_inside(self, where: str, direction: str, line: str) -> None:
        gate = gateway(filtered(where, direction, line))
        assert gate.inside(udp(HOST, PEER_DNS)) == f"outside: udp {NAME} > {PEER_DNS}"
        assert gate.inside(udp(HOST, "198.51.100.7:54")) == DENIED
        assert counts(gate.engine) == [1]

    @pytest.mark.parametrize(
        ("where", "direction", "line"),
        [
            (OUTSIDE, "in", "permit udp host 198.51.100.7 eq domain host 203.0.113.1 eq 5000"),
            (INSIDE, "out", "permit udp host 198.51.100.7 eq domain host 192.168.1.10 eq 5000"),
        ],
    )
    def test_from_outside(self, where: str, direction: str, line: str) -> None:
        gate = gateway(filtered(where, direction, line))
        gate.inside(udp(HOST, PEER_DNS))
        gate.inside(udp(HOST, "198.51.100.7:54"))
        assert gate.outside(udp(PEER_DNS, NAME)) == f"inside: udp {PEER_DNS} > {HOST}"
        assert gate.outside(udp("198.51.100.7:54", NAME)) == DENIED
        assert counts(gate.engine) == [1]

    def test_static_names_are_judged_before_they_are_translated(self) -> None:
        gate = gateway(filtered(OUTSIDE, "in", "permit tcp any host 203.0.113.1 eq 8080", base=STATIC_PORT))
        assert gate.outside(tcp("198.51.100.7:999", "203.0.113.1:8080")).startswith("inside: tcp")
        gate = gateway(filtered(INSIDE, "out", "permit tcp any host 203.0.113.1 eq 8080", base=STATIC_PORT))
        assert gate.outside(tcp("198.51.100.7:999", "203.0.113.1:8080")) == DENIED

    def test_what_nothing_translates_is_judged_too(self) -> None:
        alone = OVERLOAD.replace("access-list 1 permit 192.168.1.0 0.0.0.255", "access-list 1 permit host 192.168.1.9")
        for where, direction in ((INSIDE, "in"), (OUTSIDE, "out")):
            gate = gateway(filtered(where, direction, "permit udp any any eq 53", base=alone))
            assert gate.inside(udp(HOST, PEER_DNS)).startswith("passed outside")
            assert gate.inside(gre(HOST, PEER_DNS)) == DENIED


def test_returning_packets_need_a_line_of_their_own() -> None:
    gate = gateway(filtered(OUTSIDE, "in", "permit tcp any any established"))
    gate.inside(tcp(HOST, "198.51.100.7:80"))
    assert gate.outside(tcp("198.51.100.7:80", NAME, "SA")).startswith("inside")
    assert gate.outside(tcp("198.51.100.7:80", NAME, "S")) == DENIED


def test_every_packet_of_a_flow_is_judged_and_counted() -> None:
    gate = gateway(filtered(INSIDE, "in", "deny udp any any eq 54", "permit ip any any"))
    for _ in range(5):
        assert gate.inside(udp(HOST, PEER_DNS)).startswith("outside")
    assert gate.inside(udp(HOST, "198.51.100.7:54")) == DENIED
    assert counts(gate.engine) == [1, 5]
    assert gate.engine.drops == {"access-list": 1}


def test_pings_and_errors() -> None:
    gate = gateway(filtered(OUTSIDE, "in", "permit icmp any any echo-reply", "permit icmp any any port-unreachable"))
    gate.inside(ping(HOST, PEER_DNS, 7))
    gate.inside(udp(HOST, PEER_DNS))
    assert gate.outside(ping(PEER_DNS, NAME, 7, "echo-reply")).startswith("inside")
    assert gate.outside(ping(PEER_DNS, NAME, 7)) == DENIED
    about = udp(NAME, PEER_DNS)
    assert gate.outside(icmp_error("198.51.100.7", "203.0.113.1", about, 3, 3)).startswith("inside")
    assert gate.outside(icmp_error("198.51.100.7", "203.0.113.1", about, 3, 1)) == DENIED
    assert counts(gate.engine) == [1, 1]


def test_an_error_is_judged_by_the_addresses_it_leaves_with() -> None:
    gate = gateway(filtered(OUTSIDE, "out", "permit icmp host 203.0.113.1 any", "permit udp any any"))
    gate.inside(udp(HOST, PEER_DNS))
    about = udp(PEER_DNS, HOST)
    assert gate.inside(icmp_error("192.168.1.10", "198.51.100.7", about)).startswith("outside")
    assert counts(gate.engine) == [1, 1]


def test_what_goes_back_in_passes_the_inside_interface_only() -> None:
    """A hairpin neither leaves by the outside interface nor comes in by it."""
    to_name = udp("192.168.1.11:6000", "203.0.113.5:6000")
    for direction in ("in", "out"):
        gate = gateway(filtered(OUTSIDE, direction, "deny ip any any", base=STATIC))
        assert gate.inside(to_name).startswith("inside: udp")
    gate = gateway(filtered(INSIDE, "out", "deny ip any any", base=STATIC))
    assert gate.inside(to_name) == DENIED


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_denied_packet_makes_no_name_and_no_session(direction: str) -> None:
    gate = gateway(filtered(INSIDE if direction == "in" else OUTSIDE, direction, "deny ip any any"))
    assert gate.inside(udp(HOST, PEER_DNS)) == DENIED
    assert not list(gate.engine.state.sessions)
    assert not [binding for binding in gate.engine.state.bindings if not binding.static]


def test_a_denied_packet_does_not_keep_a_session_alive() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(udp(HOST, PEER_DNS))
    session = next(iter(gate.engine.state.sessions))
    gate.engine.reconfigure(read_config(filtered(OUTSIDE, "out", "deny ip any any"), "new"), gate.now)
    gate.now += 100
    assert gate.inside(udp(HOST, PEER_DNS)) == DENIED
    assert session.last_used == 1000.0


class TestAlgs:
    SDP = b"v=0\r\no=- 1 1 IN IP4 10.0.0.10\r\ns=-\r\nc=IN IP4 10.0.0.10\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
    INVITE = (
        b"INVITE sip:bob@198.51.100.20 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK1\r\n"
        b"From: <sip:a@10.0.0.10>;tag=1\r\nTo: <sip:bob@198.51.100.20>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n"
        b"Contact: <sip:a@10.0.0.10>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s"
    ) % (len(SDP), SDP)

    @pytest.mark.parametrize(("where", "direction"), [(INSIDE, "in"), (OUTSIDE, "out")])
    def test_a_denied_message_opens_no_door(self, where: str, direction: str) -> None:
        gate = Gateway(filtered(where, direction, "deny udp any any eq 5060", "permit ip any any", base=SIP))
        passage = gate.out(self.INVITE)
        assert passage.reason == "access-list"
        assert not gate.doors
        assert not gate.bindings()
        assert not gate.engine.inspector.messages["sip"]

    def test_nor_does_one_that_nothing_translates(self) -> None:
        untranslated = SIP.replace("access-list 1 permit", "access-list 1 deny")
        gate = Gateway(filtered(OUTSIDE, "out", "deny udp any any eq 5060", base=untranslated))
        assert gate.out(self.INVITE).reason == "access-list"
        assert not gate.engine.inspector.messages["sip"]

    def test_one_that_is_permitted_does(self) -> None:
        gate = Gateway(filtered(OUTSIDE, "out", "permit udp any any eq 5060", base=SIP))
        assert gate.out(self.INVITE, PHONE, PEER).reason == ""
        assert gate.doors

    def test_a_door_does_not_let_in_what_the_list_denies(self) -> None:
        gate = Gateway(filtered(OUTSIDE, "in", "permit udp any any eq 5060", base=SIP))
        gate.out(self.INVITE)
        assert gate.in_(b"rtp", "198.51.100.20:30000", f"{GLOBAL}:20000").reason == "access-list"
        assert all(not door.promoted for door in gate.doors)


class TestInterfaces:
    TWO = "interface in1\n ip address 10.9.0.1 255.255.255.0\n ip nat inside\n"

    def test_an_interface_is_that_of_the_hosts_in_its_network(self) -> None:
        gate = gateway(filtered(INSIDE, "in", "deny ip any any") + self.TWO)
        assert gate.inside(udp(HOST, PEER_DNS)) == DENIED
        assert gate.inside(udp("10.9.0.5:1", PEER_DNS)).startswith("passed outside")

    def test_a_list_without_lines_or_that_does_not_exist_lets_all_pass(self) -> None:
        for config in (filtered(INSIDE, "in"), f"{OVERLOAD}{INSIDE}\n ip access-group NONE in\n"):
            assert gateway(config).inside(udp(HOST, PEER_DNS)).startswith("outside")

    def test_a_standard_list(self) -> None:
        gate = gateway(
            f"{OVERLOAD}access-list 9 deny 192.168.1.10\naccess-list 9 permit any\n{INSIDE}\n ip access-group 9 in\n"
        )
        assert gate.inside(udp(HOST, PEER_DNS)) == DENIED
        assert gate.inside(udp("192.168.1.11:5000", PEER_DNS)).startswith("outside")
        assert counts(gate.engine, "9") == [1, 1]


def test_counters_go_on_where_a_line_stays() -> None:
    gate = gateway(filtered(INSIDE, "in", "permit udp any any", "permit tcp any any"))
    gate.inside(udp(HOST, PEER_DNS))
    changed = filtered(INSIDE, "in", "deny gre any any", "permit udp any any")
    gate.engine.reconfigure(read_config(changed, "new"), gate.now)
    assert counts(gate.engine) == [0, 1]
    gate.engine.reconfigure(read_config(OVERLOAD, "none"), gate.now)
    assert gate.engine.access is None


def test_what_a_kernel_carries_it_judges_but_nothing_is_announced_that_it_will_not_let_out() -> None:
    def engine(where: str, direction: str, *lines: str) -> Engine:
        config = read_config(filtered(where, direction, *lines, base=SIP), "test")
        return Engine(config, random.Random(1).random, delegated=True)

    invite = udp(PHONE, PEER, request(body=sdp()))
    came = engine(INSIDE, "in", "deny ip any any")
    assert came.receive(invite, Side.INSIDE, 1000.0).fate == Fate.FORWARDED
    left = engine(OUTSIDE, "out", "permit udp any any eq 5060")
    assert left.receive(invite, Side.INSIDE, 1000.0).fate == Fate.FORWARDED
    assert counts(left) == [0], "the kernel will count it"
    denied = engine(OUTSIDE, "out", "permit udp any any eq 53", "deny udp any any log")
    result = denied.receive(invite, Side.INSIDE, 1000.0)
    assert (result.reason, list(denied.state.doors), counts(denied)) == ("access-list", [], [0, 1])
    assert denied.access is not None
    [told] = denied.access.logged
    assert (told.name, told.traffic.source) == ("L", address_of(GLOBAL))


def test_a_datagram_in_fragments_is_judged_whole() -> None:
    whole = udp(HOST, PEER_DNS, bytes(1600))
    gate = gateway(filtered(INSIDE, "in", "permit udp any any eq 53"))
    first, second = fragment(whole, 1500, 7)
    assert gate.inside(first) == "held"
    assert gate.inside(second).startswith("outside: udp")
    assert counts(gate.engine) == [1]
