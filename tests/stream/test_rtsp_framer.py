"""RTSP out of a stream, media between messages: whole, byte by byte and cut anywhere must give the same."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.stream.assembler import Assembler, Unit
from doorman.stream.framing import Kind
from doorman.stream.rtsp import framer

LIMIT = 512
SETUP = b"SETUP rtsp://h/a b RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n"
OK = b"RTSP/1.0 200 OK\r\nCseq: 1\r\nContent-Length: 5\r\n\r\n$\0\0\1x"
V2 = b"PLAY_NOTIFY rtsp://h/a RTSP/2.0\r\nCSeq: 9\r\n\r\n"
FRAME, LONG = b"$\0\0\x03RTP", b"$\1\x04\0" + b"$" * 1_024
PIECES = [SETUP, OK, V2, FRAME, LONG, b"$\2\0\0", b"\r\n", b"\n"]
BAD = [
    b"GET /film HTTP/1.0\r\nx-sessioncookie: 7\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + SETUP,
    b"SETUP rtsp://h/a RTSP/1.0\nCSeq: 1\n\n",
    b"SETUP rtsp://h/a RTSP/1.0\r\nA: b\nContent-Length: 5\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\n",
    b"\x16\x03\x01\0",
    b"SSH-2.0-x\r\n",
    b"$$$$",
    b"SETUP " + b"x" * LIMIT,
]


def cut(chunks: list[bytes]) -> list[Unit]:
    """The units of a stream, pieces that are no message joined: how they are cut means nothing."""
    assembler = Assembler(framer(LIMIT))
    units: list[Unit] = []
    for unit in [unit for chunk in chunks for unit in assembler.feed(chunk)] + assembler.finish():
        before = units[-1] if units else None
        ended = before is not None and before.kind in {Kind.RAW, Kind.REFUSED}
        if before is not None and (ended or before.kind == unit.kind != Kind.MESSAGE):
            units[-1] = before._replace(data=before.data + unit.data)
        else:
            units.append(unit)
    return units


streams = st.tuples(st.lists(st.sampled_from(PIECES), max_size=8), st.sampled_from([b"", *BAD]), st.binary(max_size=6))


@given(streams, st.lists(st.integers(0, 9_000), max_size=12))
def test_any_segmentation(stream: tuple[list[bytes], bytes, bytes], places: list[int]) -> None:
    pieces, bad, tail = stream
    data = b"".join(pieces) + bad + tail
    whole = cut([data])
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    assert b"".join(unit.data for unit in whole) == data
    assert cut([data[start:stop] for start, stop in pairwise(edges)]) == whole
    assert cut([bytes([byte]) for byte in data]) == whole


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_messages_and_media_are_told_apart(pieces: list[bytes]) -> None:
    kinds = {SETUP: Kind.MESSAGE, OK: Kind.MESSAGE, V2: Kind.MESSAGE, b"\r\n": Kind.KEEPALIVE, b"\n": Kind.KEEPALIVE}
    units = cut([b"".join([SETUP, *pieces])])
    wanted: list[Unit] = []
    for piece in [SETUP, *pieces]:
        kind = kinds.get(piece, Kind.DATA)
        if wanted and kind == wanted[-1].kind != Kind.MESSAGE:
            wanted[-1] = wanted[-1]._replace(data=wanted[-1].data + piece)
        else:
            wanted.append(Unit(kind, piece))
    assert units == wanted


def test_media_do_not_wait_for_the_rest_of_their_frame() -> None:
    assembler = Assembler(framer(LIMIT))
    assembler.feed(SETUP)
    assert assembler.feed(b"$\1\xff") == []
    assert assembler.feed(b"\xff\x01") == [Unit(Kind.DATA, b"$\1\xff\xff\x01")]
    body = bytes(65_533)
    assert assembler.feed(body) == [Unit(Kind.DATA, body)]
    assert assembler.feed(b"\0" + SETUP) == [Unit(Kind.DATA, b"\0"), Unit(Kind.MESSAGE, SETUP)]


@pytest.mark.parametrize(
    ("stream", "kind", "why"),
    [
        (BAD[0], Kind.RAW, "rtsp-over-http"),
        (b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n", Kind.RAW, "rtsp-over-http"),
        (b"POST /x HTTP/1.0\r\nX-SessionCookie : 7\r\n\r\nU0VUVVA=", Kind.RAW, "rtsp-over-http"),
        (BAD[1], Kind.RAW, "not-rtsp"),
        (b"GET / HTTP/1.1\r\n" + b"X" * LIMIT, Kind.RAW, "not-rtsp"),
        (BAD[2], Kind.REFUSED, "header-line"),
        (BAD[3], Kind.REFUSED, "header-line"),
        (BAD[4], Kind.REFUSED, "content-length-twice"),
        (BAD[5], Kind.REFUSED, "message-too-long"),
        (BAD[6], Kind.RAW, "tls"),
        (BAD[7], Kind.RAW, "not-rtsp"),
        (BAD[8], Kind.RAW, "not-rtsp"),
        (BAD[9], Kind.RAW, "not-rtsp"),
    ],
)
def test_what_is_no_rtsp_is_not_looked_into_again(stream: bytes, kind: Kind, why: str) -> None:
    [unit] = cut([stream, SETUP])
    assert unit == Unit(kind, stream + SETUP, why)


def test_a_beginning_that_is_undecided_waits_and_passes_when_the_stream_ends() -> None:
    for beginning in (b"SET", b"RTSP", b"GET", b"POST / HTTP/1.0\r\n", b"HTTP/1.0 200 OK\r\n"):
        assert cut([beginning]) == [Unit(Kind.RAW, beginning)]
