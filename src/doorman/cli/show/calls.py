"""`show alg sip calls`."""

from collections.abc import Iterable, Iterator

from doorman.cli.show.durations import duration
from doorman.cli.show.table import endless_table, table
from doorman.dataplanes.report import Json

_HEADINGS = ("Call-ID", "Inside party", "From -> to", "State")
_MEDIA = "Media (inside / outside)"
_WIDTHS = (36, 15, 24, 9)


def show_calls(calls: list[Json]) -> Iterator[str]:
    """A line for each call, with the media addresses of both ends."""
    if not calls:
        yield "no calls"
        return
    yield from table([*_HEADINGS, _MEDIA], [[*_row(call), _streams(call)] for call in calls])


def live_calls(calls: Iterable[Json]) -> Iterator[str]:
    """The same of a running gateway, however many there are, with the time until the record is given up."""
    rows = ([*_row(call), duration(call["left"]), _streams(call)] for call in calls)
    yield from endless_table([*_HEADINGS, "Left", _MEDIA], rows, [*_WIDTHS, 8, 0])


def _row(call: Json) -> list[str]:
    return [call["call_id"], call["inside_party"], f"{call['from']} -> {call['to']}", call["state"]]


def _streams(call: Json) -> str:
    return ", ".join(
        f"{stream['kind']} {stream['inside'] or '-'} / {stream['outside'] or '-'}" for stream in call["streams"]
    )
