"""`show nat64 …`: flows of IPv6 hosts, and counters."""

from collections.abc import Iterable, Iterator

from doorman.cli.reasons import meaning_of_drop
from doorman.cli.show.statistics import counted
from doorman.cli.show.table import table_line
from doorman.dataplanes.report import Json

_NONE = "---"
_WIDTHS = (4, 30, 24, 15)
"""Of `icmp`, and of most IPv6 addresses with a port."""


def show_nat64_translations(translations: Iterable[Json]) -> Iterator[str]:
    """Two lines for each: how the host knows it, and how the server does; and their number."""
    yield table_line(("Pro", "Inside IPv6", "Outside IPv6", ""), _WIDTHS)
    yield table_line(("", "Inside IPv4", "Outside IPv4", "Stand-in"), _WIDTHS)
    count = 0
    for count, entry in enumerate(translations, 1):  # noqa: B007 - how many there were
        yield table_line(
            (entry["protocol"] or _NONE, entry["inside_ipv6"], entry["outside_ipv6"] or _NONE, ""), _WIDTHS
        )
        yield table_line(("", entry["inside_ipv4"], entry["outside_ipv4"] or _NONE, entry["stand_in"]), _WIDTHS)
    yield f"Total number of translations: {count}"


def show_nat64_statistics(found: Json) -> Iterator[str]:
    """What there is now, and packets since the counters were cleared."""
    hosts = found["hosts"]
    yield f"Stateful prefix: {found['prefix'] or 'none'}"
    yield f"Interfaces: {', '.join(found['interfaces']) or 'none'}"
    yield f"Total hosts: {sum(hosts.values())} ({hosts['static']} static, {hosts['dynamic']} dynamic)"
    yield f"Packets translated (IPv6 -> IPv4): {found['to_ipv4']}"
    yield f"Packets translated (IPv4 -> IPv6): {found['to_ipv6']}"
    yield f"Packets by other interfaces: {found['not_enabled']}"
    yield from counted("Drops", found["drops"], meaning_of_drop)
