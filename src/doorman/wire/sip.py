"""Reading SIP messages (RFC 3261) without losing a byte: what they are, and where their headers stand.

    INVITE sip:bob@198.51.100.20 SIP/2.0            request line: method, Request-URI, version
    Via: SIP/2.0/UDP 192.168.1.10:5060;branch=…     headers; a line that begins with a blank continues the last
    f: "Alice" <sip:alice@192.168.1.10>;tag=1       compact forms: f is From (section 7.3.3)
    Content-Length: 132
                                                    an empty line ends the headers
    v=0 …                                           the body, as long as Content-Length says

Reading finds places; nothing is normalised, so whatever is not edited goes on as it came.
"""

import re
from typing import NamedTuple

from doorman.wire.malformed import Malformed

MAX_HEADERS = 256
"""Header lines in a message; more is an attack."""

METHODS = frozenset({
    b"ACK", b"BYE", b"CANCEL", b"INFO", b"INVITE", b"MESSAGE", b"NOTIFY", b"OPTIONS", b"PRACK", b"PUBLISH", b"REFER",
    b"REGISTER", b"SUBSCRIBE", b"UPDATE",
})  # fmt: skip
"""The methods with an RFC: 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665."""


class Header(NamedTuple):
    """A header that matters to a gateway: its canonical name in lower case, and where its value stands."""

    name: str
    start: int
    end: int


_KNOWN = (
    "call-id", "contact", "content-encoding", "content-length", "content-type", "cseq", "expires", "from",
    "p-asserted-identity", "p-preferred-identity", "path", "record-route", "refer-to", "referred-by",
    "remote-party-id", "reply-to", "route", "service-route", "to", "via",
)  # fmt: skip
_COMPACT = {
    "i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
    "r": "refer-to", "b": "referred-by", "t": "to", "v": "via",
}  # fmt: skip
_NAMES = {name.encode(): name for name in _KNOWN} | {short.encode(): name for short, name in _COMPACT.items()}
_SPELLINGS = (
    _NAMES
    | {name.encode().title(): name for name in _KNOWN}
    | {b"Call-ID": "call-id", b"CSeq": "cseq", b"P-Asserted-Identity": "p-asserted-identity"}
)
"""The usual spellings, so that most names need no conversion to lower case."""

_REQUEST_LINE = re.compile(rb"([A-Za-z0-9.!%*_+`'~-]{1,32}+)[ \t]++([^\r\n]*?)[ \t]++SIP/2\.0[ \t]*+\r?\n")
_STATUS_LINE = re.compile(rb"SIP/2\.0 ([0-9]++)(?: [^\r\n]*+)?+\r?\n")
_ANY_SIP_LINE = re.compile(rb"(?:SIP/|[A-Za-z0-9.!%*_+`'~-]{1,32}+[ \t][^\r\n]*SIP/)", re.IGNORECASE)
_HEADER = re.compile(
    rb"([A-Za-z0-9.!%*_+`'~-]++)[ \t]*+:(?:[ \t]|\r?\n[ \t])*+([^\r\n]*+(?:\r?\n[ \t]++[^\r\n]*+)*+)\r?\n"
)
_DIGITS = re.compile(rb"[0-9]{1,9}+")
_CSEQ = re.compile(rb"([0-9]++)[ \t\r\n]++([^ \t\r\n]++)")


