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

from doorman.net.memo import remember
from doorman.wire.places import Port
from doorman.wire.sdp_lines import MAX_PORT, read_lines
from doorman.wire.session_description import Media, SessionDescription

_BEGIN: Final = "v=0\r\no="
_MEDIA: Final = "m="
_NEXT_MEDIA: Final = "\nm="
_DIGITS_OF_PORT: Final = 5
_LONGEST: Final = 1_024
"""Bytes of lines that are remembered: a peer chooses what it sends, and must not fill the memory with it."""
_REMEMBERED: Final = 512
_OPENINGS: Final[dict[str, SessionDescription]] = {}
"""Sessions that begin with an address in `o=`, by that and by what follows it."""
_SECTIONS: Final[dict[str, Media]] = {}
"""Media, by what followed their port."""


def read_sdp(data: bytes, start: int, end: int, text: str = "") -> SessionDescription:
    """Read the description that stands in `data[start:end]`; all places are places in `data`.

    `text`: the same as `data`, a character for each byte, where there is one already.

    Raises:
        Malformed: a media line cannot be read, or ports are out of range.
    """
    text = text or data.decode("latin-1")
    at = start
    if text[start : min(start + len(_MEDIA), end)] != _MEDIA:
        at = text.find(_NEXT_MEDIA, start, end) + 1 or end
    session = _read_opening(data, text, start, at)
    while at < end:
        following = text.find(_NEXT_MEDIA, at, end) + 1 or end
        _read_media(session, data, text, at, following)
        at = following
    return session


def _read_opening(data: bytes, text: str, start: int, end: int) -> SessionDescription:
    """Read what is said of the whole session."""
    first = start + len(_BEGIN)
    family = text.find("IP", first, end) - 1
    before, written = text[first:family], text[family:end]
    if family < 0 or text[start:first] != _BEGIN or "\n" in before or "\r" in before or len(written) > _LONGEST:
        session = SessionDescription()
        read_lines(session, data, text, start, end)
        return session
    known = _OPENINGS.get(written)
    if known is None:
        known = SessionDescription()
        alone = _BEGIN + written
        read_lines(known, alone.encode("latin-1"), alone, 0, len(alone))
        remember(_OPENINGS, written, known, _REMEMBERED)
    return known.moved(family - len(_BEGIN))


def _read_media(session: SessionDescription, data: bytes, text: str, start: int, end: int) -> None:
    """Read a line of media, and what is said of these."""
    first = text.find(" ", start, end) + 1
    last = text.find(" ", first, end)
    digits, written = text[first:last], text[last:end]
    known = _SECTIONS.get(written)
    if known is not None and len(digits) <= _DIGITS_OF_PORT and digits.isdecimal():
        port = Port(first, last, int(digits))
        if port.number <= MAX_PORT and known.kind == text[start + len(_MEDIA) : first - 1]:
            session.media.append(known.again(port, end))
            return
    origin = session.origin
    read_lines(session, data, text, start, end)
    media = session.media[-1]
    if media.port.end == last and len(written) <= _LONGEST and not media.is_of_its_session and session.origin is origin:
        remember(_SECTIONS, written, media, _REMEMBERED)
