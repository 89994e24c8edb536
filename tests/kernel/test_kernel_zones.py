"""The zone-based firewall of a live gateway: what passes, what is counted, and what doors let in beside policies."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6

from doorman.config.reader import read_config
from doorman.daemon.admitted import review_flows
from doorman.daemon.clock import seconds
from doorman.daemon.packet_news import PacketNews
from doorman.daemon.policies import clear_policy_counts, clear_policy_sessions, policy_counts, policy_sessions
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.chains.zones import class_counts
from doorman.dataplanes.netfilter.packet_log import PacketLog
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.zone_report import zone_pair_entries
from doorman.engine.results import Side
from doorman.firewall.counts import ClassCounts
from kit.live import Live
from kit.namespaces import Namespace
from kit.packets import icmp_error, ping, tcp, udp
from kit.sip import GLOBAL, NO_NAT, OVERLOAD, PEER, PHONE, STATIC, answer, request, sdp
from kit.subjects.sweep import Sweep
from kit.waiting import runs_down
from kit.zones import firewalls

INSIDE, OUTSIDE = Side
Make = Callable[..., Live]

ZONES = """
zone security LAN
zone security WAN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
"""
WIRES = """
access-list 190 permit udp any eq discard any eq discard
class-map type inspect WIRES
 match access-group 190
