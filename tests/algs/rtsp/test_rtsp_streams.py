"""Streams of a client or server inside: what is announced, what the other end reads, which doors open."""

import pytest

from doorman.engine.connections import End
from doorman.engine.results import Side
from kit.rtsp import CLIENT_PORTS, FILM, FORWARDED, OVERLOAD, SERVED, SERVER_PORTS, TRACK, Rtsp, value

SERVER_NAME = "203.0.113.100"
DOORS = ["198.51.100.20 > 203.0.113.1:4588 > 10.0.0.10:4588", "198.51.100.20 > 203.0.113.1:4589 > 10.0.0.10:4589"]


def taken() -> Rtsp:
    """A client inside whose port 4588 another host has outside."""
    rtsp = Rtsp()
    assert "203.0.113.1:4588" in rtsp.flows("10.0.0.11:4588", "192.0.2.9:80", Side.INSIDE)
    return rtsp


def test_a_client_inside() -> None:
    rtsp = Rtsp()
    assert rtsp.sets_up(CLIENT_PORTS, SERVER_PORTS) == (CLIENT_PORTS, SERVER_PORTS)
    assert rtsp.doors == DOORS
    assert rtsp.flows("198.51.100.20:6256", "203.0.113.1:4588") == "inside: udp 198.51.100.20:6256 > 10.0.0.10:4588"
    assert rtsp.flows("198.51.100.20:6257", "203.0.113.1:4589") == "inside: udp 198.51.100.20:6257 > 10.0.0.10:4589"
    assert rtsp.flows("10.0.0.10:4589", "198.51.100.20:6257", Side.INSIDE).startswith("outside: udp 203.0.113.1:4589 >")
    assert rtsp.doors == []


def test_no_door_before_the_server_has_agreed() -> None:
    rtsp = Rtsp()
    rtsp.asks("SETUP", TRACK, f"Transport: {CLIENT_PORTS}")
    assert rtsp.doors == []
    rtsp.answers(f"Transport: {SERVER_PORTS}", status="461 Unsupported Transport")
    assert rtsp.doors == []
    rtsp.answers(f"Transport: {SERVER_PORTS}", session="7")
    assert rtsp.doors == [], "that was answered before"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (CLIENT_PORTS, SERVER_PORTS),
        ("RTP/AVP;unicast;client_port=4588", "RTP/AVP;unicast;client_port=4588;server_port=6256"),
        ('RTP/AVP/UDP;unicast;dest_addr=":4588"/":4589"', 'RTP/AVP/UDP;unicast;dest_addr=":4588"/":4589"'),
        (
            'RTP/AVP;unicast;dest_addr="10.0.0.10:4588"/"10.0.0.10:4589"',
            'RTP/AVP;unicast;dest_addr="203.0.113.1:4588"/"203.0.113.1:4589"',
        ),
        (
            "RTP/AVP;unicast;destination=10.0.0.10;client_port=4588-4589",
            "RTP/AVP;unicast;destination=203.0.113.1;client_port=4588-4589;source=198.51.100.20;server_port=1-2",
        ),
    ],
)
def test_ports_that_are_taken_outside_get_others_and_stay_a_pair(asked: str, answered: str) -> None:
    rtsp = taken()
    told, _ = rtsp.sets_up(asked, answered)
    first, second = (int(door.split(" > ")[1].rpartition(":")[2]) for door in rtsp.doors)
    assert (first % 2, second, first != 4588) == (0, first + 1, True)
    wanted = asked.replace("4588", str(first)).replace("4589", str(second)).replace("10.0.0.10", "203.0.113.1")
    assert told == wanted
    rtsp.asks("SETUP", TRACK, f"Transport: {asked}", "Session: 7")
    outside = answered.replace("4588", str(first)).replace("4589", str(second))
    heard = value(rtsp.answers(f"Transport: {outside}", session="7"), "Transport")
    assert heard == answered.replace("203.0.113.1", "10.0.0.10")


def test_a_client_that_begins_on_an_odd_port() -> None:
    rtsp = Rtsp()
    told, _ = rtsp.sets_up("RTP/AVP;unicast;client_port=4587-4588", "RTP/AVP;unicast")
    first = int(told.rpartition("=")[2].partition("-")[0])
    assert first % 2 == 0
    assert rtsp.doors[0] == f"198.51.100.20 > 203.0.113.1:{first} > 10.0.0.10:4587"


