"""Packets of NetBIOS in words.

query-response 4711                     name service: a line for each question and record
FRED<00> 300000 NB 192.168.1.5
direct-group 11 from 192.168.1.5:138    datagram service: the header, and how much it carries
retarget-response to 192.168.1.5:5000   session service
"""

from collections.abc import Iterator
from struct import Struct, error
from typing import Final

from doorman.cli.message_line import Line, unreadable
from doorman.dataplanes.report import shown
from doorman.net.addresses import Address, Endpoint, address_text
from doorman.wire.malformed import Malformed
from doorman.wire.netbios import SESSION, read_name_packet, read_origin, read_target

_HEADER, _ORIGIN = 12, 10
_COUNTS: Final = Struct(">HHHH").unpack_from
_KIND: Final = Struct(">HH").unpack_from
_RECORD: Final = Struct(">HHIH").unpack_from
_KINDS: Final = {0x01: "A", 0x02: "NS", 0x0A: "NULL", 0x20: "NB", 0x21: "NBSTAT"}
_OWNERS = 0x20
_OWNER_LENGTH, _ENDPOINT_LENGTH = 6, 6
_ENCODED, _POINTER, _RETARGET = 32, 0xC0, b"\x84"


def name_lines(data: bytes, *, streamed: bool) -> list[Line]:  # noqa: ARG001 - it is spoken in datagrams only
    """A packet of the name service; what cannot be read is told in one line."""
    lines: list[Line] = []
    try:
        packet = read_name_packet(data)
        name = packet.name if packet is not None else "no packet of the name service"
        lines.append(Line(0, _HEADER, f"{name} {int.from_bytes(data[:2], 'big')}"))
        lines += _records(data)
    except (Malformed, IndexError, error):
        lines.append(unreadable(lines, len(data)))
    return lines


def datagram_lines(data: bytes, *, streamed: bool) -> list[Line]:  # noqa: ARG001 - the same
    """A datagram: its header, and how much it carries."""
    try:
        origin = read_origin(data)
    except Malformed:
        origin = None
    if origin is None:
        return [unreadable([], len(data))]
    head = f"{origin.name} {int.from_bytes(data[2:4], 'big')} from {origin.endpoint}"
    return [Line(0, _ORIGIN, head), Line(_ORIGIN, len(data), f"{len(data) - _ORIGIN} bytes")]


def session_lines(data: bytes, *, streamed: bool) -> list[Line]:  # noqa: ARG001 - it is spoken in streams only
    """A packet of the session service."""
    try:
        target = f" to {read_target(data)}" if data[:1] == _RETARGET else ""
    except Malformed:
        target = ""
    return [Line(0, len(data), SESSION.get(int.from_bytes(data[:1], "big"), "unknown") + target)]


def edit_text(rule: str, data: bytes) -> str:  # noqa: ARG001 - its length tells
    """What stands at an edit: an address, or an endpoint."""
    if len(data) == _ENDPOINT_LENGTH:
        return str(Endpoint(Address(data[:4]), int.from_bytes(data[4:], "big")))
    return address_text(Address(data))


def _records(data: bytes) -> Iterator[Line]:
    questions, *records = _COUNTS(data, 4)
    at = _HEADER
    for _ in range(questions):
        name, end = _name(data, at)
        yield Line(at, end + 4, f"{name} {_kind(_KIND(data, end)[0])}")
        at = end + 4
    for _ in range(sum(records)):
        name, end = _name(data, at)
        kind, _, ttl, length = _RECORD(data, end)
        begin = end + 10
        yield Line(at, begin + length, f"{name} {ttl} {_kind(kind)} {_owners(data, begin, kind, length)}")
        at = begin + length


def _owners(data: bytes, at: int, kind: int, length: int) -> str:
    if kind != _OWNERS:
        return f"({length} bytes)"
    owners = range(at + 2, at + length, _OWNER_LENGTH)
    return " ".join(address_text(Address(data[one : one + 4])) for one in owners)


def _kind(kind: int) -> str:
    return _KINDS.get(kind, f"TYPE{kind}")


def _name(data: bytes, at: int) -> tuple[str, int]:
    """A name, and where it ends; a pointer is followed once, which is all that there is in real packets."""
    points = data[at] >= _POINTER
    labels, end = _labels(data, int.from_bytes(data[at : at + 2], "big") & 0x3FFF if points else at)
    name = ".".join([_decoded(labels[0]), *map(shown, labels[1:])]) if labels else "."
    return name, at + 2 if points else end


def _labels(data: bytes, at: int) -> tuple[list[bytes], int]:
    labels = []
    while 0 < data[at] < _POINTER:
        labels.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return labels, at + (2 if data[at] else 1)


def _decoded(label: bytes) -> str:
    """A name of 16 bytes, of which each is two letters from A on (RFC 1001, section 14.1); the last is its kind."""
    if len(label) != _ENCODED or not set(label) <= set(range(0x41, 0x51)):
        return shown(label)
    name = bytes((high - 0x41) << 4 | low - 0x41 for high, low in zip(label[::2], label[1::2], strict=True))
    return f"{shown(name[:15].rstrip(b' '))}<{name[15]:02x}>"
