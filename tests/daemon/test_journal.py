"""The journal: all of what was written at once or nothing, whatever happens to the process or the file."""

import os
import resource
import signal
import stat
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.algs.records import as_bytes
from doorman.daemon.journal import MAX_RECORD, NAME, Batch, Journal, JournalFailed

HEAD = 3
"""Bytes before those of a long value, by the specification of MessagePack."""
ONE: Batch = {b"one": b"203.0.113.1:5060"}
TWO: Batch = {b"two \x00 \xff": b"\x00\xff\n"}


def kept(directory: Path, boot: str = "boot") -> dict[bytes, bytes]:
    """What a journal has that is opened anew, without a word."""
    journal = Journal(directory, boot)
    records = {as_bytes(name): as_bytes(value) for name, value in journal.load().items()}
    journal.close()
    assert journal.said == []
    return records


def gone(records: Batch) -> Batch:
    """The same, taken out."""
    return dict.fromkeys(records)


def test_what_is_written_is_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot")
    assert journal.load() == {}
    assert journal.write(ONE | TWO) == 0
    assert journal.load() == ONE | TWO
    journal.write({b"one": b"", **gone(TWO), b"never there": None})
    assert journal.load() == {b"one": b""}
    journal.close()
    assert kept(tmp_path) == {b"one": b""}


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "var" / "state"
    before = os.umask(0)
    try:
        journal = Journal(directory, "boot")
        journal.write(ONE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.rglob("*")} == {NAME: 0o700, "1": 0o600}
    journal.close()


def test_nobody_else_opens_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot")
    with pytest.raises(JournalFailed, match="another process has it"):
        Journal(tmp_path, "boot")
    journal.close()
    again = Journal(tmp_path, "boot")
    with pytest.raises(JournalFailed, match="another process has it"):
        Journal(tmp_path, "boot")
    again.close()
    assert kept(tmp_path) == {}


def test_a_record_that_is_too_long_is_not_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot")
    journal.write(ONE)
    assert journal.write({b"one": b"x" * (MAX_RECORD - HEAD + 1), **TWO}) == 1
    assert journal.load() == TWO, "what it was before is not true any more"
    assert journal.write({b"one": b"x" * (MAX_RECORD - HEAD)}) == 0
    journal.close()


