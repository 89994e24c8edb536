"""`ipv6 access-list NAME` and its lines: which IPv6 hosts something is about."""

from typing import Literal

from doorman.config.access_lists import LAST_SEQUENCE, STEP, AccessEntry, AccessList
from doorman.config.command import Command, Refused
from doorman.config.model import Config
from doorman.net.addresses import Address, Prefix, parse_prefix

_ANY = parse_prefix("::/0")
_ALL_ONES = (1 << 128) - 1


def entry_of(prefix: Prefix, *, permit: bool) -> AccessEntry:
    """A line about the hosts of an IPv6 network."""
    wildcard = Address((_ALL_ONES >> prefix.length).to_bytes(16, "big"))
    return AccessEntry(permit, prefix.network, wildcard)


def _enter(config: Config, *, name: str) -> str:
    """Describe an IPv6 access list, made here if it is new; the lines that follow are its own."""
    config.ipv6_lists.setdefault(name, AccessList(name))
    return name


def _remove(config: Config, *, name: str) -> None:
    """Remove the whole list."""
    if config.ipv6_lists.pop(name, None) is None:
        raise Refused(f"% IPv6 access list {name} does not exist", "name")


def _add(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    name: str,
    *,
    action: Literal["permit", "deny"],
    prefix: Prefix = _ANY,
    host: Address | None = None,
    sequence: int | None = None,
) -> None:
    """Add a line, at the end or where its number says; one the list has is not added again."""
    listed, entry = config.ipv6_lists[name], _entry(action, prefix, host)
    if entry in listed.entries:
        return
    known = listed.sequence
    if sequence is not None and sequence in known:
        raise Refused("% Duplicate sequence number", "sequence")
    number = sequence or (known[-1] if known else 0) + STEP
    if number > LAST_SEQUENCE:
        raise Refused("% Exceeded maximum sequence number")
    config.ipv6_lists[name] = listed.with_entry(entry, number)


def _take(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    name: str,
    *,
    action: Literal["permit", "deny"],
    prefix: Prefix = _ANY,
    host: Address | None = None,
    sequence: int | None = None,  # noqa: ARG001 - the line itself says which
) -> None:
    """Take this one line off the list."""
    listed, entry = config.ipv6_lists[name], _entry(action, prefix, host)
    if entry not in listed.entries:
        raise Refused(f"% IPv6 access list {name} has no such line")
    config.ipv6_lists[name] = listed.without(listed.entries.index(entry))


def _take_number(config: Config, name: str, *, sequence: int) -> None:
    """Take the line with this number off the list."""
    listed = config.ipv6_lists[name]
    if sequence not in listed.sequence:
        raise Refused("% Specified entry does not exist", "sequence")
    config.ipv6_lists[name] = listed.without(listed.sequence.index(sequence))


def _entry(action: Literal["permit", "deny"], prefix: Prefix, host: Address | None) -> AccessEntry:
    return entry_of(prefix if host is None else Prefix(host, 128), permit=action == "permit")


_LINE = {
    "sequence": "Sequence number for this entry",
    "SEQUENCE": "Sequence number",
    "permit": "Specify packets to forward",
    "deny": "Specify packets to reject",
    "ipv6": "Any IPv6 protocol",
    "PREFIX": "IPv6 source prefix",
    "host": "A single source host",
    "HOST": "Source IPv6 address",
    "any": "Any prefix",
}

COMMANDS = (
    Command(
        "ipv6 access-list NAME:word",
        {"ipv6": "Global IPv6 configuration commands", "access-list": "Configure access lists", "NAME": "Name of list"},
        _enter,
        _remove,
        enters="ipv6-list",
    ),
)

IPV6_LIST_COMMANDS = (
    Command(
        f"[sequence SEQUENCE:1-{LAST_SEQUENCE}] ACTION:permit|deny ipv6 "
        "{PREFIX:ipv6-prefix | host HOST:ipv6 | any} any",
        _LINE,
        _add,
        _take,
    ),
    Command(f"sequence SEQUENCE:1-{LAST_SEQUENCE}", _LINE, None, _take_number),
)
