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
from functools import lru_cache
from typing import Final

from doorman.wire.malformed import Excessive, Malformed

MAX_HEADERS: Final = 256
"""Header lines in a message; more is an attack."""
MAX_LINE: Final = 65_535
"""Bytes of a header line: no datagram has more."""

METHODS: Final = frozenset({
    b"ACK", b"BYE", b"CANCEL", b"INFO", b"INVITE", b"MESSAGE", b"NOTIFY", b"OPTIONS", b"PRACK", b"PUBLISH", b"REFER",
    b"REGISTER", b"SUBSCRIBE", b"UPDATE",
})  # fmt: skip
"""The methods with an RFC: 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665."""


_KNOWN: Final = (
    "alert-info", "also", "authorization", "call-id", "call-info", "cc-diversion", "contact", "content-encoding",
    "content-length", "content-transfer-encoding", "content-type", "cseq", "diversion", "error-info", "expires",
    "from", "geolocation", "history-info", "p-asserted-identity", "p-associated-uri", "p-called-party-id",
    "p-charge-info", "p-preferred-identity", "p-served-user", "path", "policy-contact", "proxy-authorization",
    "record-route", "refer-events-at", "refer-to", "referred-by", "remote-party-id", "reply-to", "requested-by",
    "route", "service-route", "session-expires", "to", "trigger-consent", "via", "warning",
)  # fmt: skip
_COMPACT: Final = {
    "i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
    "r": "refer-to", "b": "referred-by", "t": "to", "v": "via", "x": "session-expires",
}  # fmt: skip
_NAMES: Final = {name: name for name in _KNOWN} | _COMPACT
_OTHERS: Final = (
    "Accept", "Accept-Encoding", "Accept-Language", "Allow", "Allow-Events", "CSeq", "Call-ID", "Date", "Event",
    "Max-Forwards", "Min-SE", "P-Asserted-Identity", "RAck", "RSeq", "Reason", "Require", "Server",
    "Subject", "Subscription-State", "Supported", "User-Agent",
)  # fmt: skip
# Names as they are usually spelled, of headers that matter and of others: looked up without reading the name.
_SPELLED: Final = (
    {name.title(): name for name in _KNOWN} | _NAMES | {name: _NAMES.get(name.lower(), "") for name in _OTHERS}
)
_REQUEST_LINE: Final = re.compile(
    rb"([A-Za-z0-9.!%*_+`'~-]{1,32}+)[ \t]++"
    rb"([^ \t\r\n]++(?:[ \t]++(?![Ss][Ii][Pp]/2\.0[ \t]*+\r?\n)[^ \t\r\n]++)*)[ \t]++[Ss][Ii][Pp]/2\.0[ \t]*+\r?\n"
)
_STATUS_LINE: Final = re.compile(rb"[Ss][Ii][Pp]/2\.0 ([0-9]++)(?: [^\r\n]*+)?\r?\n")
_ANY_SIP_LINE: Final = re.compile(rb"(?:SIP/|[A-Za-z0-9.!%*_+`'~-]{1,32}+[ \t][^\r\n]*SIP/)", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]++")
_LONGEST_NAME: Final = 64
"""Bytes of a header's name that are looked at, and remembered; no known one is longer."""
_LENGTH_DIGITS: Final = 9
_LENGTHS: Final = {str(length): length for length in range(2_048)}
"""As most are written."""
_REMEMBERED: Final = 4_096
"""Start lines, names of headers, and CSeqs whose reading is remembered, of each."""
_LONGEST_START: Final = 256
"""Bytes of such a start line: a peer chooses what it sends, and must not fill the memory with it."""
_CSEQS: Final[dict[str, tuple[bytes, bytes]]] = {}
"""What was read of CSeqs: most begin with 1, or go on from there."""
_LONGEST_CSEQ: Final = 32
"""Bytes of one that is remembered."""
_STUN_COOKIE: Final = b"\x21\x12\xa4\x42"
"""RFC 8489, section 5."""
_SPACE: Final = " \t\r\n\v\f"
"""What may stand around a number: of text, `str.strip` would take more."""
_TAB: Final = 0x09
_LF: Final = 0x0A
_CR: Final = 0x0D
_BLANK: Final = 0x20


