"""Where things stand in a message that a gateway may have to write anew."""

from typing import NamedTuple

from doorman.net.addresses import Address

Place = tuple[int, int]
"""Where something begins and ends."""


class Host(NamedTuple):
    """An address, and where it stands; `address` is None where it is a name."""

    start: int
    end: int
    address: Address | None


class Port(NamedTuple):
    """A port, and where its digits stand."""

    start: int
    end: int
    number: int
