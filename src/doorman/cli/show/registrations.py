"""`show alg sip registrations`."""

from collections.abc import Iterable, Iterator

from doorman.cli.show.durations import duration
from doorman.cli.show.table import endless_table
from doorman.dataplanes.report import Json


def live_registrations(registrations: Iterable[Json]) -> Iterator[str]:
    """A line for each registration, however many there are, with the time until it must be renewed."""
    rows = (
        [entry["user"], entry["inside_party"], entry["state"], duration(entry["left"]), entry["call_id"]]
        for entry in registrations
    )
    yield from endless_table(["User", "Inside party", "State", "Left", "Call-ID"], rows, [24, 15, 9, 8, 0])
