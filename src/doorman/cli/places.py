"""Where a gateway keeps its things unless told otherwise."""

from pathlib import Path

DEFAULT_SOCKET = Path("/run/doorman/doorman.sock")
DEFAULT_STATE = Path("/var/lib/doorman")
