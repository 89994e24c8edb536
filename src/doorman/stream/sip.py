r"""Finding SIP messages in a stream (RFC 3261, sections 7.5 and 18.3; RFC 5626, section 4.4.1).

    \r\n\r\n                                        a keep-alive: any CRs and LFs between messages
    INVITE sip:bob@198.51.100.20 SIP/2.0\r\n        start line; what does not begin like this is not SIP
    l: 132\r\n                                      Content-Length: the body's, once; without it there is no body
    \r\n                                            the first empty line ends the headers
    v=0 …                                           as many bytes as Content-Length says

Lines of a stream end in CRLF. A bare CR or LF in the headers is refused: whoever takes it for the end of a line, and
whoever does not, would see different messages (request smuggling).
"""

import re

from doorman.stream.framing import MAX_MESSAGE, TOO_LONG, Foreign, Found, Kind
from doorman.wire.malformed import Malformed
from doorman.wire.sip import begins_like_sip

_LENGTHS = re.compile(rb"\r\n(?:content-length|l)[ \t]*+:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE)
_BLANK_LINES = re.compile(rb"[\r\n]++")
_START = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]{1,32}+(?:[ \t]|\Z)|SIP(?:/|\Z)", re.IGNORECASE)
"""What a start line can begin with, as far as it has come: a method, or the version."""
_LONGEST_START = 33
_LENGTH_DIGITS = 9
_TLS = b"\x16\x03"
"""A handshake record of TLS 1.0 and later (RFC 8446, section 5.1)."""
_END_OF_HEADERS = b"\r\n\r\n"
_CR = 13


class SipFramer:
    """SIP's framer.

    Args:
        limit: the most bytes of a message.

    Attributes:
        begun: see `Framer.begun`.
    """

    __slots__ = ("_length", "_limit", "_note", "_seen", "begun")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self.begun = False
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
        """Whether the first line is there; it is one of SIP then."""
        end = data.find(b"\n", start + self._seen, start + self._limit)
        if end < 0:
            if self._seen < _LONGEST_START:
                _check_beginning(bytes(data[start : start + _LONGEST_START]))
            self._seen = len(data) - start
            if self._seen >= self._limit:
                raise Foreign("not-sip")
            return False
        if not begins_like_sip(bytes(data[start : end + 1])):
            raise Foreign("tls" if data.startswith(_TLS, start) else "not-sip")
        if data[end - 1] != _CR:
            raise Malformed("header-line")
        self.begun = True
        self._seen = end - 1 - start
        return True

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
        lengths = _LENGTHS.findall(data, start, end)
        if not lengths:
            self._note = "no-content-length"
            return 0
        if len(lengths) > 1:
            raise Malformed("content-length-twice")
        digits = lengths[0].strip()
        if not digits.isdigit() or len(digits) > _LENGTH_DIGITS:
            raise Malformed("content-length")
        return int(digits)


def _check_beginning(begun: bytes) -> None:
    """Refuse what can no more become a start line."""
    if begun.startswith(_TLS):
        raise Foreign("tls")
    if _START.match(begun) is None and begun != _TLS[:1]:
        raise Foreign("not-sip")
