"""Which files are captures, and that captures of other projects are read as tshark reads them."""

import gzip
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from doorman.net.captures import (
    MICROSECOND,
    CaptureReader,
    DamagedCapture,
    Frame,
    NotACapture,
    create_capture,
    open_capture,
)
from doorman.net.pcap import PcapReader, PcapWriter
from doorman.net.pcapng import PcapngReader, PcapngWriter

FRAMES = [Frame(bytes([n]) * (60 + n), 1_700_000_000_000_000_000 + n, 60 + n, 1, 0) for n in range(200)]


def written(name: str, frames: list[Frame]) -> bytes:
    stream = BytesIO()
    writer = create_capture(stream, name)
    for frame in frames:
        writer.write(frame)
    writer.finish()
    return stream.getvalue()


def read_until_damage(reader: CaptureReader) -> list[Frame]:
    frames = []
    try:
        for frame in reader:
            frames.append(frame)  # noqa: PERF402 - a list would be lost when the reader raises
    except DamagedCapture:
        return frames
    pytest.fail("the damage was not told")


def test_captures_of_other_projects_are_read_as_tshark_reads_them(
    shared_captures: list[Path], run: Callable[..., str], tshark_frames: Callable[..., object], tmp_path: Path
) -> None:
    ours = []
    counts = []
    for path in shared_captures:
        with path.open("rb") as stream:
            frames = list(open_capture(stream))
            assert not stream.read(1)
        counts.append(f"{path}\t{len(frames)}")
        ours += [(frame.time_ns, frame.wire_length, len(frame.data)) for frame in frames]
    assert run("capinfos", "-T", "-r", "-c", *shared_captures).splitlines() == counts
    merged = tmp_path / "all.pcapng"
    run("mergecap", "-a", "-w", merged, *shared_captures)
    assert tshark_frames(merged) == ours


def test_captures_of_other_projects_keep_every_byte_through_both_formats(shared_captures: list[Path]) -> None:
    for path in shared_captures:
        with path.open("rb") as stream:
            frames = list(open_capture(stream))
        assert [f[:4] for f in open_capture(BytesIO(written("x.pcapng", frames)))] == [f[:4] for f in frames]
        for link in {frame.link for frame in frames}:
            of_link = [frame._replace(interface=0) for frame in frames if frame.link == link]
            assert list(open_capture(BytesIO(written("x.pcap", of_link)))) == of_link


def test_a_stream_is_taken_in_pieces_and_position_says_how_far() -> None:
    data = written("x.pcap", [FRAMES[0]._replace(data=bytes(1000), wire_length=1000)] * 2000)
    reader = open_capture(BytesIO(data))
    positions = [reader.position() for _ in reader]
    assert 0 < positions[0] < len(data) / 4
    assert positions == sorted(positions)
    assert reader.position() == len(data)


def test_iterating_goes_on_where_it_stopped() -> None:
    reader = open_capture(BytesIO(written("x.pcap", FRAMES)))
    assert next(iter(reader)) == FRAMES[0]
    assert list(reader) == FRAMES[1:]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\n", "begins with 0a"),
        (b"INVITE sip:bob@example.com SIP/2.0\r\n", "begins with 49 4e 56 49"),
        (b"snoop\0\0\0\0\0\0\2", "snoop"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "24 bytes, this file 6"),
        (b"\xd4\xc3\xb2\xa1\x05" + bytes(30), "version 5.0"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0", "cut short"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0" + bytes(30), "no byte order"),
        (b"\x1f\x8b\x08\0 no deflate", "gzip"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(b"some text", mtime=0), "begins with"),
    ],
)
def test_a_file_that_is_no_capture_is_refused_in_one_line(data: bytes, says: str) -> None:
    with pytest.raises(NotACapture, match=says) as refusal:
        open_capture(BytesIO(data))
    assert "\n" not in str(refusal.value)


def test_gzip_is_unpacked_and_its_damage_told_after_the_last_whole_frame() -> None:
    packed = gzip.compress(written("x.pcap", FRAMES), mtime=0)
    reader = open_capture(BytesIO(packed))
    assert list(reader) == FRAMES
    assert reader.position() == len(packed)
    for size in range(200, len(packed), 50):
        given = read_until_damage(open_capture(BytesIO(packed[:size])))
        assert given == FRAMES[: len(given)]
    assert read_until_damage(open_capture(BytesIO(packed[:-1]))) == FRAMES


def test_the_name_of_the_file_chooses_the_format() -> None:
    assert isinstance(create_capture(BytesIO(), "out.pcapng"), PcapngWriter)
    assert isinstance(create_capture(BytesIO(), "OUT.PCAPNG"), PcapngWriter)
    assert isinstance(create_capture(BytesIO(), "out.pcap"), PcapWriter)
    assert isinstance(create_capture(BytesIO(), "/dev/stdout"), PcapWriter)


def test_what_is_written_says_its_format_and_resolution_again() -> None:
    fine = open_capture(BytesIO(written("x.pcap", FRAMES)))
    assert isinstance(fine, PcapReader)
    assert fine.resolution == 1
    assert isinstance(open_capture(BytesIO(written("x.pcapng", FRAMES))), PcapngReader)
    stream = BytesIO()
    create_capture(stream, "x.pcap", MICROSECOND).finish()
    stream.seek(0)
    assert open_capture(stream).resolution == MICROSECOND
