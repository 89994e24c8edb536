"""Record the captures of `examples/` anew, from real programs in network namespaces. Needs root.

    record_examples.py [NAME …]      all, or those named: sipp-call, baresip-call, …

Nothing is installed and nothing outside the namespaces is touched; they are removed at the end, also after ^C.
Exit status: 0, all recorded and checked; 1, a recording failed; 2, this machine or user cannot record.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType

from doorman.lab.audio import write_tones
from doorman.lab.capture import capturing
from doorman.lab.errors import LabError
from doorman.lab.network import PHONE_LINK, network
from recording.calls import CALLS
from recording.directories import DIRECTORIES
from recording.lookups import LOOKUPS
from recording.transfers import TRANSFERS

PROJECT = Path(__file__).parents[1]
PROGRAMS = (
    *("ip", "ethtool", "tcpdump", "sipp", "baresip", "vsftpd", "lftp", "slapd", "ldapsearch", "nmbd", "ffmpeg"),
    *("dnsmasq", "named", "dig", "tshark"),
)
RECORDINGS = {**CALLS, **TRANSFERS, **DIRECTORIES, **LOOKUPS}


def record(name: str) -> Path:
    """Record one capture into `examples/`; the old one stays unless everything went well."""
    with (
        tempfile.TemporaryDirectory(prefix="doorman-") as folder,
        # Named after this process, so that two recordings do not meet.
        network(f"doorman-examples-{os.getpid()}", reachable_inside=True) as between,
    ):
        directory = Path(folder)
        write_tones(directory)
        with capturing(between.inside, PHONE_LINK, directory / f"{name}.pcap"):
            RECORDINGS[name](between, directory)
        return Path(shutil.copyfile(directory / f"{name}.pcap", PROJECT / "examples" / f"{name}.pcap"))


def obstacles(names: list[str]) -> list[str]:
    """Why recording cannot start: a line for each reason."""
    found = [
        f"no recording is called {name}; there are: {', '.join(RECORDINGS)}" for name in names if name not in RECORDINGS
    ]
    if os.geteuid() != 0:
        found.append("network namespaces are root's to make")
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        found.append(f"missing: {', '.join(missing)}; `sh tools/system-packages.sh recording` installs their packages")
    return found


def main(names: list[str]) -> int:
    """Record the named captures, then let the tests judge what is in `examples/`."""
    if problems := obstacles(names):
        print("\n".join(f"record_examples: {problem}" for problem in problems), file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)
    try:
        for name in names or RECORDINGS:
            capture = record(name)
            print(f"{capture.relative_to(PROJECT)}: {capture.stat().st_size:,} bytes")
    except LabError as error:
        print(f"record_examples: {error}", file=sys.stderr)
        return 1
    judges = sorted(map(str, (PROJECT / "tests").glob("test_*example*.py")))
    tests = [sys.executable, "-m", "pytest", "-q", *judges]
    return min(1, subprocess.run(tests, cwd=PROJECT, env={**os.environ, "CI": "1"}, check=False).returncode)


def _end(number: int, _frame: FrameType | None) -> None:
    """Leave every block in order; a second signal does not disturb what is being taken down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
