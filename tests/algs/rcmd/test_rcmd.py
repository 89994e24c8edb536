"""rsh and rexec, the client or the server inside: the port for errors, who connects to it, and what is refused."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.config.reader import read_config
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.firewall.doors import may_lead_to
from doorman.net.packet import TCP
from kit.packets import endpoint, tcp
from kit.rcmd import CLIENT, NAMES, SERVED, SERVER, STRANGER, Rcmd
from kit.sip import INTERFACES, OVERLOAD
from kit.talk import INSIDE, OUTSIDE, Talk

FROM_SERVER = "198.51.100.20:1021"
ORDINARY = "10.0.0.10:40000"
REXEC = "198.51.100.20:512"


def test_a_client_inside() -> None:
    rsh = Rcmd()
    assert rsh.begins(b"1022") == b"1022"
    assert rsh.doors == ["198.51.100.20 > 203.0.113.1:1022 > 10.0.0.10:1022"]
    assert rsh.comes(FROM_SERVER, "203.0.113.1:1022") == f"inside: tcp {FROM_SERVER} > 10.0.0.10:1022"
    assert rsh.doors == []
    assert rsh.send(b"\0Linux\n", End.SERVER) == b"\0Linux\n"
    assert not rsh.connection.inspected
    assert rsh.engine.inspector.messages["rcmd"] == {"rsh": 1}


def test_a_port_that_is_taken_outside_stays_one_of_the_superuser() -> None:
    rsh = Rcmd()
    rsh.comes("10.0.0.11:1022", "192.0.2.9:514", Side.INSIDE)
    heard = int(rsh.begins(b"1022"))
    assert heard != 1022
    assert 512 <= heard < 1024
    assert rsh.doors == [f"198.51.100.20 > 203.0.113.1:{heard} > 10.0.0.10:1022"]
    assert rsh.comes(FROM_SERVER, f"203.0.113.1:{heard}") == f"inside: tcp {FROM_SERVER} > 10.0.0.10:1022"


def test_where_none_of_those_is_left_nothing_is_announced() -> None:
    rsh = Rcmd()
    for port in range(512, 1024):
        rsh.comes(f"10.0.0.11:{port}", "192.0.2.9:9", Side.INSIDE)
    assert rsh.begins(b"1022") == b"0"
    assert rsh.notes == {"ports-exhausted": 1}
    assert rsh.doors == []


def test_the_ports_of_clients_stay_those_of_the_superuser() -> None:
    engine = Engine(read_config(OVERLOAD, "test.cfg"), random.Random(1).random)
    names = []
    for host in range(10, 20):
        left = engine.receive(tcp(f"10.0.0.{host}:1023", SERVER), Side.INSIDE, 1000.0)
        names.append(int.from_bytes(left.packet[20:22], "big"))
    assert len(set(names)) == 10
    assert all(512 <= name < 1024 for name in names)


def test_rexec_with_a_port_as_any_program_has() -> None:
    rexec = Rcmd(client=ORDINARY, server=REXEC)
    assert rexec.begins(b"40001") == b"40001"
    assert rexec.comes("198.51.100.20:33000", "203.0.113.1:40001").endswith("> 10.0.0.10:40001")
    assert rexec.engine.inspector.messages["rcmd"] == {"rexec": 1}


def test_a_server_inside_connects_by_itself() -> None:
    rsh = Rcmd(SERVED, server_inside=True)
    assert rsh.begins(b"1022") == b"1022"
    assert rsh.doors == []
    left = rsh.comes("10.0.0.10:1021", "198.51.100.20:1022", Side.INSIDE)
    assert left == "outside: tcp 203.0.113.100:1021 > 198.51.100.20:1022"


def test_a_shared_address_gives_a_server_inside_a_port_below_1024() -> None:
    rsh = Rcmd(OVERLOAD + "ip nat inside source static tcp 10.0.0.10 514 interface out0 514\n", server_inside=True)
    rsh.begins(b"1022")
    rsh.comes("10.0.0.11:1021", "192.0.2.9:9", Side.INSIDE)
    left = rsh.comes("10.0.0.10:1021", "198.51.100.20:1022", Side.INSIDE)
    assert 512 <= int(left.split()[2].partition(":")[2]) < 1024


@pytest.mark.parametrize("beginning", [b"", b"0", b"000"])
def test_no_second_connection(beginning: bytes) -> None:
    rsh = Rcmd()
    assert rsh.begins(beginning) == beginning
    assert rsh.doors == []
    assert not rsh.connection.inspected


def test_rlogin_begins_alike_where_its_port_is_served() -> None:
    rlogin = Rcmd(OVERLOAD + "ip nat service rcmd tcp port 513\n", server="198.51.100.20:513")
    assert rlogin.begins(b"") == b""
    assert rlogin.engine.inspector.messages["rcmd"] == {"rlogin": 1}


def test_any_segmentation() -> None:
    whole, apart = Rcmd(), Rcmd()
    for rsh in (whole, apart):
        rsh.comes("10.0.0.11:1022", "192.0.2.9:514", Side.INSIDE)
    said = b"1022\0" + NAMES
    heard = b"".join(apart.send(said[at : at + 1]) for at in range(len(said)))
    assert heard == whole.send(said)
    assert apart.doors == whole.doors
    assert apart.doors


@pytest.mark.parametrize(
    ("client", "port", "reason"),
    [
        (CLIENT, b"22", "port-not-allowed"),
        (CLIENT, b"511", "port-not-allowed"),
        (CLIENT, b"514", "port-not-allowed"),
        (CLIENT, b"631", "port-not-allowed"),
        (CLIENT, b"3306", "port-not-allowed"),
        (CLIENT, b"65536", "port-number"),
        (CLIENT, b"99999999", "port-number"),
        (ORDINARY, b"1022", "port-not-allowed"),
        (ORDINARY, b"00513", "port-not-allowed"),
        (ORDINARY, b"6379", "port-not-allowed"),
    ],
)
def test_a_port_that_no_door_may_lead_to(client: str, port: bytes, reason: str) -> None:
    """Then none is announced; who is no superuser announces none below 1024 (NAT Slipstreaming)."""
    rsh = Rcmd(client=client)
    assert rsh.begins(port) == b"0"
    assert rsh.doors == []
    assert rsh.notes == {reason: 1}


def test_what_cannot_be_read_may_pass() -> None:
    rsh = Rcmd(OVERLOAD + "ip nat service rcmd malformed pass\n")
    assert rsh.begins(b"70000") == b"70000"
    assert rsh.notes == {"passed-as-it-came": 1}


@pytest.mark.parametrize(
    "begins", [b"POST / HTTP/1.1\r\n\r\n1022\0", b"<34>Oct 11 su: x\n", b"61 <34>x\0", b"\x16\x03\x01", b"123456789\0"]
)
def test_what_begins_otherwise_is_never_looked_into(begins: bytes) -> None:
    """HTTP that a browser was made to send, syslog on its TCP port, TLS."""
    rsh = Rcmd(OVERLOAD)
    assert rsh.send(begins) == begins
    assert rsh.send(b"1022\0") == b"1022\0"
    assert rsh.doors == []
    assert rsh.notes == {"not-rcmd": 1}


def test_only_the_server_comes_in_and_only_once_and_in_time() -> None:
    rsh = Rcmd()
    rsh.begins(b"1022")
    assert rsh.comes(f"{STRANGER}:1021", "203.0.113.1:1022") == "dropped: no-session-or-door"
    assert rsh.comes(FROM_SERVER, "203.0.113.1:1022").startswith("inside: ")
    assert rsh.comes("198.51.100.20:1020", "203.0.113.1:1022") == "dropped: no-session-or-door"
    late = Rcmd(OVERLOAD + "ip nat service rcmd data-timeout 10\n")
    late.begins(b"1022")
    late.wait(11)
    assert late.doors == []


def test_a_second_number_announces_nothing() -> None:
    rsh = Rcmd()
    rsh.begins(b"0")
    assert rsh.send(b"1022\0") == b"1022\0"
    assert rsh.send(b"1022\0", End.SERVER) == b"1022\0"
    assert rsh.doors == []


def test_a_host_without_a_translation() -> None:
    rsh = Rcmd(INTERFACES)
    assert rsh.begins(b"1022") == b"1022"
    assert rsh.doors == []


def test_segment_by_segment_and_the_door_outlives_the_inspection() -> None:
    engine = Engine(read_config(OVERLOAD, "test.cfg"), random.Random(1).random)
    talk = Talk(engine, CLIENT, SERVER, seen_as="203.0.113.1:1023")
    talk.open()
    talk.say(INSIDE, b"10")
    talk.say(INSIDE, b"22\0" + NAMES)
    talk.say(OUTSIDE, b"\0")
    talk.send(INSIDE, "A")
    assert talk.heard[OUTSIDE] == b"1022\0" + NAMES
    [session] = engine.state.sessions
    assert session.splice is None
    [door] = engine.state.doors
    assert door.leads_to == endpoint("10.0.0.10:1022")
    engine.receive(tcp(FROM_SERVER, "203.0.113.1:1022"), Side.OUTSIDE, talk.now)
    assert list(engine.state.doors) == []


@given(st.binary(max_size=40), st.sampled_from([CLIENT, ORDINARY]))
def test_whatever_is_sent(data: bytes, client: str) -> None:
    """No error of ours; what is changed is the number at most, and a door leads to its sender, at a harmless port."""
    rsh = Rcmd(client=client)
    heard = rsh.send(data)
    assert data.endswith(heard.removeprefix(b"0"))
    for door in rsh.engine.state.doors.everyone():
        assert str(door.leads_to).startswith("10.0.0.10:")
        assert may_lead_to(TCP, door.leads_to.port, reserved=client == CLIENT)
