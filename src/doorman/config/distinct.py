"""Different things in their order, as a value that grows at once and knows at once whether it holds one.

The lines of a file are added one by one to the list that they belong to. A tuple would be searched and copied for each,
so that a list of ten thousand lines would take minutes.

    a = Distinct("xy")      both share x y z, of which a has the first two: whatever comes of it, a stays as it was
    b = a.with_one("z")
    c = a.with_one("w")     a is not the newest any more, so this is a copy
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from operator import eq
from typing import TypeVar, cast, overload

T = TypeVar("T", bound=Hashable)


class Distinct(Sequence[T]):
    """A sequence that is never changed, without repetitions: of equal things only the first is in it.

    Args:
        things: what is in it.
        added: of one that grew from another: how many there were when each was added; `things` is then a list with all
            of them. Both may be shared: a value has what is not younger than itself.
    """

    __slots__ = ("_added", "_length", "_things")

    def __init__(self, things: Iterable[T] = (), added: dict[T, int] | None = None) -> None:
        if added is not None and isinstance(things, list):
            self._things = things
            self._added = added
        else:
            self._added = {thing: count for count, thing in enumerate(dict.fromkeys(things))}
            self._things = list(self._added)
        self._length = len(self._things)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return islice(self._things, self._length)

    def __contains__(self, thing: object) -> bool:
        return self._added.get(cast("T", thing), self._length) < self._length

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Distinct):
            return NotImplemented
        if self._length != other._length:
            return False
        return self._things is other._things or all(map(eq, self, other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Distinct({list(self)!r})"

    @overload
    def __getitem__(self, which: int) -> T: ...
    @overload
    def __getitem__(self, which: slice) -> "Distinct[T]": ...
    def __getitem__(self, which: int | slice) -> "T | Distinct[T]":
        things = self._things if self._length == len(self._things) else self._things[: self._length]
        return Distinct(things[which]) if isinstance(which, slice) else things[which]

    def with_one(self, thing: T, place: int | None = None) -> "Distinct[T]":
        """The same with one more thing, before the one at a place or at the end, unless it has that already."""
        if thing in self:
            return self
        is_newest, is_last = len(self._added) == self._length, place is None or place >= self._length
        added = self._added if is_newest else {known: count for count, known in enumerate(self)}
        things = self._things if is_newest and is_last else self._things[: self._length]
        things.insert(self._length if place is None else place, thing)
        added[thing] = self._length
        return Distinct(things, added)

    def without(self, place: int) -> "Distinct[T]":
        """The same without the thing at a place."""
        return Distinct(thing for index, thing in enumerate(self) if index != place)
