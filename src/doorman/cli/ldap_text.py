"""LDAP messages in words: a line for the message, and one for each attribute of those that have any.

addRequest 2
cn=fred,o=Example
sipaddress: 167880896 (192.168.1.10)
"""

from collections.abc import Iterator
from typing import Final

from doorman.cli.message_line import Line, unreadable
from doorman.dataplanes.report import shown
from doorman.net.addresses import Address, address_text
from doorman.wire.ber import Element, read_element
from doorman.wire.ldap import OPERATIONS
from doorman.wire.malformed import Malformed

_WITH_ATTRIBUTES: Final = {0x64: False, 0x66: True, 0x68: False}
"""The operations that have attributes; whether these stand in changes."""
_ADDRESSES: Final = frozenset({b"sipaddress", b"ipaddress"})
_LARGEST = 0xFFFFFFFF
_LONGEST = 64


def ldap_lines(data: bytes, *, streamed: bool) -> list[Line]:  # noqa: ARG001 - it is spoken in streams only
    """A message; what cannot be read is told in one line."""
    lines: list[Line] = []
    try:
        envelope = read_element(data, 0, len(data))
        identifier = read_element(data, envelope.start, envelope.end)
        operation = read_element(data, identifier.end, envelope.end)
        number = int.from_bytes(data[identifier.start : identifier.end], "big")
        changes = _WITH_ATTRIBUTES.get(operation.tag)
        end = len(data) if changes is None else operation.start
        lines.append(Line(0, end, f"{OPERATIONS.get(operation.tag, 'unknown')} {number}"))
        if changes is not None:
            for line in _attributes(data, operation, changes=changes):
                lines.append(line)  # noqa: PERF402 - those before one that cannot be read count
    except Malformed:
        lines.append(unreadable(lines, len(data)))
    return lines


def edit_text(rule: str, data: bytes) -> str:
    """What stands at an edit, as text; empty for the lengths around it."""
    return shown(data) if rule == "ILS endpoint" else ""


def _attributes(data: bytes, operation: Element, *, changes: bool) -> Iterator[Line]:
    entry = read_element(data, operation.start, operation.end)
    listed = read_element(data, entry.end, operation.end)
    yield Line(operation.start, listed.start, shown(data[entry.start : entry.end]))
    at = listed.start
    while at < listed.end:
        attribute = outer = read_element(data, at, listed.end)
        if changes:
            attribute = read_element(data, read_element(data, outer.start, outer.end).end, outer.end)
        yield Line(at, outer.end, _attribute(data, attribute))
        at = outer.end


def _attribute(data: bytes, attribute: Element) -> str:
    kind = read_element(data, attribute.start, attribute.end)
    name = data[kind.start : kind.end]
    told = []
    at = kind.end
    if at < attribute.end:
        values = read_element(data, at, attribute.end)
        at = values.start
        while at < values.end:
            value = read_element(data, at, values.end)
            told.append(_value(name.partition(b";")[0].lower(), data[value.start : value.end]))
            at = value.end
    return f"{shown(name)}: {', '.join(told)}"


def _value(name: bytes, value: bytes) -> str:
    """A value; nobody's password, and no photograph."""
    if b"password" in name or len(value) > _LONGEST:
        return f"({len(value)} bytes)"
    if name in _ADDRESSES and value.isdigit() and int(value) <= _LARGEST:
        return f"{shown(value)} ({address_text(Address(int(value).to_bytes(4, 'little')))})"
    return shown(value)