def test_several_transports_in_one_header_and_the_one_that_was_chosen() -> None:
    choice = "RTP/AVPF;unicast;client_port=4588-4589,RTP/AVP;unicast;client_port=4600-4601, RTP/AVP/TCP;interleaved=0-1"
    rtsp = Rtsp()
    chosen = "RTP/AVP;unicast;client_port=4600-4601;server_port=6256-6257"
    assert rtsp.sets_up(choice, chosen) == (choice, chosen)
    assert [door.rpartition(":")[2] for door in rtsp.doors] == ["4600", "4601"]
    other = Rtsp()
    other.sets_up(choice, "RTP/AVP/TCP;unicast;interleaved=0-1")
    assert other.doors == []


@pytest.mark.parametrize("answered", ["", "Transport: RTP/AVP;unicast", "Transport: RTP/AVP;unicast;server_port=6256"])
def test_a_server_that_does_not_repeat_what_it_chose(answered: str) -> None:
    rtsp = Rtsp()
    rtsp.asks("SETUP", TRACK, f"Transport: {CLIENT_PORTS}")
    rtsp.answers(*filter(None, [answered]), session="7")
    assert rtsp.doors == DOORS


@pytest.mark.parametrize(
    ("source", "visitor"),
    [
        ("source=198.51.100.21", "198.51.100.21"),
        ("source=192.168.7.7", "198.51.100.20"),
        ("source=0.0.0.0", "198.51.100.20"),
        ("source=media.example", "198.51.100.20"),
        ('src_addr="198.51.100.21:6256"/"198.51.100.21:6257"', "198.51.100.21"),
    ],
)
def test_media_come_from_where_the_server_says(source: str, visitor: str) -> None:
    rtsp = Rtsp()
    _, heard = rtsp.sets_up(CLIENT_PORTS, f"{SERVER_PORTS};{source}")
    assert heard == f"{SERVER_PORTS};{source}"
    assert [door.partition(" > ")[0] for door in rtsp.doors] == [visitor] * 2


def test_a_server_inside() -> None:
    rtsp = Rtsp(SERVED, server_inside=True)
    url = f"rtsp://{SERVER_NAME}/film"
    assert rtsp.asks("DESCRIBE", url).startswith("DESCRIBE rtsp://10.0.0.10/film RTSP/1.0\r\n")
    heard = rtsp.answers("Content-Base: rtsp://10.0.0.10/film/", "Content-Location: rtsp://10.0.0.10:554/film")
    assert value(heard, "Content-Base") == f"rtsp://{SERVER_NAME}/film/"
    assert value(heard, "Content-Location") == f"rtsp://{SERVER_NAME}:554/film"
    asked = "RTP/AVP;unicast;client_port=50006-50007"
    answered = f"{asked};server_port=6256-6257;source=10.0.0.10"
    assert rtsp.sets_up(asked, answered) == (asked, answered.replace("10.0.0.10", SERVER_NAME))
    assert rtsp.doors == [f"198.51.100.20 > {SERVER_NAME}:{port} > 10.0.0.10:{port}" for port in (6256, 6257)]
    assert rtsp.flows("198.51.100.20:50007", f"{SERVER_NAME}:6257").endswith("> 10.0.0.10:6257")
    assert rtsp.flows("10.0.0.10:6256", "198.51.100.20:50006", Side.INSIDE).startswith(
        f"outside: udp {SERVER_NAME}:6256 >"
    )


def test_a_server_behind_a_port_of_the_shared_address() -> None:
    rtsp = Rtsp(FORWARDED, server_inside=True)
    rtsp.flows("10.0.0.11:6256", "192.0.2.9:80", Side.INSIDE)
    assert rtsp.asks("DESCRIBE", "rtsp://203.0.113.1:8554/film").startswith("DESCRIBE rtsp://10.0.0.10/film ")
    heard = rtsp.answers("Content-Base: rtsp://10.0.0.10/film/", "Location: rtsp://10.0.0.10:554/")
    assert value(heard, "Content-Base") == "rtsp://203.0.113.1:8554/film/"
    assert value(heard, "Location") == "rtsp://203.0.113.1:8554/"
    asked = "RTP/AVP;unicast;client_port=50006-50007"
    _, heard = rtsp.sets_up(asked, f"{asked};server_port=6256-6257")
    first = int(heard.rpartition("=")[2].partition("-")[0])
    assert heard == f"{asked};server_port={first}-{first + 1}"
    assert first % 2 == 0
    assert first != 6256
    assert rtsp.doors[0] == f"198.51.100.20 > 203.0.113.1:{first} > 10.0.0.10:6256"


