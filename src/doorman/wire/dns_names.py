r"""Names of DNS that are addresses in reverse, and giving them other addresses (RFC 1035, sections 3.5 and 4.1.4).

    192.168.1.5      \x01 5 \x01 1 \x03 168 \x03 192 \x07 in-addr \x04 arpa \x00

Such a name may be shorter or longer afterwards; what stands behind it moves, and pointers to that change. A name that
has some labels in common with another, and needs others now, is spelled out up to its zone. The zones above the first
name that is changed, mostly the one that is asked for, change with it: else nobody would take their answer for one.
"""

import re
from bisect import bisect, bisect_left
from collections.abc import Callable
from functools import lru_cache
from struct import Struct, error
from typing import Final, NamedTuple

from doorman.net.addresses import Address, new_tuple
from doorman.wire.dns import HEADER, LONGEST_LABEL, LONGEST_NAME, POINTER, check_pointer
from doorman.wire.malformed import Excessive, Malformed

Labels = tuple[bytes, ...]
Translate = Callable[[Address], Address]
"""Another address in place of one, or the same."""

_ZONE: Final = (b"in-addr", b"arpa")
_FULL: Final = 6
"""Labels of an address in reverse."""
_OCTETS: Final = {str(number).encode(): number for number in range(256)}
_LABELS: Final = [str(number).encode() for number in range(256)]
_SIZES: Final = [bytes([size]) for size in range(LONGEST_LABEL + 1)]
_CACHE: Final = 4_096
"""How many names are remembered; bounded, since a peer chooses what it sends."""
_COUNTS: Final = Struct(">HHHH").unpack_from
_FIXED: Final = Struct(">HxxxxxxH").unpack_from
_FIXED_SIZE: Final = 10
_FAR: Final = 0x3FFF
_STRINGS: Final = -1
_NAMES_IN: Final = {
    2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1), 12: (0, 1), 14: (0, 2),
    15: (2, 1), 17: (0, 2), 18: (2, 1), 21: (2, 1), 26: (2, 2), 30: (0, 1), 33: (6, 1), 35: (_STRINGS, 1), 36: (2, 1),
    39: (0, 1),
}  # fmt: skip
"""Of records that may have compressed names in their RDATA (RFC 1035; RFC 3597, section 4), by type: how many bytes
stand before these, and how many names there are. NAPTR has two numbers and three strings before its name."""

may_reverse: Final = re.compile(rb"\x07in-addr\x04arpa\x00", re.IGNORECASE).search
"""Whether a message may have a name that is an address in reverse. Takes less time than reading."""


class Change(NamedTuple):
    """Replace `data[start:end]` by `new`; `what` is `name`, `pointer`, or `length` of a record."""

    start: int
    end: int
    new: bytes
    what: str


class Name(NamedTuple):
    """A name where it stands.

    Attributes:
        start, end: its bytes there.
        labels: all of them, with those that a pointer adds; `places` says where each begins.
        inline: how many of them stand there.
        target: where its pointer leads, 0 for none.
        length_at: where the RDLENGTH is of the record that it is in the RDATA of; 0: it is in none.
    """

    start: int
    end: int
    labels: Labels
    places: tuple[int, ...]
    inline: int
    target: int
    length_at: int


Known = dict[int, Name]
"""Names that were read, by where they begin: most pointers lead to one of these."""
_Standing = tuple[Name, Labels, int]
"""A name as it was, what it must be, and where it begins then."""


@lru_cache(_CACHE)
def reversed_address(labels: Labels) -> Address | None:
    """The address that a name is in reverse, None where it is none, or but a part of one."""
    if len(labels) != _FULL or tuple(label.lower() for label in labels[4:]) != _ZONE:
        return None
    try:
        return Address(bytes([_OCTETS[label] for label in labels[3::-1]]))
    except KeyError:
        return None


@lru_cache(_CACHE)
def _reversed_labels(address: Address) -> Labels:
    """The labels of an address in reverse, without those of the zone."""
    return tuple([_LABELS[octet] for octet in address[::-1]])


