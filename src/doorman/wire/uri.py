"""Finding addresses in SIP header values: URIs (RFC 3261, section 19.1) and Via (section 20.42).

    "Bob" <sips:bob@198.51.100.20:5061;transport=tcp>;q=0.7, sip:198.51.100.21
    SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1;received=203.0.113.1;rport=1025

    <sip:bob@198.51.100.20?Replaces=1%40192.168.1.10>       headers within a URI are another message's, and never read

Text in quotes is skipped: a display name may look like anything. Places are counted from the beginning of the value.
What was read of a value is remembered for a while, since a phone writes the same few URIs into every message.
"""

import re
from enum import IntEnum
from itertools import islice
from operator import attrgetter
from typing import Final, TypeVar

from doorman.net.addresses import Address, Endpoint, address_ascii, parse_address
from doorman.net.memo import remember
from doorman.net.packet import TCP, UDP


class Part(IntEnum):
    """What of a host and port stands at a place."""

    BOTH = 0
    HOST = 1
    PORT = 2


class HostPort:
    """A host, with a port or without, as written somewhere.

    Attributes:
        start, end: where it stands, the port included.
        host: the host; an IPv6 reference without its brackets.
        port: the port, -1 where none is written.
        user: what stands before the `@`, b"" where nothing does.
        default_port: what no port means there.
        protocol: 17 or 6 where the place says so, 0 where it does not.
        part: whether host and port stand at the place, or one of them while the other stands elsewhere.
        endpoint: what host and port are, None where the host is a name.
    """

    __slots__ = ("default_port", "end", "endpoint", "host", "part", "port", "protocol", "start", "user")

    def __init__(  # noqa: PLR0913, PLR0917 - what a host and port says
        self,
        start: int,
        end: int,
        written: bytes,
        port: int,
        user: bytes,
        default_port: int,
        protocol: int,
        part: Part,
    ) -> None:
        self.start = start
        self.end = end
        self.host = written[1:-1] if written.startswith(b"[") else written
        self.port = port
        self.user = user
        self.default_port = default_port
        self.protocol = protocol
        self.part = part
        address = parse_address(self.host)
        self.endpoint = _same(address, port if port >= 0 else default_port) if address is not None else None


_ENDPOINTS: Final[dict[Endpoint, Endpoint]] = {}


def _same(address: Address, port: int) -> Endpoint:
    """An endpoint; mostly the same object for the same one, so that who met it before need not compare."""
    endpoint = Endpoint(address, port)
    return _ENDPOINTS.get(endpoint) or remember(_ENDPOINTS, endpoint, endpoint)


class Via:
    """A value of a Via header: who sent the request, and the addresses in the parameters, in order."""

    __slots__ = ("parameters", "sent_by")

    def __init__(self, sent_by: HostPort, parameters: tuple[HostPort, ...]) -> None:
        self.sent_by = sent_by
        self.parameters = parameters


_REMEMBERED: Final = 8_192
"""Values whose reading is remembered, of each kind."""
_LONGEST: Final = 256
"""Bytes of such a value: a peer chooses what it sends, and must not fill the memory with it."""
_URIS: Final[dict[str, tuple[HostPort, ...]]] = {}
_REQUEST_URIS: Final[dict[str, tuple[HostPort, ...]]] = {}
_VIAS: Final[dict[str, tuple[Via, ...]]] = {}
"""What was read of such values, a character for each byte."""

