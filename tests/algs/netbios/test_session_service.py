"""NetBIOS's session service: a call that is sent elsewhere, and all that is none of the gateway's business."""

import random

import pytest

from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection, End
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from kit.netbios import CALL, retarget
from kit.packets import endpoint, shown, tcp
from kit.sip import OVERLOAD, STATIC

TWO = STATIC + "ip nat inside source static 10.0.0.11 203.0.113.101\n"
FORWARDED = OVERLOAD + "ip nat inside source static tcp 10.0.0.10 139 interface out0 139\n"
CLIENT = "198.51.100.20:50000"
NOWHERE = retarget("0.0.0.0", 0)


class Calls:
    """A server inside that a client outside calls."""

    def __init__(self, config: str, server: str) -> None:
        self.engine = Engine(read_config(config, "test.cfg"), random.Random(7).random)
        self.connection: Connection = connect(self.engine, endpoint(CLIENT), endpoint(server), Side.OUTSIDE, 1000.0)

    def send(self, data: bytes, end: End) -> bytes:
        return self.connection.receive(data, end, 1000.0).data

    def comes(self, sender: str, receiver: str) -> str:
        result = self.engine.receive(tcp(sender, receiver), Side.OUTSIDE, 1001.0)
        return result.reason if result.fate == Fate.DROPPED else shown(result.packet)


@pytest.mark.parametrize(
    ("config", "server", "name"),
    [(STATIC, "203.0.113.100:139", "203.0.113.100"), (FORWARDED, "203.0.113.1:139", "203.0.113.1")],
)
def test_a_call_is_sent_to_another_port_of_its_server(config: str, server: str, name: str) -> None:
    calls = Calls(config, server)
    assert calls.send(CALL, End.CLIENT) == CALL
    assert calls.send(retarget("10.0.0.10", 5000), End.SERVER) == retarget(name, 5000)
    [door] = calls.engine.state.doors
    assert (door.flows, door.closes) == (1, 1060.0)
    if config == FORWARDED:
        assert calls.comes("192.0.2.66:50001", f"{name}:5000") == "no-session-or-door"
    assert calls.comes("198.51.100.20:50001", f"{name}:5000") == "tcp 198.51.100.20:50001 > 10.0.0.10:5000"


def test_a_host_with_a_name_of_its_own_needs_no_door() -> None:
    calls = Calls(TWO, "203.0.113.100:139")
    calls.send(CALL, End.CLIENT)
    assert calls.send(retarget("10.0.0.11", 139), End.SERVER) == retarget("203.0.113.101", 139)
    assert not list(calls.engine.state.doors)


@pytest.mark.parametrize(
    ("target", "note"), [(("10.0.0.99", 5000), "third-party-address"), (("10.0.0.10", 22), "port-not-allowed")]
)
def test_nobody_is_led_to_another_host_or_to_a_well_known_port(target: tuple[str, int], note: str) -> None:
    calls = Calls(FORWARDED, "203.0.113.1:139")
    calls.send(CALL, End.CLIENT)
    assert calls.send(retarget(*target), End.SERVER) == NOWHERE
    assert calls.engine.state.notes == {note: 1}
    assert not list(calls.engine.state.doors)


def test_a_client_opens_nothing() -> None:
    calls = Calls(FORWARDED, "203.0.113.1:139")
    assert calls.send(retarget("10.0.0.10", 5000), End.CLIENT) == retarget("10.0.0.10", 5000)
    assert not list(calls.engine.state.doors)


def test_a_client_inside_opens_nothing_either() -> None:
    engine = Engine(read_config(OVERLOAD, "test.cfg"), random.Random(7).random)
    connection = connect(engine, endpoint("10.0.0.10:40000"), endpoint("198.51.100.20:139"), Side.INSIDE, 1000.0)
    told = retarget("10.0.0.10", 5000)
    assert connection.receive(told, End.CLIENT, 1000.0).data == told
    assert not list(engine.state.doors)


def test_a_server_outside_sends_its_client_where_it_likes() -> None:
    engine = Engine(read_config(OVERLOAD, "test.cfg"), random.Random(7).random)
    connection = connect(engine, endpoint("10.0.0.10:40000"), endpoint("198.51.100.20:139"), Side.INSIDE, 1000.0)
    assert connection.receive(CALL, End.CLIENT, 1000.0).data == CALL
    told = retarget("198.51.100.21", 5000)
    assert connection.receive(told, End.SERVER, 1000.0).data == told
    assert not list(engine.state.doors)


def test_once_a_session_is_established_nothing_is_looked_into() -> None:
    calls = Calls(FORWARDED, "203.0.113.1:139")
    calls.send(CALL, End.CLIENT)
    assert calls.send(b"\x82\x00\x00\x00", End.SERVER) == b"\x82\x00\x00\x00"
    large = b"\x00\x01\x00\x00" + bytes(65_536)
    assert calls.send(large, End.CLIENT) == large
    assert calls.send(retarget("10.0.0.10", 5000), End.SERVER) == retarget("10.0.0.10", 5000)
    assert not list(calls.engine.state.doors)


def test_packets_arrive_byte_by_byte_and_many_at_once() -> None:
    for cut in (1, 1_000):
        calls = Calls(FORWARDED, "203.0.113.1:139")
        said = b"".join(calls.send(CALL[at : at + cut], End.CLIENT) for at in range(0, len(CALL), cut))
        assert said == CALL
        answers = b"\x85\x00\x00\x00" + retarget("10.0.0.10", 5000)
        first = b"\x83\x00\x00\x01\x80"  # not listening on called name
        stream = first + answers
        heard = b"".join(calls.send(stream[at : at + cut], End.SERVER) for at in range(0, len(stream), cut))
        assert heard == first + b"\x85\x00\x00\x00" + retarget("203.0.113.1", 5000)


@pytest.mark.parametrize("begin", [b"POST / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x90\xffSMB", b"\x81\x02\x00\x44"])
def test_a_stream_that_begins_otherwise_is_never_looked_into(begin: bytes) -> None:
    calls = Calls(FORWARDED, "203.0.113.1:139")
    assert calls.send(begin, End.SERVER) == begin
    assert calls.send(retarget("10.0.0.10", 5000), End.SERVER) == retarget("10.0.0.10", 5000)
    assert not list(calls.engine.state.doors)
    assert calls.engine.state.notes["not-netbios"] == 1


def test_a_retarget_response_of_another_length_is_refused() -> None:
    calls = Calls(FORWARDED, "203.0.113.1:139")
    calls.send(CALL, End.CLIENT)
    assert calls.send(b"\x84\x00\x00\x04\x0a\x00\x00\x0a", End.SERVER) == b""
    assert calls.engine.drops == {"netbios-ssn: retarget-response": 1}


def test_a_request_longer_than_any_is_not_waited_for() -> None:
    calls = Calls(FORWARDED, "203.0.113.1:139")
    assert calls.connection.receive(b"\x81\x01\xff\xff" + bytes(100), End.CLIENT, 1000.0).close
    assert calls.engine.drops == {"netbios-ssn: message-too-long": 1}
