"""Access lists as values: their lines in order, of which the first that matches decides; none is a deny.

A standard list looks at the source of a packet only, so that it can also say which hosts are meant: whom a rule
translates, whom a setting trusts. An extended list can do so where its lines look at nothing but sources.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from doorman.config.distinct import Distinct
from doorman.config.protocol_names import ANY_PROTOCOL
from doorman.net.addresses import UNSPECIFIED_V4, Address

ALL_ONES = Address(b"\xff\xff\xff\xff")
LAST_SEQUENCE = 2_147_483_647
STEP = 10
"""How far apart the sequence numbers are that a list gives by itself, from the first on."""
_ACK_OR_RST = 0x14

Operator = Literal["eq", "neq", "gt", "lt", "range"]
Log = Literal["", "log", "log-input"]


class Traffic(NamedTuple):
    """What an access list looks at of a packet.

    Attributes:
        protocol: the number of what the IP header carries.
        source, destination: IPv4 addresses.
        source_port, destination_port: of TCP and UDP; -1 where there are none.
        tcp_flags: the flags of a TCP header (RFC 9293, section 3.1), else 0.
        icmp_type, icmp_code: of an ICMP message, else -1.
    """

    protocol: int
    source: Address
    destination: Address
    source_port: int = -1
    destination_port: int = -1
    tcp_flags: int = 0
    icmp_type: int = -1
    icmp_code: int = -1


@dataclass(frozen=True, slots=True)
class Hosts:
    """Addresses that agree with `address` where `wildcard` has zero bits; its one bits need not stand together."""

    address: Address = UNSPECIFIED_V4
    wildcard: Address = ALL_ONES

    def __contains__(self, address: Address) -> bool:
        return _agree(address, self.address, self.wildcard)


ANY = Hosts()


def _agree(address: Address, wanted: Address, wildcard: Address) -> bool:
    if len(address) != len(wanted):
        return False
    differs = int.from_bytes(address, "big") ^ int.from_bytes(wanted, "big")
    return not differs & ~int.from_bytes(wildcard, "big")


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports by comparison with one, with several (`eq`, `neq`), or with both ends of a range."""

    operator: Operator
    values: tuple[int, ...]

    def __contains__(self, port: int) -> bool:
        values = self.values
        match self.operator:
            case "eq":
                return port in values
            case "neq":
                return port >= 0 and port not in values
            case "gt":
                return port > values[0]
            case "lt":
                return 0 <= port < values[0]
            case "range":
                return values[0] <= port <= values[1]


@dataclass(frozen=True, slots=True)
class HostGroup:
    """`object-group NAME` in the place of hosts; lines are equal that use the same group, whatever it holds."""

    name: str
    members: tuple[Hosts, ...] = field(default=(), compare=False)

    def __contains__(self, address: Address) -> bool:
        return any(address in hosts for hosts in self.members)


@dataclass(frozen=True, slots=True)
class ServiceMatch:
    """What a packet carries: a protocol (0: any; TCP and UDP can be both), between ports, or as an ICMP message.

    None stands for all ports, or all messages; a message without a code for all codes of its type.
    """

    protocols: tuple[int, ...] = (ANY_PROTOCOL,)
    source_ports: Ports | None = None
    destination_ports: Ports | None = None
    icmp: tuple[int, int | None] | None = None

    def covers(self, traffic: Traffic) -> bool:
        """Whether a packet carries this."""
        return (
            (traffic.protocol in self.protocols or ANY_PROTOCOL in self.protocols)
            and (self.source_ports is None or traffic.source_port in self.source_ports)
            and (self.destination_ports is None or traffic.destination_port in self.destination_ports)
            and (self.icmp is None or self.icmp in {(traffic.icmp_type, None), (traffic.icmp_type, traffic.icmp_code)})
        )


ANYTHING = ServiceMatch()


@dataclass(frozen=True, slots=True)
class ServiceGroup:
    """`object-group NAME` in the place of a protocol."""

    name: str
    members: tuple[ServiceMatch, ...] = field(default=(), compare=False)

    def covers(self, traffic: Traffic) -> bool:
        """Whether a packet carries one of these."""
        return any(service.covers(traffic) for service in self.members)


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """A line of a standard access list: addresses that agree with `address` where `wildcard` has zero bits."""

    permit: bool
    address: Address
    wildcard: Address
    log: Log = ""

    @property
    def source_hosts(self) -> Hosts:
        """The senders it is about."""
        return Hosts(self.address, self.wildcard)

    def matches(self, address: Address) -> bool:
        """Whether an IPv4 address falls under this line."""
        return _agree(address, self.address, self.wildcard)

    def covers(self, traffic: Traffic) -> bool:
        """Whether a packet falls under this line."""
        return self.matches(traffic.source)

    @property
    def by_source(self) -> tuple["AccessEntry", ...]:
        """The line itself."""
        return (self,)


