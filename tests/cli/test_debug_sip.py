"""`--debug sip` against the sample in Cisco's documentation of `debug ip nat sip`, and what that does not show."""

import random
import re

import pytest

from doorman.cli.debug.lines import debug_lines
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from kit.packets import udp
from kit.sip import OVERLOAD, PEER, PHONE, crlf, request, sdp, sip

MAY_23 = 1_779_545_477_243_000_000
"""2026-05-23 14:11:17.243 UTC, in nanoseconds."""

SAMPLE = """\
May 23 14:11:17.243 IST: NAT: SIP: [0] processing INVITE message
May 23 14:11:17.243 IST: NAT: SIP: [0] register:0 door_created:0
May 23 14:11:17.243 IST: NAT: SIP: [0] translated embedded address 192.168.122.3->10.1.1.1
May 23 14:11:17.243 IST: NAT: SIP: [0] register:0 door_created:0
May 23 14:11:17.243 IST: NAT: SIP: [0] translated embedded address 192.168.122.3->10.1.1.1
May 23 14:11:17.243 IST: NAT: SIP: [0] register:0 door_created:0
May 23 14:11:17.243 IST: NAT: SIP: [0] register:0 door_created:0
May 23 14:11:17.243 IST: NAT: SIP: Contact header found
May 23 14:11:17.243 IST: NAT: SIP: Trying to find expires parameter
May 23 14:11:17.243 IST: NAT: SIP: [0] translated embedded address 192.168.122.3->10.1.1.1
May 23 14:11:17.243 IST: NAT: SIP: [0] register:0 door_created:0
May 23 14:11:17.243 IST: NAT: SIP: [0] message body found
May 23 14:11:17.243 IST: NAT: SIP: Media Lines present:1
May 23 14:11:17.243 IST: NAT: SIP: Translated global m=(192.168.122.3, 6000) -> (10.1.1.1, 6000)
May 23 14:11:17.243 IST: NAT: SIP: old_sdp_len:133 new_sdp_len :130
"""
"""What the documentation prints behind the lines about TCP; one line that is broken there is whole here."""
SAMPLE_GATEWAY = """
interface in0
 ip address 192.168.122.1 255.255.255.0
 ip nat inside
interface out0
 ip address 10.1.1.1 255.255.255.0
 ip nat outside
access-list 1 permit 192.168.122.0 0.0.0.255
ip nat inside source list 1 interface out0 overload
"""


def debugged(message: bytes, config: str = OVERLOAD, source: str = PHONE, time_ns: int = 0) -> list[str]:
    result = Engine(read_config(config, "x"), random.Random(1).random).receive(
        udp(source, PEER, message), Side.INSIDE, 1.0
    )
    return list(debug_lines(result.inspections[0], time_ns))


def numbers_aside(text: str) -> str:
    """What depends on the message or on the gateway's way of counting doors, and the time zone."""
    text = re.sub(r"door_created:\d", "door_created:", text)
    return re.sub(r"sdp_len ?:\d+", "sdp_len", text).replace(" IST:", " UTC:")


def test_line_by_line_as_the_sample() -> None:
    message = request(body=sdp("192.168.122.3", 6000), host="192.168.122.3")
    shown = "\n".join(debugged(message, SAMPLE_GATEWAY, "192.168.122.3:5060", MAY_23)) + "\n"
    assert numbers_aside(shown) == numbers_aside(SAMPLE)
    assert "old_sdp_len:95 new_sdp_len :85" in shown


def test_the_day_has_two_places() -> None:
    assert debugged(request("OPTIONS"))[0] == "Jan  1 00:00:00.000 UTC: NAT: SIP: [0] processing OPTIONS message"


def test_a_registration() -> None:
    lines = [line.partition("SIP: ")[2] for line in debugged(request("REGISTER", "Expires: 60"))]
    assert lines == [
        "[0] processing REGISTER message",
        "[0] register:1 door_created:1",
        "[0] translated embedded address 10.0.0.10->203.0.113.1",
        "[0] register:1 door_created:1",
        "[0] translated embedded address 10.0.0.10->203.0.113.1",
        "[0] register:1 door_created:1",
        "[0] register:1 door_created:1",
        "Contact header found",
        "Trying to find expires parameter",
        "[0] translated embedded address 10.0.0.10->203.0.113.1",
        "[0] register:1 door_created:1",
    ]


def test_a_port_that_changes_is_shown() -> None:
    taken = OVERLOAD + "ip nat inside source static udp 10.0.0.11 5060 203.0.113.1 5060\n"
    changes = [line.split()[-1] for line in debugged(request(), taken) if "embedded" in line]
    assert re.fullmatch(r"10\.0\.0\.10:5060->203\.0\.113\.1:\d+", changes[0])
    assert changes[1] == "10.0.0.10->203.0.113.1"


def test_what_is_dropped_and_what_is_not_sip() -> None:
    lines = [line.partition("SIP: ")[2] for line in debugged(request().replace(b"CSeq: 1", b"CSeq: x"))]
    assert lines == ["[0] processing malformed message", "[0] message dropped: cseq"]
    assert [line.partition("SIP: ")[2] for line in debugged(b"\x80not SIP but something else")] == [
        "[0] not a SIP message, 27 bytes passed"
    ]


def test_a_multipart_body() -> None:
    parts = "--x\nContent-Type: application/sdp\n\n" + sdp() + "\n--x\nContent-Type: text/plain\n\nhello\n--x--"
    message = sip(
        "INVITE sip:bob@198.51.100.20 SIP/2.0",
        "Via: SIP/2.0/UDP 10.0.0.10;branch=z9hG4bK1",
        "Call-ID: multi",
        "CSeq: 1 INVITE",
        'Content-Type: multipart/mixed;boundary="x"',
        body="\n".join(parts.splitlines()),
    )
    lines = [line.partition("SIP: ")[2] for line in debugged(message)]
    assert "Media Lines present:1" in lines
    assert "Translated global m=(10.0.0.10, 4000) -> (203.0.113.1, 4000)" in lines


def test_media_without_an_address() -> None:
    described = [line.partition("SIP: ")[2] for line in debugged(request(body=sdp("phone.example", 6000)))]
    assert "Media Lines present:1" in described
    assert not [line for line in described if "global m=" in line]


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x07", "\x9b31m", "\u00e9"])
def test_bytes_of_a_message_are_escaped(evil: str) -> None:
    message = request("INVITE", f"Record-Route: <sip:{evil}@10.0.0.10>", body=crlf(sdp()).replace(b"s=-", b"s=\x1b"))
    assert all(" " <= character <= "~" for line in debugged(message) for character in line)


@pytest.mark.parametrize("mode", ["observe", "pinhole-only"])
def test_a_mode_that_keeps_it_from_happening(mode: str) -> None:
    """The lines are those of mode `full`, behind one that says what of it is done."""

    def lines(config: str) -> list[str]:
        engine = Engine(read_config(config, "x"), random.Random(1).random)
        (inspection,) = engine.receive(udp(PHONE, PEER, request(body=sdp())), Side.INSIDE, 1.0).inspections
        return list(debug_lines(inspection, MAY_23))

    first, told, *rest = lines(f"{OVERLOAD}ip nat service sip mode {mode}\n")
    assert [first, *rest] == lines(OVERLOAD)
    assert f"NAT: SIP: [0] mode {mode}: " in told
