"""Reading the lines of a session description (SDP, RFC 8866), however they are written.

    o=alice 2890844526 2890844526 IN IP4 192.168.1.10
    c=IN IP4 192.168.1.10                      connection of all media that have none of their own
    m=audio 49170/2 RTP/AVP 0 8                kind, port / number of port pairs, transport, formats
    c=IN IP4 192.168.1.10                      connection of this media alone, which wins
    a=rtcp:49171 IN IP4 192.168.1.10           where RTCP goes, if not one port above (RFC 3605)
    a=candidate:1 1 UDP 2130706431 192.168.1.10 49170 typ host      (RFC 8839, section 5.1)
    a=remote-candidates:1 198.51.100.20 45664                       what the other side is reached by (section 5.2)
    m=message 2855 TCP/MSRP *
    a=path:msrp://192.168.1.10:2855/s7x;tcp                         a session, and who is on its way (RFC 4975)
    a=setup:passive                                                 who opens the connection (RFC 4145)

Only lines that can name an address are looked at.
"""

import re
from typing import Final

from doorman.net.addresses import is_multicast, parse_address
from doorman.net.packet import TCP, UDP
from doorman.wire.malformed import Excessive, Malformed
from doorman.wire.places import Host, Port
from doorman.wire.session_description import Candidate, Media, SessionDescription, Transport

MAX_PORT: Final = 65_535
MAX_CANDIDATES: Final = 128
"""ICE candidates in a description; more is an attack."""

_LINE: Final = re.compile(
    rb"^(?:([oc])=[^\r\n]*?\bIP[46][ \t]++([^\s/]{1,255}+)"
    rb"|m=(?:(\S++)[ \t]++([0-9]{1,5}+)(?:/([0-9]{1,4}+))?[ \t]++(\S++)|())"
    rb"|a=(?:(rtcp|candidate|remote-candidates|path):([^\r\n]*+)"
    rb"|(rtcp-mux|rtcp-mux-only|msrp-cema|setup:[a-z]{1,16}+|sendrecv|sendonly|recvonly|inactive)"
    rb"(?=[ \t]*+[\r\n]|[ \t]*+\Z)))",
    re.MULTILINE,
)
_HOST, _MEDIA, _BAD_MEDIA, _VALUE, _FLAG = 2, 6, 7, 9, 10
"""The last group of each kind of line."""
_ATTRIBUTE: Final = 0x61
_CONNECTION: Final = 0x63
_MEDIA_LINE: Final = 0x6D
_ORIGIN: Final = 0x6F
"""First letters of lines that matter."""
_ATTRIBUTES: Final = frozenset({"can", "ina", "msr", "pat", "rec", "rem", "rtc", "sen", "set"})
"""How attributes begin that matter."""
_RTCP: Final = re.compile(rb"([0-9]{1,5}+)(?![0-9])(?:[ \t]++IN[ \t]++IP[46][ \t]++(\S{1,255}+))?")
_CANDIDATE: Final = re.compile(
    rb"\S++[ \t]++([0-9]{1,5}+)[ \t]++([A-Za-z-]++)[ \t]++[0-9]++[ \t]++(\S{1,255}+)[ \t]++([0-9]{1,5}+)(?![0-9])"
)
_RELATED: Final = re.compile(rb"[ \t]raddr[ \t]++(\S{1,255}+)[ \t]++rport[ \t]++([0-9]{1,5}+)(?![0-9])")
_REMOTE: Final = re.compile(rb"([0-9]{1,5}+)[ \t]++(\S{1,255}+)[ \t]++([0-9]{1,5}+)(?![0-9])")
_PATH_URI: Final = re.compile(
    rb"(?<![^ \t:])msrps?://(?:[^\s@/;]{1,255}@)?(\[[0-9A-Fa-f:.]{2,45}+\]|[^\s:/;?@\[\]]{1,255}+)(?::([0-9]{1,5}+)(?![0-9]))?",
    re.IGNORECASE,
)
_MAX_PATH: Final = 16
"""URIs of a path: relays, and the end itself."""
_DIRECTIONS: Final = frozenset({b"sendrecv", b"sendonly", b"recvonly", b"inactive"})
_FLAGS: Final = {
    flag.decode(): flag for flag in (*_DIRECTIONS, b"rtcp-mux", b"setup:active", b"setup:passive", b"setup:actpass")
}
_TRANSPORTS: Final = {
    "RTP/AVP": True, "RTP/SAVP": True, "RTP/AVPF": True, "RTP/SAVPF": True, "UDP/TLS/RTP/SAVP": True,
    "UDP/TLS/RTP/SAVPF": True, "udptl": False,
}  # fmt: skip
"""What is usually written, of flows over UDP, and whether it is RTP."""
_KINDS: Final = {"m=" + kind: kind for kind in ("audio", "video", "image", "application", "message", "text")}
"""How lines of media begin that most have."""
_FAMILY: Final = "IN IP4 "
_CR: Final = 0x0D
_EQUALS: Final = 0x3D
_DIGITS_OF_PORT: Final = 5