class Header:
    """A header that matters to a gateway: its canonical name in lower case, and where its value begins and ends."""

    __slots__ = ("end", "name", "start")

    def __init__(self, name: str, start: int, end: int) -> None:
        self.name = name
        self.start = start
        self.end = end


class _StartLine:
    """A start line: what the attributes of these names say of its message, counted from its beginning; its length."""

    __slots__ = ("length", "method", "name", "status", "uri_end", "uri_start")

    def __init__(  # noqa: PLR0913, PLR0917 - what a line says
        self, name: str, method: bytes, status: int, uri_start: int, uri_end: int, length: int
    ) -> None:
        self.name = name
        self.method = method
        self.status = status
        self.uri_start = uri_start
        self.uri_end = uri_end
        self.length = length


_START_LINES: Final[dict[str, _StartLine]] = {}
"""What was read of start lines: answers have but a few, and those who call each other write the same again."""


class SipMessage:
    """A SIP message, read but not taken apart.

    Attributes:
        data: all bytes of the datagram.
        name: what to count it as: the method, or the status code; "" in a fragment.
        method: of a request, b"" in a response.
        status: of a response, 0 in a request.
        uri_start, uri_end: where the Request-URI stands.
        headers: those that matter to a gateway, in order.
        text: the same as `data`, a character for each byte: names are looked up, and characters found, faster so.
        to_tag, from_tag: of To and From; None until somebody looks for them (`algs.sip.tags`).
        call_id, cseq, cseq_method: from the headers of these names; `cseq` is the number as written. A request without
            CSeq has its own method as `cseq_method`.
        length: the Content-Length header, without anything around its number; None where there is none.
        body_start, body_end: where the body stands; what may follow it belongs to no message.
    """

    __slots__ = (
        "body_end",
        "body_start",
        "call_id",
        "cseq",
        "cseq_method",
        "data",
        "from_tag",
        "headers",
        "length",
        "method",
        "name",
        "status",
        "text",
        "to_tag",
        "uri_end",
        "uri_start",
    )

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.text = data.decode("latin-1")
        self.name = ""
        self.method = b""
        self.status = 0
        self.uri_start = self.uri_end = 0
        self.headers: list[Header] = []
        self.to_tag: bytes | None = None
        self.from_tag: bytes | None = None
        self.call_id = self.cseq = self.cseq_method = b""
        self.length: Header | None = None
        self.body_start = self.body_end = len(data)

    @property
    def body(self) -> bytes:
        """The body."""
        return self.data[self.body_start : self.body_end]

    def first(self, name: str) -> Header | None:
        """The first header of this canonical name."""
        for header in self.headers:
            if header.name == name:
                return header
        return None

    def value(self, name: str) -> bytes:
        """The value of the first header of this canonical name; b"" where there is none."""
        header = self.first(name)
        return self.data[header.start : header.end] if header is not None else b""


def read_sip(data: bytes, max_headers: int = MAX_HEADERS, max_line: int = MAX_LINE) -> SipMessage | None:
    """Read a datagram as a SIP message; None when it is something else altogether.

    Args:
        data: its bytes.
        max_headers: header lines that it may have.
        max_line: bytes that one of them may have.

    Raises:
        Excessive: it has more.
        Malformed: it is SIP, and breaks its rules.
    """
    message = SipMessage(data)
    start = _skip_blank_lines(data)
    end = _read_start(message, start)
    if end < 0:
        return None
    once = _read_headers(message, end, max_headers, max_line)
    _read_identity(message, once)
    _find_body(message, once.length)
    return message


def _read_start(message: SipMessage, start: int) -> int:
    """Read the start line; where it ends, -1 where it is none of SIP.

    Raises:
        Malformed: it is, and breaks its rules.
    """
    text = message.text
    end = text.find("\n", start, start + _LONGEST_START) + 1
    line = text[start:end]
    known = _START_LINES.get(line)
    if known is None:
        known = _match_start(message.data, start)
        if known is None:
            return -1
        if end:
            if len(_START_LINES) >= _REMEMBERED:
                _START_LINES.clear()
            _START_LINES[line] = known
    message.name, message.method, message.status = known.name, known.method, known.status
    message.uri_start, message.uri_end = start + known.uri_start, start + known.uri_end
    return start + known.length


