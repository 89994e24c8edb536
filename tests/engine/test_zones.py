"""The zone-based firewall on packets: who may begin a flow, what answers it, and which doors let past it."""

import random

import pytest

from doorman.algs.api import Refused
from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.firewall.zones import ZoneFirewall
from kit.gateway import INTERFACES, OVERLOAD, STATIC, Gateway, gateway
from kit.packets import endpoint, gre, icmp_error, ping, pong, tcp, udp
from kit.sip import OVERLOAD as SIP
from kit.sip import PEER, PHONE, answer, incoming, request, sdp
from kit.sip import Gateway as SipGateway
from kit.talk import Talk

HOST, DNS, NAME = "192.168.1.10:5000", "198.51.100.7:53", "203.0.113.1:5000"
POLICY = "dropped: zone-policy"
NO_PAIR = "dropped: no-zone-pair"
ZONES = """
zone security LAN
zone security WAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
"""


def policy(name: str, *classes: str) -> str:
    """A policy of classes `PROTOCOL: ACTIONS`, actions parted by semicolons; `*` is class-default."""
    maps, lines = "", f"policy-map type inspect {name}\n"
    for one in classes:
        protocol, _, actions = one.partition(": ")
        lines += " class class-default\n" if protocol == "*" else f" class type inspect C-{protocol}\n"
        lines += "".join(f"  {action}\n" for action in actions.split("; "))
        if protocol != "*":
            maps += f"class-map type inspect C-{protocol}\n match protocol {protocol}\n"
    return maps + lines


def pair(source: str, destination: str, *classes: str) -> str:
    """A zone pair with its policy."""
    name = f"{source}-{destination}"
    return (
        policy(name, *classes)
        + f"zone-pair security {name} source {source} destination {destination}\n service-policy type inspect {name}\n"
    )


def screened(*pairs: str, base: str = OVERLOAD) -> Gateway:
    return gateway(base + ZONES + "".join(pairs))


def firewall(engine: Engine) -> ZoneFirewall:
    assert engine.screen is not None
    return engine.screen.firewall


def told(gate: Gateway) -> list[str]:
    return [one.line for one in firewall(gate.engine).told]


def no_nat(config: str) -> str:
    """A configuration without NAT."""
    return "".join(line + "\n" for line in config.splitlines() if "ip nat" not in line)


OUT = pair("LAN", "WAN", "dns: inspect", "telnet: pass", "ftp: drop log")


