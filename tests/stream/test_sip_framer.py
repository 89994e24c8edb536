"""SIP's framer and the assembler: whole, byte by byte and with a tail must give the same, and nothing is lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.stream.assembler import Assembler, Unit
from doorman.stream.framing import Kind
from doorman.stream.sip import framer
from doorman.wire.sip import read_sip
from kit.sip import answer, request, sdp, sip

LIMIT = 1_500
INVITE = request("INVITE", body=sdp())
OK = answer(200, body=sdp("198.51.100.20", 5000))
BARE = sip("OPTIONS sip:x SIP/2.0", "Call-ID: 1", "CSeq: 1 OPTIONS", length=None)
PIECES = [
    INVITE,
    OK,
    BARE,
    sip("BYE sip:x SIP/2.0", "l: 3", length=None) + b"abc",
    sip("BYE sip:x SIP/2.0", "Content-Length :\r\n  3 ", length=None) + b"a\r\n",
    b"\r\n\r\n",
    b"\r\n",
    b"\n",
]
BAD = [
    sip("BYE sip:x SIP/2.0", "l: 3", "Content-Length: 3", length=None) + b"abc",
    sip("BYE sip:x SIP/2.0", "l: -3", length=None),
    sip("BYE sip:x SIP/2.0", "l: 3, 3", length=None),
    sip("BYE sip:x SIP/2.0", "l: 1500", length=None),
    sip("BYE sip:x SIP/2.0", "l: 99999999999999999999", length=None),
    sip("BYE sip:x SIP/2.0", "X: a\nl: 3", length=None),
    sip("BYE sip:x SIP/2.0", "X: a\rl: 3", length=None),
    b"BYE sip:x SIP/2.0\nl: 0\n\n",
    sip("BYE sip:x SIP/2.0", "X: " + "a" * LIMIT),
    b"BYE sip:" + b"x" * LIMIT + b" SIP/2.0\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    b"\x16\x03",
    b"\x16\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\0\0\0\0",
    b"I" * 40,
    b"SIP/2.0 abc\r\n",
    b"SIP/3",
]


def assembled(chunks: list[bytes], limit: int = LIMIT) -> list[Unit]:
    """The units of a stream, pieces that are no message joined: how they are cut means nothing."""
    assembler = Assembler(framer(limit))
    units = [unit for chunk in chunks for unit in assembler.feed(chunk)] + assembler.finish()
    joined: list[Unit] = []
    stopped = False
    for unit in units:
        same_kind = bool(joined) and (joined[-1].kind == unit.kind == Kind.KEEPALIVE)
        if stopped or same_kind:
            joined[-1] = joined[-1]._replace(data=joined[-1].data + unit.data)
        else:
            joined.append(unit)
        stopped = stopped or unit.kind in {Kind.RAW, Kind.REFUSED}
    return joined


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


streams = st.tuples(st.lists(st.sampled_from(PIECES), max_size=6), st.sampled_from([b"", *BAD]), st.binary(max_size=4))


@given(streams, st.lists(st.integers(0, 100_000), max_size=12))
def test_how_a_stream_is_cut_changes_nothing(stream: tuple[list[bytes], bytes, bytes], places: list[int]) -> None:
    pieces, bad, tail = stream
    data = b"".join(pieces) + bad + tail
    whole = assembled([data])
    assert b"".join(unit.data for unit in whole) == data
    assert assembled(cut(data, places)) == whole
    assert assembled([bytes([byte]) for byte in data]) == whole


@given(st.lists(st.binary(max_size=40) | st.sampled_from([*PIECES, *BAD]), max_size=6), st.integers(1, 50))
def test_any_bytes_come_out_as_they_went_in(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)
    whole = assembled([data])
    assert b"".join(unit.data for unit in whole) == data
    assert assembled([data[at : at + size] for at in range(0, len(data), size)]) == whole


@given(st.lists(st.sampled_from(PIECES), max_size=6))
def test_every_message_is_one_that_the_reader_reads_to_its_end(pieces: list[bytes]) -> None:
    messages = [unit.data for unit in assembled([b"".join(pieces)]) if unit.kind == Kind.MESSAGE]
    assert messages == [piece for piece in pieces if piece.strip()]
    for message in messages:
        if b"Call-ID" in message:
            read = read_sip(message)
            assert read is not None
            assert read.body_end == len(message)


def test_messages_and_keepalives_are_units_of_their_own() -> None:
    units = assembled([b"\r\n\r\n" + INVITE + OK + b"\r\n" + BARE])
    assert [unit.kind.value for unit in units] == ["keep-alive", "message", "message", "keep-alive", "message"]
    assert [unit.data for unit in units] == [b"\r\n\r\n", INVITE, OK, b"\r\n", BARE]
    assert [unit.note for unit in units] == ["", "", "", "", "no-content-length"]


def test_a_keepalive_does_not_wait_for_anything() -> None:
    assembler = Assembler(framer())
    for byte in b"\r\n\r\n":
        assert assembler.feed(bytes([byte])) == [Unit(Kind.KEEPALIVE, bytes([byte]))]


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (BAD[0], "content-length-twice"),
        (BAD[1], "content-length"),
        (BAD[2], "content-length"),
        (BAD[3], "message-too-long"),
        (BAD[4], "content-length"),
        (BAD[5], "header-line"),
        (BAD[6], "header-line"),
        (BAD[7], "header-line"),
        (BAD[8], "message-too-long"),
        (INVITE[:-1], "message-cut-short"),
        (INVITE[:100], "message-cut-short"),
    ],
)
def test_what_never_becomes_a_message_is_refused_by_name(stream: bytes, reason: str) -> None:
    assert assembled([INVITE + stream])[1:] == [Unit(Kind.REFUSED, stream, reason)]


@pytest.mark.parametrize("stream", BAD[9:])
def test_what_is_not_sip_passes_and_is_not_looked_into_again(stream: bytes) -> None:
    name = "tls" if stream.startswith(b"\x16\x03") else "not-sip"
    if stream == b"SIP/3":  # may become anything until more of it comes
        name, stream = "not-sip", b"SIP/3.0 200 OK\r\n"
    assert assembled([stream + INVITE]) == [Unit(Kind.RAW, stream + INVITE, name)]
    assert assembled([stream, INVITE]) == [Unit(Kind.RAW, stream + INVITE, name)]


def test_a_request_inside_another_protocol_is_never_seen() -> None:
    """NAT Slipstreaming: a browser is made to send a segment that begins like SIP."""
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n" + b"a" * 1000
    assert [unit.kind for unit in assembled([post, request("REGISTER")])] == [Kind.RAW]


def test_bytes_that_are_undecided_when_the_stream_ends_pass() -> None:
    assert assembled([b"HELO"]) == [Unit(Kind.RAW, b"HELO")]
    assert assembled([b"\x16"]) == [Unit(Kind.RAW, b"\x16")]


def test_no_more_than_one_message_waits() -> None:
    assembler = Assembler(framer(LIMIT))
    endless = b"BYE sip:x SIP/2.0\r\nX: " + b"a" * (LIMIT - 30)
    assert assembler.feed(endless) == []
    (unit,) = assembler.feed(b"a" * 100)
    assert (unit.kind, unit.note, unit.data) == (Kind.REFUSED, "message-too-long", endless + b"a" * 100)
    assert assembler.feed(b"more") == [Unit(Kind.RAW, b"more")]


def test_stopping_gives_what_waited() -> None:
    assembler = Assembler(framer())
    assembler.feed(INVITE[:50])
    assert assembler.stop() == INVITE[:50]
    assert assembler.feed(INVITE) == [Unit(Kind.RAW, INVITE)]
    assert assembler.stopped
