"""SIP as a telephone of the lab writes it, where a test speaks for itself and needs no sipp."""

import itertools

from doorman.lab.network import INSIDE_PHONE, OUTSIDE_PHONE

_numbers = itertools.count(1)


def message(start: str, *headers: str, body: str = "", kind: str = "application/sdp") -> bytes:
    """A message of these lines, with the headers that tell of its body."""
    about = [f"Content-Type: {kind}"] if body else []
    return "\r\n".join([start, *headers, *about, f"Content-Length: {len(body)}", "", body]).encode()


def options(transport: str = "UDP", sender: str = INSIDE_PHONE, receiver: str = OUTSIDE_PHONE, body: str = "") -> bytes:
    """An OPTIONS that no other is like."""
    number = next(_numbers)
    return message(
        f"OPTIONS sip:bob@{receiver} SIP/2.0",
        f"Via: SIP/2.0/{transport} {sender}:5060;branch=z9hG4bK{number}",
        "Max-Forwards: 70",
        f"From: <sip:alice@{sender}>;tag=a{number}",
        f"To: <sip:bob@{receiver}>",
        f"Call-ID: {number}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:alice@{sender}:5060>",
        body=body,
        kind="text/plain",
    )


def audio(address: str, port: int, *more: str) -> str:
    """A session description: audio is heard there; with further lines about it, or further media."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0", f"m=audio {port} RTP/AVP 0"]
    return "\r\n".join([*lines, *more, ""])
