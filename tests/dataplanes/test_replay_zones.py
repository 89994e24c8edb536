"""Replay through the zone-based firewall: real calls with and without NAT, over UDP and TCP, and a third interface."""

import random

import pytest

from doorman.net.captures import Frame
from kit.captures import EXAMPLES, Replayed, frames, read, replayed
from kit.connections import over_tcp
from kit.packets import tcp, udp

ZONES = (EXAMPLES / "zones.cfg").read_text()
FIREWALL = (EXAMPLES / "firewall.cfg").read_text()
CALLS = ("sipp-call", "baresip-call", "fragmented-invite")
DMZ = """
interface dmz0
 ip address 10.9.9.1 255.255.255.0
 zone-member security DMZ
zone security DMZ
class-map type inspect match-any WEB
 match protocol http
policy-map type inspect TO-DMZ
 class type inspect WEB
  inspect
 class type inspect VOICE
  inspect
zone-pair security D source LAN destination DMZ
 service-policy type inspect TO-DMZ
"""


def call(name: str) -> list[Frame]:
    return read((EXAMPLES / f"{name}.pcap").read_bytes())


def reasons(done: Replayed) -> list[str]:
    return [drop.reason for drop in done.replay.drops]


@pytest.mark.parametrize("config", [ZONES, FIREWALL], ids=["zones", "firewall"])
@pytest.mark.parametrize("name", CALLS)
def test_calls_pass_with_their_media_though_no_class_covers_those(name: str, config: str) -> None:
    done = replayed(call(name), config)
    assert reasons(done) == []
    assert done.found["asymmetries"] == []
    assert [one["state"] for one in done.found["calls"]] == ["ended"]
    assert any(door["role"] == "rtp" and door["promoted_at_packet"] for door in done.found["doors"])


def test_without_the_alg_the_media_of_a_call_are_dropped() -> None:
    done = replayed(call("sipp-call"), FIREWALL + "no ip nat service sip\n")
    assert set(reasons(done)) == {"zone-policy"}
    assert len(reasons(done)) == 300


def test_a_firewall_alone_changes_nothing_and_translates_nothing() -> None:
    done = replayed(call("sipp-call"), FIREWALL)
    assert done.packets == [frame.data[14:] for frame in call("sipp-call")]
    assert done.found["translations"] == []
    assert all(door["entrance"] == door["leads_to"] for door in done.found["doors"])


@pytest.mark.parametrize("config", [ZONES, FIREWALL], ids=["zones", "firewall"])
def test_calls_over_tcp(config: str) -> None:
    done = replayed(over_tcp(call("baresip-call"), random.Random(3)), config)
    assert reasons(done) == []
    assert done.found["asymmetries"] == []
    assert done.found["messages"]["sip"]["INVITE"] == 1
    assert "rtp" in {door["role"] for door in done.found["doors"]}


@pytest.mark.parametrize("config", [ZONES, FIREWALL], ids=["zones", "firewall"])
def test_packets_between_two_interfaces_are_judged_whether_they_are_inside_or_not(config: str) -> None:
    for side in ("", " ip nat inside\n" if "nat" in config else ""):
        lines = config + DMZ.replace("255.255.255.0\n", f"255.255.255.0\n{side}")
        packets = [
            tcp("192.168.1.10:5", "10.9.9.9:80"),
            tcp("10.9.9.9:80", "192.168.1.10:5", "SA"),
            tcp("192.168.1.10:5", "10.9.9.9:81"),
            tcp("10.9.9.9:6", "192.168.1.10:80"),
            udp("192.168.1.10:7", "192.168.1.11:7"),
        ]
        done = replayed(frames(*packets), lines)
        assert reasons(done) == ["zone-policy", "no-zone-pair"]
        assert done.packets == [packets[0], packets[1], packets[4]]


def test_a_call_between_two_interfaces_keeps_its_names_and_opens_its_doors() -> None:
    inside = ZONES + DMZ.replace("255.255.255.0\n", "255.255.255.0\n ip nat inside\n")
    invite = (
        "INVITE sip:bob@10.9.9.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\r\n"
        "From: <sip:a@192.168.1.10>;tag=a\r\nTo: <sip:bob@10.9.9.9>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:a@192.168.1.10:5060>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n"
    )
    body = "v=0\r\no=- 1 1 IN IP4 192.168.1.10\r\ns=-\r\nc=IN IP4 192.168.1.10\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
    packets = [
        udp("192.168.1.10:5060", "10.9.9.9:5060", (invite.format(len(body)) + body).encode()),
        udp("10.9.9.9:7000", "192.168.1.10:20000"),
        udp("10.9.9.9:7000", "192.168.1.10:20002"),
    ]
    done = replayed(frames(*packets), inside)
    assert reasons(done) == ["no-zone-pair"]
    assert done.packets == packets[:2]