def rename(data: bytes, start: int, translate: Translate) -> list[Change]:
    """What gives the reversed addresses of a message, whose header stands at `start`, other ones; in order.

    Raises:
        Malformed: the message cannot be read.
        Excessive: it would be too long for its pointers, or a record for its length.
    """
    names = _read(data, start)
    renaming = _Renaming(data, start, translate)
    wanted = [renaming.wanted(name.labels) for name in names]
    if not renaming.needed:
        return []
    for name, new in zip(names, wanted, strict=True):
        renaming.see(name, new)
    return sorted(renaming.changes)


class _Renaming:
    """Goes through the names of a message in their order.

    Attributes:
        changes: found so far.
        needed: whether a name that was looked at must be another.
    """

    def __init__(self, data: bytes, start: int, translate: Translate) -> None:
        self.changes: list[Change] = []
        self._data = data
        self._start = start
        self._translate = translate
        self.needed = False
        self._asked: tuple[Labels, Labels] = ((), ())
        self._growth = 0
        self._begins: list[int] = []
        self._standing: list[_Standing] = []
        self._of_record = (0, 0)
        self._wanted: dict[Labels, Labels] = {}

    def wanted(self, labels: Labels) -> Labels:
        """The next name as it must be; the very same where that is what it is."""
        if len(labels) <= len(_ZONE) or labels[-1].lower() != _ZONE[1]:
            return labels
        if len(labels) < _FULL:
            return self._named(labels)  # it depends on what came before
        known = self._wanted.get(labels)
        if known is None:
            known = self._wanted[labels] = self._named(labels)
        return labels if known == labels else known

    def see(self, name: Name, wanted: Labels) -> None:
        """The next name, and what it must be: all but its end may have moved."""
        labels, inline, target = name.labels, name.inline, name.target
        in_zone = len(labels) > len(_ZONE) and labels[-1].lower() == _ZONE[1]
        if not (in_zone or self.changes):
            return  # nothing has moved yet
        now_at, ending = self._now_at(target)
        if in_zone and target and ending != wanted[inline:] and inline < len(wanted) - len(_ZONE):
            inline = len(wanted) - len(_ZONE)  # nothing else that stands before it ends so
            target = name.places[inline]
            now_at, _ = self._now_at(target)
        self._begins.append(name.start)
        self._standing.append((name, wanted, name.start + self._growth))
        if wanted is labels and inline == name.inline:
            if not target:
                return  # all its labels stand there, and stay
            new = self._data[name.start : name.end - 2]
        else:
            new = b"".join([_SIZES[len(label)] + label for label in wanted[:inline]])
        new += self._pointer(target, now_at) if target else b"\0"
        if new != self._data[name.start : name.end]:
            what = "pointer" if wanted is labels else "name"
            self.changes.append(new_tuple(Change, (name.start, name.end, new, what)))
            self._grow(len(new) - (name.end - name.start), name.length_at)

    def _named(self, labels: Labels) -> Labels:
        address = reversed_address(labels[-_FULL:])
        if address is None:
            asked, now = self._asked
            above = len(asked) - len(labels)
            is_above = above > 0 and [*map(bytes.lower, labels)] == [*map(bytes.lower, asked[above:])]
            return now[above:-2] + labels[-2:] if is_above else labels
        name = self._translate(address)
        if name == address:
            return labels
        wanted = _reversed_labels(name) + labels[-2:]
        if not self.needed:
            self.needed = True
            self._asked = labels[-_FULL:], wanted
        return labels[:-_FULL] + wanted

    def _now_at(self, place: int) -> tuple[int | None, Labels | None]:
        """Where a label is now that stood at a place, and the name that begins with it; None if none stood there."""
        which = bisect(self._begins, place) - 1
        if which < 0:
            return None, None
        name, wanted, at = self._standing[which]
        if place == name.start:
            return at, wanted
        before = bisect_left(name.places, place, 0, name.inline)
        if place != (name.places[before] if before < name.inline else name.end - (2 if name.target else 1)):
            return None, None
        return at + sum(map(len, wanted[:before])) + before, wanted[before:]

    def _pointer(self, target: int, now_at: int | None) -> bytes:
        """A pointer to what stood at a place; None: it is not known where that is now, if it moved."""
        if now_at is None:
            if self.changes and target > self.changes[0].start:
                raise Malformed("dns-pointer")
            now_at = target
        if now_at - self._start > _FAR:
            raise Excessive("dns-pointer-too-far")
        return (POINTER << 8 | now_at - self._start).to_bytes(2, "big")

    def _grow(self, bytes_more: int, length_at: int) -> None:
        """What stands behind moves; a record whose RDATA grew says so."""
        self._growth += bytes_more
        if not length_at or not bytes_more:
            return
        known, grown = self._of_record
        if known == length_at:
            self.changes = [change for change in self.changes if change.start != length_at]
            bytes_more += grown
        self._of_record = (length_at, bytes_more)
        length = int.from_bytes(self._data[length_at : length_at + 2], "big") + bytes_more
        if length > 0xFFFF:  # noqa: PLR2004 - of two bytes
            raise Excessive("dns-pointer-too-far")
        self.changes.append(Change(length_at, length_at + 2, length.to_bytes(2, "big"), "length"))


