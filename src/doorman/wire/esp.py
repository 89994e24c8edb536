"""The beginning of an ESP packet (RFC 4303, section 2), which is all of it that a gateway can read.

    | security parameters index, 4 bytes | sequence number, 4 bytes | what is encrypted … |

The receiver of packets chose their SPI, one for each security association: the two directions of a tunnel have two, and
nothing says which belong together, since they are agreed upon in encrypted messages (RFC 7296, section 1.3).
"""

from doorman.wire.malformed import Malformed

HEADER = 8
"""Bytes: also what an ICMP error quotes at least (RFC 792)."""


def read_spi(data: bytes, at: int = 0) -> int:
    """The SPI of the ESP packet that begins at a place.

    Raises:
        Malformed: there is no whole header, or its SPI is 0, which is never sent (section 2.1).
    """
    if len(data) < at + HEADER:
        raise Malformed("esp-header")
    spi = int.from_bytes(data[at : at + 4], "big")
    if not spi:
        raise Malformed("esp-header")
    return spi
