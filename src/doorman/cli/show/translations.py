"""`show ip nat translations`; entries that are not to be shown are None, and so are their lines."""

from collections.abc import Iterable, Iterator

from doorman.cli.show.durations import duration
from doorman.cli.show.table import table, table_line
from doorman.dataplanes.report import Json
from doorman.net.addresses import Address, address_text

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


def chosen(
    translations: Iterable[Json], protocol: str | None, inside: Address | None, outside: Address | None
) -> Iterator[Json | None]:
    """Those of a protocol, with this inside global and this outside local address, as far as they are given."""
    for entry in translations:
        agrees = (
            protocol in {None, entry["protocol"]}
            and _has_address(entry["inside_global"], inside)
            and _has_address(entry["outside_local"], outside)
        )
        yield entry if agrees else None


def live_translations(translations: Iterable[Json | None]) -> Iterator[str | None]:
    """The same of a running gateway, however many there are, and their number."""
    count = 0
    yield table_line(_HEADINGS, _WIDTHS)
    for entry in translations:
        count += entry is not None
        yield table_line(_row(entry), _WIDTHS) if entry is not None else None
    yield _total(count)


def verbose_translations(translations: Iterable[Json | None]) -> Iterator[str | None]:
    """The same with a second line for each: its age, what is left of its life, whose it is and what passed."""
    yield table_line(_HEADINGS, _WIDTHS)
    for entry in translations:
        if entry is None:
            yield None
            continue
        yield table_line(_row(entry), _WIDTHS)
        yield _details(entry)


def counted_translations(translations: Iterable[Json | None]) -> Iterator[Json | None]:
    """Their number alone, at the end."""
    total = 0
    for entry in translations:
        total += entry is not None
        yield None
    yield {"total": total}


def total_translations(found: Iterable[Json | None]) -> Iterator[str | None]:
    """The number in words."""
    return (_total(entry["total"]) if entry is not None else None for entry in found)


def _total(count: int) -> str:
    return f"Total number of translations: {count}"


def _has_address(end: str | None, wanted: Address | None) -> bool:
    """Whether an end, `ADDRESS` or `ADDRESS:PORT` in IPv4, has this address."""
    return wanted is None or (end is not None and end.partition(":")[0] == address_text(wanted))


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
