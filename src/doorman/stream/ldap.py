"""Finding LDAP messages in a stream (RFC 4511, section 5.1).

    30 82 01 05 02 01 07 63 …      a sequence, its length, a message identifier, and an operation: so a stream begins
    30 …                           and so does each message
    16 03 …                        TLS, from the beginning (LDAPS) or after StartTLS
    00 00 01 05 …                  messages in a SASL security layer (RFC 4513, section 5.2), after a bind that made it

A message that is longer than the limit goes on as it comes, piece by piece: directories hold photographs.
"""

from doorman.stream.framing import MAX_MESSAGE, TOO_LONG, Foreign, Found, Kind
from doorman.wire.ber import MAX_LENGTH_BYTES
from doorman.wire.ldap import INTEGER, OPERATIONS, SEQUENCE
from doorman.wire.malformed import Malformed

_TLS = b"\x16\x03"
"""A handshake record of TLS 1.0 and later (RFC 8446, section 5.1)."""
_LONG = 0x80
_LONGEST_IDENTIFIER = 5


class LdapFramer:
    """LDAP's framer.

    Args:
        limit: the most bytes of a message that is looked into.

    Attributes:
        begun: see `Framer.begun`.
    """

    __slots__ = ("_known", "_length", "_limit", "_passing", "begun")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self.begun = False
        self._known = False
        self._limit = limit
        self._length = 0
        self._passing = 0

    def find(self, data: bytes | bytearray, start: int) -> Found | None:
        """See `Framer.find`."""
        there = len(data) - start
        if there <= 0:
            return None
        if self._passing:
            return self._pass(there)
        if not self._length and not self._measure(data, start):
            return None
        if self._length > self._limit:
            self._passing, self._length, self.begun = self._length, 0, False
            return self._pass(there, TOO_LONG)
        if there < self._length:
            return None
        found = Found(self._length, Kind.MESSAGE)
        self._length, self.begun = 0, False
        return found

    def _pass(self, there: int, note: str = "") -> Found:
        """As much as there is of a message that is not looked into."""
        taken = min(there, self._passing)
        self._passing -= taken
        return Found(taken, Kind.DATA, note)

    def _measure(self, data: bytes | bytearray, start: int) -> bool:
        """Whether it can be told how long the message is; it is one of LDAP then."""
        if data[start] != SEQUENCE:
            self._refuse(data, start)
            return False
        if len(data) - start < 2:  # noqa: PLR2004 - tag and length
            return False
        at, length = start + 2, int(data[start + 1])
        if length >= _LONG:
            count = length - _LONG
            if not 0 < count <= MAX_LENGTH_BYTES:
                raise Malformed("ber-length") if self._known else Foreign("not-ldap")
            at += count
            if len(data) < at:
                return False
            length = int.from_bytes(data[start + 2 : at], "big")
        if not self._known and not self._begins(data, at, length):
            return False
        self._known = self.begun = True
        self._length = at - start + length
        return True

    def _begins(self, data: bytes | bytearray, at: int, length: int) -> bool:
        """Whether a message begins like one of LDAP; False: more is needed to tell."""
        there = len(data) - at
        if length < 5 or (there > 0 and data[at] != INTEGER):  # noqa: PLR2004 - the shortest is an unbind
            raise Foreign("not-ldap")
        if there < 2:  # noqa: PLR2004 - tag and length
            return False
        identifier = int(data[at + 1])
        if not 0 < identifier <= _LONGEST_IDENTIFIER:
            raise Foreign("not-ldap")
        if there < 2 + identifier + 1:
            return False
        if data[at + 2 + identifier] not in OPERATIONS:
            raise Foreign("not-ldap")
        return True

    def _refuse(self, data: bytes | bytearray, start: int) -> None:
        """See that what begins otherwise is another protocol; nothing if it cannot be told yet."""
        begun = bytes(data[start : start + len(_TLS)])
        if begun == _TLS:
            raise Foreign("tls")
        if begun != _TLS[:1]:
            raise Foreign("ldap-protected" if self._known else "not-ldap")
