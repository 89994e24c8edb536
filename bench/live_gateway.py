"""The live gateway against the kernel's own NAT and SIP helper; as root, in network namespaces of its own.

The machine's first CPU is the gateway's; the second one generates, receives, and is the rest of the kernel.
"""

import os
import sys

from live import doors, invites, latency, media, rules, sipp_calls, transfers
from live.beds import BENCH_CPU, beds, have_cpu


def main() -> None:
    """Print all figures."""
    if os.geteuid() != 0:
        sys.exit("the live gateway is measured in network namespaces, which only root can make")
    have_cpu(0, BENCH_CPU)
    with beds("plain", "doorman") as two:
        latency.measure(two)
    with beds("plain", "doorman") as two:
        media.measure(two)
    with beds("plain", "doorman") as two:
        transfers.measure(two)
    with beds("plain", "helper", "doorman") as three:
        invites.measure(three)
    doors.measure()
    rules.measure()
    with beds("plain", "helper", "doorman") as three:
        sipp_calls.measure(three)


if __name__ == "__main__":
    main()
