"""The journal: the state of a gateway in a file, so that it can go on after it was killed.

    DIRECTORY/state.db   (SQLite)   records(id, kind, key, value as JSON), see `engine/snapshot.py`
                                    about(name, value): `boot`, the start of the machine that the times count from

Records have numbers in the order in which they were first written: what comes together lies together in the file, and
a write has few pages to touch. Which record has which number is remembered here.

All that is written at once is there as a whole or not at all, however the process ends. Nothing is asked of the disk
itself: what outlives the process is in the kernel's memory then, and what a machine knew before it started again is
void, as its flows are.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import orjson

from doorman.algs.api import Json
from doorman.engine.snapshot import Saved

NAME = "state.db"
MAX_RECORD = 65_536
"""Bytes of a record; what is longer is not kept. A call with two streams has some 1,500."""

_APPLICATION = 0x444F4F52
"""`DOOR`, in SQLite's field for the kind of a file."""
_LAYOUT = 2
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
"""What SQLite says of a file that is not as it was written; an error of ours would be a table that is not there."""
_COMPANIONS = ("", "-wal", "-shm", "-journal")
_RECORDS = "CREATE TABLE records (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL)"
_ABOUT = "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_SCHEMA = (
    _RECORDS,
    _ABOUT,
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_LAYOUT}",
)
_LOAD = "SELECT kind, key, CASE WHEN length(value) <= ? THEN value END FROM records ORDER BY id"


class JournalFailed(Exception):  # noqa: N818 - says what is wrong with what
    """The journal cannot be used, or what was to be written is not; the text says why."""


class _NotOurs(Exception):  # noqa: N818 - an outcome
    """The file is not a journal of this layout; the text says what it is."""


class Journal:
    """A journal file, opened; nobody else can open it meanwhile.

    Args:
        directory: where it is; made if it is not there, for its owner alone.
        boot: what tells one start of the machine from another. Records of another boot are discarded.

    Attributes:
        path: of the file.
        said: what happened to an older file, as sentences for the operator.

    Raises:
        JournalFailed: it cannot be opened or made, or another process has it.
    """

    def __init__(self, directory: Path, boot: str) -> None:
        self.path = directory / NAME
        self.said: list[str] = []
        self._boot = boot
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database = self._open()
            rows = self._database.execute("SELECT kind, key, id FROM records ORDER BY id")
            self._numbers: dict[tuple[str, str], int] = {(kind, key): number for kind, key, number in rows}
            self._last = max(self._numbers.values(), default=0)
        except (sqlite3.Error, OSError) as error:
            locked = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            raise JournalFailed(f"{self.path}: {'another process has it' if locked else error}") from error

    def load(self) -> list[Saved]:
        """All records; the value is None where it cannot be read.

        Raises:
            JournalFailed: the file cannot be read.
        """
        try:
            return [
                Saved(kind, key, _read_json(value)) for kind, key, value in self._database.execute(_LOAD, [MAX_RECORD])
            ]
        except sqlite3.Error as error:
            raise JournalFailed(f"{self.path}: {error}") from error

    def write(self, records: Iterable[Saved]) -> int:
        """Put records, and take out those without a value, all at once; of the same, the last counts.

        Returns:
            How many were too long, and are not kept.

        Raises:
            JournalFailed: nothing of it was written.
        """
        numbers, last = self._numbers, self._last
        put: list[tuple[int, str, str, str]] = []
        gone: list[tuple[str, str]] = []
        too_long = 0
        for name, value in {(record.kind, record.key): record.value for record in records}.items():
            text = orjson.dumps(value) if value is not None else b""
            too_long += len(text) > MAX_RECORD
            if text and len(text) <= MAX_RECORD:
                last += name not in numbers
                put.append((numbers.get(name, last), *name, text.decode()))
            elif name in numbers:
                gone.append(name)
        self._execute(put, [(numbers[name],) for name in gone])
        self._last = last
        numbers |= {(kind, key): number for number, kind, key, _ in put}
        for name in gone:
            del numbers[name]
        return too_long

    def begin_again(self, records: Iterable[Saved]) -> int:
        """Throw the file away, and write a new one: after a failure. Returns and raises as `write` does."""
        try:
            self.close()
            self._remove()
            self._database = self._create()
        except (sqlite3.Error, OSError) as error:
            raise JournalFailed(f"{self.path}: {error}") from error
        self._numbers, self._last = {}, 0
        return self.write(records)

    def close(self) -> None:
        """Close the file. What was written stays."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()

    def _execute(self, put: list[tuple[int, str, str, str]], gone: list[tuple[int]]) -> None:
        """Put rows, and take out others, all at once."""
        database = self._database
        try:
            database.execute("BEGIN IMMEDIATE")
            if gone:
                database.executemany("DELETE FROM records WHERE id = ?", gone)
            if put:
                database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", put)
            database.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise JournalFailed(f"{self.path}: {error}") from error

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
        database = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        database.text_factory = _text
        return database

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
        (boot,) = database.execute("SELECT value FROM about WHERE name = 'boot'").fetchone() or ("",)
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _DAMAGED:
            raise _NotOurs(f"damaged ({error})") from error
        raise
    return str(boot)


def _read_json(text: object) -> Json:
    try:
        value: Json = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return value


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
