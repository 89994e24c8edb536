"""Calls through a live gateway whose policies know signalling only: media pass by doors, and nothing else does."""

import pytest

from doorman.lab.network import INSIDE_LINK, INSIDE_PHONE, OUTSIDE_LINK, OUTSIDE_PHONE
from doorman.lab.plans import from_inside
from kit.lab import PACKETS, SHORT, Lab, eventually
from kit.sip import request, sdp
from kit.waiting import DEADLINE

ZONES = f"""
class-map type inspect match-all VOICE
 match protocol sip
 match access-group 110
access-list 110 permit ip any host {OUTSIDE_PHONE}
policy-map type inspect FROM-LAN
 class type inspect VOICE
  inspect
 class class-default
  drop log
zone security LAN
zone security WAN
zone-pair security OUT source LAN destination WAN
 service-policy type inspect FROM-LAN
interface {INSIDE_LINK}
 zone-member security LAN
interface {OUTSIDE_LINK}
 zone-member security WAN
"""
NAT = "ip nat inside source list 1 interface out0 overload", "ip nat inside source static 192.168.1.5 203.0.113.5"


@pytest.mark.parametrize(("transport", "nat"), [("udp", True), ("tcp", True), ("udp", False)])
def test_a_call_has_its_media_and_nothing_else_passes(lab: Lab, transport: str, *, nat: bool) -> None:
    lab.configure(*ZONES.splitlines(), without=() if nat else NAT)
    if not nat:
        lab.in_gateway("ip", "-n", lab.network.outside, "route", "replace", "192.168.1.0/24", "via", "203.0.113.1")
    with lab.serving():
        report = lab.place(from_inside(lab.network, SHORT._replace(transport=transport)))
        [leg] = report.legs
        assert [end.received for end in leg] == [PACKETS, PACKETS]
        with lab.udp(lab.network.inside, INSIDE_PHONE, 40_000) as phone:
            phone.sendto(b"neither signalling nor media", (OUTSIDE_PHONE, 40_000))
        [shown] = lab.ask("show policy-map type inspect zone-pair")
        voice, default = shown["classes"]
        assert (voice["class_map"], voice["flows"], voice["drops"]) == ("VOICE", 1, 0)
        assert (default["packets"], default["drops"]) == (0, 1)
        dropped = "OUT class class-default due to zone-policy"
        eventually(lambda: dropped in (lab.directory / "gateway.log").read_text(), "no drop is told of")


def test_a_call_that_the_policy_denies_opens_no_door(lab: Lab) -> None:
    lab.configure(*ZONES.splitlines())
    with lab.serving():
        with lab.udp(lab.network.inside, INSIDE_PHONE, 5060) as phone:
            phone.sendto(request(host=INSIDE_PHONE, body=sdp(INSIDE_PHONE)), ("198.51.100.30", 5060))
            eventually(lambda: lab.ask("show ip nat statistics")["drops"].get("zone-policy"), "nothing is dropped")
        with lab.tcp(lab.network.inside, INSIDE_PHONE) as phone:
            phone.connect_ex(("198.51.100.30", 5060))
            eventually(lambda: lab.ask("show ip nat statistics")["drops"]["zone-policy"] == 2, "it is connected")
        assert lab.doors() == []


def test_a_proxied_connection_goes_on_as_long_as_the_policies_allow_it(lab: Lab) -> None:
    lab.configure(*ZONES.splitlines())
    listener = lab.tcp(lab.network.outside, OUTSIDE_PHONE, 5060, listens=True)
    phone = lab.tcp(lab.network.inside, INSIDE_PHONE)
    with listener, phone, lab.serving():
        phone.connect((OUTSIDE_PHONE, 5060))
        server, _ = listener.accept()
        with server:
            server.settimeout(DEADLINE)
            phone.sendall(b"\r\n\r\n")
            assert server.recv(100) == b"\r\n\r\n"
            [session] = lab.ask("show policy-map type inspect zone-pair")[0]["classes"][0]["sessions"]
            assert (session["state"], session["sent"]) == ("SIS_OPEN", [44, 0])
            lab.order("configure terminal", "policy-map type inspect FROM-LAN", "no class class-default", "end")
            server.sendall(b"\r\n")
            assert phone.recv(100) == b"\r\n"
            lab.order(
                "configure terminal",
                "access-list 110 deny ip any any",
                "no access-list 110 permit ip any host " + OUTSIDE_PHONE,
                "end",
            )
            for end in (phone, server):
                with pytest.raises(ConnectionResetError):
                    end.recv(100)
        assert lab.ask("show policy-map type inspect zone-pair")[0]["classes"][0]["sessions"] == []
