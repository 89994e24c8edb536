"""Doors that were told to close, of hosts that nothing translates: what came by them must end with them.

A flow by a name ends when the name is taken back. Without a name the kernel does not tell by which door a flow came,
and lets it pass until it is silent. So the flows that came by a door are looked through, once a second at most, and
those end that only a door explains which is shut.
"""

from collections.abc import Iterable, Iterator

from doorman.algs.api import Door
from doorman.dataplanes.netfilter.flow import Flow, FlowKey
from doorman.engine.results import Change, DoorClosed
from doorman.firewall.doors import Doors
from doorman.net.addresses import Address, Endpoint

_End = tuple[int, Endpoint, Address | None]


class ShutDoors:
    """The doors of one gateway that were shut since its flows were looked through."""

    def __init__(self) -> None:
        self._shut: set[_End] = set()

    def __bool__(self) -> bool:
        return bool(self._shut)

    def note(self, changes: Iterable[Change]) -> None:
        """See which doors close; one whose time was up leaves its flows alone, and so does one that spares them."""
        for change in changes:
            if isinstance(change, DoorClosed) and _ends_flows(change.door):
                self._shut.add((change.door.protocol, change.door.leads_to, change.door.visitor))

    def ended(self, flows: Iterable[Flow], doors: Doors) -> list[FlowKey]:
        """Those of the flows that came by a door and have none any more; after that no door is remembered."""
        shut, self._shut = self._shut, set()
        return [flow.key for flow in flows if not flow.label and _is_over(flow, shut, doors)]


def _ends_flows(door: Door) -> bool:
    return door.entrance == door.leads_to and door.closing and not (door.spares or door.hands_over)


def _is_over(flow: Flow, shut: set[_End], doors: Doors) -> bool:
    ways = list(_ways(flow))
    came = any((protocol, end, whom) in shut for protocol, end, visitor in ways for whom in (visitor, None))
    return came and not any(doors.covers(*way) for way in ways)


def _ways(flow: Flow) -> Iterator[tuple[int, Endpoint, Address]]:
    """The two ways in which a flow may have come by a door: the end that it leads to, and the visitor."""
    yield flow.protocol, flow.reply_sender, flow.sender.address
    yield flow.protocol, flow.sender, flow.reply_sender.address