class TestWhoMayBegin:
    """By the first packet, by its zones."""

    def test_what_a_class_inspects_is_answered_and_nothing_else_passes(self) -> None:
        gate = screened(OUT)
        assert gate.inside(udp(HOST, DNS)) == f"outside: udp {NAME} > {DNS}"
        assert gate.outside(udp(DNS, NAME)) == f"inside: udp {DNS} > {HOST}"
        assert gate.inside(udp(HOST, "198.51.100.7:54")) == POLICY
        assert gate.outside(udp("198.51.100.7:54", NAME)) == "dropped: no-session-or-door"

    def test_pass_is_stateless_and_one_way(self) -> None:
        gate = screened(OUT)
        assert gate.inside(tcp(HOST, "198.51.100.7:23")).startswith("outside")
        assert gate.outside(tcp("198.51.100.7:23", NAME, "SA")) == NO_PAIR
        both = screened(OUT, pair("WAN", "LAN", "*: pass"))
        both.inside(tcp(HOST, "198.51.100.7:23"))
        assert both.outside(tcp("198.51.100.7:23", NAME, "SA")).startswith("inside")

    def test_without_a_policy_all_is_dropped_and_a_dropped_packet_makes_no_translation(self) -> None:
        for pairs in ("", "zone-pair security Z source LAN destination WAN\n"):
            gate = screened(pairs)
            assert gate.inside(udp(HOST, DNS)) == NO_PAIR
            assert not list(gate.engine.state.bindings)

    def test_the_same_zone_needs_none_and_an_interface_without_one_talks_to_none_with_one(self) -> None:
        same = OVERLOAD + ZONES.replace("security WAN\n", "security LAN\n")
        assert gateway(same).inside(udp(HOST, DNS)).startswith("outside")
        one = OVERLOAD + ZONES.replace("interface out0\n zone-member security WAN\n", "")
        assert gateway(one).inside(udp(HOST, DNS)) == NO_PAIR
        default = one + "zone security default\n" + pair("LAN", "default", "dns: inspect")
        assert gateway(default).inside(udp(HOST, DNS)).startswith("outside")

    def test_a_pair_of_one_zone_with_itself_judges_within_it(self) -> None:
        same = OVERLOAD + ZONES.replace("security WAN\n", "security LAN\n") + pair("LAN", "LAN", "dns: inspect")
        gate = gateway(same)
        assert gate.inside(udp(HOST, DNS)).startswith("outside")
        assert gate.inside(udp(HOST, "198.51.100.7:54")) == POLICY

    def test_policies_see_the_inside_by_its_own_address_whichever_side_begins(self) -> None:
        lists = "ip access-list extended L\n permit ip any host 192.168.1.5\n permit ip host 192.168.1.5 any\n"
        maps = "class-map type inspect C\n match access-group name L\npolicy-map type inspect P\n"
        maps += " class type inspect C\n  inspect\n"
        pairs = "".join(
            f"zone-pair security {a}{b} source {a} destination {b}\n service-policy type inspect P\n"
            for a, b in (("LAN", "WAN"), ("WAN", "LAN"))
        )
        gate = screened(lists, maps, pairs, base=STATIC)
        assert gate.outside(tcp("198.51.100.7:9", "203.0.113.5:80")).startswith("inside: tcp")
        assert gate.inside(tcp("192.168.1.5:9", "198.51.100.7:80")).startswith("outside: tcp")
        assert gate.inside(tcp(HOST, "198.51.100.7:80")) == POLICY

    def test_only_what_begins_something_begins_a_session(self) -> None:
        gate = screened(pair("LAN", "WAN", "*: inspect"))
        for packet in (
            tcp(HOST, "198.51.100.7:80", "SA"),
            tcp(HOST, "198.51.100.7:80", "R"),
            tcp(HOST, "198.51.100.7:80", "FA"),
            pong(HOST, DNS, 7),
        ):
            assert gate.inside(packet) == "dropped: zone-invalid-packet"
        assert gate.inside(tcp(HOST, "198.51.100.7:80", "A")).startswith("outside")

    def test_protocols_without_ports(self) -> None:
        gate = screened(pair("LAN", "WAN", "icmp: inspect"), base=STATIC)
        assert gate.inside(ping("192.168.1.5", DNS, 7)).startswith("outside")
        assert gate.outside(pong(DNS, "203.0.113.5", 7)).startswith("inside")
        assert gate.outside(ping(DNS, "203.0.113.5", 7)) == NO_PAIR  # who answers does not ask, as conntrack has it
        assert gate.outside(ping(DNS, "203.0.113.5", 8)) == NO_PAIR
        assert gate.inside(gre("192.168.1.5", DNS)) == POLICY


class TestErrors:
    """ICMP errors belong to the flow that they are about."""

    def test_about_an_inspected_session_they_pass_both_ways(self) -> None:
        gate = screened(OUT)
        gate.inside(udp(HOST, DNS))
        assert gate.outside(icmp_error("198.51.100.99", NAME, gate.packet)).startswith("inside")
        gate.outside(udp(DNS, NAME))
        assert gate.inside(icmp_error("192.168.1.10", DNS, gate.packet)).startswith("outside")

    def test_about_what_only_passed_they_are_judged_themselves(self) -> None:
        gate = screened(OUT)
        gate.inside(tcp(HOST, "198.51.100.7:23"))
        assert gate.outside(icmp_error("198.51.100.99", NAME, gate.packet)) == NO_PAIR


