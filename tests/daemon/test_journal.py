"""The journal: all of what was written at once or nothing, whatever happens to the process or the file."""

import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import zlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorman.daemon.journal import MAX_RECORD, NAME, Batch, Journal, JournalFailed

ONE: Batch = {b"one": b"203.0.113.1:5060"}
TWO: Batch = {b"two \x00 \xff": b"\x00\xff\n"}


def kept(directory: Path, boot: str = "boot") -> dict[bytes, bytes]:
    """What a journal has that is opened anew, without a word."""
    journal = Journal(directory, boot)
    records = journal.load()
    journal.close()
    assert journal.said == []
    return records


def gone(records: Batch) -> dict[bytes, None]:
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
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {
        NAME: 0o600,
        f"{NAME}-wal": 0o600,
    }
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
    assert journal.write({b"one": b"x" * (MAX_RECORD + 1), **TWO}) == 1
    assert journal.load() == TWO, "what it was before is not true any more"
    assert journal.write({b"one": b"x" * MAX_RECORD}) == 0
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


class TestForeignFiles:
    def moved(self, directory: Path) -> str:
        """What is said of a file that is there; it is moved aside, and the new one works."""
        before = (directory / NAME).read_bytes()
        journal = Journal(directory, "boot")
        assert journal.load() == {}
        journal.write(ONE)
        journal.close()
        (said,) = journal.said
        assert (directory / f"{NAME}.aside").read_bytes() == before
        assert said.endswith(f"; moved to {directory / NAME}.aside, and a new one begun")
        assert kept(directory) == ONE
        return said

    def test_of_something_else(self, tmp_path: Path) -> None:
        (tmp_path / NAME).write_bytes(b"anything but a database" * 100)
        assert "damaged (file is not a database)" in self.moved(tmp_path)

    def test_a_database_of_another_program(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / NAME) as other:
            other.execute("CREATE TABLE records (x)")
        other.close()
        assert "not a journal of doorman" in self.moved(tmp_path)

    def test_of_another_version(self, tmp_path: Path) -> None:
        Journal(tmp_path, "boot").close()
        with sqlite3.connect(tmp_path / NAME, isolation_level=None) as ours:
            ours.execute("PRAGMA user_version = 7")
        ours.close()
        assert "another version of doorman (layout 7)" in self.moved(tmp_path)

    def test_without_its_tables(self, tmp_path: Path) -> None:
        Journal(tmp_path, "boot").close()
        with sqlite3.connect(tmp_path / NAME, isolation_level=None) as ours:
            ours.execute("DROP TABLE about")
        ours.close()
        assert "damaged (no such table: about)" in self.moved(tmp_path)

    @pytest.mark.parametrize("place", [0, 18, 100, 105, 4096, 4100, 8192])
    def test_damaged_anywhere(self, tmp_path: Path, place: int) -> None:
        journal = Journal(tmp_path, "boot")
        journal.write({b"%04d" % number: b"y" * 500 for number in range(100)})
        journal.close()
        data = bytearray((tmp_path / NAME).read_bytes())
        data[place : place + 64] = b"\xa5" * 64
        (tmp_path / NAME).write_bytes(data)
        assert "damaged" in self.moved(tmp_path)

    def test_damaged_where_it_does_not_show(self, tmp_path: Path) -> None:
        """SQLite has no checksums: values may be others, and are checked by those who read them."""
        for place in range(4096, 20_000, 1111):
            journal = Journal(tmp_path / str(place), "boot")
            records = {b"%04d" % number: b"y" * 500 for number in range(100)}
            journal.write(dict(records))
            journal.close()
            data = bytearray(journal.path.read_bytes())
            data[place : place + 64] = b"\xa5" * 64
            journal.path.write_bytes(data)
            again = Journal(tmp_path / str(place), "boot")
            assert again.load() == ({} if again.said else records)
            again.close()

    def test_cut_short(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path, "boot")
        journal.write({b"%04d" % number: b"y" * 500 for number in range(100)})
        journal.close()
        os.truncate(tmp_path / NAME, 5000)
        assert "damaged" in self.moved(tmp_path)

    def test_an_empty_file_is_one_that_was_just_begun(self, tmp_path: Path) -> None:
        (tmp_path / NAME).touch()
        assert kept(tmp_path) == {}

    @pytest.mark.parametrize(
        "batch", [b"", b"\x81\xa1x\xc4\x00", b"\x81\xc4\x01x\x05", b"\x90", b"\x81\xc4\x01x", b"\x80\x00"]
    )
    def test_a_batch_that_is_none(self, tmp_path: Path, batch: bytes) -> None:
        Journal(tmp_path, "boot").close()
        with sqlite3.connect(tmp_path / NAME, isolation_level=None) as ours:
            ours.execute("INSERT INTO batches VALUES (1, ?, ?)", (zlib.crc32(batch), batch))
        ours.close()
        assert "damaged (batch 1 is not what was written)" in self.moved(tmp_path)

    @pytest.mark.parametrize("value", ["'text'", "5", "x'00'", "substr(records, 2)", "x'81c40178c40179'"])
    def test_a_batch_that_is_not_what_was_written(self, tmp_path: Path, value: str) -> None:
        journal = Journal(tmp_path, "boot")
        journal.write(ONE)
        journal.close()
        with sqlite3.connect(tmp_path / NAME, isolation_level=None) as ours:
            ours.execute(f"UPDATE batches SET records = {value}")
        ours.close()
        assert "damaged (batch 1 is not what was written)" in self.moved(tmp_path)


