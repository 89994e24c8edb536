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
_FIRST_WORDS: Final = 2
"""The kind of media, and their port."""
_DIGITS_OF_PORT: Final = 5
_KEY: Final = "\na=crypto:"
"""Holds a key for this session (RFC 4568)."""
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
    sections = text[start:end].split(_NEXT_MEDIA)
    at = min(start + len(sections[0]) + 1, end)
    session = _read_opening(sections[0], data, start, at)
    for section in sections[1:]:
        following = min(at + len(_MEDIA) + len(section) + 1, end)
        _read_media(session, section, data, at, following)
        at = following
    return session


def _read_opening(opening: str, data: bytes, start: int, end: int) -> SessionDescription:
    """Read what is said of the whole session."""
    first = len(_BEGIN)
    family = opening.find("IP", first) - 1
    before, written = opening[first:family], opening[family:]
    usual = family >= 0 and opening.startswith(_BEGIN) and "\n" not in before and "\r" not in before
    if not usual or len(written) > _LONGEST:
        session = SessionDescription()
        read_lines(session, data, opening, start, end)
        return session
    known = _OPENINGS.get(written)
    if known is None:
        known = SessionDescription()
        alone = _BEGIN + written
        read_lines(known, alone.encode("latin-1"), alone, 0, len(alone))
        remember(_OPENINGS, written, known, _REMEMBERED)
    return known.moved(start + family - first)


def _read_media(session: SessionDescription, section: str, data: bytes, start: int, end: int) -> None:
    """Read a line of media, and what is said of these."""
    words = section.split(" ", _FIRST_WORDS)
    known = _SECTIONS.get(words[-1]) if len(words) > _FIRST_WORDS else None
    first = start + len(_MEDIA) + len(words[0]) + 1
    if known is not None and known.kind == words[0] and len(words[1]) <= _DIGITS_OF_PORT and words[1].isdecimal():
        port = Port(first, first + len(words[1]), int(words[1]))
        if port.number <= MAX_PORT:
            session.media.append(known.again(port, end))
            return
    origin = session.origin
    read_lines(session, data, _MEDIA + section, start, end)
    media = session.media[-1]
    recurs = not media.is_of_its_session and session.origin is origin and _KEY not in section
    if recurs and len(section) <= _LONGEST and len(words) > _FIRST_WORDS and media.port.end == first + len(words[1]):
        remember(_SECTIONS, words[-1], media, _REMEMBERED)
