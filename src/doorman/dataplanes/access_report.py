"""Access lists with how often their lines matched, as JSON: the same for replay and the live gateway."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from doorman.config.access_lists import AccessList
from doorman.config.render_lists import entry_text, list_order
from doorman.engine.engine import Engine
from doorman.firewall.access import AccessGroups

Json = dict[str, Any]


Matches = Mapping[str, Sequence[int]]
"""How many packets matched each line of the lists that interfaces apply, by the names of the lists."""


def access_entries(lists: Mapping[str, AccessList], matches: Matches) -> Iterator[Json]:
    """Each list with its lines; `matches` counts packets at interfaces, None where no interface applies the list."""
    for listed in sorted(lists.values(), key=list_order):
        yield _entry(listed, matches.get(listed.name))


def applied_entries(access: AccessGroups | None) -> Iterator[Json]:
    """The lists that interfaces apply."""
    lists = {} if access is None else {name: one.listed for name, one in access.lists.items()}
    return access_entries(lists, matches_in(access))


def matches_in(access: AccessGroups | None) -> Matches:
    """What an engine has counted."""
    return {} if access is None else {name: one.matches for name, one in access.lists.items()}


def clear_access(engine: Engine, name: str | None) -> int:
    """Begin the counters of a list at zero, or of all; say of how many."""
    lists = {} if engine.access is None else engine.access.lists
    chosen = [counted for known, counted in lists.items() if name in {None, known}]
    for counted in chosen:
        counted.clear()
    return len(chosen)


def _entry(listed: AccessList, matches: Iterable[int] | None) -> Json:
    counts = [None] * len(listed.entries) if matches is None else matches
    return {
        "name": listed.name,
        "kind": "extended" if listed.extended else "standard",
        "lines": [
            {"sequence": number, "line": entry_text(entry), "matches": count}
            for number, entry, count in zip(listed.sequence, listed.entries, counts, strict=True)
        ],
    }
