"""A recording of what an interface sees, by tcpdump."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doorman.lab.network import INSIDE_LINK, OUTSIDE_LINK, Network
from doorman.lab.programs import running

_POLL_SECONDS = 0.1
_SETTLE_SECONDS = 2.0


@contextmanager
def capturing(namespace: str, interface: str, path: Path) -> Iterator[None]:
    """Write every whole IP packet that the interface sees during the block to a pcap file.

    tcpdump writes to a file opened here, as it gives up the rights to open one itself.

    Raises:
        LabError: tcpdump does not start or does not end.
    """
    command = ["tcpdump", "-i", interface, "-s", "0", "-U", "--immediate-mode", "-w", "-", "ip"]
    path.unlink(missing_ok=True)
    with running(f"tcpdump-{path.stem}", namespace, command, path.parent, output=path) as tcpdump:
        tcpdump.wait_for_text("listening on")
        yield
        _settle(path)
        tcpdump.interrupt()


@contextmanager
def capturing_both_sides(network: Network, directory: Path) -> Iterator[tuple[Path, Path]]:
    """Record what the gateway sees inside and outside during the block: `inside.pcap` and `outside.pcap`.

    Raises:
        LabError: tcpdump does not start or does not end.
    """
    inside, outside = directory / "inside.pcap", directory / "outside.pcap"
    with (
        capturing(network.gateway, INSIDE_LINK, inside),
        capturing(network.gateway, OUTSIDE_LINK, outside),
    ):
        yield inside, outside


def _settle(path: Path) -> None:
    """Return when the file has stopped growing, as the last packets have been written; where traffic goes on, soon."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    before = -1
    while (size := path.stat().st_size) != before and time.monotonic() < deadline:
        before = size
        time.sleep(_POLL_SECONDS)
