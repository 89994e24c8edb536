"""`show alg sip calls`."""

from collections.abc import Iterator

from doorman.cli.show.table import table
from doorman.dataplanes.report import Json


def show_calls(calls: list[Json]) -> Iterator[str]:
    """A line for each call, with the media addresses of both ends."""
    rows = [
        [call["call_id"], call["inside_party"], f"{call['from']} -> {call['to']}", call["state"], _streams(call)]
        for call in calls
    ]
    if not rows:
        yield "no calls"
        return
    yield from table(["Call-ID", "Inside party", "From -> to", "State", "Media (inside / outside)"], rows)


def _streams(call: Json) -> str:
    return ", ".join(
        f"{stream['kind']} {stream['inside'] or '-'} / {stream['outside'] or '-'}" for stream in call["streams"]
    )
