"""The contract between an ALG and the gateway around it.

An ALG is given one whole message, the path it travels and a view of the NAT; it returns one verdict and a list of
effects. It holds no socket, reads no clock, writes no log, and waits for nothing. It does not ask whether it looks at
the inside or the outside: it sees how the sender names things, and asks the NAT how the receiver must read them.

    sender's world                     gateway                      receiver's world
    path.sent_from -> path.sent_to    -- message -->    path.arrives_from -> path.arrives_to
"""

from abc import ABCMeta, abstractmethod
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, IntEnum
from typing import Final, NamedTuple, Protocol, TypeAlias, Union

from doorman.algs.settings import Settings
from doorman.net.addresses import Address, Endpoint, endpoints_from
from doorman.net.packet import TCP, UDP

PROTOCOL_NUMBERS: Final = {"udp": UDP, "tcp": TCP}
MAX_RUN: Final = 64
"""Ports that one announcement may take."""


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


class Message(NamedTuple):
    """A datagram, or what the framer cut from a stream.

    Attributes:
        data: the bytes of the message, whole.
        direction: which way it goes.
        protocol: 17 for UDP, 6 for TCP.
        path: where it comes from and goes to.
        now: the time, in seconds of any steady clock.
        of_client: whether its sender opened the connection that it came on; of a datagram nobody knows.
    """

    data: bytes
    direction: Direction
    protocol: int
    path: Path
    now: float
    of_client: bool = False

    @property
    def party(self) -> Address:
        """The host on the inside whose message this is, sent or received."""
        return self.path.sent_from.address if self.direction == Direction.OUTBOUND else self.path.arrives_to.address

    @property
    def ends(self) -> Ends:
        """The ends of the flow that it came on."""
        if self.direction == Direction.OUTBOUND:
            return Ends(self.protocol, self.path.sent_from, self.path.sent_to)
        return Ends(self.protocol, self.path.arrives_to, self.path.arrives_from)


class Refused(Exception):  # noqa: N818 - the outcome of a request, as in 'connection refused'
    """The NAT cannot or may not do what was asked; the text is the reason's name, such as `ports-exhausted`."""


