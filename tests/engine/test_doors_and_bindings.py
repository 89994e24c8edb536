"""A door belongs to a name that its host has: what opens, what is counted, who may come in, and who may have how many.

The first tests open doors as an ALG does; the last let a SIP phone announce what it may, or may not.
"""

from collections import Counter

import pytest

from doorman.algs.api import CloseDoors, Door, OpenDoor, Owner
from doorman.engine.results import DoorOpened, DoorPromoted, Fate, Side
from doorman.nat import bindings
from doorman.nat.bindings import Binding
from doorman.net.addresses import address_of
from doorman.net.packet import TCP, UDP, parse_packet
from kit import sip
from kit.gateway import OVERLOAD, POOL, STATIC, STATIC_PORT, Gateway, gateway
from kit.packets import endpoint, icmp_error, ping, tcp, udp

PHONE, ENTRANCE = "192.168.1.10:5004", "203.0.113.1:5004"
PEER, STRANGER, SERVER = "198.51.100.7:9000", "192.0.2.66:9000", "198.51.100.7:53"
CALL, OTHER_CALL = (Owner("sip", name, address_of("192.168.1.10")) for name in (b"call-1", b"call-2"))


def a_door(  # noqa: PLR0913 - what a door has
    gate: Gateway,
    entrance: str = ENTRANCE,
    leads_to: str = PHONE,
    *,
    owner: Owner = CALL,
    visitor: str | None = PEER,
    protocol: int = UDP,
) -> Door:
    return Door(
        owner,
        "rtp",
        protocol,
        visitor=None if visitor is None else endpoint(visitor).address,
        entrance=endpoint(entrance),
        leads_to=endpoint(leads_to),
        closes=gate.now + 1000.0,
        flows=1,
    )


def announce(gate: Gateway, door: Door) -> None:
    """Open a door, and check that everything is counted right."""
    gate.engine.state.carry_out([OpenDoor(door)], gate.now)
    check(gate)


def check(gate: Gateway) -> None:
    """Each door stands at a name of the endpoint it leads to, and each binding knows how many it has."""
    counted: Counter[Binding] = Counter()
    state = gate.engine.state
    for owner in (CALL, OTHER_CALL):
        for door in state.doors.of_owner(owner):
            binding = state.bindings.by_global(door.protocol, door.entrance)
            assert binding is not None
            assert binding.inward(door.entrance) == door.leads_to
            counted[binding] += 1
    assert {binding: binding.doors for binding in state.bindings if binding.doors} == counted


class TestNoDoorWithoutBinding:
    @pytest.mark.parametrize(
        ("entrance", "leads_to"),
        [
            (ENTRANCE, PHONE),  # nobody's name
            ("203.0.113.1:4000", PHONE),  # another host's
            ("203.0.113.1:4002", PHONE),  # of another port of this host
            ("203.0.113.5:5004", PHONE),  # of a static host
            ("203.0.113.5:5004", "192.168.1.5:6000"),  # of a static host's other port
            ("203.0.113.77:5004", PHONE),  # none of the gateway's
        ],
    )
    def test_is_opened(self, entrance: str, leads_to: str) -> None:
        gate = gateway(STATIC)
        gate.inside(udp("192.168.1.11:4000", SERVER))
        gate.inside(udp("192.168.1.10:4002", SERVER))
        announce(gate, a_door(gate, entrance, leads_to))
        assert list(gate.engine.state.doors) == []
        assert gate.engine.take_changes() == []
        assert gate.engine.state.notes["door-without-binding"] == 1

    def test_of_another_protocol(self) -> None:
        gate = gateway(OVERLOAD)
        gate.inside(udp(PHONE, SERVER))
        announce(gate, a_door(gate, protocol=TCP))
        assert gate.engine.state.notes["door-without-binding"] == 1
        announce(gate, a_door(gate))
        assert gate.outside(tcp(PEER, ENTRANCE)) == "dropped: no-translation"
        assert gate.outside(udp(PEER, ENTRANCE)).startswith("inside: ")

    def test_one_that_was_refused_is_not_there_when_the_name_is_given_to_somebody(self) -> None:
        gate = gateway(OVERLOAD)
        announce(gate, a_door(gate))
        gate.inside(udp("192.168.1.11:5004", SERVER))
        assert gate.outside(udp(PEER, ENTRANCE)) == "dropped: no-session-or-door"
        gate.wait(2000)
        check(gate)
        assert list(gate.engine.state.bindings) == []

    @pytest.mark.parametrize(
        ("config", "leads_to"), [(OVERLOAD, PHONE), (POOL, PHONE), (STATIC, "192.168.1.5:5004"), (STATIC, PHONE)]
    )
    def test_with_one_it_is_opened(self, config: str, leads_to: str) -> None:
        gate = gateway(config)
        entrance = gate.mapped(udp(leads_to, SERVER))
        door = a_door(gate, entrance, leads_to)
        announce(gate, door)
        assert gate.engine.take_changes() == [DoorOpened(door)]
        assert gate.outside(udp(PEER, entrance)).endswith(leads_to)


