"""Finding the parts of a body (RFC 2046, section 5.1; RFC 5621)."""

import pytest

from doorman.wire.malformed import Malformed
from doorman.wire.multipart import MAX_DEPTH, MAX_PARTS, find_parts
from kit.sip import crlf


def parts(body: bytes, content_type: str, before: bytes = b"before --x\r\n") -> list[tuple[str, bytes]]:
    """The parts of a body that stands behind other bytes, each with its type."""
    data = before + body + b"--x\r\n\r\nbehind"
    found = find_parts(data, content_type.encode(), len(before), len(before) + len(body))
    return [(part.content_type.decode(), data[part.start : part.end]) for part in found]


THREE = crlf("""
    --x
    Content-Type: text/plain

    hello
    --x
    Content-Disposition: session
    Content-Type: application/sdp;charset=utf-8

    v=0
    s=-

    --x
    c : Application/PIDF+xml

    <a/>
    --x--
""")
EXPECTED = [("text/plain", b"hello"), ("application/sdp", b"v=0\r\ns=-\r\n"), ("application/pidf+xml", b"<a/>")]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed;boundary=x", 'multipart/mixed; boundary="x"', "Multipart/Mixed ; x=y; BOUNDARY = x ;z=1",
        "multipart/alternative;\r\n boundary=x", 'multipart/related;type="a;b";boundary=x',
        " multipart/mixed;boundary=x",
    ],
)  # fmt: skip
def test_three_parts(content_type: str) -> None:
    assert parts(THREE, content_type) == EXPECTED


def test_line_feeds_alone() -> None:
    plain = THREE.replace(b"\r\n", b"\n")
    assert parts(plain, "multipart/mixed;boundary=x") == [
        (kind, body.replace(b"\r\n", b"\n")) for kind, body in EXPECTED
    ]


def test_preamble_epilogue_and_blanks_after_the_boundary() -> None:
    body = b"not --x\r\nthis\r\n" + THREE.replace(b"--x\r\n", b"--x \t\r\n") + b"nor this\r\n"
    assert parts(body, "multipart/mixed;boundary=x") == EXPECTED


def test_no_multipart_is_its_own_only_part() -> None:
    assert parts(b"v=0\r\n", "application/SDP ; a=b") == [("application/sdp", b"v=0\r\n")]
    assert parts(b"v=0\r\n", "") == [("", b"v=0\r\n")]
    assert parts(b"", "multipart/mixed;boundary=x") == []


def test_a_part_without_headers_is_text() -> None:
    assert parts(b"--x\r\n\r\nhello\r\n--x--", "multipart/mixed;boundary=x") == [("text/plain", b"hello")]
    assert parts(b"--x\r\nX: y\r\n\r\nhello\r\n--x--", "multipart/mixed;boundary=x") == [("text/plain", b"hello")]


def test_parts_without_an_empty_line_are_no_parts() -> None:
    assert parts(b"--x\r\nhello\r\n--x\r\n--x--", "multipart/mixed;boundary=x") == []


def test_a_last_part_that_is_not_closed() -> None:
    """As truncated bodies have it: what is there must not pass unseen."""
    body = THREE.removesuffix(b"\r\n--x--\r\n")
    assert parts(body, "multipart/mixed;boundary=x") == EXPECTED
    assert parts(body + b"\r\n", "multipart/mixed;boundary=x")[:2] == EXPECTED[:2]


def test_folded_content_type() -> None:
    body = b"--x\r\nContent-Type:\r\n application/sdp;\r\n a=b\r\n\r\nv=0\r\n--x--"
    assert parts(body, "multipart/mixed;boundary=x") == [("application/sdp", b"v=0")]


def test_parts_within_parts() -> None:
    inner = b"--y\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--y--"
    outer = b'--x\r\nContent-Type: multipart/mixed;boundary="y"\r\n\r\n' + inner + b"\r\n--x\r\n\r\nafter\r\n--x--"
    assert parts(outer, "multipart/mixed;boundary=x") == [("application/sdp", b"v=0"), ("text/plain", b"after")]


def test_a_boundary_that_begins_like_another() -> None:
    inner = b"--xy\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--xy--"
    outer = b"--x\r\nContent-Type: multipart/mixed;boundary=xy\r\n\r\n" + inner + b"\r\n--x--"
    assert parts(outer, "multipart/mixed;boundary=x") == [("application/sdp", b"v=0")]


def test_too_deep_parts_stay_unread() -> None:
    body = b"v=0"
    content_type = "application/sdp"
    for depth in range(MAX_DEPTH + 1):
        head = b"--x%d\r\nContent-Type: %s\r\n\r\n" % (depth, content_type.encode())
        body = head + body + b"\r\n--x%d--" % depth
        content_type = f"multipart/mixed;boundary=x{depth}"
    ((kind, unread),) = parts(body, content_type)
    assert kind.startswith("multipart/mixed")
    assert unread.startswith(b"--x0\r\n")


@pytest.mark.parametrize(
    "content_type", ["multipart/mixed", "multipart/mixed;boundary=", 'multipart/mixed;boundary=""']
)
def test_no_boundary(content_type: str) -> None:
    with pytest.raises(Malformed, match="multipart-without-boundary"):
        parts(THREE, content_type)


def test_too_many_parts() -> None:
    one = b"--x\r\n\r\nhello\r\n"
    assert len(parts(one * MAX_PARTS + b"--x--", "multipart/mixed;boundary=x")) == MAX_PARTS
    with pytest.raises(Malformed, match="too-many-parts"):
        parts(one * (MAX_PARTS + 1) + b"--x--", "multipart/mixed;boundary=x")


def test_too_many_parts_in_all() -> None:
    inner = b"--y\r\n\r\nhello\r\n" * (MAX_PARTS // 2 + 1) + b"--y--\r\n"
    outer = (b"--x\r\nc: multipart/mixed;boundary=y\r\n\r\n" + inner) * 2 + b"--x--"
    with pytest.raises(Malformed, match="too-many-parts"):
        parts(outer, "multipart/mixed;boundary=x")
