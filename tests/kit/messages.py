"""SIP as a telephone of the lab writes it, where a test speaks for itself and needs no sipp."""

import itertools

from doorman.lab.network import INSIDE_PHONE, OUTSIDE_PHONE

_numbers = itertools.count(1)


def options(transport: str = "UDP", sender: str = INSIDE_PHONE, receiver: str = OUTSIDE_PHONE, body: int = 0) -> bytes:
    """An OPTIONS that no other is like, with so many bytes of body."""
    number = next(_numbers)
    lines = [
        f"OPTIONS sip:bob@{receiver} SIP/2.0",
        f"Via: SIP/2.0/{transport} {sender}:5060;branch=z9hG4bK{number}",
        "Max-Forwards: 70",
        f"From: <sip:alice@{sender}>;tag=a{number}",
        f"To: <sip:bob@{receiver}>",
        f"Call-ID: {number}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:alice@{sender}:5060>",
        *(["Content-Type: text/plain"] if body else []),
        f"Content-Length: {body}",
        "\r\n",
    ]
    return "\r\n".join(lines).encode() + b"x" * body
