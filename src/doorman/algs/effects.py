"""What an ALG asks for beside the message itself: doors for flows that it announces, and notes on what is odd.

Effects are values: the engine carries them out, before the message goes on.
"""

from typing import NamedTuple

from doorman.net.addresses import Address, Endpoint
from doorman.timers import Timed


class Owner(NamedTuple):
    """Who asked for a door: an ALG, its own name for the call or transfer, and the inside host concerned."""

    alg: str
    name: bytes
    party: Address


class Door(Timed):
    """A flow that was announced and may come: from `visitor` to `entrance`, to be led to `leads_to`.

    Attributes:
        owner: whose it is; all doors of an owner can be closed together.
        role: what the flow is for: `rtp`, `rtcp`, `contact` …
        protocol: 17 or 6.
        visitor: the address that may come in; None where any may.
        entrance: where the visitor sends to, in the visitor's world.
        leads_to: where that arrives.
        flows: how many flows may use it, None for as many as come.
        inspect_as: the ALG of those flows, None for plain traffic.
        opened, closes: seconds; `closes` is when it ends unless refreshed.
        spares: whether flows that came through it go on when it closes.
        closing: whether it was told to close; opened again, it lets in anew.
        hands_over: whether it leaves once all its flows came, so that what ends its owner ends none of them.
        promoted: whether its first packet made a session of it.
        older, newer: the doors of other owners for the same flow, beside which it was entered.
    """

    __slots__ = (
        "closes",
        "closing",
        "entrance",
        "flows",
        "hands_over",
        "inspect_as",
        "leads_to",
        "newer",
        "older",
        "opened",
        "owner",
        "promoted",
        "protocol",
        "role",
        "spares",
        "visitor",
    )

    def __init__(  # noqa: PLR0913 - a door is what its eight properties say
        self,
        owner: Owner,
        role: str,
        protocol: int,
        *,
        visitor: Address | None,
        entrance: Endpoint,
        leads_to: Endpoint,
        closes: float,
        flows: int | None = None,
        inspect_as: str | None = None,
        hands_over: bool = False,
    ) -> None:
        super().__init__()
        self.owner = owner
        self.role = role
        self.protocol = protocol
        self.visitor = visitor
        self.entrance = entrance
        self.leads_to = leads_to
        self.closes = closes
        self.flows = flows
        self.inspect_as = inspect_as
        self.hands_over = hands_over
        self.opened = 0.0
        self.promoted = self.spares = self.closing = False
        self.older: Door | None = None
        self.newer: Door | None = None

    def same_flow(self, other: "Door") -> bool:
        """Whether another door lets the same visitor to the same place by the same entrance."""
        mine = (self.protocol, self.entrance, self.visitor, self.leads_to)
        return mine == (other.protocol, other.entrance, other.visitor, other.leads_to)


class OpenDoor:
    """Open a door, or change the one its owner has at that entrance (other visitor, other end).

    Attributes:
        door: the door.
        anew: the visitor moved to another port: that it came by this door before does not count.
    """

    __slots__ = ("anew", "door")

    def __init__(self, door: Door, *, anew: bool = False) -> None:
        self.door = door
        self.anew = anew


class CloseDoors:
    """Close an owner's doors at time `at`, and with them the flows that came through; only one entrance if given.

    With `spare`, those flows go on: an inside end still sends, and only nothing new shall come in.
    """

    __slots__ = ("at", "entrance", "owner", "spare")

    def __init__(self, owner: Owner, at: float, entrance: Endpoint | None = None, *, spare: bool = False) -> None:
        self.owner = owner
        self.at = at
        self.entrance = entrance
        self.spare = spare

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CloseDoors):
            return NotImplemented
        same = self.owner == other.owner and self.at == other.at
        return same and self.entrance == other.entrance and self.spare == other.spare

    def __hash__(self) -> int:
        return hash((self.owner, self.at, self.entrance, self.spare))

    def __repr__(self) -> str:
        return f"CloseDoors({self.owner!r}, {self.at!r}, {self.entrance!r}, spare={self.spare!r})"


class InactivityTimeout:
    """Close an owner's doors once nothing comes or goes by any of them for so many seconds.

    Infinity: silence closes nothing. Before this is said, the end of the last flow that came by them closes them.
    """

    __slots__ = ("owner", "seconds")

    def __init__(self, owner: Owner, seconds: float) -> None:
        self.owner = owner
        self.seconds = seconds


class StopInspecting(NamedTuple):
    """This flow does not speak the protocol, or no longer: never look into it again.

    Heeded only of a message from the inside, on a flow that has not spoken it before: nobody outside may blind the ALG.
    But for what both ends `agreed` on, an inside host being one of them: encryption that was asked for and granted.
    """

    agreed: bool = False


class WaitForOthers(NamedTuple):
    """The flow of this message waits for others that it brought about: as long as it `waits`, silence does not end it.

    Where they come by the doors of an `owner`, only while that has any. Else in replay only while there is a flow
    between the same two hosts; a kernel is told by the ALG alone.
    """

    waits: bool
    owner: Owner | None = None


class Note:
    """A named oddity, counted.

    Attributes:
        name: of the oddity.
        detail: may hold bytes of the message and must be escaped where it is shown.
        owner: whose call or transfer came to its end with it, None where none did.
    """

    __slots__ = ("detail", "name", "owner")

    def __init__(self, name: str, detail: bytes = b"", owner: Owner | None = None) -> None:
        self.name = name
        self.detail = detail
        self.owner = owner

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Note):
            return NotImplemented
        return self.name == other.name and self.detail == other.detail and self.owner == other.owner

    def __hash__(self) -> int:
        return hash((self.name, self.detail, self.owner))

    def __repr__(self) -> str:
        return f"Note({self.name!r}, {self.detail!r}, {self.owner!r})"


Effect = OpenDoor | CloseDoors | InactivityTimeout | StopInspecting | WaitForOthers | Note
