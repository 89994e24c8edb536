"""The journal: the state of a gateway in a file, so that it can go on after it was killed.

    DIRECTORY/state.db   (SQLite)   batches(id, crc, records): what was written at once, the newest has the highest id
                                    about(name, value): `boot`, the start of the machine that the times count from

    records    {name: value, ...} in MessagePack; both are bytes, see `engine/snapshot.py`; null if it was taken out
    crc        their CRC-32

It is a log: of a record the newest state counts. Which batch has that is remembered here. Where there is much that does
not count, the oldest batches go, some at a time: what counts in them still is written again with the next batch, and
they are taken out after that.

All that is written at once is there as a whole or not at all, however the process ends. Nothing is asked of the disk
itself: what outlives the process is in the kernel's memory then, and what a machine knew before it started again is
void, as its flows are.
"""

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import msgpack

NAME = "state.db"
MAX_RECORD: Final = 65_536
"""Bytes of a value; what is longer is not kept. A call with two streams has some 500."""

_APPLICATION = 0x444F4F52
"""`DOOR`, in SQLite's field for the kind of a file."""
_LAYOUT = 6
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
"""What SQLite says of a file that is not as it was written; an error of ours would be a table that is not there."""
_COMPANIONS = ("", "-wal", "-shm", "-journal")
_BATCHES = "CREATE TABLE batches (id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, records BLOB NOT NULL)"
_ABOUT = "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_SCHEMA = (
    _BATCHES,
    _ABOUT,
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_LAYOUT}",
)
_LOAD = "SELECT id, crc, records FROM batches ORDER BY id"
ROOM = 4_096
"""Records that may be in the file though they do not count, however few do."""
_TIMES = 4
"""How many times as many records may be in the file as count."""
_PACE: Final = 2
"""How many old records are looked through for each that is written: so each write takes about as long, and all goes."""
_AT_ONCE: Final = 64
"""Old records that are looked through together, at least: to take batches out costs as much as to write one."""

Batch = dict[bytes, bytes | None]
"""Records by their names; None: there is none any more."""
_encode: Final = msgpack.Encoder().encode
_decode: Final = msgpack.Decoder(Batch).decode


class JournalFailed(Exception):  # noqa: N818 - says what is wrong with what
    """The journal cannot be used, or what was to be written is not; the text says why."""


class _NotOurs(Exception):  # noqa: N818 - an outcome
    """The file is not a journal of this layout; the text says what it is."""


