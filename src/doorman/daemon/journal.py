"""The journal: the state of a gateway in files, so that it can go on after it was killed.

    DIRECTORY/journal/1, 2, ...   `doorman journal LAYOUT BOOT` and a newline, then batches; the highest is the newest
    batch                         length:u32  ~length:u32  crc:u32  records, numbers as this machine writes them

    BOOT       the start of the machine that the times count from
    records    {name: value, ...} in MessagePack, see `engine/snapshot.py`; null if it was taken out
    crc        their CRC-32

It is a log: of a record the newest state counts. Which file has that is remembered here. Where there is much that does
not count, the oldest file goes: what counts in it still is written again with the next batches, some with each, and a
file in which nothing counts is removed.

All that is written at once is there as a whole or not at all, however the process ends: a batch that ends with the last
file before its time was never said to be written. Nothing is asked of the disk itself: what outlives the process is in
the kernel's memory then, and what a machine knew before it started again is void, as its flows are.
"""

import fcntl
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msgspec import Raw, msgpack

from doorman.algs.api import Plain
from doorman.algs.records import DamagedRecord, decode, encode

NAME: Final = "journal"
MAX_RECORD: Final = 65_536
"""Bytes of a value as it is written; what is longer is not kept. A call with two streams has some 500."""
FULL: Final = 1 << 20
"""Bytes from which on a file gets no more batches: it is read at once when it is the oldest."""
ROOM: Final = 4_096
"""Records that may be in the files though they do not count, however few do."""

_LAYOUT: Final = 8
_KIND: Final = b"doorman journal"
_FRAME: Final = struct.Struct("=III")
_ONES: Final = 0xFFFF_FFFF
_TIMES: Final = 6
"""How many times as many records may be in the files as count.

A short call has some six before it is forgotten: so files of such calls go when nothing counts in them any more, and
nothing of them has to be written again.
"""
_PACE: Final = 1
"""How many old records are written again with each new one, at most: so each write takes about as long."""

Batch = dict[Plain, Plain | Raw]
"""Records by their names, some written already; None: there is none any more. Sequences in a name are tuples."""
_decode: Final = msgpack.Decoder(dict[Any, Raw]).decode
_GONE: Final = Raw(encode(None))


class JournalFailed(Exception):  # noqa: N818 - says what is wrong with what
    """The journal cannot be used, or what was to be written is not; the text says why."""


class _NotOurs(Exception):  # noqa: N818 - an outcome
    """What is there is not a journal of this layout; the text says what it is."""


class _AnotherBoot(Exception):  # noqa: N818 - an outcome
    """It is of another start of the machine."""


class _File:
    """A file of the journal; `size` in bytes, how many records it has, and how many of those count."""

    __slots__ = ("counting", "path", "records", "size")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = self.records = self.counting = 0


