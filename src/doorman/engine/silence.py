"""Inactivity timeouts: doors that close since nothing came or went by them for a time.

Only what an ALG set a timeout for is watched. A packet costs nothing: when a timeout is due, the sessions of the doors
are asked when they were used last.
"""

import math
from collections.abc import Callable

from doorman.algs.api import Owner
from doorman.timers import Timed, Timers


class Watch(Timed):
    """An owner whose doors are watched.

    Attributes:
        owner: whose doors.
        seconds: how long they may be silent; infinity: for ever.
        last: when they were used last, as far as is known, in seconds.
    """

    __slots__ = ("last", "owner", "seconds")

    def __init__(self, owner: Owner, seconds: float, last: float) -> None:
        super().__init__()
        self.owner = owner
        self.seconds = seconds
        self.last = last


class Silence:
    """All inactivity timeouts of a gateway.

    Args:
        last_use: when the doors of an owner were used last, in seconds; -infinity where nobody knows.
    """

    __slots__ = ("_last_use", "_timers", "_watches")

    def __init__(self, last_use: Callable[[Owner, float], float]) -> None:
        self._last_use = last_use
        self._watches: dict[Owner, Watch] = {}
        self._timers: Timers[Watch] = Timers()

    def __len__(self) -> int:
        return len(self._watches)

    def watch(self, owner: Owner, seconds: float, now: float) -> None:
        """Let the doors of an owner be silent for so long, from now on."""
        watch = self._watches.get(owner)
        if watch is None:
            watch = self._watches[owner] = Watch(owner, seconds, now)
        watch.seconds, watch.last = seconds, now
        if now + seconds < watch.rings:
            self._timers.start(now + seconds, watch)

    def forget(self, owner: Owner) -> None:
        """Watch an owner no more."""
        watch = self._watches.pop(owner, None)
        if watch is not None:
            self._timers.stop(watch)

    def used(self, owner: Owner, at: float) -> None:
        """Something of the owner's was used at a time, and is gone."""
        watch = self._watches.get(owner)
        if watch is not None:
            watch.last = max(watch.last, at)

    def may_last(self, owner: Owner) -> bool:
        """Whether silence closes nothing of this owner's."""
        watch = self._watches.get(owner)
        return watch is not None and watch.seconds == math.inf

    def overdue(self, now: float) -> list[tuple[Owner, float]]:
        """The owners whose doors were silent for too long, and since when; they are watched no more."""
        silent = []
        for watch in self._timers.due(now):
            watch.last = max(watch.last, self._last_use(watch.owner, now))
            ends = watch.last + watch.seconds
            if ends > now:
                self._timers.start(ends, watch)
            else:
                del self._watches[watch.owner]
                silent.append((watch.owner, ends))
        return silent
