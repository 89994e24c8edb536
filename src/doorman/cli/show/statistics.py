"""`show ip nat statistics`.

The keys of the NAT's statistics, all counters since the last `clear ip nat statistics` but for what exists now:

    translations   static, dynamic, extended (have ports or another side): how many exist now
    interfaces     inside, outside: lists of names
    hits, misses   packets that found a translation, and that made or did not find one
    expired        translations that ended by themselves
    mappings       a list, one for each dynamic rule: kind (`inside source`, `outside source`, `inside destination`),
                   access_list, pool or interface (the other None), overload, in_use (translations); and for a pool
                   ranges (first, last), netmask, type, addresses, allocated, misses
    doors          open (now), opened, closed, promoted
    queued         packets of signalling that wait now
    counters       groups of further counters by their title: {"Queue": {"received": 4, "lost": 0}, …}
    drops, notes   counts by reason, by name
"""

from collections.abc import Callable, Iterator

from doorman.cli.reasons import meaning_of_drop, meaning_of_note
from doorman.cli.show.table import table
from doorman.dataplanes.report import Json


def show_statistics(found: Json) -> Iterator[str]:
    """The statistics of a NAT in the form of IOS, then what IOS does not count."""
    existing, doors = found["translations"], found["doors"]
    static, dynamic = existing["static"], existing["dynamic"]
    yield (
        f"Total active translations: {static + dynamic} "
        f"({static} static, {dynamic} dynamic; {existing['extended']} extended)"
    )
    for side in ("outside", "inside"):
        yield f"{side.capitalize()} interfaces:"
        yield f"  {', '.join(found['interfaces'][side]) or 'none'}"
    yield f"Hits: {found['hits']}  Misses: {found['misses']}"
    yield f"Expired translations: {found['expired']}"
    yield "Dynamic mappings:"
    yield from _mappings(found["mappings"])
    yield f"Total doors: {doors['open']}"
    yield f"Doors opened: {doors['opened']}  used: {doors['promoted']}  closed: {doors['closed']}"
    yield f"Queued Packets: {found['queued']}"
    for title, counters in found["counters"].items():
        yield f"{title}: {listed(counters)}"
    yield from counted("Drops", found["drops"], meaning_of_drop)
    yield from counted("Notes", found["notes"], meaning_of_note)


def _mappings(mappings: list[Json]) -> Iterator[str]:
    kind = ""
    for number, mapping in enumerate(mappings, 1):
        if mapping["kind"] != kind:
            kind = mapping["kind"]
            yield f"-- {kind.title()}"
        target = f"pool {mapping['pool']}" if mapping["pool"] is not None else f"interface {mapping['interface']}"
        overload = " overload" if mapping["overload"] else ""
        yield f"[Id: {number}] access-list {mapping['access_list']} {target}{overload} refcount {mapping['in_use']}"
        if mapping["pool"] is not None:
            yield from _pool(mapping)


def _pool(mapping: Json) -> Iterator[str]:
    total, allocated = mapping["addresses"], mapping["allocated"]
    yield f" pool {mapping['pool']}: netmask {mapping['netmask']}"
    for first, last in mapping["ranges"]:
        yield f"        start {first} end {last}"
    yield (
        f"        type {mapping['type']}, total addresses {total}, allocated {allocated} "
        f"({100 * allocated // max(total, 1)}%), misses {mapping['misses']}"
    )


def listed(counters: Json) -> str:
    """Counters by name in one line."""
    return ", ".join(f"{name} {value}" for name, value in counters.items())


def counted(title: str, counts: dict[str, int], meaning: Callable[[str], str]) -> Iterator[str]:
    """Counts by name, the most frequent first, each with its meaning."""
    yield f"{title}: {sum(counts.values())}"
    if counts:
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        rows = [[f"  {name}", str(count), meaning(name)] for name, count in ordered]
        yield from table(["  Name", "Count", "Meaning"], rows, most=len(rows))
