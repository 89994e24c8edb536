"""The reader of session descriptions (RFC 8866, 3605, 4145, 5761, 8839)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import doorman.wire
from doorman.net.addresses import address_text
from doorman.net.packet import TCP, UDP
from doorman.wire.malformed import Malformed
from doorman.wire.places import Host, Port
from doorman.wire.sdp import read_sdp
from doorman.wire.sdp_lines import MAX_CANDIDATES, read_lines
from doorman.wire.session_description import Media, SessionDescription
from kit.sip import SHARED, crlf, shared_file

HEAD = "v=0\no=alice 1 1 IN IP4 10.0.0.1\ns=-\nt=0 0\n"


def read(text: str) -> tuple[bytes, SessionDescription]:
    """Read a description that stands in the middle of something; what stands around it must not be seen."""
    content = crlf(text)
    data = b"c=IN IP4 9.9.9.9\r\n" + content + b"m=audio 1 RTP/AVP 0\r\n"
    start = len(data) - len(content) - 21
    return data, read_sdp(data, start, start + len(content))


def media(*lines: str) -> tuple[bytes, Media]:
    data, description = read(HEAD + "\n".join(lines))
    (only,) = description.media
    return data, only


def refusal(*lines: str) -> str:
    with pytest.raises(Malformed) as caught:
        read(HEAD + "\n".join(lines))
    return caught.value.reason


def at(data: bytes, host: Host | None) -> str | None:
    """The text of a host where it stands, which must be the one that was read."""
    if host is None:
        return None
    text = data[host.start : host.end].decode()
    assert host.address is None or address_text(host.address) == text
    return text


def told(place: Host | Port | None) -> tuple[int, int, bytes | int | None] | None:
    """What is known of a place."""
    if place is None:
        return None
    return place.start, place.end, place.number if isinstance(place, Port) else place.address


def test_session_and_media_connections() -> None:
    data, description = read(
        HEAD + "c=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\nm=video 4002 RTP/AVP 31\nc=IN IP6 2001:db8::1\nb=AS:1"
    )
    assert at(data, description.origin) == "10.0.0.1"
    assert at(data, description.connection) == "10.0.0.2"
    assert [at(data, media.connection) for media in description.media] == [None, "2001:db8::1"]
    assert [(media.kind, media.port.number, media.transport) for media in description.media] == [
        ("audio", 4000, "RTP/AVP"),
        ("video", 4002, "RTP/AVP"),
    ]


def test_line_feeds_alone_and_no_last_line_end() -> None:
    data = b"v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.2\nm=audio 4000 RTP/AVP 0\na=rtcp-mux"
    description = read_sdp(data, 0, len(data))
    assert (at(data, description.origin), at(data, description.connection)) == ("10.0.0.1", "10.0.0.2")
    assert description.media[0].mux


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("c=IN IP4 10.0.0.1", "10.0.0.1"), ("c=IN IP4  10.0.0.1 \t", "10.0.0.1"), ("c=IN\tIP4\t10.0.0.1", "10.0.0.1"),
        ("c=IN IP4 224.2.1.1/127/3", "224.2.1.1"), ("c=IN IP6 FF15::101/3", "FF15::101"),
        ("c=IN IP4 host.example", "host.example"),
        ("c=IN IP4 0.0.0.0", "0.0.0.0"), ("c=10.0.0.1", None), ("c=", None), ("c=IN IP4 10.0.0.1.5", "10.0.0.1.5"),
    ],
)  # fmt: skip
def test_connection_line(line: str, written: str | None) -> None:
    data, description = read(HEAD + line)
    host = description.connection
    assert (host and data[host.start : host.end].decode()) == written


def test_a_name_is_no_address() -> None:
    for name in ("host.example", "10.0.0.256", "010.0.0.1", "10.0.0", "1.2.3.4.5", "::g"):
        _, description = read(f"v=0\nc=IN IP4 {name}")
        assert description.connection is not None
        assert description.connection.address is None


@pytest.mark.parametrize(
    ("line", "port", "count", "transport"),
    [
        ("m=audio 4000 RTP/AVP 0 8", 4000, 1, "RTP/AVP"), ("m=audio 4000/2 RTP/AVP 0", 4000, 2, "RTP/AVP"),
        ("m=audio 0 RTP/AVP 0", 0, 1, "RTP/AVP"), ("m=audio 4000/0 RTP/AVP 0", 4000, 1, "RTP/AVP"),
        ("m=image  4000\tudptl t38", 4000, 1, "udptl"),
        ("m=video 65535 UDP/TLS/RTP/SAVPF 96", 65535, 1, "UDP/TLS/RTP/SAVPF"),
        ("m=audio 04000 RTP/AVP", 4000, 1, "RTP/AVP"),
    ],
)  # fmt: skip
def test_media_line(line: str, port: int, count: int, transport: str) -> None:
    data, only = media(line)
    assert (only.port.number, only.count, only.transport) == (port, count, transport)
    assert int(data[only.port.start : only.port.end]) == port


@pytest.mark.parametrize(
    "line",
    ["m=", "m=audio", "m=audio RTP/AVP 0", "m=audio 65536 RTP/AVP 0", "m=audio -1 RTP/AVP 0", "m=audio 4000",
     "m=audio 123456 RTP/AVP 0", "m=audio 4000/ RTP/AVP 0", "m=audio 4000/12345 RTP/AVP 0", "m=audio 4000RTP/AVP 0"],
)  # fmt: skip
def test_wrong_media_line(line: str) -> None:
    assert refusal(line) == "sdp-media-line"


@pytest.mark.parametrize(
    ("transport", "rtp", "protocol"),
    [
        ("RTP/AVP", True, UDP), ("UDP/TLS/RTP/SAVPF", True, UDP), ("TCP/RTP/AVP", True, TCP), ("udptl", False, UDP),
        ("TCP/MSRP", False, TCP), ("TCP", False, TCP), ("UDP/DTLS/SCTP", False, UDP), ("TCP/DTLS/SCTP", False, TCP),
    ],
)  # fmt: skip
def test_what_is_carried(transport: str, rtp: bool, protocol: int) -> None:  # noqa: FBT001 - a table's column
    _, only = media(f"m=x 4000 {transport} 0")
    assert (only.is_rtp, only.protocol) == (rtp, protocol)


def test_rtcp_attribute() -> None:
    data, only = media("m=audio 4000 RTP/AVP 0", "a=rtcp:4007")
    assert only.rtcp is not None
    assert (only.rtcp.number, data[only.rtcp.start : only.rtcp.end], only.rtcp_host) == (4007, b"4007", None)
    data, only = media("m=audio 4000 RTP/AVP 0", "a=rtcp:4007 IN IP4 10.0.0.9")
    assert at(data, only.rtcp_host) == "10.0.0.9"


@pytest.mark.parametrize("value", ["", "x", "65536", "IN IP4 10.0.0.1", "123456", "-1"])
def test_wrong_rtcp_attribute(value: str) -> None:
    assert refusal("m=audio 4000 RTP/AVP 0", f"a=rtcp:{value}") == "sdp-rtcp-attribute"


def test_two_answers_to_where_media_go() -> None:
    """Which would a peer believe? Layers of a multicast are no contradiction (RFC 8866, section 5.7)."""
    line = "c=IN IP4 10.0.0.1"
    assert refusal("m=audio 4000 RTP/AVP 0", line, "c=IN IP4 10.0.0.2") == "sdp-connection-twice"
    assert refusal(line, line, "m=audio 4000 RTP/AVP 0") == "sdp-connection-twice"
    assert refusal("m=audio 4000 RTP/AVP 0", "a=rtcp:4001", "a=rtcp:4003") == "sdp-rtcp-attribute"
    data, only = media("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127", "c=IN IP4 224.2.1.2/127")
    assert at(data, only.connection) == "224.2.1.2"


def test_flags() -> None:
    for line, mux, setup in [
        ("a=rtcp-mux", True, b""), ("a=setup:active", False, b"active"), ("a=setup:actpass", False, b"actpass"),
        ("a=rtcp-mux-only", True, b""), ("a=setup:passive", False, b"passive"), ("a=rtcp-mux \t", True, b""),
        ("a=rtcp-fb:* nack", False, b""), ("a=setup:", False, b""), ("a=setup:active\t", False, b"active"),
    ]:  # fmt: skip
        _, only = media("m=audio 4000 RTP/AVP 0", line)
        assert (only.mux, only.setup) == (mux, setup), line


def test_who_opens_the_connection() -> None:
    _, description = read(HEAD + "a=setup:passive\nm=image 9 TCP t38\na=setup:active\nm=image 9 TCP t38")
    assert (description.setup, [media.setup for media in description.media]) == (b"passive", [b"active", b""])


def test_where_rtcp_may_come() -> None:
    for line, mux, only in [
        ("a=rtcp-mux", True, False),
        ("a=rtcp-mux-only", True, True),
        ("a=rtcp-muxed", False, False),
    ]:
        _, found = media("m=audio 4000 RTP/AVP 0", line)
        assert (found.mux, found.mux_only) == (mux, only), line


def test_paths() -> None:
    line = "a=path:msrp://relay.example:9000/1;tcp MSRPS://u@10.0.0.1/2;tcp msrp://[2001:db8::1]:2855/3;tcp"
    data, only = media("m=message 2855 TCP/MSRP *", line, "a=msrp-cema")
    found = [
        (at(data, host) if host.address and len(host.address) == 4 else None, port and port.number)
        for host, port in only.path
    ]
    assert found == [(None, 9000), ("10.0.0.1", None), (None, 2855)]
    assert only.cema
    assert not media("m=message 2855 TCP/MSRP *", "a=path:msrp://10.0.0.1:99999/1;tcp x-msrp://10.0.0.1/2")[1].path
    assert refusal("m=message 2855 TCP/MSRP *", "a=path:" + " msrp://a/1;tcp" * 17) == "too-many-candidates"


def test_remote_candidates() -> None:
    data, only = media("m=audio 4000 RTP/AVP 0", "a=remote-candidates:1 10.0.0.1 4000 2 10.0.0.2 4001 3 x 99999")
    assert [(at(data, host), port and port.number) for host, port in only.remote] == [
        ("10.0.0.1", 4000),
        ("10.0.0.2", 4001),
    ]
    assert refusal("m=audio 4000 RTP/AVP 0", "a=remote-candidates:" + "1 a 1 " * 129) == "too-many-candidates"


def test_where_the_description_of_a_line_ends() -> None:
    data, description = read(HEAD + "m=audio 4000 RTP/AVP 0\na=x\nm=video 4002 RTP/AVP 31\na=y\n")
    first, second = description.media
    assert data[: first.end].endswith(b"a=x\r\n")
    assert data[: second.end].endswith(b"a=y\r\n")


def test_what_stands_behind_a_description_is_none_of_it() -> None:
    def outline(data: bytes, end: int) -> object:
        try:
            description = read_sdp(data, 0, end)
        except Malformed as malformed:
            return malformed.reason
        lines = [(media.kind, told(media.port), media.transport, media.mux) for media in description.media]
        return told(description.origin), told(description.connection), lines

    whole = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.2\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n"
    for data in (whole, whole.removeprefix(b"v=0\r\n"), whole[whole.index(b"m=") :]):
        for end in range(len(data) + 1):
            assert outline(data, end) == outline(data[:end], end), data[:end]


def test_candidates() -> None:
    data, only = media(
        "m=audio 4000 RTP/AVP 0",
        "a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host",
        "a=candidate:2 2 udp 1694498815 203.0.113.7 4801 typ srflx raddr 10.0.0.1 rport 4001 generation 0",
        "a=candidate:3 1 TCP 2128609279 10.0.0.1 9 typ host tcptype active",
        "a=candidate:4 1 ssltcp 1 2001:db8::1 443 typ relay raddr 0.0.0.0 rport 0",
        "a=candidate:5 1 UDP 1 phone.local 4000 typ host",
        "a=candidate:broken",
        "a=candidate:6 1 UDP 1 10.0.0.1 123456 typ host",
        "a=end-of-candidates",
    )
    assert [(at(data, each.host), each.port.number, each.protocol, each.related) for each in only.candidates] == [
        ("10.0.0.1", 4000, UDP, False),
        ("203.0.113.7", 4801, UDP, False),
        ("10.0.0.1", 4001, UDP, True),
        ("10.0.0.1", 9, TCP, False),
        ("2001:db8::1", 443, UDP, False),
        ("0.0.0.0", 0, UDP, True),
        ("phone.local", 4000, UDP, False),
    ]
    assert all(int(data[each.port.start : each.port.end]) == each.port.number for each in only.candidates)


def test_wrong_candidate_port() -> None:
    assert refusal("m=audio 4000 RTP/AVP 0", "a=candidate:1 1 UDP 1 10.0.0.1 65536 typ host") == "sdp-candidate"
    assert (
        refusal("m=a 1 b", "a=candidate:1 1 UDP 1 10.0.0.1 6 typ srflx raddr 10.0.0.1 rport 65536") == "sdp-candidate"
    )


def test_too_many_candidates() -> None:
    line = "a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host"
    assert len(media("m=a 1 b", *[line] * MAX_CANDIDATES)[1].candidates) == MAX_CANDIDATES
    assert refusal("m=a 1 b", *[line] * (MAX_CANDIDATES + 1)) == "too-many-candidates"


def test_attributes_of_no_media_are_passed_over() -> None:
    _, description = read(HEAD + "a=rtcp-mux\na=rtcp:x\na=candidate:1 1 UDP 1 10.0.0.1 99999 typ host\na=setup:active")
    assert description.media == []


def test_only_whole_lines_count() -> None:
    _, description = read(
        "v=0\ns=c=IN IP4 10.0.0.1\ni=m=audio 4000 RTP/AVP 0\na=x:o=- 1 1 IN IP4 10.0.0.1\nC=IN IP4 10.0.0.1"
    )
    assert (description.origin, description.connection, description.media) == (None, None, [])


MEDIA_OF_OTHERS = {
    # of each media line: kind, port, candidates with those they are related to, whether it has a c= of its own
    "alac": ["audio 0 0 False"],
    "dante-aes67": ["audio 5004 0 False"],
    "extmap-encrypt": ["audio 54400 0 False"],
    "hacky": ["audio 1 11 True", "video 1 0 True", "application 9 0 True"],
    "invalid": ["audio 1 0 True"],
    "jsep": ["audio 56500 2 True", "video 0 0 True"],
    "mediaclk-ptp-v2": ["audio 5004 0 False"],
    "mediaclk-ptp-v2-w-rate": ["audio 5004 0 False"],
    "normal": ["audio 54400 6 False", "video 55400 6 False"],
    "rtcp-fb": ["audio 7777 0 False", "video 8888 0 False"],
    "sctp-dtls-26": ["application 9 0 True"],
    "simulcast": ["audio 49200 0 False", "video 49300 0 False"],
    "st2110-20": ["video 50000 0 True", "video 50020 0 True"],
    "tcp-active": ["image 9 0 True"],
    "ts-refclk-sess": ["audio 49170 0 False", "video 51372 0 False"],
}


def test_descriptions_of_others() -> None:
    shared_file("sdp/sdptransform_normal.sdp")
    found = {}
    for path in sorted((SHARED / "sdp").iterdir()):
        data = path.read_bytes()
        found[path.stem.removeprefix("sdptransform_")] = [
            f"{m.kind} {m.port.number} {len(m.candidates)} {m.connection is not None}"
            for m in read_sdp(data, 0, len(data)).media
        ]
    assert found == MEDIA_OF_OTHERS


WORDS = st.sampled_from(["IN IP4 1.2.3.4", "IN", "IP4", "IP6 ::1", "x", "80", "000080", "RTP/AVP", "\r", "1.2.3.4/7"])
LINES = st.tuples(
    st.sampled_from(
        ["o=a ", "c=", "c=IN IP4 ", "m=", "m=audio ", "m=video 70000 udptl ", "a=sendonly", "m", "oIN IP4 "]
    ),
    st.lists(WORDS, max_size=4).map(" ".join),
    st.sampled_from(["\r\n", "\n", "\r\r\n", " \n", ""]),
).map("".join)


def outline(data: bytes, reader: Callable[[bytes], SessionDescription]) -> object:
    """All that a reader finds in a description, and where; or why it cannot read that."""
    try:
        session = reader(data)
    except Malformed as malformed:
        return malformed.reason
    media = [
        (
            (one.kind, told(one.port), one.count, one.transport, one.is_rtp, one.protocol, told(one.connection)),
            (told(one.rtcp), told(one.rtcp_host), one.mux, one.mux_only, one.cema, one.direction, one.setup, one.end),
            [(told(host), told(port), protocol) for host, port, protocol, _ in one.candidates],
            [(told(host), told(port)) for host, port in one.remote + one.path],
        )
        for one in session.media
    ]
    return told(session.origin), told(session.connection), session.direction, session.setup, media


def in_pieces(data: bytes) -> SessionDescription:
    return read_sdp(data, 0, len(data))


def by_lines(data: bytes) -> SessionDescription:
    session = SessionDescription()
    read_lines(session, data, data.decode("latin-1"), 0, len(data))
    return session


@example("o=a \r IN IP4 1.2.3.4\n")
@example("c=IP4 1.2.3.4 IN IP4 5.6.7.8\n")
@example("m=audio 000080 RTP/AVP 0\n")
@example("mxaudio 80 RTP/AVP 0\nax=sendonly\n")
@given(st.lists(LINES, max_size=4).map("".join))
def test_however_blanks_are_written_a_description_reads_the_same(text: str) -> None:
    """Those whose blanks are single ones have a reader of their own."""
    usual = text.encode()
    assert outline(usual, in_pieces) == outline(usual.replace(b" ", b"\t"), in_pieces)


OPENINGS = st.tuples(
    st.sampled_from(["v=0\r\no=a 1 1 ", "v=0\r\no=", "v=0\no=a 1 1 ", "v=0\r\no=IN IP4 "]),
    st.sampled_from(["IN IP4 10.0.0.1", "IN IP4 198.51.100.2", "IN IP6 ::1", "IN IP4 x", "IN IP4 10.0.0.1 "]),
    st.sampled_from(["\r\n", "\n", "\r\r\n", ""]),
    st.lists(
        st.sampled_from(
            [
                "s=-",
                "t=0 0",
                "c=IN IP4 10.0.0.1",
                "c=IN IP6 ::2",
                "a=inactive",
                "a=setup:active",
                "o=b 1 1 IN IP4 9.9.9.9",
            ]
        ).map(lambda line: line + "\r\n"),
        max_size=3,
    ).map("".join),
).map("".join)
CANDIDATE = "a=candidate:1 1 UDP 2130706431 10.0.0.5 5000 typ host"
SECTIONS = st.tuples(
    st.sampled_from(["m=audio ", "m=video ", "m=x ", "m=audio  "]),
    st.sampled_from(["4000", "5", "70000", "000080", "4000/2", "\xb2"]),
    st.sampled_from([" RTP/AVP 0 8", " TCP/MSRP *", " udptl t38", " x", "", " "]),
    st.sampled_from(["\r\n", "\n"]),
    st.lists(
        st.sampled_from(
            [
                "a=rtpmap:0 PCMU/8000", "c=IN IP4 10.0.0.3", "a=rtcp:5001", "a=rtcp:5001 IN IP4 10.0.0.4",
                "a=rtcp-mux", "a=rtcp-mux-only", "a=sendonly", "a=setup:passive", "a=msrp-cema",
                "a=remote-candidates:1 10.0.0.6 5006", CANDIDATE, "a=path:msrp://10.0.0.7:2855/s7x;tcp", "x" * 1_100,
            ]
        ).map(lambda line: line + "\r\n"),
        max_size=3,
    ).map("".join),
).map("".join)  # fmt: skip


@example("v=0\r\no=a IN IP4 10.0.0.1\r\no=b 1 1 IN IP4 9.9.9.9\r\nc=IN IP4 10.0.0.1\r\n", "")
@example("v=0\r\no=a \r IN IP4 10.0.0.1\r\n", "")
@example("v=0\r\no=a IN IP4 10.0.0.1", "")
@example(
    "v=0\r\no=a\n IN IP4 10.0.0.1\r\n", "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 1.0.0.3\r\na=rtcp:5 IN IP4 1.0.0.4\r\n"
)
@example("s=-\r\n", "m=audio 4000/2 RTP/AVP 0\r\nc=IN IP4 1.0.0.3\r\n")
@example("s=-\r\n", f"m=audio 4000 RTP/AVP 0\r\n{CANDIDATE}\r\n")
@example("s=-\r\n", "m=audio 4000 RTP/AVP 0\r\no=b 1 1 IN IP4 9.9.9.9\r\n")
@example("s=-\r\n", "m=audio 4000 80")
@given(OPENINGS, st.lists(SECTIONS, max_size=3).map("".join))
def test_what_is_recalled_in_one_piece_reads_as_it_does_line_by_line(opening: str, sections: str) -> None:
    first = (opening + sections).encode("latin-1")
    again = first.replace(b"o=a", b"o=alice").replace(b" 4000 ", b" 49152 ").replace(b"10.0.0.1", b"192.168.100.1", 1)
    other = first.replace(b"\r IN", b"IN").replace(b"/2 ", b" ")
    for description in (
        first,
        again,
        first.replace(b" 4000 ", b" "),
        other,
        other.replace(b"m=audio", b"m=text"),
        first,
        b"m=audio 6000 RTP/AVP 0\r\n" + again,
    ):
        assert outline(description, in_pieces) == outline(description, by_lines)


def test_every_reason_is_named_here() -> None:
    source = Path(*doorman.wire.__path__, "sdp_lines.py").read_text(encoding="utf-8")
    tests = Path(__file__).read_text(encoding="utf-8")
    reasons = {part.split('"')[1] for part in source.split("Malformed(")[1:]}
    assert [reason for reason in sorted(reasons) if f'"{reason}"' not in tests] == []
