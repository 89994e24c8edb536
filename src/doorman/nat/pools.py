"""Global addresses to give out: one for each inside host, or a few which many share."""

from collections.abc import Collection

from doorman.algs.api import Refused
from doorman.net.addresses import Address


class AddressPool:
    """The addresses from `first` to `last` without the `reserved` ones, given out in turn.

    Raises:
        ValueError: the ends are not of one family, or the wrong way round.
    """

    __slots__ = ("_count", "_first", "_leased", "_next", "_width")

    def __init__(self, first: Address, last: Address, reserved: Collection[Address] = ()) -> None:
        self._first = int.from_bytes(first, "big")
        self._count = int.from_bytes(last, "big") - self._first + 1
        if len(first) != len(last) or self._count < 1:
            raise ValueError("a pool goes from its first address to its last")
        self._width = len(first)
        self._leased = {address for address in reserved if address in self}
        self._next = 0

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, bytes) or len(address) != self._width:
            return False
        return 0 <= int.from_bytes(address, "big") - self._first < self._count

    def share(self) -> Address:
        """An address for one more host, which others may have too: each in its turn.

        Raises:
            Refused: all are leased or reserved.
        """
        if len(self._leased) == self._count:
            raise Refused("pool-exhausted")
        address = self._turn()
        while address in self._leased:
            address = self._turn()
        return address

    def lease(self) -> Address:
        """An address for one host alone.

        Raises:
            Refused: all are leased or reserved.
        """
        address = self.share()
        self._leased.add(address)
        return address

    def claim(self, address: Address) -> bool:
        """Lease this very address; False if it is not one to be had."""
        if address not in self or address in self._leased:
            return False
        self._leased.add(address)
        return True

    def release(self, address: Address) -> None:
        """Take a leased address back."""
        self._leased.discard(address)

    def _turn(self) -> Address:
        address = Address((self._first + self._next).to_bytes(self._width, "big"))
        self._next = (self._next + 1) % self._count
        return address
