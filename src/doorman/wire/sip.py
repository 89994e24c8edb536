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


Header = tuple[str, int, int]
"""A header that matters to a gateway: its canonical name in lower case, and where its value begins and ends."""

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
    "Subscription-State", "Supported", "User-Agent",
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
_STUN_COOKIE: Final = b"\x21\x12\xa4\x42"
"""RFC 8489, section 5."""
_ONCE: Final = frozenset({"call-id", "content-length", "cseq"})
"""Headers that must not come twice: which of them would be meant (RFC 3261, section 7.3.1)?"""
_VERSION: Final = "SIP/2.0"
_SPELLED_METHODS: Final = {method.decode(): method for method in METHODS}
_LONGEST_USUAL: Final = 256
"""Bytes of a start line that most are shorter than."""
_SPACE: Final = " \t\r\n\v\f"
"""What may stand around a number: of text, `str.strip` would take more."""
_TAB: Final = 0x09
_LF: Final = 0x0A
_CR: Final = 0x0D
_BLANK: Final = 0x20


class SipMessage:
    """A SIP message, read but not taken apart.

    Attributes:
        data: all bytes of the datagram.
        method: of a request, b"" in a response.
        status: of a response, 0 in a request.
        uri_start, uri_end: where the Request-URI stands.
        headers: those that matter to a gateway, in order.
        places: which of them is the first of each name.
        text: the same as `data`, a character for each byte: names are looked up, and characters found, faster so.
        to_tag, from_tag: of To and From; None until somebody looks for them (`algs.sip.tags`).
        call_id, cseq, cseq_method: from the headers of these names; `cseq` is the number as written. A request without
            CSeq has its own method as `cseq_method`.
        length: where the number in the Content-Length header stands, None where there is none.
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
        "places",
        "status",
        "text",
        "to_tag",
        "uri_end",
        "uri_start",
    )

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.text = data.decode("latin-1")
        self.method = b""
        self.status = 0
        self.uri_start = self.uri_end = 0
        self.headers: list[Header] = []
        self.places: dict[str, int] = {}
        self.to_tag: bytes | None = None
        self.from_tag: bytes | None = None
        self.call_id = self.cseq = self.cseq_method = b""
        self.length: tuple[int, int] | None = None
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
        place = self.places.get(name)
        if place is None:
            return b""
        _, start, end = self.headers[place]
        return self.data[start:end]


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
    end = _read_usual_start(message, start)
    if end < 0:
        end = _read_start(message, start)
        if end < 0:
            return None
    _read_headers(message, end, max_headers, max_line)
    _find_body(message)
    return message


def _read_usual_start(message: SipMessage, start: int) -> int:
    """Read a start line that is written as most are; where it ends, or -1 where it is not."""
    text = message.text
    end = text.find("\r\n", start, start + _LONGEST_USUAL)
    line = text[start : max(start, end)]
    words = line.split(" ", 3)
    if len(words) <= 2 or "\n" in line or "\r" in line or "\t" in line:  # noqa: PLR2004 - two blanks
        return -1
    if words[0] == _VERSION:
        status = int(words[1]) if words[1].isdecimal() and len(words[1]) == 3 else 0  # noqa: PLR2004 - three digits
        if status < 100:  # noqa: PLR2004 - see `_read_start`
            return -1
        message.status = status
    else:
        method = _SPELLED_METHODS.get(words[0])
        if method is None or words[2] != _VERSION or len(words) != 3 or not words[1]:  # noqa: PLR2004 - three words
            return -1
        message.method = method
        message.uri_start = start + len(method) + 1
        message.uri_end = message.uri_start + len(words[1])
    return end + 2


def _read_start(message: SipMessage, start: int) -> int:
    """Read a start line however it is written; -1 where it is none of SIP.

    Raises:
        Malformed: it is, and breaks its rules.
    """
    data = message.data
    line = _REQUEST_LINE.match(data, start)
    if line is not None:
        message.method = line[1]
        message.uri_start, message.uri_end = line.span(2)
    else:
        line = _STATUS_LINE.match(data, start)
        if line is None:
            if _ANY_SIP_LINE.match(data, start) is None:
                return -1
            raise Malformed("start-line")
        if len(line[1]) != 3 or line[1] < b"100":  # noqa: PLR2004 - three digits (RFC 3261, section 7.2)
            raise Malformed("status-code")
        message.status = int(line[1])
    return line.end()


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
    _read_headers(message, line.end() if line is not None else 0)
    message.body_start, message.body_end = min(message.body_start, len(data)), len(data)
    if message.body_start < len(data):
        _find_length(message)
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


def _read_headers(message: SipMessage, at: int, max_headers: int = MAX_HEADERS, max_line: int = MAX_LINE) -> None:
    data, text, headers, places = message.data, message.text, message.headers, message.places
    lines, step, message.body_start = _head_lines(data, at)
    if len(lines) > max_headers or max_line < len(data):
        _check_lines(lines, max_headers, max_line)
    known = False
    for line in lines:
        end = at + len(line)
        colon = text.find(":", at, end)
        name = _SPELLED.get(text[at:colon]) if colon >= 0 else None
        if name is None and colon >= 0:
            name = _canonical_name(text[at : min(colon, at + _LONGEST_NAME)])
        if name:
            at = colon + 1
            while at < end and (data[at] == _BLANK or data[at] == _TAB):
                at += 1
            place = len(headers)
            headers.append((name, at, end))  # a CR before a bare LF is white space to all who read the value
            if places.setdefault(name, place) != place and name in _ONCE:
                raise Malformed(f"{name}-twice")
            known = True
        elif name is not None:
            known = False
        elif line[:1] not in {b" ", b"\t"} or line is lines[0]:
            raise Malformed("header-line")
        elif known:
            name, start, _ = headers[-1]
            headers[-1] = (name, start, end)
        at = end + step


def _check_lines(lines: list[bytes], max_headers: int, max_line: int) -> None:
    if len(lines) > max_headers:
        raise Excessive("too-many-headers")
    if any(len(line) > max_line for line in lines):
        raise Excessive("header-line-too-long")


@lru_cache(4096)
def _canonical_name(name: str) -> str | None:
    """The canonical name of a header, "" for one that does not matter to a gateway, None for what is no name."""
    name = name.rstrip(" \t")  # allowed before the colon (RFC 3261, section 7.3.1)
    return _NAMES.get(name.lower(), "") if _TOKEN.fullmatch(name) else None


def _head_lines(data: bytes, at: int) -> tuple[list[bytes], int, int]:
    """The header lines, how long the line end behind each is, and where the body begins."""
    end = data.find(b"\r\n\r\n", at - 2)
    if end >= at and (end == at or data[end - 1] not in (_CR, _LF)):
        lines = data[at:end].splitlines() or [b""]  # at each CR, LF and CRLF
        length = 2 * (len(lines) - 1)
        for line in lines:
            length += len(line)
        if length == end - at:  # each break is a CRLF
            return lines, 2, end + 4
    return _loose_lines(data, at)


def _loose_lines(data: bytes, at: int) -> tuple[list[bytes], int, int]:
    """The same where lines may end in a bare LF; the end of a datagram ends the headers too."""
    end = _last_line_end(data, at)
    lines = data[at : max(at, end)].split(b"\n") if end >= at else []
    body = end + 1
    if data.count(b"\r", at, body) != data.count(b"\r\n", at, body):
        raise Malformed("header-line")  # a bare CR ends a line for some, and hides a header from the others
    if body < len(data):
        body += 1 if data.startswith(b"\n", body) else 2
    return lines, 1, body


def _last_line_end(data: bytes, at: int) -> int:
    """Where the LF is behind which a blank line stands, or nothing; that of a head without lines is before `at`."""
    if at >= len(data) or data.startswith((b"\n", b"\r\n"), at):
        return at - 1
    found = [end for end in (data.find(b"\n\n", at), data.find(b"\n\r\n", at)) if end >= 0]
    if not found and not data.endswith(b"\n"):
        raise Malformed("header-line")
    return min(found, default=len(data) - 1)


def _find_body(message: SipMessage) -> None:
    words = message.value("call-id").split(None, 1)
    if not words:
        raise Malformed("no-call-id")
    if len(words) > 1:
        raise Malformed("call-id")  # a word, or two around an `@` (RFC 3261, section 25.1)
    message.call_id = words[0]
    if "cseq" in message.places:
        cseq = message.value("cseq").split(None, 2)
        if len(cseq) < 2 or not cseq[0].isdigit():  # noqa: PLR2004 - a number and a method
            raise Malformed("cseq")
        message.cseq, message.cseq_method = cseq[0], cseq[1]
    else:
        message.cseq_method = message.method
    _find_length(message)


def _find_length(message: SipMessage) -> None:
    place = message.places.get("content-length")
    if place is None:
        return
    _, start, end = message.headers[place]
    text = message.text
    digits = text[start:end].strip(_SPACE)
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _LENGTH_DIGITS:
        raise Malformed("content-length")
    body_end = message.body_start + int(digits)
    if body_end > len(message.data):
        raise Malformed("body-shorter-than-content-length")
    if len(digits) < end - start:
        start = text.index(digits, start)
    message.length = (start, start + len(digits))
    message.body_end = body_end
