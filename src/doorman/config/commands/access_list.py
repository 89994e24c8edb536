"""`access-list N …`: standard access lists, which say whose addresses are translated."""

from dataclasses import replace
from typing import Literal

from doorman.config.command import Command, Refused
from doorman.config.model import AccessEntry, AccessList, Config
from doorman.net.addresses import UNSPECIFIED_V4, Address

NUMBERS = "1-99,1300-1999"
"""The numbers of standard access lists."""

_ALL_ONES = Address(b"\xff\xff\xff\xff")
Action = Literal["permit", "deny"]


def _entry(action: Action, address: Address | None, wildcard: Address | None) -> AccessEntry:
    """One line as a value: the address without the bits that do not count, as IOS keeps it."""
    if address is None:
        return AccessEntry(action == "permit", UNSPECIFIED_V4, _ALL_ONES)
    free = wildcard or UNSPECIFIED_V4
    kept = Address(bytes(byte & ~mask for byte, mask in zip(address, free, strict=True)))
    return AccessEntry(action == "permit", kept, free)


def _add(
    config: Config,
    *,
    number: int,
    action: Action,
    address: Address | None = None,
    wildcard: Address | None = None,
) -> None:
    """Add a line at the end of a standard access list; a line it has already is not added again."""
    entry = _entry(action, address, wildcard)
    listed = config.access_lists.get(str(number), AccessList(str(number)))
    if entry not in listed.entries:
        config.access_lists[listed.name] = replace(listed, entries=(*listed.entries, entry))


def _take(
    config: Config,
    *,
    number: int,
    action: Action,
    address: Address | None = None,
    wildcard: Address | None = None,
) -> None:
    """Take this one line off the list (IOS removes the whole list)."""
    entry = _entry(action, address, wildcard)
    listed = _existing(config, number)
    if entry not in listed.entries:
        raise Refused(f"% Access list {number} has no such line")
    index = listed.entries.index(entry)
    entries = listed.entries[:index] + listed.entries[index + 1 :]
    remarks = tuple((before - (before > index), text) for before, text in listed.remarks)
    _store(config, AccessList(listed.name, entries, remarks))


def _remark(config: Config, *, number: int, text: str) -> None:
    """Add a comment, which stands before the line that comes next."""
    listed = config.access_lists.get(str(number), AccessList(str(number)))
    remarks = (*listed.remarks, (len(listed.entries), text))
    config.access_lists[listed.name] = replace(listed, remarks=remarks)


def _no_remark(config: Config, *, number: int, text: str) -> None:
    """Take away every comment with this text."""
    listed = _existing(config, number)
    kept = tuple(remark for remark in listed.remarks if remark[1] != text)
    if kept == listed.remarks:
        raise Refused(f"% Access list {number} has no such remark", "text")
    _store(config, replace(listed, remarks=kept))


def _remove(config: Config, *, number: int) -> None:
    """Remove the whole list."""
    del config.access_lists[_existing(config, number).name]


def _existing(config: Config, number: int) -> AccessList:
    try:
        return config.access_lists[str(number)]
    except KeyError:
        raise Refused(f"% Access list {number} does not exist", "number") from None


def _store(config: Config, listed: AccessList) -> None:
    """Keep a changed list; one with nothing left is gone."""
    if listed.entries or listed.remarks:
        config.access_lists[listed.name] = listed
    else:
        del config.access_lists[listed.name]


_HELP = {
    "access-list": "Add an access list entry",
    "NUMBER": "IP standard access list",
    "permit": "Specify packets to forward",
    "deny": "Specify packets to reject",
    "remark": "Access list entry comment",
    "TEXT": "Comment up to the end of the line",
    "any": "Any source host",
    "host": "A single host address",
    "ADDRESS": "Address to match",
    "WILDCARD": "Wildcard bits",
}

COMMANDS = (
    Command(
        f"access-list NUMBER:{NUMBERS} ACTION:permit|deny {{any | host ADDRESS:ipv4 | ADDRESS:ipv4 [WILDCARD:ipv4]}}",
        _HELP,
        _add,
        _take,
    ),
    Command(f"access-list NUMBER:{NUMBERS} remark TEXT:line", _HELP, _remark, _no_remark),
    Command(f"access-list NUMBER:{NUMBERS}", _HELP, None, _remove),
)
