"""The oracles of the capture tests: Wireshark's programs, and the captures of other projects."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "captures"


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{what} must be there in CI")
    pytest.skip(f"{what} is not here")


@pytest.fixture(scope="session")
def run() -> Callable[..., str]:
    """Runs a program and gives its output; skips the test where there is no such program."""

    def runs(*command: str | Path) -> str:
        if shutil.which(command[0]) is None:
            _missing(str(command[0]))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return runs


@pytest.fixture(scope="session")
def tshark_frames(run: Callable[..., str]) -> Callable[[Path], list[tuple[int, int, int]]]:
    """Time in nanoseconds, length on the wire and captured length of each frame, as tshark reads them."""

    def frames(path: Path) -> list[tuple[int, int, int]]:
        names = ("frame.time_epoch", "frame.len", "frame.cap_len")
        lines = run("tshark", "-n", "-r", path, "-T", "fields", *(word for name in names for word in ("-e", name)))
        rows = (line.split("\t") for line in lines.splitlines())
        return [(int(time.replace(".", "")), int(length), int(captured)) for time, length, captured in rows]

    return frames


@pytest.fixture(scope="session")
def shared_captures() -> list[Path]:
    """The pcap and pcapng files of other projects, which lie beside this one."""
    paths = sorted(SHARED.rglob("*.pcap*"))
    if not paths:
        _missing("the folder ../shared/captures")
    return paths
