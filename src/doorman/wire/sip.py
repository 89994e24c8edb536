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
from typing import Final

from doorman.net.memo import remember
from doorman.wire.malformed import Excessive, Malformed
from doorman.wire.sip_lines import (
    CALL_ID,
    CONTENT_LENGTH,
    CSEQ,
    FROM,
    KINDS,
    NAMES,
    TO,
    VIA,
    Block,
    HeaderLine,
    Singles,
    read_line,
    recall,
    recall_block,
)
from doorman.wire.uri import HostPort, find_request_uri

MAX_HEADERS: Final = 256
"""Header lines in a message; more is an attack."""
MAX_LINE: Final = 65_535
"""Bytes of a header line: no datagram has more."""

METHODS: Final = frozenset({
    b"ACK", b"BYE", b"CANCEL", b"INFO", b"INVITE", b"MESSAGE", b"NOTIFY", b"OPTIONS", b"PRACK", b"PUBLISH", b"REFER",
    b"REGISTER", b"SUBSCRIBE", b"UPDATE",
})  # fmt: skip
"""The methods with an RFC: 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665."""

_REQUEST_LINE: Final = re.compile(
    rb"([A-Za-z0-9.!%*_+`'~-]{1,32}+)[ \t]++"
    rb"([^ \t\r\n]++(?:[ \t]++(?![Ss][Ii][Pp]/2\.0[ \t]*+\r?\n)[^ \t\r\n]++)*)[ \t]++[Ss][Ii][Pp]/2\.0[ \t]*+\r?\n"
)
_STATUS_LINE: Final = re.compile(rb"[Ss][Ii][Pp]/2\.0 ([0-9]++)(?: [^\r\n]*+)?\r?\n")
_ANY_SIP_LINE: Final = re.compile(rb"(?:SIP/|[A-Za-z0-9.!%*_+`'~-]{1,32}+[ \t][^\r\n]*SIP/)", re.IGNORECASE)
_REMEMBERED: Final = 4_096
"""Start lines whose reading is remembered."""
_LONGEST_START: Final = 256
"""Bytes of such a start line: a peer chooses what it sends, and must not fill the memory with it."""
_STUN_COOKIE: Final = b"\x21\x12\xa4\x42"
"""RFC 8489, section 5."""
_NAMING: Final = 1 << CALL_ID | 1 << TO | 1 << FROM | 1 << VIA
"""The headers that name a message's hop, its ends and its call: a bit for each kind."""
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

    __slots__ = ("length", "method", "name", "status", "target", "uri_end", "uri_start")

    def __init__(  # noqa: PLR0913, PLR0917 - what a line says
        self, name: str, method: bytes, status: int, uri: bytes, uri_start: int, length: int
    ) -> None:
        self.name = name
        self.method = method
        self.status = status
        self.uri_start = uri_start
        self.uri_end = uri_start + len(uri)
        self.target = find_request_uri(uri)
        self.length = length


_START_LINES: Final[dict[str, _StartLine]] = {}
"""What was read of start lines: answers have but a few, and those who call each other write the same again."""


class SipMessage:
    """A SIP message, read but not taken apart.

    Attributes:
        data: all bytes of the datagram.
        text: the same, a character for each byte: names are looked up, and characters found, faster so.
        name: what to count it as: the method, or the status code; "" in a fragment.
        method: of a request, b"" in a response.
        status: of a response, 0 in a request.
        uri_start, uri_end: where the Request-URI stands.
        target: the addresses in it, see `find_request_uri`.
        lines: the headers, in order; some without what is new in this message, see `recall`.
        gaps: how many bytes were cut out of each of the first of them; of the others, none.
        lines_start: where the first of them stands; each begins where the one before it ends.
        call_id, cseq, cseq_method: from the headers of these names; `cseq` is the number as written. A request without
            CSeq has its own method as `cseq_method`.
        to_tag, from_tag: of the first To and From; b"" where there is none.
        body_start, body_end: where the body stands; what may follow it belongs to no message.
    """

    __slots__ = (
        "body_end", "body_start", "call_id", "cseq", "cseq_method", "data", "from_tag", "gaps", "lines", "lines_start",
        "method", "name", "status", "target", "text", "to_tag", "uri_end", "uri_start",
    )  # fmt: skip

    def __init__(self, data: bytes, text: str) -> None:
        self.data = data
        self.text = text
        self.name = ""
        self.method = b""
        self.status = 0
        self.uri_start = self.uri_end = self.lines_start = 0
        self.target: tuple[HostPort, ...] = ()
        self.lines: list[HeaderLine] = []
        self.gaps: list[int] = []
        self.call_id = self.cseq = self.cseq_method = self.to_tag = self.from_tag = b""
        self.body_start = self.body_end = len(data)

    @property
    def headers(self) -> list[Header]:
        """The headers that matter to a gateway, in order: where each stands."""
        found: list[Header] = []
        at, gaps = self.lines_start, iter(self.gaps)
        for line in self.lines:
            gap = next(gaps, 0)
            if line.kind:
                found.append(Header(NAMES[line.kind], at + line.start, at + line.end + gap))
            at += line.length + gap
        return found

    @property
    def length(self) -> Header | None:
        """The Content-Length header, without anything around its number; None where there is none."""
        name = NAMES[CONTENT_LENGTH]
        return next((header for header in self.headers if header.name == name), None)

    @property
    def body(self) -> bytes:
        """The body."""
        return self.data[self.body_start : self.body_end]

    def value(self, name: str) -> bytes:
        """The value of the first header of this canonical name; b"" where there is none."""
        kind = KINDS[name]
        at, gaps = self.lines_start, self.gaps
        for index, line in enumerate(self.lines):
            gap = gaps[index] if index < len(gaps) else 0
            if line.kind == kind:
                return self.data[at + line.start : at + line.end + gap]
            at += line.length + gap
        return b""


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
    return _read_usual(data, max_headers, max_line) or _read_any(data, max_headers, max_line)


