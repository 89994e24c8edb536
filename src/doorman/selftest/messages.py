"""The messages of the test call (RFC 3261): written by the phone, and by the mirror from what it saw of the phone's.

The Call-ID names no host, so that it is the same on both sides of the gateway.
"""

from doorman.net.addresses import Endpoint, address_text
from doorman.wire.malformed import Malformed
from doorman.wire.sdp import read_sdp
from doorman.wire.sip import read_sip

_FROM_REQUEST = ("via", "from", "call-id", "cseq")
"""What a response repeats, besides To (RFC 3261, section 8.2.6.2)."""


def invite(phone: Endpoint, mirror: Endpoint, media_port: int, token: str) -> bytes:
    """The phone calls, and announces where it wants the media; `token` tells this call from all others."""
    return _message(
        f"INVITE sip:mirror@{mirror} SIP/2.0",
        *_request_headers("INVITE", phone, token, f"<sip:mirror@{address_text(mirror.address)}>"),
        f"Contact: <sip:selftest@{phone}>",
        "Content-Type: application/sdp",
        body=_description(phone, media_port),
    )


def answer(request: bytes, mirror: Endpoint, media_port: int) -> bytes:
    """The mirror answers an INVITE as it saw it, and announces its own media."""
    return _message(
        "SIP/2.0 200 OK",
        *_repeated(request, *_FROM_REQUEST),
        f"{_repeated(request, 'to')[0]};tag=mirror",
        f"Contact: <sip:mirror@{mirror}>",
        "Content-Type: application/sdp",
        body=_description(mirror, media_port),
    )


def acknowledgement(phone: Endpoint, mirror: Endpoint, token: str) -> bytes:
    """The phone's ACK."""
    return _in_dialog("ACK", phone, mirror, token)


def end(phone: Endpoint, mirror: Endpoint, token: str) -> bytes:
    """The phone's BYE."""
    return _in_dialog("BYE", phone, mirror, token)


def withdrawal(phone: Endpoint, mirror: Endpoint, token: str) -> bytes:
    """The phone's CANCEL of an INVITE that was not answered: as that, but for the method (RFC 3261, section 9.1)."""
    target = f"<sip:mirror@{address_text(mirror.address)}>"
    return _message(f"CANCEL sip:mirror@{mirror} SIP/2.0", *_request_headers("CANCEL", phone, token, target))


def consent(request: bytes) -> bytes:
    """The 200 of a request that needs no more of an answer."""
    return _message("SIP/2.0 200 OK", *_repeated(request, *_FROM_REQUEST, "to"))


def call_id(token: str) -> str:
    """The Call-ID of a call."""
    return f"selftest-{token}"


def announced(message: bytes) -> Endpoint | None:
    """Where a message wants the media; None if it cannot be read, or says no address."""
    try:
        sip = read_sip(message)
        described = read_sdp(message, sip.body_start, sip.body_end) if sip is not None else None
    except Malformed:
        return None
    if described is None or not described.media:
        return None
    media = described.media[0]
    host = media.connection or described.connection
    return Endpoint(host.address, media.port.number) if host is not None and host.address is not None else None


def _in_dialog(method: str, phone: Endpoint, mirror: Endpoint, token: str) -> bytes:
    target = f"<sip:mirror@{address_text(mirror.address)}>;tag=mirror"
    return _message(f"{method} sip:mirror@{mirror} SIP/2.0", *_request_headers(method, phone, token, target))


def _request_headers(method: str, phone: Endpoint, token: str, to: str) -> list[str]:
    # A CANCEL and its INVITE are one transaction; an ACK to a 200 has the number of the INVITE (section 13.2.2.4).
    branch = f"z9hG4bK{token}{'INVITE' if method == 'CANCEL' else method}"
    return [
        f"Via: SIP/2.0/UDP {phone};branch={branch}",
        "Max-Forwards: 70",
        f"From: <sip:selftest@{address_text(phone.address)}>;tag={token}",
        f"To: {to}",
        f"Call-ID: {call_id(token)}",
        f"CSeq: {2 if method == 'BYE' else 1} {method}",
    ]


def _description(host: Endpoint, media_port: int) -> str:
    address = address_text(host.address)
    lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=selftest", f"c=IN IP4 {address}", "t=0 0"]
    return "".join(f"{line}\r\n" for line in [*lines, f"m=audio {media_port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000"])


def _repeated(message: bytes, *names: str) -> list[str]:
    lines = message.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")
    return [line for name in names for line in lines if line.partition(":")[0].lower() == name]


def _message(start: str, *headers: str, body: str = "") -> bytes:
    lines = [start, *headers, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()