class Journal:
    """A journal file, opened; nobody else can open it meanwhile.

    Args:
        directory: where it is; made if it is not there, for its owner alone.
        boot: what tells one start of the machine from another. Records of another boot are discarded.
        room: see `ROOM`.

    Attributes:
        path: of the file.
        said: what happened to an older file, as sentences for the operator.

    Raises:
        JournalFailed: it cannot be opened or made, or another process has it.
    """

    def __init__(self, directory: Path, boot: str, *, room: int = ROOM) -> None:
        self.path = directory / NAME
        self.said: list[str] = []
        self._boot = boot
        self._room = room
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database = self._open()
            self._begin_index()
            for number, batch in self._batches():
                self._enter(number, batch)
        except (sqlite3.Error, OSError) as error:
            locked = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            raise JournalFailed(f"{self.path}: {'another process has it' if locked else error}") from error

    def load(self) -> dict[bytes, bytes]:
        """All records: names and values.

        Raises:
            JournalFailed: the file cannot be read.
        """
        found: dict[bytes, bytes] = {}
        try:
            for _, batch in self._batches():
                for name, value in batch.items():
                    if value is None:
                        found.pop(name, None)
                    else:
                        found[name] = value
        except sqlite3.Error as error:
            raise JournalFailed(f"{self.path}: {error}") from error
        return found

    def write(self, records: Batch) -> int:
        """Put records, and take out those without a value, all at once.

        Returns:
            How many were too long, and are not kept.

        Raises:
            JournalFailed: nothing of it was written, or what is old could not be taken out after it.
        """
        batch, too_long = records.copy(), 0
        for name, value in records.items():
            if value is not None and len(value) <= MAX_RECORD:
                continue
            too_long += value is not None
            if name in self._batch_of:
                batch[name] = None
            else:
                del batch[name]
        if batch:
            self._append(batch)
        return too_long

    def begin_again(self, records: Batch) -> int:
        """Throw the file away, and write a new one: after a failure. Returns and raises as `write` does."""
        try:
            self.close()
            self._remove()
            self._database = self._create()
        except (sqlite3.Error, OSError) as error:
            raise JournalFailed(f"{self.path}: {error}") from error
        self._begin_index()
        return self.write(records)

    def close(self) -> None:
        """Close the file. What was written stays."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()

    def _begin_index(self) -> None:
        self._batch_of: dict[bytes, int] = {}
        # Of each batch, the oldest first: how many of its records count, and how many it has.
        self._counting: dict[int, int] = {}
        self._lengths: dict[int, int] = {}
        self._records = 0
        self._last = 0
        # Old records that are to be looked through.
        self._due = 0

    def _enter(self, number: int, batch: Batch) -> None:
        """Take note of where the records of a batch are now."""
        batch_of, counting = self._batch_of, self._counting
        count = 0
        for name, value in batch.items():
            before = batch_of.get(name)
            if before is not None:
                counting[before] -= 1
            if value is not None:
                batch_of[name] = number
                count += 1
            elif before is not None:
                del batch_of[name]
        counting[number] = count
        self._lengths[number] = len(batch)
        self._records += len(batch)
        self._last = number

    def _append(self, batch: Batch) -> None:
        """Write a batch, with what counts still of the oldest, which go then."""
        number = self._last + 1
        gone = self._tidy(batch)
        records = _encode(batch)
        self._execute("INSERT INTO batches VALUES (?, ?, ?)", number, zlib.crc32(records), records)
        self._enter(number, batch)
        if gone:
            self._execute("DELETE FROM batches WHERE id <= ?", gone[-1])
            for oldest in gone:
                del self._counting[oldest]
                self._records -= self._lengths.pop(oldest)

    def _tidy(self, batch: Batch) -> list[int]:
        """Put what counts still of the oldest batches into a new one; those that may go with that.

        A record that was taken out is told of as long as an older batch may have it: until its own is the oldest.
        """
        excess = self._records + len(batch) - max(_TIMES * len(self._batch_of), self._room)
        if excess <= 0:
            self._due = 0
            return []
        self._due += _PACE * len(batch)
        gone: list[int] = []
        if self._due < _AT_ONCE:
            return gone
        for oldest, counting in self._counting.items():
            if self._due <= 0:
                break
            if counting:
                for name, value in self._batch(oldest).items():
                    if self._batch_of.get(name) == oldest:
                        batch.setdefault(name, value)
            self._due -= self._lengths[oldest]
            gone.append(oldest)
        return gone

    def _execute(self, statement: str, *values: int | bytes) -> None:
        try:
            self._database.execute(statement, values)
        except sqlite3.Error as error:
            raise JournalFailed(f"{self.path}: {error}") from error

    def _batches(self) -> Iterator[tuple[int, Batch]]:
        """All batches, the oldest first."""
        for number, _, records in self._database.execute(_LOAD):
            yield number, _decode(records)

    def _batch(self, number: int) -> Batch:
        try:
            ((records,),) = self._database.execute("SELECT records FROM batches WHERE id = ?", (number,))
        except sqlite3.Error as error:
            raise JournalFailed(f"{self.path}: {error}") from error
        return _decode(records)

    def _open(self) -> sqlite3.Connection:
        """The file that is there, if it is ours and of this boot, or else a new one."""
        if not self.path.exists():
            return self._create()
        database = self._connect()
        try:
            boot = _examine(database)
        except _NotOurs as foreign:
            database.close()
            self._move_aside(str(foreign))
            return self._create()
        except BaseException:
            database.close()
            raise
        if boot == self._boot:
            return database
        database.close()
        if boot is not None:
            self.said.append(f"{self.path}: the machine was started anew since; what was saved before is discarded")
        self._remove()
        return self._create()

    def _create(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        database = self._connect()
        try:
            _set_up(database)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                database.execute(statement)
            database.execute("INSERT INTO about VALUES ('boot', ?)", [self._boot])
            database.execute("COMMIT")
        except BaseException:
            database.close()
            raise
        return database

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=0, isolation_level=None)

    def _move_aside(self, why: str) -> None:
        aside = self.path.with_name(f"{NAME}.aside")
        for companion in _COMPANIONS:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{companion}").replace(f"{aside}{companion}")
        self.said.append(f"{self.path}: {why}; moved to {aside}, and a new one begun")

    def _remove(self) -> None:
        for companion in _COMPANIONS:
            Path(f"{self.path}{companion}").unlink(missing_ok=True)


def _set_up(database: sqlite3.Connection) -> None:
    """Nobody else reads it: it needs no shared memory beside it, and is locked as long as this process lives."""
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("PRAGMA synchronous = OFF")


def _examine(database: sqlite3.Connection) -> str | None:
    """The boot whose records these are, None where there is nothing at all in the file. Nothing is changed in it.

    Raises:
        _NotOurs: it is not a journal, or is not whole.
        sqlite3.Error: it cannot be read.
    """
    try:
        _set_up(database)
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (layout,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not (application or layout or tables):
            return None
        if application != _APPLICATION:
            raise _NotOurs("not a journal of doorman")
        if layout != _LAYOUT:
            raise _NotOurs(f"a journal of another version of doorman (layout {layout})")
        (whole,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if whole != "ok":
            raise _NotOurs(f"damaged ({whole})")
        for number, crc, records in database.execute(_LOAD):
            if not _is_batch(records, crc):
                raise _NotOurs(f"damaged (batch {number} is not what was written)")
        (boot,) = database.execute("SELECT value FROM about WHERE name = 'boot'").fetchone() or ("",)
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _DAMAGED:
            raise _NotOurs(f"damaged ({error})") from error
        raise
    return str(boot)


def _is_batch(records: object, crc: object) -> bool:
    """Whether this is a batch as it was written."""
    if not isinstance(records, bytes) or zlib.crc32(records) != crc:
        return False
    try:
        _decode(records)
    except ValueError:
        return False
    return True
