"""`terminal monitor`: the lines of the gateway's log, for operators who want to see them as they come."""

import logging
import time
from collections.abc import Callable

from doorman.cli.debug.stamp import stamp
from doorman.cli.gateway import Unsubscribe


class Monitor(logging.Handler):
    """Tells each line that is logged to whoever listens; lines of one record one by one."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._listeners: dict[object, Callable[[str], None]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        if not self._listeners:
            return
        at = stamp(time.time_ns())
        for line in self.format(record).split("\n"):
            for tell in list(self._listeners.values()):
                tell(f"{at}: {line}")

    def listen(self, tell: Callable[[str], None]) -> Unsubscribe:
        """Have each line told, until the function returned is called."""
        key = object()
        self._listeners[key] = tell

        def end() -> None:
            self._listeners.pop(key, None)

        return end
