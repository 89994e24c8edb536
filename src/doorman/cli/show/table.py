"""Plain text tables: columns as wide as their longest cell, headings as they are."""

from collections.abc import Iterable, Iterator, Sequence

MOST_ROWS = 50
"""Rows shown before the rest is only counted; the JSON report has all."""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], most: int = MOST_ROWS) -> Iterator[str]:
    """The lines of a table."""
    cells = list(rows)
    shown = cells[:most]
    widths = [max(len(row[column]) for row in [headings, *shown]) for column in range(len(headings))]
    yield from endless_table(headings, shown, widths)
    if len(cells) > most:
        yield f"... and {len(cells) - most} more"


def endless_table(headings: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """The lines of a table whose rows are taken one at a time: a cell longer than its column pushes those behind it."""
    yield table_line(headings, widths)
    for row in rows:
        yield table_line(row, widths)


def table_line(row: Sequence[str], widths: Sequence[int]) -> str:
    """One line of a table."""
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
