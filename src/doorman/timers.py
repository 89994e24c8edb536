"""Timers without a clock: what is due when somebody says what time it is.

Items are filed by the second in which they ring, so that starting, moving and stopping a timer cost the same however
many there are. An item whose life is prolonged is left where it is; it rings, and is filed again by whoever finds that
it is not over yet. One that is over before its time is taken out: nothing that ended is kept because it was to ring.
"""

import heapq
import math
from typing import Final, Generic, TypeVar


class Timed:
    """Something with a timer.

    Attributes:
        rings: when it rings, in seconds; infinity: it has none now.
        place: where among those of the same second it is filed.
    """

    __slots__ = ("place", "rings")

    def __init__(self) -> None:
        self.rings = math.inf
        self.place = 0


Item = TypeVar("Item", bound=Timed)

NEVER: Final = 10.0**12
"""A time that does not come, in seconds: thirty thousand years."""
LOOK: Final = 300.0
"""Seconds; how often those look again whose time may be far off, see `Timers.look`."""
_NONE: Final = math.inf


class Timers(Generic[Item]):
    """Timers of one kind of item, exact to a second: an item rings at its time or up to a second later."""

    __slots__ = ("_filed", "_seconds")

    def __init__(self) -> None:
        self._filed: dict[int, list[Item | None]] = {}
        self._seconds: list[int] = []

    def start(self, at: float, item: Item) -> None:
        """Let an item ring at a time, and at no other; or never, from `NEVER` on."""
        if item.rings != _NONE:
            self.stop(item)
        if at >= NEVER:
            return
        item.rings = at
        second = math.ceil(at)
        filed = self._filed.get(second)
        if filed is None:
            item.place = 0
            self._filed[second] = [item]
            heapq.heappush(self._seconds, second)
        else:
            item.place = len(filed)
            filed.append(item)

    def stop(self, item: Item) -> None:
        """Let an item not ring, if it was to; those of the same second keep their order."""
        if item.rings == _NONE:
            return
        filed = self._filed.get(math.ceil(item.rings))
        # It may have been filed elsewhere: what goes on by another configuration has another's timers.
        if filed is not None and item.place < len(filed) and filed[item.place] is item:
            filed[item.place] = None
        item.rings = _NONE

    def look(self, at: float, item: Item, now: float) -> None:
        """Let an item ring at a time, but soon enough that its place is not kept for long if it ends before."""
        self.start(at if at >= NEVER else min(at, now + LOOK), item)

    def due(self, now: float) -> list[Item]:
        """Take out the items that ring by now, in the order of their seconds; each rings once."""
        ringing: list[Item] = []
        while self._seconds and self._seconds[0] <= now:
            for item in self._filed.pop(heapq.heappop(self._seconds)):
                if item is not None:
                    item.rings = _NONE
                    ringing.append(item)
        return ringing
