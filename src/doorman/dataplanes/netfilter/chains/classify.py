"""Ordered lines, of which the first that matches decides, as few look-ups.

Lines that have no packet in common can be asked in any order, so also all at once: they become one verdict map,
whose cost hardly grows with them. A line that overlaps one before it comes behind that.

    permit tcp any host 192.0.2.1 eq 80      one map       192.0.2.1 . 80 : goto A
    permit tcp any host 192.0.2.2 eq 443                   192.0.2.2 . 443 : goto B
    deny   tcp any any eq 80                 a rule
    permit udp any host 192.0.2.1 eq 53      the map above: it has nothing in common with what stands between
"""

import itertools
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from doorman.dataplanes.netfilter.chains.matching import (
    FIELDS,
    LASTS,
    PROTOCOL,
    Match,
    Ranges,
    expression,
    spell_range,
)

_WORTH_A_MAP = 4
"""So many lines and more become a map; fewer are asked faster one by one."""
_MOST_ELEMENTS = 256
"""A line that would be more elements of a map stays a rule, with sets of its own."""
_ICMP = 1

Box = tuple[tuple[int, int], ...]
"""One range of each field."""


class Line(NamedTuple):
    """What is asked, and where it leads: nft's statements."""

    matches: Sequence[Match]
    then: str


def classified(lines: Iterable[Line]) -> Iterator[str]:
    """The rules that ask these lines; their order decides where several are true of a packet."""
    for group in groups_of(lines):
        if group.is_map:
            yield _map(group)
            continue
        for line in group.lines:
            yield from (f"{expression(match)}{line.then}" for match in line.matches)


def groups_of(lines: Iterable[Line]) -> list["Group"]:
    """Lines in groups that are asked one after the other, within each of which only one line can be true."""
    groups = _Groups()
    for line in lines:
        groups.add(line)
    return groups.found


class Group:
    """Lines that have no packet in common.

    Attributes:
        fields: those that a map of them may look at; None for a line that cannot be part of one.
        lines: in the order in which they came.
        boxes: the elements that they are in a map.
        mask: the bits of all that they are about, see `_Overlaps`.
    """

    def __init__(self, fields: frozenset[int] | None) -> None:
        self.fields = fields
        self.lines: list[Line] = []
        self.boxes: list[tuple[Box, Line]] = []
        self.mask = 0

    @property
    def is_map(self) -> bool:
        """Whether they are asked at once."""
        return self.fields is not None and len(self.lines) >= _WORTH_A_MAP


class _Groups:
    """Groups in the order in which they must be asked."""

    def __init__(self) -> None:
        self.found: list[Group] = []
        self._known = _Overlaps()

    def add(self, line: Line) -> None:
        """Put a line in the first group that it fits behind all that it overlaps."""
        hulls = [_hull(match) for match in line.matches]
        overlapped = 0
        for hull in hulls:
            overlapped |= self._known.with_box(hull)
        boxes = _boxes(line)
        fields = _KINDS[any(match.has_ports for match in line.matches)] if boxes else None
        group = self._place(overlapped, fields)
        group.lines.append(line)
        group.boxes += [(box, line) for box in boxes]
        for hull in boxes or hulls:
            group.mask |= self._known.add(hull)

    def _place(self, overlapped: int, fields: frozenset[int] | None) -> Group:
        chosen = None
        for group in reversed(self.found):
            if group.mask & overlapped:
                break
            if fields is not None and group.fields == fields:
                chosen = group
        if chosen is None:
            chosen = Group(fields)
            self.found.append(chosen)
        return chosen


_KINDS = {False: frozenset({0, 1, 3}), True: frozenset(range(5))}
"""The fields of lines without ports, and of those with: other protocols may be too short to have any."""


