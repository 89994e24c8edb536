"""The kernel's routes, as an engine asks for them: by which interface a packet to a host would leave."""

import contextlib
import socket
from collections.abc import Callable

from doorman.dataplanes.netfilter.rtnetlink import leaves_by
from doorman.net.addresses import Address
from doorman.net.routes import UNKNOWN

_KEPT = 5.0
"""Seconds for which an answer holds: routes change."""
_MOST = 65_536
"""Answers that are kept."""
_IPV4 = 4


class Routes:
    """Asks the kernel; see `net.routes.Route`.

    Args:
        clock: the time in seconds.
        mark: of the VRF whose routes they are, 0 for none.
    """

    def __init__(self, clock: Callable[[], float], mark: int = 0) -> None:
        self._clock = clock
        self._mark = mark
        self._known: dict[Address, str] = {}
        self._until = 0.0

    def __call__(self, address: Address) -> str:
        """The name of the interface that a packet to a host would leave by; `UNKNOWN` where there is none."""
        now = self._clock()
        if now >= self._until or len(self._known) >= _MOST:
            self._known.clear()
            self._until = now + _KEPT
        known = self._known.get(address)
        if known is None:
            known = self._known[address] = _asked(address, self._mark) if len(address) == _IPV4 else UNKNOWN
        return known


def _asked(address: Address, mark: int) -> str:
    with contextlib.suppress(OSError):
        index = leaves_by(address, mark)
        return socket.if_indextoname(index) if index else UNKNOWN
    return UNKNOWN
