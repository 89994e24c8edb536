"""What lines of access lists log: the first packet of each kind at once, how many more came every five minutes.

Packets are of one kind that agree in what access lists look at, but for the flags of TCP. The kernel hands over a
hundred packets of a line in a second at most, so what a line says of a flood is less than what came; counters have all.
"""

from collections.abc import Iterator
from typing import NamedTuple

from doorman.cli.debug.access_list import access_line
from doorman.config.access_lists import Traffic
from doorman.dataplanes.netfilter.chains.access import LoggedLine

INTERVAL = 300.0
"""Seconds between two lines about packets of one kind."""
_MOST_KINDS = 1_000
"""Kinds that are counted; of others each packet has a line of its own."""


class _Kind(NamedTuple):
    line: LoggedLine
    interface: str
    traffic: Traffic


class AccessLog:
    """The lines of one gateway."""

    def __init__(self) -> None:
        self._counted: dict[_Kind, int] = {}
        self._ends: dict[_Kind, float] = {}

    def see(self, line: LoggedLine, interface: str, traffic: Traffic, now: float) -> Iterator[str]:
        """A packet matched a line; what is to be said at once."""
        kind = _Kind(line, interface if line.with_interface else "", traffic._replace(tcp_flags=0))
        if kind in self._counted:
            self._counted[kind] += 1
            return
        if len(self._counted) < _MOST_KINDS:
            self._counted[kind] = 0
            self._ends[kind] = now + INTERVAL
        yield _text(kind, 1)

    def expire(self, now: float) -> Iterator[str]:
        """What is to be said by now: how many packets came since; kinds that were silent are forgotten."""
        for kind, ends in list(self._ends.items()):
            if ends > now:
                continue
            packets = self._counted[kind]
            if packets:
                self._counted[kind] = 0
                self._ends[kind] = now + INTERVAL
                yield _text(kind, packets)
            else:
                del self._counted[kind], self._ends[kind]


def _text(kind: _Kind, packets: int) -> str:
    action = "permitted" if kind.line.permit else "denied"
    return access_line(kind.line.name, action, kind.traffic, packets, kind.interface)
