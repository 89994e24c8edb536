"""A large file by FTP through a door beside the same through plain NAT: the kernel's work alone, in either case."""

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from doorman.lab.ftp import FTP_PORT, public, vsftpd
from doorman.lab.network import OUTSIDE_PHONE
from figures import figure
from live.beds import Bed

_ROUNDS = 12
"""One transfer takes up to a third more or less time than the next: only all together tell anything."""
_BYTES = 1 << 30


def measure(beds: list[Bed]) -> None:
    """Print megabytes per second over all rounds, as a ratio to plain NAT's, which knows only passive transfers."""
    seconds: dict[str, float] = {bed.name: 0.0 for bed in beds}
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="doorman-bench-") as folder:
        for bed in beds:
            directory = Path(folder) / bed.name
            files = public(directory / "files")
            with (files / "large").open("wb") as large:
                large.truncate(_BYTES)
            stack.enter_context(vsftpd(bed.network.outside, OUTSIDE_PHONE, FTP_PORT, directory, files))
        for _ in range(_ROUNDS):
            for bed in beds:
                seconds[bed.name] += _BYTES / _fetched(bed, active=bed.name == "doorman")
    per_second = {name: round(_ROUNDS * _BYTES / took / 1e6) for name, took in seconds.items()}
    ratio = seconds["plain"] / seconds["doorman"]
    figure("live-ftp-rate-vs-nat", ratio, "times", ">= 0.95", **per_second, megabytes=_BYTES >> 20)


def _fetched(bed: Bed, *, active: bool) -> float:
    """Bytes per second of one transfer."""
    how = ["-P", "-"] if active else []
    command = ["curl", "-sS", *how, "-o", "/dev/null", "-w", "%{size_download} %{speed_download}"]
    url = f"ftp://{OUTSIDE_PHONE}:{FTP_PORT}/large"
    done = subprocess.run(
        ["ip", "netns", "exec", bed.network.inside, *command, url],
        check=True,
        capture_output=True,
        timeout=120,
    )
    size, speed = done.stdout.split()
    if int(size) != _BYTES:
        raise RuntimeError("the file is not what it was")
    return float(speed)
