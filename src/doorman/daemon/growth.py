"""Packets that became longer through us."""

from typing import Final

_DONT_FRAGMENT: Final = 0x40
_SAFE_LENGTH: Final = 1_280
"""Bytes up to which a packet that grew fits any link worth the name."""


def grown(packet: bytes, before: bytes) -> bytes:
    """A packet of UDP or TCP as it may go on, in place of the one before: fragmented, if it does not fit otherwise."""
    if len(packet) > len(before) and len(packet) > _SAFE_LENGTH and packet[6] & _DONT_FRAGMENT:
        return _fragmentable(packet)
    return packet


def _fragmentable(packet: bytes) -> bytes:
    """A packet that grew through us must not be lost for a size its sender cannot know of.

    What could not be fragmented may have any identification (RFC 6864, section 4.1), mostly 0; the fragments of two
    packets need two. The checksum of UDP tells different messages apart, and the sequence number different segments.
    """
    at = (packet[0] & 15) * 4 + 6
    flags = packet[6] & ~_DONT_FRAGMENT
    old = int.from_bytes(packet[4:6], "big") + (packet[6] << 8)
    new = int.from_bytes(packet[at : at + 2], "big") + (flags << 8)
    checksum = (int.from_bytes(packet[10:12], "big") + old - new) % 0xFFFF
    return b"".join(
        (packet[:4], packet[at : at + 2], bytes([flags]), packet[7:10], checksum.to_bytes(2, "big"), packet[12:])
    )
