"""Lines of access lists as matches, and matches as nft writes them.

A line is true of a packet if one of its matches is. Each match says something of up to five fields; a field is given
as ranges of numbers, both ends included, that neither overlap nor touch. Type and code of an ICMP message stand where
others have the port of their source, and are asked for as such: `th sport 769` is type 3, code 1.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, summarize_address_range
from itertools import pairwise
from typing import NamedTuple

from doorman.config.access_lists import (
    AccessEntry,
    Entry,
    ExtendedEntry,
    HostGroup,
    Hosts,
    Ports,
    ServiceGroup,
    ServiceMatch,
)
from doorman.config.protocol_names import ANY_PROTOCOL

Ranges = tuple[tuple[int, int], ...]

_LAST_ADDRESS, _LAST_PORT, _LAST_PROTOCOL = 0xFFFFFFFF, 0xFFFF, 0xFF
FIELDS = ("meta l4proto", "ip saddr", "th sport", "ip daddr", "th dport")
"""The fields of a match, in order, as nft calls them."""
PROTOCOL, SOURCE, SOURCE_PORT, DESTINATION, DESTINATION_PORT = range(5)
LASTS = (_LAST_PROTOCOL, _LAST_ADDRESS, _LAST_PORT, _LAST_ADDRESS, _LAST_PORT)
"""The last number that each field can have."""
_ADDRESSES = (SOURCE, DESTINATION)


class Match(NamedTuple):
    """What a packet must have: in each field one of the ranges; None stands for anything, or nothing at all.

    Attributes:
        fields: by the numbers of `FIELDS`.
        more: what nft shall ask besides, such as the flags of TCP; with a blank behind.
    """

    fields: tuple[Ranges | None, ...]
    more: str = ""

    @property
    def has_ports(self) -> bool:
        """Whether it looks at ports."""
        return self.fields[SOURCE_PORT] is not None or self.fields[DESTINATION_PORT] is not None

    @property
    def is_empty(self) -> bool:
        """Whether no packet can have it: `lt 0`."""
        return any(ranges == () for ranges in self.fields)


def matches_of(entry: Entry) -> Iterator[Match]:
    """The matches of a line."""
    for service in _services(entry):
        for source, rest_of_source in _hosts("ip saddr", entry_source(entry)):
            destination_hosts = ANY_HOSTS if isinstance(entry, AccessEntry) else _members(entry.destination)
            for destination, rest_of_destination in _hosts("ip daddr", destination_hosts):
                fields = (
                    _protocols(service),
                    source,
                    _ports(service.source_ports) if service.icmp is None else _message(*service.icmp),
                    destination,
                    _ports(service.destination_ports),
                )
                established = not isinstance(entry, AccessEntry) and entry.established
                more = rest_of_source + rest_of_destination
                match = Match(fields, more + ("tcp flags & (ack | rst) != 0 " if established else ""))
                if not match.is_empty:
                    yield match


ANYTHING = Match((None,) * len(FIELDS))


def matches_of_services(services: Iterable[ServiceMatch]) -> list[Match]:
    """The matches of what packets carry, whoever sends them."""
    return [match for service in services for match in matches_of(ExtendedEntry(permit=True, service=service))]


def matches_of_servers(entry: Entry) -> list[Match]:
    """The matches of packets to hosts that a line is true of, where they stand as its source."""
    source = Hosts(entry.address, entry.wildcard) if isinstance(entry, AccessEntry) else entry.source
    return list(matches_of(ExtendedEntry(permit=True, destination=source)))


def expression(match: Match) -> str:
    """A match as nft writes it, with a blank behind; empty where anything will do."""
    parts = [
        f"{name} {_spelled(field, ranges)} "
        for field, (name, ranges) in enumerate(zip(FIELDS, match.fields, strict=True))
        if ranges is not None
    ]
    return "".join(parts) + match.more


def spell_range(field: int, first: int, last: int) -> str:
    """A range of a field as nft writes it."""
    if field in _ADDRESSES:
        if first == last:
            return str(IPv4Address(first))
        networks = list(summarize_address_range(IPv4Address(first), IPv4Address(last)))
        return str(networks[0]) if len(networks) == 1 else f"{IPv4Address(first)}-{IPv4Address(last)}"
    return str(first) if first == last else f"{first}-{last}"


def _spelled(field: int, ranges: Ranges) -> str:
    texts = [spell_range(field, *one) for one in ranges]
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"


ANY_HOSTS = (Hosts(),)


def entry_source(entry: Entry) -> tuple[Hosts, ...]:
    """The senders that a line is about."""
    if isinstance(entry, AccessEntry):
        return (Hosts(entry.address, entry.wildcard),)
    return _members(entry.source)


def _members(hosts: Hosts | HostGroup) -> tuple[Hosts, ...]:
    return (hosts,) if isinstance(hosts, Hosts) else hosts.members


def _services(entry: Entry) -> tuple[ServiceMatch, ...]:
    if isinstance(entry, AccessEntry):
        return (ServiceMatch(),)
    return entry.service.members if isinstance(entry.service, ServiceGroup) else (entry.service,)


def _hosts(field: str, hosts: Iterable[Hosts]) -> Iterator[tuple[Ranges | None, str]]:
    """All networks together as ranges; each set of hosts that is no network as a question of its own."""
    networks: list[tuple[int, int]] = []
    for one in hosts:
        address, wildcard = int.from_bytes(one.address, "big"), int.from_bytes(one.wildcard, "big")
        if wildcard & (wildcard + 1) == 0:
            networks.append((address, address + wildcard))
        else:
            mask = IPv4Address(wildcard ^ _LAST_ADDRESS)
            yield None, f"{field} & {mask} == {IPv4Address(address)} "
    if networks:
        ranges = merged(networks)
        yield (None if ranges == ((0, _LAST_ADDRESS),) else ranges), ""


def _protocols(service: ServiceMatch) -> Ranges | None:
    if ANY_PROTOCOL in service.protocols:
        return None
    return merged([(number, number) for number in service.protocols])


def _ports(ports: Ports | None) -> Ranges | None:
    if ports is None:
        return None
    values = ports.values
    match ports.operator:
        case "eq":
            return merged([(port, port) for port in values])
        case "neq":
            edges = [-1, *sorted(set(values)), _LAST_PORT + 1]
            return tuple((before + 1, behind - 1) for before, behind in pairwise(edges) if behind - before > 1)
        case "gt":
            return ((values[0] + 1, _LAST_PORT),) if values[0] < _LAST_PORT else ()
        case "lt":
            return ((0, values[0] - 1),) if values[0] else ()
        case "range":
            return ((values[0], values[1]),)


def _message(kind: int, code: int | None) -> Ranges:
    """Type and code of ICMP messages, or all codes of a type, as one number."""
    first = kind << 8
    return ((first, first | 0xFF),) if code is None else ((first | code, first | code),)


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges in order, those that overlap or touch as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return tuple(found)
