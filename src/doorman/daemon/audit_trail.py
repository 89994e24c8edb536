"""`audit-trail` on the live gateway: the kernel tells of the sessions that it carries, and the log of those.

    conntrack: a flow with the mark AUDITED began   -> its class by the number in its label, remembered; a line
               it ended                             -> a line, with what each end sent if conntrack counts that

The end of a flow comes without its label. A flow that began before the gateway did is of a class that nobody knows.
"""

import logging
from collections.abc import Iterable, Mapping

from doorman.config.errors import printable
from doorman.dataplanes.netfilter.events import Event, Kind
from doorman.dataplanes.netfilter.flow import Flow
from doorman.firewall.counts import Place
from doorman.firewall.news import began_line, ended_line, target

_log = logging.getLogger("doorman")
_MOST = 100_000
"""Sessions that are remembered; of others the class is not told at their end."""
_UNKNOWN: Place = ("", "")


class AuditTrail:
    """The sessions of one gateway whose beginnings were told."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Flow, Place]] = {}

    def see(self, event: Event, numbers: Mapping[Place, int]) -> None:
        """Hear of a flow; `numbers`: of the inspected classes, as flows have them in their labels."""
        flow = event.flow
        if event.kind == Kind.DESTROY:
            _, place = self._known.pop(flow.id, (flow, _UNKNOWN))
            self._end(flow, place)
        elif flow.id not in self._known:
            place = next((place for place, number in numbers.items() if number == flow.label), _UNKNOWN)
            if len(self._known) < _MOST:
                self._known[flow.id] = flow, place
            _say(began_line(target(*place), flow.protocol, (flow.sender, flow.reply_sender)))

    def compare(self, flows: Iterable[Flow]) -> None:
        """Tell of the end of what is not among the flows that there are: some news was lost."""
        there = {flow.id for flow in flows}
        for number in [number for number in self._known if number not in there]:
            flow, place = self._known.pop(number)
            self._end(flow._replace(packets=0), place)

    def _end(self, flow: Flow, place: Place) -> None:
        sent = (flow.bytes, flow.reply_bytes) if flow.packets else None
        _say(ended_line(target(*place), flow.protocol, (flow.sender, flow.reply_sender), sent))


def _say(line: str) -> None:
    _log.info("%s", printable(line))
