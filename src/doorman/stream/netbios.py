"""Finding the packets of NetBIOS's session service in a stream (RFC 1002, section 4.3.1).

81 00 00 44 …                a session request, or the answer to one: so a stream begins, or it is another protocol
00 01 00 00 …                then messages, of up to 131,071 bytes, and keep-alives
"""

from doorman.stream.framing import MAX_MESSAGE, TOO_LONG, Foreign, Found, Kind
from doorman.wire.malformed import Malformed
from doorman.wire.netbios import SESSION, SESSION_HEADER, session_length

_BEGINS = frozenset({0x81, 0x82, 0x83, 0x84})
_MOST_FLAGS = 1


class SessionFramer:
    """The framer of the session service.

    Args:
        limit: the most bytes of a packet.

    Attributes:
        begun: see `Framer.begun`.
    """

    __slots__ = ("_known", "_limit", "begun")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self.begun = False
        self._known = False
        self._limit = limit

    def find(self, data: bytes | bytearray, start: int) -> Found | None:
        """See `Framer.find`."""
        if start >= len(data):
            return None
        if data[start] not in (SESSION if self._known else _BEGINS):
            raise Foreign("not-netbios")
        if len(data) - start < SESSION_HEADER:
            return None
        if data[start + 1] > _MOST_FLAGS:
            raise Foreign("not-netbios")
        self._known = self.begun = True
        length = session_length(data, start)
        if length > self._limit:
            raise Malformed(TOO_LONG)
        if len(data) - start < length:
            return None
        self.begun = False
        return Found(length, Kind.MESSAGE)
