"""Reading session descriptions (SDP, RFC 8866): where the addresses and ports of the media stand.

    o=alice 2890844526 2890844526 IN IP4 192.168.1.10
    c=IN IP4 192.168.1.10                      connection of all media that have none of their own
    m=audio 49170/2 RTP/AVP 0 8                kind, port / number of port pairs, transport, formats
    c=IN IP4 192.168.1.10                      connection of this media alone, which wins
    a=rtcp:49171 IN IP4 192.168.1.10           where RTCP goes, if not one port above (RFC 3605)
    a=candidate:1 1 UDP 2130706431 192.168.1.10 49170 typ host      (RFC 8839, section 5.1)

Only lines that can name an address are looked at.
"""

import re
from typing import NamedTuple

from doorman.net.addresses import Address, parse_address
from doorman.net.packet import TCP, UDP
from doorman.wire.malformed import Malformed

MAX_CANDIDATES = 128
"""ICE candidates in a description; more is an attack."""

_LINE = re.compile(
    rb"^(?:([oc])=[^\r\n]*?\bIP[46][ \t]++([^\s/]{1,255}+)"
    rb"|m=(?:(\S++)[ \t]++([0-9]{1,5}+)(?:/([0-9]{1,4}+))?[ \t]++(\S++)|())"
    rb"|a=(?:rtcp:([^\r\n]*+)|candidate:([^\r\n]*+)|(rtcp-mux|setup:active)(?=[ \t]*+[\r\n]|[ \t]*+\Z)))",
    re.MULTILINE,
)
_HOST, _MEDIA, _BAD_MEDIA, _RTCP_LINE, _CANDIDATE_LINE, _FLAG = 2, 6, 7, 8, 9, 10
"""The last group of each kind of line."""
_RTCP = re.compile(rb"([0-9]{1,5}+)(?![0-9])(?:[ \t]++IN[ \t]++IP[46][ \t]++(\S{1,255}+))?")
_CANDIDATE = re.compile(
    rb"\S++[ \t]++([0-9]{1,5}+)[ \t]++([A-Za-z-]++)[ \t]++[0-9]++[ \t]++(\S{1,255}+)[ \t]++([0-9]{1,5}+)(?![0-9])"
)
_RELATED = re.compile(rb"[ \t]raddr[ \t]++(\S{1,255}+)[ \t]++rport[ \t]++([0-9]{1,5}+)(?![0-9])")
_MAX_PORT = 65_535


class Host(NamedTuple):
    """An address in a description, and where it stands; `address` is None where it is a name."""

    start: int
    end: int
    address: Address | None


class Port(NamedTuple):
    """A port in a description, and where its digits stand."""

    start: int
    end: int
    number: int


class Candidate(NamedTuple):
    """A transport address of an ICE candidate, or one that it is related to.

    Attributes:
        host, port: the address and where it stands.
        protocol: 17 or 6.
        related: whether this is what `raddr` and `rport` say.
    """

    host: Host
    port: Port
    protocol: int
    related: bool


class Media:
    """A media description.

    Attributes:
        kind: `audio`, `video`, `image` …
        port: of its first stream; 0 for one that is refused or gone (RFC 3264, section 6).
        count: how many streams, on ports two apart (RFC 8866, section 5.14).
        transport: such as `RTP/AVP`.
        is_rtp: whether RTP is carried, and so RTCP beside it.
        protocol: that of its flows: 6 or 17.
        connection: of its own, or None.
        rtcp, rtcp_host: the `a=rtcp` line.
        mux: whether RTCP may come on the port of RTP (RFC 5761).
        active: whether this end opens the TCP connection and its port means nothing (RFC 4145, section 4).
        candidates: of ICE, in order.
    """

    __slots__ = (
        "active", "candidates", "connection", "count", "is_rtp", "kind", "mux", "port", "protocol", "rtcp", "rtcp_host",
        "transport",
    )  # fmt: skip

    def __init__(self, kind: bytes, port: Port, count: int, transport: bytes) -> None:
        self.kind = kind
        self.port = port
        self.count = count
        self.transport = transport
        self.is_rtp = b"RTP" in transport
        self.protocol = TCP if transport.startswith(b"TCP") else UDP
        self.connection: Host | None = None
        self.rtcp: Port | None = None
        self.rtcp_host: Host | None = None
        self.mux = False
        self.active = False
        self.candidates: list[Candidate] = []


