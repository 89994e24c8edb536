r"""Reading RTSP messages (RFC 2326, section 4; RFC 7826, section 5): what they are, and where their headers stand.

    SETUP rtsp://198.51.100.20/film/trackID=1 RTSP/1.0\r\n      request line: method, URI, version
    CSeq: 3\r\n                                                 which request this is, or answers
    Transport: RTP/AVP;unicast;client_port=4588-4589\r\n        see `wire/rtsp_transport.py`
    \r\n
    RTSP/1.0 200 OK\r\n                                         status line
    Session: 12345678;timeout=60\r\n                            which session this is about

Either end may ask. Reading finds places; nothing is normalised, so whatever is not edited goes on as it came.
"""

import re
from typing import Final, NamedTuple

from doorman.net.addresses import Address, new_tuple, parse_address
from doorman.wire.malformed import Excessive, Malformed
from doorman.wire.places import Place

METHODS: Final = frozenset({
    b"ANNOUNCE", b"DESCRIBE", b"GET_PARAMETER", b"OPTIONS", b"PAUSE", b"PLAY", b"PLAY_NOTIFY", b"RECORD", b"REDIRECT",
    b"SETUP", b"SET_PARAMETER", b"TEARDOWN",
})  # fmt: skip
"""Those of RFC 2326 and RFC 7826."""
MAX_HEADERS: Final = 256
"""Header lines of a message; more is an attack."""
RTSP_PORT: Final = 554

_REQUEST_LINE: Final = re.compile(
    rb"([A-Za-z0-9_-]{1,32})[ \t]++([^\r\n]*[^\r\n \t])[ \t]++RTSP/[0-9]\.[0-9][ \t]*+\r?\n", re.IGNORECASE
)
_STATUS_LINE: Final = re.compile(rb"RTSP/[0-9]\.[0-9][ \t]++([0-9]{3})(?:[ \t][^\r\n]*+)?\r?\n", re.IGNORECASE)
_HEADERS: Final = re.compile(
    rb"^(cseq|session|transport|content-(?:length|type|encoding|base|location)|location|rtp-info|referr?er)"
    rb"[ \t]*+:[ \t]*+([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*)",
    re.IGNORECASE | re.MULTILINE,
)
_URL: Final = re.compile(
    rb"(?<![A-Za-z0-9+.-])(rtsp[su]?)://(?:[^\s@/\"<>]{0,255}@)*"
    rb"(\[[0-9A-Fa-f:.]{2,45}\]|[^\s:/?#;,@\"<>\[\]]{1,255})(?::([0-9]{1,5})(?![0-9]))?",
    re.IGNORECASE,
)
_TIMEOUT: Final = re.compile(rb";[ \t]*+timeout[ \t]*+=[ \t]*+([0-9]{1,9})", re.IGNORECASE)
_DEFAULT_PORTS: Final = {b"rtsp": RTSP_PORT, b"rtspu": RTSP_PORT, b"rtsps": 322}
_LAST_PORT: Final = 65_535
_LONGEST_ID: Final = 128
"""Bytes of the number of a request or the name of a session; a peer chooses what is remembered."""


class Header(NamedTuple):
    """A header that matters to a gateway: its name in small letters, and where its value begins and ends."""

    name: bytes
    start: int
    end: int


class Url(NamedTuple):
    """The host and port of an RTSP URL, and where they stand.

    Attributes:
        start, end: of both together.
        address: None where the host is a name.
        port: -1 where none is written.
        default_port: what that means.
    """

    start: int
    end: int
    address: Address | None
    port: int
    default_port: int


class RtspMessage:
    """A message, read but not taken apart.

    Attributes:
        data: all of its bytes.
        method: of a request, in capitals, as not every server minds; b"" in a response.
        status: of a response, 0 in a request.
        uri: where the URI of a request stands.
        headers: those that matter to a gateway, in order.
        body_start: where the body begins.
    """

    __slots__ = ("body_start", "data", "headers", "method", "status", "uri")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.method = b""
        self.status = 0
        self.uri: Place = (0, 0)
        self.headers: list[Header] = []
        self.body_start = len(data)

    @property
    def url(self) -> bytes:
        """The URI of a request."""
        start, end = self.uri
        return self.data[start:end]

    @property
    def succeeds(self) -> bool:
        """Whether it is a response that says so."""
        return 200 <= self.status < 300  # noqa: PLR2004 - success

    @property
    def is_final(self) -> bool:
        """Whether it is a response after which no other comes."""
        return self.status >= 200  # noqa: PLR2004 - no longer provisional

    def value(self, name: bytes) -> bytes:
        """The first header of this name; b"" where there is none."""
        for known, start, end in self.headers:
            if known == name:
                return self.data[start:end]
        return b""

    def first_word(self, name: bytes) -> bytes:
        """What a header begins with, before blanks and parameters: a number, the name of a session, a type."""
        words = self.value(name).partition(b";")[0].split(None, 1)
        return words[0][:_LONGEST_ID] if words else b""

    def timeout(self) -> float | None:
        """How long a session lives in silence, in seconds, as its header says (RFC 2326, section 12.37)."""
        found = _TIMEOUT.search(self.value(b"session"))
        return float(found[1]) if found is not None else None

    def length(self) -> Place | None:
        """Where the number of Content-Length stands; None where there is none."""
        for name, start, end in self.headers:
            if name == b"content-length":
                digits = self.data[start:end].strip()
                at = self.data.index(digits, start)
                return at, at + len(digits)
        return None


def read_rtsp(data: bytes) -> RtspMessage:
    """Read a whole message, as the framer cut it.

    Raises:
        Malformed: it is none, or has too much of something.
    """
    message = RtspMessage(data)
    line = _REQUEST_LINE.match(data)
    if line is not None:
        message.method = line[1].upper()
        message.uri = line.span(2)
    else:
        line = _STATUS_LINE.match(data)
        if line is None:
            raise Malformed("start-line")
        message.status = int(line[1])
    end = data.find(b"\r\n\r\n", line.end() - 2)
    if end < 0:
        raise Malformed("header-line")
    if data.count(b"\n", line.end(), end) >= MAX_HEADERS:
        raise Excessive("too-many-headers")
    message.headers = [
        new_tuple(Header, (found[1].lower(), found.start(2), found.end(2)))
        for found in _HEADERS.finditer(data, line.end(), end)
    ]
    message.body_start = end + 4
    return message


def begins_like_rtsp(line: bytes) -> bool:
    """Whether a line is the first of an RTSP message."""
    return _REQUEST_LINE.match(line) is not None or _STATUS_LINE.match(line) is not None


def find_urls(data: bytes, start: int, end: int) -> list[Url]:
    """The RTSP URLs in `data[start:end]`; of one whose port is none, nothing is found."""
    found = []
    for match in _URL.finditer(data, start, end):
        port = int(match[3]) if match[3] is not None else -1
        if port <= _LAST_PORT:
            address = parse_address(match[2].strip(b"[]"))
            default = _DEFAULT_PORTS[match[1].lower()]
            found.append(Url(match.start(2), match.end(3 if match[3] is not None else 2), address, port, default))
    return found