def test_the_state_of_another_boot_is_discarded(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot")
    journal.write(ONE)
    journal.close()
    later = Journal(tmp_path, "another")
    assert later.load() == {}
    assert later.said == [f"{later.path}: the machine was started anew since; what was saved before is discarded"]
    later.close()
    assert kept(tmp_path, "another") == {}


def files(directory: Path) -> dict[str, bytes]:
    """What is in the files of a journal, by their names."""
    return {path.name: path.read_bytes() for path in (directory / NAME).iterdir()}


def only_file(directory: Path) -> Path:
    """The one file of a journal that is small."""
    (path,) = (directory / NAME).iterdir()
    return path


def many() -> Batch:
    """Records that make a batch of 50,000 bytes."""
    return {b"%04d" % number: b"y" * 500 for number in range(100)}


def frame(batch: bytes) -> bytes:
    """A batch as it is in a file, whatever it says."""
    return struct.pack("=III", len(batch), len(batch) ^ 0xFFFF_FFFF, zlib.crc32(batch)) + batch


class TestForeignFiles:
    def moved(self, directory: Path) -> str:
        """What is said of a journal that is there; it is moved aside, and the new one works."""
        before = files(directory)
        journal = Journal(directory, "boot")
        assert journal.load() == {}
        journal.write(ONE)
        journal.close()
        (said,) = journal.said
        assert {path.name: path.read_bytes() for path in (directory / f"{NAME}.aside").iterdir()} == before
        assert said.endswith(f"; moved to {directory / NAME}.aside, and a new one begun")
        assert kept(directory) == ONE
        return said

    def test_of_something_else(self, tmp_path: Path) -> None:
        (tmp_path / NAME).mkdir()
        (tmp_path / NAME / "1").write_bytes(b"anything but a journal" * 100)
        assert "not a journal of doorman" in self.moved(tmp_path)

    @pytest.mark.parametrize("name", ["x", "01", "1.5", "-1", "0x1"])
    def test_a_file_that_has_no_number(self, tmp_path: Path, name: str) -> None:
        Journal(tmp_path, "boot").close()
        (tmp_path / NAME / name).write_bytes(b"")
        assert "not a journal of doorman" in self.moved(tmp_path)

    def test_a_file_in_the_place_of_the_journal(self, tmp_path: Path) -> None:
        (tmp_path / NAME).write_bytes(b"x")
        journal = Journal(tmp_path, "boot")
        assert (tmp_path / f"{NAME}.aside").read_bytes() == b"x"
        assert [f"{journal.path}: not a journal of doorman;" in said for said in journal.said] == [True]
        journal.close()
        assert kept(tmp_path) == {}

    def test_a_link_in_the_place_of_the_journal(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "1").write_bytes(b"x")
        (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
        journal = Journal(tmp_path, "boot")
        journal.write(ONE)
        journal.close()
        assert (tmp_path / f"{NAME}.aside").is_symlink()
        assert [path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()] == [b"x"]
        assert kept(tmp_path) == ONE

    def test_what_is_aside_makes_room(self, tmp_path: Path) -> None:
        for text in (b"first", b"second"):
            only = tmp_path / NAME / "1"
            only.parent.mkdir(exist_ok=True)
            only.write_bytes(text)
            Journal(tmp_path, "boot").close()
        assert (tmp_path / f"{NAME}.aside" / "1").read_bytes() == b"second"

    def test_of_another_version(self, tmp_path: Path) -> None:
        Journal(tmp_path, "boot").close()
        path = only_file(tmp_path)
        path.write_bytes(path.read_bytes().replace(b"doorman journal 8 ", b"doorman journal 9 "))
        assert "another version of doorman (layout 9)" in self.moved(tmp_path)

    @pytest.mark.parametrize("place", [0, 9, 30, 100, 105, 4096, 40_000])
    def test_damaged_anywhere(self, tmp_path: Path, place: int) -> None:
        journal = Journal(tmp_path, "boot")
        journal.write(many())
        journal.write(ONE)
        journal.close()
        path = only_file(tmp_path)
        data = bytearray(path.read_bytes())
        data[place : place + 64] = b"\xa5" * 64
        path.write_bytes(data)
        assert ("damaged" in (said := self.moved(tmp_path))) or "not a journal of doorman" in said

    @pytest.mark.parametrize("bit", range(0, 96, 5))
    def test_a_bit_of_a_frame(self, tmp_path: Path, bit: int) -> None:
        journal = Journal(tmp_path, "boot")
        start = only_file(tmp_path).stat().st_size
        journal.write(ONE)
        journal.close()
        path = only_file(tmp_path)
        data = bytearray(path.read_bytes())
        data[start + bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert f"damaged (file 1, the batch at {start} is not what was written)" in self.moved(tmp_path)

    def test_a_file_that_is_missing(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path, "boot", full=10)
        for number in range(4):
            journal.write({b"%d" % number: b"x"})
        journal.close()
        (tmp_path / NAME / "3").unlink()
        assert "damaged (file 3 is missing)" in self.moved(tmp_path)

    def test_a_file_cut_short_that_is_not_the_last(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path, "boot", full=10)
        journal.write(ONE)
        journal.write(TWO)
        journal.close()
        path = tmp_path / NAME / "2"
        os.truncate(path, path.stat().st_size - 1)
        assert "damaged (file 2, the batch at" in self.moved(tmp_path)

    @pytest.mark.parametrize(
        "batch", [b"", b"\x81\x80\xc4\x00", b"\x81\xc4\x01x\xc1", b"\x90", b"\x81\xc4\x01x", b"\x80\x00"]
    )
    def test_a_batch_that_is_none(self, tmp_path: Path, batch: bytes) -> None:
        Journal(tmp_path, "boot").close()
        path = only_file(tmp_path)
        path.write_bytes(path.read_bytes() + frame(batch))
        assert "damaged (file 1, the batch at" in self.moved(tmp_path)


def test_a_write_that_was_cut_short_was_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot")
    begun = only_file(tmp_path).stat().st_size
    journal.write(ONE)
    before = only_file(tmp_path).stat().st_size
    journal.write(many())
    journal.close()
    whole = only_file(tmp_path).read_bytes()
    for end in [*range(before, before + 30), len(whole) - 1, *range(begun)]:
        only_file(tmp_path).write_bytes(whole[:end])
        expected = ONE if end >= before else {}
        assert kept(tmp_path) == expected
        journal = Journal(tmp_path, "boot")
        journal.write(TWO)
        journal.close()
        assert kept(tmp_path) == expected | TWO


def test_the_files_do_not_grow_with_what_is_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot", room=50, full=4_000)
    journal.write(ONE)
    for turn in range(3_000):
        own = b"%d" % turn
        journal.write({b"x%d" % (turn % 7): own, b"y" + own: own, b"y%d" % (turn - 3): None})
    journal.close()
    assert sum(map(len, files(tmp_path).values())) < 16_000
    expected = {b"x%d" % (turn % 7): b"%d" % turn for turn in range(2_993, 3_000)}
    expected |= {b"y%d" % turn: b"%d" % turn for turn in range(2_997, 3_000)}
    assert kept(tmp_path) == expected | ONE, "what is old counts still"


def test_what_is_old_is_written_again_some_at_a_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot", room=4, full=50_000)
    journal.write(many())
    lengths = []
    for turn in range(1_000):
        before = sum(map(len, files(tmp_path).values()))
        journal.write({b"x": b"%d" % turn})
        lengths.append(sum(map(len, files(tmp_path).values())) - before)
        if turn == 510:
            assert max(lengths) > 500, "it has begun"
            journal.write({b"%04d" % number: None for number in range(20)})
            journal.write({b"%04d" % number: b"another" for number in range(10, 30)})
    assert max(lengths) < 2 * 600, "one record, and an old one"
    assert min(lengths) < -40_000, "until the old file goes"
    expected = {name: value for name, value in many().items() if str(name) >= str(b"0030")} | {b"x": b"999"}
    expected |= {b"%04d" % number: b"another" for number in range(10, 30)}
    assert journal.load() == expected
    journal.close()
    assert kept(tmp_path) == expected


def test_a_file_that_cannot_be_removed_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it was killed between: what counts is in two files then."""
    journal = Journal(tmp_path, "boot", room=4, full=100)
    journal.write(ONE | {b"gone": b"1"})
    journal.write({b"gone": None})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        turns = iter(range(640))
        with pytest.raises(JournalFailed, match="told to refuse"):
            write_anew(journal, turns)
    expected = ONE | {b"x": b"%d" % (next(turns) - 1)}
    assert journal.load() == expected
    journal.close()
    journal = Journal(tmp_path, "boot", room=4, full=100)
    assert journal.load() == expected
    write_anew(journal, range(640))
    assert journal.load() == ONE | {b"x": b"639"}
    journal.close()
    assert len(files(tmp_path)) < 10


def write_anew(journal: Journal, turns: Iterable[int]) -> None:
    """One record with one value after the other."""
    for turn in turns:
        journal.write({b"x": b"%d" % turn})


def refuse(*_: object, **__: object) -> None:
    """Fail as the system might."""
    raise OSError("told to refuse")


def test_what_never_was_there_is_not_taken_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot")
    journal.write({b"never there": None, b"too long": b"x" * (MAX_RECORD + 1)})
    journal.close()
    assert only_file(tmp_path).read_bytes() == b"doorman journal 8 boot\n"


TURNS = st.lists(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 99)), max_size=5), max_size=60)


@given(TURNS, st.sets(st.integers(0, 59)), st.integers(0, 200))
def test_whatever_is_written_the_newest_counts(
    turns: list[list[tuple[int, int | None]]], reopened: set[int], full: int
) -> None:
    with TemporaryDirectory() as directory:
        journal = Journal(Path(directory), "boot", room=4, full=full)
        expected: Batch = {}
        for turn, writes in enumerate(turns):
            records: Batch = {b"%d" % key: None if value is None else b"%d" % value for key, value in writes}
            journal.write(records)
            for key, value in records.items():
                expected.pop(key, None)
                if value is not None:
                    expected[key] = value
            if turn in reopened:
                journal.close()
                journal = Journal(Path(directory), "boot", room=4, full=full)
            assert journal.load() == expected
        journal.close()


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalFailed, match=r"Not a directory|File exists"):
        Journal(tmp_path / "file", "boot")


class TestNoRoom:
    """A limit to the size of files makes the writes fail as a full disk does."""

    @pytest.fixture(autouse=True)
    def _limits(self) -> object:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    def test_nothing_is_written_and_what_was_there_stays(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path, "boot")
        journal.write(ONE)
        large: Batch = {b"%d" % number: b"x" * 60_000 for number in range(100)}
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        with pytest.raises(JournalFailed, match=str(journal.path)):
            journal.write(TWO | large)
        assert journal.load() == ONE
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        journal.write(TWO)
        assert journal.load() == ONE | TWO
        journal.begin_again(TWO)
        journal.close()
        assert kept(tmp_path) == TWO

    def test_no_room_even_to_begin(self, tmp_path: Path) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        with pytest.raises(JournalFailed, match="File too large"):
            Journal(tmp_path, "boot")
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert kept(tmp_path) == {}


WRITER = """
import sys
from pathlib import Path
from doorman.algs.records import as_bytes
from doorman.daemon.journal import Journal

journal = Journal(Path(sys.argv[1]), "boot")
print(journal.said, len(journal.load()), flush=True)
for turn in range(1, 1_000_000):
    journal.write({b"x%d" % key: b"%d " % turn + b"x" * (turn * key % 3000) for key in range(20)}
        | {b"turn%d" % turn: b"", b"turn%d" % (turn - 5): None})
    print(turn, flush=True)
"""


@pytest.mark.parametrize("turns", [1, 7, 40, 150])
def test_killed_at_any_time(tmp_path: Path, turns: int) -> None:
    """What is there is what was there after some write, and no write that was over is lost."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "[] 0\n"
        for line in writer.stdout:
            if int(line) >= turns:
                writer.kill()
                break
        told = [int(line) for line in writer.stdout if line.endswith("\n")]
    records = kept(tmp_path)
    written = {int(value.split()[0]) for name, value in records.items() if name.startswith(b"x")}
    (last,) = written
    assert last in range(max([turns, *told]), max([turns, *told]) + 2)
    assert sum(name.startswith(b"x") for name in records) == 20
    named = sorted(int(name.removeprefix(b"turn")) for name in records if name.startswith(b"turn"))
    assert named == list(range(max(1, last - 4), last + 1))