def test_a_server_that_knows_its_name_outside() -> None:
    rtsp = Rtsp(SERVED, server_inside=True)
    answered = f"RTP/AVP;client_port=50006-50007;server_port=6256-6257;source={SERVER_NAME}"
    assert rtsp.sets_up("RTP/AVP;client_port=50006-50007", answered)[1] == answered
    assert rtsp.doors[0] == f"198.51.100.20 > {SERVER_NAME}:6256 > 10.0.0.10:6256"


def test_another_media_server_inside_is_named_and_gets_no_doors() -> None:
    rtsp = Rtsp(SERVED + "ip nat inside source static 10.0.0.11 203.0.113.101\n", server_inside=True)
    answered = "RTP/AVP;client_port=50006-50007;server_port=6256-6257;source={}"
    _, heard = rtsp.sets_up("RTP/AVP;client_port=50006-50007", answered.format("10.0.0.11"))
    assert heard == answered.format("203.0.113.101")
    assert rtsp.doors == []


SDP = """v=0
o=- 2890844526 2890842807 IN IP4 {host}
s=film
c=IN IP4 {host}
a=control:rtsp://{host}/film
m=video 5000 RTP/AVP 96
a=rtcp:5001 IN IP4 {host}
a=control:rtsp://{host}:554/film/trackID=1"""


@pytest.mark.parametrize("method", ["DESCRIBE", "ANNOUNCE", "GET_PARAMETER"])
def test_descriptions_and_their_length(method: str) -> None:
    rtsp = Rtsp(SERVED, server_inside=True)
    rtsp.asks(method, f"rtsp://{SERVER_NAME}/film")
    heard = rtsp.answers("Content-Type: application/sdp", body=SDP.format(host="10.0.0.10"))
    assert heard.partition("\r\n\r\n")[2] == SDP.format(host=SERVER_NAME).replace("\n", "\r\n") + "\r\n"
    assert rtsp.doors == []


def test_a_description_that_a_client_brings() -> None:
    rtsp = Rtsp()
    heard = rtsp.asks("ANNOUNCE", FILM, "Content-Type: application/sdp", body=SDP.format(host="10.0.0.10"))
    assert "10.0.0.10" not in heard.replace("a=control:rtsp://10.0.0.10", "")
    rtsp.answers()
    recorded = "RTP/AVP/UDP;unicast;client_port=4588-4589;mode=record"
    rtsp.sets_up(recorded, f"{recorded};server_port=6256-6257")
    rtsp.asks("RECORD", FILM, "Session: 7")
    rtsp.answers(session="7")
    assert rtsp.doors == DOORS
    [session] = rtsp.engine.inspector.algs["rtsp"].sessions(rtsp.now)
    assert session["state"] == "recording"


def test_what_else_may_stand_in_bodies_and_headers() -> None:
    rtsp = Rtsp(SERVED, server_inside=True)
    rtsp.asks("PLAY", f"rtsp://{SERVER_NAME}/film", "Session: 7", f"Referer: rtsp://{SERVER_NAME}/")
    info = "url=rtsp://{0}/film/1;seq=1,url=rtsp://{0}/film/2;seq=5"
    heard = rtsp.answers(f"RTP-Info: {info.format('10.0.0.10')}", session="7")
    assert value(heard, "RTP-Info") == info.format(SERVER_NAME)
    rtsp.asks("SET_PARAMETER", "*")
    heard = rtsp.answers("Content-Type: text/parameters", body="url: rtsp://10.0.0.10/film")
    assert heard.endswith(f"url: rtsp://{SERVER_NAME}/film\r\n")
    for kind in ("image/jpeg", "application/sdp\r\nContent-Encoding: gzip"):
        rtsp.asks("DESCRIBE", "*")
        assert rtsp.answers(f"Content-Type: {kind}", body="rtsp://10.0.0.10/").endswith("\r\nrtsp://10.0.0.10/\r\n")
    assert rtsp.notes == {"encoded-body": 1}


def test_a_description_that_cannot_be_read_is_left() -> None:
    rtsp = Rtsp(SERVED, server_inside=True)
    rtsp.asks("DESCRIBE", "*")
    said = "v=0\no=- 1 1 IN IP4 10.0.0.10\nm=video 99999 RTP/AVP 96\na=control:rtsp://10.0.0.10/1"
    heard = rtsp.answers("Content-Type: application/sdp", body=said).partition("\r\n\r\n")[2]
    assert heard.splitlines() == said.replace("rtsp://10.0.0.10", f"rtsp://{SERVER_NAME}").splitlines()
    assert rtsp.notes == {"sdp-media-line": 1}


