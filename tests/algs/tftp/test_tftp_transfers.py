"""Reads and writes, the client or the server inside: which doors open, who comes in by them, and when they close."""

import random

import pytest

from doorman.config.reader import read_config
from doorman.engine.realms import engines
from doorman.engine.snapshot import restore
from kit.saved import everything
from kit.sip import INTERFACES, OVERLOAD, POOL
from kit.tftp import CLIENT, ERROR, FORWARDED, SERVED, SERVER, Tftp, ack, data, request
from kit.vrf import OVERLOAD as VRFS

TRANSFER, NAME = "198.51.100.20:31000", "203.0.113.1:40000"


@pytest.mark.parametrize("verb", [1, 2], ids=["read", "write"])
@pytest.mark.parametrize("mode", ["octet", "NetAscii", "mail", "what?"])
def test_a_client_inside(verb: int, mode: str) -> None:
    tftp = Tftp()
    asked = request("boot.img", mode, "blksize", "1428", verb=verb)
    assert tftp.out(asked) == f"outside: udp {NAME} > {SERVER}"
    assert tftp.doors == [f"198.51.100.20 > {NAME} > {CLIENT}"]
    answer = b"\0\6blksize\x001428\0"
    assert tftp.in_(answer, TRANSFER, NAME) == f"inside: udp {TRANSFER} > {CLIENT}"
    assert tftp.doors == []
    for block in range(3):
        assert tftp.out(ack(block), receiver=TRANSFER) == f"outside: udp {NAME} > {TRANSFER}"
        assert tftp.in_(data(block + 1), TRANSFER, NAME) == f"inside: udp {TRANSFER} > {CLIENT}"


def test_a_client_whose_port_is_taken_outside_is_reached_by_another() -> None:
    tftp = Tftp()
    tftp.out(b"hello", "10.0.0.11:40000", "192.0.2.9:9")
    left = tftp.out(request())
    name = left.split()[2]
    assert name != NAME
    assert tftp.doors == [f"198.51.100.20 > {name} > {CLIENT}"]
    assert tftp.in_(data(1), TRANSFER, name) == f"inside: udp {TRANSFER} > {CLIENT}"


def test_a_client_with_an_address_of_its_own() -> None:
    tftp = Tftp(POOL)
    name = tftp.out(request()).split()[2]
    assert tftp.doors == [f"198.51.100.20 > {name} > {CLIENT}"]
    assert tftp.in_(data(1), TRANSFER, name) == f"inside: udp {TRANSFER} > {CLIENT}"


@pytest.mark.parametrize(("config", "name"), [(SERVED, "203.0.113.100"), (FORWARDED, "203.0.113.1")])
def test_a_server_inside(config: str, name: str) -> None:
    tftp = Tftp(config)
    client = "198.51.100.20:50000"
    assert tftp.in_(request(), client, f"{name}:69") == f"inside: udp {client} > 10.0.0.10:69"
    assert tftp.out(data(1), "10.0.0.10:31000", client) == f"outside: udp {name}:31000 > {client}"
    assert tftp.in_(ack(1), client, f"{name}:31000") == f"inside: udp {client} > 10.0.0.10:31000"
    assert tftp.doors == []


def test_a_server_that_answers_from_the_port_it_was_asked_at() -> None:
    """Some do (`tftp-single-port` of dnsmasq); then the door has served its purpose."""
    tftp = Tftp()
    tftp.out(request())
    assert tftp.in_(data(1), SERVER, NAME) == f"inside: udp {SERVER} > {CLIENT}"
    assert tftp.doors == []
    assert tftp.out(ack(1)) == f"outside: udp {NAME} > {SERVER}"
    assert tftp.in_(data(2), TRANSFER, NAME) == "dropped: no-session-or-door"


def test_an_error_comes_in_as_well() -> None:
    tftp = Tftp()
    tftp.out(request("nothing"))
    assert tftp.in_(ERROR, TRANSFER, NAME) == f"inside: udp {TRANSFER} > {CLIENT}"