class TestTheGatewayItself:
    """Its own traffic passes, unless a pair with `self` says otherwise."""

    PURE = no_nat(OVERLOAD)
    NEAR = "203.0.113.7:53"

    def test_what_is_for_it(self) -> None:
        free = screened(base=self.PURE)
        assert free.outside(tcp("203.0.113.7:9", "203.0.113.1:22")).startswith("passed")
        told = screened(pair("WAN", "self", "icmp: inspect"), base=self.PURE)
        assert told.outside(tcp("203.0.113.7:9", "203.0.113.1:22")) == POLICY
        assert told.outside(ping("203.0.113.7", "203.0.113.1", 9)).startswith("passed")
        assert told.inside(tcp(HOST, "192.168.1.1:22")).startswith("passed")

    def test_with_nat_nobody_has_its_address_unless_somebody_does(self) -> None:
        assert screened().outside(tcp("203.0.113.7:9", "203.0.113.1:22")) == "dropped: no-translation"

    def test_what_it_sends(self) -> None:
        told = screened(pair("self", "WAN", "dns: inspect"), base=self.PURE)
        assert told.inside(udp("203.0.113.1:40000", self.NEAR)).startswith("passed")
        assert told.outside(udp(self.NEAR, "203.0.113.1:40000")).startswith("passed")
        assert told.inside(udp("203.0.113.1:40000", "203.0.113.7:54")) == POLICY


