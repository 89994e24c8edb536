"""Segments that no honest end would send: they are survived, nothing grows without bound; what came first counts."""

from hypothesis import given
from hypothesis import strategies as st

from doorman.net.packet import parse_packet
from doorman.net.tcp import (
    ACK,
    FIN,
    RST,
    SYN,
    Segment,
    Timestamps,
    is_intact,
    read_blocks,
    read_offer,
    read_options,
    read_segment,
    read_timestamps,
    with_blocks,
    without_multipath,
    write_options,
    write_segment,
)
from doorman.stream.ordering import MOST_PIECES, ROOM, Ordering
from doorman.stream.splice import Splice
from kit.changer import INVITE, STREAM, Changer
from kit.packets import endpoint, shown, tcp

IP = b"\x45" + bytes(7) + b"\x40\x06" + bytes(10)
SEQUENCES = st.integers(-40, 1_000) | st.integers(0, 2**32 - 1)
OPTIONS = st.binary(max_size=40) | st.sampled_from([b"", b"\x01" * 4, b"\x02\x04\x05\xb4", b"\x05\x0a" + bytes(8)])
SEGMENTS = st.tuples(
    st.integers(0, 1),
    st.builds(
        Segment,
        st.just(IP),
        SEQUENCES.map(lambda number: number % 2**32),
        SEQUENCES.map(lambda number: number % 2**32),
        st.sampled_from([0, ACK, ACK, ACK, FIN | ACK, RST, SYN, SYN | ACK]) | st.integers(0, 255),
        st.integers(0, 65_535),
        OPTIONS.map(lambda options: options + bytes(-len(options) % 4)),
        st.binary(max_size=30) | st.sampled_from(STREAM) | st.sampled_from([INVITE[:200], INVITE[200:]]),
        urgent=st.just(0) | st.integers(0, 65_535),
    ),
)


@given(st.lists(SEGMENTS, max_size=30), st.booleans())
def test_any_segments_are_survived(segments: list[tuple[int, Segment]], shaken: bool) -> None:  # noqa: FBT001 - drawn
    splice = Splice(Changer())
    if shaken:
        splice.take(Segment(IP, 2**32 - 1, 0, SYN, 9_000), 0, 0.0)
        splice.take(Segment(IP, 2**32 - 1, 0, SYN | ACK, 9_000), 1, 0.0)
    for now, (end, segment) in enumerate(segments):
        for one in (sent for way in splice.take(segment, end, float(now)) for sent in way):
            written = write_segment(one, endpoint("10.0.0.1:1"), endpoint("10.0.0.2:2"))
            packet = parse_packet(written)
            assert packet is not None
            assert is_intact(packet)


def test_a_sender_that_heeds_no_window_is_not_followed() -> None:
    splice = Splice(Changer())
    splice.take(Segment(IP, 0, 0, SYN, 9_000), 0, 0.0)
    splice.take(Segment(IP, 0, 1, SYN | ACK, 9_000), 1, 0.0)
    at = 1
    for _ in range(2_000):
        splice.take(Segment(IP, at, 1, ACK, 9_000, b"", INVITE), 0, 0.0)
        at += len(INVITE)
    half = splice.half(0)
    assert half is not None
    assert half.came.next <= ROOM + 1


def test_pieces_that_wait_are_counted() -> None:
    ordering = Ordering(0)
    for start in range(2, 10 * MOST_PIECES, 2):
        assert ordering.take(start, b"x") == b""
    assert len(ordering.waiting) == MOST_PIECES
    assert ordering.take(0, b"yyy") == b"yyx", "what came first counts"
    assert (ordering.contradicted, ordering.next) == (True, 3)


@given(
    st.binary(min_size=1, max_size=200),
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), max_size=40),
    st.integers(0, 2**33),
)
def test_bytes_come_out_once_and_in_order(data: bytes, cuts: list[tuple[int, int]], begin: int) -> None:
    ordering = Ordering(begin)
    pieces = [data[start : start + size] for start, size in cuts]
    got = b"".join(ordering.take(begin + start, piece) for (start, _), piece in zip(cuts, pieces, strict=True))
    got += ordering.take(begin, data)
    assert got == data
    assert (ordering.contradicted, ordering.waiting, ordering.next) == (False, [], begin + len(data))
    assert ordering.look(begin, begin + len(data)) == data


def test_other_bytes_are_noticed_wherever_they_overlap() -> None:
    for start, other in ((0, b"aX"), (1, b"X"), (5, b"Xg"), (4, b"eX")):
        ordering = Ordering(0)
        ordering.take(0, b"abc")
        ordering.take(5, b"fgh")
        ordering.take(start, other)
        assert ordering.contradicted
        assert ordering.take(3, b"de") == b"defgh" or start == 4


@given(OPTIONS)
def test_any_options_are_survived_and_keep_their_length(options: bytes) -> None:
    assert len(without_multipath(options)) == len(options)
    assert len(with_blocks(options, read_blocks(options)[:1])) == len(options)
    read_offer(options)
    read_timestamps(options)
    assert all(0 <= start < end <= len(options) for _, start, end in read_options(options))


def test_options_that_are_written_can_be_read() -> None:
    stamps, blocks = Timestamps(7, 2**32 - 1), [(1, 2), (2**32 - 1, 5)]
    options = write_options(stamps, blocks)
    assert (read_timestamps(options), read_blocks(options), len(options) % 4) == (stamps, blocks, 0)
    assert len(write_options(stamps, [(1, 2)] * 9)) == len(write_options(None, [(1, 2)] * 9)) + 4 <= 40


def test_a_segment_is_written_as_scapy_would() -> None:
    packet = parse_packet(tcp("10.0.0.1:1000", "10.0.0.2:2000", "PA", b"odd"))
    assert packet is not None
    segment = read_segment(packet)
    assert segment is not None
    written = write_segment(segment._replace(data=b"another"), endpoint("10.0.0.3:7"), endpoint("10.0.0.4:8"))
    assert shown(written) == "tcp 10.0.0.3:7 > 10.0.0.4:8"
    assert write_segment(segment, packet.sender, packet.receiver) == packet.data
