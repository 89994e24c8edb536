"""Whether an address is one of many or lies in some range, told as fast for one that nobody has asked about before."""

from bisect import bisect
from collections.abc import Collection, Iterable

from doorman.net.addresses import Address

Range = tuple[Address, Address]
"""Addresses of one family from the first to the last, both included."""


class AddressSet:
    """Single addresses, and those of ranges; it never changes.

    Args:
        single: some of them.
        ranges: the others, which may overlap.

    Raises:
        ValueError: the ends of a range are not of one family, or the wrong way round.
    """

    __slots__ = ("_edges", "_single")

    def __init__(self, single: Iterable[Address] = (), ranges: Iterable[Range] = ()) -> None:
        self._single: frozenset[bytes] = frozenset(single)
        # By the length of an address: where what is in a range begins, where it ends, and so on, in order.
        self._edges: dict[int, list[bytes]] = {}
        for first, last in sorted(ranges):
            if len(first) != len(last) or first > last:
                raise ValueError("a range goes from its first address to its last")
            edges = self._edges.setdefault(len(first), [])
            behind = last + b"\0"  # comes after it, and before the next address
            if edges and first <= edges[-1]:
                edges[-1] = max(edges[-1], behind)
            else:
                edges += [first, behind]

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, bytes):
            return False
        if address in self._single:
            return True
        edges = self._edges.get(len(address))
        return edges is not None and bisect(edges, address) % 2 == 1

    def has_any(self, addresses: Collection[Address]) -> bool:
        """Whether one of some addresses is in it."""
        if not self._single.isdisjoint(addresses):
            return True
        for address in addresses:
            edges = self._edges.get(len(address), ())
            if bisect(edges, address) % 2:
                return True
        return False