@pytest.mark.parametrize(
    "transport",
    [
        "RTP/AVP/TCP;unicast;interleaved=0-1",
        "RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001;ttl=16",
        "RTP/AVP;destination=239.1.2.3;client_port=5000-5001",
        "RTP/AVP;unicast",
        "x-pn-tng/tcp",
    ],
)
def test_what_announces_nothing_stays(transport: str) -> None:
    rtsp = Rtsp()
    answered = f"{transport};ssrc=1234;source=198.51.100.20"
    assert rtsp.sets_up(transport, answered) == (transport, answered)
    assert rtsp.doors == []
    assert not rtsp.notes


def test_media_between_messages_pass_untouched() -> None:
    rtsp = Rtsp()
    rtsp.sets_up("RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP/TCP;unicast;interleaved=0-1")
    media = b"$\0\x05\xb4" + bytes(1_460)
    parts = [media * 40, media[:700], media[700:] + b"$", b"\1\0\x02xy"]
    assert [rtsp.send(part, End.SERVER) for part in parts] == [*parts[:2], media[700:], b"$\1\0\x02xy"]
    assert rtsp.asks("PLAY", FILM, "Session: 7").startswith(f"PLAY {FILM} RTSP/1.0\r\n")
    assert rtsp.send(b"$\1\0\x02xy") == b"$\1\0\x02xy"
    [session] = rtsp.engine.inspector.algs["rtsp"].sessions(rtsp.now)
    assert session["transport"] == "interleaved"


def test_media_over_tcp_of_their_own() -> None:
    rtsp = Rtsp()
    rtsp.sets_up("RTP/AVP/TCP;unicast;client_port=4588", "RTP/AVP/TCP;unicast;client_port=4588;server_port=6256")
    assert rtsp.comes("198.51.100.20:6256", "203.0.113.1:4588") == "inside: tcp 198.51.100.20:6256 > 10.0.0.10:4588"


def test_what_is_not_rtp_has_one_port() -> None:
    rtsp = Rtsp()
    rtsp.sets_up("x-real-rdt/udp;client_port=4588;mode=play", "x-real-rdt/udp;client_port=4588;server_port=6256")
    assert rtsp.doors == DOORS[:1]
    assert [door.role for door in rtsp.engine.state.doors] == ["data"]


def test_a_server_may_ask_as_well() -> None:
    rtsp = Rtsp()
    rtsp.sets_up(CLIENT_PORTS, SERVER_PORTS)
    heard = rtsp.asks("ANNOUNCE", FILM, "Session: 7", end=End.SERVER)
    assert heard.startswith(f"ANNOUNCE {FILM} RTSP/1.0\r\n")
    rtsp.answers(session="7", end=End.CLIENT)
    rtsp.asks("TEARDOWN", FILM, "Session: 7", end=End.SERVER)
    rtsp.answers(session="7", status="405 No", end=End.CLIENT)
    assert rtsp.doors == DOORS


def test_a_host_without_a_translation_is_left_alone() -> None:
    rtsp = Rtsp(OVERLOAD.replace("permit 10.0.0.0 0.0.0.255", "permit 10.0.0.128 0.0.0.127"))
    asked = "RTP/AVP;unicast;destination=10.0.0.10;client_port=4588-4589"
    assert rtsp.sets_up(asked, f"{asked};server_port=6256-6257") == (asked, f"{asked};server_port=6256-6257")
    assert rtsp.doors == []


def test_several_messages_in_one_go_and_one_in_many() -> None:
    rtsp = taken()
    setup = f"SETUP {TRACK} RTSP/1.0\r\nCSeq: 1\r\nTransport: {CLIENT_PORTS}\r\n\r\n".encode()
    other = setup.replace(b"CSeq: 1", b"CSeq: 2").replace(b"4588-4589", b"4600-4601")
    whole = rtsp.send(setup + other)
    assert b"client_port=4600-4601" in whole
    assert b"4588" not in whole
    again = taken()
    assert b"".join(again.send(bytes([byte])) for byte in setup + other) == whole


def test_the_source_of_a_server_whose_media_have_another_address() -> None:
    """Its client would take them to come from where it connected to."""
    config = OVERLOAD + "ip nat inside source static tcp 10.0.0.10 554 203.0.113.200 554\n"
    rtsp = Rtsp(config, server_inside=True, server="203.0.113.200:554")
    asked = "RTP/AVP;unicast;client_port=50006-50007"
    _, heard = rtsp.sets_up(asked, f"{asked};server_port=6256-6257")
    assert heard == f"{asked};server_port=6256-6257;source=203.0.113.1"
