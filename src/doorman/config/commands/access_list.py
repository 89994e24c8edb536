"""`access-list N …` and `ip access-list …`: which packets, or which hosts, something is about."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from doorman.config.access_lists import LAST_SEQUENCE, STEP, AccessList, Entry, given
from doorman.config.command import Command, Refused
from doorman.config.commands.access_rule import EXTENDED, HELP, STANDARD, extended_entry, standard_entry
from doorman.config.commands.object_group import require_group
from doorman.config.distinct import Distinct
from doorman.config.kinds import EXTENDED_NUMBERS, STANDARD_NUMBERS, kind_of
from doorman.config.model import Config


def _add_standard(config: Config, name: str | None = None, **typed: Any) -> None:  # noqa: ANN401 - as typed
    """Add a line to a standard access list, at the end or where its number says; one it has is not added again."""
    number = typed.pop("sequence", None)
    listed = _list(config, name or str(typed.pop("number")), extended=False)
    _add(config, listed, standard_entry(**typed), number)


def _add_extended(config: Config, name: str | None = None, **typed: Any) -> None:  # noqa: ANN401 - as typed
    """Add a line to an extended access list, at the end or where its number says; one it has is not added again."""
    number = typed.pop("sequence", None)
    listed = _list(config, name or str(typed.pop("number")), extended=True)
    for parameter, kind in (("service", "service"), ("source_group", "network"), ("destination_group", "network")):
        if parameter in typed:
            require_group(config, typed[parameter], kind, parameter)
    _add(config, listed, extended_entry(**typed), number)


def _take_standard(config: Config, name: str | None = None, **typed: Any) -> None:  # noqa: ANN401 - as typed
    """Take this one line off the list (IOS removes a whole numbered list)."""
    typed.pop("sequence", None)
    listed = _existing(config, name or str(typed.pop("number")))
    _take(config, listed, standard_entry(**typed), keep=name is not None)


def _take_extended(config: Config, name: str | None = None, **typed: Any) -> None:  # noqa: ANN401 - as typed
    """Take this one line off the list (IOS removes a whole numbered list)."""
    typed.pop("sequence", None)
    listed = _existing(config, name or str(typed.pop("number")))
    _take(config, listed, extended_entry(**typed), keep=name is not None)


def _take_number(config: Config, name: str, *, sequence: int) -> None:
    """Take the line with this number off the list."""
    listed = _existing(config, name)
    if sequence not in listed.sequence:
        raise Refused("% Specified entry does not exist", "sequence")
    config.access_lists[name] = listed.without(listed.sequence.index(sequence))


def _remark(config: Config, *, number: int, text: str) -> None:
    """Add a comment, which stands before the line that comes next."""
    _add_remark(config, _list(config, str(number), extended=_is_extended(number)), text)


def _no_remark(config: Config, *, number: int, text: str) -> None:
    """Take away every comment with this text."""
    _take_remark(config, _existing(config, str(number)), text, keep=False)


def _remark_here(config: Config, name: str, *, text: str) -> None:
    """Add a comment, which stands before the line that comes next."""
    _add_remark(config, config.access_lists[name], text)


def _no_remark_here(config: Config, name: str, *, text: str) -> None:
    """Take away every comment with this text."""
    _take_remark(config, config.access_lists[name], text, keep=True)


def _remove(config: Config, *, number: int) -> None:
    """Remove the whole list."""
    del config.access_lists[_existing(config, str(number), "number").name]


def _enter_standard(config: Config, *, acl: str) -> str:
    """Describe a standard access list, made here if it is new; the lines that follow are its own."""
    return _enter(config, acl, extended=False)


def _enter_extended(config: Config, *, acl: str) -> str:
    """Describe an extended access list, made here if it is new; the lines that follow are its own."""
    return _enter(config, acl, extended=True)


def _remove_standard(config: Config, *, acl: str) -> None:
    """Remove the whole list."""
    _existing(config, acl, "acl")
    del config.access_lists[_list(config, acl, extended=False).name]


def _remove_extended(config: Config, *, acl: str) -> None:
    """Remove the whole list."""
    _existing(config, acl, "acl")
    del config.access_lists[_list(config, acl, extended=True).name]


def _resequence(config: Config, *, acl: str, first: int, step: int) -> None:
    """Number the lines of a list anew."""
    listed = _existing(config, acl, "acl")
    if listed.entries and given(len(listed.entries), first, step)[-1] > LAST_SEQUENCE:
        raise Refused("% Exceeded maximum sequence number", "step")
    config.access_lists[acl] = listed.resequenced(first, step)


def _enter(config: Config, acl: str, *, extended: bool) -> str:
    config.access_lists[acl] = _list(config, acl, extended=extended)
    return acl


def _list(config: Config, name: str, *, extended: bool) -> AccessList:
    """The list of this name, or a new one."""
    listed = config.access_lists.get(name, AccessList(name, extended=extended))
    if listed.extended != extended:
        raise Refused("% Access-list type conflicts with prior definition", "acl")
    return listed


def _existing(config: Config, name: str, parameter: str = "number") -> AccessList:
    try:
        return config.access_lists[name]
    except KeyError:
        raise Refused(f"% Access list {name} does not exist", parameter) from None


def _add(config: Config, listed: AccessList, entry: Entry, number: int | None) -> None:
    if entry in listed.entries:
        return
    sequence = listed.sequence
    if number is not None and number in sequence:
        raise Refused("% Duplicate sequence number", "sequence")
    number = number or (sequence[-1] if sequence else 0) + STEP
    if number > LAST_SEQUENCE:
        raise Refused("% Exceeded maximum sequence number")
    config.access_lists[listed.name] = listed.with_entry(entry, number)


def _take(config: Config, listed: AccessList, entry: Entry, *, keep: bool) -> None:
    if entry not in listed.entries:
        raise Refused(f"% Access list {listed.name} has no such line")
    left = listed.without(listed.entries.index(entry))
    # Who writes lines without numbers never asked for any.
    _store(config, left if keep or listed.numbers else replace(left, numbers=Distinct()), keep=keep)


def _add_remark(config: Config, listed: AccessList, text: str) -> None:
    config.access_lists[listed.name] = replace(listed, remarks=(*listed.remarks, (len(listed.entries), text)))


def _take_remark(config: Config, listed: AccessList, text: str, *, keep: bool) -> None:
    kept = tuple(remark for remark in listed.remarks if remark[1] != text)
    if kept == listed.remarks:
        raise Refused(f"% Access list {listed.name} has no such remark", "text")
    _store(config, replace(listed, remarks=kept), keep=keep)


def _store(config: Config, listed: AccessList, *, keep: bool) -> None:
    """Keep a changed list; one with nothing left is gone, unless its mode was entered."""
    if keep or listed.entries or listed.remarks:
        config.access_lists[listed.name] = listed
    else:
        del config.access_lists[listed.name]


def _is_extended(number: int) -> bool:
    return kind_of(EXTENDED_NUMBERS).read(str(number)) is not None


_NUMBERED = HELP | {
    "access-list": "Add an access list entry",
    "remark": "Access list entry comment",
    "TEXT": "Comment up to the end of the line",
}
_OF_STANDARD = _NUMBERED | {"NUMBER": "IP standard access list"}
_OF_EXTENDED = _NUMBERED | {"NUMBER": "IP extended access list"}
_NAMED = {
    "ip": "Global IP configuration subcommands",
    "access-list": "Named access-list",
    "standard": "Standard Access List",
    "extended": "Extended Access List",
    "resequence": "Resequence Access List",
    "ACL": "Access-list number or name",
    "FIRST": "Starting Sequence Number",
    "STEP": "Step to increment the sequence number",
}
_HERE = _NUMBERED | {"SEQUENCE": "Sequence Number"}

COMMANDS = (
    Command(f"access-list NUMBER:{STANDARD_NUMBERS} {STANDARD}", _OF_STANDARD, _add_standard, _take_standard),
    Command(f"access-list NUMBER:{STANDARD_NUMBERS} remark TEXT:line", _OF_STANDARD, _remark, _no_remark),
    Command(f"access-list NUMBER:{STANDARD_NUMBERS}", _OF_STANDARD, None, _remove),
    *(
        Command(f"access-list NUMBER:{EXTENDED_NUMBERS} {rule}", _OF_EXTENDED, _add_extended, _take_extended)
        for rule in EXTENDED
    ),
    Command(f"access-list NUMBER:{EXTENDED_NUMBERS} remark TEXT:line", _OF_EXTENDED, _remark, _no_remark),
    Command(f"access-list NUMBER:{EXTENDED_NUMBERS}", _OF_EXTENDED, None, _remove),
    Command(
        "ip access-list standard ACL:standard-list", _NAMED, _enter_standard, _remove_standard, enters="standard-list"
    ),
    Command(
        "ip access-list extended ACL:extended-list", _NAMED, _enter_extended, _remove_extended, enters="extended-list"
    ),
    Command(
        f"ip access-list resequence ACL:access-list FIRST:1-{LAST_SEQUENCE} STEP:1-{LAST_SEQUENCE}", _NAMED, _resequence
    ),
)


def _own(rules: tuple[str, ...], add: Callable[..., None], take: Callable[..., None]) -> tuple[Command, ...]:
    """The commands of the mode of a list."""
    return (
        *(Command(f"[SEQUENCE:1-{LAST_SEQUENCE}] {rule}", _HERE, add, take) for rule in rules),
        Command(f"SEQUENCE:1-{LAST_SEQUENCE}", _HERE, None, _take_number),
        Command("remark TEXT:line", _HERE, _remark_here, _no_remark_here),
    )


STANDARD_COMMANDS = _own((STANDARD,), _add_standard, _take_standard)
EXTENDED_COMMANDS = _own(EXTENDED, _add_extended, _take_extended)
