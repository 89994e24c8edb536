r"""Finding lines in a stream, for protocols whose messages are lines: each ends with LF, before which CR may stand.

220 ready\r\n      the first line says whether the stream is of the protocol; it is known by its first word
…\r\n              whatever follows
"""

from collections.abc import Callable

from doorman.stream.framing import MAX_MESSAGE, TOO_LONG, Foreign, Found, Kind
from doorman.wire.malformed import Malformed

_TLS = b"\x16\x03"
"""A handshake record of TLS 1.0 and later (RFC 8446, section 5.1)."""

Begins = Callable[[bytes], bool | None]
"""Whether a stream that begins so is of a protocol; None: more is needed to tell."""


class LineFramer:
    """The framer of a protocol of lines.

    Args:
        begins: knows the protocol by its first bytes.
        foreign: what a stream is called that is not of the protocol.
        limit: the most bytes of a line.

    Attributes:
        begun: False: part of a line at the end of a stream is nobody's message, and may pass.
    """

    __slots__ = ("_begins", "_foreign", "_known", "_limit", "_seen", "begun")

    def __init__(self, begins: Begins, foreign: str, limit: int = MAX_MESSAGE) -> None:
        self.begun = False
        self._begins = begins
        self._foreign = foreign
        self._known = False
        self._limit = limit
        self._seen = 0

    def find(self, data: bytes | bytearray, start: int) -> Found | None:
        """See `Framer.find`."""
        if not self._known and start < len(data) and not self._is_known(bytes(data[start : start + self._limit])):
            return None
        end = data.find(b"\n", start + self._seen, start + self._limit)
        if end >= 0:
            self._seen = 0
            return Found(end + 1 - start, Kind.MESSAGE)
        self._seen = len(data) - start
        if self._seen >= self._limit:
            raise Malformed(TOO_LONG)
        return None

    def _is_known(self, beginning: bytes) -> bool:
        """Whether it is clear that the stream is of the protocol."""
        if beginning.startswith(_TLS):
            raise Foreign("tls")
        known = self._begins(beginning)
        if known is None and not _TLS.startswith(beginning) and len(beginning) < self._limit:
            return False
        if not known and beginning != _TLS[:1]:
            raise Foreign(self._foreign)
        self._known = bool(known)
        return self._known