class _Overlaps:
    """Boxes, and which of them have a point in common with another: a bit for each, by field and range."""

    def __init__(self) -> None:
        self._count = 0
        self._fields = tuple(_Blocks() for _ in FIELDS)

    def add(self, box: Box) -> int:
        """Enter a box; its bit."""
        bit = 1 << self._count
        self._count += 1
        for field, ends in zip(self._fields, box, strict=True):
            field.add(ends, bit)
        return bit

    def with_box(self, box: Box) -> int:
        """The bits of the boxes that overlap one."""
        found = (1 << self._count) - 1
        for field, wanted in enumerate(box):
            if not found:
                break
            if wanted != (0, LASTS[field]):
                found &= self._fields[field].overlapping(wanted)
        return found


class _Blocks:
    """The ranges of one field, as blocks of a power of two that begin at a multiple of it: nested, or apart.

    So those that overlap one are the larger ones around it, which are known by where they must begin, and those that
    begin within it.
    """

    __slots__ = ("_bits", "_order", "_sizes")

    def __init__(self) -> None:
        self._bits: dict[tuple[int, int], int] = {}
        self._order: list[tuple[int, int]] = []
        self._sizes: set[int] = set()

    def add(self, ends: tuple[int, int], bit: int) -> None:
        """Enter a range of a box."""
        for block in _blocks(*ends):
            known = self._bits.get(block)
            if known is None:
                insort(self._order, block)
                self._sizes.add(block[1])
            self._bits[block] = (known or 0) | bit

    def overlapping(self, ends: tuple[int, int]) -> int:
        """The bits of the ranges that overlap one."""
        bits, order, found = self._bits, self._order, 0
        for first, size in _blocks(*ends):
            for larger in self._sizes:
                if larger > size:
                    found |= bits.get((first & -larger, larger), 0)
            for index in range(bisect_left(order, (first, 0)), bisect_left(order, (first + size, 0))):
                found |= bits[order[index]]
        return found


def _blocks(first: int, last: int) -> Iterator[tuple[int, int]]:
    """A range as blocks, each with its first number and its size."""
    while first <= last:
        most = 1 << (last - first + 1).bit_length() - 1
        size = min(first & -first, most) if first else most
        yield first, size
        first += size


def _hull(match: Match) -> Box:
    """All that a match can be about, and perhaps more."""
    return tuple(
        (ranges[0][0], ranges[-1][1]) if ranges else (0, LASTS[field]) for field, ranges in enumerate(match.fields)
    )


def _boxes(line: Line) -> list[Box]:
    """A line as elements of a map, which do not overlap; empty where it cannot be that."""
    found: list[Box] = []
    known = _Overlaps()
    for match in line.matches:
        if match.more:
            return []
        size = 1
        for ranges in match.fields:
            size *= len(ranges or (None,))
        if size + len(found) > _MOST_ELEMENTS:
            return []
        anything = (((0, last),) for last in LASTS)
        fields: list[Ranges] = [ranges or every for ranges, every in zip(match.fields, anything, strict=True)]
        boxes = list(itertools.product(*fields))
        if any(known.with_box(box) for box in boxes):
            return []
        for box in boxes:
            known.add(box)
        found += boxes
    return found


def _map(group: Group) -> str:
    """All lines of a group in one look-up, of the fields that any of them asks for."""
    asked = [field for field, last in enumerate(LASTS) if any(box[field] != (0, last) for box, _ in group.boxes)]
    shared = ""
    if len(asked) > 1 and PROTOCOL in asked:
        protocols = {box[PROTOCOL] for box, _ in group.boxes}
        if len(protocols) == 1:  # asked once, it need not be part of each key
            asked.remove(PROTOCOL)
            [only] = protocols
            shared = f"{FIELDS[PROTOCOL]} {spell_range(PROTOCOL, *only)} "
    elements = (
        f"{' . '.join(spell_range(field, *box[field]) for field in asked)} : {line.then}" for box, line in group.boxes
    )
    return f"{shared}{' . '.join(FIELDS[field] for field in asked)} vmap {{ {', '.join(elements)} }}"