"""
"""For the packets by which a test knows that all others have passed, see `kit.wires`."""


def firewall(classes: str, outward: str, inward: str = "", *, base: str = OVERLOAD) -> str:
    """A configuration with policies between the inside and the outside."""
    wires = " class type inspect WIRES\n  pass\n"
    return (
        base
        + ZONES
        + WIRES
        + classes
        + (
            f"policy-map type inspect OUT\n{outward}{wires}"
            f"policy-map type inspect IN\n{inward}{wires}"
            "zone-pair security LAN-WAN source LAN destination WAN\n service-policy type inspect OUT\n"
            "zone-pair security WAN-LAN source WAN destination LAN\n service-policy type inspect IN\n"
        )
    )


VOICE = "class-map type inspect match-any VOICE\n match protocol sip\n"
INSPECT = " class type inspect VOICE\n  inspect\n"
WEB = "class-map type inspect match-any WEB\n match protocol http\n match protocol dns\n match protocol icmp\n"
INSPECT_WEB = " class type inspect WEB\n  inspect\n"


@pytest.fixture
def kernel(namespace: Namespace) -> Iterator[NetfilterPlane]:
    with namespace.inside():
        made = NetfilterPlane(Setting("doorman", 5060, 0, timeouts=True))
        yield made
        made.close(remove=True)


def counts(live: Live, pair: str, class_map: str) -> ClassCounts:
    with live.wires.gateway.inside():
        return class_counts(live.plane.counts(), (pair, class_map))


def test_what_a_class_covers_passes_and_so_do_its_answers(make: Make) -> None:
    live = make(firewall(WEB, INSPECT_WEB))
    phone, server = "10.0.0.10:5000", "198.51.100.9:53"
    assert [sent.receiver for sent in live.out(b"question", phone, server)] == [server]
    name = live.out(b"question", phone, server)[0].sender
    assert [told.receiver for told in live.in_(b"answer", server, name)] == [phone]
    assert live.out(b"other", phone, "198.51.100.9:54") == []
    assert live.in_(b"unasked", "198.51.100.9:54", name) == []
    opened = live.packets(INSIDE, tcp("10.0.0.10:80", "198.51.100.9:80", "S"))
    assert len(opened) == 1
    assert live.packets(INSIDE, tcp("10.0.0.10:81", "198.51.100.9:80", "R")) == [], "a reset begins nothing"
    assert len(live.packets(INSIDE, ping("10.0.0.10", "198.51.100.9", 7))) == 1
    found = counts(live, "LAN-WAN", "WEB")
    assert (found.packets, found.drops, found.flows) == (5, 1, 3)
    assert counts(live, "LAN-WAN", "class-default").drops == 1


def test_doors_let_in_what_they_are_for_where_policies_drop(make: Make) -> None:
    live = make(firewall(VOICE, INSPECT))
    [sent] = live.out(request(body=sdp()))
    assert b"m=audio 4000" in sent.data
    [answered] = live.in_(answer(body=sdp("198.51.100.99", 7000)))
    assert answered.receiver == PHONE
    media, there = "10.0.0.10:4000", "198.51.100.99:7000"
    assert [told.receiver for told in live.in_(b"media", there, f"{GLOBAL}:4000")] == [media]
    assert [told.receiver for told in live.out(b"media", media, there)] == [there]
    assert live.out(b"not media", "10.0.0.10:4002", there) == []
    assert live.out(b"elsewhere", media, "198.51.100.98:7000") == []
    assert live.in_(b"elsewhere", "198.51.100.98:7000", f"{GLOBAL}:4000") == []


def test_whoever_sends_media_first_may(make: Make) -> None:
    live = make(firewall(VOICE, INSPECT))
    live.out(request(body=sdp()))
    live.in_(answer(body=sdp("198.51.100.99", 7000)))
    [sent] = live.out(b"media", "10.0.0.10:4000", "198.51.100.99:7000")
    assert sent.sender == f"{GLOBAL}:4000"
    assert live.in_(b"media", "198.51.100.99:7000", f"{GLOBAL}:4000")


def test_a_static_host_is_reached_only_as_the_policy_says(make: Make) -> None:
    lists = (
        "access-list 110 permit tcp any host 10.0.0.10 eq 80\nclass-map type inspect HOST\n match access-group 110\n"
    )
    inward = " class type inspect HOST\n  inspect\n"
    live = make(firewall(lists, "", inward, base=STATIC))
    assert len(live.packets(OUTSIDE, tcp("198.51.100.9:7", "203.0.113.100:80", "S"))) == 1
    assert len(live.packets(INSIDE, tcp("10.0.0.10:80", "198.51.100.9:7", "SA"))) == 1
    assert live.packets(OUTSIDE, tcp("198.51.100.9:7", "203.0.113.100:81", "S")) == []
    assert counts(live, "WAN-LAN", "HOST").flows == 1


def test_pass_keeps_nothing(make: Make) -> None:
    live = make(firewall(WEB, " class type inspect WEB\n  pass\n"))
    [sent] = live.out(b"question", "10.0.0.10:5000", "198.51.100.9:53")
    assert live.in_(b"answer", "198.51.100.9:53", sent.sender) == []
    assert counts(live, "LAN-WAN", "WEB").packets == 1
    assert counts(live, "WAN-LAN", "class-default").drops == 1


def test_no_more_sessions_than_there_may_be_and_no_more_bytes(make: Make) -> None:
    parameters = "parameter-map type inspect FEW\n sessions maximum 3\n"
    live = make(firewall(WEB + parameters, " class type inspect WEB\n  inspect FEW\n  police rate 8000 burst 1500\n"))
    sent = [live.out(b"question", f"10.0.0.10:{5000 + number}", "198.51.100.9:53") for number in range(5)]
    assert [len(packets) for packets in sent] == [1, 1, 1, 0, 0]
    long = bytes(1000)
    assert [len(live.out(long, "10.0.0.10:5000", "198.51.100.9:53")) for _ in range(2)] == [1, 0]
    found = counts(live, "LAN-WAN", "WEB")
    assert (found.drops, found.reasons) == (3, {"zone-session-limit": 2, "zone-police": 1})
    live.packets(INSIDE, tcp("10.0.0.10:81", "198.51.100.9:80", "R"))
    assert counts(live, "LAN-WAN", "WEB").reasons["zone-invalid-packet"] == 1


def test_sessions_are_counted_on_when_the_configuration_changes(make: Make) -> None:
    parameters = "parameter-map type inspect FEW\n sessions maximum 3\n udp idle-time 77\n"
    limited = firewall(WEB + parameters, " class type inspect WEB\n  inspect FEW\n")
    live = make(limited)
    other = "class-map type inspect OTHER\n match protocol ntp\n"
    sent = [len(live.out(b"question", f"10.0.0.10:{5000 + number}", "198.51.100.9:53")) for number in range(2)]
    change(live, limited + other)
    sent += [len(live.out(b"question", f"10.0.0.10:{6000 + number}", "198.51.100.9:53")) for number in range(2)]
    assert sent == [1, 1, 1, 0]
    change(live, firewall(WEB, INSPECT_WEB))
    assert "zbf_max" not in live.run("nft", "list", "table", "ip", "doorman")


def test_a_blocked_server_gets_no_new_connection(make: Make) -> None:
    parameters = "parameter-map type inspect FEW\n tcp max-incomplete host 1 block-time 1\n"
    live = make(firewall(WEB + parameters, " class type inspect WEB\n  inspect FEW\n"))
    server, other = "198.51.100.9:80", "198.51.100.8:80"
    assert len(live.packets(INSIDE, *(tcp(f"10.0.0.10:{port}", server, "S") for port in (80, 81)))) == 2
    with live.wires.gateway.inside():
        live.parts[None].thin_out(live.config.firewall)
    assert "198.51.100.9" not in "".join(live.flows("-p", "tcp", "-s", "10.0.0.10"))
    assert live.packets(INSIDE, tcp("10.0.0.10:82", server, "S")) == []
    assert len(live.packets(INSIDE, tcp("10.0.0.10:82", other, "S"))) == 1
    with live.wires.gateway.inside():
        live.parts[None].thin_out(live.config.firewall)


def test_sessions_live_as_long_as_their_parameters_say(make: Make) -> None:
    parameters = "parameter-map type inspect FEW\n udp idle-time 77\n icmp idle-time 44\n dns-timeout 11\n"
    parameters += " tcp synwait-time 22\n"
    live = make(firewall(WEB + parameters, " class type inspect WEB\n  inspect FEW\n"))
    since = time.monotonic()
    live.packets(INSIDE, ping("10.0.0.10", "198.51.100.9", 7), tcp("10.0.0.10:80", "198.51.100.9:80", "S"))
    live.out(b"question", "10.0.0.10:5000", "198.51.100.9:53")
    found = {line.split()[0]: int(line.split()[2]) for line in live.flows("-s", "10.0.0.10")}
    assert all(
        runs_down(found[protocol], wanted, since) for protocol, wanted in (("icmp", 44), ("tcp", 22), ("udp", 11))
    )


def test_errors_about_sessions_pass_and_others_do_not(make: Make) -> None:
    live = make(firewall(WEB, INSPECT_WEB))
    [out] = live.packets(INSIDE, udp("10.0.0.10:5000", "198.51.100.9:53", b"question"))
    assert len(live.packets(OUTSIDE, icmp_error("198.51.100.1", GLOBAL, out))) == 1


def change(live: Live, config: str) -> None:
    """Go on by another configuration, as a gateway does."""
    live.reconfigure(config, seconds())
    with live.wires.gateway.inside():
        review_flows(live.traffic)


def test_a_change_of_the_policy_disturbs_no_session_that_it_still_allows(make: Make) -> None:
    live = make(firewall(WEB, INSPECT_WEB))
    ends = "10.0.0.10:5000", "198.51.100.9:53"
    [sent] = live.out(b"question", *ends)
    other = "class-map type inspect match-any A\n match protocol ntp\n"
    change(live, firewall(WEB + other, " class type inspect A\n  inspect\n" + INSPECT_WEB))
    assert live.in_(b"answer", ends[1], sent.sender)
    assert counts(live, "LAN-WAN", "WEB").packets == 2
    dns = "class-map type inspect match-any DNS\n match protocol dns\n"
    change(live, firewall(WEB + dns, " class type inspect DNS\n  inspect\n" + INSPECT_WEB))
    assert live.in_(b"answer", ends[1], sent.sender)
    assert counts(live, "LAN-WAN", "DNS").packets == 1, "it is of another class now"
    change(live, firewall(VOICE, INSPECT))
    assert live.in_(b"answer", ends[1], sent.sender) == []
    assert live.out(b"question", *ends) == []
    change(live, OVERLOAD)
    assert "zbf" not in live.run("nft", "list", "table", "ip", "doorman")
    assert len(live.out(b"anything", "10.0.0.10:5000", "198.51.100.9:9999")) == 1


def test_media_of_a_call_go_on_when_zones_are_made_and_when_policies_change(make: Make) -> None:
    live = make(OVERLOAD)
    live.out(request(body=sdp()))
    live.in_(answer(body=sdp("198.51.100.99", 7000)))
    media, there, name = "10.0.0.10:4000", "198.51.100.99:7000", f"{GLOBAL}:4000"
    assert live.in_(b"media", there, name)
    for config in (firewall(VOICE, INSPECT), firewall(VOICE + WEB, INSPECT_WEB)):
        change(live, config)
        assert live.in_(b"media", there, name)
        assert live.out(b"media", media, there)


def test_media_without_nat_end_with_their_call(make: Make) -> None:
    live = make(firewall(VOICE, INSPECT, base=NO_NAT))
    media, there = "10.0.0.10:4000", "198.51.100.99:7000"
    for call_id, port in (("one", 4000), ("two", 4002)):
        live.out(request(body=sdp(port=port), call_id=call_id))
        live.in_(answer(body=sdp("198.51.100.99", 7000), call_id=call_id), receiver=PHONE)
        assert live.in_(b"media", there, f"10.0.0.10:{port}")
        assert live.out(b"media", f"10.0.0.10:{port}", there)
    bye = request("BYE").replace(b"1 BYE", b"2 BYE")
    live.out(bye.replace(b"bob@198.51.100.20>", b"bob@198.51.100.20>;tag=b", 1))
    live.in_(answer(method="BYE").replace(b"1 BYE", b"2 BYE"), receiver=PHONE)
    live.tick()
    assert live.in_(b"late media", there, media), "doors stay a while behind a call"
    live.wait(60)
    live.tick()
    assert live.in_(b"later media", there, media) == []
    assert live.out(b"later media", media, there) == []
    assert live.in_(b"media", there, "10.0.0.10:4002"), "another call"


def test_a_message_that_a_policy_denies_opens_no_door(make: Make) -> None:
    lists = "access-list 110 permit udp any host 198.51.100.20 eq 5060\n"
    lists += "class-map type inspect PEER\n match access-group 110\n"
    live = make(firewall(lists, " class type inspect PEER\n  inspect\n"))
    assert live.out(request(body=sdp()), PHONE, "198.51.100.21:5060") == []
    assert live.engine.drops["zone-policy"] == 1
    assert len(list(live.engine.state.doors)) == 0
    assert len(live.out(request(body=sdp(), call_id="other"))) == 1


def test_what_policies_did_is_shown_and_cleared(make: Make) -> None:
    live = make(firewall(WEB + VOICE, INSPECT_WEB + INSPECT))
    live.run("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1")
    [sent] = live.out(b"question", "10.0.0.10:5000", "198.51.100.9:53")
    live.in_(b"answer", "198.51.100.9:53", sent.sender)
    live.packets(INSIDE, tcp("10.0.0.10:80", "198.51.100.9:80", "S"))
    live.out(b"other", "10.0.0.10:5000", "198.51.100.9:54")

    def shown() -> dict[str, Any]:
        """The classes by name, of the inside's zone pair."""
        with live.wires.gateway.inside():
            counts, sessions = policy_counts([live.traffic]), policy_sessions([live.traffic])
            pairs = zone_pair_entries(live.config.firewall, counts, sessions, seconds())
            [found] = [pair for pair in pairs if pair["name"] == "LAN-WAN"]
        return {one["class_map"]: one for one in found["classes"]}

    web = shown()["WEB"]
    assert (web["packets"], web["flows"], web["reasons"]) == (3, 2, {})
    default = shown()["class-default"]
    assert (default["drops"], default["reasons"]) == (1, {"zone-policy": 1})
    states = {one["protocol"]: (one["state"], one["initiator"], one["responder"]) for one in web["sessions"]}
    assert states == {
        "udp": ("SIS_OPEN", "10.0.0.10:5000", "198.51.100.9:53"),
        "tcp": ("SIS_OPENING", "10.0.0.10:80", "198.51.100.9:80"),
    }
    [question] = [one for one in web["sessions"] if one["protocol"] == "udp"]
    assert (question["created"], question["sent"]) == (None, [36, 34])
    assert 0 <= question["heard"] < 3
    with live.wires.gateway.inside():
        clear_policy_counts(live.traffic, "LAN-WAN")
        assert clear_policy_sessions(live.traffic, "WAN-LAN") == 0
        assert clear_policy_sessions(live.traffic, "LAN-WAN") == 2
    assert (shown()["WEB"]["packets"], shown()["WEB"]["sessions"], shown()["class-default"]["drops"]) == (0, [], 0)