class TestCounting:
    @pytest.mark.parametrize("config", [OVERLOAD, POOL])
    def test_through_the_life_of_two_calls_on_one_port(self, config: str) -> None:
        gate = gateway(config)
        entrance = gate.mapped(udp(PHONE, SERVER))
        for owner in (CALL, OTHER_CALL):
            for visitor in (PEER, PEER, STRANGER, None, PEER):
                announce(gate, a_door(gate, entrance, owner=owner, visitor=visitor))
            gate.outside(udp(PEER, entrance))
            check(gate)
            announce(gate, a_door(gate, entrance, owner=owner))
            gate.wait(400)
            check(gate)
            announce(gate, a_door(gate, entrance, owner=owner))
        assert sum(binding.doors for binding in gate.engine.state.bindings) > 1
        for owner in (CALL, OTHER_CALL):
            gate.engine.state.carry_out([CloseDoors(owner, gate.now + 1)], gate.now)
            gate.wait(1)
            check(gate)
        assert gate.engine.state.doors.of_owner(CALL) == gate.engine.state.doors.of_owner(OTHER_CALL) == []
        gate.wait(100_000)
        assert list(gate.engine.state.bindings) == []


class TestPromotion:
    """A door is for a flow from outside; what the inside sends is no such flow."""

    @pytest.mark.parametrize("visitor", [PEER, None])
    def test_by_a_packet_from_outside_alone(self, visitor: str | None) -> None:
        gate = gateway(OVERLOAD)
        gate.inside(udp(PHONE, SERVER))
        door = a_door(gate, visitor=visitor)
        announce(gate, door)
        for target in (PEER, "198.51.100.7:9002", STRANGER):
            gate.inside(udp(PHONE, target))
        assert gate.engine.take_changes() == [DoorOpened(door)]
        assert gate.outside(udp("198.51.100.7:9001", ENTRANCE)).startswith("inside: ")
        assert gate.engine.take_changes() == [DoorPromoted(door)]
        assert gate.outside(udp("198.51.100.7:9003", ENTRANCE)) == "dropped: no-session-or-door"

    def test_opened_again_only_when_its_flow_is_over(self) -> None:
        gate = gateway(OVERLOAD)
        gate.inside(udp(PHONE, SERVER))
        announce(gate, a_door(gate))
        gate.outside(udp(PEER, ENTRANCE))
        announce(gate, a_door(gate))
        assert gate.outside(udp("198.51.100.7:9001", ENTRANCE)) == "dropped: no-session-or-door"
        gate.wait(400)
        assert gate.outside(udp(PEER, ENTRANCE)) == "dropped: no-session-or-door"
        announce(gate, a_door(gate))
        assert gate.outside(udp("198.51.100.7:9001", ENTRANCE)).startswith("inside: ")


