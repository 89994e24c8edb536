"""What the engine says of a packet, and what it changed."""

from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import NamedTuple

from doorman.algs.api import Door, Owner
from doorman.engine.inspection import Inspection
from doorman.nat.bindings import Binding, BindingFreed, BindingMade
from doorman.nat.peerings import PeeringChange
from doorman.nat.sessions import Session
from doorman.nat.tunnels import TunnelChange, TunnelMade


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
    """A fragment, kept until its datagram is whole; or a segment, until its message is."""
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
        more: what leaves after `packet`, on the same side, see `Segments`.
        back: what leaves on the side it came from, see there.
        is_returning: whether it is for a name of ours, and comes in again.
        is_led: whether it has the ends that it leaves with also where a kernel translates: that could not do it.
        is_of_stream: whether its TCP connection is spliced, so that its numbers are changed.
    """

    __slots__ = ("fate", "inspections", "leaves", "packet", "reason", "stopped")

    more: tuple[bytes, ...] = ()
    back: tuple[bytes, ...] = ()
    is_of_stream = False
    is_led = False
    is_returning = False

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

    @property
    def packets(self) -> tuple[bytes, ...]:
        """All that leaves on the side that it leaves on."""
        return () if self.fate is Fate.HELD or self.fate is Fate.DROPPED else (self.packet, *self.more)


class Led(Result):
    """The outcome of a packet of IPsec, or of an error about one, which only the engine knows whom it is for."""

    __slots__ = ()

    is_led = True


class Returning(Result):
    """The outcome of a packet that an inside host sent to a name of another: it comes in again."""

    __slots__ = ()

    is_returning = True


class Segments(Result):
    """The outcome of a segment of an inspected TCP connection: any number of segments, in both directions.

    Attributes:
        more: those that leave after `packet`, made of what came.
        back: those that leave on the side it came from, in the name of the other end.
    """

    __slots__ = ("back", "more")

    is_of_stream = True

    def __init__(  # noqa: PLR0913 - a result, and what there is besides
        self,
        fate: Fate,
        packet: bytes,
        leaves: Side,
        reason: str = "",
        inspections: tuple[Inspection, ...] = (),
        *,
        more: tuple[bytes, ...] = (),
        back: tuple[bytes, ...] = (),
    ) -> None:
        super().__init__(fate, packet, leaves, reason, inspections)
        self.more = more
        self.back = back


class Ending(NamedTuple):
    """Something that ended because of the time, for those who show why.

    Attributes:
        time: when that was found, in seconds.
        owner: whose call or transfer it is about.
        why: the name of the note that says what ended.
    """

    time: float
    owner: Owner
    why: str


class DoorChange:
    """What happened to a door; `binding`: by whose name it leads, None where that is gone, or was none."""

    __slots__ = ("binding", "door")

    def __init__(self, door: Door, binding: Binding | None = None) -> None:
        self.door = door
        self.binding = binding

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DoorChange) and type(other) is type(self) and other.door is self.door

    def __hash__(self) -> int:
        return hash((type(self), id(self.door)))


class DoorOpened(DoorChange):
    """A door is open from now on."""

    __slots__ = ()


class DoorClosed(DoorChange):
    """A door is no more, nor are flows that came through it."""

    __slots__ = ()


class DoorPromoted(DoorChange):
    """A door got its first packet and became a session."""

    __slots__ = ()


class SessionCut(NamedTuple):
    """A flow is to end now, though packets of it may still come: what let it through is gone."""

    session: Session


IpsecChange = TunnelChange | PeeringChange
Change = DoorOpened | DoorClosed | DoorPromoted | BindingMade | BindingFreed | SessionCut | IpsecChange
"""What happened to the tables, for a data plane to do likewise. Of all but doors only a kernel is told."""


def has_tunnel(changes: Iterable[Change]) -> bool:
    """Whether one of changes is a tunnel that begins."""
    return any(isinstance(change, TunnelMade) for change in changes)


def cuts(changes: Iterable[Change]) -> list[SessionCut]:
    """Those of changes that end flows."""
    return [change for change in changes if isinstance(change, SessionCut)]