class TestWithoutNat:
    """Hosts that have no other name are screened, and their doors open, like those that have."""

    CALLS = pair("LAN", "WAN", "sip: inspect")
    PURE = no_nat(SIP)

    def test_state_of_flows(self) -> None:
        gate = screened(OUT, base=no_nat(OVERLOAD))
        assert gate.inside(udp(HOST, DNS)) == f"outside: udp {HOST} > {DNS}"
        assert gate.outside(udp(DNS, HOST)) == f"inside: udp {DNS} > {HOST}"
        assert gate.outside(udp("198.51.100.7:54", HOST)) == NO_PAIR

    def test_a_call_opens_doors_to_what_it_announces_and_to_nothing_else(self) -> None:
        gate = SipGateway(self.PURE + ZONES + self.CALLS)
        sent = gate.out(request(body=sdp()))
        assert (sent.fate, sent.edits) == (Fate.FORWARDED, [])
        assert gate.in_(b"rtp", "198.51.100.20:7000", "10.0.0.10:40000").fate == Fate.DROPPED or gate.doors
        media = [door for door in gate.doors if door.role == "rtp"]
        assert [door.entrance for door in media] == [door.leads_to for door in media] != []
        gate.in_(answer(body=sdp("198.51.100.20", 7000)).replace(b"203.0.113.1", b"10.0.0.10"), target=PHONE)
        phone = str(media[0].leads_to)
        assert gate.in_(b"rtp", "198.51.100.20:7000", phone).fate == Fate.FORWARDED
        assert gate.out(b"rtp", phone, "198.51.100.20:7000").fate == Fate.FORWARDED
        assert gate.in_(b"rtp", "198.51.100.21:7000", phone).fate == Fate.DROPPED
        other = phone.partition(":")[0] + ":9999"
        assert gate.in_(b"rtp", "198.51.100.20:7000", other).fate == Fate.DROPPED
        assert gate.out(b"rtp", other, "198.51.100.20:7002").fate == Fate.DROPPED

    def test_an_answer_opens_the_way_to_where_the_far_end_listens(self) -> None:
        gate = SipGateway(self.PURE + ZONES + self.CALLS)
        gate.out(request(body=sdp()))
        assert gate.out(b"rtp", "10.0.0.10:33333", "198.51.100.20:7000").fate == Fate.DROPPED
        gate.in_(answer(body=sdp("198.51.100.20", 7000)).replace(b"203.0.113.1", b"10.0.0.10"), target=PHONE)
        assert gate.out(b"rtp", "10.0.0.10:33333", "198.51.100.20:7000").fate == Fate.FORWARDED
        assert gate.out(b"rtp", "10.0.0.10:33333", "198.51.100.20:7004").fate == Fate.DROPPED

    def test_flows_that_came_by_a_door_end_with_it_whoever_began_them(self) -> None:
        gate = SipGateway(self.PURE + ZONES + self.CALLS)
        gate.out(request(body=sdp()))
        gate.in_(answer(body=sdp("198.51.100.20", 7000)).replace(b"203.0.113.1", b"10.0.0.10"), target=PHONE)
        asymmetric = b"rtp", "10.0.0.10:33333", "198.51.100.20:7000"
        assert gate.out(*asymmetric).fate == Fate.FORWARDED
        for door in list(gate.engine.state.doors.everyone()):
            gate.engine.state.doors.close(door.owner, gate.now)
        gate.wait(2)
        assert gate.out(*asymmetric).reason == "zone-policy"

    def test_a_message_that_the_policy_drops_opens_no_door(self) -> None:
        for delegated in (False, True):
            config = read_config(self.PURE + ZONES + pair("LAN", "WAN", "dns: inspect"), "f")
            engine = Engine(config, random.Random(7).random, delegated=delegated)
            result = engine.receive(udp(PHONE, PEER, request(body=sdp())), Side.INSIDE, 1000.0)
            assert (result.fate, result.reason) == (Fate.DROPPED, "zone-policy")
            assert not len(engine.state.doors)

    def test_where_a_kernel_carries_flows_doors_open_all_the_same(self) -> None:
        config = read_config(self.PURE + ZONES + self.CALLS, "f")
        engine = Engine(config, random.Random(7).random, delegated=True)
        result = engine.receive(udp(PHONE, PEER, request(body=sdp())), Side.INSIDE, 1000.0)
        assert (result.fate, result.packet) == (Fate.PASSED, udp(PHONE, PEER, request(body=sdp())))
        assert {door.role for door in engine.state.doors} == {"rtp", "rtcp", "via", "contact"}
        assert not len(engine.state.sessions)

    def test_over_tcp_segment_by_segment(self) -> None:
        engine = Engine(read_config(self.PURE + ZONES + self.CALLS, "f"), random.Random(7).random)
        talk = Talk(engine, "10.0.0.10:40000", PEER)
        talk.open()
        message = request(body=sdp()).replace(b"UDP", b"TCP")
        talk.say(Side.INSIDE, message[:100])
        assert talk.heard[Side.OUTSIDE] == b""
        talk.say(Side.INSIDE, message[100:])
        assert talk.heard[Side.OUTSIDE] == message
        assert "rtp" in {door.role for door in engine.state.doors}
        refused = engine.receive(tcp("10.0.0.10:40001", "198.51.100.20:80"), Side.INSIDE, 1000.0)
        assert refused.reason == "zone-policy"

    def test_through_a_proxy(self) -> None:
        engine = Engine(read_config(self.PURE + ZONES + self.CALLS, "f"), random.Random(7).random, delegated=True)
        client, server = endpoint("10.0.0.10:40000"), endpoint(PEER)
        connection = connect(engine, client, server, Side.INSIDE, 1000.0)
        message = request(body=sdp()).replace(b"UDP", b"TCP")
        assert connection.receive(message, End.CLIENT, 1000.0).data == message
        assert "rtp" in {door.role for door in engine.state.doors}
        with pytest.raises(Refused, match="no-zone-pair"):
            connect(engine, server, endpoint(PHONE), Side.OUTSIDE, 1000.0)
        with pytest.raises(Refused, match="zone-policy"):
            connect(engine, client, endpoint("198.51.100.20:80"), Side.INSIDE, 1000.0)


