"""Which tunnels are in use: their packets pass by the kernel alone, which counts them for each SPI."""

from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.engine.engine import Engine
from doorman.nat.tunnels import Tunnel

_PERIOD = 15.0
"""Seconds between two looks."""


class TunnelUse:
    """Tells an engine when its tunnels were used last, to the accuracy of a look now and then."""

    def __init__(self, engine: Engine, plane: NetfilterPlane) -> None:
        self._engine = engine
        self._plane = plane
        self._counted: dict[Tunnel, int] = {}
        self._next = 0.0

    def look(self, now: float) -> None:
        """Find out which tunnels were used since the last look, if that is some time ago.

        Raises:
            NetlinkError: the kernel does not tell.
        """
        tunnels = self._engine.state.tunnels
        if now < self._next or not tunnels:
            return
        self._next = now + _PERIOD
        before, self._counted = self._counted, {}
        for tunnel, packets in self._plane.packets_of(tunnels):
            self._counted[tunnel] = packets
            if packets and packets != before.get(tunnel, 0):
                tunnel.last_used = now
