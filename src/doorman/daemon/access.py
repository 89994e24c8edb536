"""What matched the lines of access lists on the live gateway: the kernel counts, the engine only what it denies."""

import logging

from doorman.daemon.traffic import Traffic
from doorman.dataplanes.access_report import Matches, clear_access
from doorman.dataplanes.netfilter.chains.access import counter_of
from doorman.dataplanes.plane import PlaneRefused

_log = logging.getLogger(__name__)


def access_matches(traffic: Traffic) -> Matches:
    """How many packets matched each line of the lists that interfaces apply."""
    access = traffic.engine.access
    if access is None:
        return {}
    try:
        counted = traffic.plane.counts()
    except PlaneRefused as refused:
        _log.warning("what access lists matched is not known: %s", refused)
        counted = {}
    found: dict[str, list[int]] = {}
    for name, one in access.lists.items():
        counters = (counted.get(counter_of(name, entry)) for entry in one.listed.entries)
        found[name] = [
            denied + (counter.packets if counter is not None else 0)
            for denied, counter in zip(one.matches, counters, strict=True)
        ]
    return found


def clear_matches(traffic: Traffic, name: str | None) -> int:
    """Begin the counters of a list at zero, or of all; say of how many.

    Raises:
        PlaneRefused: those of the kernel go on.
    """
    lists = {} if traffic.engine.access is None else traffic.engine.access.lists
    chosen = [one.listed for known, one in lists.items() if name in {None, known}]
    traffic.plane.reset_counts(counter_of(one.name, entry) for one in chosen for entry in (*one.entries, None))
    return clear_access(traffic.engine, name)