class SessionDescription:
    """A session description: its origin, its common connection, and its media in order."""

    __slots__ = ("connection", "media", "origin")

    def __init__(self) -> None:
        self.origin: Host | None = None
        self.connection: Host | None = None
        self.media: list[Media] = []


def read_sdp(data: bytes, start: int, end: int) -> SessionDescription:
    """Read the description that stands in `data[start:end]`; all places are places in `data`.

    Raises:
        Malformed: a media line cannot be read, or ports are out of range.
    """
    session = SessionDescription()
    media: Media | None = None
    for line in _LINE.finditer(data, start, end):
        kind = line.lastindex
        if kind == _HOST:
            host = Host(*line.span(2), parse_address(line[2]))
            if line[1] == b"o":
                session.origin = host
            else:
                _connect(media or session, host)
        elif kind == _MEDIA:
            media = _read_media(line)
            session.media.append(media)
        elif kind == _BAD_MEDIA:
            raise Malformed("sdp-media-line")
        elif media is not None:
            _read_attribute(media, line)
    return session


def _connect(where: Media | SessionDescription, host: Host) -> None:
    """Take note of a connection; several are layers of a multicast (RFC 8866, section 5.7), else which is meant?"""
    if where.connection is not None and not is_multicast(host.address):
        raise Malformed("sdp-connection-twice")
    where.connection = host


def is_multicast(address: Address | None) -> bool:
    """Whether an address is one of a group."""
    if address is None:
        return False
    return address[0] == 0xFF if len(address) != 4 else address[0] >> 4 == 0xE  # noqa: PLR2004 - IPv4


def _read_media(line: re.Match[bytes]) -> Media:
    kind, digits, count, transport = line.group(3, 4, 5, 6)
    port = Port(*line.span(4), int(digits))
    if port.number > _MAX_PORT:
        raise Malformed("sdp-media-line")
    return Media(kind, port, max(int(count), 1) if count else 1, transport)


def _read_attribute(media: Media, line: re.Match[bytes]) -> None:
    if line.lastindex == _FLAG:
        media.mux = media.mux or line[_FLAG] == b"rtcp-mux"
        media.active = media.active or line[_FLAG] == b"setup:active"
    elif line.lastindex == _RTCP_LINE:
        value = _RTCP.match(line.string, *line.span(_RTCP_LINE))
        if value is None or int(value[1]) > _MAX_PORT or media.rtcp is not None:
            raise Malformed("sdp-rtcp-attribute")
        media.rtcp = Port(*value.span(1), int(value[1]))
        if value[2] is not None:
            media.rtcp_host = Host(*value.span(2), parse_address(value[2]))
    else:
        _read_candidate(media, line.string, *line.span(_CANDIDATE_LINE))


def _read_candidate(media: Media, data: bytes, start: int, end: int) -> None:
    line = _CANDIDATE.match(data, start, end)
    if line is None:
        return  # of a kind not known: left alone, as RFC 8839 (section 5.1) asks of a reader
    if len(media.candidates) >= MAX_CANDIDATES:
        raise Malformed("too-many-candidates")
    protocol = TCP if line[2].upper().startswith(b"TCP") else UDP
    media.candidates.append(_candidate(line, 3, protocol, related=False))
    beyond = _RELATED.search(data, line.end(), end)
    if beyond is not None:
        media.candidates.append(_candidate(beyond, 1, protocol, related=True))


def _candidate(line: re.Match[bytes], group: int, protocol: int, *, related: bool) -> Candidate:
    number = int(line[group + 1])
    if number > _MAX_PORT:
        raise Malformed("sdp-candidate")
    host = Host(line.start(group), line.end(group), parse_address(line[group]))
    return Candidate(host, Port(line.start(group + 1), line.end(group + 1), number), protocol, related)
