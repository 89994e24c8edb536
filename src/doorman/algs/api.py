"""The contract between an ALG and the gateway around it.

An ALG is given one whole message, the path it travels and a view of the NAT; it returns one verdict and a list of
effects. It holds no socket, reads no clock, writes no log, and waits for nothing. It does not ask whether it looks at
the inside or the outside: it sees how the sender names things, and asks the NAT how the receiver must read them.

    sender's world                     gateway                      receiver's world
    path.sent_from -> path.sent_to    -- message -->    path.arrives_from -> path.arrives_to

Its parts: how the NAT is seen (`algs.nat`), what an ALG may ask for (`algs.effects`), and what is here: messages,
outcomes, and the ALG itself.
"""

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, IntEnum
from typing import Final, NamedTuple, Protocol, TypeAlias, Union

from doorman.algs.effects import (
    CloseDoors,
    Door,
    Effect,
    InactivityTimeout,
    Note,
    OpenDoor,
    Owner,
    StopInspecting,
    WaitForOthers,
)
from doorman.algs.nat import MAX_RUN, Name, Nat, Refused
from doorman.algs.settings import Settings
from doorman.net.addresses import Address, Endpoint, new_tuple
from doorman.net.edits import Edit, apply_edits
from doorman.net.packet import TCP, UDP

__all__ = [
    "MAX_RUN",
    "PROTOCOL_NUMBERS",
    "VOID",
    "Alg",
    "CloseDoors",
    "Direction",
    "Door",
    "Edit",
    "Effect",
    "Ends",
    "InactivityTimeout",
    "Message",
    "Name",
    "Nat",
    "Note",
    "OpenDoor",
    "Outcome",
    "Owner",
    "Path",
    "Plain",
    "Record",
    "Refused",
    "Shown",
    "StopInspecting",
    "Touched",
    "WaitForOthers",
    "Withheld",
    "apply_edits",
]

PROTOCOL_NUMBERS: Final = {"udp": UDP, "tcp": TCP}


class Direction(IntEnum):
    """Which way a message goes through the NAT. Usable as an index: the end that sent it."""

    OUTBOUND = 0
    INBOUND = 1


class Path(NamedTuple):
    """The four endpoints of a message: as its sender sees them, and as its receiver does."""

    sent_from: Endpoint
    sent_to: Endpoint
    arrives_from: Endpoint
    arrives_to: Endpoint

    @property
    def translated(self) -> bool:
        """Whether the receiver sees other endpoints than the sender."""
        return (self.sent_from, self.sent_to) != (self.arrives_from, self.arrives_to)


class Ends(NamedTuple):
    """A flow by its two ends, as hosts on the inside know them; the same whichever way a message goes."""

    protocol: int
    inside: Endpoint
    outside: Endpoint


class Message:
    """A datagram, or what the framer cut from a stream.

    Attributes:
        data: the bytes of the message, whole.
        direction: which way it goes.
        protocol: 17 for UDP, 6 for TCP.
        path: where it comes from and goes to.
        now: the time, in seconds of any steady clock.
        of_client: whether its sender opened the connection that it came on; of a datagram nobody knows.
    """

    __slots__ = ("data", "direction", "now", "of_client", "path", "protocol")

    def __init__(  # noqa: PLR0913 - a message, and where and when it came
        self, data: bytes, direction: Direction, protocol: int, path: Path, now: float, *, of_client: bool = False
    ) -> None:
        self.data = data
        self.direction = direction
        self.protocol = protocol
        self.path = path
        self.now = now
        self.of_client = of_client

    @property
    def party(self) -> Address:
        """The host on the inside whose message this is, sent or received."""
        return self.path.sent_from.address if self.direction == Direction.OUTBOUND else self.path.arrives_to.address

    @property
    def ends(self) -> Ends:
        """The ends of the flow that it came on."""
        if self.direction == Direction.OUTBOUND:
            return new_tuple(Ends, (self.protocol, self.path.sent_from, self.path.sent_to))
        return new_tuple(Ends, (self.protocol, self.path.arrives_to, self.path.arrives_from))


VOID = "void: "
"""What the rule of an edit begins with that keeps something from happening; its reason follows."""


class Withheld(NamedTuple):
    """What an ALG decided about a message and its mode kept from happening.

    Attributes:
        mode: `pinhole-only` or `observe`.
        edits, effects, drop: as in an outcome.
    """

    mode: str
    edits: list[Edit]
    effects: list[Effect]
    drop: str | None


