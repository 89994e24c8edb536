"""Where things stand in a message that a gateway may have to write anew."""

from doorman.net.addresses import Address

Place = tuple[int, int]
"""Where something begins and ends."""


class Host:
    """An address, and where it stands; `address` is None where it is a name."""

    __slots__ = ("address", "end", "start")

    def __init__(self, start: int, end: int, address: Address | None) -> None:
        self.start = start
        self.end = end
        self.address = address

    def moved(self, by: int) -> "Host":
        """The same so many bytes further on."""
        return Host(self.start + by, self.end + by, self.address)


class Port:
    """A port, and where its digits stand."""

    __slots__ = ("end", "number", "start")

    def __init__(self, start: int, end: int, number: int) -> None:
        self.start = start
        self.end = end
        self.number = number