def read_lines(session: SessionDescription, data: bytes, text: str, start: int, end: int) -> None:
    """Read the lines that stand in `data[start:end]`; `text`: the same, a character for each byte.

    Raises:
        Malformed: one of media cannot be read, or ports are out of range.
    """
    at = start
    for line in text.split("\n"):  # most do not matter, and show it by their first letters
        kind = data[at] if len(line) > 1 and data[at + 1] == _EQUALS else 0
        if kind == _ATTRIBUTE:
            if line[2:5] in _ATTRIBUTES and not _read_usual_flag(session, line):
                _read_line(session, data, at, end)
        elif kind == _MEDIA_LINE:
            if not _read_usual_media(session, line, at):
                _read_line(session, data, at, end)
        elif kind in (_CONNECTION, _ORIGIN) and not _read_usual_host(session, data, line, at):
            _read_line(session, data, at, end)
        at += len(line) + 1
    if session.media:
        session.media[-1].end = end


def _read_usual_host(session: SessionDescription, data: bytes, line: str, at: int) -> bool:
    """Read a line with an IPv4 address that is written as most are; False where it is not. The same of others below."""
    origin = data[at] == _ORIGIN
    family = line.find("IP") - len("IN ") if origin else len("c=")
    if family < 0 or line[family : family + len(_FAMILY)] != _FAMILY:
        return False
    if origin and line.find("\r", 0, family) >= 0:
        return False
    first, last = at + family + len(_FAMILY), at + len(line)
    if data[last - 1] == _CR:
        last -= 1
    address = parse_address(data[first:last]) if first < last else None
    if address is None or len(address) != 4:  # noqa: PLR2004 - IPv4
        return False
    _take_host(session, Host(first, last, address), origin=origin)
    return True


def _read_usual_media(session: SessionDescription, line: str, at: int) -> bool:
    words = line.split(" ", 3)
    if len(words) <= 3:  # noqa: PLR2004 - those before the formats
        return False
    kind, digits, is_rtp = _KINDS.get(words[0]), words[1], _TRANSPORTS.get(words[2])
    if kind is None or is_rtp is None or len(digits) > _DIGITS_OF_PORT or not digits.isdecimal():
        return False
    first = at + len(words[0]) + 1
    port = Port(first, first + len(digits), int(digits))
    _begin_media(session, Media(kind, port, words[2], is_rtp=is_rtp), at)
    return True


def _read_usual_flag(session: SessionDescription, line: str) -> bool:
    flag = _FLAGS.get(line[len("a=") :].removesuffix("\r"))
    if flag is None:
        return False
    _read_flag(session, flag)
    return True


def _read_line(session: SessionDescription, data: bytes, at: int, end: int) -> None:
    """Read a line however it is written."""
    line = _LINE.match(data, at, end)
    if line is None:
        return
    kind = line.lastindex
    if kind == _HOST:
        host = Host(line.start(2), line.end(2), parse_address(line[2]))
        _take_host(session, host, origin=line[1] == b"o")
    elif kind == _MEDIA:
        _begin_media(session, _read_media(line), at)
    elif kind == _BAD_MEDIA:
        raise Malformed("sdp-media-line")
    elif kind == _FLAG:
        _read_flag(session, line[_FLAG])
    elif session.media:
        _read_attribute(session.media[-1], line)


def _begin_media(session: SessionDescription, media: Media, at: int) -> None:
    if media.port.number > MAX_PORT:
        raise Malformed("sdp-media-line")
    if session.media:
        session.media[-1].end = at
    session.media.append(media)


