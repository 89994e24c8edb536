"""Processes on record: the one that was started is ended, and no other."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorman.lab.processes import Process, end, process, record, recorded


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], stdin=subprocess.DEVNULL) as started:
        yield started
        started.kill()


def test_the_recorded_process_is_ended(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    record(tmp_path / "child.pid", child.pid)
    known = recorded(tmp_path / "child.pid")
    assert known is not None
    assert known.pid == child.pid
    assert end(known)
    assert child.wait() == -15
    assert recorded(tmp_path / "child.pid") is None
    assert not end(known)


def test_another_process_of_that_number_is_left_alone(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    known = process(child.pid)
    assert known is not None
    (tmp_path / "child.pid").write_text(f"{child.pid} {known.started + 1}\n")
    assert recorded(tmp_path / "child.pid") is None
    assert not end(Process(child.pid, known.started + 1))
    assert child.poll() is None


def test_what_has_ended_but_was_not_collected_has_ended(child: subprocess.Popen[bytes]) -> None:
    known = process(child.pid)
    assert known is not None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process(child.pid) is None


@pytest.mark.parametrize("text", ["", "12", "twelve 5\n", "1 2 3\n"])
def test_a_record_that_was_cut_short_is_no_record(text: str, tmp_path: Path) -> None:
    (tmp_path / "child.pid").write_text(text)
    assert recorded(tmp_path / "child.pid") is None
    assert recorded(tmp_path / "none.pid") is None
