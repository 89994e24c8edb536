"""What must hold of messages of RTSP and LDAP that leave, and of doors that they open; and scripts to begin with."""

from typing import Any

from pyasn1.error import PyAsn1Error

from doorman.algs.makers import FRAMERS
from doorman.engine.engine import Engine
from doorman.net.addresses import address_text
from doorman.stream.assembler import Assembler
from doorman.stream.framing import Kind as Piece
from doorman.wire.malformed import Malformed
from doorman.wire.rtsp import RtspMessage, read_rtsp
from kit import ldap
from kit.fuzz.judge import Failure
from kit.fuzz.script import Kind, Script, Step

_LONGEST = 8_192
_PHONE = "10.0.0.10"
_RESERVED = 1024
_OUT, _IN = Kind.OUT, Kind.IN


def judge_doors(engine: Engine) -> None:
    """Doors lead to the host that announced them, and to no port of a well-known service.

    Raises:
        Failure: one leads elsewhere.
    """
    for door in engine.state.doors:
        host = address_text(door.leads_to.address)
        if host != _PHONE or door.leads_to.port < _RESERVED:
            raise Failure("door", f"to {door.leads_to}")


def judge_rtsp(before: bytes, after: bytes) -> None:
    """A message of RTSP went on.

    Raises:
        Failure: it cannot be read any more, is another message now, or is of another length than it says.
    """
    try:
        came = read_rtsp(before)
    except Malformed:
        return
    try:
        left = read_rtsp(after)
    except Malformed as malformed:
        raise Failure("unreadable-after", malformed.reason) from malformed
    if _told(came) != _told(left):
        raise Failure("another-message", f"{_told(came)} is now {_told(left)}")
    units = Assembler(FRAMERS["rtsp"](_LONGEST)).feed(after)
    if [(unit.kind, len(unit.data)) for unit in units] != [(Piece.MESSAGE, len(after))]:
        raise Failure("another-length", f"{[unit.kind.value for unit in units]}")


def judge_ldap(before: bytes, after: bytes) -> None:
    """A message of LDAP went on: where pyasn1 could read it, it still can.

    Raises:
        Failure: it cannot be read any more.
    """
    try:
        ldap.structure(before)
    except (PyAsn1Error, AssertionError):
        return
    try:
        ldap.structure(after)
    except (PyAsn1Error, AssertionError) as error:
        raise Failure("unreadable-after", str(error)) from error


