"""The daemon's log: lines on stderr, with the priorities that the journal of systemd reads."""

import logging
import sys
from collections.abc import Mapping

from doorman.config.errors import printable

_PRIORITIES = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
"""Those of syslog (RFC 5424, section 6.2.1)."""


class _Lines(logging.Formatter):
    """One record, one line: a line break within could pass for another record; and no terminal does what it says."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__("%(message)s" if journal else "%(asctime)s %(levelname)s %(message)s")
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        text = "\n    ".join(map(printable, super().format(record).split("\n")))
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{text}" if self._journal else text


def log_to_stderr(environment: Mapping[str, str]) -> None:
    """Let log lines go to stderr; `JOURNAL_STREAM` in the environment says that the journal reads it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(journal="JOURNAL_STREAM" in environment))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
