"""What an LDAP stream must not be able to do to a gateway."""

import random

import pytest

from doorman.config.reader import read_config
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection, End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from kit.ldap import (
    BIND,
    CLIENT_HELLO,
    START_TLS,
    TLS_GRANTED,
    UNBIND,
    added,
    element,
    found,
    message,
    number,
    person,
)
from kit.packets import endpoint
from kit.sip import STATIC

ADD, DONE = added(person("10.0.0.10")), added(person("203.0.113.100"))


def opened(config: str = STATIC) -> tuple[Engine, Connection]:
    engine = Engine(read_config(config, "test.cfg"), random.Random(7).random)
    return engine, connect(engine, endpoint("10.0.0.10:40000"), endpoint("198.51.100.20:389"), Side.INSIDE, 1000.0)


def sent(connection: Connection, data: bytes, end: End = End.CLIENT) -> bytes:
    return connection.receive(data, end, 1000.0).data


@pytest.mark.parametrize("end", End)
@pytest.mark.parametrize(
    ("begin", "note"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n", "not-ldap"),
        (b"\x30\x80\x02\x01\x01", "not-ldap"),
        (b"\x30\x05\x04\x01\x01\x42\x00", "not-ldap"),
        (b"\x30\x05\x02\x01\x01\x30\x00", "not-ldap"),
        (b"\x30\x06\x02\x06\x01\x01\x01\x01", "not-ldap"),
        (b"\x30\x02\x02\x00", "not-ldap"),
        (b"\x30\x85\x01\x00\x00\x00\x00", "not-ldap"),
        (CLIENT_HELLO, "tls"),
    ],
)
def test_what_does_not_begin_as_ldap_is_never_looked_into(begin: bytes, note: str, end: End) -> None:
    for cut in (1, 1_000):
        engine, connection = opened()
        passed = b"".join(sent(connection, begin[at : at + cut], end) for at in range(0, len(begin), cut))
        passed += sent(connection, ADD, end)
        assert passed == begin + ADD
        assert engine.state.notes == {note: 1}


def test_after_start_tls_nothing_is_looked_into() -> None:
    engine, connection = opened()
    assert sent(connection, START_TLS) == START_TLS
    assert sent(connection, TLS_GRANTED, End.SERVER) == TLS_GRANTED
    assert sent(connection, CLIENT_HELLO) == CLIENT_HELLO
    assert sent(connection, ADD) == ADD
    assert sent(connection, found(person("203.0.113.100")), End.SERVER) == found(person("203.0.113.100"))
    assert engine.state.notes == {"tls": 1}


def test_a_refused_start_tls_changes_nothing() -> None:
    _, connection = opened()
    assert sent(connection, START_TLS) == START_TLS
    assert sent(connection, TLS_GRANTED.replace(b"\x0a\x01\x00", b"\x0a\x01\x02"), End.SERVER)
    assert sent(connection, ADD) == DONE


def test_messages_in_a_sasl_layer_pass() -> None:
    engine, connection = opened()
    assert sent(connection, BIND) == BIND
    layer = b"\x00\x00\x00\x30" + ADD
    assert sent(connection, layer) == layer
    assert engine.state.notes == {"ldap-protected": 1}


def test_a_message_longer_than_the_limit_passes_as_it_comes_and_the_next_is_looked_into() -> None:
    engine, connection = opened()
    photo = found({"jpegPhoto": [b"\xff\xd8" + bytes(50_000)], "sipaddress": [number("203.0.113.100")]})
    stream = photo + found(person("203.0.113.100"))
    heard = [sent(connection, stream[at : at + 1_460], End.SERVER) for at in range(0, len(stream), 1_460)]
    assert heard[0] == photo[:1_460]
    assert b"".join(heard) == photo + found(person("10.0.0.10"))
    assert engine.state.notes == {"message-too-long": 1}