# Not after a backslash: of the quotes in `\"\"\"…` without an end, only the first is searched to the end of the value.
# All alternatives begin with a character, and look behind it afterwards: where it is another, nothing is tried.
_QUOTED: Final = rb'"(?<!\\")(?:[^"\\]++|\\.)*"'
_HOST: Final = rb"(\[[0-9A-Fa-f:.]{2,45}+\]|[^\s:;?>,<\"@\[\]]{1,255}+)"
_PORT: Final = rb"(?::([0-9]{1,5}+)(?![0-9]))?"
# What stands before an `@` is the user, whatever follows: where that is no host, the user is not taken for one.
_USER: Final = rb"(?:([^\s@<>\"]*+)@|(?![^\s@<>\"]*+@))"
_PLAIN_USER: Final = rb"[^\s@<>\",;?:]*+(?::[^\s@<>\",;?:]*+)?"
_URI: Final = re.compile(
    _QUOTED
    + rb"|<\s*+([Ss][Ii][Pp][Ss]?+):" + _USER + _HOST + _PORT + rb"(;[^<>\"?]*+)?(?:\?[^<>\"]*+)?"
    + rb"|<\s*+[A-Za-z][A-Za-z0-9+.-]*+:[^<>]*+>"
    + rb"|([Ss](?<![\w+.-][Ss])[Ii][Pp][Ss]?+):(?:(" + _PLAIN_USER + rb")@|(?!" + _PLAIN_USER + rb"@))" + _HOST + _PORT
    + rb"(;[^<>\",?]*+)?(?:\?[^<>\",\s]*+)?",
    re.DOTALL,
)  # fmt: skip
_REQUEST_URI: Final = re.compile(
    rb"<?\s*+([Ss][Ii][Pp][Ss]?+|[Pp][Rr][Ee][Ss]|[Ii][Mm]):" + _USER + _HOST + _PORT + rb"(;[^<>\"?]*+)?"
)
_PLAIN: Final = re.compile(rb"\s*+<?()([^\s@<>\",;:?]++)@" + _HOST + _PORT + rb"(;[^<>\",]*+)?")
_VIA: Final = re.compile(
    _QUOTED
    + rb"|[Ss][Ii][Pp]\s*+/\s*+2\.0\s*+/\s*+([A-Za-z][A-Za-z0-9-]*+)\s++" + _HOST
    + rb"(?:\s*+:\s*+([0-9]{1,5}+)(?![0-9]))?",
    re.DOTALL,
)  # fmt: skip
_AGENT: Final = re.compile(_QUOTED + rb"|(?<![0-9A-Za-z.:-])[0-9]{3}[ \t]++" + _HOST + _PORT, re.DOTALL)
_ADDRESS: Final = rb"(\[?[0-9A-Za-z:.-]{1,255}+\]?)"
_VIA_PARAMETERS: Final = re.compile(rb";\s*+(received|rport|maddr)\s*+=\s*+" + _ADDRESS, re.IGNORECASE)
_TRANSPORT: Final = re.compile(rb";\s*+transport\s*+=\s*+([A-Za-z]++)", re.IGNORECASE)
_MADDR: Final = re.compile(rb";\s*+maddr\s*+=\s*+" + _ADDRESS, re.IGNORECASE)
_TRANSPORTS: Final = {b"udp": UDP, b"tcp": TCP, b"tls": TCP}
SIP_PORT: Final = 5060
SIPS_PORT: Final = 5061
_MAX_PORT: Final = 65_535
_NO_LIMIT: Final = 65_535
"""More values than a message has bytes."""


def uri_host(address: Address) -> bytes:
    """An address as the host of a URI: IPv6 in brackets (RFC 3986, section 3.2.2)."""
    text = address_ascii(address)
    return text if len(address) == 4 else b"[" + text + b"]"  # noqa: PLR2004 - IPv4 needs none


def find_uris(value: bytes, most: int = _NO_LIMIT) -> tuple[HostPort, ...]:
    """The SIP URIs in a header value, in order: in name-addr or addr-spec form, in lists of any length.

    In a long value the search ends soon after `most` of them: who asks has no use for more.

    Where there is none, a value that begins with `user@host` is taken for one: old devices leave the scheme out.
    """
    return find_uris_in(value.decode("latin-1"), 0, len(value), most)


def find_uris_in(text: str, start: int, end: int, most: int = _NO_LIMIT) -> tuple[HostPort, ...]:
    """The same of the value `text[start:end]`, of a text with a character for each byte; places are counted from it."""
    # Header parameters, such as a tag, hold no address; without them the rest is the same in many messages.
    last = text.rfind(">", start, end) + 1
    if 0 < last < end and text.find(",", last, end) < 0:
        end = last
    value = text[start:end]
    known = _URIS.get(value)
    return known if known is not None else _remember(_URIS, value, _read_uris(_bytes(value), _limit(value, most)))


def _limit(value: str, most: int) -> int:
    """How much to look for in a value: whatever there is, where that is remembered."""
    return most if len(value) > _LONGEST else _NO_LIMIT


def _bytes(value: str) -> bytes:
    return value.encode("latin-1")


_Found = TypeVar("_Found")


def _remember(memo: dict[str, _Found], value: str, found: _Found) -> _Found:
    return remember(memo, value, found, _REMEMBERED) if len(value) <= _LONGEST else found


def _read_uris(value: bytes, most: int) -> tuple[HostPort, ...]:
    found: list[HostPort] = []
    for match in _URI.finditer(value):
        last = match.lastindex
        if last is not None:
            found += _hosts_of_uri(value, match, 1 if last <= 5 else 6)  # noqa: PLR2004 - groups of the first form
            if len(found) > most:
                break
    return tuple(found or _read_plain(value))


def find_agents(value: bytes) -> tuple[HostPort, ...]:
    """The agents of a Warning header (RFC 3261, section 20.43): `307 10.0.0.1:5060 "text", …`."""
    found = []
    for match in _AGENT.finditer(value):
        number = int(match[2]) if match[2] else -1
        if match[1] is not None and number <= _MAX_PORT:
            found.append(HostPort(match.start(1), match.end(), match[1], number, b"", SIP_PORT, 0, Part.BOTH))
    return tuple(found)


def find_request_uri(value: bytes) -> tuple[HostPort, ...]:
    """The addresses of a URI that stands alone: it needs no angle brackets to hold any character.

    Besides `sip` and `sips`, `pres` and `im` name users too (RFC 3856, 3860).
    """
    return find_request_uri_in(value.decode("latin-1"), 0, len(value))


def find_request_uri_in(text: str, start: int, end: int) -> tuple[HostPort, ...]:
    """The same of `text[start:end]`, see `find_uris_in`."""
    value = text[start:end]
    known = _REQUEST_URIS.get(value)
    return known if known is not None else _remember(_REQUEST_URIS, value, _read_request_uri(_bytes(value)))


