"""Sessions: which doors close when, what keeps them open, and what is known of them after a restart."""

import random

import pytest

from doorman.algs.api import Owner, Plain
from doorman.algs.records import DamagedRecord
from doorman.algs.rtsp.alg import RtspAlg
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.engine.snapshot import restore
from doorman.net.addresses import address_of
from kit.rtsp import CLIENT_PORTS, FILM, OVERLOAD, SERVER_PORTS, TRACK, Rtsp
from kit.saved import everything

HOST = address_of("10.0.0.10")

SOUND = f"{FILM}/trackID=2"
SOUND_PORTS = "RTP/AVP;unicast;client_port=4590-4591"
SERVER, NAME = "198.51.100.20:6256", "203.0.113.1:4588"


def playing(config: str = OVERLOAD, session: str = "7") -> Rtsp:
    """A session with two streams."""
    rtsp = Rtsp(config)
    rtsp.sets_up(CLIENT_PORTS, SERVER_PORTS, session=session)
    rtsp.sets_up(SOUND_PORTS, "RTP/AVP;unicast;server_port=6258-6259", SOUND, session=session)
    said(rtsp, "PLAY")
    assert len(rtsp.doors) == 4
    return rtsp


def said(rtsp: Rtsp, method: str, url: str = FILM, status: str = "200 OK") -> None:
    rtsp.asks(method, url, "Session: 7")
    rtsp.answers(session="7", status=status)


def state(rtsp: Rtsp) -> list[tuple[object, object]]:
    return [(one["state"], one["streams"]) for one in rtsp.engine.inspector.algs["rtsp"].sessions(rtsp.now)]


def test_what_is_known_of_a_session() -> None:
    rtsp = playing(session="7;timeout=30")
    [found] = rtsp.engine.inspector.algs["rtsp"].sessions(rtsp.now + 5)
    assert {key: str(value) for key, value in found.items()} == {
        "client": "10.0.0.10:40000",
        "server": "198.51.100.20:554",
        "session": "b'7'",
        "state": "playing",
        "age": "5.0",
        "streams": "2",
        "transport": "udp",
        "client_media": "10.0.0.10:4588",
        "server_media": "198.51.100.20:6256",
        "url": f"b'{TRACK}'",
    }
    assert rtsp.engine.inspector.algs["rtsp"].totals() == {"sessions": 1, "streams": 2}
    said(rtsp, "PAUSE")
    assert state(rtsp) == [("ready", "2")]


def test_teardown_closes_all() -> None:
    rtsp = playing()
    assert rtsp.flows(SERVER, NAME).startswith("inside: ")
    said(rtsp, "TEARDOWN")
    rtsp.wait(1)
    assert rtsp.flows(SERVER, NAME).startswith("inside: "), "what is late"
    rtsp.wait(2)
    assert not rtsp.doors
    assert not state(rtsp)
    assert rtsp.flows(SERVER, NAME).startswith("dropped: ")


def test_teardown_of_one_stream() -> None:
    rtsp = playing()
    said(rtsp, "TEARDOWN", SOUND)
    rtsp.wait(3)
    assert [door.rpartition(":")[2] for door in rtsp.doors] == ["4588", "4589"]
    assert state(rtsp) == [("playing", "1")]
    said(rtsp, "TEARDOWN", TRACK)
    rtsp.wait(3)
    assert not rtsp.doors
    assert not state(rtsp)


def test_a_teardown_that_is_refused_closes_nothing() -> None:
    rtsp = playing()
    said(rtsp, "TEARDOWN", status="401 Unauthorized")
    rtsp.wait(3)
    assert len(rtsp.doors) == 4


def test_a_server_that_does_not_know_the_session_any_more() -> None:
    rtsp = playing()
    said(rtsp, "GET_PARAMETER", status="454 Session Not Found")
    rtsp.wait(3)
    assert not rtsp.doors
    assert not state(rtsp)


def test_another_transport_for_the_same_stream() -> None:
    rtsp = playing()
    rtsp.sets_up("RTP/AVP;unicast;client_port=4600-4601", "RTP/AVP;unicast;server_port=6256-6257")
    rtsp.wait(1)
    assert sorted(int(door.rpartition(":")[2]) for door in rtsp.doors) == [4590, 4591, 4600, 4601]
    rtsp.sets_up("RTP/AVP/TCP;interleaved=0-1", "RTP/AVP/TCP;interleaved=0-1")
    rtsp.wait(1)
    assert sorted(int(door.rpartition(":")[2]) for door in rtsp.doors) == [4590, 4591]


