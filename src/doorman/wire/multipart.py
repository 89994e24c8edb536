"""Finding the parts of a multipart body (RFC 2046, section 5.1; in SIP: RFC 5621).

    --boundary
    Content-Type: application/sdp

    v=0 …
    --boundary--

Each part is found by its own Content-Type. Parts within parts are found too.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from doorman.wire.malformed import Malformed

MAX_PARTS = 32
MAX_DEPTH = 3
"""Multiparts within multiparts; deeper ones are left unread."""
_LONGEST_TYPE = 255
"""Bytes of a Content-Type in which its type is looked for, and which are remembered (RFC 6838, section 4.2)."""

_BOUNDARY = re.compile(rb";\s*+boundary\s*+=\s*+(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_CONTENT_TYPE = re.compile(
    rb"^(?:content-type|c)[ \t]*+:[ \t]*+([^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*)", re.IGNORECASE | re.MULTILINE
)
_CONTENT_LENGTH = re.compile(
    rb"^(?:content-length|l)[ \t]*+:[ \t]*+([0-9]{1,9}+)[ \t]*+\r?$", re.IGNORECASE | re.MULTILINE
)


class Part(NamedTuple):
    """A piece of a body.

    Attributes:
        content_type: in lower case, without parameters.
        start, end: where it stands.
        length: where the number in its own Content-Length header stands; few have one.
    """

    content_type: bytes
    start: int
    end: int
    length: tuple[int, int] | None = None


def find_parts(data: bytes, content_type: bytes, start: int, end: int) -> list[Part]:
    """All parts of the body `data[start:end]` that are not multiparts; a body that is none is its own only part.

    Raises:
        Malformed: more parts than `MAX_PARTS`, or a multipart whose boundary is not named.
    """
    return _parts_of(data, content_type, Part(_media_type(content_type[:_LONGEST_TYPE]), start, end), 0)


def _parts_of(data: bytes, content_type: bytes, whole: Part, depth: int) -> list[Part]:
    media_type, start, end, _ = whole
    if not media_type.startswith(b"multipart/") or depth == MAX_DEPTH:
        return [whole]
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise Malformed("multipart-without-boundary")
    parts: list[Part] = []
    for at, stop in _between(data, b"--" + (boundary[1] or boundary[2]), start, end):
        head_end = _END_OF_HEADERS.search(data, max(start, at - 2), stop)
        if head_end is None:
            continue
        kind = _CONTENT_TYPE.search(data[at : head_end.start()])
        length = _CONTENT_LENGTH.search(data[at : head_end.start()])
        inner = kind[1] if kind else b"text/plain"
        place = (at + length.start(1), at + length.end(1)) if length else None
        part = Part(_media_type(inner[:_LONGEST_TYPE]), head_end.end(), stop, place)
        parts += _parts_of(data, inner, part, depth + 1)
        if len(parts) > MAX_PARTS:
            raise Malformed("too-many-parts")
    return parts


@lru_cache(256)
def _media_type(content_type: bytes) -> bytes:
    """The type without its parameters, in lower case."""
    return content_type.partition(b";")[0].strip().lower()


def _between(data: bytes, delimiter: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """The spaces between delimiter lines, without the line end that belongs to the next delimiter."""
    marks = [
        match.span() for match in re.finditer(rb"(?:^|(?<=\n))" + re.escape(delimiter) + rb"[^\r\n]*+", data[start:end])
    ]
    if marks and not data.startswith(delimiter + b"--", start + marks[-1][0]):
        marks.append((end - start + 1, 0))  # never closed: the last part goes on to the end
    spans = []
    for (_, line_end), (next_start, _) in pairwise(marks):
        body_end = start + next_start - 1
        if data[body_end - 1 : body_end] == b"\r":
            body_end -= 1
        at = data.find(b"\n", start + line_end, end) + 1
        if 0 < at <= body_end:
            spans.append((at, body_end))
        if len(spans) > MAX_PARTS:
            raise Malformed("too-many-parts")
    return spans
