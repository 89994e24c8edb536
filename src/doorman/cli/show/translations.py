"""`show ip nat translations [verbose]`."""

from collections.abc import Iterable, Iterator

from doorman.cli.show.durations import duration
from doorman.cli.show.table import table, table_line
from doorman.dataplanes.report import Json

_NONE = "---"
_HEADINGS = ("Pro", "Inside global", "Inside local", "Outside local", "Outside global")
_KEYS = ("protocol", "inside_global", "inside_local", "outside_local", "outside_global")
_WIDTHS = (4, 21, 21, 21, 21)
"""Of `icmp`, and of the longest IPv4 address with the longest port."""


def show_translations(translations: list[Json]) -> Iterator[str]:
    """The table of IOS: what has no protocol or no other side yet shows `---`."""
    if not translations:
        yield "no translations"
        return
    yield from table(_HEADINGS, map(_row, translations))


def live_translations(translations: Iterable[Json]) -> Iterator[str]:
    """The same of a running gateway, however many there are, and their number."""
    count = 0
    yield table_line(_HEADINGS, _WIDTHS)
    for count, entry in enumerate(translations, 1):  # noqa: B007 - told at the end
        yield table_line(_row(entry), _WIDTHS)
    yield f"Total number of translations: {count}"


def verbose_translations(translations: Iterable[Json]) -> Iterator[str]:
    """The same with a second line for each: its age, what is left of its life, whose it is and what passed."""
    yield table_line(_HEADINGS, _WIDTHS)
    for entry in translations:
        yield table_line(_row(entry), _WIDTHS)
        yield _details(entry)


def _row(entry: Json) -> list[str]:
    return [entry[key] or _NONE for key in _KEYS]


def _details(entry: Json) -> str:
    parts = [
        f"create {duration(entry['created'])}",
        f"use {duration(entry['used'])}",
        f"left {duration(entry['left'])}",
        f"flags: {' '.join(entry['flags']) or 'none'}",
        f"alg: {entry['alg'] or 'none'}",
    ]
    if entry["packets"] is not None:
        parts.append(f"packets {entry['packets']}")
    if entry["bytes"] is not None:
        parts.append(f"bytes {entry['bytes']}")
    return f"      {', '.join([*parts, 'by ' + entry['by']])}"