def test_drops_are_told_of(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    default = " class class-default\n  drop log\n"
    live = make(firewall(WEB, INSPECT_WEB + default, default))
    with live.wires.gateway.inside(), PacketLog(live.plane.setting.queue) as log, caplog.at_level(logging.INFO):
        news = PacketNews(live.engine, log)
        live.out(b"other", "10.0.0.10:5000", "198.51.100.9:54")
        live.out(request(), PHONE, PEER)
        news.on_packets()
        news.on_time()
    assert [record.getMessage() for record in caplog.records if "%FW" in record.getMessage()] == [
        f"%FW-6-DROP_PKT: Dropping udp packet {ends} on zone-pair LAN-WAN class class-default due to zone-policy"
        for ends in ("10.0.0.10:5000 => 198.51.100.9:54", f"{PHONE} => {PEER}")
    ]


def test_sessions_are_told_of_that_only_the_kernel_carries(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    parameters = "parameter-map type inspect TOLD\n audit-trail on\n"
    others = "class-map type inspect match-any OTHERS\n match protocol ntp\n"
    policy = " class type inspect WEB\n  inspect TOLD\n class type inspect OTHERS\n  inspect\n"
    live = make(firewall(WEB + others + parameters, policy))
    live.run("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1")
    with caplog.at_level(logging.INFO):
        [sent] = live.out(b"question", "10.0.0.10:5000", "198.51.100.9:53")
        live.in_(b"an answer", "198.51.100.9:53", sent.sender)
        live.out(b"not told of", "10.0.0.10:5000", "198.51.100.9:123")
        live.run("conntrack", "-D", "-s", "10.0.0.10")
        live.packets(INSIDE)
    where, ends = "(target:class)-(LAN-WAN:WEB)", ("(10.0.0.10:5000)", "(198.51.100.9:53)")
    began = f"{where}:Start udp session: initiator {ends[0]} -- responder {ends[1]}"
    ended = f"{where}:Stop udp session: initiator {ends[0]} sent 36 bytes -- responder {ends[1]} sent 37 bytes"
    assert [record.getMessage() for record in caplog.records if "AUDIT" in record.getMessage()] == [
        f"%FW-6-SESS_AUDIT_TRAIL_START: {began}",
        f"%FW-6-SESS_AUDIT_TRAIL: {ended}",
    ]


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_nft_takes_whatever_a_firewall_says(kernel: NetfilterPlane, data: st.DataObject) -> None:
    lists = "access-list 101 permit tcp any any\naccess-list 102 deny udp any any\n"
    config = read_config(OVERLOAD + lists, "test.cfg")
    config.firewall = data.draw(firewalls(["101", "102"]))
    for name in ("in0", "out0"):
        zone = data.draw(st.sampled_from([None, *config.firewall.zones]))
        config.interfaces[name] = replace(config.interfaces[name], zone=zone)
    kernel.synchronise(config, [], [], 0.0)


def test_what_is_for_the_gateway_itself_and_from_it(make: Make) -> None:
    own = "zone-pair security TO-SELF source WAN destination self\n service-policy type inspect OWN\n"
    policy = "policy-map type inspect OWN\n class type inspect WEB\n  inspect\n"
    live = make(firewall(WEB, "") + policy + own)
    assert len(live.packets(OUTSIDE, ping("198.51.100.9", GLOBAL, 7))) == 1, "the gateway answers"
    assert live.packets(OUTSIDE, tcp("198.51.100.9:7", f"{GLOBAL}:22", "S")) == []
    assert counts(live, "TO-SELF", "class-default").drops == 1
    assert len(live.packets(INSIDE, tcp("10.0.0.10:7", "10.0.0.1:22", "S"))) == 1, "nothing is said of the inside"


def test_no_ipv6_passes_between_zones(make: Make) -> None:
    live = make(firewall(WEB, INSPECT_WEB))
    Sweep(live.wires)  # makes routes
    packet = bytes(IPv6(src="fd00:1::7", dst="fd00:2::7") / UDP(sport=5000, dport=53) / b"question")

    def passes() -> bool:
        live.packets(INSIDE, packet)
        return any(other.endswith(b"question") for other in live.wires.others)

    assert not passes()
    with live.wires.gateway.inside():
        assert live.plane.counts()["zone_ipv6"].packets == 1
    change(live, OVERLOAD)
    assert passes()
    live.tick()
    assert "ip6" not in live.run("nft", "list", "tables")
