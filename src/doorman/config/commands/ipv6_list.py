"""`ipv6 access-list NAME` and its lines: which IPv6 hosts something is about."""

from dataclasses import replace
from typing import Literal, TypedDict, Unpack

from doorman.config.access_lists import LAST_SEQUENCE, AccessEntry
from doorman.config.command import Command, Refused
from doorman.config.ipv6_lists import REMARK, Ipv6List, about
from doorman.config.model import Config
from doorman.net.addresses import Address, Prefix, address_text, parse_prefix

_ANY = parse_prefix("::/0")
_HOST = 128


class _Words(TypedDict, total=False):
    """What a line says; what was not typed is not there. Of what is no source, only the text counts."""

    prefix: Prefix
    host: Address
    more: str
    destination: str
    source: str
    other: str


def _enter(config: Config, *, name: str) -> str:
    """Describe an IPv6 access list, made here if it is new; the lines that follow are its own."""
    config.ipv6_lists.setdefault(name, Ipv6List(name))
    return name


def _remove(config: Config, *, name: str) -> None:
    """Remove the whole list."""
    if config.ipv6_lists.pop(name, None) is None:
        raise Refused(f"% IPv6 access list {name} does not exist", "name")


def _add(
    config: Config,
    name: str,
    *,
    action: Literal["permit", "deny"],
    sequence: int | None = None,
    **words: Unpack[_Words],
) -> None:
    """Add a line, at the end or where its number says; one the list has is not added again."""
    _enter_line(config, name, *_line(action, words), sequence)


def _take(
    config: Config,
    name: str,
    *,
    action: Literal["permit", "deny"],
    sequence: int | None = None,
    **words: Unpack[_Words],
) -> None:
    """Take this one line off the list."""
    del sequence  # the line itself says which
    _take_line(config, name, _line(action, words)[0])


def _remark(config: Config, name: str, *, text: str, sequence: int | None = None) -> None:
    """Add a comment."""
    _enter_line(config, name, f"{REMARK}{text}", None, sequence)


def _no_remark(config: Config, name: str, *, text: str, sequence: int | None = None) -> None:
    """Take the comment away."""
    del sequence
    _take_line(config, name, f"{REMARK}{text}")


def _take_number(config: Config, name: str, *, sequence: int) -> None:
    """Take the line with this number off the list."""
    listed = config.ipv6_lists[name]
    left = tuple(line for line in listed.lines if line.sequence != sequence)
    if left == listed.lines:
        raise Refused("% Specified entry does not exist", "sequence")
    config.ipv6_lists[name] = replace(listed, lines=left)


def _enter_line(config: Config, name: str, text: str, entry: AccessEntry | None, sequence: int | None) -> None:
    listed = config.ipv6_lists[name]
    if any(line.text == text for line in listed.lines):
        return
    if any(line.sequence == sequence for line in listed.lines):
        raise Refused("% Duplicate sequence number", "sequence")
    changed = listed.with_line(text, entry, sequence)
    if changed.last > LAST_SEQUENCE:
        raise Refused("% Exceeded maximum sequence number")
    config.ipv6_lists[name] = changed


def _take_line(config: Config, name: str, text: str) -> None:
    listed = config.ipv6_lists[name]
    left = tuple(line for line in listed.lines if line.text != text)
    if left == listed.lines:
        raise Refused(f"% IPv6 access list {name} has no such line")
    config.ipv6_lists[name] = replace(listed, lines=left)


def _line(action: Literal["permit", "deny"], words: _Words) -> tuple[str, AccessEntry | None]:
    """The text of a line, and what it means where it is about a source alone."""
    if "other" in words:
        return f"{action} {words['other']}", None
    if "source" in words:
        return f"{action} ipv6 {words['source']}", None
    source = Prefix(words["host"], _HOST) if "host" in words else words.get("prefix", _ANY)
    text = f"{action} ipv6 {_source_text(source)}"
    if "destination" in words:
        return f"{text} {words['destination']}", None
    if "more" in words:
        return f"{text} any {words['more']}", None
    return f"{text} any", about(source, permit=action == "permit")


def _source_text(source: Prefix) -> str:
    if not source.length:
        return "any"
    return f"host {address_text(source.network)}" if source.length == _HOST else str(source)


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
    "MORE": "What NAT64 has no use for: it is kept",
    "DESTINATION": "What NAT64 has no use for: it is kept",
    "SOURCE": "What NAT64 has no use for: it is kept",
    "OTHER": "What NAT64 has no use for: it is kept",
    "remark": "Access list entry comment",
    "TEXT": "Comment up to the end of the line",
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

_NUMBER = f"[sequence SEQUENCE:1-{LAST_SEQUENCE}]"
_SOURCE = "{PREFIX:ipv6-prefix | host HOST:ipv6 | any}"

IPV6_LIST_COMMANDS = (
    Command(
        f"{_NUMBER} ACTION:permit|deny "
        f"{{ipv6 {{{_SOURCE} {{any [MORE:line] | DESTINATION:line}} | SOURCE:line}} | OTHER:line}}",
        _LINE,
        _add,
        _take,
    ),
    Command(f"{_NUMBER} remark TEXT:line", _LINE, _remark, _no_remark),
    Command(f"sequence SEQUENCE:1-{LAST_SEQUENCE}", _LINE, None, _take_number),
)
