r"""Finding RTSP messages in a stream, and the media between them (RFC 2326, section 10.12; RFC 7826, section 14).

    SETUP rtsp://… RTSP/1.0\r\n … \r\n      a message; the first thing in a stream is one
    \r\n                                    a keep-alive
    $ channel length length data            interleaved media: 8 bits, 16 bits, and as many bytes

    GET /film HTTP/1.0\r\n                  RTSP in HTTP: base64, which is not looked into
    x-sessioncookie: …\r\n

Media go on as they come, also the beginning of a frame: nothing of them has to wait for the rest.
"""

import re

from doorman.stream.framing import MAX_MESSAGE, Foreign, Found, Kind
from doorman.stream.headed import Grammar, HeadedFramer
from doorman.wire.rtsp import begins_like_rtsp

_GRAMMAR = Grammar(
    begins_like_rtsp,
    start=re.compile(rb"[A-Za-z0-9_-]{1,32}+(?:[ \t]|\Z)|RTSP(?:/|\Z)", re.IGNORECASE),
    longest_start=33,
    lengths=re.compile(rb"\r\ncontent-length[ \t]*+:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE),
    foreign="not-rtsp",
)
_HTTP = re.compile(rb"(?:GET|POST)[ \t]|HTTP/1\.")
_TUNNEL = re.compile(rb"\nx-sessioncookie[ \t]*+:|application/x-rtsp-tunnelled", re.IGNORECASE)
_END_OF_HEADERS = b"\r\n\r\n"
_DOLLAR = 0x24
_FRAME_HEAD = 4


class RtspFramer:
    """RTSP's framer.

    Args:
        limit: the most bytes of a message.
    """

    __slots__ = ("_limit", "_messages", "_rest", "_spoken")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._messages = HeadedFramer(_GRAMMAR, limit)
        self._spoken = False
        self._rest = 0

    @property
    def begun(self) -> bool:
        """See `Framer.begun`."""
        return self._messages.begun

    def find(self, data: bytes | bytearray, start: int) -> Found | None:
        """See `Framer.find`."""
        if self._spoken and not self._messages.begun:
            if self._rest or (start < len(data) and data[start] == _DOLLAR):
                return self._frames(data, start)
        elif not self._spoken and _HTTP.match(data, start) is not None:
            self._check_tunnel(data, start)
            return None
        found = self._messages.find(data, start)
        if found is not None and found.kind == Kind.MESSAGE:
            self._spoken = True
        return found

    def _frames(self, data: bytes | bytearray, start: int) -> Found | None:
        """All frames that there are, and as much as there is of the last."""
        at, end = start + self._rest, len(data)
        while end - at >= _FRAME_HEAD and data[at] == _DOLLAR:
            at += _FRAME_HEAD + (data[at + 2] << 8) + data[at + 3]
        self._rest = max(at - end, 0)
        at = min(at, end)
        return Found(at - start, Kind.DATA) if at > start else None

    def _check_tunnel(self, data: bytes | bytearray, start: int) -> None:
        """Tell RTSP in HTTP from other HTTP once the head is whole."""
        end = data.find(_END_OF_HEADERS, start, start + self._limit)
        if end >= 0 or len(data) - start >= self._limit:
            tunnelled = _TUNNEL.search(data, start, end if end >= 0 else start + self._limit) is not None
            raise Foreign("rtsp-over-http" if tunnelled else "not-rtsp")


def framer(limit: int = MAX_MESSAGE) -> RtspFramer:
    """RTSP's framer: messages of at most so many bytes."""
    return RtspFramer(limit)
