"""Waiting for what another program or the kernel does, never longer than a deadline and never for nothing."""

import time
from collections.abc import Callable

DEADLINE = 30.0
"""Seconds: far more than anything takes that is not broken, also where many other programs run."""


def until(condition: Callable[[], object], deadline: float = DEADLINE) -> None:
    """Return as soon as the condition holds; fail after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"not so within {deadline} s"
        time.sleep(0.005)


def runs_down(left: int, whole: int, since: float) -> bool:
    """Whether a timer of `whole` seconds, set or set anew after `since` (monotonic), may show what is left now."""
    return whole - 1 - (time.monotonic() - since) <= left <= whole
