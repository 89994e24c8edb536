"""Object groups as values: hosts, or services, under a name that lines of access lists use.

A group may hold others of its kind. What a line means is looked up when it is put to work, so that a group can change
without the lists that use it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, summarize_address_range
from typing import Literal

from doorman.config.access_lists import AccessList, Entry, ExtendedEntry, HostGroup, Hosts, ServiceGroup, ServiceMatch
from doorman.config.distinct import Distinct
from doorman.net.addresses import Address

GroupKind = Literal["network", "service"]


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses from the first to the last, both included."""

    first: Address
    last: Address

    @property
    def hosts(self) -> Iterator[Hosts]:
        """The networks that they are together."""
        for network in summarize_address_range(IPv4Address(bytes(self.first)), IPv4Address(bytes(self.last))):
            yield Hosts(Address(network.network_address.packed), Address(network.hostmask.packed))


@dataclass(frozen=True, slots=True)
class Nested:
    """`group-object NAME`: all that another group holds."""

    name: str


Member = Hosts | Range | ServiceMatch | Nested


@dataclass(frozen=True, slots=True)
class ObjectGroup:
    """A group of hosts (`network`) or services, with its members in the order in which they were added."""

    name: str
    kind: GroupKind
    members: Distinct[Member] = field(default_factory=Distinct)
    description: str = ""


Groups = Mapping[str, ObjectGroup]


def members_of(groups: Groups, name: str) -> Iterator[Hosts | ServiceMatch]:
    """All that a group holds, by itself and by others; of one that does not exist, nothing."""
    group = groups.get(name)
    for member in group.members if group is not None else ():
        match member:
            case Nested():
                yield from members_of(groups, member.name)
            case Range():
                yield from member.hosts
            case _:
                yield member


def holds(groups: Groups, name: str, other: str) -> bool:
    """Whether a group is another, or holds it, itself or by others."""
    members = groups[name].members if name in groups else ()
    return name == other or any(isinstance(one, Nested) and holds(groups, one.name, other) for one in members)


def names_in(entry: Entry) -> Iterator[str]:
    """The groups that a line of an access list uses."""
    if isinstance(entry, ExtendedEntry):
        for part in (entry.service, entry.source, entry.destination):
            if isinstance(part, HostGroup | ServiceGroup):
                yield part.name


def with_members(listed: AccessList, groups: Groups) -> AccessList:
    """An access list whose lines know what the groups hold that they name."""
    if not any(True for entry in listed.entries for _ in names_in(entry)):
        return listed
    return replace(listed, entries=Distinct(_filled(entry, groups) for entry in listed.entries))


def _filled(entry: Entry, groups: Groups) -> Entry:
    if not isinstance(entry, ExtendedEntry):
        return entry
    service = entry.service
    if isinstance(service, ServiceGroup):
        service = ServiceGroup(service.name, _services(groups, service.name))
    return replace(
        entry,
        service=service,
        source=_filled_hosts(entry.source, groups),
        destination=_filled_hosts(entry.destination, groups),
    )


def _filled_hosts(hosts: Hosts | HostGroup, groups: Groups) -> Hosts | HostGroup:
    if isinstance(hosts, Hosts):
        return hosts
    found = tuple(one for one in members_of(groups, hosts.name) if isinstance(one, Hosts))
    return HostGroup(hosts.name, found)


def _services(groups: Groups, name: str) -> tuple[ServiceMatch, ...]:
    return tuple(one for one in members_of(groups, name) if isinstance(one, ServiceMatch))