def _read_request_uri(value: bytes) -> tuple[HostPort, ...]:
    match = _REQUEST_URI.match(value)
    return tuple(_hosts_of_uri(value, match, 1) if match is not None else _read_plain(value))


def _read_plain(value: bytes) -> list[HostPort]:
    match = _PLAIN.match(value)
    return _hosts_of_uri(value, match, 1) if match is not None else []


def _hosts_of_uri(value: bytes, match: re.Match[bytes], first: int) -> list[HostPort]:
    """The address of a URI, and that of its `maddr` parameter; none where the port is no port."""
    scheme, user, host, port, parameters = match.group(first, first + 1, first + 2, first + 3, first + 4)
    number = int(port) if port else -1
    if number > _MAX_PORT:
        return []
    protocol, maddr = 0, None
    if parameters:
        at, stop = match.span(first + 4)
        transport = _TRANSPORT.search(value, at, stop)
        protocol = _TRANSPORTS.get(transport[1].lower(), 0) if transport else 0
        maddr = _MADDR.search(value, at, stop)
    default = SIPS_PORT if scheme[3:] in {b"s", b"S"} and scheme[:1] in {b"s", b"S"} else SIP_PORT
    at, stop = match.start(first + 2), match.end(first + 3 if port else first + 2)
    found = [HostPort(at, stop, host, number, user or b"", default, protocol, Part.BOTH)]
    if maddr is not None:
        at, stop = maddr.span(1)
        found.append(HostPort(at, stop, maddr[1], -1, b"", default, protocol, Part.HOST))
    return found


def find_via(value: bytes, most: int = _NO_LIMIT) -> tuple[Via, ...]:
    """The values of a Via header; of a long one not many more than `most`.

    `received` and `rport` are one endpoint written in two places (RFC 3581, section 4): each is given with the host
    of the one and the port of the other.
    """
    return find_via_in(value.decode("latin-1"), 0, len(value), most)


def find_via_in(text: str, start: int, end: int, most: int = _NO_LIMIT) -> tuple[Via, ...]:
    """The same of the value `text[start:end]`, see `find_uris_in`."""
    semicolon = text.find(";", start, end)
    if semicolon > start and not _may_hold_address(text, semicolon + 1, end):
        end = semicolon
    value = text[start:end]
    known = _VIAS.get(value)
    return known if known is not None else _remember(_VIAS, value, _read_via(_bytes(value), _limit(value, most)))


def _may_hold_address(text: str, start: int, end: int) -> bool:
    """Whether what follows in a Via may be more than its branch, which is new in every message, and the like."""
    if text.find(",", start, end) >= 0:
        return True
    if start < end and text[start] == "b" and text.rfind("=", start, end) <= start + len("branch"):
        return False
    parameters = text[start:end].lower()
    return "received" in parameters or "maddr" in parameters


def _read_via(value: bytes, most: int) -> tuple[Via, ...]:
    found: list[Via] = []
    stop = len(value)
    values = (match for match in _VIA.finditer(value) if match.lastindex is not None)
    for match in reversed(list(islice(values, most + 1))):
        transport, host, port = match.groups()
        protocol = _TRANSPORTS.get(transport.lower(), 0)
        default = SIPS_PORT if transport.upper() == b"TLS" else SIP_PORT
        number = int(port) if port else -1
        if number <= _MAX_PORT:
            sent_by = HostPort(match.start(2), match.end(), host, number, b"", default, protocol, Part.BOTH)
            found.append(Via(sent_by, _via_parameters(value, match.end(), stop, sent_by)))
        stop = match.start()
    return tuple(reversed(found))


def _via_parameters(value: bytes, start: int, stop: int, sent_by: HostPort) -> tuple[HostPort, ...]:
    found: dict[bytes, re.Match[bytes]] = {}
    for match in _VIA_PARAMETERS.finditer(value, start, stop):
        found.setdefault(match[1].lower(), match)
    received, rport, maddr = found.get(b"received"), found.get(b"rport"), found.get(b"maddr")
    port = _number(rport[2]) if rport is not None else -1
    places: list[HostPort] = []
    if received is not None:
        places.append(_parameter(received, received, port, Part.HOST, sent_by))
        if rport is not None and port >= 0:
            places.append(_parameter(rport, received, port, Part.PORT, sent_by))
    if maddr is not None:
        places.append(_parameter(maddr, maddr, -1, Part.HOST, sent_by))
    return tuple(sorted(places, key=attrgetter("start")))


def _parameter(place: re.Match[bytes], host: re.Match[bytes], port: int, part: Part, sent_by: HostPort) -> HostPort:
    start, end = place.span(2)
    return HostPort(start, end, host[2], port, b"", sent_by.default_port, sent_by.protocol, part)


def _number(port: bytes) -> int:
    """A port that was written, -1 for anything else."""
    number = int(port) if port.isdigit() and len(port) < 6 else -1  # noqa: PLR2004 - digits of a port
    return number if number <= _MAX_PORT else -1
