"""Inactivity timeouts: doors that close since nothing came or went by them for a time.

Only what an ALG set a timeout for is watched. A packet costs nothing: when a timeout is due, somebody is asked when the
doors of its owner were used last.
"""

from collections.abc import Callable

from doorman.algs.api import Door, Owner
from doorman.timers import Timed, Timers


class Owned(Timed):
    """What an owner has: doors, and a timer where they may not be silent for ever.

    Attributes:
        owner: whose they are.
        doors: in the order in which they were opened, also those that became sessions; never none for long.
        is_watched: whether silence closes them, and not the end of the last flow that came by them.
        seconds: how long they may be silent; infinity: for ever.
        last: when they were used last, as far as is known, in seconds.
    """

    __slots__ = ("doors", "is_watched", "last", "owner", "seconds")

    def __init__(self, door: Door) -> None:
        super().__init__()
        self.owner = door.owner
        self.doors = [door]
        self.is_watched = False
        self.seconds = self.last = 0.0


class Silence:
    """All inactivity timeouts of a gateway."""

    __slots__ = ("_timers",)

    def __init__(self) -> None:
        self._timers: Timers[Owned] = Timers()

    def watch(self, owned: Owned, seconds: float, now: float) -> None:
        """Let the doors of an owner be silent for so long, from now on."""
        owned.is_watched, owned.seconds, owned.last = True, seconds, now
        if now + seconds < owned.rings:
            self._timers.start(now + seconds, owned)

    def forget(self, owned: Owned) -> None:
        """Watch an owner no more."""
        owned.is_watched = False
        self._timers.stop(owned)

    def overdue(self, now: float, last_use: Callable[[list[Door]], float]) -> list[tuple[Owner, float]]:
        """The owners whose doors were silent for too long, and since when; they are watched no more.

        Args:
            now: in seconds.
            last_use: when doors were used last, in seconds, as far as what is there tells; -infinity: it does not.
        """
        silent = []
        for owned in self._timers.due(now):
            owned.last = max(owned.last, last_use(owned.doors))
            ends = owned.last + owned.seconds
            if ends > now:
                self._timers.start(ends, owned)
            else:
                owned.is_watched = False
                silent.append((owned.owner, ends))
        return silent
