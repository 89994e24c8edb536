"""Finding addresses in SIP header values: URIs (RFC 3261, section 19.1) and Via (section 20.42).

    "Bob" <sips:bob@198.51.100.20:5061;transport=tcp>;q=0.7, sip:198.51.100.21
    SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1;received=203.0.113.1;rport=1025

Text in quotes is skipped: a display name may look like anything.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from doorman.net.packet import TCP, UDP


class Part(IntEnum):
    """What of a host and port stands at a place."""

    BOTH = 0
    HOST = 1
    PORT = 2


class HostPort(NamedTuple):
    """A host, with a port or without, as written somewhere.

    Attributes:
        start, end: where it stands, the port included.
        host: the host; an IPv6 reference without its brackets.
        port: the port, -1 where none is written.
        user: what stands before the `@`, b"" where nothing does.
        default_port: what no port means there.
        protocol: 17 or 6 where the place says so, 0 where it does not.
        part: whether host and port stand at the place, or one of them while the other stands elsewhere.
    """

    start: int
    end: int
    host: bytes
    port: int
    user: bytes
    default_port: int
    protocol: int
    part: Part = Part.BOTH


_QUOTED = rb'"(?:[^"\\]|\\.)*+"'
_HOST = rb"(\[[0-9A-Fa-f:.]++\]|[^\s:;?>,<\"@\[\]]++)(?::([0-9]{1,5}+)(?![0-9]))?+"
_URI = re.compile(
    _QUOTED
    + rb"|<\s*+([Ss][Ii][Pp][Ss]?+):(?:([^\s@<>\"]*+)@)?" + _HOST
    + rb"|(?<![\w+.-])([Ss][Ii][Pp][Ss]?+):(?:([^\s@<>\",;?]*+)@)?" + _HOST,
    re.DOTALL,
)  # fmt: skip
_REQUEST_URI = re.compile(rb"<?\s*+([Ss][Ii][Pp][Ss]?+):(?:([^\s@<>\"]*+)@)?" + _HOST)
_VIA = re.compile(_QUOTED + rb"|[Ss][Ii][Pp]\s*+/\s*+2\.0\s*+/\s*+([A-Za-z][A-Za-z0-9-]*+)\s++" + _HOST, re.DOTALL)
_VIA_PARAMETERS = re.compile(rb";\s*+(received|rport|maddr)\s*+=\s*+(\[?[0-9A-Za-z:.-]++\]?)", re.IGNORECASE)
_TRANSPORT = re.compile(rb";\s*+transport\s*+=\s*+([A-Za-z]++)", re.IGNORECASE)
_MADDR = re.compile(rb";\s*+maddr\s*+=\s*+(\[?[0-9A-Za-z:.-]++\]?)", re.IGNORECASE)
_TRANSPORTS = {b"udp": UDP, b"tcp": TCP, b"tls": TCP}
SIP_PORT = 5060
SIPS_PORT = 5061
_MAX_PORT = 65_535


def find_uris(data: bytes, start: int, end: int) -> Iterator[HostPort]:
    """All SIP URIs in a header value, in order: in name-addr or addr-spec form, in lists of any length."""
    for match in _URI.finditer(data, start, end):
        if match.lastindex is not None:
            first = 1 if match.start(1) >= 0 else 5
            yield from _hosts_of_uri(data, match, first, end)


def find_request_uri(data: bytes, start: int, end: int) -> Iterator[HostPort]:
    """The addresses of a Request-URI, which needs no angle brackets to hold any character."""
    match = _REQUEST_URI.match(data, start, end)
    if match is not None:
        yield from _hosts_of_uri(data, match, 1, end)


def _hosts_of_uri(data: bytes, match: re.Match[bytes], first: int, end: int) -> Iterator[HostPort]:
    scheme, user, host, port = match.group(first, first + 1, first + 2, first + 3)
    protocol = 0
    maddr = None
    at = match.end()
    if data[at : at + 1] == b";":
        stop = _end_of_parameters(data, at, end, bracketed=first == 1)
        transport = _TRANSPORT.search(data, at, stop)
        protocol = _TRANSPORTS.get(transport[1].lower(), 0) if transport else 0
        maddr = _MADDR.search(data, at, stop)
    number = int(port) if port else -1
    default = SIPS_PORT if len(scheme) == 4 else SIP_PORT  # noqa: PLR2004 - sips
    if number <= _MAX_PORT:
        yield HostPort(match.start(first + 2), at, _bare(host), number, user or b"", default, protocol)
    if maddr is not None:
        yield HostPort(maddr.start(1), maddr.end(1), _bare(maddr[1]), -1, b"", default, protocol, Part.HOST)


def _end_of_parameters(data: bytes, at: int, end: int, *, bracketed: bool) -> int:
    stop = data.find(b">" if bracketed else b",", at, end)
    return stop if stop >= 0 else end


def find_via(data: bytes, start: int, end: int) -> Iterator[tuple[HostPort, list[HostPort]]]:
    """The values of a Via header: each sent-by, with the addresses in its parameters.

    `received` and `rport` are one endpoint written in two places (RFC 3581, section 4): each is given with the host
    of the one and the port of the other.
    """
    values = [match for match in _VIA.finditer(data, start, end) if match.lastindex is not None]
    for index, match in enumerate(values):
        stop = values[index + 1].start() if index + 1 < len(values) else end
        transport, host, port = match.groups()
        protocol = _TRANSPORTS.get(transport.lower(), 0)
        default = SIPS_PORT if transport.upper() == b"TLS" else SIP_PORT
        number = int(port) if port else -1
        sent_by = HostPort(match.start(2), match.end(), _bare(host), number, b"", default, protocol)
        parameters = _via_parameters(data, match.end(), stop, sent_by) if stop > match.end() else []
        if number <= _MAX_PORT:
            yield sent_by, parameters


def _via_parameters(data: bytes, start: int, stop: int, sent_by: HostPort) -> list[HostPort]:
    found: dict[bytes, re.Match[bytes]] = {}
    for match in _VIA_PARAMETERS.finditer(data, start, stop):
        found.setdefault(match[1].lower(), match)
    received, rport, maddr = found.get(b"received"), found.get(b"rport"), found.get(b"maddr")
    port = int(rport[2]) if rport is not None and rport[2].isdigit() and int(rport[2]) <= _MAX_PORT else -1
    places = []
    if received is not None:
        places.append(_parameter(received, received, port, Part.HOST, sent_by))
        if rport is not None and port >= 0:
            places.append(_parameter(rport, received, port, Part.PORT, sent_by))
    if maddr is not None:
        places.append(_parameter(maddr, maddr, -1, Part.HOST, sent_by))
    return sorted(places)


def _parameter(place: re.Match[bytes], host: re.Match[bytes], port: int, part: Part, sent_by: HostPort) -> HostPort:
    start, end = place.span(2)
    return HostPort(start, end, _bare(host[2]), port, b"", sent_by.default_port, sent_by.protocol, part)


def _bare(host: bytes) -> bytes:
    return host[1:-1] if host.startswith(b"[") else host