class Journal:
    """A journal, opened; nobody else can open it meanwhile.

    Args:
        directory: where it is; made if it is not there, for its owner alone.
        boot: what tells one start of the machine from another. Records of another boot are discarded.
        room: see `ROOM`.
        full: see `FULL`.

    Attributes:
        path: of the directory of its files.
        said: what happened to an older journal, as sentences for the operator.

    Raises:
        JournalFailed: it cannot be opened or made, or another process has it.
    """

    def __init__(self, directory: Path, boot: str, *, room: int = ROOM, full: int = FULL) -> None:
        self.path = directory / NAME
        self.said: list[str] = []
        self._head = b"%b %d %b\n" % (_KIND, _LAYOUT, boot.encode("ascii"))
        self._room = room
        self._full = full
        self._lock = self._descriptor = -1
        self._begin_index()
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._open()
        except OSError as error:
            self.close()
            raise JournalFailed(f"{self.path}: {_what_failed(error)}") from error

    def load(self) -> dict[Plain, Plain]:
        """All records there are.

        Raises:
            JournalFailed: a file cannot be read, or is not as it was written any more.
        """
        found: Batch = {}
        for file in self._files:
            found.update(self._newest_of(file))
        try:
            return {name: decode(value) for name, value in found.items() if isinstance(value, Raw)}
        except DamagedRecord as damaged:
            raise JournalFailed(f"{self.path}: {damaged}") from damaged

    def write(self, records: Batch) -> int:
        """Put records, and take out those without a value, all at once.

        Returns:
            How many were too long, and are not kept.

        Raises:
            JournalFailed: nothing of it was written, or what is old could not be taken out after it.
        """
        batch: Batch = {}
        too_long = 0
        for name, value in records.items():
            written = value if value is None or isinstance(value, Raw) else Raw(encode(value))
            if written is not None and len(written) > MAX_RECORD:
                too_long += 1
                written = None
            if written is not None or name in self._file_of:
                batch[name] = written
        if batch:
            self._tidy(batch)
            self._append(batch, encode(batch))
        return too_long

    def begin_again(self, records: Batch) -> int:
        """Throw all files away, and write a new one: after a failure. Returns and raises as `write` does."""
        try:
            self._forget_files()
            _remove(self.path)
            self._begin()
        except OSError as error:
            raise JournalFailed(f"{self.path}: {_what_failed(error)}") from error
        return self.write(records)

    def close(self) -> None:
        """Let go of the files. What was written stays."""
        self._forget_files()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _begin_index(self) -> None:
        self._files: list[_File] = []
        self._file_of: dict[Plain, _File] = {}
        self._records = 0
        # What counted in the oldest file when it was looked into, and was not written again.
        self._old: Batch | None = None

    def _forget_files(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._begin_index()

    def _open(self) -> None:
        """Go on with the files that are there, if they are ours and of this boot, or else begin anew."""
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            self._begin()
            return
        try:
            self._take_up(mode)
        except _NotOurs as foreign:
            self._forget_files()
            aside = self.path.with_name(f"{NAME}.aside")
            _remove(aside)
            self.path.rename(aside)
            self.said.append(f"{self.path}: {foreign}; moved to {aside}, and a new one begun")
            self._begin()
        except _AnotherBoot:
            self._forget_files()
            self.said.append(f"{self.path}: the machine was started anew since; what was saved before is discarded")
            _remove(self.path)
            self._begin()

    def _begin(self) -> None:
        self.path.mkdir(mode=0o700)
        self._begin_file(1)

    def _take_up(self, mode: int) -> None:
        """Look through all files, and go on where the last one ends; `mode` is what kind of thing they should be in."""
        if not stat.S_ISDIR(mode):
            raise _NotOurs("not a journal of doorman")
        numbers = sorted(_number(path) for path in self.path.iterdir())
        for number in numbers:
            file = _File(self.path / str(number))
            data = file.path.read_bytes()
            is_last = number == numbers[-1]
            if is_last and self._head.startswith(data):  # it was just begun
                file.path.unlink()
                break
            if number != numbers[0] + len(self._files):
                raise _NotOurs(f"damaged (file {numbers[0] + len(self._files)} is missing)")
            file.size = self._end_of_head(data)
            self._files.append(file)
            for end, batch in _batches(data, file, may_end_early=is_last):
                self._enter(file, batch)
                file.size = end
        self._remove_old()
        if not self._files:
            self._begin_file(1)
            return
        self._descriptor = os.open(self._files[-1].path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        os.ftruncate(self._descriptor, self._files[-1].size)

    def _end_of_head(self, data: bytes) -> int:
        """Where the batches of a file begin."""
        if data.startswith(self._head):
            return len(self._head)
        kind, end, _ = data.partition(b"\n")
        layout, blank, _ = kind.removeprefix(_KIND + b" ").partition(b" ")
        if not (end and blank and kind.startswith(_KIND + b" ") and layout.isdigit()):
            raise _NotOurs("not a journal of doorman")
        if int(layout) != _LAYOUT:
            raise _NotOurs(f"a journal of another version of doorman (layout {int(layout)})")
        raise _AnotherBoot

    def _begin_file(self, number: int) -> None:
        """Let a new file be the newest."""
        file = _File(self.path / str(number))
        descriptor = os.open(file.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            _write(descriptor, self._head)
        except BaseException:
            os.close(descriptor)
            file.path.unlink()
            raise
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        file.size = len(self._head)
        self._files.append(file)

    def _enter(self, file: _File, batch: Batch) -> None:
        """Take note of where the records of a batch are now."""
        file_of = self._file_of
        for name, value in batch.items():
            before = file_of.get(name)
            if value is None:
                if before is not None:
                    before.counting -= 1
                    del file_of[name]
            elif before is not file:
                if before is not None:
                    before.counting -= 1
                file.counting += 1
                file_of[name] = file
        file.records += len(batch)
        self._records += len(batch)

    def _append(self, batch: Batch, records: bytes) -> None:
        """Write a batch, and remove the oldest file when nothing counts in it."""
        length = len(records)
        data = _FRAME.pack(length, length ^ _ONES, zlib.crc32(records)) + records
        try:
            if self._files[-1].size >= self._full:
                self._begin_file(_number(self._files[-1].path) + 1)
            file = self._files[-1]
            try:
                _write(self._descriptor, data)
            except OSError:
                os.ftruncate(self._descriptor, file.size)
                raise
        except OSError as error:
            self._old = None
            raise JournalFailed(f"{self.path}: {_what_failed(error)}") from error
        file.size += len(data)
        self._enter(file, batch)
        if not self._files[0].counting:
            try:
                self._remove_old()
            except OSError as error:
                raise JournalFailed(f"{self.path}: {_what_failed(error)}") from error

    def _tidy(self, batch: Batch) -> None:
        """Put some of what counts still of the oldest file into a batch, where there is too much that does not."""
        oldest = self._files[0]
        allowed = max(_TIMES * len(self._file_of), self._room)
        if self._records + len(batch) <= allowed or oldest is self._files[-1]:
            return
        if self._old is None:
            self._old = {
                name: value for name, value in self._newest_of(oldest).items() if self._file_of.get(name) is oldest
            }
        for _ in range(_PACE * len(batch)):
            if not self._old:
                return
            name, value = self._old.popitem()
            if self._file_of.get(name) is oldest:
                batch.setdefault(name, value)

    def _remove_old(self) -> None:
        """Remove the oldest files as far as nothing counts in them.

        A record that was taken out is told of as long as an older file may have it: until its own is the oldest.
        """
        while len(self._files) > 1 and not self._files[0].counting:
            self._files[0].path.unlink()
            self._records -= self._files.pop(0).records
            self._old = None

    def _newest_of(self, file: _File) -> Batch:
        """What a file says of each of its records in the end."""
        newest: Batch = {}
        try:
            data = file.path.read_bytes()
            for _, batch in _batches(data[: file.size], file):
                newest.update(batch)
        except (OSError, _NotOurs) as failed:
            raise JournalFailed(f"{self.path}: {failed}") from failed
        return newest


def _batches(data: bytes, file: _File, *, may_end_early: bool = False) -> Iterator[tuple[int, Batch]]:
    """The batches of a file, and where each ends; the last one is left out if it `may_end_early`, and does.

    Raises:
        _NotOurs: one is not what was written.
    """
    start = data.find(b"\n") + 1
    while start < len(data):
        after = start + _FRAME.size
        if after > len(data) and may_end_early:
            return
        batch = None
        if after <= len(data):
            length, opposite, crc = _FRAME.unpack_from(data, start)
            end = after + length
            if length ^ opposite == _ONES:
                if end > len(data) and may_end_early:
                    return
                batch = _batch(data[after:end], length, crc)
        if batch is None:
            raise _NotOurs(f"damaged (file {file.path.name}, the batch at {start} is not what was written)")
        yield end, batch
        start = end


def _batch(records: bytes, length: int, crc: int) -> Batch | None:
    """A batch as it was written; None: it is not."""
    if len(records) != length or zlib.crc32(records) != crc:
        return None
    try:
        return {name: value if value != _GONE else None for name, value in _decode(records).items()}
    except ValueError:
        return None


def _number(path: Path) -> int:
    """The number of a file.

    Raises:
        _NotOurs: it has none.
    """
    number = int(path.name) if path.name.isdecimal() else 0
    if path.name != str(number):
        raise _NotOurs("not a journal of doorman")
    return number


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it.

    Raises:
        OSError: some or all of it was not written.
    """
    written = os.write(descriptor, data)
    while written < len(data):  # what is in the way is told by the next attempt
        written += os.write(descriptor, data[written:])


def _remove(path: Path) -> None:
    """Remove a directory of files, or what is there in its place, if anything is."""
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            child.unlink()
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def _what_failed(error: OSError) -> str:
    return "another process has it" if isinstance(error, BlockingIOError) else str(error)