def _read_usual(data: bytes, max_headers: int, max_line: int) -> SipMessage | None:
    """Read a message as nearly all are written; None for any other.

    Lines end with CRLF, and none continues another. The headers that name the message's hop, its ends and its call are
    read one by one; what follows them a phone writes time and again, and it is recalled in one piece.
    """
    message = SipMessage(data, data.decode("latin-1"))
    text = message.text
    first = text[: text.find("\n", 0, _LONGEST_START) + 1]
    try:
        start = _START_LINES.get(first) or _read_start_line(first)
        _begin(message, start, 0)
        at = _read_opening(message, start.length)
        end = text.find("\r\n\r\n", at - 2) + 2
        if not 0 < at <= end <= max_line:
            return None
        block, begin, stop = recall_block(data, text, at, end)
        message.lines += block.lines
        message.gaps.append(stop - begin)
        message.body_start = end + 2
        usual = _take_block(message, block.singles, begin, stop)
    except Malformed:
        return None
    return message if usual and len(message.lines) <= max_headers else None


def _read_opening(message: SipMessage, at: int) -> int:
    """Read headers until all those are there that name a message's hop, its ends and its call.

    Returns:
        Where they end; 0 where one of them is not as most are.

    Raises:
        Malformed: one is none.
    """
    data, text, lines, gaps = message.data, message.text, message.lines, message.gaps
    missing = _NAMING | 1 << CSEQ
    while missing & _NAMING:
        line_feed = text.find("\n", at)
        if line_feed <= at or data[line_feed - 1] != _CR:
            return 0
        line, begin, stop = recall(data, text, at, line_feed - 1)
        kind = line.kind
        if kind and kind <= VIA:
            if missing & (1 << kind):
                missing -= 1 << kind
                if not _take(message, line, begin, stop):
                    return 0
            elif kind <= CONTENT_LENGTH:
                return 0
        lines.append(line)
        gaps.append(stop - begin)
        at = line_feed + 1
    return at


def _take(message: SipMessage, line: HeaderLine, begin: int, stop: int) -> bool:
    """Let a message be what a header says of which this part was cut out; whether the header says it as most do."""
    kind, token = line.kind, line.token
    if begin < stop:
        if bool(token) != (kind == CSEQ):
            return kind == VIA
        token = message.data[begin - len(token) : stop]
    if kind == FROM:
        message.from_tag = token
    elif kind == TO:
        message.to_tag = token
    elif kind == CALL_ID:
        message.call_id = token
        return bool(token) and not line.rest
    elif kind == CSEQ:
        message.cseq, message.cseq_method = token, line.rest
        return bool(token and line.rest)
    return True


def _take_block(message: SipMessage, singles: Singles, begin: int, stop: int) -> bool:
    """Let a message be what the headers behind its opening say, `_take`.

    Raises:
        Malformed: its body is not as long as they say.
    """
    cseq, length = singles.cseq, singles.length
    if length is not None:
        _end_body(message, length.number)
    if cseq is None:
        message.cseq_method = message.cseq_method or message.method
    elif message.cseq or not _take(message, cseq, begin, stop):
        return False
    return singles.call_id is None


def _read_start_line(first: str) -> _StartLine:
    """Read a start line, and remember it.

    Raises:
        Malformed: it is none.
    """
    start = _match_start(first.encode("latin-1"), 0)
    if start is None:
        raise Malformed("start-line")
    return remember(_START_LINES, first, start, _REMEMBERED)


def _begin(message: SipMessage, start: _StartLine, at: int) -> None:
    """Let a message begin with a line that stands somewhere in it."""
    message.name, message.method, message.status = start.name, start.method, start.status
    message.uri_start, message.uri_end = at + start.uri_start, at + start.uri_end
    message.target = start.target
    message.lines_start = at + start.length


