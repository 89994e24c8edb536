"""How long messages take."""

import sys
from collections.abc import Callable

from kit.fuzz.judge import Failure
from kit.fuzz.script import Script

LIMIT = 0.005
"""Seconds of CPU time for a message of usual size; longer ones may take so much more."""
USUAL = 16_384
"""Bytes, twice what a message over TCP may have."""
_MEASURED = 8
"""Times that a message is measured before it is called slow: others use the machine too."""


def hold_to(limit: float, script: Script, road: Callable[[], list[float]]) -> None:
    """Take a road; whatever took too long is measured again, with nothing remembered of the first time."""
    allowed = [limit * max(len(data) / USUAL, 1.0) for data in script.messages]
    spent = road()
    for _ in range(_MEASURED):
        if all(took <= most for took, most in zip(spent, allowed, strict=False)):
            return
        _forget()
        spent = [min(pair) for pair in zip(spent, road(), strict=True)]
    for took, most, data in zip(spent, allowed, script.messages, strict=False):
        if took > most:
            raise Failure("slow", f"{took * 1000:.1f} ms for a message of {len(data)} bytes")


def _forget() -> None:
    """Empty what functions remember of earlier messages."""
    for name, module in list(sys.modules.items()):
        if name.startswith("doorman.wire"):
            for member in vars(module).values():
                clear = getattr(member, "cache_clear", None)
                if clear is not None:
                    clear()