def _match_start(data: bytes, start: int) -> _StartLine | None:
    line = _REQUEST_LINE.match(data, start)
    if line is not None:
        first, last = line.span(2)
        return _StartLine(line[1].decode("ascii"), line[1], 0, first - start, last - start, line.end() - start)
    line = _STATUS_LINE.match(data, start)
    if line is None:
        if _ANY_SIP_LINE.match(data, start) is None:
            return None
        raise Malformed("start-line")
    if len(line[1]) != 3 or line[1] < b"100":  # noqa: PLR2004 - three digits (RFC 3261, section 7.2)
        raise Malformed("status-code")
    return _StartLine(line[1].decode("ascii"), b"", int(line[1]), 0, 0, line.end() - start)


def read_fragment(data: bytes) -> SipMessage:
    """Read a part of a message (`message/sipfrag`, RFC 3420): a start line, headers, a body, or only some of these.

    Raises:
        Malformed: it is none.
    """
    ended = data if data.endswith((b"\n", b"\r")) else data + b"\r\n"
    message = SipMessage(ended)
    line = _REQUEST_LINE.match(ended)
    if line is not None:
        message.method = line[1]
        message.uri_start, message.uri_end = line.span(2)
    else:
        line = _STATUS_LINE.match(ended)
        message.status = int(line[1][:3]) if line is not None else 0
    once = _read_headers(message, line.end() if line is not None else 0)
    message.body_start, message.body_end = min(message.body_start, len(data)), len(data)
    if message.body_start < len(data):
        _find_body(message, once.length)
    return message


def begins_like_sip(data: bytes) -> bool:
    """Whether the first line is that of a SIP request or response."""
    return _REQUEST_LINE.match(data) is not None or _STATUS_LINE.match(data) is not None


def header_lines(data: bytes, most: int = MAX_HEADERS) -> list[tuple[bytes, bytes]]:
    """The start line, with nothing behind it, then names and values of header lines as they stand, `most` of them.

    Also of a message that breaks the rules: continued lines are put together, a line without a colon has no value.
    """
    at = _skip_blank_lines(data)
    ends = [end for end in (data.find(b"\r\n\r\n", at), data.find(b"\n\n", at)) if end >= 0]
    found: list[tuple[bytes, bytes]] = []
    for line in data[at : min(ends, default=len(data))].split(b"\n", most + 1)[: most + 1]:
        if not found:
            found.append((line.strip(), b""))
        elif line[:1] in {b" ", b"\t"} and len(found) > 1:
            found[-1] = (found[-1][0], found[-1][1] + b" " + line.strip())
        else:
            name, _, value = line.partition(b":")
            found.append((name.strip(), value.strip()))
    return found


def is_keepalive(data: bytes) -> bool:
    """Whether a datagram is nothing but what keeps a flow open (RFC 5626, section 4.4): CRLFs, zeros, STUN."""
    if len(data) <= 8 or not data.strip(b"\r\n\0 "):  # noqa: PLR2004 - shorter than any start line
        return True
    return data[0] < 4 and data[4:8] == _STUN_COOKIE  # noqa: PLR2004 - two zero bits, then the type


def _skip_blank_lines(data: bytes) -> int:
    if not data or data[0] not in (_CR, _LF):
        return 0
    return len(data) - len(data.lstrip(b"\r\n"))  # RFC 3261, section 7.5


class _Once:
    """The headers that a message has once: which of two would be meant (RFC 3261, section 7.3.1)?"""

    __slots__ = ("call_id", "cseq", "length")

    def __init__(self) -> None:
        self.call_id: Header | None = None
        self.cseq: Header | None = None
        self.length: Header | None = None

    def take(self, header: Header) -> None:
        """Keep a header if it is one of these.

        Raises:
            Malformed: there is one already.
        """
        name = header.name
        if name == "call-id":
            known, self.call_id = self.call_id, header
        elif name == "cseq":
            known, self.cseq = self.cseq, header
        elif name == "content-length":
            known, self.length = self.length, header
        else:
            return
        if known is not None:
            raise Malformed(f"{name}-twice")


