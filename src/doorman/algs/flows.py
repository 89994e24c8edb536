"""Flows that messages announce."""

from typing import NamedTuple

from doorman.algs.api import Message, Plain
from doorman.algs.effects import Door, OpenDoor, Owner
from doorman.algs.records import as_endpoint, as_integer, as_list, as_text
from doorman.net.addresses import Endpoint


class Flow(NamedTuple):
    """A flow that was announced: its role and protocol, its name for the other side, and where it leads."""

    role: str
    protocol: int
    entrance: Endpoint
    leads_to: Endpoint


def open_once(owner: Owner, flow: Flow, message: Message, seconds: float) -> OpenDoor:
    """Let the receiver of a message begin one flow within so many seconds; what ends the owner does not end that."""
    role, protocol, entrance, leads_to = flow
    door = Door(
        owner,
        role,
        protocol,
        visitor=message.path.arrives_to.address,
        entrance=entrance,
        leads_to=leads_to,
        closes=message.now + seconds,
        flows=1,
        hands_over=True,
    )
    return OpenDoor(door)


def read_flow(value: Plain) -> Flow:
    """A flow out of its record.

    Raises:
        DamagedRecord: it is none.
    """
    role, protocol, entrance, leads_to = as_list(value, 4)
    return Flow(as_text(role), as_integer(protocol, most=255), as_endpoint(entrance), as_endpoint(leads_to))
