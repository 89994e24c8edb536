"""Processes on record: a later run of the lab can end them, and never ends another that was given their number."""

import os
import select
import signal
from pathlib import Path
from typing import NamedTuple

_TERM_SECONDS = 10.0
_KILL_SECONDS = 5.0


class Process(NamedTuple):
    """A process as nobody else can be: its number, and when it started in clock ticks since the machine did."""

    pid: int
    started: int


def process(pid: int) -> Process | None:
    """The process that has this number now, None if there is none or only what a parent has yet to collect."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets, and may hold any character: proc(5).
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else Process(pid, int(fields[18]))


def record(path: Path, pid: int) -> None:
    """Put a process that was just started on record in a file."""
    known = process(pid)
    if known is not None:
        path.write_text(f"{known.pid} {known.started}\n")


def recorded(path: Path) -> Process | None:
    """The process of a record, None if it has ended or the record was cut short."""
    try:
        pid, started = map(int, path.read_text().split())
    except (FileNotFoundError, ValueError):
        return None
    known = Process(pid, started)
    return known if process(pid) == known else None


def end(known: Process) -> bool:
    """Ask a process to end (SIGTERM), and after ten seconds make it (SIGKILL); false if it had ended before."""
    try:
        handle = os.pidfd_open(known.pid)
    except ProcessLookupError:
        return False
    try:
        # From here on the handle can mean no other process; before, the number could.
        if process(known.pid) != known:
            return False
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not _ended(handle, _TERM_SECONDS):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            _ended(handle, _KILL_SECONDS)
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)
    return True


def _ended(handle: int, seconds: float) -> bool:
    """Whether the process ends within that time: its handle becomes readable then."""
    return bool(select.select([handle], [], [], seconds)[0])
