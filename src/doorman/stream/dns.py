"""Finding the messages of DNS in a stream: each has its length before it, in two bytes (RFC 1035, section 4.2.2).

A stream is DNS if its first message looks like one: so a browser that was made to send an HTTP request to port 53
speaks none.
"""

from doorman.stream.framing import MAX_MESSAGE, TOO_LONG, Foreign, Found, Kind
from doorman.wire.dns import HEADER, LENGTH, name_of
from doorman.wire.malformed import Malformed

_BEGINNING = LENGTH + HEADER
_TLS = b"\x16\x03"
_RESPONSE = 0x80


class DnsFramer:
    """The framer of DNS.

    Args:
        limit: the most bytes of a message, without its length.

    Attributes:
        begun: whether what waits is part of a message.
    """

    __slots__ = ("_known", "_limit", "begun")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self.begun = False
        self._known = False
        self._limit = limit

    def find(self, data: bytes | bytearray, start: int) -> Found | None:
        """See `Framer.find`."""
        waits = len(data) - start
        self.begun = self._known and waits > 0
        if not self._known:
            if waits < _BEGINNING:
                return None
            self._known = self.begun = _begins(bytes(data[start : start + _BEGINNING]))
        if waits < LENGTH:
            return None
        length = data[start] << 8 | data[start + 1]
        if length > self._limit:
            raise Malformed(TOO_LONG)
        if length < HEADER:
            raise Malformed("dns-cut-short")
        if waits < LENGTH + length:
            return None
        self.begun = False
        return Found(LENGTH + length, Kind.MESSAGE)


def _begins(data: bytes) -> bool:
    """See that a stream begins with a message: one that asks about one thing at most, and no error of a request."""
    if data.startswith(_TLS):
        raise Foreign("tls")
    asks_one = data[LENGTH + 4] == 0 and data[LENGTH + 5] <= 1
    is_error = not data[LENGTH + 2] & _RESPONSE and data[LENGTH + 3] & 15
    is_short = not data[0] and data[1] < HEADER
    if is_short or is_error or not asks_one or not name_of(data, LENGTH):
        raise Foreign("not-dns")
    return True
