"""What an RTSP message only mentions: URLs, and addresses in descriptions. Nothing is opened for any of it.

    PLAY rtsp://203.0.113.5:8554/film RTSP/1.0                    the request's URI
    Content-Base: rtsp://192.168.1.5/film/                        and those of headers
    RTP-Info: url=rtsp://192.168.1.5/film/trackID=1;seq=45102     of any number
    o=- 2890844526 2890842807 IN IP4 192.168.1.5                  in a session description: hosts,
    a=control:rtsp://192.168.1.5/film/trackID=1                   and URLs

Ports in a description are only advice (RFC 2326, appendix C.1.2): what is received where, Transport says.
"""

from typing import Final

from doorman.algs.api import Edit, Effect, Nat, Note, Refused
from doorman.algs.edits import write_host
from doorman.net.addresses import Endpoint
from doorman.net.packet import TCP
from doorman.wire.malformed import Malformed
from doorman.wire.places import Host
from doorman.wire.rtsp import RtspMessage, Url, find_urls
from doorman.wire.sdp import read_sdp
from doorman.wire.uri import uri_host

_HEADERS: Final = {
    b"content-base": "Content-Base",
    b"content-location": "Content-Location",
    b"location": "Location",
    b"rtp-info": "RTP-Info",
    b"referer": "Referer",
    b"referrer": "Referrer",
}
"""Headers that hold URLs, and how they are spelled."""
_DESCRIPTION: Final = b"application/sdp"
_AS_IT_IS: Final = frozenset({b"", b"identity"})


def translate_mentions(rtsp: RtspMessage, nat: Nat, edits: list[Edit], effects: list[Effect]) -> None:
    """Name whatever a message mentions as its receiver must; add edits in no order, and notes."""
    data = rtsp.data
    if rtsp.method:
        _urls(data, *rtsp.uri, "Request-URI", nat, edits, effects)
    for name, start, end in rtsp.headers:
        rule = _HEADERS.get(name)
        if rule is not None:
            _urls(data, start, end, rule, nat, edits, effects)
    if rtsp.body_start < len(data):
        _body(rtsp, nat, edits, effects)


def _body(rtsp: RtspMessage, nat: Nat, edits: list[Edit], effects: list[Effect]) -> None:
    data, start = rtsp.data, rtsp.body_start
    kind = rtsp.first_word(b"content-type").lower()
    described = kind == _DESCRIPTION or (not kind and data.startswith(b"v=0", start))
    if not described and not kind.startswith(b"text/"):
        return
    if rtsp.first_word(b"content-encoding").lower() not in _AS_IT_IS:
        effects.append(Note("encoded-body"))
        return
    if described:
        try:
            _description(data, start, nat, edits)
        except Malformed as malformed:
            effects.append(Note(malformed.reason))
    _urls(data, start, len(data), "SDP URL" if described else "URL", nat, edits, effects)


def _description(data: bytes, start: int, nat: Nat, edits: list[Edit]) -> None:
    """The hosts of a session description, which is an offer of the server, not of where anybody receives.

    Raises:
        Malformed: it cannot be read.
    """
    sdp = read_sdp(data, start, len(data))
    found = [(sdp.origin, "SDP o="), (sdp.connection, "SDP c=")]
    for media in sdp.media:
        found += [(media.connection, "SDP c="), (media.rtcp_host, "SDP a=rtcp")]
    for host, rule in found:
        if host is not None:
            name_host(edits, host, rule, nat)


def name_host(edits: list[Edit], host: Host, rule: str, nat: Nat, *, own: bool = True) -> None:
    """Let a host go by the name that the receiver knows; see `Nat.host`."""
    if host.address is not None:
        write_host(edits, host, nat.host(host.address, own=own), rule)


def _urls(  # noqa: PLR0913, PLR0917 - a place, and where the outcome goes
    data: bytes, start: int, end: int, rule: str, nat: Nat, edits: list[Edit], effects: list[Effect]
) -> None:
    for url in find_urls(data, start, end):
        try:
            written = _written(url, nat)
        except Refused as refused:
            effects.append(Note(str(refused), data[url.start : url.end]))
            continue
        if written is not None:
            edits.append(Edit(url.start, url.end, written, rule))


def _written(url: Url, nat: Nat) -> bytes | None:
    """The host and port of a URL as the receiver must read them, None for as they are.

    The port that the scheme stands for is written only where it was: another name's port may be that one.
    """
    address = url.address
    if address is None or not nat.owns(address):
        return None
    old = Endpoint(address, url.port if url.port >= 0 else url.default_port)
    new = nat.translate(old, TCP)
    if new == old:
        return None
    if new.port == url.default_port and (url.port < 0 or new.port != old.port):
        return uri_host(new.address)
    return uri_host(new.address) + b":%d" % new.port
