r"""Finding what begins a connection of rsh, rexec or rlogin: a decimal number, or none, and a zero byte.

rsh       1022 \0 | local user \0 | remote user \0 | command \0        the port at which the client awaits errors
rexec     40001 \0 | user \0 | password \0 | command \0                the same
rlogin    \0 | local user \0 | remote user \0 | terminal/speed \0      none: so does rsh without a second connection
"""

import re

from doorman.stream.framing import Foreign, Found, Kind

_MOST_DIGITS = 8
_BEGINNING = re.compile(rb"[0-9]{0,8}\0")
_DIGITS = re.compile(rb"[0-9]*+")


class RcmdFramer:
    """RCMD's framer: one message begins a stream; what is behind it is between the two ends.

    Attributes:
        begun: False: a stream that ends within its number is nobody's, and may pass.
    """

    __slots__ = ("begun",)

    def __init__(self, limit: int) -> None:  # noqa: ARG002 - its message is shorter than any limit
        self.begun = False

    def find(self, data: bytes | bytearray, start: int) -> Found | None:
        """See `Framer.find`."""
        found = _BEGINNING.match(data, start)
        if found is not None:
            return Found(found.end() - start, Kind.MESSAGE)
        digits = _DIGITS.match(data, start)
        if digits is not None and digits.end() == len(data) and digits.end() - start <= _MOST_DIGITS:
            return None
        raise Foreign("not-rcmd")
