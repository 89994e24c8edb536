"""NetBIOS over TCP and UDP: where addresses stand in its packets (RFC 1002).

name service, UDP 137, section 4.2: transaction, flags and four counts (12 bytes); questions; resource records. A
    name is a series of labels, or a pointer to one. A record of type NB holds the owners of a name:

        name  type=0x0020  class=1  TTL:4  length:2  { flags:2  address:4 } ...

datagram service, UDP 138, section 4.4: who sent it first, whoever passed it on

        type:1  flags:1  id:2  source address:4  source port:2  [length:2  offset:2  names  data]

session service, TCP 139, section 4.3

        type:1  flags:1  length:2  ...          bit 0 of the flags is bit 16 of the length
        0x84    0        6         address:4  port:2         the called name is there instead
"""

from struct import Struct
from typing import Final, NamedTuple

from doorman.net.addresses import Address, Endpoint, new_tuple
from doorman.wire.malformed import Excessive, Malformed

NAME_REQUESTS: Final = {
    0: "query-request",
    5: "registration-request",
    6: "release-request",
    7: "wack-request",
    8: "refresh-request",
    9: "refresh-request",
    15: "registration-request",
}
"""By operation code; 9 is the refresh of those who go by section 4.2.4, 15 is for hosts with several addresses."""
NAME_RESPONSES: Final = {
    code: name.replace("request", "response").replace("wack-response", "wack") for code, name in NAME_REQUESTS.items()
}
DATAGRAMS: Final = {
    0x10: "direct-unique",
    0x11: "direct-group",
    0x12: "broadcast",
    0x13: "error",
    0x14: "query-request",
    0x15: "positive-query-response",
    0x16: "negative-query-response",
}
SESSION: Final = {
    0x00: "message",
    0x81: "request",
    0x82: "positive-response",
    0x83: "negative-response",
    0x84: "retarget-response",
    0x85: "keepalive",
}
SESSION_HEADER: Final = 4

MAX_RECORDS: Final = 64
"""Questions and records of a packet; real ones have three at most."""
MAX_OWNERS: Final = 256
"""Owners of a name; a name server lists 25 at most."""

_HEADER = Struct(">HHHHHH")
_RECORD = Struct(">HHIH")
_QUESTION_LENGTH = 4
_NB, _NODE_STATUS, _NAME_SERVER, _INTERNET = 0x20, 0x21, 2, 1
_RESPONSE, _RESERVED = 0x8000, 0x0060
_OWNER_LENGTH = 6
_LABEL, _POINTER = 0x3F, 0xC0
_LONGEST_NAME = 255
_ORIGIN = Struct(">4sH")
_ORIGIN_AT = 4
_DATAGRAM_HEADER, _ADDRESSED_HEADER = 10, 14
_ADDRESSED = frozenset({0x10, 0x11, 0x12})
_TARGET_LENGTH = 6


class NamePacket(NamedTuple):
    """A packet of the name service.

    Attributes:
        name: what it is, such as `query-response`.
        owners: where the addresses of owners stand, 4 bytes each.
    """

    name: str
    owners: list[int]


class Origin(NamedTuple):
    """Who sent a datagram, as its header says; 6 bytes from `at` on."""

    name: str
    at: int
    endpoint: Endpoint


def read_name_packet(data: bytes) -> NamePacket | None:
    """Read a packet of the name service; None for what is none of it.

    Raises:
        Malformed: it is one, and not whole.
    """
    if len(data) < _HEADER.size:
        return None
    _, flags, questions, answers, servers, additional = _HEADER.unpack_from(data)
    names = NAME_RESPONSES if flags & _RESPONSE else NAME_REQUESTS
    name = names.get(flags >> 11 & 15)
    if name is None or flags & _RESERVED:
        return None
    if questions + answers + servers + additional > MAX_RECORDS:
        raise Excessive("too-many-records")
    at = _HEADER.size
    kind = _INTERNET
    for _ in range(questions):
        at = _skip_name(data, at) + _QUESTION_LENGTH
        kind = int.from_bytes(data[at - _QUESTION_LENGTH : at - 2], "big")
    owners: list[int] = []
    for _ in range(answers + servers + additional):
        at, kind = _read_record(data, at, owners)
    if at > len(data):
        raise Malformed("name-record")
    if flags >> 11 & 15 == 0:
        name = _query(name, kind, redirects=bool(servers))
    return new_tuple(NamePacket, (name, owners))


def _query(name: str, kind: int, *, redirects: bool) -> str:
    """What a query or its answer is, more closely."""
    if kind == _NODE_STATUS:
        return name.replace("query", "node-status")
    return "redirect-response" if redirects and name == NAME_RESPONSES[0] else name


def _read_record(data: bytes, at: int, owners: list[int]) -> tuple[int, int]:
    """Where a record ends, and its type; adds the owners that it names."""
    at = _skip_name(data, at)
    if at + _RECORD.size > len(data):
        raise Malformed("name-record")
    kind, network, _, length = _RECORD.unpack_from(data, at)
    at += _RECORD.size
    end = at + length
    if end > len(data):
        raise Malformed("name-record")
    if kind == _NB and network == _INTERNET:
        if length % _OWNER_LENGTH:
            raise Malformed("name-record")
        owners += range(at + 2, end, _OWNER_LENGTH)
        if len(owners) > MAX_OWNERS:
            raise Excessive("too-many-owners")
    return end, kind


def _skip_name(data: bytes, at: int) -> int:
    """Where a name ends."""
    start = at
    while at < len(data) and at - start <= _LONGEST_NAME:
        length = data[at]
        if not length:
            return at + 1
        if length >= _POINTER:
            return at + 2
        if length > _LABEL:
            break
        at += 1 + length
    raise Malformed("name-label")


def read_origin(data: bytes) -> Origin | None:
    """Read the header of a datagram; None for what is none.

    Raises:
        Malformed: it is one, and not whole.
    """
    name = DATAGRAMS.get(data[0]) if data else None
    if name is None:
        return None
    if len(data) < (_ADDRESSED_HEADER if data[0] in _ADDRESSED else _DATAGRAM_HEADER):
        raise Malformed("datagram-header")
    address, port = _ORIGIN.unpack_from(data, _ORIGIN_AT)
    return new_tuple(Origin, (name, _ORIGIN_AT, new_tuple(Endpoint, (address, port))))


def session_length(data: bytes | bytearray, at: int) -> int:
    """The length of a packet of the session service, its header of four bytes included, which must be there."""
    return SESSION_HEADER + ((data[at + 1] & 1) << 16 | data[at + 2] << 8 | data[at + 3])


def read_target(data: bytes) -> Endpoint:
    """Read where a called name is, of a retarget response.

    Raises:
        Malformed: it does not say.
    """
    if len(data) != SESSION_HEADER + _TARGET_LENGTH:
        raise Malformed("retarget-response")
    return Endpoint(Address(data[4:8]), int.from_bytes(data[8:10], "big"))


def written(endpoint: Endpoint) -> bytes:
    """An IPv4 endpoint as it stands in headers and retarget responses."""
    return endpoint.address + endpoint.port.to_bytes(2, "big")