class TestDoorsWithNat:
    """Doors pass where class-default drops; only what they describe."""

    def test_media_of_a_call(self) -> None:
        gate = SipGateway(SIP + ZONES + pair("LAN", "WAN", "sip: inspect", "*: drop"))
        gate.out(request(body=sdp()))
        gate.in_(answer(body=sdp("198.51.100.20", 7000)))
        door = next(door for door in gate.doors if door.role == "rtp")
        assert gate.in_(b"rtp", "198.51.100.20:7000", str(door.entrance)).fate == Fate.FORWARDED
        assert gate.out(b"rtp", str(door.leads_to), "198.51.100.20:7000").fate == Fate.FORWARDED
        assert gate.out(b"rtp", str(door.leads_to), "198.51.100.21:7000").reason == "zone-policy"
        assert gate.out(b"data", "10.0.0.10:9999", "198.51.100.20:7000").reason == "zone-policy"

    def test_a_host_may_send_first_where_its_door_awaits_somebody(self) -> None:
        gate = SipGateway(SIP + ZONES + pair("LAN", "WAN", "sip: inspect"))
        gate.out(request(body=sdp()))
        gate.in_(answer(body=sdp("198.51.100.20", 7000)))
        phone = str(next(door for door in gate.doors if door.role == "rtp").leads_to)
        assert gate.out(b"rtp", phone, "198.51.100.20:7000").fate == Fate.FORWARDED

    def test_an_invitation_from_outside_is_judged_too(self) -> None:
        static = SIP.replace("list 1 interface out0 overload", "static udp 10.0.0.10 5060 interface out0 5060")
        shut = SipGateway(static + ZONES + pair("LAN", "WAN", "sip: inspect"))
        assert shut.in_(incoming(body=sdp("198.51.100.20", 7000))).reason == "no-zone-pair"
        open_ = SipGateway(static + ZONES + pair("WAN", "LAN", "sip: inspect"))
        assert open_.in_(incoming(body=sdp("198.51.100.20", 7000))).fate == Fate.FORWARDED