def _read_flag(session: SessionDescription, flag: bytes) -> None:
    media = session.media[-1] if session.media else None
    if media is None:
        if flag in _DIRECTIONS:
            session.direction = flag
        elif flag.startswith(b"setup:"):
            session.setup = flag[6:]
    elif flag in _DIRECTIONS:
        media.direction = flag
    elif flag.startswith(b"setup:"):
        media.setup = flag[6:]
    else:
        media.mux = media.mux or flag.startswith(b"rtcp-mux")
        media.mux_only = media.mux_only or flag == b"rtcp-mux-only"
        media.cema = media.cema or flag == b"msrp-cema"


def _take_host(session: SessionDescription, host: Host, *, origin: bool) -> None:
    if origin:
        session.origin = host
    elif session.media:
        media = session.media[-1]
        _require_one(media.connection, host)
        media.connection = host
    else:
        _require_one(session.connection, host)
        session.connection = host


def _require_one(known: Host | None, host: Host) -> None:
    """Several connections are layers of a multicast (RFC 8866, section 5.7), else which is meant?"""
    if known is not None and not is_multicast(host.address):
        raise Malformed("sdp-connection-twice")


def _read_media(line: re.Match[bytes]) -> Media:
    kind, digits, count = line.group(3, 4, 5)
    port = Port(line.start(4), line.end(4), int(digits))
    transport = line[6].decode("latin-1")
    upper = transport.upper()
    protocol = TCP if upper.startswith("TCP") else UDP
    media = Media(kind.decode("ascii", "replace"), port, transport, is_rtp="RTP" in upper, protocol=protocol)
    media.count = max(int(count), 1) if count else 1
    return media


def _read_attribute(media: Media, line: re.Match[bytes]) -> None:
    name, (start, end) = line[_VALUE - 1], line.span(_VALUE)
    if name == b"candidate":
        _read_candidate(media, line.string, start, end)
    elif name == b"rtcp":
        _read_rtcp(media, line.string, start, end)
    else:
        _read_transports(media, name, line.string, start, end)


def _read_rtcp(media: Media, data: bytes, start: int, end: int) -> None:
    value = _RTCP.match(data, start, end)
    if value is None or int(value[1]) > MAX_PORT or media.rtcp is not None:
        raise Malformed("sdp-rtcp-attribute")
    media.rtcp = Port(*value.span(1), int(value[1]))
    if value[2] is not None:
        media.rtcp_host = Host(*value.span(2), parse_address(value[2]))


def _read_transports(media: Media, name: bytes, data: bytes, start: int, end: int) -> None:
    """The addresses of a path or of remote candidates; what has no port that is one is none."""
    is_path = name == b"path"
    found = list(media.path if is_path else media.remote)
    pattern, first, most = (_PATH_URI, 1, _MAX_PATH) if is_path else (_REMOTE, 2, MAX_CANDIDATES)
    for one in pattern.finditer(data, start, end):
        if len(found) >= most:
            raise Excessive("too-many-candidates")
        digits = one[first + 1]
        port = Port(*one.span(first + 1), int(digits)) if digits else None
        if port is None or port.number <= MAX_PORT:
            found.append(Transport(Host(*one.span(first), parse_address(one[first].strip(b"[]"))), port))
    if is_path:
        media.path = tuple(found)
    else:
        media.remote = tuple(found)


def _read_candidate(media: Media, data: bytes, start: int, end: int) -> None:
    line = _CANDIDATE.match(data, start, end)
    if line is None:
        return  # of a kind not known: left alone, as RFC 8839 (section 5.1) asks of a reader
    if len(media.candidates) >= MAX_CANDIDATES:
        raise Excessive("too-many-candidates")
    protocol = TCP if line[2].upper().startswith(b"TCP") else UDP
    media.candidates += (_candidate(line, 3, protocol, related=False),)
    beyond = _RELATED.search(data, line.end(), end)
    if beyond is not None:
        media.candidates += (_candidate(beyond, 1, protocol, related=True),)


def _candidate(line: re.Match[bytes], group: int, protocol: int, *, related: bool) -> Candidate:
    number = int(line[group + 1])
    if number > MAX_PORT:
        raise Malformed("sdp-candidate")
    host = Host(line.start(group), line.end(group), parse_address(line[group]))
    return Candidate(host, Port(line.start(group + 1), line.end(group + 1), number), protocol, related)