def rtsp_scripts() -> list[Script]:
    """Sessions: watched by the phone, watched interleaved, brought, of both versions, torn down and lost."""
    ports, chosen = "RTP/AVP;unicast;client_port=4588-4589", ";server_port=6256-6257"
    film, track = "rtsp://198.51.100.20/film", "rtsp://198.51.100.20/film/trackID=1"
    described = _sdp("198.51.100.20")
    begin = [
        (_OUT, _request("DESCRIBE", film, 1)),
        (_IN, _response(1, f"Content-Base: {film}/", "Content-Type: application/sdp", body=described)),
        (_OUT, _request("SETUP", track, 2, f"Transport: {ports};destination={_PHONE}, RTP/AVP/TCP;interleaved=0-1")),
        (_IN, _response(2, "Session: 7;timeout=30", f"Transport: {ports};destination=203.0.113.1{chosen}")),
        (_OUT, _request("PLAY", film, 3, "Session: 7", "Range: npt=0-")),
        (_IN, _response(3, "Session: 7", f"RTP-Info: url={track};seq=1;rtptime=2")),
    ]
    end = [(_OUT, _request("TEARDOWN", film, 4, "Session: 7")), (_IN, _response(4, "Session: 7"))]
    modern = 'RTP/AVP/UDP;unicast;dest_addr=":4588"/":4589"'
    brought = [
        (_OUT, _request("ANNOUNCE", film, 1, "Content-Type: application/sdp", body=_sdp(_PHONE))),
        (_IN, _response(1)),
        (_OUT, _request("SETUP", track, 2, f"Transport: {ports};mode=record")),
        (_IN, _response(2, "Session: 8", f"Transport: {ports}{chosen};mode=record")),
        (_OUT, _request("RECORD", film, 3, "Session: 8")),
    ]
    interleaved = [
        (_OUT, _request("SETUP", track, 1, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")),
        (_IN, _response(1, "Session: 9", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")),
        (_IN, b"$\0\0\x0c" + bytes(12) + b"$\x01\0\x04RTCP" + _response(2, "Session: 9")),
        (_OUT, b"$\x01\0\x04RTCP" + _request("GET_PARAMETER", film, 2, "Session: 9")),
    ]
    two = [
        (_OUT, _request("SETUP", track, 1, f"Transport: {modern}").replace(b"RTSP/1.0", b"RTSP/2.0")),
        (
            _IN,
            _response(
                1, "Session: 10", f'Transport: {modern};src_addr="198.51.100.20:6256"/"198.51.100.20:6257"'
            ).replace(b"RTSP/1.0", b"RTSP/2.0"),
        ),
    ]
    waits = [Step(Kind.WAIT, seconds=45.0)]
    return [
        _script("rtsp", begin + end),
        Script("rtsp", (*_script("rtsp", begin).steps, *waits, *_script("rtsp", end).steps)),
        _script("rtsp", [*begin, (_IN, _response(9, "Session: 7", status="454 Session Not Found"))]),
        *(_script("rtsp", one) for one in (brought, interleaved, two, begin + two)),
    ]


def ldap_scripts() -> list[Script]:
    """People who tell of themselves and look for others, in several forms."""
    own, other = ldap.person(_PHONE, 1720), ldap.person("198.51.100.20", 1720, comment="x" * 300)
    ask = ldap.message(ldap.element(0x42))
    talk = [(_OUT, ldap.BIND), (_OUT, ldap.added(own)), (_OUT, ldap.modified(own)), (_IN, ldap.found(other))]
    wide = [(_OUT, ldap.added(own, size=5)), (_IN, ldap.found(ldap.person("203.0.113.1"), size=4)), (_OUT, ldap.UNBIND)]
    secret = [(_OUT, ldap.START_TLS), (_IN, ldap.TLS_GRANTED), (_OUT, ldap.CLIENT_HELLO)]
    together = [(_OUT, ldap.BIND + ldap.added(own) + ask), (_IN, ldap.found(other) * 3)]
    return [_script("ldap", one) for one in (talk, wide, talk + secret, together)]


def _script(gateway: str, said: list[tuple[Kind, bytes]]) -> Script:
    return Script(gateway, tuple(Step(kind, data) for kind, data in said))


def _told(message: RtspMessage) -> tuple[Any, ...]:
    """What no gateway may change."""
    names = [header.name for header in message.headers]
    return message.method, message.status, message.first_word(b"cseq"), message.first_word(b"session"), names


def _request(method: str, url: str, number: int, *headers: str, body: bytes = b"") -> bytes:
    return _message(f"{method} {url} RTSP/1.0", number, *headers, body=body)


def _response(number: int, *headers: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    return _message(f"RTSP/1.0 {status}", number, *headers, body=body)


def _message(start: str, number: int, *headers: str, body: bytes) -> bytes:
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([start, f"CSeq: {number}", *headers, *length, "", ""]).encode() + body


def _sdp(host: str) -> bytes:
    lines = ("v=0", f"o=- 1 1 IN IP4 {host}", "s=film", f"c=IN IP4 {host}", "t=0 0", f"a=control:rtsp://{host}/film")
    media = ("m=video 0 RTP/AVP 96", "a=control:trackID=1", f"a=rtcp:6257 IN IP4 {host}")
    return "".join(f"{line}\r\n" for line in (*lines, *media)).encode()