class TestLimits:
    """What a parameter map says of sessions."""

    @staticmethod
    def limited(*lines: str, protocol: str = "udp") -> Gateway:
        parameters = "parameter-map type inspect M\n" + "".join(f" {line}\n" for line in lines)
        return screened(parameters, pair("LAN", "WAN", f"{protocol}: inspect M"), base=STATIC)

    def test_idle_times(self) -> None:
        gate = self.limited("udp idle-time 10", "dns-timeout 3")
        for port, alive, over in ((500, 9, 12), (53, 2, 5)):
            source, target = f"192.168.1.5:{port + 1}", f"198.51.100.7:{port}"
            gate.inside(udp(source, target))
            gate.wait(alive)
            assert gate.outside(udp(target, f"203.0.113.5:{port + 1}")).startswith("inside")
            gate.wait(over)
            assert gate.outside(udp(target, f"203.0.113.5:{port + 1}")) == NO_PAIR

    def test_times_of_a_connection(self) -> None:
        gate = self.limited("tcp synwait-time 4", "tcp idle-time 100", "tcp finwait-time 2", protocol="tcp")
        ours, theirs, name = "192.168.1.5:9", "198.51.100.7:80", "203.0.113.5:9"
        gate.inside(tcp(ours, theirs))
        gate.wait(6)
        assert gate.outside(tcp(theirs, name, "SA")) == NO_PAIR
        gate.inside(tcp(ours, theirs))
        gate.outside(tcp(theirs, name, "SA"))
        gate.inside(tcp(ours, theirs, "A"))
        gate.wait(90)
        assert gate.outside(tcp(theirs, name, "A")).startswith("inside")
        gate.inside(tcp(ours, theirs, "FA"))
        gate.outside(tcp(theirs, name, "FA"))
        gate.wait(4)
        assert gate.outside(tcp(theirs, name, "A")) == NO_PAIR

    def test_a_connection_may_begin_anew_with_the_ports_of_one_that_ended(self) -> None:
        gate = self.limited(protocol="tcp")
        ours, theirs, name = "192.168.1.5:9", "198.51.100.7:80", "203.0.113.5:9"
        gate.inside(tcp(ours, theirs))
        gate.outside(tcp(theirs, name, "RA"))
        assert gate.inside(tcp(ours, theirs)).startswith("outside")
        (session,) = firewall(gate.engine).sessions
        assert (session.half_open, session.closed) == (True, 0)

    def test_most_sessions(self) -> None:
        gate = self.limited("sessions maximum 2")
        for port, fate in ((1, "outside"), (2, "outside"), (3, "dropped: zone-session-limit")):
            assert gate.inside(udp(f"192.168.1.5:{port}", "198.51.100.7:9")).startswith(fate)

    def test_too_many_half_open_ones_push_out_the_oldest(self) -> None:
        gate = self.limited("max-incomplete high 3", "max-incomplete low 2")
        for port in range(1, 4):
            gate.inside(udp(f"192.168.1.5:{port}", "198.51.100.7:9"))
        assert gate.inside(udp("192.168.1.5:4", "198.51.100.7:9")).startswith("outside")
        assert sorted(one.initiator.port for one in firewall(gate.engine).sessions) == [3, 4]
        assert [line.split(":")[0] for line in told(gate)] == ["%FW-4-ALERT_ON"]

    def test_too_many_in_a_minute_push_out_one_each(self) -> None:
        gate = self.limited("one-minute high 2")
        for port in range(1, 5):
            gate.inside(udp(f"192.168.1.5:{port}", "198.51.100.7:9"))
        assert sorted(one.initiator.port for one in firewall(gate.engine).sessions) == [3, 4]
        gate.wait(61)
        gate.inside(udp("192.168.1.5:6", "198.51.100.7:9"))
        gate.inside(udp("192.168.1.5:7", "198.51.100.7:9"))
        assert len(firewall(gate.engine).sessions) == 2

    def test_it_goes_on_until_few_come_in_a_minute(self) -> None:
        gate = self.limited("one-minute high 3", "one-minute low 1")
        for port in range(1, 5):
            gate.inside(udp(f"192.168.1.5:{port}", "198.51.100.7:9"))
        assert len(firewall(gate.engine).sessions) == 3
        gate.wait(20)
        gate.inside(udp("192.168.1.5:5", "198.51.100.7:9"))
        gate.wait(45)
        gate.inside(udp("192.168.1.5:6", "198.51.100.7:9"))
        assert [one.initiator.port for one in firewall(gate.engine).sessions] == [6], "two are few, but not few enough"
        gate.wait(61)
        gate.inside(udp("192.168.1.5:7", "198.51.100.7:9"))
        gate.inside(udp("192.168.1.5:8", "198.51.100.7:9"))
        assert [one.initiator.port for one in firewall(gate.engine).sessions] == [7, 8]

    def test_half_open_connections_to_one_host(self) -> None:
        gate = self.limited("tcp max-incomplete host 2 block-time 1", protocol="tcp")
        for port in (1, 2):
            assert gate.inside(tcp(f"192.168.1.5:{port}", "198.51.100.7:80")).startswith("outside")
        assert gate.inside(tcp("192.168.1.5:3", "198.51.100.7:80")) == "dropped: zone-session-limit"
        assert gate.inside(tcp("192.168.1.5:3", "198.51.100.8:80")).startswith("outside")
        gate.wait(59)
        assert gate.inside(tcp("192.168.1.5:3", "198.51.100.7:80")) == "dropped: zone-session-limit"
        gate.wait(2)
        assert gate.inside(tcp("192.168.1.5:3", "198.51.100.7:80")).startswith("outside")

    def test_limits_of_all_together(self) -> None:
        gate = screened("parameter-map type inspect global\n sessions maximum 1\n", pair("LAN", "WAN", "*: inspect"))
        assert gate.inside(udp(HOST, DNS)).startswith("outside")
        assert gate.inside(tcp(HOST, DNS)) == "dropped: zone-session-limit"

    def test_police_both_directions_together(self) -> None:
        gate = screened(pair("LAN", "WAN", "udp: inspect; police rate 8000 burst 1000"), base=STATIC)
        data = b"x" * 372  # with its headers 400
        ours, theirs = "192.168.1.5:9", "198.51.100.7:9"
        assert gate.inside(udp(ours, theirs, data)).startswith("outside")
        assert gate.outside(udp(theirs, "203.0.113.5:9", data)).startswith("inside")
        assert gate.inside(udp(ours, theirs, data)) == "dropped: zone-police"
        gate.wait(0.25)  # 250 bytes more
        assert gate.inside(udp(ours, theirs, data)).startswith("outside")


