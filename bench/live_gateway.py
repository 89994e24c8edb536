"""The live gateway against the kernel's own NAT and SIP helper; as root, in network namespaces of its own.

The machine's first CPU is the gateway's, the second one generates, receives, and is the rest of the kernel.
"""

import os
import sys

from live import invites, latency, media
from live.beds import BENCH_CPU, beds


def main() -> None:
    """Print all figures."""
    if os.geteuid() != 0:
        sys.exit("bench-live makes network namespaces: run it as root")
    os.sched_setaffinity(0, {BENCH_CPU})
    with beds("plain", "helper", "doorman") as all_beds:
        plain, _, doorman = all_beds
        latency.measure([plain, doorman])
        media.measure([plain, doorman])
        invites.measure(all_beds)


if __name__ == "__main__":
    main()
