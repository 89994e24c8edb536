"""pcap: both byte orders, both resolutions, and files that were cut or damaged."""

import struct
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.net.captures import MICROSECOND, DamagedCapture, Frame, NotACapture, UnwritableFrame, open_capture
from doorman.net.pcap import PcapWriter

FRAMES = [
    Frame(b"\x45" + bytes(59), 1_700_000_000_123_456_789, 60, 1),
    Frame(b"", 1_700_000_000_999_999_999, 1514, 1),
    Frame(bytes(range(96)), 4_294_967_295_000_000_001, 1514, 1),
]

frames = st.builds(
    Frame,
    data=st.binary(max_size=300),
    time_ns=st.integers(0, (1 << 32) * 10**9 - 1),
    wire_length=st.integers(0, (1 << 32) - 1),
    link=st.just(1),
    interface=st.just(0),
)


def written(frames: list[Frame], resolution: int = 1) -> bytes:
    stream = BytesIO()
    writer = PcapWriter(stream, resolution)
    for frame in frames:
        writer.write(frame)
    writer.finish()
    return stream.getvalue()


def rounded(frame: Frame) -> Frame:
    return frame._replace(time_ns=frame.time_ns // MICROSECOND * MICROSECOND)


def by_hand(order: str, magic: int, extra: bytes = b"") -> bytes:
    """Two records of loopback frames, built field by field from the format's description."""
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 0x1400_0000 + 113)
    data += struct.pack(order + "IIII", 10, 500, 3, 3) + extra + b"abc"
    return data + struct.pack(order + "IIII", 11, 999_999, 2, 80) + extra + b"de"


@pytest.mark.parametrize("resolution", [1, MICROSECOND])
def test_tshark_reads_what_was_written(
    resolution: int, tmp_path: Path, tshark_frames: Callable[[Path], list[tuple[int, int, int]]]
) -> None:
    path = tmp_path / "out.pcap"
    path.write_bytes(written(FRAMES, resolution))
    expected = FRAMES if resolution == 1 else [rounded(frame) for frame in FRAMES]
    assert tshark_frames(path) == [(frame.time_ns, frame.wire_length, len(frame.data)) for frame in expected]


@pytest.mark.parametrize("kind", ["pcap", "nsecpcap", "modpcap", "pcapng"])
def test_what_editcap_makes_of_it_is_read(kind: str, tmp_path: Path, run: Callable[..., str]) -> None:
    ours, theirs = tmp_path / "ours.pcap", tmp_path / "theirs"
    ours.write_bytes(written(FRAMES))
    run("editcap", "-F", kind, ours, theirs)
    expected = FRAMES if kind in {"nsecpcap", "pcapng"} else [rounded(frame) for frame in FRAMES]
    with theirs.open("rb") as stream:
        assert list(open_capture(stream)) == expected


def test_a_file_without_frames_is_a_capture(tmp_path: Path, run: Callable[..., str]) -> None:
    path = tmp_path / "none.pcap"
    path.write_bytes(written([]))
    assert run("capinfos", "-T", "-r", "-c", path).split("\t")[1].strip() == "0"
    assert list(open_capture(BytesIO(written([])))) == []


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "extra", "step"),
    [(0xA1B2C3D4, b"", 1000), (0xA1B23C4D, b"", 1), (0xA1B2CD34, bytes(8), 1000)],
)
def test_both_byte_orders_and_all_magic_numbers(order: str, magic: int, extra: bytes, step: int) -> None:
    first, second = open_capture(BytesIO(by_hand(order, magic, extra)))
    assert first == Frame(b"abc", 10 * 10**9 + 500 * step, 3, 113, 0)
    assert second == Frame(b"de", 11 * 10**9 + 999_999 * step, 80, 113, 0)


@given(st.lists(frames, max_size=5))
def test_frames_survive_with_their_times(frames: list[Frame]) -> None:
    assert list(open_capture(BytesIO(written(frames)))) == frames
    assert list(open_capture(BytesIO(written(frames, MICROSECOND)))) == [rounded(frame) for frame in frames]


def test_a_file_cut_anywhere_gives_its_whole_frames_and_then_says_so() -> None:
    data = written(FRAMES)
    ends = [24, 24 + 76, 24 + 76 + 16, len(data)]
    for size in range(24, len(data)):
        frames = []
        try:
            for frame in open_capture(BytesIO(data[:size])):
                frames.append(frame)  # noqa: PERF402 - a list would be lost when the reader raises
        except DamagedCapture as damage:
            assert "cut short" in str(damage)  # noqa: PT017 - not raised where a record happens to end
            assert size not in ends
        else:
            assert size in ends
        assert frames == FRAMES[: sum(end <= size for end in ends) - 1]


def test_a_length_beyond_any_frame_is_damage_and_nothing_is_read_for_it() -> None:
    data = written(FRAMES[:1]) + struct.pack("<4I", 1, 1, 0xFFFF_FFF0, 60)
    reader = iter(open_capture(BytesIO(data)))
    assert next(reader) == FRAMES[0]
    with pytest.raises(DamagedCapture, match="at byte 100 says: 4294967280"):
        next(reader)


@given(st.data())
def test_damaged_files_raise_the_named_errors_only(data: st.DataObject) -> None:
    damaged = bytearray(written(FRAMES))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(NotACapture, DamagedCapture):
        assert len(list(open_capture(BytesIO(damaged)))) <= len(damaged) // 16


def test_a_second_link_type_is_refused_and_the_file_stays_whole() -> None:
    stream = BytesIO()
    writer = PcapWriter(stream)
    writer.write(FRAMES[0])
    with pytest.raises(UnwritableFrame, match="one link type, this one 1, not 101"):
        writer.write(FRAMES[1]._replace(link=101))
    writer.write(FRAMES[2])
    assert list(open_capture(BytesIO(stream.getvalue()))) == [FRAMES[0], FRAMES[2]]


@pytest.mark.parametrize("time_ns", [-1, (1 << 32) * 10**9])
def test_a_time_out_of_range_is_refused(time_ns: int) -> None:
    with pytest.raises(UnwritableFrame):
        PcapWriter(BytesIO()).write(FRAMES[0]._replace(time_ns=time_ns))
