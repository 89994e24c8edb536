"""Reading RTSP messages: what they are and where things stand; nothing is taken for a URL that is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.net.addresses import address_of
from doorman.wire.malformed import Malformed
from doorman.wire.rtsp import begins_like_rtsp, find_urls, read_rtsp

SETUP = (
    b"SETUP rtsp://10.0.0.10/a film RTSP/1.0\r\ncseq : 12\r\nX-Transport: no\r\nSESSION: 7 ;Timeout = 30\r\n"
    b"Transport: RTP/AVP;unicast;\r\n client_port=4588-4589\r\nContent-Length:  3 \r\n\r\nabc"
)


def test_a_request() -> None:
    rtsp = read_rtsp(SETUP)
    assert (rtsp.method, rtsp.status) == (b"SETUP", 0)
    assert SETUP[slice(*rtsp.uri)] == b"rtsp://10.0.0.10/a film"
    assert rtsp.first_word(b"cseq") == b"12"
    assert rtsp.first_word(b"session") == b"7"
    assert rtsp.timeout() == 30.0
    assert rtsp.value(b"transport") == b"RTP/AVP;unicast;\r\n client_port=4588-4589"
    length = rtsp.length()
    assert length is not None
    assert SETUP[slice(*length)] == b"3"
    assert SETUP[rtsp.body_start :] == b"abc"


def test_a_response() -> None:
    rtsp = read_rtsp(b"RTSP/2.0 454 Session Not Found\r\nCSeq: 4\r\n\r\n")
    assert (rtsp.method, rtsp.status, rtsp.succeeds, rtsp.is_final) == (b"", 454, False, True)
    assert (rtsp.timeout(), rtsp.length(), rtsp.value(b"session")) == (None, None, b"")
    assert not read_rtsp(b"RTSP/1.0 100 Continue\r\n\r\n").is_final


@pytest.mark.parametrize(
    "line",
    [
        b"OPTIONS * RTSP/1.0\r\n",
        b"GET_PARAMETER rtsp://h/ RTSP/2.0 \r\n",
        b"play rtsp://h/ rtsp/1.0\r\n",
        b"RTSP/1.0 200\r\n",
        b"rtsp/1.0 200 OK\r\n",
    ],
)
def test_start_lines(line: bytes) -> None:
    assert begins_like_rtsp(line)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"SETUP rtsp://h HTTP/1.0\r\n\r\n", "start-line"),
        (b"RTSP/1.0 20 OK\r\n\r\n", "start-line"),
        (b"OPTIONS * RTSP/1.0\r\n", "header-line"),
        (b"OPTIONS * RTSP/1.0\r\n" + b"A: b\r\n" * 257 + b"\r\n", "too-many-headers"),
    ],
)
def test_what_is_none(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        read_rtsp(data)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"rtsp://10.0.0.10/film", [(b"10.0.0.10", -1, 554)]),
        (b"RTSP://10.0.0.10:8554", [(b"10.0.0.10:8554", 8554, 554)]),
        (b"rtsps://u:p@w@10.0.0.10/", [(b"10.0.0.10", -1, 322)]),
        (b"rtspu://[2001:db8::1]:99/x", [(b"[2001:db8::1]:99", 99, 554)]),
        (b'url=rtsp://10.0.0.10/1;seq=1, url="rtsp://10.0.0.11/2"', [(b"10.0.0.10", -1, 554), (b"10.0.0.11", -1, 554)]),
        (b"rtsp://10.0.0.10:99999/", []),
        (b"xrtsp://10.0.0.10/", []),
        (b"http://10.0.0.10/", []),
        (b"rtsp:///film", []),
    ],
)
def test_urls(text: bytes, found: list[tuple[bytes, int, int]]) -> None:
    urls = find_urls(text, 0, len(text))
    assert [(text[url.start : url.end], url.port, url.default_port) for url in urls] == found


def test_the_host_of_a_url_may_be_a_name() -> None:
    [url] = find_urls(b"rtsp://camera.example:554/", 0, 26)
    assert (url.address, url.port) == (None, 554)
    [url] = find_urls(b"rtsp://[::ffff:10.0.0.10]/", 0, 26)
    assert url.address == address_of("::ffff:10.0.0.10")


@given(st.binary(max_size=200))
def test_places_are_within_the_message(data: bytes) -> None:
    message = b"PLAY rtsp://h/ RTSP/1.0\r\nTransport: " + data.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n\r\n"
    rtsp = read_rtsp(message)
    assert all(25 < start <= end <= len(message) - 4 for _, start, end in rtsp.headers)
    assert rtsp.body_start == len(message)
