"""What the RTSP ALG refuses: streams for a third party, slipstreaming, ports that none may be led to, floods."""

import pytest

from doorman.engine.connections import End
from doorman.engine.results import Side
from kit.rtsp import CLIENT_PORTS, FILM, OVERLOAD, SERVED, SERVER_PORTS, STRANGER, TRACK, Rtsp, value
from kit.talk import INSIDE, OUTSIDE, Talk

NONE = "none/none"
SETUP = f"SETUP {TRACK} RTSP/1.0\r\nCSeq: 1\r\nTransport: {CLIENT_PORTS}\r\n\r\n".encode()
OK = f"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: 7\r\nTransport: {SERVER_PORTS}\r\n\r\n".encode()
HTTP = b"POST / HTTP/1.1\r\nHost: 198.51.100.20:554\r\nContent-Length: 3000\r\n\r\n"


@pytest.mark.parametrize(
    "destination", [STRANGER, "10.0.0.11", "10.0.0.1", "victim.example", "3221226050", "192.0.2.066", "[::1]"]
)
def test_media_for_a_third_party_go_to_who_asked(destination: str) -> None:
    rtsp = Rtsp()
    asked = f"RTP/AVP;unicast;destination={destination};client_port=4588-4589"
    told, _ = rtsp.sets_up(asked, SERVER_PORTS)
    assert told.replace("[203.0.113.1]", "203.0.113.1") == asked.replace(destination, "203.0.113.1")
    assert {door.rpartition(" > ")[2].partition(":")[0] for door in rtsp.doors} == {"10.0.0.10"}
    assert rtsp.notes == {"third-party-address": 1}


@pytest.mark.parametrize("destination", [STRANGER, "10.0.0.11", "203.0.113.1", "203.0.113.100", "victim.example"])
@pytest.mark.parametrize(
    "form",
    ["destination={};client_port=50006-50007", 'dest_addr="{}:50006"/":50007"', "interleaved=0-1;destination={}"],
)
def test_a_client_outside_that_has_media_sent_to_a_third_party(destination: str, form: str) -> None:
    rtsp = Rtsp(SERVED, server_inside=True)
    asked = f"RTP/AVP;unicast;{form.format(destination)}"
    told = value(rtsp.asks("SETUP", "rtsp://203.0.113.100/film", f"Transport: {asked}"), "Transport")
    assert told == asked.replace(destination, "198.51.100.20")
    assert rtsp.doors == []


@pytest.mark.parametrize(
    ("transport", "reason"),
    [
        ("RTP/AVP;unicast;client_port=22-23", "port-not-allowed"),
        ("RTP/AVP;unicast;client_port=1023-1024", "port-not-allowed"),
        ("RTP/AVP;unicast;client_port=0", "port-not-allowed"),
        ("RTP/AVP;unicast;client_port=5352-5353", "port-not-allowed"),
        ("RTP/AVP/TCP;unicast;client_port=3306", "port-not-allowed"),
        ("RTP/AVP;unicast;client_port=65535", "port-not-allowed"),
        ("RTP/AVP;unicast;client_port=2000-4000", "too-many-ports"),
        ("RTP/AVP;unicast;client_port=66000-66001", "rtsp-transport"),
        ("RTP/AVP;unicast;client_port=4589-4588", "rtsp-transport"),
        ("RTP/AVP;unicast;client_port=4588-4589;client_port=22-23", "rtsp-transport"),
        ("RTP/AVP;unicast;client_port=4588-4589;destination=10.0.0.10;destination=192.0.2.66", "rtsp-transport"),
        ('RTP/AVP;unicast;client_port=4588-4589;mode=";destination=192.0.2.66"', "rtsp-transport"),
        ('RTP/AVP;unicast;dest_addr=":22"/":23"', "port-not-allowed"),
        ('RTP/AVP;unicast;dest_addr="4588"', "rtsp-transport"),
    ],
)
def test_a_transport_that_is_made_void(transport: str, reason: str) -> None:
    other = "RTP/AVP/TCP;unicast;interleaved=0-1"
    rtsp = Rtsp()
    assert rtsp.sets_up(f"{transport}, {other}", SERVER_PORTS)[0] == f"{NONE}, {other}"
    assert rtsp.doors == []
    assert rtsp.notes == {reason: 1}
    if not any(port in transport for port in ("5352", "3306", "65535")):  # outside nobody needs to be kept from those
        served = Rtsp(SERVED, server_inside=True)
        assert served.sets_up(f"{transport}, {other}", SERVER_PORTS)[0] == f"{NONE}, {other}"