class TestForgedSource:
    """An inside host's packets do not come from outside (RFC 2827, RFC 3704)."""

    @pytest.mark.parametrize("source", ["192.168.1.11", "192.168.1.10", "192.168.1.1"])
    @pytest.mark.parametrize("target", ["203.0.113.1:5004", "203.0.113.5:5004"])
    def test_to_a_name_that_is_open(self, source: str, target: str) -> None:
        gate = gateway(STATIC)
        gate.inside(udp(PHONE, SERVER))
        announce(gate, a_door(gate, visitor=None))
        assert gate.outside(udp(f"{source}:9000", target)) == "dropped: spoofed-source"
        assert gate.outside(udp(PEER, target)).startswith("inside: ")
        assert gate.engine.drops == {"spoofed-source": 1}

    @pytest.mark.parametrize(
        "packet",
        [
            tcp("192.168.1.11:9000", "203.0.113.5:80"),
            ping("192.168.1.11", "203.0.113.5", 7),
            tcp("192.168.1.11:9000", "203.0.113.1:8080"),
        ],
    )
    def test_of_other_protocols(self, packet: bytes) -> None:
        gate = gateway(STATIC + STATIC_PORT.rpartition("overload\n")[2])
        assert gate.outside(packet) == "dropped: spoofed-source"

    def test_behind_the_gateways_back(self) -> None:
        """Routed straight to an inside address, it must not pass for a neighbour's."""
        gate = gateway(OVERLOAD)
        assert gate.outside(udp("192.168.1.11:9000", PHONE)) == "dropped: spoofed-source"
        quote = udp(PHONE, SERVER)
        assert gate.outside(icmp_error("192.168.1.11", "192.168.1.10", quote)) == "dropped: spoofed-source"

    def test_hairpins_have_a_name_outside(self) -> None:
        gate = gateway(STATIC)
        assert gate.inside(udp(PHONE, "203.0.113.5:5004")) == "inside: udp 203.0.113.1:5004 > 192.168.1.5:5004"


