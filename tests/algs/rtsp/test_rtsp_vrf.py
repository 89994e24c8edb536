"""RTSP of the same client in each of two VRFs, by the same ports: each is told of, and reached by, its own name."""

import random

import pytest

from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.realms import engines
from kit.rtsp import CLIENT_PORTS, FILM, Rtsp
from kit.vrf import OVERLOAD, OWN_OUTSIDES

SERVER = "198.51.100.20:6256"


def playing(engine: Engine) -> tuple[Rtsp, str]:
    """A client with media, and the port at which the server was told to send them."""
    rtsp = Rtsp(OVERLOAD, engine=engine)
    rtsp.now = 0.0
    told, _ = rtsp.sets_up(CLIENT_PORTS, "RTP/AVP;unicast;server_port=6256-6257")
    rtsp.asks("PLAY", FILM, "Session: 7")
    rtsp.answers(session="7")
    return rtsp, told.rpartition("=")[2].partition("-")[0]


def test_both_have_ports_of_their_own_behind_one_outside() -> None:
    made = engines(read_config(OVERLOAD, "test.cfg"), random.Random(1).random)
    (red, first), (blue, second) = (playing(made[vrf]) for vrf in ("red", "blue"))
    assert first == "4588"
    assert int(second) % 2 == 0
    assert second != first
    for rtsp, own, other in ((red, first, second), (blue, second, first)):
        assert rtsp.flows(SERVER, f"203.0.113.1:{other}").startswith("dropped: ")
        assert rtsp.flows(SERVER, f"203.0.113.1:{own}") == f"inside: udp {SERVER} > 10.0.0.10:4588"


@pytest.mark.parametrize("vrf", ["red", "blue"])
def test_both_have_the_same_ports_behind_outsides_of_their_own(vrf: str) -> None:
    made = engines(read_config(OWN_OUTSIDES, "test.cfg"), random.Random(1).random)
    rtsp, told = playing(made[vrf])
    assert told == "4588"
    assert rtsp.flows(SERVER, "203.0.113.1:4588") == f"inside: udp {SERVER} > 10.0.0.10:4588"


def test_the_end_of_a_session_in_one_is_nothing_to_the_other() -> None:
    """The servers may give the same name to both."""
    made = engines(read_config(OVERLOAD, "test.cfg"), random.Random(1).random)
    (red, _), (blue, second) = (playing(made[vrf]) for vrf in ("red", "blue"))
    red.asks("TEARDOWN", FILM, "Session: 7")
    red.answers(session="7")
    red.wait(3)
    assert red.doors == []
    assert len(blue.doors) == 2
    assert blue.flows(SERVER, f"203.0.113.1:{second}").startswith("inside: ")
