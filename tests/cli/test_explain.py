"""`--explain`: each message line by line, what was changed, and on what ground."""

import random

import pytest

from doorman.cli.explain import explain
from doorman.cli.reasons import DROPS
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.inspection import Inspection
from doorman.engine.results import Result, Side
from kit.packets import udp
from kit.sip import OVERLOAD, PEER, PHONE, STATIC, incoming, request, sdp


def inspected(packet: bytes, side: Side = Side.INSIDE, config: str = OVERLOAD) -> Inspection:
    result: Result = Engine(read_config(config, "x"), random.Random(1).random).receive(packet, side, 1.0)
    (inspection,) = result.inspections
    return inspection


def test_a_message_that_is_changed() -> None:
    message = request(body=sdp("10.0.0.10", 4000, "a=rtcp:4001 IN IP4 10.0.0.10"))
    assert "\n".join(explain(inspected(udp(PHONE, PEER, message)), 7)) == (
        "packet 7: outbound INVITE\n"
        "  10.0.0.10:5060 -> 198.51.100.20:5060, leaves as 203.0.113.1:5060 -> 198.51.100.20:5060\n"
        "    INVITE sip:bob@198.51.100.20 SIP/2.0\n"
        "  - Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKoneINVITE\n"
        "  + Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKoneINVITE          ! Via: inside local to global\n"
        "  - From: <sip:alice@10.0.0.10>;tag=a\n"
        "  + From: <sip:alice@203.0.113.1>;tag=a                                ! From: inside local to global\n"
        "    To: <sip:bob@198.51.100.20>\n"
        "    Call-ID: one\n"
        "    CSeq: 1 INVITE\n"
        "  - Contact: <sip:alice@10.0.0.10:5060>\n"
        "  + Contact: <sip:alice@203.0.113.1:5060>                              ! Contact: inside local to global\n"
        "    Content-Type: application/sdp\n"
        "  - Content-Length: 117\n"
        "  + Content-Length: 123                                                ! Content-Length\n"
        "\n"
        "    v=0\n"
        "  - o=- 1 1 IN IP4 10.0.0.10\n"
        "  + o=- 1 1 IN IP4 203.0.113.1                                         ! SDP o=: inside local to global\n"
        "    s=-\n"
        "  - c=IN IP4 10.0.0.10\n"
        "  + c=IN IP4 203.0.113.1                                               ! SDP c=: inside local to global\n"
        "    t=0 0\n"
        "    m=audio 4000 RTP/AVP 0\n"
        "  - a=rtcp:4001 IN IP4 10.0.0.10\n"
        "  + a=rtcp:4001 IN IP4 203.0.113.1                                     ! SDP a=rtcp: inside local to global\n"
        "  note: address-left 198.51.100.20\n"
        "  door for via: 198.51.100.20 may reach 10.0.0.10:5060 at 203.0.113.1:5060\n"
        "  door for contact: anyone may reach 10.0.0.10:5060 at 203.0.113.1:5060\n"
        "  door for rtp: 198.51.100.20 may reach 10.0.0.10:4000 at 203.0.113.1:4000\n"
        "  door for rtcp: 198.51.100.20 may reach 10.0.0.10:4001 at 203.0.113.1:4001\n"
    )


def test_several_changes_in_a_line_are_one_line() -> None:
    contacts = "Contact: <sip:a@10.0.0.10>, <sip:b@10.0.0.10:5060>"
    text = list(explain(inspected(udp(PHONE, PEER, request("REGISTER", contacts))), 1))
    assert "  - Contact: <sip:a@10.0.0.10>, <sip:b@10.0.0.10:5060>" in text
    assert [line.split("!")[1] for line in text if "<sip:b@203.0.113.1" in line] == [" Contact: inside local to global"]


def test_inbound() -> None:
    text = list(explain(inspected(udp(PEER, "203.0.113.100:5060", incoming()), Side.OUTSIDE, STATIC), 3))
    assert text[0] == "packet 3: inbound INVITE"
    assert text[1] == "  198.51.100.20:5060 -> 203.0.113.100:5060, leaves as 198.51.100.20:5060 -> 10.0.0.10:5060"


def test_a_dropped_message_is_shown_with_the_reason() -> None:
    text = list(explain(inspected(udp(PHONE, PEER, request().replace(b"Call-ID: one\r\n", b""))), 9))
    assert text[0] == "packet 9: outbound malformed"
    assert "    CSeq: 1 INVITE" in text
    assert text[-2:] == [f"  dropped: no-call-id, {DROPS['no-call-id']}", ""]


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_bytes_of_a_message_are_escaped(end: bytes) -> None:
    message = request("INVITE", "Subject: \x1b[2J\x07\r\n\tfolded \x9b").replace(b"\r\n", end)
    text = "\n".join(explain(inspected(udp(PHONE, PEER, message)), 1))
    assert r"    Subject: \x1b[2J\x07" + "\n" + r"    \x09folded \x9b" in text
    assert all(" " <= character <= "~" or character == "\n" for character in text)


def test_the_end_of_a_call() -> None:
    engine = Engine(read_config(OVERLOAD, "x"), random.Random(1).random)
    engine.receive(udp(PHONE, PEER, request(body=sdp())), Side.INSIDE, 1.0)
    cancel = engine.receive(udp(PHONE, PEER, request("CANCEL")), Side.INSIDE, 2.0).inspections[0]
    assert "  doors of sip one close in 5 s" in list(explain(cancel, 2))


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("observe", "  mode observe: nothing of what follows is done, the message goes on as it came"),
        ("pinhole-only", "  mode pinhole-only: the message goes on as it came, only doors open"),
    ],
)
def test_a_mode_that_keeps_it_from_happening(mode: str, said: str) -> None:
    """The same is shown as in mode `full`, with a line that says what of it is done."""
    packet = udp(PHONE, PEER, request(body=sdp()))
    full = list(explain(inspected(packet), 7))
    held_back = list(explain(inspected(packet, config=f"{OVERLOAD}ip nat service sip mode {mode}\n"), 7))
    assert said in held_back
    kept = [line for line in held_back if line != said and "note: would-" not in line]
    assert sorted(kept) == sorted(full)


def test_a_drop_that_does_not_happen() -> None:
    config = OVERLOAD + "ip nat service sip mode observe\n"
    lines = list(explain(inspected(udp(PHONE, PEER, request("BREW")), config=config), 7))
    assert any(line.startswith("  dropped: unknown-method") for line in lines)
    assert any(line.startswith("  mode observe:") for line in lines)
