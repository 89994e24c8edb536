"""The ports of one global address, for one protocol: which are taken, and which a new binding gets.

RFC 4787: a port is preserved where it is free (section 4.2.1), else parity is kept (4.2.2), and privileged ports stay
privileged (4.2.1, REQ-3). Which of the free ones is left to chance, so that nobody can foretell the next
(RFC 6056, section 3.3.1).
"""

from collections.abc import Callable
from typing import Final

from doorman.algs.api import Refused
from doorman.net.addresses import PRIVILEGED_END

FIRST_RESERVED: Final = 512
"""From here to 1023 are the ports that programs of the superuser take when they connect (rresvport of 4.2BSD)."""
ALL_PORTS: Final = 65_536
_GUESSES: Final = 4
"""Random tries before a search in order, which is slower but finds whatever is left."""


class PortSpace:
    """65,536 ports, each taken or free, of which those below `end` are given out; `chance` gives floats in [0, 1).

    Attributes:
        count: how many are taken.
    """

    __slots__ = ("_chance", "_end", "_taken", "count")

    def __init__(self, chance: Callable[[], float], end: int = ALL_PORTS) -> None:
        self._end = end
        self._taken = bytearray(ALL_PORTS)
        self._chance = chance
        self.count = 0

    def claim(self, port: int, count: int = 1) -> bool:
        """Take exactly these ports; False if one of them is taken already."""
        end = port + count
        taken = self._taken
        if end > ALL_PORTS:
            return False
        for one in range(port, end):
            if taken[one]:
                return False
        for one in range(port, end):
            taken[one] = 1
        self.count += count
        return True

    def take(self, wanted: int, count: int = 1, *, even: bool = False) -> int:
        """Take `count` ports in a row and give the first: `wanted` if it can be had, else a random one.

        With `even` the first is even; without, it has the parity of `wanted` as long as such ports are left.

        Raises:
            Refused: there are no such ports left.
        """
        if not (even and wanted & 1) and wanted + count <= self._end and self.claim(wanted, count):
            return wanted
        parity = 0 if even else wanted & 1
        port = None
        if wanted < PRIVILEGED_END and count == 1:
            port = self._search(FIRST_RESERVED, PRIVILEGED_END, 1, parity)
            if port is None and not even:
                port = self._search(FIRST_RESERVED, PRIVILEGED_END, 1, 1 - parity)
        if port is None:
            port = self._search(PRIVILEGED_END, self._end, count, parity)
        if port is None and not even:
            port = self._search(PRIVILEGED_END, self._end, count, 1 - parity)
        if port is None:
            raise Refused("ports-exhausted")
        return port

    def release(self, port: int) -> None:
        """Give a port back."""
        self.count -= self._taken[port]
        self._taken[port] = 0

    def _search(self, low: int, end: int, count: int, parity: int) -> int | None:
        pairs = (end - low) // 2
        for _ in range(_GUESSES):
            port = low + int(self._chance() * pairs) * 2 + parity
            if port + count <= end and self.claim(port, count):
                return port
        rest = min(port + count, end)
        return self._next_free(port, end, count, parity) or self._next_free(low, rest, count, parity)

    def _next_free(self, start: int, end: int, count: int, parity: int) -> int | None:
        """Claim the first run of this parity; all at once, since a loop would meet every free port of the other one."""
        start += (start ^ parity) & 1
        runs = (min(end, ALL_PORTS) - count - start) // 2 + 1
        taken = 0
        for port in range(start, start + count):
            taken |= int.from_bytes(self._taken[port : port + runs * 2 : 2], "big")
        run = taken.to_bytes(runs, "big").find(0) if runs > 0 else -1
        if run < 0:
            return None
        self.claim(start + run * 2, count)
        return start + run * 2
