"""The header of IKE messages, the same in version 1 (RFC 2408, section 3.1) and 2 (RFC 7296, section 3.1).

    | initiator's SPI, 8 bytes | responder's SPI, 8 | next payload, 1 | version, 1 | exchange, 1 | flags, 1 |
    | message ID, 4 bytes | length of the whole message, 4 |

Version 1 calls the SPIs cookies. All messages of a security association have both, in this order, whoever sends; in the
first one the responder's is zero. They are never encrypted, and tell associations apart whatever the addresses are.
"""

from typing import NamedTuple

from doorman.wire.malformed import Malformed

PORT = 500
HEADER = 28
"""Bytes."""
CREATE_CHILD_SA = 36
"""The exchange of version 2 in which associations are renewed, this one too (RFC 7296, section 1.3)."""
_ZERO = bytes(8)


class IkeHeader(NamedTuple):
    """What a gateway looks at.

    Attributes:
        initiator, responder: the SPIs of the two ends, 8 bytes each; the responder's is zero until it has answered.
        exchange: the kind of exchange.
    """

    initiator: bytes
    responder: bytes
    exchange: int


def read_header(data: bytes) -> IkeHeader:
    """Read the beginning of an IKE message.

    Raises:
        Malformed: it is none: too short, of no length that fits, or without an initiator.
    """
    if len(data) < HEADER:
        raise Malformed("ike-header")
    initiator, length = data[:8], int.from_bytes(data[24:28], "big")
    if initiator == _ZERO or not HEADER <= length <= len(data):
        raise Malformed("ike-header")
    return IkeHeader(initiator, data[8:16], data[18])
