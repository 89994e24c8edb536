"""Lines out of a stream: whole, byte by byte and cut anywhere must give the same; what is no FTP is known at once."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.stream.assembler import Assembler, Unit
from doorman.stream.framing import Kind
from doorman.stream.ftp import begins_like_ftp, framer

LIMIT = 64
CLIENT = b"USER anonymous\r\nPASS caf\xe9\r\n\xff\xf4\xff\xf2ABOR\r\nport 1,2,3,4,5,6\nXYZZY\r\n\r\nQUIT\r\n"
SERVER = b"220-Welcome\r\n 220 not yet\r\nPORT 1,2,3,4,5,6\r\n220 ready\r\n331 who?\r\n"


def cut(chunks: list[bytes]) -> list[Unit]:
    assembler = Assembler(framer(LIMIT))
    return [unit for chunk in chunks for unit in assembler.feed(chunk)] + assembler.finish()


@pytest.mark.parametrize("stream", [CLIENT, SERVER])
@given(edges=st.lists(st.integers(0, 100), max_size=12))
def test_any_segmentation(stream: bytes, edges: list[int]) -> None:
    bounds = sorted({0, len(stream), *(edge for edge in edges if edge < len(stream))})
    units = cut([stream[start:stop] for start, stop in pairwise(bounds)])
    assert units == [Unit(Kind.MESSAGE, line) for line in stream.splitlines(keepends=True) if line.endswith(b"\n")]
    assert cut([bytes([byte]) for byte in stream]) == units


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"POST / HTTP/1.1\r\n", "not-ftp"),
        (b"GET / HTTP/1.1\r\n", "not-ftp"),
        (b"HTTP/1.1 200 OK\r\n", "not-ftp"),
        (b"SSH-2.0-x\r\n", "not-ftp"),
        (b"\x16\x03\x01\0", "tls"),
        (b"\x16x", "not-ftp"),
        (b"2200 x\r\n", "not-ftp"),
        (b"22x\r\n", "not-ftp"),
        (b"USERNAME x\r\n", "not-ftp"),
        (b"XYZZ x\r\n", "not-ftp"),
        (b"\0\0\0\0", "not-ftp"),
        (b" USER x\r\n", "not-ftp"),
        (b"\xff\xff\xff\xff", "not-ftp"),
        (b"P" * 100, "not-ftp"),
    ],
)
def test_what_is_no_ftp_is_passed_and_never_looked_into_again(stream: bytes, why: str) -> None:
    for chunks in ([stream, b"PORT 1,2,3,4,5,6\r\n"], [*(bytes([byte]) for byte in stream), b"PORT 1,2,3,4,5,6\r\n"]):
        units = cut(chunks)
        assert {unit.kind for unit in units} == {Kind.RAW}
        assert [unit.note for unit in units if unit.note] == [why]
        assert b"".join(unit.data for unit in units) == b"".join(chunks)


@pytest.mark.parametrize("beginning", [b"", b"U", b"user", b"2", b"220", b"\xff", b"\xff\xfb", b"\xff\xf4", b"P@S"])
def test_more_is_needed_to_tell(beginning: bytes) -> None:
    assert begins_like_ftp(beginning) is None
    assert cut([beginning]) == ([Unit(Kind.RAW, beginning)] if beginning else [])


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1, 10 * LIMIT])
def test_a_line_that_is_too_long_is_refused(size: int) -> None:
    line = b"NOOP\r\nRETR ".ljust(size + 6, b"x") + b"\n"
    units = cut([line])
    assert units[0] == Unit(Kind.MESSAGE, b"NOOP\r\n")
    assert units[1] == Unit(Kind.REFUSED, line[6:], "message-too-long")
    assert [unit.kind for unit in cut([bytes([byte]) for byte in line])][:2] == [Kind.MESSAGE, Kind.REFUSED]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_nothing_is_lost_of_anything(data: bytes, edges: list[int]) -> None:
    bounds = sorted({0, len(data), *(edge for edge in edges if edge < len(data))})
    chunks = [data[start:stop] for start, stop in pairwise(bounds)]
    assert b"".join(unit.data for unit in cut(chunks)) == data
