"""What the engine says of a packet, and what it changed."""

from enum import Enum, IntEnum
from typing import NamedTuple

from doorman.algs.api import Door
from doorman.engine.inspection import Inspection
from doorman.nat.bindings import BindingFreed, BindingMade
from doorman.nat.sessions import Session


class Side(IntEnum):
    """A side of the NAT."""

    INSIDE = 0
    OUTSIDE = 1


class Fate(Enum):
    """What becomes of a packet."""

    FORWARDED = "forwarded"
    PASSED = "passed"
    """Sent on as it came: no rule is about it."""
    HELD = "held"
    """A fragment, kept until its datagram is whole."""
    DROPPED = "dropped"


class Result:
    """The outcome of one packet.

    Attributes:
        fate: what becomes of it.
        packet: what leaves; of a dropped or held one, what came.
        leaves: the side it leaves on.
        reason: why it was dropped, else "".
        inspections: the messages ALGs saw in it; two for a hairpin.
        stopped: whether its flow turned out not to speak the ALG's protocol, and is inspected no longer.
    """

    __slots__ = ("fate", "inspections", "leaves", "packet", "reason", "stopped")

    def __init__(
        self,
        fate: Fate,
        packet: bytes,
        leaves: Side,
        reason: str = "",
        inspections: tuple[Inspection, ...] = (),
    ) -> None:
        self.fate = fate
        self.packet = packet
        self.leaves = leaves
        self.reason = reason
        self.inspections = inspections
        self.stopped = False


class DoorOpened(NamedTuple):
    """A door is open from now on."""

    door: Door


class DoorClosed(NamedTuple):
    """A door is no more, nor are flows that came through it."""

    door: Door


class DoorPromoted(NamedTuple):
    """A door got its first packet and became a session."""

    door: Door


class SessionCut(NamedTuple):
    """A flow is to end now, though packets of it may still come: what let it through is gone."""

    session: Session


Change = DoorOpened | DoorClosed | DoorPromoted | BindingMade | BindingFreed | SessionCut
"""What happened to the tables, for a data plane to do likewise. Of bindings and sessions only a kernel is told."""