class TestTold:
    """What the operator is told."""

    def test_drops_where_the_policy_says_log(self) -> None:
        gate = screened(OUT)
        gate.inside(tcp(HOST, "198.51.100.7:21"))
        gate.inside(udp(HOST, "198.51.100.7:54"))
        where = "on zone-pair LAN-WAN class C-ftp"
        assert told(gate) == [
            f"%FW-6-DROP_PKT: Dropping tcp packet {HOST} => 198.51.100.7:21 {where} due to zone-policy"
        ]

    def test_all_drops_where_the_global_map_says_so(self) -> None:
        gate = screened(OUT, "parameter-map type inspect-global\n log dropped-packets\n")
        gate.outside(udp(DNS, NAME))
        gate.inside(udp(HOST, "198.51.100.7:54"))
        assert ["class class-default" in line for line in told(gate)] == [True]

    def test_audit_trail(self) -> None:
        gate = TestLimits.limited("audit-trail on", "udp idle-time 2")
        gate.inside(udp("192.168.1.5:1", "198.51.100.7:9"))
        gate.outside(udp("198.51.100.7:9", "203.0.113.5:1"))
        gate.wait(4)
        ends = "initiator (192.168.1.5:1){} -- responder (198.51.100.7:9){}"
        where = "(target:class)-(LAN-WAN:C-udp)"
        assert told(gate) == [
            f"%FW-6-SESS_AUDIT_TRAIL_START: {where}:Start udp session: {ends.format('', '')}",
            f"%FW-6-SESS_AUDIT_TRAIL: {where}:Stop udp session: {ends.format(*[' sent 44 bytes'] * 2)}",
        ]

    def test_counts_by_pair_and_class(self) -> None:
        gate = screened(OUT)
        gate.inside(udp(HOST, DNS))
        gate.outside(udp(DNS, NAME))
        gate.inside(tcp(HOST, "198.51.100.7:21"))
        counts = firewall(gate.engine).counts
        assert counts["LAN-WAN", "C-dns"][:3] == (2, 88, 0)
        assert counts["LAN-WAN", "C-dns"].flows == 1
        assert counts["LAN-WAN", "C-ftp"][2:4] == (1, 40)
        assert counts["LAN-WAN", "C-ftp"].reasons == {"zone-policy": 1}

    def test_drops_by_reason(self) -> None:
        limit = "parameter-map type inspect FEW\n sessions maximum 2\n"
        gate = screened(limit, pair("LAN", "WAN", "dns: inspect FEW; police rate 8000 burst 1500", "http: inspect"))
        for number in range(5):
            gate.inside(udp(f"192.168.1.10:{5000 + number}", DNS))
        gate.inside(udp(HOST, DNS, bytes(1400)))
        gate.inside(tcp(HOST, "198.51.100.7:80", "R"))
        counts = firewall(gate.engine).counts
        dns, http = counts["LAN-WAN", "C-dns"], counts["LAN-WAN", "C-http"]
        assert (dns.drops, dns.reasons) == (4, {"zone-session-limit": 3, "zone-police": 1})
        assert (http.drops, http.reasons) == (1, {"zone-invalid-packet": 1})