def test_a_request_said_again_has_one_door_and_a_client_with_one_port_many_transfers() -> None:
    tftp = Tftp()
    for _ in range(3):
        tftp.out(request())
        tftp.wait(5)
    assert len(tftp.doors) == 1
    for port in (31000, 31001, 31002):
        assert tftp.in_(data(1), f"198.51.100.20:{port}", NAME).startswith("inside: ")
        assert tftp.doors == []
        tftp.out(request())
    assert tftp.in_(data(2), "198.51.100.20:31001", NAME).startswith("inside: ")


def test_two_servers_at_a_time() -> None:
    tftp = Tftp()
    tftp.out(request())
    tftp.out(request(), receiver="198.51.100.21:69")
    assert tftp.in_(data(1), "198.51.100.21:5000", NAME).startswith("inside: ")
    assert tftp.in_(data(1), TRANSFER, NAME).startswith("inside: ")


@pytest.mark.parametrize("port", [6969, 70])
def test_another_port(port: int) -> None:
    tftp = Tftp(OVERLOAD + f"ip nat service tftp udp port {port}\n")
    tftp.out(request(), receiver=f"198.51.100.20:{port}")
    assert len(tftp.doors) == 1
    tftp = Tftp(OVERLOAD + "no ip nat service tftp\n")
    tftp.out(request())
    assert tftp.doors == []


def test_a_door_waits_as_long_as_it_is_told() -> None:
    for config, seconds in ((OVERLOAD, 60), (OVERLOAD + "ip nat service tftp data-timeout 10\n", 10)):
        tftp = Tftp(config)
        tftp.out(request())
        tftp.wait(seconds - 1)
        assert len(tftp.doors) == len(tftp.requests) == 1
        tftp.wait(2)
        assert (tftp.doors, tftp.requests) == ([], [])
        assert tftp.in_(data(1), TRANSFER, NAME) == "dropped: no-session-or-door"


def test_a_host_without_a_translation_needs_no_door() -> None:
    tftp = Tftp(INTERFACES)
    assert tftp.out(request()) == f"outside: udp {CLIENT} > {SERVER}"
    assert tftp.doors == []


def test_what_is_shown_of_requests() -> None:
    tftp = Tftp()
    tftp.out(request("a" * 500, verb=2))
    tftp.now += 3
    [one] = tftp.requests
    assert one == {"client": CLIENT, "server": SERVER, "request": "WRQ", "file": f"b'{'a' * 128}'", "age": "3.0"}
    assert tftp.engine.inspector.algs["tftp"].totals() == {"sessions": 1}
    assert tftp.engine.inspector.messages["tftp"] == {"WRQ": 1}


def test_a_request_outlives_its_gateway() -> None:
    before = Tftp()
    before.out(request())
    records = everything(before.engine)
    after = Tftp()
    restored = restore(after.engine, records, after.now)
    assert restored.refused == {}
    assert after.requests == before.requests
    assert after.in_(data(1), TRANSFER, NAME) == f"inside: udp {TRANSFER} > {CLIENT}"
    after.wait(61)
    assert after.requests == []


def test_the_same_client_in_two_vrfs() -> None:
    of_realm = engines(read_config(VRFS, "test.cfg"), random.Random(1).random)
    names = {}
    for vrf, engine in of_realm.items():
        tftp = Tftp(engine=engine)
        names[vrf] = tftp.out(request()).split()[2]
        assert tftp.in_(data(1), TRANSFER, names[vrf]) == f"inside: udp {TRANSFER} > {CLIENT}"
    assert names["red"] != names["blue"]


def test_a_door_that_nobody_used_ends_no_transfer() -> None:
    """A client asks once more when the answer is on its way already: of the second request nothing comes."""
    tftp = Tftp()
    tftp.out(request())
    tftp.in_(data(1), TRANSFER, NAME)
    tftp.out(request())
    for block in range(1, 9):
        tftp.wait(10)
        assert tftp.in_(data(block + 1), TRANSFER, NAME) == f"inside: udp {TRANSFER} > {CLIENT}"
        assert tftp.out(ack(block + 1), receiver=TRANSFER) == f"outside: udp {NAME} > {TRANSFER}"
    assert tftp.doors == []
