"""`show alg NAME sessions`: what an ALG follows, of those that have one table for it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from doorman.cli.show.durations import duration
from doorman.cli.show.table import endless_table, table
from doorman.dataplanes.report import Json

_WIDTH = 21
"""Of a column, as long as not all rows are known: of an endpoint."""


def show_sessions(sessions: Sequence[Json]) -> Iterator[str]:
    """A line for each session of a replay."""
    if not sessions:
        yield "no sessions"
        return
    yield from table(_headings(sessions[0]), [_cells(session.values()) for session in sessions])


def live_sessions(keys: Sequence[str], sessions: Iterable[Json]) -> Iterator[str]:
    """The same of a running gateway, however many there are."""
    widths = [
        max(len(heading), _WIDTH if heading in {"Client", "Server", "Data"} else 8) for heading in _headings(keys)
    ]
    yield from endless_table(
        _headings(keys), (_cells(session[key] for key in keys) for session in sessions), [*widths[:-1], 0]
    )


def _headings(keys: Iterable[str]) -> list[str]:
    return [key.replace("_", " ").capitalize() for key in keys]


def _cells(values: Iterable[Any]) -> list[str]:
    return [duration(value) if isinstance(value, float) else value or "-" for value in values]
