"""The configuration file, written by `write memory`: whole or not at all, and readable to nobody else meanwhile."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path


def rewrite(path: Path, text: str) -> None:
    """Put a text in the place of the file's, which keeps its mode; where the path is a link, that stays one.

    Raises:
        OSError: the file is as it was.
    """
    file_path = path.resolve()
    mode = stat.S_IMODE(file_path.stat().st_mode)
    # A new file of a name that nobody can know: what is written follows no link that was put in its way.
    descriptor, name = tempfile.mkstemp(prefix=f".{file_path.name}.", dir=file_path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        Path(name).replace(file_path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
