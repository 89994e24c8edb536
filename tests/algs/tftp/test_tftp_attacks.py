"""What the TFTP ALG refuses: strangers, second comers, ports that none may be led to, floods, and what is no TFTP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.firewall.doors import may_lead_to
from doorman.net.packet import UDP
from kit.sip import OVERLOAD
from kit.tftp import CLIENT, SERVED, STRANGER, Tftp, data, request

NAME, TRANSFER = "203.0.113.1:40000", "198.51.100.20:31000"
CUT_SHORT = [b"\0\1", b"\0\1boot.img", b"\0\1boot.img\0", b"\0\2boot.img\0octet", b"\0\1\0"]
OTHERS = [b"", b"\0", b"\0\0boot\0octet\0", b"\0\7x", b"\1\0x", b"REGISTER sip:x SIP/2.0\r\n", b"\x80\0" + bytes(40)]


def test_only_the_server_comes_in_and_only_once() -> None:
    tftp = Tftp()
    tftp.out(request())
    assert tftp.in_(data(1), f"{STRANGER}:31000", NAME) == "dropped: no-session-or-door"
    assert tftp.in_(data(1), TRANSFER, "203.0.113.1:40001") == "dropped: no-translation"
    assert tftp.in_(data(1), TRANSFER, NAME).startswith("inside: ")
    assert tftp.in_(data(1), "198.51.100.20:31001", NAME) == "dropped: no-session-or-door"


@pytest.mark.parametrize("port", [69, 1023, 2049, 5353])
def test_a_port_that_no_door_may_lead_to(port: int) -> None:
    tftp = Tftp()
    assert tftp.out(request(), f"10.0.0.10:{port}").startswith("outside: ")
    assert tftp.doors == []
    assert tftp.notes == {"port-not-allowed": 1}


def test_a_request_from_outside_opens_nothing() -> None:
    tftp = Tftp(SERVED)
    assert tftp.in_(request(), f"{STRANGER}:40000", "203.0.113.100:69").startswith("inside: ")
    tftp.out(b"hello", "10.0.0.10:40000", f"{STRANGER}:69")
    assert tftp.in_(request(), f"{STRANGER}:69", "203.0.113.100:40000").startswith("inside: ")
    assert tftp.doors == []


def test_what_a_server_sends_is_no_request() -> None:
    tftp = Tftp(SERVED)
    tftp.in_(b"\0\4\0\0", "198.51.100.20:40000", "203.0.113.100:69")
    tftp.out(request(), "10.0.0.10:69", "198.51.100.20:40000")
    assert (tftp.doors, tftp.requests) == ([], [])


@pytest.mark.parametrize("datagram", CUT_SHORT)
def test_a_request_that_is_cut_short(datagram: bytes) -> None:
    tftp = Tftp()
    assert tftp.out(datagram) == "dropped: tftp: request-cut-short"
    tftp = Tftp(OVERLOAD + "ip nat service tftp malformed pass\n")
    assert tftp.out(datagram).startswith("outside: ")
    assert tftp.notes == {"passed-as-it-came": 1}
    assert tftp.doors == []


@pytest.mark.parametrize("datagram", OTHERS)
def test_another_protocol_on_its_port(datagram: bytes) -> None:
    """It passes, and nothing on that flow is a request any more: neither may anybody be made to send one there."""
    tftp = Tftp()
    assert tftp.out(datagram).startswith("outside: ")
    if datagram:
        assert tftp.out(request()).startswith("outside: ")
        assert tftp.doors == []
        assert tftp.notes == {"not-tftp": 1}


def test_nobody_outside_can_blind_the_alg() -> None:
    tftp = Tftp()
    tftp.out(request())
    tftp.in_(b"no TFTP", "198.51.100.20:69", NAME)
    tftp.out(request())
    assert len(tftp.doors) == 1


def test_a_flood_of_requests_is_bounded_and_harms_nobody_else() -> None:
    tftp = Tftp(OVERLOAD + "ip nat service tftp quota requests 16\n")
    for number in range(100):
        assert tftp.out(request(), receiver=f"198.51.{number}.20:69").startswith("outside: ")
    assert len(tftp.doors) == len(tftp.requests) == 16
    assert tftp.notes == {"too-many-requests": 84}
    tftp.out(request(), "10.0.0.11:40000")
    assert len(tftp.doors) == 17
    tftp.wait(61)
    tftp.out(request())
    assert len(tftp.doors) == 1


def test_many_clients_may_ask_one_server_inside() -> None:
    tftp = Tftp(SERVED + "ip nat service tftp quota requests 16\n")
    for number in range(40):
        assert tftp.in_(request(), f"198.51.100.{number}:40000", "203.0.113.100:69").startswith("inside: ")
    assert tftp.notes == {}


def test_a_mode_that_only_looks() -> None:
    tftp = Tftp(OVERLOAD + "ip nat service tftp mode observe\n")
    tftp.out(request())
    assert tftp.doors == []
    assert tftp.notes == {"would-open-door": 1}


@given(st.binary(max_size=64), st.integers(1, 65_535))
def test_whatever_is_sent(datagram: bytes, port: int) -> None:
    """No error of ours, nothing is changed, and a door leads to its sender, at a harmless port, for whom it asked."""
    tftp = Tftp()
    left = tftp.out(datagram, f"10.0.0.10:{port}")
    assert left.startswith("outside: ") or left == "dropped: tftp: request-cut-short"
    for door in tftp.engine.state.doors.everyone():
        assert str(door.leads_to) == f"10.0.0.10:{port}"
        assert tftp.doors[0].startswith("198.51.100.20 > ")
        assert may_lead_to(UDP, port)


def test_the_name_of_a_file_may_hold_anything() -> None:
    tftp = Tftp()
    tftp.out(request("\x1b]0;x\x07", "octet"))
    assert tftp.requests[0]["client"] == CLIENT
    assert tftp.requests[0]["file"] == repr(b"\x1b]0;x\x07")