def _read_headers(message: SipMessage, at: int, max_headers: int = MAX_HEADERS, max_line: int = MAX_LINE) -> _Once:
    """Find the headers in the lines from `at` on, and where the body begins.

    What is over a limit is told before what is malformed, wherever it stands.
    """
    data, text, once = message.data, message.text, _Once()
    lines = 0
    last: Header | None = None
    broken: Malformed | None = None
    if at < len(data) and (data[at] == _BLANK or data[at] == _TAB):
        broken = Malformed("header-line")  # there is nothing that it could continue
    while at < len(data):  # the end of a datagram ends the headers too
        line_feed = text.find("\n", at)
        if line_feed < 0:
            raise Malformed("header-line")
        end = line_feed - 1 if data[line_feed - 1] == _CR else line_feed
        if end <= at:
            at = line_feed + 1
            break
        lines += 1
        if lines > max_headers:
            raise Excessive("too-many-headers")
        if end - at > max_line:
            broken = Excessive("header-line-too-long")
        try:
            last = _read_line(message, once, at, end, last)
        except Malformed as malformed:
            broken = broken or malformed
        at = line_feed + 1
    message.body_start = at
    if broken is not None:
        raise broken
    return once


def _read_line(message: SipMessage, once: _Once, at: int, end: int, last: Header | None) -> Header | None:
    """The header that a line begins, or continues, which is the last one; None for one that does not matter."""
    data, text = message.data, message.text
    if text.find("\r", at, end) >= 0:
        raise Malformed("header-line")  # a bare CR ends a line for some, and hides a header from the others
    colon = text.find(":", at, end)
    name = _SPELLED.get(text[at:colon]) if colon >= 0 else None
    if name is None:
        if data[at] == _BLANK or data[at] == _TAB:
            if last is not None:
                last.end = end
            return last
        name = _canonical_name(text[at : min(colon, at + _LONGEST_NAME)]) if colon >= 0 else None
        if name is None:
            raise Malformed("header-line")
    if not name:
        return None
    at = colon + 1
    while at < end and (data[at] == _BLANK or data[at] == _TAB):
        at += 1
    header = Header(name, at, end)
    once.take(header)
    message.headers.append(header)
    return header


@lru_cache(_REMEMBERED)
def _canonical_name(name: str) -> str | None:
    """The canonical name of a header, "" for one that does not matter to a gateway, None for what is no name."""
    name = name.rstrip(" \t")  # allowed before the colon (RFC 3261, section 7.3.1)
    return _NAMES.get(name.lower(), "") if _TOKEN.fullmatch(name) else None


def _read_identity(message: SipMessage, once: _Once) -> None:
    """Read what says which call and which transaction a message is of."""
    header = once.call_id
    words = message.data[header.start : header.end].split(None, 1) if header is not None else []
    if not words:
        raise Malformed("no-call-id")
    if len(words) > 1:
        raise Malformed("call-id")  # a word, or two around an `@` (RFC 3261, section 25.1)
    message.call_id = words[0]
    header = once.cseq
    if header is None:
        message.cseq_method = message.method
        return
    value = message.text[header.start : header.end]
    known = _CSEQS.get(value)
    message.cseq, message.cseq_method = known if known is not None else _read_cseq(value)


def _read_cseq(value: str) -> tuple[bytes, bytes]:
    """The number, as written, and the method of a CSeq header."""
    words = value.encode("latin-1").split(None, 2)
    if len(words) < 2 or not words[0].isdigit():  # noqa: PLR2004 - a number and a method
        raise Malformed("cseq")
    found = words[0], words[1]
    if len(value) <= _LONGEST_CSEQ:
        if len(_CSEQS) >= _REMEMBERED:
            _CSEQS.clear()
        _CSEQS[value] = found
    return found


def _find_body(message: SipMessage, header: Header | None) -> None:
    """Find the end of the body, by the Content-Length header."""
    if header is None:
        return
    value = message.text[header.start : header.end]
    length = _LENGTHS.get(value)
    if length is None:
        digits = value.strip(_SPACE)
        if not digits.isdecimal() or len(digits) > _LENGTH_DIGITS:
            raise Malformed("content-length")
        length, start = int(digits), header.start + value.index(digits)
        header = Header(header.name, start, start + len(digits))
    body_end = message.body_start + length
    if body_end > len(message.data):
        raise Malformed("body-shorter-than-content-length")
    message.length, message.body_end = header, body_end