class TestQuota:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Four do as well as 16,384."""
        monkeypatch.setattr(bindings, "MAX_PORTS_PER_HOST", 4)

    def test_one_host_leaves_the_ports_to_the_others(self) -> None:
        gate = gateway(OVERLOAD)
        for number in range(4):
            assert gate.inside(udp(f"192.168.1.10:{5000 + number}", SERVER)).startswith("outside: ")
        assert gate.inside(udp("192.168.1.10:6000", SERVER)) == "dropped: host-over-quota"
        assert gate.inside(udp("192.168.1.10:5000", PEER)).startswith("outside: "), "a port that it has"
        assert gate.inside(udp("192.168.1.11:6000", SERVER)).startswith("outside: ")
        assert len(gate.engine.state.bindings) == 5

    def test_what_is_over_can_be_had_again(self) -> None:
        gate = gateway(OVERLOAD)
        for first in range(5000, 9000, 1000):
            for number in range(4):
                assert gate.inside(udp(f"192.168.1.10:{first + number}", SERVER)).startswith("outside: ")
            assert gate.inside(udp("192.168.1.10:9999", SERVER)) == "dropped: host-over-quota"
            gate.wait(400)

    def test_a_run_of_ports_is_had_whole_or_not(self) -> None:
        phone = sip.Gateway()
        phone.out(sip.request("OPTIONS"))
        before = phone.bindings()
        assert phone.out(sip.request(body=sip.sdp(port=4000))).fate == Fate.FORWARDED
        refused = phone.out(sip.request(call_id="two", body=sip.sdp(port=4010)))
        assert refused.reason == "sip: host-over-quota"
        assert phone.bindings() == sorted(
            [*before, "10.0.0.10:4000>203.0.113.1:4000", "10.0.0.10:4001>203.0.113.1:4001"]
        )

    @pytest.mark.parametrize("config", [POOL, STATIC])
    def test_hosts_with_an_address_of_their_own_have_all_its_ports(self, config: str) -> None:
        gate = gateway(config)
        for number in range(10):
            assert gate.inside(udp(f"192.168.1.5:{5000 + number}", SERVER)).startswith("outside: ")


class TestSipOverTcp:
    """A Contact may ask for TCP. Its bytes are a stream, of which a packet is any part: it passes as it came."""

    def opened(self) -> sip.Gateway:
        gate = sip.Gateway()
        gate.out(sip.request("REGISTER").replace(b":5060>", b":5060;transport=tcp>"))
        assert [door.leads_to.port for door in gate.doors if door.protocol == TCP] == [5060]
        return gate

    @pytest.mark.parametrize("cut", [1, 120, -1])
    def test_met_in_the_middle_passes_through_the_door_as_it_came(self, cut: int) -> None:
        gate = self.opened()
        message = sip.incoming("OPTIONS", "Route: <sip:203.0.113.1:5060;lr>")
        peer, entrance = "198.51.100.20:40000", sip.GLOBAL + ":5060"
        for data in (message[:cut], message[cut:]):
            assert self.payload(gate, tcp(peer, entrance, "PA", data), Side.OUTSIDE) == data
        response = sip.request("OPTIONS").replace(b"OPTIONS sip:bob@198.51.100.20 SIP/2.0", b"SIP/2.0 200 OK")
        assert self.payload(gate, tcp(sip.PHONE, peer, "PA", response), Side.INSIDE) == response
        assert gate.notes("sip-connection-already-open") == 1

    def test_the_far_party_sent_the_same_bytes(self) -> None:
        gate = self.opened()
        sent = parse_packet(gate.engine.as_sent(tcp("198.51.100.20:40000", sip.PHONE, "PA", sip.incoming())))
        assert sent is not None
        assert (sent.payload, str(sent.receiver)) == (sip.incoming(), sip.GLOBAL + ":5060")

    def payload(self, gate: sip.Gateway, packet: bytes, side: Side) -> bytes:
        result = gate.engine.receive(packet, side, gate.now)
        assert result.fate == Fate.FORWARDED, result.reason
        left = parse_packet(result.packet)
        assert left is not None
        return left.payload


class TestAnnouncements:
    SIGNALLING_ALONE = sip.INTERFACES + "ip nat inside source static udp 10.0.0.10 5060 interface out0 5060\n"

    def test_media_that_cannot_be_translated_are_not_announced(self) -> None:
        """Of this host only the port for signalling has a name; nobody outside could send to the media port."""
        gate = sip.Gateway(self.SIGNALLING_ALONE)
        dropped = gate.out(sip.request(body=sip.sdp()))
        assert (dropped.fate, dropped.reason) == (Fate.DROPPED, "sip: no-translation")
        assert gate.media_doors() == []
        assert gate.out(sip.request("OPTIONS")).fate == Fate.FORWARDED
        assert gate.out(sip.request(body=sip.sdp("198.51.100.7"))).fate == Fate.FORWARDED

    def test_media_with_ports_from_the_configuration_are(self) -> None:
        rules = "".join(
            f"ip nat inside source static udp 10.0.0.10 {n} interface out0 {n + 2000}\n" for n in (4000, 4001)
        )
        gate = sip.Gateway(self.SIGNALLING_ALONE + rules)
        sent = gate.out(sip.request(body=sip.sdp()))
        assert (sent.lines("c"), sent.lines("m")) == (["IN IP4 203.0.113.1"], ["audio 6000 RTP/AVP 0"])
        assert gate.media_doors() == [
            "rtcp 198.51.100.20>203.0.113.1:6001>10.0.0.10:4001",
            "rtp 198.51.100.20>203.0.113.1:6000>10.0.0.10:4000",
        ]

    def test_a_candidate_at_another_inside_address_is_left(self) -> None:
        """A phone with two networks: the other way to it is lost, the call is not."""
        gate = sip.Gateway()
        other = "a=candidate:2 1 UDP 2130706430 10.0.0.200 4000 typ host"
        candidates = ("a=candidate:1 1 UDP 2130706431 10.0.0.10 4000 typ host", other)
        sent = gate.out(sip.request(body=sip.sdp("10.0.0.10", 4000, *candidates)))
        assert sent.fate == Fate.FORWARDED
        assert sent.text.splitlines()[-2:] == [candidates[0].replace("10.0.0.10", sip.GLOBAL), other]
        assert gate.notes("third-party-address") == 1
        assert {door.rpartition(">")[2] for door in gate.media_doors()} == {"10.0.0.10:4000", "10.0.0.10:4001"}
        assert not any("10.0.0.200" in binding for binding in gate.bindings())