class SipMessage:
    """A SIP message, read but not taken apart.

    Attributes:
        data: all bytes of the datagram.
        method: of a request, b"" in a response.
        status: of a response, 0 in a request.
        uri_start, uri_end: where the Request-URI stands.
        headers: those that matter to a gateway, in order.
        call_id, cseq, cseq_method: from the headers of these names; `cseq` is the number as written.
        length: the Content-Length header, None where there is none.
        body_start, body_end: where the body stands; what may follow it belongs to no message.
    """

    __slots__ = (
        "body_end",
        "body_start",
        "call_id",
        "cseq",
        "cseq_method",
        "data",
        "headers",
        "length",
        "method",
        "status",
        "uri_end",
        "uri_start",
    )

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.method = b""
        self.status = 0
        self.uri_start = self.uri_end = 0
        self.headers: list[Header] = []
        self.call_id = self.cseq = self.cseq_method = b""
        self.length: Header | None = None
        self.body_start = self.body_end = len(data)

    @property
    def name(self) -> str:
        """What to count it as: the method, or the status code."""
        return self.method.decode("ascii") if self.method else str(self.status)

    @property
    def body(self) -> bytes:
        """The body."""
        return self.data[self.body_start : self.body_end]

    def value(self, name: str) -> bytes:
        """The first header of this canonical name; b"" where there is none."""
        for header in self.headers:
            if header.name == name:
                return self.data[header.start : header.end]
        return b""


def read_sip(data: bytes) -> SipMessage | None:
    """Read a datagram as a SIP message; None when it is something else altogether.

    Raises:
        Malformed: it is SIP, and breaks its rules.
    """
    message = SipMessage(data)
    start = _skip_blank_lines(data)
    line = _REQUEST_LINE.match(data, start)
    if line is not None:
        message.method = line[1]
        message.uri_start, message.uri_end = line.span(2)
    else:
        line = _STATUS_LINE.match(data, start)
        if line is None:
            if _ANY_SIP_LINE.match(data, start) is None:
                return None
            raise Malformed("start-line")
        if len(line[1]) != 3:  # noqa: PLR2004 - three digits (RFC 3261, section 7.2)
            raise Malformed("status-code")
        message.status = int(line[1])
    _read_headers(message, line.end())
    _find_body(message)
    return message


def is_keepalive(data: bytes) -> bool:
    """Whether a datagram is nothing but what keeps a flow open: CRLFs (RFC 5626, section 4.4.1), zeros, a few bytes."""
    return len(data) <= 8 or not data.strip(b"\r\n\0 ")  # noqa: PLR2004 - shorter than any start line


def _skip_blank_lines(data: bytes) -> int:
    if data[:1] not in {b"\r", b"\n"}:
        return 0
    return len(data) - len(data.lstrip(b"\r\n"))  # RFC 3261, section 7.5


def _read_headers(message: SipMessage, at: int) -> None:
    data, headers = message.data, message.headers
    match = _HEADER.match
    for _ in range(MAX_HEADERS):
        line = match(data, at)
        if line is None:
            break
        at = line.end()
        spelled = line[1]
        name = _SPELLINGS.get(spelled) or _NAMES.get(spelled.lower())
        if name is not None:
            headers.append(Header(name, line.start(2), line.end(2)))
    if data.startswith(b"\r\n", at):
        at += 2
    elif data.startswith(b"\n", at):
        at += 1
    elif at != len(data):  # the end of a datagram ends the headers too
        raise Malformed("header-line" if len(headers) < MAX_HEADERS else "too-many-headers")
    message.body_start = at


def _find_body(message: SipMessage) -> None:
    data = message.data
    for header in message.headers:
        if header.name == "call-id":
            if message.call_id:
                raise Malformed("call-id-twice")
            message.call_id = data[header.start : header.end].rstrip()
        elif header.name == "cseq":
            cseq = _CSEQ.match(data, header.start, header.end)
            if cseq is None:
                raise Malformed("cseq")
            message.cseq, message.cseq_method = cseq.groups()
        elif header.name == "content-length":
            _take_length(message, header)
    if not message.call_id:
        raise Malformed("no-call-id")


def _take_length(message: SipMessage, header: Header) -> None:
    digits = _DIGITS.match(message.data, header.start, header.end)
    if digits is None or message.data[digits.end() : header.end].strip():
        raise Malformed("content-length")
    end = message.body_start + int(digits[0])
    if message.length is not None and message.body_end != end:
        raise Malformed("content-lengths-disagree")
    if end > len(message.data):
        raise Malformed("body-shorter-than-content-length")
    message.length = Header(header.name, digits.start(), digits.end())
    message.body_end = end
