r"""Finding messages that begin with a head, in a stream (SIP: RFC 3261, section 18.3; RTSP: RFC 2326, section 4).

    \r\n\r\n                                        a keep-alive: any CRs and LFs between messages
    INVITE sip:bob@198.51.100.20 SIP/2.0\r\n        start line; what does not begin like one is not of the protocol
    Content-Length: 132\r\n                         the body's, once; without it there is no body
    \r\n                                            the first empty line ends the headers
    v=0 …                                           as many bytes as Content-Length says

Lines of a stream end in CRLF. A bare CR or LF in the headers is refused: whoever takes it for the end of a line, and
whoever does not, would see different messages (request smuggling).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from doorman.stream.framing import MAX_MESSAGE, TOO_LONG, Foreign, Found, Kind
from doorman.wire.malformed import Malformed

_BLANK_LINES = re.compile(rb"[\r\n]++")
_LENGTH_DIGITS = 9
_TLS = b"\x16\x03"
"""A handshake record of TLS 1.0 and later (RFC 8446, section 5.1)."""
_END_OF_HEADERS = b"\r\n\r\n"
_CR = 13


class Grammar(NamedTuple):
    """What tells the messages of a protocol.

    Attributes:
        begins: whether a whole line is a start line.
        start: what a start line can begin with, as far as it has come.
        longest_start: bytes in which that can be told.
        lengths: finds the values of Content-Length in a head.
        foreign: what a stream is called that is not of the protocol.
        without_length: what a message without Content-Length is noted as; "": that is usual.
    """

    begins: Callable[[bytes], bool]
    start: re.Pattern[bytes]
    longest_start: int
    lengths: re.Pattern[bytes]
    foreign: str
    without_length: str = ""


class HeadedFramer:
    """The framer of a protocol whose messages begin with a head.

    Args:
        grammar: of the protocol.
        limit: the most bytes of a message.

    Attributes:
        begun: see `Framer.begun`.
    """

    __slots__ = ("_grammar", "_length", "_limit", "_note", "_seen", "begun")

    def __init__(self, grammar: Grammar, limit: int = MAX_MESSAGE) -> None:
        self.begun = False
        self._grammar = grammar
        self._limit = limit
        self._seen = 0
        self._length = 0
        self._note = ""

    def find(self, data: bytes | bytearray, start: int) -> Found | None:
        """See `Framer.find`."""
        if start >= len(data):
            return None
        if not self.begun:
            blank = _BLANK_LINES.match(data, start)
            if blank is not None:
                return Found(blank.end() - start, Kind.KEEPALIVE)
            if not self._find_start_line(data, start):
                return None
        if not self._length and not self._find_end(data, start):
            return None
        if len(data) - start < self._length:
            return None
        found = Found(self._length, Kind.MESSAGE, self._note)
        self.begun, self._seen, self._length, self._note = False, 0, 0, ""
        return found

    def _find_start_line(self, data: bytes | bytearray, start: int) -> bool:
        """Whether the first line is there; it is one of the protocol then."""
        end = data.find(b"\n", start + self._seen, start + self._limit)
        if end < 0:
            longest = self._grammar.longest_start
            if self._seen < longest:
                self._check_beginning(bytes(data[start : start + longest]))
            self._seen = len(data) - start
            if self._seen >= self._limit:
                raise Foreign(self._grammar.foreign)
            return False
        if not self._grammar.begins(bytes(data[start : end + 1])):
            raise Foreign("tls" if data.startswith(_TLS, start) else self._grammar.foreign)
        if data[end - 1] != _CR:
            raise Malformed("header-line")
        self.begun = True
        self._seen = end - 1 - start
        return True

    def _check_beginning(self, begun: bytes) -> None:
        """Refuse what can no more become a start line."""
        if begun.startswith(_TLS):
            raise Foreign("tls")
        if self._grammar.start.match(begun) is None and begun != _TLS[:1]:
            raise Foreign(self._grammar.foreign)

    def _find_end(self, data: bytes | bytearray, start: int) -> bool:
        """Whether the headers are whole; then it is known how long the message is."""
        end = data.find(_END_OF_HEADERS, start + self._seen, start + self._limit)
        if end < 0:
            if len(data) - start >= self._limit:
                raise Malformed(TOO_LONG)
            self._seen = max(self._seen, len(data) - start - len(_END_OF_HEADERS) + 1)
            return False
        breaks = data.count(b"\r\n", start, end)
        if data.count(b"\n", start, end) != breaks or data.count(b"\r", start, end) != breaks:
            raise Malformed("header-line")
        length = end + len(_END_OF_HEADERS) - start + self._body(data, start, end)
        if length > self._limit:
            raise Malformed(TOO_LONG)
        self._length = length
        return True

    def _body(self, data: bytes | bytearray, start: int, end: int) -> int:
        lengths = self._grammar.lengths.findall(data, start, end)
        if not lengths:
            self._note = self._grammar.without_length
            return 0
        if len(lengths) > 1:
            raise Malformed("content-length-twice")
        digits = lengths[0].strip()
        if not digits.isdigit() or len(digits) > _LENGTH_DIGITS:
            raise Malformed("content-length")
        return int(digits)