def test_a_session_ends_in_silence() -> None:
    rtsp = playing(session="7;timeout=30")
    rtsp.wait(39)
    assert len(rtsp.doors) == 4
    rtsp.wait(3)
    assert len(rtsp.doors) == 4, "its media may keep it"
    rtsp.wait(31)
    assert rtsp.doors == []
    assert rtsp.notes == {"inactive-media": 1}


@pytest.mark.parametrize(("line", "seconds"), [("", 60), ("ip nat service rtsp session-timeout 20\n", 20)])
def test_a_server_that_names_no_time(line: str, seconds: int) -> None:
    rtsp = playing(OVERLOAD + line)
    rtsp.wait(seconds + 38)
    assert len(rtsp.doors) == 4
    rtsp.wait(5)
    rtsp.wait(31)
    assert rtsp.doors == []


def test_messages_keep_a_session_that_rests() -> None:
    """Its flows are forgotten meanwhile; with PLAY they may come again."""
    rtsp = playing(OVERLOAD + "ip nat translation udp-timeout 60\n")
    rtsp.flows(SERVER, NAME)
    said(rtsp, "PAUSE")
    for _ in range(10):
        rtsp.wait(50)
        said(rtsp, "GET_PARAMETER")
    assert len(rtsp.doors) == 3
    assert rtsp.flows("198.51.100.20:6300", NAME).startswith("dropped: ")
    said(rtsp, "PLAY")
    assert len(rtsp.doors) == 4
    assert rtsp.flows("198.51.100.20:6300", NAME).startswith("inside: ")


def test_media_keep_a_session_about_which_nothing_is_said() -> None:
    """Clients may keep a session alive by RTCP (RFC 7826, section 10.5)."""
    rtsp = playing()
    for _ in range(100):
        rtsp.flows("198.51.100.20:6257", "203.0.113.1:4589")
        rtsp.wait(10)
    assert len(rtsp.doors) == 3
    assert rtsp.flows(SERVER, NAME).startswith("inside: ")
    rtsp.wait(31)
    rtsp.wait(1)
    assert rtsp.doors == []


def test_the_end_of_a_connection_does_not_end_its_session() -> None:
    rtsp = playing()
    rtsp.connection.close(rtsp.now)
    assert len(rtsp.doors) == 4
    again = Rtsp(engine=rtsp.engine, client="10.0.0.10:40002")
    again.now = rtsp.now + 30
    again.wait(0)
    said(again, "PAUSE")
    assert state(again) == [("ready", "2")]
    said(again, "TEARDOWN")
    again.wait(3)
    assert not again.doors
    assert not state(again)


def test_nobody_goes_on_with_the_session_of_another_client() -> None:
    rtsp = playing()
    for other in (
        Rtsp(engine=rtsp.engine, client="10.0.0.11:40002"),
        Rtsp(engine=rtsp.engine, server="192.0.2.66:554"),
    ):
        said(other, "TEARDOWN")
        other.wait(3)
        assert len(rtsp.doors) == 4


def test_a_session_without_a_name_ends_with_its_connection() -> None:
    rtsp = Rtsp()
    rtsp.asks("SETUP", TRACK, f"Transport: {CLIENT_PORTS}")
    rtsp.answers(f"Transport: {SERVER_PORTS}")
    assert len(rtsp.doors) == 2
    rtsp.connection.close(rtsp.now)
    rtsp.wait(3)
    assert not rtsp.doors
    assert not state(rtsp)


def test_a_client_that_ends_its_session_and_does_not_wait_for_the_answer() -> None:
    rtsp = playing()
    rtsp.asks("TEARDOWN", FILM, "Session: 7")
    rtsp.connection.close(rtsp.now)
    rtsp.wait(3)
    assert not rtsp.doors
    assert not state(rtsp)


def test_interleaved_media_end_with_their_connection() -> None:
    rtsp = Rtsp()
    rtsp.sets_up("RTP/AVP/TCP;interleaved=0-1", "RTP/AVP/TCP;interleaved=0-1")
    assert state(rtsp) == [("ready", "1")]
    rtsp.connection.close(rtsp.now)
    assert not state(rtsp)


def test_the_connection_of_a_long_play_does_not_end() -> None:
    rtsp = playing(OVERLOAD + "ip nat translation tcp-timeout 300\n")
    [control] = [one for one in rtsp.engine.state.sessions if one.alg == "rtsp"]
    for _ in range(100):
        rtsp.flows("198.51.100.20:6257", "203.0.113.1:4589")
        rtsp.wait(20)
    assert rtsp.connection.alive
    said(rtsp, "TEARDOWN")
    assert not control.waits_for
    rtsp.wait(301)
    assert not rtsp.connection.alive