def _read(data: bytes, start: int) -> list[Name]:
    """All names of a message that may be compressed, in order."""
    questions, answers, authorities, more = _COUNTS(data, start + 4)
    at = start + HEADER
    found: list[Name] = []
    known: Known = {}
    try:
        for _ in range(questions):
            name = read_name(data, at, start, known)
            found.append(name)
            at = name.end + 4
        for _ in range(answers + authorities + more):
            name = read_name(data, at, start, known)
            found.append(name)
            kind, length = _FIXED(data, name.end)
            at = name.end + _FIXED_SIZE
            if length and kind in _NAMES_IN:
                found += names_in(data, at, kind, length, start, known)
            at += length
    except (IndexError, error):
        raise Malformed("dns-cut-short") from None
    if at > len(data):
        raise Malformed("dns-cut-short")
    return found


def names_in(data: bytes, at: int, kind: int, length: int, start: int, known: Known) -> list[Name]:  # noqa: PLR0913, PLR0917 - where it is, and what is known
    """The names in the RDATA of a record of a type that may compress them; an update that deletes something has none.

    Raises:
        Malformed: they are none, or are not within it.
        IndexError: the data end before they do; so does `read_name`.
    """
    before, count = _NAMES_IN.get(kind, (0, 0))
    if not length or not count:
        return []
    length_at, end = at - 2, at + length
    if before == _STRINGS:
        at += 4
        for _ in range(3):
            at += 1 + data[at]
    else:
        at += before
    found = []
    for _ in range(count):
        name = read_name(data, at, start, known, length_at)
        found.append(name)
        at = name.end
    if at > end:
        raise Malformed("dns-cut-short")
    return found


def read_name(data: bytes, at: int, start: int, known: Known, length_at: int = 0) -> Name:
    """Read a name, of a message whose header stands at `start`, with what its pointers add; it is `known` then.

    Raises:
        Malformed: it is none, or is too long.
    """
    labels: list[bytes] = []
    places: list[int] = []
    first = begin = at
    end = inline = target = size = 0
    rest: Name | None = None
    while length := data[at]:
        if length > LONGEST_LABEL:
            offset = (length << 8 | data[at + 1]) - (POINTER << 8)
            check_pointer(offset, begin - start)
            if not target:
                end, inline, target = at + 2, len(labels), start + offset
            size += at - begin
            at = begin = start + offset
            rest = known.get(at)
            if rest is not None:
                break
            continue
        places.append(at)
        behind = at + 1 + length
        labels.append(data[at + 1 : behind])
        at = behind
    if not target:
        end, inline = at + 1, len(labels)
    if rest is None:
        size += at - begin
        all_labels, all_places = tuple(labels), tuple(places)
    elif labels:
        size += sum(map(len, rest.labels)) + len(rest.labels)
        all_labels, all_places = (*labels, *rest.labels), (*places, *rest.places)
    else:  # most are the name that was asked for
        all_labels, all_places = rest.labels, rest.places
    if size >= LONGEST_NAME:
        raise Malformed("dns-name-too-long")
    found = new_tuple(Name, (first, end, all_labels, all_places, inline, target, length_at))
    known[first] = found
    return found
