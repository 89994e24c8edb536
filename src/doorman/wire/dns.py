r"""Messages of DNS (RFC 1035, section 4): what they are, and where records have addresses.

    header      ID(2) QR:1 OPCODE:4 AA:1 TC:1 RD:1 RA:1 Z:1 AD:1 CD:1 RCODE:4
                QDCOUNT(2) ANCOUNT(2) NSCOUNT(2) ARCOUNT(2)
    question    NAME TYPE(2) CLASS(2)                                   QDCOUNT of them, then the other sections:
    record      NAME TYPE(2) CLASS(2) TTL(4) RDLENGTH(2) RDATA          answers, authorities, additional records
    name        labels LENGTH(1, up to 63) TEXT; then LENGTH 0, or a pointer 11 OFFSET:14 to labels before it

Over TCP the length of a message stands before it, in two bytes. Offsets count from the header all the same.
"""

import re
from struct import Struct, error
from typing import Final, NamedTuple

from doorman.net.addresses import new_tuple
from doorman.wire.malformed import Malformed

HEADER: Final = 12
LENGTH: Final = 2
"""Bytes of the length before a message over TCP."""
POINTER: Final = 0xC0
LONGEST_LABEL: Final = 63
LONGEST_NAME: Final = 255
"""Bytes of a name, with the lengths of its labels and the one that ends it."""

REQUESTS: Final = {0: "query", 1: "iquery", 2: "status", 4: "notify", 5: "update", 6: "dso"}
"""What is asked, by OPCODE (RFC 1035, 1996, 2136, 8490)."""
RESPONSES: Final = (
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
    "NOTZONE", "DSOTYPENI",
)  # fmt: skip
"""What is answered, by RCODE (RFC 6895, section 2.3)."""
OTHER_RESPONSE: Final = "other response"

_A: Final = 1
_OPT: Final = 41
_SIGNATURES: Final = frozenset({24, 46, 250})
"""SIG, RRSIG, TSIG."""
_CLASSES: Final = frozenset({1, 254})
"""The Internet's, and NONE, by which an update takes a record of the Internet away (RFC 2136, section 2.5.4)."""
_COUNTS: Final = Struct(">HHHH").unpack_from
_FIXED: Final = Struct(">HHIH").unpack_from
_FIXED_SIZE: Final = 10
_DNSSEC_OK: Final = 0x8000
_AUTHENTIC: Final = 0x20
_SIGNING: Final = b"\x00\xfa\x00\xff\x00\x00\x00\x00"
"""What stands in a TSIG record behind its name (RFC 8945, section 4.2): TYPE, CLASS ANY, TTL 0."""


possible_addresses: Final = re.compile(rb"\x00\x04(?<=\x00\x01\x00[\x01\xfe]......)(?=(....))", re.DOTALL).findall
"""What may be the address of a record: all that are, and what looks like one. Takes less time than reading.

It begins with RDLENGTH, since TYPE and CLASS of the Internet are everywhere.
"""


_OF_ONE_NAME: Final = re.compile(
    rb"((?:\xc0\x0c\x00\x01\x00\x01....\x00\x04....)+)(?:\x00\x00\x29....[\x00-\x7f].\x00\x00)?\Z", re.DOTALL
).match
"""What follows the question in most answers: addresses of the name that was asked for, and the record of EDNS, which
asks for no signatures."""
_ROW: Final = 16
"""Bytes of one of these addresses, with what stands before it in its record."""


class Records(NamedTuple):
    """The records of a message.

    Attributes:
        answers: where the RDATA of each record of the answer section begins.
        addresses: the same of all that have an address: of type A, in the Internet.
        signed: whether signatures cover them (SIG, RRSIG, TSIG), or a server vouches for them to who asked for such.
    """

    answers: list[int]
    addresses: list[int]
    signed: bool


def _names() -> list[str]:
    """What each message is called, by the bits of its header that say so: QR, OPCODE and RCODE."""
    names = [REQUESTS.get(number >> 4 & 15, "") for number in range(256)]
    for number in range(256):
        rcode = number & 15
        names.append((RESPONSES[rcode] if rcode < len(RESPONSES) else OTHER_RESPONSE) if names[number] else "")
    return names


_NAMES: Final = _names()


def name_of(data: bytes, start: int) -> str:
    """What a message is, whose header stands at `start`: what it asks, or how it answers; empty for what is no DNS."""
    if len(data) < start + HEADER:
        return ""
    return _NAMES[(data[start + 2] & 0xF8) << 1 | data[start + 3] & 15]


def may_sign(data: bytes) -> bool:
    """Whether a message has a TSIG record, or what looks like one."""
    return _SIGNING in data


def read_records(data: bytes, start: int) -> Records:  # noqa: C901 - one pass, at the price of one call for each record
    """Read the records of a message whose header stands at `start`; names are passed over.

    Raises:
        Malformed: it ends too early, or a name is none.
    """
    questions, answers, authorities, more = _COUNTS(data, start + 4)
    at = start + HEADER
    begins: list[int] = []
    addresses: list[int] = []
    signed = asked = False
    try:
        for _ in range(questions):
            at = end_of_name(data, at, start) + 4
        rows = _OF_ONE_NAME(data, at) if questions and not authorities else None
        if rows is not None and (end := rows.end(1)) == at + answers * _ROW and more == (end < len(data)):
            addresses += range(at + _ROW - 4, end, _ROW)
            return new_tuple(Records, (addresses, addresses, False))
        for _ in range(answers + authorities + more):
            if data[at] < POINTER:
                at = end_of_name(data, at, start)
            else:  # most are the name that was asked for
                if not HEADER <= (data[at] & LONGEST_LABEL) << 8 | data[at + 1] < at - start:
                    raise Malformed("dns-pointer")
                at += 2
            kind, class_, ttl, length = _FIXED(data, at)
            at += _FIXED_SIZE
            begins.append(at)
            if kind == _A:
                if length == 4 and class_ in _CLASSES:  # noqa: PLR2004 - bytes of an address
                    addresses.append(at)
            elif kind in _SIGNATURES:
                signed = True
            elif kind == _OPT:
                asked = bool(ttl & _DNSSEC_OK)
            at += length
    except (IndexError, error):
        raise Malformed("dns-cut-short") from None
    if at > len(data):
        raise Malformed("dns-cut-short")
    signed = signed or (asked and bool(data[start + 3] & _AUTHENTIC))
    return new_tuple(Records, (begins[:answers], addresses, signed))


def end_of_name(data: bytes, at: int, start: int) -> int:
    """Pass over a name, of a message whose header stands at `start`; where what follows it begins.

    Raises:
        Malformed: it is none; what a pointer leads to is not looked at.
        IndexError: the data end before it does.
    """
    begin = at
    length = data[at]
    while length:
        if length > LONGEST_LABEL:
            check_pointer((length << 8 | data[at + 1]) - (POINTER << 8), begin - start)
            return at + 2
        at += length + 1
        length = data[at]
    if at - begin >= LONGEST_NAME:
        raise Malformed("dns-name-too-long")
    return at + 1


def check_pointer(offset: int, begin: int) -> None:
    """See that a pointer leads to what stands before the labels that it ends: following pointers then comes to an end.

    Raises:
        Malformed: it does not, or is no pointer but a length of a kind that nobody uses (RFC 6891, section 5).
    """
    if offset < 0:
        raise Malformed("dns-label")
    if not HEADER <= offset < begin:
        raise Malformed("dns-pointer")
