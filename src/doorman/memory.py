"""Memory: how the interpreter's garbage collector is set for tables of long-lived values."""

import gc

_MANY = 50_000
"""New values that are more than a few calls; to look through them takes some ten milliseconds."""


def settle_collector() -> None:
    """Let the collector look for cycles less often.

    Bindings, doors, sessions and calls are many, live long and are freed by counting references. Looking through all
    of them each time some hundreds of values came costs a tenth of the speed and finds nothing.
    """
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


class Garbage:
    """When the collector looks for cycles in a gateway: not while calls come in numbers, but once that is over.

    What comes then is spared. It is freed by counting references like all else; the few cycles that arise meanwhile
    wait until not many of those values are left.
    """

    def __init__(self) -> None:
        self._always = gc.get_freeze_count()
        self._owed = False
        self._rounds = 0

    def spare(self) -> None:
        """Let the collector not look at what is there now, if that is much; to be called while there is no time."""
        new = gc.get_count()[0]
        if new > _MANY:
            gc.freeze()
            self._owed = True
            self._rounds += new // _MANY

    def collect(self) -> None:
        """Make up for it, if that takes no long time any more; to be called now and then.

        To count what is left, all of it is walked through: the more there was, the more calls pass before the next.
        """
        if not self._owed:
            return
        self._rounds -= 1
        if self._rounds > 0:
            return
        self._rounds = (gc.get_freeze_count() - self._always) // _MANY
        if self._rounds <= 0:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._always = gc.get_freeze_count()
            self._owed = False
