"""Where the IP packet lies in a captured frame, by the link type of the capture.

    link type                     before the packet
    1    Ethernet                 destination(6)  source(6)  tags(4 each)  EtherType(2)
    113  Linux cooked             type(2)  ARPHRD(2)  length(2)  address(8)  EtherType(2)  tags(4 each)
    276  Linux cooked, version 2  EtherType(2)  reserved(2)  interface(4)  ARPHRD(2)  type(1)  length(1)  address(8)
    101, 12, 228, 229  raw IP     nothing
    0    BSD loopback             address family(4), in the byte order of the machine that captured
    108  OpenBSD loopback         address family(4), in network order

Big-endian but for link type 0 (https://www.tcpdump.org/linktypes.html). A tag is that of IEEE 802.1Q: an EtherType that
says so, two bytes of VLAN, and the EtherType of what follows. Ethernet pads short packets to 60 bytes, and switches
append trailers: what lies behind the packet's own length is no part of it.
"""

from typing import Final

from doorman.net.frames import Frame

LOOPBACK: Final = 0
ETHERNET: Final = 1
RAW_BSD: Final = 12
RAW: Final = 101
LOOP: Final = 108
COOKED: Final = 113
IPV4: Final = 228
IPV6: Final = 229
COOKED_V2: Final = 276

_RAW_VERSIONS = {RAW_BSD: (4, 6), RAW: (4, 6), IPV4: (4,), IPV6: (6,)}
_FAMILY_LINKS = frozenset({LOOPBACK, LOOP})
_COOKED_HEADERS = {COOKED: (14, 16), COOKED_V2: (0, 20)}
"""Where the EtherType stands, and where the header ends."""

_ETHERTYPE_IPV4 = b"\x08\x00"
_VERSIONS = {_ETHERTYPE_IPV4: 4, b"\x86\xdd": 6}
_TAGS = frozenset({b"\x81\x00", b"\x88\xa8", b"\x91\x00"})
"""802.1Q, 802.1ad (QinQ), and what was used for QinQ before there was a standard."""

_FAMILY_IPV4 = b"\0\0\0\x02"
_FAMILIES = {2: 4, 10: 6, 23: 6, 24: 6, 28: 6, 30: 6}
"""IP version by address family: AF_INET is 2 everywhere, AF_INET6 differs from system to system."""

_FAMILY = 4
_V6_HEADER = 40
_NO_NEXT_HEADER = bytes([59])


def find_packet(data: bytes, link: int) -> int:
    """Find the IP header in a frame: its offset, or -1 when the frame carries no IP or a link type is not known.

    What the link header announces must agree with the version in the first byte of the packet.
    """
    if link == ETHERNET:
        kind = data[12:14]
        if kind == _ETHERTYPE_IPV4:
            return 14 if len(data) > 14 and data[14] & 0xF0 == 0x40 else -1  # noqa: PLR2004 - header, version
        return _behind_tags(data, kind, 14)
    if link in _RAW_VERSIONS:
        return 0 if data and data[0] >> 4 in _RAW_VERSIONS[link] else -1
    if link in _FAMILY_LINKS:
        return _behind_family(data)
    kind_at, start = _COOKED_HEADERS.get(link, (0, 0))
    return _behind_tags(data, data[kind_at : kind_at + 2], start) if start else -1


def packet_end(frame: Frame, start: int) -> int:
    """Where the packet that begins at `start` ends by its own length; padding and trailers of the frame lie behind.

    Returns:
        An offset. It is past the end of `frame.data` when the packet is not all there, as in a capture that kept
        only the beginning of each frame. A length of zero, which segmentation offload in a host leaves behind,
        counts as reaching to the end of the frame.
    """
    data = frame.data
    if data[start] & 0xF0 == 0x40:  # noqa: PLR2004 - the version
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        offloaded = not length
    else:
        payload_length = int.from_bytes(data[start + 4 : start + 6], "big")
        length = _V6_HEADER + payload_length
        offloaded = not payload_length and data[start + 6 : start + 7] != _NO_NEXT_HEADER
    return max(frame.wire_length, len(data)) if offloaded else start + length


def replace_packet(frame: Frame, start: int, packet: bytes) -> Frame:
    """Put a changed packet in the place of the one that begins at `start`.

    The link header stays. What lies behind the packet stays when the length is unchanged; otherwise it goes, since
    padding is no longer right and a check sequence never was. What the capture cut off stays cut off.

    Args:
        frame: The frame of the old packet.
        start: What `find_packet` said of it.
        packet: The new packet, of the same IP version.
    """
    old = frame.data
    end = min(packet_end(frame, start), len(old))
    trailer = old[end:] if len(packet) == end - start else b""
    data = old[:start] + packet + trailer
    wire_length = frame.wire_length + len(data) - len(old)
    return Frame(data, frame.time_ns, wire_length, frame.link, frame.interface)


def as_ipv4(frame: Frame, start: int, packet: bytes) -> Frame:
    """A frame that carries an IPv4 packet in the place of the IPv6 one that begins at `start`, and no trailer."""
    head, link = frame.data[:start], frame.link
    if link == IPV6:
        link = IPV4
    elif link in _FAMILY_LINKS:
        head = _FAMILY_IPV4 if link == LOOP or not head[0] else _FAMILY_IPV4[::-1]
    elif link not in _RAW_VERSIONS:
        kind_at = start - 2 if link != COOKED_V2 or start > _COOKED_HEADERS[COOKED_V2][1] else 0
        head = head[:kind_at] + _ETHERTYPE_IPV4 + head[kind_at + 2 :]
    data = head + packet
    return Frame(data, frame.time_ns, frame.wire_length + len(data) - len(frame.data), link, frame.interface)


def turned_round(frame: Frame) -> Frame:
    """A frame whose packet goes the other way: on Ethernet, between the same two addresses."""
    data = frame.data
    return frame._replace(data=data[6:12] + data[:6] + data[12:]) if frame.link == ETHERNET else frame


def _behind_tags(data: bytes, kind: bytes, start: int) -> int:
    while kind in _TAGS:
        kind = data[start + 2 : start + 4]
        start += 4
    version = _VERSIONS.get(kind)
    return start if version and len(data) > start and data[start] >> 4 == version else -1


def _behind_family(data: bytes) -> int:
    if len(data) <= _FAMILY:
        return -1
    family = data[:_FAMILY]
    version = _FAMILIES.get(int.from_bytes(family, "little")) or _FAMILIES.get(int.from_bytes(family, "big"))
    return _FAMILY if data[_FAMILY] >> 4 == version else -1
