"""How long messages take."""

import sys
from collections.abc import Callable

from kit.fuzz.judge import Failure
from kit.fuzz.script import Script

LIMIT = 0.005
"""Seconds of CPU time for a message, however long it is."""
_MEASURED = 8
"""Times that a message is measured before it is called slow: others use the machine too."""


def hold_to(limit: float, script: Script, road: Callable[[], list[float]]) -> None:
    """Take a road; whatever took too long is measured again, with nothing remembered of the first time."""
    spent = road()
    for _ in range(_MEASURED):
        if all(took <= limit for took in spent):
            return
        _forget()
        spent = [min(pair) for pair in zip(spent, road(), strict=True)]
    for took, data in zip(spent, script.messages, strict=False):
        if took > limit:
            raise Failure("slow", f"{took * 1000:.1f} ms for a message of {len(data)} bytes")


def _forget() -> None:
    """Empty what functions remember of earlier messages."""
    for name, module in list(sys.modules.items()):
        if name.startswith("doorman.wire"):
            for member in vars(module).values():
                clear = getattr(member, "cache_clear", None)
                if clear is not None:
                    clear()
