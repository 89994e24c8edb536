"""The parts of a dialog, for the SIP playbook: requests within it, and answers to what arrived.

phone 10.0.0.10, tag a      gateway 203.0.113.1      peer 198.51.100.20, tag b; its media come from 198.51.100.99
"""

from doorman.engine.results import Fate
from kit.sip import GLOBAL, OVERLOAD, Gateway, Passage, answer, incoming, request, sdp, sip

RTP = b"\x80\x00\x00\x01" + bytes(160)
EAR = "10.0.0.10:4000"
OURS = GLOBAL + ":4000"
MEDIA = "198.51.100.99:6000"
ANSWER = sdp("198.51.100.99", 6000)


def numbered(message: bytes, cseq: int) -> bytes:
    """A message of another transaction."""
    return message.replace(b"CSeq: 1 ", b"CSeq: %d " % cseq)


def tagged(message: bytes, tag: str) -> bytes:
    """The peer's response with another tag."""
    return message.replace(b"tag=b", b"tag=" + tag.encode())


def within(method: str, cseq: int, *more: str, body: str = "") -> bytes:
    """A request of the phone within the dialog."""
    to = b"To: <sip:bob@198.51.100.20>"
    return numbered(request(method, *more, body=body), cseq).replace(to, to + b";tag=b")


def within_inbound(method: str, cseq: int, *more: str, body: str = "") -> bytes:
    """A request of the peer within the dialog."""
    to = b"To: <sip:alice@203.0.113.1>"
    message = numbered(incoming(method, *more, call_id="one", body=body), cseq)
    return message if method == "BYE" else message.replace(to, to + b";tag=a")


def reply(received: Passage, status: int, *more: str, body: str = "") -> bytes:
    """The phone's response to a request that arrived."""
    to = received.line("To")
    headers = [
        *(f"Via: {via}" for via in received.lines("Via")),
        f"From: {received.line('From')}",
        f"To: {to}" + ("" if "tag=" in to else ";tag=a"),
        f"Call-ID: {received.line('Call-ID')}",
        f"CSeq: {received.line('CSeq')}",
        "Contact: <sip:alice@10.0.0.10:5060>",
        *more,
    ]
    return sip(f"SIP/2.0 {status} Whatever", *headers, "Content-Type: application/sdp", body=body)


def connected(offer: str = "", accepted: str = ANSWER, config: str = "", *more: str) -> Gateway:
    """A gateway with a call that the phone began and the peer answered; `config`: further lines of it."""
    gateway = Gateway(OVERLOAD + config)
    gateway.out(request(body=offer or sdp()))
    gateway.in_(answer(200, *more, body=accepted))
    gateway.out(within("ACK", 1))
    return gateway


def changed(gateway: Gateway, cseq: int, offer: str, accepted: str = ANSWER) -> None:
    """The phone changes the session, and the peer accepts."""
    gateway.out(within("INVITE", cseq, body=offer))
    gateway.in_(numbered(answer(200, body=accepted), cseq))
    gateway.out(within("ACK", cseq))


def hears(gateway: Gateway, source: str = MEDIA, target: str = OURS) -> str:
    """Where media of the peer arrive; the reason where they do not."""
    arrived = gateway.in_(RTP, source, target)
    return arrived.target if arrived.fate == Fate.FORWARDED else arrived.reason


def speaks(gateway: Gateway, target: str = MEDIA) -> str:
    """Whom the peer sees the phone's media come from."""
    return gateway.out(RTP, EAR, target).source