class Outcome:
    """What an ALG decided about a message.

    Attributes:
        edits: what is replaced, in order and without overlap; none: the message goes on as it is.
        drop: why the message must not go on, None where it goes on.
        effects: to be carried out before the message is sent.
        name: what the message is, for counters: `INVITE`, `200`, …; empty where it is none of the protocol.
        owner: whose call or transfer it is of, None where that is not to be read.
        answers: what it answers, such as `INVITE`; empty where it answers nothing, or nothing that is known.
        withheld: what else was decided and does not happen, because of the ALG's mode; None: all happens.
        reset: whether the connection that it came by must end with it.
    """

    __slots__ = ("answers", "drop", "edits", "effects", "name", "owner", "reset", "withheld")

    def __init__(  # noqa: PLR0913, PLR0917 - a decision is what its eight parts say
        self,
        edits: list[Edit],
        effects: list[Effect],
        name: str = "",
        drop: str | None = None,
        owner: Owner | None = None,
        answers: str = "",
        withheld: Withheld | None = None,
        *,
        reset: bool = False,
    ) -> None:
        self.edits = edits
        self.effects = effects
        self.name = name
        self.drop = drop
        self.owner = owner
        self.answers = answers
        self.withheld = withheld
        self.reset = reset

    def instead(
        self, edits: list[Edit], effects: list[Effect], drop: str | None, withheld: Withheld | None = None
    ) -> "Outcome":
        """What else is decided about the same message."""
        return Outcome(edits, effects, self.name, drop, self.owner, self.answers, withheld, reset=self.reset)


Plain: TypeAlias = Union[bool, int, float, str, bytes, Enum, Sequence["Plain"], Mapping[bytes, "Plain"], None]  # noqa: UP007 - names itself
"""What a record can hold, see `algs/records.py`."""


Shown = Endpoint | bytes | str | float | None
"""What stands in a table: an endpoint; bytes of a message; a word; seconds; nothing."""


Record: TypeAlias = tuple[Plain, Plain]
"""What an item is known by among all that its ALG remembers, and all there is to it; None: it was forgotten."""


class Touched:
    """What an ALG remembers and has begun, changed or forgotten: calls, registrations, transfers.

    For those who save it, or tell of it when it is over. As long as nobody watches, nothing is noted.
    """

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: dict[Hashable, None] | None = None

    def __iter__(self) -> Iterator[Hashable]:
        """Each item once, in the order in which they were first touched."""
        return iter(self._items or ())

    def __bool__(self) -> bool:
        return bool(self._items)

    def watch(self) -> None:
        """Take note from now on."""
        if self._items is None:
            self._items = {}

    def add(self, item: Hashable) -> None:
        """Note an item."""
        if self._items is not None:
            self._items[item] = None

    def take(self) -> Iterable[Hashable]:
        """The items, which are noted no more."""
        if not self._items:
            return ()
        items, self._items = self._items, {}
        return items

    def drop(self, item: Hashable) -> bool:
        """Note an item no more; whether it was noted."""
        if not self._items or item not in self._items:
            return False
        del self._items[item]
        return True


class Alg(Protocol):
    """An application-level gateway.

    Attributes:
        name: of its protocol.
        touched: what it remembers and has changed.
    """

    name: str
    touched: Touched

    def configure(self, ports: frozenset[int], settings: Settings) -> None:
        """Be served on other ports from now on, with other settings; what is remembered goes on with them.

        Args:
            ports: of both transports.
            settings: of this ALG's own class.
        """
        ...

    def recognises(self, data: bytes) -> bool:
        """Whether a message is of this protocol, by its first bytes; to tell of one on a port that is not served."""
        ...

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Decide about a message that goes through the gateway."""
        ...

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """The edits which make of a message, as it arrived, the message that its sender must have sent.

        `message` is given as if its receiver sent it back: its path is turned round, and `nat` names what is in it
        as the sender knows it. Nothing is reserved, opened or remembered.
        """
        ...

    def on_time(self, now: float) -> list[Effect]:
        """What is due without a message: calls that nothing ended."""
        ...

    def on_end(self, ends: Ends, now: float) -> list[Effect]:
        """A flow is over on which a message of its protocol came."""
        ...

    def totals(self) -> Mapping[str, int]:
        """How much there is now of what it remembers, by a name for each kind, for statistics."""
        ...

    def sessions(self, now: float) -> Iterator[Mapping[str, Shown]]:
        """What it follows now, for tables: the same keys for each, as its entry in the registry lists them."""
        ...

    def remembered(self) -> Iterable[Hashable]:
        """All that it remembers and would not want to lose."""
        ...

    def of_owner(self, owner: Owner) -> Hashable | None:
        """What it remembers that has the doors of an owner, as `touched` notes it; None where that is nothing."""
        ...

    def record(self, item: Hashable) -> Record:
        """The record of an item that it remembers, or did: one of `touched` or `remembered`."""
        ...

    def restore(self, key: Plain, value: Plain, doors: Container[Owner]) -> Iterable[Owner]:
        """Remember again what a record says, in an ALG that was made anew.

        `doors`: the owners who have their doors still. Those of them whose doors are needed are given back.

        Raises:
            ValueError: the record is not one of this ALG's, see `algs.records`.
        """
        ...
