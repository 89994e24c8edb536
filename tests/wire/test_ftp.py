"""Reading FTP's lines: commands, replies, announcements; what is written is read again; tshark agrees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.net.addresses import Address, Endpoint, address_of
from doorman.wire.ftp import (
    Announcement,
    Form,
    find_extended_passive,
    find_passive,
    read_command,
    read_extended_port,
    read_port,
    read_reply,
)
from doorman.wire.malformed import Malformed

V4 = st.binary(min_size=4, max_size=4).map(Address)
V6 = st.binary(min_size=16, max_size=16).map(Address)
PORTS = st.integers(0, 65_535)
MARKS = (
    st.integers(33, 126)
    .filter(lambda code: chr(code) not in "0123456789abcdefABCDEF.:")
    .map(lambda code: bytes([code]))
)


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        (b"PORT 1,2,3,4,5,6\r\n", b"PORT", b"1,2,3,4,5,6"),
        (b"quit\r\n", b"QUIT", b""),
        (b"Retr  a b \n", b"RETR", b"a b "),
        (b"\xff\xf4\xff\xf2ABOR\r\n", b"ABOR", b""),
        (b"\xff\xfb\x01NOOP\r\n", b"NOOP", b""),
        (b"STOR caf\xe9 \xff\xff\r\n", b"STOR", b"caf\xe9 \xff\xff"),
        (b"\r\n", b"", b""),
        (b"", b"", b""),
        (b"\tCWD x", b"CWD", b"x"),
    ],
)
def test_commands(line: bytes, verb: bytes, argument: bytes) -> None:
    command = read_command(line)
    assert (command.verb, line[command.start : command.end]) == (verb, argument)


@pytest.mark.parametrize(
    ("line", "code", "last", "text"),
    [
        (b"220 ready\r\n", b"220", True, b"ready"),
        (b"220-ready\r\n", b"220", False, b"ready"),
        (b"226\r\n", b"226", True, b""),
        (b"230Login\n", b"230", True, b"Login"),
    ],
)
def test_replies(line: bytes, code: bytes, last: bool, text: bytes) -> None:  # noqa: FBT001 - a parameter of the test
    reply = read_reply(line)
    assert reply is not None
    assert (reply.code, reply.last, line[reply.start : reply.end]) == (code, last, text)


@pytest.mark.parametrize("line", [b" 211 x\r\n", b"hello\r\n", b"99 x\r\n", b"720 x\r\n", b"\r\n", b""])
def test_lines_without_a_code(line: bytes) -> None:
    assert read_reply(line) is None


@given(V4, PORTS)
def test_six_numbers(address: Address, port: int) -> None:
    written = Announcement(0, 0, Form.SIX_NUMBERS, None, 0).written(Endpoint(address, port))
    found = read_port(written, 0, len(written))
    assert (found.address, found.port, found.start, found.end) == (address, port, 0, len(written))
    text = b"227 ok (" + written + b")."
    assert find_passive(text, 4, len(text)) == found._replace(start=8, end=8 + len(written))


@given(st.one_of(V4, V6), PORTS, MARKS)
def test_the_extended_forms(address: Address, port: int, mark: bytes) -> None:
    written = Announcement(0, 0, Form.EXTENDED, None, 0, mark).written(Endpoint(address, port))
    found = read_extended_port(written, 0, len(written))
    assert (found.address, found.port, found.delimiter) == (address, port, mark)
    alone = b"229 ok " + Announcement(0, 0, Form.PORT_ALONE, None, 0, mark).written(Endpoint(address, port))
    passive = find_extended_passive(alone, 4, len(alone))
    assert passive is not None
    assert (passive.address, passive.port, passive.delimiter) == (None, port, mark)


@given(st.binary(max_size=60))
def test_whatever_is_read_is_written_as_it_was_or_refused(text: bytes) -> None:
    """The right form, byte for byte, or an exception of ours: numbers with zeros before them are written without."""
    for read in (read_port, read_extended_port, find_passive, find_extended_passive):
        try:
            found = read(text, 0, len(text))
        except Malformed:
            continue
        if found is not None:
            again = found.written(Endpoint(found.address or address_of("0.0.0.0"), found.port))
            assert read(again, 0, len(again)) == found._replace(start=0, end=len(again))


@given(st.text(alphabet="0123456789,|()! .-\xff\r\n", max_size=60).map(lambda text: text.encode("latin-1")))
def test_odd_texts_of_the_right_characters(text: bytes) -> None:
    test_whatever_is_read_is_written_as_it_was_or_refused.hypothesis.inner_test(text)  # type: ignore[attr-defined]
    read_reply(text)
    read_command(text)


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        (b"227 ok (1,2,3,4,5,6).", b"227 ok (|||1286|)."),
        (b"227 =1,2,3,4,5,6", b"227 =(|||1286|)"),
        (b"227 (1,2,3,4,5,6", b"227 ((|||1286|)"),
        (b"1,2,3,4,5,6", b"(|||1286|)"),
    ],
)
def test_a_227_in_the_form_of_a_229(text: bytes, alone: bytes) -> None:
    found = find_passive(text, 0, len(text))
    assert found is not None
    other = found.as_port_alone(text)
    assert text[: other.start] + other.written(Endpoint(Address(bytes(16)), found.port)) + text[other.end :] == alone
    assert other.address is None


def test_a_229_in_the_form_of_a_227() -> None:
    text = b"229 ok (!!!1286!)."
    found = find_extended_passive(text, 0, len(text))
    assert found is not None
    other = found.as_six_numbers()
    written = other.written(Endpoint(address_of("1.2.3.4"), found.port))
    assert text[: other.start] + written + text[other.end :] == b"229 ok (1,2,3,4,5,6)."


def test_an_eprt_in_the_form_of_a_port() -> None:
    text = b"|2|2001:db8::1|1286|"
    other = read_extended_port(text, 0, len(text)).as_six_numbers()
    assert (other.start, other.end) == (0, len(text))
    assert other.written(Endpoint(address_of("1.2.3.4"), 1286)) == b"1,2,3,4,5,6"


def test_a_port_in_the_form_of_an_eprt() -> None:
    text = b"1,2,3,4,5,6"
    other = read_port(text, 0, len(text)).as_extended()
    assert (other.start, other.end) == (0, len(text))
    assert other.written(Endpoint(address_of("2001:db8::1"), 1286)) == b"|2|2001:db8::1|1286|"
