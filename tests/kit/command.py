"""The `doorman` command, run within the tests' own process: an interpreter takes longer to start than most commands."""

import gc
import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

from doorman.main import main


class Done(NamedTuple):
    """How a command ended, and what went to which stream."""

    code: int
    out: str
    err: str


def doorman(*arguments: str) -> Done:
    """Run the command with arguments, in the current directory, and wait for its end."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    threshold = gc.get_threshold()
    with patch.object(sys, "argv", ["doorman", *arguments]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            gc.set_threshold(*threshold)
            gc.unfreeze()
    return Done(code, out.getvalue(), err.getvalue())
