"""`show alg sip guard`: sources whose INVITEs fail."""

from collections.abc import Iterable, Iterator

from doorman.cli.show.durations import duration
from doorman.cli.show.table import endless_table
from doorman.dataplanes.report import Json


def show_guard(suspects: Iterable[Json]) -> Iterator[str]:
    """A line for each pair of source and server, with the time for which the source is denied still."""
    rows = (
        [
            entry["source"],
            entry["server"],
            entry["state"],
            duration(entry["left"]),
            str(entry["failures"]),
            str(entry["refused"]),
        ]
        for entry in suspects
    )
    yield from endless_table(["Source", "Server", "State", "Left", "Failures", "Dropped"], rows, [15, 15, 7, 8, 8, 0])
