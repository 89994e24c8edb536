"""Messages of DNS out of a stream: whole, byte by byte and cut anywhere must give the same; what is none is known."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.stream.assembler import Assembler, Unit
from doorman.stream.dns import DnsFramer
from doorman.stream.framing import Kind
from kit.dns import answer, query

LIMIT = 100


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


ASKED = [framed(query(name).to_wire()) for name in ("example.org", "a.example.org")]
ANSWERED = [framed(answer(query("example.org"), f"example.org. 300 IN A 192.0.2.{n}").to_wire()) for n in range(3)]
STREAMS = [ASKED, ANSWERED, [framed(bytes(12))]]


def cut(chunks: list[bytes], limit: int = LIMIT) -> list[Unit]:
    assembler = Assembler(DnsFramer(limit))
    return [unit for chunk in chunks for unit in assembler.feed(chunk)] + assembler.finish()


@pytest.mark.parametrize("messages", STREAMS)
@given(edges=st.lists(st.integers(0, 150), max_size=12))
def test_any_segmentation(messages: list[bytes], edges: list[int]) -> None:
    stream = b"".join(messages)
    bounds = sorted({0, len(stream), *(edge for edge in edges if edge < len(stream))})
    wanted = [Unit(Kind.MESSAGE, message) for message in messages]
    assert cut([stream[start:stop] for start, stop in pairwise(bounds)]) == wanted
    assert cut([bytes([byte]) for byte in stream]) == wanted


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\n", "not-dns"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "not-dns"),
        (b"220 ready to serve you\r\n", "not-dns"),
        (b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3" + bytes(40), "tls"),
        (framed(bytes(11)) + bytes(5), "not-dns"),
        (framed(b"\0\1\x78\0" + bytes(20)), "not-dns"),
        (framed(b"\0\1\0\1" + bytes(20)), "not-dns"),
        (framed(bytes(4) + b"\0\2" + bytes(20)), "not-dns"),
    ],
)
def test_what_is_no_dns_is_passed_and_never_looked_into_again(stream: bytes, why: str) -> None:
    for chunks in ([stream, ASKED[0]], [*(bytes([byte]) for byte in stream), ASKED[0]]):
        units = cut(chunks)
        assert {unit.kind for unit in units} == {Kind.RAW}
        assert [unit.note for unit in units if unit.note] == [why]
        assert b"".join(unit.data for unit in units) == b"".join(chunks)


@pytest.mark.parametrize(("end", "reason"), [(framed(bytes(101)), "message-too-long"), (framed(b""), "dns-cut-short")])
def test_what_cannot_be_a_message_is_refused(end: bytes, reason: str) -> None:
    units = cut([ASKED[0] + end])
    assert units == [Unit(Kind.MESSAGE, ASKED[0]), Unit(Kind.REFUSED, end, reason)]
    assert cut([ASKED[0], ASKED[1][:-1]])[1] == Unit(Kind.REFUSED, ASKED[1][:-1], "message-cut-short")


@given(st.binary(max_size=120), st.lists(st.integers(0, 120), max_size=8))
def test_nothing_is_lost_of_anything(data: bytes, edges: list[int]) -> None:
    bounds = sorted({0, len(data), *(edge for edge in edges if edge < len(data))})
    chunks = [data[start:stop] for start, stop in pairwise(bounds)]
    assert b"".join(unit.data for unit in cut(chunks)) == data