def test_another_policy_keeps_the_sessions_that_it_still_allows() -> None:
    gate = screened(pair("LAN", "WAN", "dns: inspect", "ntp: inspect"))
    gate.inside(udp(HOST, DNS))
    gate.inside(udp(HOST, "198.51.100.7:123"))
    gate.engine.reconfigure(read_config(OVERLOAD + ZONES + OUT, "f"), gate.now)
    assert gate.outside(udp(DNS, NAME)).startswith("inside")
    assert gate.outside(udp("198.51.100.7:123", NAME)) == NO_PAIR
    assert firewall(gate.engine).counts["LAN-WAN", "C-dns"].packets == 2
    gate.engine.reconfigure(read_config(OVERLOAD, "f"), gate.now)
    assert gate.outside(udp("198.51.100.7:123", NAME)).startswith("inside")


def test_a_call_between_inside_hosts_by_a_global_name_is_judged_once_by_their_own_addresses() -> None:
    lists = "access-list 101 permit udp host 192.168.1.10 host 192.168.1.5\n"
    maps = "class-map type inspect C\n match access-group 101\npolicy-map type inspect P\n"
    maps += " class type inspect C\n  inspect\n"
    within = "zone-pair security Z source LAN destination LAN\n service-policy type inspect P\n"
    gate = screened(lists, maps, within, base=STATIC)
    assert gate.inside(udp(HOST, "203.0.113.5:7")) == f"inside: udp {NAME} > 192.168.1.5:7"
    assert gate.inside(udp("192.168.1.5:7", NAME)) == f"inside: udp 203.0.113.5:7 > {HOST}"
    assert gate.inside(udp("192.168.1.11:7", "203.0.113.5:7")) == POLICY
    (session,) = firewall(gate.engine).sessions
    assert (str(session.initiator), str(session.responder)) == (HOST, "192.168.1.5:7")


def test_an_error_between_inside_hosts_that_meet_at_their_names_stays_in_their_zone() -> None:
    """It is judged where it comes in again, between the two hosts: not as one to the outside, nor as one from there."""
    gate = gateway(
        INTERFACES
        + "ip nat inside source static 192.168.1.5 203.0.113.5\nip nat inside source static 192.168.1.7 203.0.113.7\n"
        + "zone security LAN\nzone security WAN\ninterface in0\n zone-member security LAN\n"
        + "interface out0\n zone-member security WAN\n"
    )
    assert gate.inside(udp("192.168.1.5:9", "203.0.113.7:7")) == "inside: udp 203.0.113.5:9 > 192.168.1.7:7"
    quoted = gate.packet
    told = gate.inside(icmp_error("192.168.1.7", "203.0.113.5", quoted))
    assert told == "inside: error 3 203.0.113.7 > 192.168.1.5"
    assert gate.outside(icmp_error("198.51.100.7", "203.0.113.7", udp("203.0.113.7:7", "198.51.100.7:9"))).startswith(
        "dropped: "
    )


def test_a_static_host_behind_an_inside_router_is_behind_the_inside_interface() -> None:
    """It was taken to be outside, and reached from there as if it were in the sender's zone."""
    gate = gateway(
        INTERFACES
        + "ip nat inside source static 10.1.3.3 203.0.113.32\nzone security LAN\nzone security WAN\n"
        + "interface in0\n zone-member security LAN\ninterface out0\n zone-member security WAN\n"
    )
    assert gate.outside(udp("198.51.100.7:9", "203.0.113.32:9")) == "dropped: no-zone-pair"
    assert gate.inside(udp("10.1.3.3:9", "198.51.100.7:9")) == "dropped: no-zone-pair"
    assert not gate.inside(udp("10.1.3.3:9", "192.168.1.5:9")).startswith("dropped: "), "they are in one zone"
