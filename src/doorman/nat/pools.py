"""Global addresses to give out: one for each inside host, or a few which many share."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from doorman.algs.api import Refused
from doorman.nat.sharing import Run, kernels_choice
from doorman.net.address_set import AddressSet, Range
from doorman.net.addresses import Address


class _Run(NamedTuple):
    """The addresses of a range as numbers, and how many stand before them in the pool."""

    first: int
    size: int
    before: int


class AddressPool:
    """Ranges of addresses, both ends included, without the `reserved` ones; given out in turn.

    Args:
        ranges: which do not overlap.
        reserved: what others have.
        host_bits: with `type match-host`, how many bits a host keeps of its own address; otherwise 0.
        shared: the addresses that are shared, where a kernel says whose is which; None where each has its turn.

    Attributes:
        ranges: see above.

    Raises:
        ValueError: the ends of a range are not of one family, or the wrong way round.
    """

    __slots__ = ("_addresses", "_count", "_host_mask", "_leased", "_next", "_runs", "_shared", "_width", "ranges")

    def __init__(
        self,
        ranges: Sequence[Range],
        reserved: Collection[Address] = (),
        *,
        host_bits: int = 0,
        shared: Run | None = None,
    ) -> None:
        self.ranges = ranges
        self._addresses = AddressSet(ranges=ranges)
        self._runs: list[_Run] = []
        self._count = 0
        for first, last in ranges:
            number = int.from_bytes(first, "big")
            count = int.from_bytes(last, "big") - number + 1
            self._runs.append(_Run(number, count, self._count))
            self._count += count
        self._width = len(ranges[0][0]) if ranges else 0
        self._shared = shared
        self._host_mask = (1 << host_bits) - 1
        self._leased = {address for address in reserved if address in self}
        self._next = 0

    def __contains__(self, address: object) -> bool:
        return address in self._addresses

    @property
    def is_half_used(self) -> bool:
        """Whether half of its addresses are leased or reserved."""
        return len(self._leased) * 2 >= self._count

    def only(self) -> Address:
        """Its one address.

        Raises:
            Refused: it has several.
        """
        if self._count != 1:
            raise Refused("address-shared")
        return Address(self._runs[0].first.to_bytes(self._width, "big"))

    def share(self, host: Address) -> Address:
        """An address for one more host, which others may have too: each in its turn, or as a kernel has it.

        Raises:
            Refused: all are leased or reserved.
        """
        return self._free() if self._shared is None else kernels_choice(host, self._shared)

    def _free(self) -> Address:
        if len(self._leased) == self._count:
            raise Refused("pool-exhausted")
        address = self._turn()
        while address in self._leased:
            address = self._turn()
        return address

    def lease(self, host: Address) -> Address:
        """An address for one host alone.

        Raises:
            Refused: all are leased or reserved, or that with the host's own number is.
        """
        address = self._of_number(host) if self._host_mask else self._free()
        self._leased.add(address)
        return address

    def claim(self, address: Address, host: Address) -> bool:
        """Lease this very address to a host; False if it is not one to be had, or not with the host's number."""
        differs = int.from_bytes(address, "big") ^ int.from_bytes(host, "big")
        if address not in self or address in self._leased or differs & self._host_mask:
            return False
        self._leased.add(address)
        return True

    def release(self, address: Address) -> None:
        """Take a leased address back."""
        self._leased.discard(address)

    def _turn(self) -> Address:
        run = next(run for run in self._runs if self._next < run.before + run.size)
        address = Address((run.first + self._next - run.before).to_bytes(self._width, "big"))
        self._next = (self._next + 1) % self._count
        return address

    def _of_number(self, host: Address) -> Address:
        """The first address to be had that has the host's number in its network."""
        number = int.from_bytes(host, "big") & self._host_mask
        for run in self._runs:
            address = Address((run.first & ~self._host_mask | number).to_bytes(self._width, "big"))
            if address in self and address not in self._leased:
                return address
        raise Refused("pool-exhausted")
