"""The messages of a call that an inside phone makes: INVITE, 200, ACK, BYE, 200 (RFC 3261, section 24.2)."""

from doorman.lab.network import OUTSIDE_PHONE
from traffic import invite

SIP_PORT = 5060
_SHARED = b"Via", b"From", b"To", b"Call-ID"
_ANSWER = """v=0
o=bob 1 1 IN IP4 {host}
s=-
c=IN IP4 {host}
t=0 0
m=audio {port} RTP/AVP 0
a=sendrecv
"""


def media_port(call: int) -> int:
    """The port an inside phone announces: another one in each call, since the kernel's helper drops what collides."""
    return 10_000 + call * 2 % 50_000


def request(phone: str, call: int) -> bytes:
    """The INVITE of a call."""
    return invite(phone, call, media_port(call))


def accepted(invitation: bytes, port: int = 30_000) -> bytes:
    """The 200 to an INVITE as it arrived outside, with media at `port`."""
    body = _ANSWER.format(host=OUTSIDE_PHONE, port=port).replace("\n", "\r\n").encode()
    kind = [b"Contact: <sip:bob@%b:5060>" % OUTSIDE_PHONE.encode(), b"Content-Type: application/sdp"]
    return _message(b"SIP/2.0 200 OK", [*_lines(invitation), b"CSeq: 1 INVITE", *kind], body)


def ended(bye: bytes) -> bytes:
    """The 200 to a BYE."""
    return _message(b"SIP/2.0 200 OK", [*_lines(bye), b"CSeq: 2 BYE"])


def follow_up(method: bytes, invitation: bytes) -> bytes:
    """The ACK or the BYE of the caller, whose INVITE it was."""
    start = b"%b sip:bob@%b:5060 SIP/2.0" % (method, OUTSIDE_PHONE.encode())
    sequence = b"CSeq: 2 BYE" if method == b"BYE" else b"CSeq: 1 ACK"
    return _message(start, [*_lines(invitation), sequence, b"Max-Forwards: 70"])


def _lines(message: bytes) -> list[bytes]:
    """What all messages of the call have alike; the called party's tag is always there but in the INVITE."""
    head = message.partition(b"\r\n\r\n")[0].split(b"\r\n")
    lines = [line for line in head if line.partition(b":")[0] in _SHARED]
    return [line + b";tag=b1" if line.startswith(b"To:") and b";tag=" not in line else line for line in lines]


def _message(start: bytes, lines: list[bytes], body: bytes = b"") -> bytes:
    return b"\r\n".join([start, *lines, b"Content-Length: %d" % len(body), b"", body])
