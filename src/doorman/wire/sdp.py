"""Reading session descriptions (SDP, RFC 8866): where the addresses and ports of the media stand.

    v=0
    o=alice 2890844526 2890844526 IN IP4 192.168.1.10       new in each session, up to the address
    s=-
    c=IN IP4 192.168.1.10                                   what a phone says time and again
    t=0 0
    m=audio 49170 RTP/AVP 0 8                               a new port each time,
    a=rtpmap:0 PCMU/8000                                    and again what has been said before

Of a description as most are written, what follows the address of `o=`, and what follows each port, is recalled in one
piece. All else is read line by line, see `sdp_lines`.
"""

from typing import Final

from doorman.net.addresses import parse_address
from doorman.net.memo import remember
from doorman.wire.places import Host, Port
from doorman.wire.sdp_lines import MAX_PORT, read_lines
from doorman.wire.session_description import Media, SessionDescription

_BEGIN: Final = "v=0\r\no="
_FAMILY: Final = "IN IP4 "
_MEDIA: Final = "m="
_NEXT_MEDIA: Final = "\nm="
_KINDS: Final = {f"m={kind} ": kind for kind in ("audio", "video", "image", "application", "message", "text")}
"""How lines of media begin that most have."""
_DIGITS_OF_PORT: Final = 5
_LONGEST: Final = 1_024
"""Bytes of lines that are remembered: a peer chooses what it sends, and must not fill the memory with it."""
_REMEMBERED: Final = 512
_OPENINGS: Final[dict[str, SessionDescription]] = {}
"""Sessions, by what followed the address of their origin."""
_SECTIONS: Final[dict[str, Media]] = {}
"""Media, by what followed their port."""


def read_sdp(data: bytes, start: int, end: int, text: str = "") -> SessionDescription:
    """Read the description that stands in `data[start:end]`; all places are places in `data`.

    `text`: the same as `data`, a character for each byte, where there is one already.

    Raises:
        Malformed: a media line cannot be read, or ports are out of range.
    """
    text = text or data.decode("latin-1")
    at = start if text.startswith(_MEDIA, start, end) else text.find(_NEXT_MEDIA, start, end) + 1 or end
    session = _read_opening(data, text, start, at)
    while at < end:
        following = text.find(_NEXT_MEDIA, at, end) + 1 or end
        _read_media(session, data, text, at, following)
        at = following
    return session


def _read_opening(data: bytes, text: str, start: int, end: int) -> SessionDescription:
    """Read what is said of the whole session."""
    origin = _usual_origin(data, text, start, end)
    if origin is None:
        session = SessionDescription()
        read_lines(session, data, text, start, end)
        return session
    written = text[origin.end : end]
    known = _OPENINGS.get(written)
    if known is None:
        known = SessionDescription()
        read_lines(known, data, text, start, end)
        if known.origin is None or known.origin.end != origin.end:
            return known  # another one follows
        if len(written) <= _LONGEST:
            remember(_OPENINGS, written, known, _REMEMBERED)
    return known.continued(origin)


def _usual_origin(data: bytes, text: str, start: int, end: int) -> Host | None:
    """The origin of a description that begins as most do, with a line of its own; None of any other."""
    if not text.startswith(_BEGIN, start, end):
        return None
    start += len(_BEGIN)
    last = text.find("\n", start, end) - 1
    first = text.find("IP", start, last) + len("IP4 ")
    if text.find("\r", start, last + 1) != last or text[first - len(_FAMILY) : first] != _FAMILY:
        return None
    address = parse_address(data[first:last])
    return Host(first, last, address) if address is not None and len(address) == 4 else None  # noqa: PLR2004 - IPv4


def _read_media(session: SessionDescription, data: bytes, text: str, start: int, end: int) -> None:
    """Read a line of media, and what is said of these."""
    first = text.find(" ", start, end) + 1
    last = text.find(" ", first, end)
    kind, digits = _KINDS.get(text[start:first]), text[first:last]
    if kind is None or last < 0 or len(digits) > _DIGITS_OF_PORT or not digits.isdecimal():
        read_lines(session, data, text, start, end)
        return
    port, written = Port(first, last, int(digits)), text[last:end]
    known = _SECTIONS.get(written)
    if known is not None and port.number <= MAX_PORT:
        session.media.append(known.again(kind, port, end))
        return
    origin = session.origin
    read_lines(session, data, text, start, end)
    media = session.media[-1]
    if len(written) <= _LONGEST and not media.is_of_its_session and session.origin is origin:
        remember(_SECTIONS, written, media, _REMEMBERED)