def test_a_message_of_four_gigabytes_is_not_waited_for() -> None:
    _, connection = opened()
    head = b"\x30\x84\xff\xff\xff\xff\x02\x01\x01\x64"
    assert sent(connection, head) == head
    assert sent(connection, bytes(100_000)) == bytes(100_000)


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        (element(0x68, b"\x04\x7f"), "ber-length"),
        (element(0x68, b"\x04\x80"), "ber-length"),
        (element(0x68, b"\x04\x85\x00\x00\x00\x00\x01x"), "ber-length"),
        (element(0x68, element(4, b"x"), b"\x1f\x81\x01\x00"), "ber-tag"),
        (element(0x68, element(4, b"x"), element(0x31)), "ldap-element"),
        (
            element(0x68, element(4, b"x"), element(0x30, element(0x30, element(4, b"sipaddress"), b"\x31\x09"))),
            "ber-length",
        ),
        (element(0x66, element(4, b"x"), element(0x30, element(0x30, element(4, b"x")))), "ldap-element"),
        (b"\x68\x7f", "ber-length"),
        (b"\x68\x80", "ber-length"),
    ],
)
def test_elements_that_do_not_fit_into_each_other_end_the_connection(inner: bytes, reason: str) -> None:
    data = BIND + message(inner, element(0xA0, b"sipaddress"))
    engine, connection = opened()
    relay = connection.receive(data, End.CLIENT, 1000.0)
    assert relay.data == BIND
    assert relay.close
    assert engine.drops == {f"ldap: {reason}": 1}
    engine, connection = opened(STATIC + "ip nat service ldap malformed pass\n")
    assert sent(connection, data) == data
    assert sent(connection, ADD) == DONE


def test_an_indefinite_length_between_messages_ends_the_connection() -> None:
    engine, connection = opened()
    relay = connection.receive(UNBIND + b"\x30\x80\x02\x01\x01" + ADD, End.CLIENT, 1000.0)
    assert (relay.data, relay.close) == (UNBIND, True)
    assert engine.drops == {"ldap: ber-length": 1}


def test_an_entry_with_more_values_than_anybody_has_is_left_alone() -> None:
    engine, connection = opened()
    for many in ({"sipaddress": [number("10.0.0.10")] * 65}, {"ipaddress": [number("10.0.0.10")], "port": ["7"] * 900}):
        assert sent(connection, added(many)) == added(many)
    assert engine.state.notes == {"too-many-values": 2}
    assert sent(connection, ADD) == DONE


def test_a_message_byte_by_byte_and_many_at_once() -> None:
    _, connection = opened()
    assert b"".join(sent(connection, bytes((byte,))) for byte in ADD) == DONE
    assert sent(connection, BIND + ADD * 3 + ADD[:20]) == BIND + DONE * 3
    assert sent(connection, ADD[20:]) == DONE
    assert b"".join(sent(connection, (ADD + UNBIND)[at : at + 9]) for at in range(0, 400, 9)) == DONE + UNBIND


def test_a_directory_outside_names_our_hosts_only_by_names_they_have() -> None:
    """What it says of a host of ours that has no name, or of an address inside, stays as it is."""
    engine, connection = opened()
    for address in ("10.0.0.99", "203.0.113.99", "0.0.0.0", "255.255.255.255"):
        assert sent(connection, found(person(address, 22)), End.SERVER) == found(person(address, 22))
    assert not list(engine.state.doors)
    assert len(list(engine.state.bindings)) == 1


def test_what_stands_behind_a_message_that_ends_the_connection_does_not_go_on() -> None:
    """However it came: in the same segment, or in another."""
    bad = message(element(0x68, b"\x04\x7f"), element(0xA0, b"sipaddress"))
    for pieces in ([bad + CLIENT_HELLO], [bad, CLIENT_HELLO]):
        _, connection = opened()
        assert sent(connection, BIND) == BIND
        assert [sent(connection, piece) for piece in pieces] == [b""] * len(pieces)
