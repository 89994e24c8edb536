"""Route maps as values: entries in the order of their numbers, of which the first that matches decides; none is a deny.

An entry matches if each kind of its `match` lines does, and of one kind any will do. NAT rules use those about access
lists and interfaces; what other features match and set is kept as it was typed.
"""

from dataclasses import dataclass, replace
from typing import Literal

Action = Literal["permit", "deny"]
FIRST = 10
"""The number of an entry that is not given one."""


@dataclass(frozen=True, slots=True)
class RouteMapEntry:
    """`route-map NAME {permit | deny} SEQUENCE`, with what stands under it.

    Attributes:
        sequence: its number.
        permit: what it decides.
        access_lists: `match ip address`: one of them must permit the packet; empty: any packet will do.
        interfaces: `match interface`: the packet must leave by one of them; empty: by any.
        others: further `match` lines, which no NAT rule can use, as they were typed.
        sets: `set` lines and the description, which mean nothing to NAT.
    """

    sequence: int
    permit: bool = True
    access_lists: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteMap:
    """A route map by its name, and its entries by their numbers."""

    name: str
    entries: tuple[RouteMapEntry, ...] = ()

    def entry(self, sequence: int) -> RouteMapEntry | None:
        """The entry with a number."""
        return next((entry for entry in self.entries if entry.sequence == sequence), None)

    def with_entry(self, entry: RouteMapEntry) -> "RouteMap":
        """The map with an entry, in the place of one with the same number."""
        others = [known for known in self.entries if known.sequence != entry.sequence]
        return replace(self, entries=tuple(sorted([*others, entry], key=lambda one: one.sequence)))

    def without(self, sequence: int) -> "RouteMap":
        """The map without an entry."""
        return replace(self, entries=tuple(entry for entry in self.entries if entry.sequence != sequence))
