"""Memory: how the interpreter's garbage collector is set for tables of long-lived values."""

import gc
import sys

_MANY = 50_000
"""New values that are more than a few calls; to look through them takes some ten milliseconds."""


def settle_collector() -> None:
    """Let the collector look for cycles less often.

    Bindings, doors, sessions and calls are many, live long and are freed by counting references. Looking through all
    of them each time some hundreds of values came costs a tenth of the speed and finds nothing; and each time some
    hundred thousands came, which a gateway sees within a second, what waits then waits for 60 ms.
    """
    gc.freeze()
    gc.set_threshold(1_000_000, 50, 100)


class Garbage:
    """When the collector looks for cycles in a gateway: not while calls come in numbers, but once that is over.

    What comes then is spared. It is freed by counting references like all else; the few cycles that arise meanwhile
    wait until not many of those values are left. How many are left, blocks of memory in use tell: the collector itself
    would walk through all of them to count.
    """

    def __init__(self) -> None:
        self._always = sys.getallocatedblocks()
        self._owed = False

    def spare(self) -> None:
        """Let the collector not look at what is there now, if that is much; to be called each second."""
        if gc.get_count()[0] > _MANY:
            gc.freeze()
            self._owed = True

    def collect(self) -> None:
        """Make up for it, if that takes no long time any more; to be called each second."""
        if self._owed and sys.getallocatedblocks() - self._always < _MANY:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._always = sys.getallocatedblocks()
            self._owed = False
