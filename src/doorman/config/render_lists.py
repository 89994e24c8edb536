"""Access lists to text, as IOS writes them.

A list with a name has a block of its own, under which its lines stand. The lines of numbered lists stand below each
other, each with its `access-list N`. Sequence numbers are written where they are not those that a list gives by itself;
a numbered list then has a block, too, as newer versions of IOS write all of them.
"""

from collections.abc import Iterable, Iterator

from doorman.config.access_lists import ANY, AccessEntry, AccessList, Entry, ExtendedEntry, Hosts, Ports
from doorman.config.interface_names import natural_order
from doorman.config.protocol_names import message_text, port_text, protocol_text
from doorman.net.addresses import UNSPECIFIED_V4, address_text


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
    for index in range(len(listed.entries) + 1):
        yield from (f"remark {text}" for before, text in listed.remarks if before == index)
        if index < len(listed.entries):
            number = f"{listed.numbers[index]} " if listed.numbers else ""
            yield f"{number}{entry_text(listed.entries[index])}"


def _standard(entry: AccessEntry) -> Iterator[str]:
    if Hosts(entry.address, entry.wildcard) == ANY:
        yield "any"
    else:
        yield address_text(entry.address)
        if entry.wildcard != UNSPECIFIED_V4:
            yield address_text(entry.wildcard)


def _extended(entry: ExtendedEntry) -> Iterator[str]:
    yield protocol_text(entry.protocol)
    for hosts, ports in ((entry.source, entry.source_ports), (entry.destination, entry.destination_ports)):
        yield _hosts(hosts)
        if ports is not None:
            yield _ports(entry.protocol, ports)
    if entry.icmp is not None:
        yield message_text(entry.icmp)
    if entry.established:
        yield "established"


def _hosts(hosts: Hosts) -> str:
    if hosts == ANY:
        return "any"
    address = address_text(hosts.address)
    return f"host {address}" if hosts.wildcard == UNSPECIFIED_V4 else f"{address} {address_text(hosts.wildcard)}"


def _ports(protocol: int, ports: Ports) -> str:
    return f"{ports.operator} {' '.join(port_text(protocol, port) for port in ports.values)}"