def test_a_connection_waits_for_nothing_once_its_doors_are_closed() -> None:
    rtsp = playing()
    assert len(list(rtsp.engine.state.waiting)) == 1
    for seconds in (71, 31, 1):
        rtsp.wait(seconds)
    assert rtsp.connection.alive
    assert not list(rtsp.engine.state.waiting)


def test_a_connection_waits_for_each_of_its_sessions() -> None:
    """The newest is over, the one before it plays on: the connection of both goes on with that."""
    rtsp = playing(OVERLOAD + "ip nat translation tcp-timeout 300\n")
    rtsp.asks("SETUP", f"{FILM}/other", "Transport: RTP/AVP;unicast;client_port=4600-4601")
    rtsp.answers("Transport: RTP/AVP;unicast;client_port=4600-4601;server_port=6300-6301", session="8")
    rtsp.asks("TEARDOWN", FILM, "Session: 8")
    rtsp.answers(session="8")
    for _ in range(100):
        rtsp.flows("198.51.100.20:6257", "203.0.113.1:4589")
        rtsp.wait(20)
    assert rtsp.connection.alive
    said(rtsp, "TEARDOWN")
    rtsp.wait(301)
    assert not rtsp.connection.alive


def test_sessions_that_are_over_are_waited_for_no_longer() -> None:
    rtsp = playing()
    [control] = [one for one in rtsp.engine.state.sessions if one.alg == "rtsp"]
    for number in range(8, 40):
        ports = f"client_port={4600 + 2 * number}-{4601 + 2 * number}"
        rtsp.asks("SETUP", f"{FILM}/{number}", f"Transport: RTP/AVP;unicast;{ports}")
        rtsp.answers(f"Transport: RTP/AVP;unicast;{ports};server_port=6300-6301", session=f"{number};timeout=1")
        rtsp.wait(50)
    assert len(control.waits_for) < 5


def test_it_ends_soon_after_its_media() -> None:
    rtsp = playing(OVERLOAD + "ip nat translation tcp-timeout 300\n")
    rtsp.flows(SERVER, NAME)
    for _ in range(4):
        rtsp.wait(100)
    assert rtsp.doors == []
    assert not rtsp.connection.alive


def test_a_session_goes_on_after_a_restart() -> None:
    rtsp = playing()
    rtsp.flows(SERVER, NAME)
    saved = everything(rtsp.engine)
    engine = Engine(read_config(OVERLOAD, "f"), random.Random(8).random)
    restored = restore(engine, saved, rtsp.now)
    assert restored.adopted == {"binding": 5, "doors": 4, "rtsp": 1}
    assert not restored.refused
    again = Rtsp(engine=engine, client="10.0.0.10:40002")
    again.wait(20)
    assert len(again.doors) == 3
    assert state(again) == state(rtsp) == [("playing", "2")]
    said(again, "PLAY")
    assert again.flows(SERVER, NAME, Side.OUTSIDE).startswith("inside: ")
    said(again, "TEARDOWN")
    again.wait(3)
    assert again.doors == []
    assert restore(engine, saved, rtsp.now).refused["record-damaged"] == 0
    assert restore(engine, saved, rtsp.now).refused["record-damaged"] == 1, "one record of a session"


def test_a_session_that_nobody_goes_on_with_after_a_restart() -> None:
    rtsp = playing()
    engine = Engine(read_config(OVERLOAD, "f"), random.Random(8).random)
    restore(engine, everything(rtsp.engine), rtsp.now)
    again = Rtsp(engine=engine, client="10.0.0.10:40002")
    for seconds in (1, 71, 31, 1):
        again.wait(seconds)
    assert not again.doors
    assert not state(again)


OWNER: list[Plain] = ["rtsp", b"7 x", HOST]
SESSION: list[Plain] = [b"7", [HOST, 1], [b"1234", 554], b"", 0.0, "playing", 60.0, 60.0, {}]


def test_a_session_by_its_record() -> None:
    """What the next test damages is one."""
    assert list(RtspAlg(frozenset({554})).restore(OWNER, SESSION, [])) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (OWNER[:2], []),
        (OWNER, []),
        (["rtsp", b"7 x", b"nobody"], None),
        (["sip", b"7 x", HOST], SESSION),
        (OWNER, [*SESSION[:8], None]),
        (OWNER, [*SESSION[:5], "dancing", 60.0, 60.0, {}]),
        (OWNER, [*SESSION[:4], "x", *SESSION[5:]]),
    ],
)
def test_damaged_records(key: Plain, value: Plain) -> None:
    with pytest.raises(DamagedRecord):
        RtspAlg(frozenset({554})).restore(key, value, [Owner("rtsp", b"7", HOST)])
