"""pcapng: sections, interfaces, all packet blocks, and files that were cut or damaged."""

import struct
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.net.captures import DamagedCapture, Frame, NotACapture, UnwritableFrame, open_capture
from doorman.net.pcapng import PcapngWriter

FRAMES = [
    Frame(b"\x45" + bytes(59), 1_700_000_000_123_456_789, 60, 1, 0),
    Frame(b"\x45" + bytes(30), 1_700_000_001_000_000_001, 60, 101, 1),
    Frame(bytes(13), 1_700_000_002_000_000_000, 1514, 1, 0),
]

frames = st.builds(
    Frame,
    data=st.binary(max_size=300),
    time_ns=st.integers(0, (1 << 64) - 1),
    wire_length=st.integers(0, (1 << 32) - 1),
    link=st.sampled_from([0, 1, 101, 113, 276]),
    interface=st.integers(0, 2),
)


def written(frames: list[Frame]) -> bytes:
    stream = BytesIO()
    writer = PcapngWriter(stream)
    for frame in frames:
        writer.write(frame)
    writer.finish()
    return stream.getvalue()


class Section:
    """Builds blocks field by field from the format's description, in either byte order."""

    def __init__(self, order: str, version: int = 1) -> None:
        self.order = order
        self.data = b""
        self.add(0x0A0D0D0A, "IHHq", 0x1A2B3C4D, version, 0, -1)

    def add(self, kind: int, layout: str, *fields: int, then: bytes = b"") -> "Section":
        body = struct.pack(self.order + layout, *fields) + then
        body += bytes(-len(body) % 4)
        length = len(body) + 12
        self.data += struct.pack(self.order + "II", kind, length) + body + struct.pack(self.order + "I", length)
        return self

    def option(self, code: int, layout: str, value: int) -> bytes:
        packed = struct.pack(self.order + layout, value)
        return struct.pack(self.order + "HH", code, len(packed)) + packed + bytes(-len(packed) % 4)

    def interface(self, link: int, snapshot_length: int = 0, options: bytes = b"") -> "Section":
        return self.add(1, "HHI", link, 0, snapshot_length, then=options)

    def packet(self, interface: int, ticks: int, data: bytes, then: bytes = b"") -> "Section":
        fields = interface, ticks >> 32, ticks & 0xFFFF_FFFF, len(data), len(data)
        return self.add(6, "IIIII", *fields, then=data + bytes(-len(data) % 4) + then)


def all_blocks(order: str) -> bytes:
    """A section with what a file may hold: five resolutions, options and blocks to be passed over."""
    section = Section(order)
    section.interface(1, 65535, section.option(2, "I", 0x65746830))
    section.interface(101, 8, section.option(9, "B", 9) + section.option(14, "q", 1_000_000) + bytes(4))
    section.interface(113, 0, section.option(9, "B", 0x80 | 10))
    section.interface(1, 0, section.option(9, "B", 3))
    section.packet(0, 1_000_001, b"micro", then=section.option(2, "I", 0) + bytes(4))
    section.add(5, "III", 0, 0, 0)
    section.packet(1, 5, b"nano")
    section.packet(2, 1024 + 512, b"binary")
    section.add(0x7777, "I", 7, then=bytes(600_000))
    section.packet(3, 1500, b"milli")
    section.add(2, "HHIIII", 1, 3, 0, 6, 3, 99, then=b"old")
    return section.data


ALL_BLOCKS = [
    Frame(b"micro", 1_000_001_000, 5, 1, 0),
    Frame(b"nano", 1_000_000 * 10**9 + 5, 4, 101, 1),
    Frame(b"binary", 1_500_000_000, 6, 113, 2),
    Frame(b"milli", 1_500_000_000, 5, 1, 3),
    Frame(b"old", 1_000_000 * 10**9 + 6, 99, 101, 1),
]


def test_tshark_reads_what_was_written(
    tmp_path: Path, tshark_frames: Callable[[Path], list[tuple[int, int, int]]], run: Callable[..., str]
) -> None:
    path = tmp_path / "out.pcapng"
    path.write_bytes(written(FRAMES))
    assert tshark_frames(path) == [(frame.time_ns, frame.wire_length, len(frame.data)) for frame in FRAMES]
    kinds = run("tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.interface_id", "-e", "frame.encap_type")
    assert kinds.split() == ["0", "1", "1", "7", "0", "1"]


def test_what_mergecap_makes_of_it_is_read(tmp_path: Path, run: Callable[..., str]) -> None:
    first, second, merged = tmp_path / "1.pcapng", tmp_path / "2.pcapng", tmp_path / "m.pcapng"
    first.write_bytes(written(FRAMES[:1]))
    second.write_bytes(written(FRAMES[1:]))
    run("mergecap", "-a", "-I", "none", "-w", merged, first, second)
    with merged.open("rb") as stream:
        assert [frame[:4] for frame in open_capture(stream)] == [frame[:4] for frame in FRAMES]


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_blocks_in_both_byte_orders(
    order: str, tmp_path: Path, tshark_frames: Callable[[Path], list[tuple[int, int, int]]]
) -> None:
    assert list(open_capture(BytesIO(all_blocks(order)))) == ALL_BLOCKS
    path = tmp_path / "all.pcapng"
    path.write_bytes(all_blocks(order))
    assert tshark_frames(path) == [(frame.time_ns, frame.wire_length, len(frame.data)) for frame in ALL_BLOCKS]


