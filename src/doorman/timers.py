"""Timers without a clock: what is due when somebody says what time it is.

Items are filed by the second in which they ring, so that starting one costs the same however many there are. An item
whose life is prolonged is left where it is; it rings, and is filed again by whoever finds that it is not over yet.
"""

import heapq
import math
from typing import Final, Generic, Protocol, TypeVar


class Timed(Protocol):
    """Something with a timer; `rings` is when its newest one rings, in seconds, and infinity once it has."""

    rings: float


Item = TypeVar("Item", bound=Timed)

NEVER: Final = 10.0**12
"""A time that does not come, in seconds: thirty thousand years."""
LOOK: Final = 300.0
"""Seconds; how often those look again whose time may be far off, see `Timers.look`."""


class Timers(Generic[Item]):
    """Timers of one kind of item, exact to a second: an item rings at its time or up to a second later.

    Whatever becomes of it, an item stays filed until then.
    """

    __slots__ = ("_filed", "_seconds")

    def __init__(self) -> None:
        self._filed: dict[int, list[Item]] = {}
        self._seconds: list[int] = []

    def start(self, at: float, item: Item) -> None:
        """Let an item ring at a time, or never from `NEVER` on. Only its newest timer counts."""
        if at >= NEVER:
            item.rings = math.inf
            return
        item.rings = at
        second = math.ceil(at)
        filed = self._filed.get(second)
        if filed is None:
            self._filed[second] = [item]
            heapq.heappush(self._seconds, second)
        else:
            filed.append(item)

    def look(self, at: float, item: Item, now: float) -> None:
        """Let an item ring at a time, but soon enough that it is not kept for long if it ends before."""
        self.start(at if at >= NEVER else min(at, now + LOOK), item)

    def due(self, now: float) -> list[Item]:
        """Take out the items that ring by now; each rings once, however often it was started."""
        ringing: list[Item] = []
        while self._seconds and self._seconds[0] <= now:
            for item in self._filed.pop(heapq.heappop(self._seconds)):
                if item.rings <= now:
                    item.rings = math.inf
                    ringing.append(item)
        return ringing