@pytest.mark.parametrize(
    "answered",
    [
        "RTP/AVP;client_port=50006-50007;server_port=53-54;source=10.0.0.10",
        "RTP/AVP;client_port=50006-50007;server_port=5352-5353",
        "RTP/AVP;client_port=50006-50007;server_port=99999",
        "RTP/AVP;client_port=50006-50007;server_port=6256-6257;source=10.0.0.11",
    ],
)
def test_a_server_inside_that_announces_a_service_or_its_neighbour(answered: str) -> None:
    rtsp = Rtsp(SERVED, server_inside=True)
    rtsp.sets_up("RTP/AVP;client_port=50006-50007", answered)
    assert rtsp.doors == []


def test_an_answer_that_nobody_asked_for_opens_nothing() -> None:
    rtsp = Rtsp(SERVED, server_inside=True)
    heard = rtsp.answers("Transport: RTP/AVP;client_port=5000-5001;server_port=6256-6257;source=10.0.0.10", session="7")
    assert value(heard, "Transport").endswith(";source=203.0.113.100")
    assert rtsp.doors == []
    rtsp.asks("PLAY", "*")
    rtsp.answers(f"Transport: {SERVER_PORTS}", session="7")
    assert rtsp.doors == []


def test_only_who_was_announced_comes_in_and_only_once() -> None:
    rtsp = Rtsp()
    rtsp.sets_up(CLIENT_PORTS, SERVER_PORTS)
    assert rtsp.flows(f"{STRANGER}:6256", "203.0.113.1:4588") == "dropped: no-session-or-door"
    assert rtsp.flows("198.51.100.20:6256", "203.0.113.1:4588").startswith("inside: ")
    assert rtsp.flows("198.51.100.20:6258", "203.0.113.1:4588") == "dropped: no-session-or-door"


