"""A message of DNS in words: a line for the header, each question and each record, as zone files have them.

NOERROR 4711
5.0.0.10.in-addr.arpa. PTR
5.0.0.10.in-addr.arpa. 300 PTR www.example.org.
"""

from collections.abc import Iterator
from itertools import chain
from struct import Struct
from typing import Final

from doorman.cli.message_line import Line, unreadable
from doorman.dataplanes.report import shown
from doorman.net.addresses import Address, address_text
from doorman.wire.dns import HEADER, LENGTH, LONGEST_LABEL, name_of
from doorman.wire.dns_names import Known, Labels, names_in, read_name
from doorman.wire.malformed import Malformed

_TYPES: Final = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
    35: "NAPTR", 41: "OPT", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 64: "SVCB", 65: "HTTPS",
    250: "TSIG", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA",
}  # fmt: skip
_ADDRESSES: Final = {1: 4, 28: 16}
_COUNTS: Final = Struct(">HHHH").unpack_from
_QUESTION: Final = Struct(">HH").unpack_from
_RECORD: Final = Struct(">HHIH").unpack_from


def lines_of(data: bytes, *, streamed: bool) -> list[Line]:
    """A message in words; over TCP its length stands before it. What cannot be read is told in one line."""
    start = LENGTH if streamed else 0
    lines = [Line(0, start + HEADER, f"{name_of(data, start)} {int.from_bytes(data[start : start + 2], 'big')}")]
    try:
        lines += _lines(data, start)
    except (Malformed, IndexError, ValueError):
        lines.append(unreadable(lines, len(data)))
    return lines


def edit_text(rule: str, data: bytes) -> str:
    """What stands at an edit of this rule, in words; empty where it is only about where something stands."""
    if rule == "A":
        return address_text(Address(data))
    if rule == "TTL":
        return str(int.from_bytes(data, "big"))
    return _text(tuple(_labels(data))) if rule == "name" else ""


def _lines(data: bytes, start: int) -> Iterator[Line]:
    questions, *records = _COUNTS(data, start + 4)
    at = start + HEADER
    known: Known = {}
    for _ in range(questions):
        name = read_name(data, at, start, known)
        kind, _ = _QUESTION(data, name.end)
        yield Line(at, name.end + 4, f"{_text(name.labels)} {_type(kind)}")
        at = name.end + 4
    for _ in range(sum(records)):
        name = read_name(data, at, start, known)
        kind, _, ttl, length = _RECORD(data, name.end)
        begin = name.end + 10
        told = "" if kind == 41 else f" {ttl}"  # noqa: PLR2004 - OPT has flags there
        text = f"{_text(name.labels)}{told} {_type(kind)} {_rdata(data, begin, kind, length, start, known)}"
        yield Line(at, begin + length, text)
        at = begin + length


def _rdata(data: bytes, at: int, kind: int, length: int, start: int, known: Known) -> str:  # noqa: PLR0913, PLR0917 - see there
    if length == _ADDRESSES.get(kind):
        return address_text(Address(data[at : at + length]))
    found = names_in(data, at, kind, length, start, known)
    return " ".join(_text(name.labels) for name in found) if found else f"({length} bytes)"


def _type(kind: int) -> str:
    return _TYPES.get(kind, f"TYPE{kind}")


def _text(labels: Labels) -> str:
    return "".join(chain.from_iterable((shown(label), ".") for label in labels)) or "."


def _labels(data: bytes) -> Iterator[bytes]:
    """The labels that stand in the bytes of a name; what its pointer adds is somewhere else."""
    at = 0
    while at < len(data) and 0 < data[at] <= LONGEST_LABEL:
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
