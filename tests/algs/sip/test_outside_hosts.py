"""Calls with outside hosts that the inside knows by other addresses: messages name all four rightly.

phone 10.0.0.10 is 203.0.113.1 outside; peer 198.51.100.20 is 10.99.0.20 inside, media server 198.51.100.99 10.99.0.99
"""

import pytest

from kit.sip import GLOBAL, OVERLOAD, PEER, PHONE, Gateway, answer, incoming, request, sdp

INSIDE_PEER = "10.99.0.20:5060"
STATIC = OVERLOAD + (
    "ip nat outside source static 198.51.100.20 10.99.0.20\nip nat outside source static 198.51.100.99 10.99.0.99\n"
)
LIST = OVERLOAD + (
    "ip nat pool OUT 10.99.0.20 10.99.0.21 prefix-length 24\n"
    "access-list 7 permit 198.51.100.0 0.0.0.255\n"
    "ip nat outside source list 7 pool OUT\n"
)
MEDIA = sdp("198.51.100.99", 6000)


def renamed(data: bytes) -> bytes:
    """A message of the phone's to the peer by its outside local address."""
    return data.replace(b"198.51.100.20", b"10.99.0.20")


def unseen(data: bytes, *texts: str) -> bool:
    return not any(text.encode() in data for text in texts)


def test_a_call_that_the_inside_begins() -> None:
    gate = Gateway(STATIC)
    sent = gate.out(renamed(request(body=sdp())), PHONE, INSIDE_PEER)
    assert sent.data == gate_of_plain().out(request(body=sdp())).data, "as if there were no other name"
    assert sent.target == PEER
    came = gate.in_(answer(body=MEDIA))
    assert came.source == INSIDE_PEER
    assert "Contact: <sip:bob@10.99.0.20:5060>" in came.text
    assert "c=IN IP4 10.99.0.99" in came.text
    assert "m=audio 6000 " in came.text
    assert unseen(came.data, "198.51.100", GLOBAL)
    assert gate.media_doors() == [
        "rtcp 198.51.100.99>203.0.113.1:4001>10.0.0.10:4001",
        "rtp 198.51.100.99>203.0.113.1:4000>10.0.0.10:4000",
    ]
    media = gate.out(b"media", "10.0.0.10:4000", "10.99.0.99:6000")
    assert (media.source, media.target) == ("203.0.113.1:4000", "198.51.100.99:6000")
    back = gate.in_(b"media", "198.51.100.99:6000", "203.0.113.1:4000")
    assert (back.source, back.target) == ("10.99.0.99:6000", "10.0.0.10:4000")


def gate_of_plain() -> Gateway:
    return Gateway(OVERLOAD)


def test_a_call_that_the_outside_begins() -> None:
    gate = Gateway(STATIC + "ip nat inside source static udp 10.0.0.10 5060 203.0.113.1 5060\n")
    came = gate.in_(incoming(body=MEDIA))
    assert came.source == INSIDE_PEER
    assert unseen(came.data, "198.51.100", GLOBAL)
    assert "From: <sip:bob@10.99.0.20>" in came.text
    assert "Contact: <sip:bob@10.99.0.20:5060>" in came.text
    ok = came.text.partition("\r\n")[0]
    assert ok.startswith("INVITE sip:alice@10.0.0.10")


@pytest.mark.parametrize("config", [STATIC, LIST])
def test_what_arrived_is_found_back(config: str) -> None:
    gate = Gateway(config + "ip nat inside source static udp 10.0.0.10 5060 203.0.113.1 5060\n")
    came = gate.in_(incoming(body=sdp("198.51.100.20", 6000)))
    inside = came.source
    assert inside == INSIDE_PEER
    bye = incoming("BYE").replace(b"203.0.113.1", b"10.0.0.10").replace(b"198.51.100.20", b"10.99.0.20")
    sent, passage = gate.learned(bye, inside)
    assert unseen(sent, "10.99.0.20", "10.0.0.10")
    assert passage.data == bye


def test_a_media_server_gets_a_name_when_it_is_announced() -> None:
    gate = Gateway(LIST + "ip nat inside source static udp 10.0.0.10 5060 203.0.113.1 5060\n")
    came = gate.in_(incoming(body=MEDIA))
    assert "c=IN IP4 10.99.0.21" in came.text
    media = gate.out(b"media", "10.0.0.10:4000", "10.99.0.21:6000")
    assert media.target == "198.51.100.99:6000"
    refused = gate.in_(incoming(body=sdp("198.51.100.98", 6000), call_id="two"))
    assert refused.reason == "sip: pool-exhausted"
    assert len(gate.engine.state.outside) == 2


def test_what_the_inside_says_of_outside_hosts_is_named_too() -> None:
    gate = Gateway(STATIC)
    sent = gate.out(
        renamed(request("INVITE", "Route: <sip:10.99.0.99;lr>", body=sdp("10.99.0.99", 6000))), PHONE, INSIDE_PEER
    )
    assert "Route: <sip:198.51.100.99;lr>" in sent.text
    assert "c=IN IP4 198.51.100.99" in sent.text
    assert gate.media_doors() == []


def test_a_renamed_sender_is_watched_like_others() -> None:
    static = "ip nat inside source static udp 10.0.0.10 5060 203.0.113.1 5060\n"
    gate = Gateway(STATIC + static + "ip nat service sip protect rate 1\n")
    assert gate.in_(incoming(call_id="one")).reason == ""
    assert gate.in_(incoming(call_id="two")).reason == "sip: invite-rate"
