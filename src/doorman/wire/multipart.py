"""Finding the parts of a multipart body (RFC 2046, section 5.1; in SIP: RFC 5621).

    --boundary
    Content-Type: application/sdp

    v=0 …
    --boundary--

Each part is found by its own Content-Type. Parts within parts are found too.
"""

import re
from typing import Final

from doorman.wire.malformed import Excessive, Malformed
from doorman.wire.places import Place

MAX_PARTS: Final = 256
"""Parts of a body; a list of states has one for each (RFC 4662)."""
MAX_DEPTH: Final = 3
"""Multiparts within multiparts; deeper ones are left unread."""
_LONGEST_TYPE: Final = 255
"""Bytes of a Content-Type in which its type is looked for (RFC 6838, section 4.2)."""
_USUAL: Final = b"application/sdp"

_BOUNDARY: Final = re.compile(rb";\s*+boundary\s*+=\s*+(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)
_END_OF_HEADERS: Final = re.compile(rb"\r?\n\r?\n")
_CONTENT_TYPE: Final = re.compile(
    rb"^(?:content-type|c)[ \t]*+:[ \t]*+([^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*)", re.IGNORECASE | re.MULTILINE
)
_CONTENT_LENGTH: Final = re.compile(
    rb"^(?:content-length|l)[ \t]*+:[ \t]*+([0-9]{1,9}+)[ \t]*+\r?$", re.IGNORECASE | re.MULTILINE
)


_ENCODED: Final = re.compile(
    rb"^(?:content-transfer-encoding[ \t]*+:[ \t]*+(?!7bit|8bit|binary)"
    rb"|(?:content-encoding|e)[ \t]*+:[ \t]*+(?!identity))[^\s]",
    re.IGNORECASE | re.MULTILINE,
)


class Part:
    """A piece of a body.

    Attributes:
        content_type: in lower case, without parameters.
        start, end: where it stands.
        lengths: where the numbers in Content-Length headers stand that count it: those of multiparts around it, from
            the outermost inwards, and its own. Few have any.
        encoded: whether it is compressed, or not written as it is (base64).
        signed: whether it is covered by a signature (RFC 1847), and any change would break that.
        alternative: which `multipart/alternative` it is a choice of, -1 for none.
    """

    __slots__ = ("alternative", "content_type", "encoded", "end", "lengths", "signed", "start")

    def __init__(self, content_type: bytes, start: int, end: int) -> None:
        self.content_type = content_type
        self.start = start
        self.end = end
        self.lengths: tuple[Place, ...] = ()
        self.encoded = self.signed = False
        self.alternative = -1


def find_parts(data: bytes, content_type: bytes, start: int, end: int) -> list[Part]:
    """All parts of the body `data[start:end]` that are not multiparts; a body that is none is its own only part.

    Raises:
        Malformed: more parts than `MAX_PARTS`, or a multipart whose boundary is not named.
    """
    return _parts_of(data, content_type, Part(_media_type(content_type), start, end), 0)


def _parts_of(data: bytes, content_type: bytes, whole: Part, depth: int) -> list[Part]:
    media_type, start, end = whole.content_type, whole.start, whole.end
    if not media_type.startswith(b"multipart/") or depth == MAX_DEPTH:
        return [whole]
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise Malformed("multipart-without-boundary")
    signed = whole.signed or media_type == b"multipart/signed"
    alternative = start if media_type == b"multipart/alternative" else whole.alternative
    parts: list[Part] = []
    for at, stop in _between(data, b"--" + (boundary[1] or boundary[2]), start, end):
        head_end = _END_OF_HEADERS.search(data, max(start, at - 2), stop)
        if head_end is None:
            continue
        head = data[at : max(at, head_end.start())]
        kind = _CONTENT_TYPE.search(head)
        length = _CONTENT_LENGTH.search(head)
        inner = kind[1] if kind else b"text/plain"
        part = Part(_media_type(inner), head_end.end(), stop)
        part.lengths = whole.lengths + (((at + length.start(1), at + length.end(1)),) if length else ())
        part.encoded = whole.encoded or _ENCODED.search(head) is not None
        part.signed, part.alternative = signed, alternative
        parts += _parts_of(data, inner, part, depth + 1)
        if len(parts) > MAX_PARTS:
            raise Excessive("too-many-parts")
    return parts


def _media_type(content_type: bytes) -> bytes:
    """The type without its parameters, in lower case."""
    if content_type == _USUAL:
        return _USUAL
    return content_type[:_LONGEST_TYPE].partition(b";")[0].strip().lower()


def _between(data: bytes, delimiter: bytes, start: int, end: int) -> list[Place]:
    """The spaces between delimiter lines, without the line end that belongs to the next delimiter."""
    spans: list[Place] = []
    line = b"\n" + delimiter
    at = start if data.startswith(delimiter, start) else data.find(line, start, end) + 1
    while start <= at < end and not data.startswith(delimiter + b"--", at):
        begin = data.find(b"\n", at, end) + 1
        if not begin:
            break
        following = data.find(line, begin - 1, end) + 1
        stop = following - 1 if following else end  # never closed: the last part goes on to the end
        if data[stop - 1 : stop] == b"\r" and following:
            stop -= 1
        if begin <= stop:
            spans.append((begin, stop))
        if len(spans) > MAX_PARTS:
            raise Excessive("too-many-parts")
        at = following
    return spans