class Nat(metaclass=ABCMeta):
    """How the receiver of a message must read what its sender wrote. A transaction: it is kept or undone as a whole."""

    __slots__ = ()

    @abstractmethod
    def translate(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """Name an endpoint as the receiver must; itself where it is not one of ours. Opens nothing.

        An endpoint of the message's own host that has no name yet gets one. That of another host does not: a message
        may name whom it likes, and must not use up what belongs to others.

        Raises:
            Refused: no address or port is left for it.
        """

    @abstractmethod
    def host(self, address: Address, *, own: bool) -> Address:
        """Name a host, where no port is meant, as the receiver must; itself where it is not one of ours.

        With `own`, the sender's side speaks of itself: a host behind it that has no name goes by the sender's. Without,
        only a host that has a name is one of ours: another may be a stranger whose network has the same addresses.
        """

    @abstractmethod
    def resolve(self, address: Address, *, anew: bool) -> Address:
        """Name a host as a directory must that the receiver asks where it is; itself where nothing names it otherwise.

        That is a name for the host alone. With `anew` it is given one if a rule says so, or else is told by an address
        that it shares. Without, what is named so can be named back.

        Raises:
            Refused: it has no name that could be told.
        """

    @abstractmethod
    def expose(self, endpoint: Endpoint, protocol: int, *, reserved: bool = False) -> Endpoint:
        """Reserve a name under which the receiver can reach an announced endpoint.

        With `reserved`, the port may be one of 512 to 1023, which only the superuser's programs have. The endpoint is
        one of the message's own host, but see `trust`.

        Raises:
            Refused: it may not be announced, or no port is left.
        """

    def expose_run(self, run: list[Endpoint], protocol: int, *, even: bool) -> list[Endpoint]:  # noqa: ARG002 - see below
        """Reserve names whose ports are in a row for announced endpoints whose ports are. See `expose`.

        With `even`, the first of them is even: for RTP and the RTCP beside it (RFC 3550, section 11). Here for views
        that reserve nothing.

        Raises:
            Refused: one may not be announced, there are too many, or no run of ports is left.
        """
        first = self.expose(run[0], protocol)
        return run if first == run[0] else endpoints_from(first, len(run))

    @abstractmethod
    def introduce(self, endpoint: Endpoint, protocol: int) -> Endpoint:
        """Name an endpoint that the message's host asks the receiver to talk to, and give it a name if it has none.

        Also that of another inside host, unlike `translate`: ask only for what the protocol exists to do, and count.

        Raises:
            Refused: no address or port is left for it.
        """

    @abstractmethod
    def trust(self) -> bool:
        """Let the message expose other inside hosts as well, as the operator named its sender for that.

        False: it may not, since that is no inside host, or one without a translation itself.
        """

    @abstractmethod
    def behind(self, endpoint: Endpoint, protocol: int) -> Endpoint | None:
        """What the sender's own host has behind a name that it already goes by for the receiver.

        A host may have learned that name (STUN) and write it itself. None: it is not one of its names.
        """

    @abstractmethod
    def shielded(self, address: Address) -> bool:
        """Whether traffic towards this address, as the sender names it, needs a door."""

    @abstractmethod
    def owns(self, address: Address) -> bool:
        """Whether this address, as the sender names it, is one that the NAT gives another name."""


class Owner(NamedTuple):
    """Who asked for a door: an ALG, its own name for the call or transfer, and the inside host concerned."""

    alg: str
    name: bytes
    party: Address


class Door:
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
        rings: of its timer.
        promoted: whether its first packet made a session of it.
    """

    __slots__ = (
        "closes",
        "closing",
        "entrance",
        "flows",
        "hands_over",
        "inspect_as",
        "leads_to",
        "opened",
        "owner",
        "promoted",
        "protocol",
        "rings",
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
        self.opened = self.rings = 0.0
        self.promoted = self.spares = self.closing = False

    def same_flow(self, other: "Door") -> bool:
        """Whether another door lets the same visitor to the same place by the same entrance."""
        mine = (self.protocol, self.entrance, self.visitor, self.leads_to)
        return mine == (other.protocol, other.entrance, other.visitor, other.leads_to)


class OpenDoor(NamedTuple):
    """Open a door, or change the one its owner has at that entrance (other visitor, other end).

    Attributes:
        door: the door.
        anew: the visitor moved to another port: that it came by this door before does not count.
    """

    door: Door
    anew: bool = False


class CloseDoors(NamedTuple):
    """Close an owner's doors at time `at`, and with them the flows that came through; only one entrance if given.

    With `spare`, those flows go on: an inside end still sends, and only nothing new shall come in.
    """

    owner: Owner
    at: float
    entrance: Endpoint | None = None
    spare: bool = False


class InactivityTimeout(NamedTuple):
    """Close an owner's doors once nothing comes or goes by any of them for so many seconds.

    Infinity: silence closes nothing. Before this is said, the end of the last flow that came by them closes them.
    """

    owner: Owner
    seconds: float


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


class Note(NamedTuple):
    """A named oddity, counted.

    Attributes:
        name: of the oddity.
        detail: may hold bytes of the message and must be escaped where it is shown.
        owner: whose call or transfer came to its end with it, None where none did.
    """

    name: str
    detail: bytes = b""
    owner: Owner | None = None


Effect = OpenDoor | CloseDoors | InactivityTimeout | StopInspecting | WaitForOthers | Note


VOID = "void: "
"""What the rule of an edit begins with that keeps something from happening; its reason follows."""


class Edit(NamedTuple):
    """Replace `data[start:end]` by `new`; `rule` says on what ground, for `explain` and `debug`."""

    start: int
    end: int
    new: bytes
    rule: str


class About(NamedTuple):
    """What a message belongs to.

    Attributes:
        owner: whose call or transfer it is of.
        answers: what it answers, such as `INVITE`; empty where it answers nothing, or nothing that is known.
    """

    owner: Owner
    answers: str = ""


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


class Outcome(NamedTuple):
    """What an ALG decided about a message.

    Attributes:
        edits: what is replaced, in order and without overlap; none: the message goes on as it is.
        drop: why the message must not go on, None where it goes on.
        effects: to be carried out before the message is sent.
        name: what the message is, for counters: `INVITE`, `200`, …; empty where it is none of the protocol.
        about: what it belongs to, None where that is not to be read.
        withheld: what else was decided and does not happen, because of the ALG's mode; None: all happens.
        reset: whether the connection that it came by must end with it.
    """

    edits: list[Edit]
    effects: list[Effect]
    name: str = ""
    drop: str | None = None
    about: About | None = None
    withheld: Withheld | None = None
    reset: bool = False


Plain: TypeAlias = Union[bool, int, float, str, bytes, Enum, Sequence["Plain"], Mapping[bytes, "Plain"], None]  # noqa: UP007 - names itself
"""What a record can hold, see `algs/records.py`."""


Shown = Endpoint | bytes | str | float | None
"""What stands in a table: an endpoint; bytes of a message; a word; seconds; nothing."""


class Record(NamedTuple):
    """Something that an ALG remembers, to be saved.

    Attributes:
        key: what it is known by among what this ALG remembers.
        value: all there is to it; None: it was forgotten.
        owner: whose doors change with it, None where it has no doors.
    """

    key: Plain
    value: Plain
    owner: Owner | None = None


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


def apply_edits(data: bytes, edits: list[Edit]) -> bytes:
    """Carry out edits; bytes that no edit names stay as they are."""
    parts = []
    at = 0
    for start, end, new, _ in edits:
        parts.append(data[at:start])
        parts.append(new)
        at = end
    parts.append(data[at:])
    return b"".join(parts)