@dataclass(frozen=True, slots=True)
class ExtendedEntry:
    """A line of an extended access list.

    Attributes:
        permit: what becomes of a packet that agrees with all the rest.
        service: what the packet carries, or a group of such.
        source, destination: the hosts, or a group of them.
        established: only TCP segments with ACK or RST: those of a connection that was answered.
        log: kept as typed; what matches is counted in any case.
    """

    permit: bool
    service: ServiceMatch | ServiceGroup = ANYTHING
    source: Hosts | HostGroup = ANY
    destination: Hosts | HostGroup = ANY
    established: bool = False
    log: Log = ""

    @property
    def source_hosts(self) -> Hosts | HostGroup:
        """The senders it is about."""
        return self.source

    def covers(self, traffic: Traffic) -> bool:
        """Whether a packet falls under this line."""
        return (
            traffic.source in self.source
            and traffic.destination in self.destination
            and (not self.established or bool(traffic.tcp_flags & _ACK_OR_RST))
            and self.service.covers(traffic)
        )

    def matches(self, address: Address) -> bool:
        """Whether all packets from an IPv4 address fall under this line."""
        return address in self.source and self.by_source is not None

    @property
    def by_source(self) -> tuple[AccessEntry, ...] | None:
        """The standard lines that say the same; None where this one looks at more than sources."""
        if self != ExtendedEntry(self.permit, source=self.source, log=self.log):
            return None
        sources = (self.source,) if isinstance(self.source, Hosts) else self.source.members
        return tuple(AccessEntry(self.permit, hosts.address, hosts.wildcard, self.log) for hosts in sources)


Entry = AccessEntry | ExtendedEntry


@dataclass(frozen=True, slots=True)
class AccessList:
    """An access list: the first line that matches decides, and none is a deny.

    Attributes:
        name: its number or name.
        entries: its lines.
        remarks: each comment with the index of the line it stands before.
        numbers: the sequence numbers of the lines; empty where they are those a list gives by itself: 10, 20, ….
        extended: whether its lines are those of an extended list.
    """

    name: str
    entries: Distinct[Entry] = field(default_factory=Distinct)
    remarks: tuple[tuple[int, str], ...] = ()
    numbers: Distinct[int] = field(default_factory=Distinct)
    extended: bool = False

    @property
    def sequence(self) -> Sequence[int]:
        """The number of each line."""
        return self.numbers or given(len(self.entries))

    @property
    def by_source(self) -> tuple[AccessEntry, ...] | None:
        """Its lines as those of a standard list; None where one looks at more than sources."""
        found: list[AccessEntry] = []
        for entry in self.entries:
            lines = entry.by_source
            if lines is None:
                return None
            found += lines
        return tuple(found)

    def permits(self, address: Address) -> bool:
        """Whether the first line that matches permits a host; for lists that look at sources only."""
        return next((entry.permit for entry in self.entries if entry.matches(address)), False)

    def match(self, traffic: Traffic) -> int | None:
        """The index of the first line that a packet falls under; None where the implicit deny at the end decides."""
        return next((index for index, entry in enumerate(self.entries) if entry.covers(traffic)), None)

    def with_entry(self, entry: Entry, number: int) -> "AccessList":
        """The list with one more line, at the place of its number; a comment at that place is of the line after."""
        sequence, count = self.sequence, len(self.entries)
        index = bisect_left(sequence, number)
        remarks = self.remarks
        if index < count:
            remarks = tuple((before + (before >= index), text) for before, text in remarks)
        is_given = not self.numbers and number == given(count + 1)[-1]
        numbers = Distinct() if is_given else (self.numbers or Distinct(sequence)).with_one(number, index)
        return replace(
            self,
            entries=self.entries.with_one(entry, index),
            remarks=remarks,
            numbers=numbers if index == count else _unless_given(numbers),
        )

    def without(self, index: int) -> "AccessList":
        """The list without one line; the others keep their numbers."""
        return replace(
            self,
            entries=self.entries.without(index),
            remarks=tuple((before - (before > index), text) for before, text in self.remarks),
            numbers=_unless_given(Distinct(self.sequence).without(index)),
        )

    def resequenced(self, first: int, step: int) -> "AccessList":
        """The list with numbers from the first on, so far apart."""
        return replace(self, numbers=_unless_given(Distinct(given(len(self.entries), first, step))))


def given(count: int, first: int = STEP, step: int = STEP) -> range:
    """The numbers of so many lines."""
    return range(first, first + count * step, step)


def _unless_given(numbers: Distinct[int]) -> Distinct[int]:
    usual = given(len(numbers))
    return Distinct() if numbers and numbers[-1] == usual[-1] and list(numbers) == list(usual) else numbers