def test_sections_have_their_own_byte_order_and_interfaces_are_numbered_through() -> None:
    data = Section("<").interface(1).packet(0, 1, b"a").data + Section(">").interface(101).packet(0, 2, b"b").data
    assert list(open_capture(BytesIO(data))) == [Frame(b"a", 1000, 1, 1, 0), Frame(b"b", 2000, 1, 101, 1)]


def test_a_simple_packet_takes_snapshot_length_and_time_of_others() -> None:
    section = Section("<").interface(1, 4).add(3, "I", 9, then=b"abcd").packet(0, 7, b"x")
    section.add(3, "I", 2, then=b"ab")
    assert list(open_capture(BytesIO(section.data))) == [
        Frame(b"abcd", 0, 9, 1, 0),
        Frame(b"x", 7000, 1, 1, 0),
        Frame(b"ab", 7000, 2, 1, 0),
    ]


def test_a_time_finer_than_nanoseconds_is_rounded_down() -> None:
    section = Section("<")
    section.interface(1, 0, section.option(9, "B", 12)).packet(0, 1_999, b"x")
    assert [frame.time_ns for frame in open_capture(BytesIO(section.data))] == [1]


@given(st.lists(frames, max_size=5))
def test_frames_survive_with_their_times(frames: list[Frame]) -> None:
    assert [frame[:4] for frame in open_capture(BytesIO(written(frames)))] == [frame[:4] for frame in frames]


@pytest.mark.parametrize("data", [written(FRAMES), all_blocks(">")[:500]])
def test_a_file_cut_anywhere_gives_its_whole_frames_and_then_says_so(data: bytes) -> None:
    whole = FRAMES if len(data) != 500 else ALL_BLOCKS
    counts = set()
    for size in range(28, len(data)):
        frames = []
        try:
            for frame in open_capture(BytesIO(data[:size])):
                frames.append(frame)  # noqa: PERF402 - a list would be lost when the reader raises
        except DamagedCapture as damage:
            assert "cut short" in str(damage)  # noqa: PT017 - not raised where a block happens to end
        assert frames == whole[: len(frames)]
        counts.add(len(frames))
    assert counts == set(range(len(counts)))


def test_a_block_passed_over_is_not_kept_and_its_missing_end_is_told() -> None:
    data = Section("<").data + struct.pack("<II", 0x7777, 0xFFFF_FFF0) + bytes(1000)
    with pytest.raises(DamagedCapture, match="4294966272 bytes are missing"):
        list(open_capture(BytesIO(data)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (Section("<").packet(0, 0, b"x").data, "interface 0, which is not described"),
        (Section("<").add(3, "I", 1, then=b"x").data, "before any interface"),
        (Section("<").interface(1).add(3, "I", 90, then=b"x").data, "does not fit its block"),
        (Section("<").interface(1).add(6, "5I", 0, 0, 0, 9, 9, then=b"x").data, "does not fit its block"),
        (Section("<").interface(1, 0, struct.pack("<HH", 9, 77)).data, "an option .* longer than the block: 77"),
        (Section("<").interface(1).data[:-4] + bytes(4), "lengths of the block at byte 28 disagree"),
        (Section("<").add(0x7777, "I", 1).data[:-4] + bytes(4), "lengths of the block at byte 28 disagree"),
        (Section("<").data + struct.pack("<III", 6, 33, 0), "cannot be as long as it says: 33"),
        (Section("<").data + struct.pack("<III", 6, 1 << 30, 0), "cannot be as long as it says: 1073741824"),
        (Section("<").data + struct.pack("<III", 7, 8, 0), "cannot be as long as it says: 8"),
        (Section("<").data + Section("<", version=2).data, "byte 28 is pcapng version 2.0"),
        (Section("<").data + Section("<").data[:8] + bytes(20), "byte 28 has no byte order"),
        (Section("<").data + b"".join([Section("<").interface(1).data[28:]] * 65_537), "one too many"),
    ],
)
def test_each_damage_has_its_message(data: bytes, says: str) -> None:
    with pytest.raises(DamagedCapture, match=says):
        list(open_capture(BytesIO(data)))


def test_an_unknown_version_is_refused_at_once() -> None:
    with pytest.raises(NotACapture, match="pcapng version"):
        open_capture(BytesIO(Section("<", version=2).data))


@given(st.data())
def test_damaged_files_raise_the_named_errors_only(data: st.DataObject) -> None:
    damaged = bytearray(written(FRAMES) + all_blocks(">")[:400])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(NotACapture, DamagedCapture):
        assert len(list(open_capture(BytesIO(damaged)))) <= len(damaged) // 16


@pytest.mark.parametrize(
    "misfit", [FRAMES[0]._replace(time_ns=-1), FRAMES[0]._replace(time_ns=1 << 64), FRAMES[0]._replace(link=1 << 16)]
)
def test_what_has_no_room_is_refused_and_the_file_stays_whole(misfit: Frame) -> None:
    stream = BytesIO()
    writer = PcapngWriter(stream)
    writer.write(FRAMES[0])
    with pytest.raises(UnwritableFrame):
        writer.write(misfit)
    assert list(open_capture(BytesIO(stream.getvalue()))) == [FRAMES[0]]
