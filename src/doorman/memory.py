"""Memory: how the interpreter's garbage collector is set for tables of long-lived values."""

import gc


def settle_collector() -> None:
    """Let the collector look for cycles less often.

    Bindings, doors, sessions and calls are many, live long and are freed by counting references. Looking through all
    of them each time some hundreds of values came costs a tenth of the speed and finds nothing.
    """
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)
