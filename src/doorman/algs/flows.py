"""Flows that messages announce."""

from doorman.algs.api import Message, Plain
from doorman.algs.effects import Door, OpenDoor, Owner
from doorman.algs.records import as_endpoint, as_integer, as_list, as_text
from doorman.net.addresses import Address, Endpoint


class Flow:
    """A flow that was announced: its role and protocol, its name for the other side, and where it leads."""

    __slots__ = ("entrance", "leads_to", "protocol", "role")

    def __init__(self, role: str, protocol: int, entrance: Endpoint, leads_to: Endpoint) -> None:
        self.role = role
        self.protocol = protocol
        self.entrance = entrance
        self.leads_to = leads_to

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Flow):
            return NotImplemented
        return write_flow(self) == write_flow(other)

    def __hash__(self) -> int:
        return hash(write_flow(self))

    def door(self, owner: Owner, visitor: Address | None, closes: float, *, hands_over: bool = False) -> Door:
        """The door for it, which lets in one flow."""
        return Door(
            owner,
            self.role,
            self.protocol,
            visitor=visitor,
            entrance=self.entrance,
            leads_to=self.leads_to,
            closes=closes,
            flows=1,
            hands_over=hands_over,
        )


def open_once(owner: Owner, flow: Flow, message: Message, seconds: float) -> OpenDoor:
    """Let the receiver of a message begin one flow within so many seconds; what ends the owner does not end that."""
    return OpenDoor(flow.door(owner, message.path.arrives_to.address, message.now + seconds, hands_over=True))


def write_flow(flow: Flow) -> tuple[str, int, Endpoint, Endpoint]:
    """A flow as it stands in a record."""
    return flow.role, flow.protocol, flow.entrance, flow.leads_to


def read_flow(value: Plain) -> Flow:
    """A flow out of its record.

    Raises:
        DamagedRecord: it is none.
    """
    role, protocol, entrance, leads_to = as_list(value, 4)
    return Flow(as_text(role), as_integer(protocol, most=255), as_endpoint(entrance), as_endpoint(leads_to))