@pytest.mark.parametrize(
    "begins", [HTTP, b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\0", b"SSH-2.0-x\r\n", b"$\0\0\1x", b"\0\0"]
)
def test_slipstreaming(begins: bytes) -> None:
    """A browser that is made to send a segment which begins with SETUP, in the middle of something else."""
    talk = Talk(Rtsp().engine, "10.0.0.10:40000", "198.51.100.20:554")
    talk.open()
    talk.say(INSIDE, begins)
    talk.say(INSIDE, SETUP)
    talk.say(OUTSIDE, OK)
    assert talk.heard[OUTSIDE] == begins + SETUP
    assert list(talk.engine.state.doors) == []


def test_a_message_within_interleaved_media_is_none() -> None:
    rtsp = Rtsp()
    rtsp.asks("OPTIONS", "*")
    rtsp.answers()
    frame = b"$\0" + len(SETUP).to_bytes(2, "big") + SETUP
    assert rtsp.send(frame) == frame
    assert rtsp.send(OK, End.SERVER) == OK
    assert rtsp.doors == []


def test_a_message_in_the_body_of_another_is_none() -> None:
    rtsp = Rtsp()
    rtsp.asks("SET_PARAMETER", "*", "Content-Type: text/parameters", body=SETUP.decode())
    rtsp.send(OK, End.SERVER)
    assert rtsp.doors == []


def test_nobody_outside_can_blind_the_alg() -> None:
    rtsp = Rtsp()
    rtsp.asks("OPTIONS", "*")
    rtsp.send(b"\0\0\0\0", End.SERVER)
    assert rtsp.asks("SETUP", TRACK, f"Transport: {CLIENT_PORTS};destination={STRANGER}").count("203.0.113.1") == 1


def test_rtsp_within_http_is_recognised_and_passes() -> None:
    rtsp = Rtsp()
    get = b"GET /film HTTP/1.0\r\nx-sessioncookie: 7\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n"
    assert rtsp.send(get[:30]) == b""
    assert rtsp.send(get[30:]) == get
    assert rtsp.send(b"U0VUVVA=") == b"U0VUVVA="
    assert not rtsp.connection.inspected
    assert rtsp.notes == {"rtsp-over-http": 1}


def test_floods_are_bounded() -> None:
    rtsp = Rtsp(OVERLOAD + "ip nat service rtsp quota streams 2\nip nat service rtsp quota sessions 3\n")
    for number in range(400):
        rtsp.asks("OPTIONS", f"*{number}")
    assert rtsp.notes == {"too-many-requests": 400 - 256}
    for number in range(4):
        rtsp.sets_up(f"RTP/AVP;client_port={5_000 + 2 * number}-{5_001 + 2 * number}", "RTP/AVP", f"{FILM}/{number}")
    assert len(rtsp.doors) == 4
    assert rtsp.notes["too-many-streams"] == 2
    for number in range(4):
        rtsp.asks("SETUP", f"{FILM}/x", f"Transport: RTP/AVP;client_port={6_000 + 2 * number}")
        rtsp.answers("Transport: RTP/AVP", session=f"other{number}")
    assert len(rtsp.doors) == 8
    assert rtsp.notes["too-many-sessions"] == 2
    told = rtsp.asks("SETUP", f"{FILM}/x", f"Transport: {CLIENT_PORTS},RTP/AVP/TCP;interleaved=0-1")
    assert value(told, "Transport") == f"{NONE},RTP/AVP/TCP;interleaved=0-1"


def test_what_is_excessive_does_not_go_on() -> None:
    rtsp = Rtsp()
    assert rtsp.asks("SETUP", TRACK, "Transport: " + ",".join([CLIENT_PORTS] * 17)) == ""
    assert rtsp.asks("OPTIONS", "*", *["A: b"] * 256) == ""
    assert rtsp.engine.drops == {"rtsp: too-many-transports": 1, "rtsp: too-many-headers": 1}


@pytest.mark.parametrize(("policy", "told"), [("drop", NONE), ("pass", "RTP/AVP;client_port=99999")])
def test_what_cannot_be_read_may_pass(policy: str, told: str) -> None:
    rtsp = Rtsp(OVERLOAD + f"ip nat service rtsp malformed {policy}\n")
    assert rtsp.sets_up("RTP/AVP;client_port=99999", SERVER_PORTS)[0] == told
    assert rtsp.doors == []


def test_no_name_is_left() -> None:
    rtsp = Rtsp(OVERLOAD + "ip nat translation max-entries all-host 2\n")
    assert rtsp.sets_up(CLIENT_PORTS, SERVER_PORTS)[0] == NONE
    assert rtsp.notes == {"max-entries-of-host": 1}


def test_a_client_whose_media_would_have_another_address() -> None:
    rtsp = Rtsp(OVERLOAD + "ip nat inside source static tcp 10.0.0.10 40000 203.0.113.200 40000\n")
    assert rtsp.sets_up(CLIENT_PORTS, SERVER_PORTS)[0] == NONE
    assert rtsp.notes == {"other-address": 1}
    told, _ = rtsp.sets_up(f"{CLIENT_PORTS};destination=10.0.0.10", SERVER_PORTS, f"{FILM}/2")
    assert told == f"{CLIENT_PORTS};destination=203.0.113.1"


def test_a_mode_that_only_looks() -> None:
    asked = f"{CLIENT_PORTS};destination={STRANGER}"
    rtsp = Rtsp(OVERLOAD + "ip nat service rtsp mode observe\n")
    assert rtsp.sets_up(asked, SERVER_PORTS) == (asked, SERVER_PORTS)
    assert rtsp.doors == []
    assert rtsp.notes == {"would-rewrite": 1, "would-open-door": 2, "third-party-address": 1}
    rtsp = Rtsp(OVERLOAD + "ip nat service rtsp mode pinhole-only\n")
    assert rtsp.sets_up(asked, SERVER_PORTS) == (asked, SERVER_PORTS)
    assert len(rtsp.doors) == 2
    rtsp = Rtsp(OVERLOAD + "no ip nat service rtsp\n")
    assert rtsp.sets_up(asked, SERVER_PORTS) == (asked, SERVER_PORTS)
    assert rtsp.flows("198.51.100.20:6256", "203.0.113.1:4588", Side.OUTSIDE).startswith("dropped: ")
