"""A progress bar for long captures, on a terminal only."""

import sys
from collections.abc import Iterator

from doorman.net.captures import CaptureReader, Frame

LONG = 20_000_000
"""Bytes of a capture worth a bar."""
_STEP = 5_000
"""Frames between two looks at the position."""


def watched(reader: CaptureReader, size: int) -> Iterator[Frame]:
    """The frames of a reader, with a bar on standard error while they are taken."""
    if size < LONG or not sys.stderr.isatty():
        yield from reader
        return
    # Costs a tenth of a second to import, and is needed by nobody else.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replay", total=size)
        for number, frame in enumerate(reader):
            if number % _STEP == 0:
                progress.update(task, completed=reader.position())
            yield frame
