"""A recording of what an interface sees, by tcpdump."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recording.programs import RecordingError, running

_POLL_SECONDS = 0.1
_SETTLE_SECONDS = 10.0


@contextmanager
def capturing(namespace: str, interface: str, path: Path) -> Iterator[None]:
    """Write every whole IP packet that the interface sees during the block to a pcap file.

    tcpdump writes to a file opened here, as it gives up the rights to open one itself.

    Raises:
        RecordingError: tcpdump does not start or does not end.
    """
    command = ["tcpdump", "-i", interface, "-s", "0", "-U", "--immediate-mode", "-w", "-", "ip"]
    with running("tcpdump", namespace, command, path.parent, output=path) as tcpdump:
        tcpdump.wait_for_text("listening on")
        yield
        _settle(path)
        tcpdump.interrupt()


def _settle(path: Path) -> None:
    """Return when the file has stopped growing: the last packets have been written."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    before = -1
    while (size := path.stat().st_size) != before:
        if time.monotonic() > deadline:
            raise RecordingError(f"{path.name} is still growing after {_SETTLE_SECONDS:g} seconds")
        before = size
        time.sleep(_POLL_SECONDS)