def _read_any(data: bytes, max_headers: int, max_line: int) -> SipMessage | None:
    """Read a message whose lines may end with LF and be continued; None where it is none.

    Raises:
        Excessive: see `read_sip`.
        Malformed: the same.
    """
    at = _skip_blank_lines(data)
    start = _match_start(data, at)
    if start is None:
        return None
    message = SipMessage(data, data.decode("latin-1"))
    _begin(message, start, at)
    _settle(message, _read_lines(message, max_headers, max_line))
    return message


def _match_start(data: bytes, start: int) -> _StartLine | None:
    line = _REQUEST_LINE.match(data, start)
    if line is not None:
        return _StartLine(line[1].decode("ascii"), line[1], 0, line[2], line.start(2) - start, line.end() - start)
    line = _STATUS_LINE.match(data, start)
    if line is None:
        if _ANY_SIP_LINE.match(data, start) is None:
            return None
        raise Malformed("start-line")
    if len(line[1]) != 3 or line[1] < b"100":  # noqa: PLR2004 - three digits (RFC 3261, section 7.2)
        raise Malformed("status-code")
    return _StartLine(line[1].decode("ascii"), b"", int(line[1]), b"", 0, line.end() - start)


def read_fragment(data: bytes) -> SipMessage:
    """Read a part of a message (`message/sipfrag`, RFC 3420): a start line, headers, a body, or only some of these.

    Raises:
        Malformed: it is none.
    """
    ended = data if data.endswith((b"\n", b"\r")) else data + b"\r\n"
    message = SipMessage(ended, ended.decode("latin-1"))
    line = _REQUEST_LINE.match(ended)
    if line is not None:
        message.method = line[1]
        message.uri_start, message.uri_end = line.span(2)
        message.target = find_request_uri(line[2])
    else:
        line = _STATUS_LINE.match(ended)
        message.status = int(line[1][:3]) if line is not None else 0
    message.lines_start = line.end() if line is not None else 0
    singles = _read_lines(message)
    message.body_start, message.body_end = min(message.body_start, len(data)), len(data)
    _settle(message, singles, fragment=True)
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


def _read_lines(message: SipMessage, max_headers: int = MAX_HEADERS, max_line: int = MAX_LINE) -> Singles:
    """Read the headers, however their lines end and are continued, and find where the body begins.

    What is over a limit is told before what is malformed, wherever it stands.
    """
    data, text, at = message.data, message.text, message.lines_start
    begins: list[int] = []
    ends: list[int] = []
    lines = 0
    broken: Malformed | None = None
    while at < len(data):  # the end of a datagram ends the headers too
        line_feed = text.find("\n", at)
        if line_feed < 0:
            raise Malformed("header-line")
        end = line_feed - 1 if data[line_feed - 1] == _CR else line_feed
        if end <= at:
            message.body_start = line_feed + 1
            break
        lines += 1
        if lines > max_headers:
            raise Excessive("too-many-headers")
        if end - at > max_line:
            broken = Excessive("header-line-too-long")
        elif text.find("\r", at, end) >= 0:
            broken = broken or Malformed("header-line")  # it ends a line for some, and hides a header from the others
        if ends and (data[at] == _BLANK or data[at] == _TAB):
            ends[-1] = end
        else:
            begins.append(at)
            ends.append(end)
        at = line_feed + 1
    if broken is not None:
        raise broken
    begins.append(at)
    spans = zip(begins, ends, begins[1:], strict=False)
    message.lines = [read_line(text[begin:end], following - begin) for begin, end, following in spans]
    return Block(message.lines).singles


def _settle(message: SipMessage, singles: Singles, *, fragment: bool = False) -> None:
    """Let a message be what its headers say: of which call, transaction and dialog, and how long its body is.

    A fragment needs no call, and is of none.
    """
    to, sender, length = singles.to, singles.sender, singles.length
    if to is not None:
        message.to_tag = to.token
    if sender is not None:
        message.from_tag = sender.token
    if not fragment:
        _identify(message, singles.call_id, singles.cseq)
    if length is not None and not (fragment and message.body_start == message.body_end):
        _end_body(message, length.number)


def _identify(message: SipMessage, call_id: HeaderLine | None, cseq: HeaderLine | None) -> None:
    """Let a message be of the call and the transaction that its headers name."""
    if call_id is None or not call_id.token:
        raise Malformed("no-call-id")
    if call_id.rest:
        raise Malformed("call-id")  # a word, or two around an `@` (RFC 3261, section 25.1)
    message.call_id = call_id.token
    if cseq is None:
        message.cseq_method = message.method
        return
    if not cseq.token or not cseq.rest:
        raise Malformed("cseq")
    message.cseq, message.cseq_method = cseq.token, cseq.rest


def _end_body(message: SipMessage, length: int) -> None:
    """Let a body be as long as the Content-Length header says."""
    if length < 0:
        raise Malformed("content-length")
    message.body_end = message.body_start + length
    if message.body_end > len(message.data):
        raise Malformed("body-shorter-than-content-length")
