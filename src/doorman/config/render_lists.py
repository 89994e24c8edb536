"""Access lists to text, as IOS writes them.

A list with a name has a block of its own, under which its lines stand. The lines of numbered lists stand below each
other, each with its `access-list N`. Sequence numbers are written where they are not those that a list gives by itself;
a numbered list then has a block, too, as newer versions of IOS write all of them.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter

from doorman.config.access_lists import (
    ANY,
    AccessEntry,
    AccessList,
    Entry,
    ExtendedEntry,
    HostGroup,
    Hosts,
    Ports,
    ServiceGroup,
    ServiceMatch,
)
from doorman.config.blocks import opening
from doorman.config.interface_names import natural_order
from doorman.config.ipv6_lists import Ipv6List
from doorman.config.object_groups import Groups, Member, Nested, ObjectGroup, Range
from doorman.config.protocol_names import message_text, port_text, protocol_text
from doorman.net.addresses import UNSPECIFIED_V4, Address, address_text


def list_order(listed: AccessList) -> tuple[bool, object]:
    """A key that sorts lists as IOS shows them: standard ones, then extended ones."""
    return listed.extended, natural_order(listed.name)


def access_list_blocks(lists: Iterable[AccessList]) -> Iterator[list[str]]:
    """The blocks of a configuration that say what these lists are: named ones, then all numbered ones."""
    numbered: list[str] = []
    for listed in lists:
        if listed.name.isdecimal() and not listed.numbers and (listed.entries or listed.remarks):
            numbered += (f"access-list {listed.name} {line}" for line in _lines(listed))
        else:
            kind = "extended" if listed.extended else "standard"
            yield [f"ip access-list {kind} {listed.name}", *(f" {line}" for line in _lines(listed))]
    yield numbered


def ipv6_list_block(listed: Ipv6List) -> list[str]:
    """The block of an IPv6 access list."""
    usual = listed.is_numbered_as_usual
    lines = (f" {line.text}" if usual else f" sequence {line.sequence} {line.text}" for line in listed.lines)
    return [f"ipv6 access-list {listed.name}", *lines]


def object_group_blocks(groups: Groups) -> Iterator[list[str]]:
    """The blocks of object groups by name, each after those that it holds."""
    written: set[str] = set()

    def blocks(name: str) -> Iterator[list[str]]:
        if name not in written:
            written.add(name)
            for member in groups[name].members:
                if isinstance(member, Nested):
                    yield from blocks(member.name)
            yield list(_object_group(groups[name]))

    for name in sorted(groups):
        yield from blocks(name)


def _object_group(group: ObjectGroup) -> Iterator[str]:
    yield from opening(f"object-group {group.kind} {group.name}", group.description)
    yield from (f" {_member(member)}" for member in group.members)


def _member(member: Member) -> str:
    match member:
        case Nested():
            return f"group-object {member.name}"
        case Range():
            return f"range {address_text(member.first)} {address_text(member.last)}"
        case Hosts():
            if member == ANY or member.wildcard == UNSPECIFIED_V4:
                return _hosts(member)
            mask = Address(bytes(0xFF ^ byte for byte in member.wildcard))
            return f"{address_text(member.address)} {address_text(mask)}"
        case ServiceMatch():
            source = _ports(member, member.source_ports)
            message = "" if member.icmp is None else message_text(member.icmp)
            words = _protocol(member), source and f"source {source}", _ports(member, member.destination_ports), message
            return " ".join(filter(None, words))


def entry_text(entry: Entry) -> str:
    """A line of an access list without its number."""
    words = [
        "permit" if entry.permit else "deny",
        *(_standard(entry) if isinstance(entry, AccessEntry) else _extended(entry)),
        entry.log,
    ]
    return " ".join(filter(None, words))


def _lines(listed: AccessList) -> Iterator[str]:
    """The lines in order, each after the remarks that stand before it."""
    remarks = deque(sorted(listed.remarks, key=itemgetter(0)))
    for index, entry in enumerate(listed.entries):
        while remarks and remarks[0][0] <= index:
            yield f"remark {remarks.popleft()[1]}"
        number = f"{listed.numbers[index]} " if listed.numbers else ""
        yield f"{number}{entry_text(entry)}"
    yield from (f"remark {text}" for _, text in remarks)


def _standard(entry: AccessEntry) -> Iterator[str]:
    if Hosts(entry.address, entry.wildcard) == ANY:
        yield "any"
    else:
        yield address_text(entry.address)
        if entry.wildcard != UNSPECIFIED_V4:
            yield address_text(entry.wildcard)


def _extended(entry: ExtendedEntry) -> Iterator[str]:
    service = entry.service
    if isinstance(service, ServiceGroup):
        yield from (f"object-group {service.name}", _hosts(entry.source), _hosts(entry.destination))
    else:
        yield _protocol(service)
        yield from (_hosts(entry.source), _ports(service, service.source_ports))
        yield from (_hosts(entry.destination), _ports(service, service.destination_ports))
        if service.icmp is not None:
            yield message_text(service.icmp)
    if entry.established:
        yield "established"


def _hosts(hosts: Hosts | HostGroup) -> str:
    if isinstance(hosts, HostGroup):
        return f"object-group {hosts.name}"
    if hosts == ANY:
        return "any"
    address = address_text(hosts.address)
    return f"host {address}" if hosts.wildcard == UNSPECIFIED_V4 else f"{address} {address_text(hosts.wildcard)}"


def _protocol(service: ServiceMatch) -> str:
    return "-".join(map(protocol_text, service.protocols))


def _ports(service: ServiceMatch, ports: Ports | None) -> str:
    """A comparison of ports; by number where names would be those of two protocols."""
    if ports is None:
        return ""
    protocol = service.protocols[0] if len(service.protocols) == 1 else -1
    return f"{ports.operator} {' '.join(port_text(protocol, port) for port in ports.values)}"
