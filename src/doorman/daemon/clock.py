"""The engine's clock."""

import time


def seconds() -> float:
    """Seconds since the machine was started: steady, and they go on while the gateway does not run."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