def batches(directory: Path) -> list[int]:
    """The numbers of the batches in a file."""
    with sqlite3.connect(directory / NAME, isolation_level=None) as database:
        found = [number for (number,) in database.execute("SELECT id FROM batches ORDER BY id")]
    database.close()
    return found


def test_the_file_does_not_grow_with_what_is_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot")
    journal.write(ONE)
    for turn in range(3_000):
        own = b"%d" % turn
        journal.write({b"x%d" % (turn % 7): own, b"y" + own: own, b"y%d" % (turn - 3): None})
    journal.close()
    assert len(batches(tmp_path)) < 2_000
    expected = {b"x%d" % (turn % 7): b"%d" % turn for turn in range(2_993, 3_000)}
    expected |= {b"y%d" % turn: b"%d" % turn for turn in range(2_997, 3_000)}
    assert kept(tmp_path) == expected | ONE, "what is old counts still"


class Statements(sqlite3.Connection):
    """A connection that counts how often batches are taken out, and refuses that where it is told to."""

    deletions = 0
    refuses = False

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> sqlite3.Cursor:  # type: ignore[override]
        if statement.startswith("DELETE"):
            Statements.deletions += 1
            if Statements.refuses:
                raise sqlite3.OperationalError("told to refuse")
        return super().execute(statement, parameters)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> type[Statements]:
    """The connections of journals that are opened from now on."""
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Statements))
    Statements.deletions, Statements.refuses = 0, False
    return Statements


def write_anew(journal: Journal, turns: Iterable[int]) -> None:
    """One record with one value after the other."""
    for turn in turns:
        journal.write({b"x": b"%d" % turn})


def test_what_is_old_goes_some_at_a_time(tmp_path: Path, statements: type[Statements]) -> None:
    journal = Journal(tmp_path, "boot", room=4)
    journal.write(ONE)
    write_anew(journal, range(640))
    assert 0 < statements.deletions <= 640 // 32
    assert journal.load() == ONE | {b"x": b"639"}
    journal.close()
    assert len(batches(tmp_path)) < 100


def test_what_is_old_and_cannot_be_taken_out_harms_nobody(tmp_path: Path, statements: type[Statements]) -> None:
    """As if it was killed between: what counts is in two batches then."""
    journal = Journal(tmp_path, "boot", room=4)
    journal.write(ONE | {b"gone": b"1"})
    journal.write({b"gone": None})
    statements.refuses = True
    turns = iter(range(640))
    with pytest.raises(JournalFailed, match="told to refuse"):
        write_anew(journal, turns)
    expected = ONE | {b"x": b"%d" % (next(turns) - 1)}
    assert journal.load() == expected
    journal.close()
    statements.refuses = False
    journal = Journal(tmp_path, "boot", room=4)
    assert journal.load() == expected
    write_anew(journal, range(640))
    assert journal.load() == ONE | {b"x": b"639"}
    journal.close()
    assert len(batches(tmp_path)) < 100


def test_what_never_was_there_is_not_taken_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "boot")
    journal.write({b"never there": None, b"too long": b"x" * (MAX_RECORD + 1)})
    journal.close()
    assert batches(tmp_path) == []


TURNS = st.lists(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 99)), max_size=5), max_size=60)


@given(TURNS, st.sets(st.integers(0, 59)))
def test_whatever_is_written_the_newest_counts(turns: list[list[tuple[int, int | None]]], reopened: set[int]) -> None:
    with TemporaryDirectory() as directory:
        journal = Journal(Path(directory), "boot", room=4)
        expected: dict[bytes, bytes] = {}
        for turn, writes in enumerate(turns):
            records = {b"%d" % key: None if value is None else b"%d" % value for key, value in writes}
            journal.write(records)
            for key, value in records.items():
                expected.pop(key, None)
                if value is not None:
                    expected[key] = value
            if turn in reopened:
                journal.close()
                journal = Journal(Path(directory), "boot", room=4)
            assert journal.load() == expected
        journal.close()


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalFailed, match=r"Not a directory|File exists"):
        Journal(tmp_path / "file", "boot")
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalFailed, match="File exists"):
        Journal(tmp_path, "boot")


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
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        with pytest.raises(JournalFailed, match="disk"):
            Journal(tmp_path, "boot")
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert kept(tmp_path) == {}


WRITER = """
import sys
from pathlib import Path
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
