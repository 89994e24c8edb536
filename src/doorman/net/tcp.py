"""TCP segments (RFC 9293, section 3.1): reading one out of a packet, and writing another into a packet like it.

     0                   16                  32
    | source port        | destination port   |
    | sequence number: of the first byte      |
    | acknowledgement number: awaited next    |
    | offset, 0 | flags  | window             |
    | checksum           | urgent pointer     |
    | options, padded to 4 bytes ...          |   END 0, NOP 1; all others: kind, length of all, value

Everything is in network order. A segment that is written gets its lengths and checksums computed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from doorman.net.addresses import Endpoint
from doorman.net.checksum import checksum, word_sum
from doorman.net.packet import TCP, Packet

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))

SEQUENCES = 1 << 32
"""Sequence numbers are counted modulo this."""
DEFAULT_MSS = 536
"""Bytes of data that any host takes in a segment (RFC 9293, section 3.7.1)."""
MAX_SHIFT = 14
"""Of a window scale (RFC 7323, section 2.3)."""

_HEADER = 20
_NOP = b"\x01"
_END_KIND, _NOP_KIND, _MSS, _SCALE, _SACK_PERMITTED, _SACK, _TIMESTAMPS = 0, 1, 2, 3, 4, 5, 8
_MULTIPATH = 30
_SIGNATURES = frozenset({19, 29})
"""MD5 (RFC 2385) and TCP-AO (RFC 5925): who has no key cannot change a segment."""
_PLAIN_TIMESTAMPS = b"\x01\x01\x08\x0a"
"""How most hosts begin the options of all segments but the first; nothing is behind the timestamps."""
_BLOCK = 8


class Segment(NamedTuple):
    """A TCP segment, or what one is to be.

    Attributes:
        ip: the IP header it came with; one that is built has that of another which went the same way.
        sequence, acknowledgement: 0 to 2**32 - 1.
        flags: the flag byte.
        window: as written, not scaled.
        options: whole 4-byte words.
        data: what it carries.
        copy: 0 for the first segment that is made of one that came, counted on for those that go with it.
        urgent: how far behind its first byte urgent data end; 0 where there are none.
    """

    ip: bytes
    sequence: int
    acknowledgement: int
    flags: int
    window: int
    options: bytes = b""
    data: bytes = b""
    copy: int = 0
    urgent: int = 0


class Timestamps(NamedTuple):
    """The timestamps option (RFC 7323, section 3): the sender's clock, and the receiver's as last seen."""

    value: int
    echo: int


class Offer(NamedTuple):
    """What a SYN offers for the connection.

    Attributes:
        mss: the longest segment its sender takes, in bytes of data.
        shift: by how many bits it shifts its windows, None where neither may.
        sack: whether it understands selective acknowledgements (RFC 2018).
    """

    mss: int = DEFAULT_MSS
    shift: int | None = None
    sack: bool = False


def read_segment(packet: Packet) -> Segment | None:
    """The segment in a packet; None where its header is not whole."""
    data, at = packet.data, packet.transport_at
    if packet.protocol != TCP or len(data) < at + _HEADER:
        return None
    begins = at + (data[at + 12] >> 4) * 4
    if not at + _HEADER <= begins <= len(data):
        return None
    return Segment(
        data[:at],
        int.from_bytes(data[at + 4 : at + 8], "big"),
        int.from_bytes(data[at + 8 : at + 12], "big"),
        data[at + 13],
        data[at + 14] << 8 | data[at + 15],
        data[at + _HEADER : begins],
        data[begins:],
        0,
        (data[at + 18] << 8 | data[at + 19]) if data[at + 13] & URG else 0,
    )


def write_segment(segment: Segment, sender: Endpoint, receiver: Endpoint) -> bytes:
    """The packet of a segment, between these endpoints."""
    flags = segment.flags | URG if segment.urgent else segment.flags & ~URG
    transport = b"".join((
        sender.port.to_bytes(2, "big"),
        receiver.port.to_bytes(2, "big"),
        segment.sequence.to_bytes(4, "big"),
        segment.acknowledgement.to_bytes(4, "big"),
        bytes(((_HEADER + len(segment.options)) << 2, flags)),
        segment.window.to_bytes(2, "big"),
        b"\0\0",
        segment.urgent.to_bytes(2, "big"),
        segment.options,
        segment.data,
    ))  # fmt: skip
    addresses = sender.address + receiver.address
    covered = word_sum(transport) + word_sum(addresses) + TCP + len(transport)
    field = (0xFFFF - covered % 0xFFFF).to_bytes(2, "big")
    return _ip_header(segment, addresses, len(transport)) + transport[:16] + field + transport[18:]


def has_right_checksum(packet: Packet) -> bool:
    """Whether the checksum of a segment is right."""
    transport = packet.data[packet.transport_at :]
    return not (word_sum(transport) + word_sum(packet.source + packet.destination) + TCP + len(transport)) % 0xFFFF


def is_intact(packet: Packet) -> bool:
    """Whether the checksum of a segment is right, or left to the network card by the host that sent it.

    A card is given the sum of the pseudo header in the checksum's place, with the segment's length or without.
    """
    if has_right_checksum(packet):
        return True
    transport = packet.data[packet.transport_at :]
    pseudo = word_sum(packet.source + packet.destination) + TCP
    field = int.from_bytes(transport[16:18], "big")
    return not (field - pseudo - len(transport)) % 0xFFFF or not (field - pseudo) % 0xFFFF


def is_reset(data: bytes) -> bool:
    """Whether an IPv4 packet of TCP is a reset."""
    return bool(data[(data[0] & 15) * 4 + 13] & RST)


def may_follow_syn(flags: int) -> bool:
    """Whether an end may send such a segment before its SYN is answered: with SYN, or a reset (section 3.10.7.3)."""
    return bool(flags & (SYN | RST))


def answers_syn(flags: int) -> bool:
    """Whether a SYN is answered by such a segment: by a SYN that acknowledges it, or a reset."""
    return flags & (SYN | ACK) == SYN | ACK or bool(flags & RST)


def read_options(options: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of each option; those behind one whose length is wrong are not there."""
    at = 0
    while at < len(options) and options[at] != _END_KIND:
        if options[at] == _NOP_KIND:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if not 2 <= length <= len(options) - at:  # noqa: PLR2004 - kind and length are part of it
            return
        yield options[at], at, at + length
        at += length


def read_offer(options: bytes) -> Offer:
    """What a SYN with these options offers."""
    mss, shift, sack = DEFAULT_MSS, None, False
    for kind, start, end in read_options(options):
        value = int.from_bytes(options[start + 2 : end], "big")
        if kind == _MSS:
            mss = value or DEFAULT_MSS
        elif kind == _SCALE:
            shift = min(value, MAX_SHIFT)
        sack = sack or kind == _SACK_PERMITTED
    return Offer(mss, shift, sack)


def is_signed(options: bytes) -> bool:
    """Whether a segment with these options bears a signature, so that nobody else can change it."""
    return any(kind in _SIGNATURES for kind, _, _ in read_options(options))


def read_timestamps(options: bytes) -> Timestamps | None:
    """The timestamps of a segment."""
    if len(options) == 12 and options.startswith(_PLAIN_TIMESTAMPS):  # noqa: PLR2004 - with both values
        return Timestamps(int.from_bytes(options[4:8], "big"), int.from_bytes(options[8:12], "big"))
    for kind, start, end in read_options(options):
        if kind == _TIMESTAMPS and end - start == 10:  # noqa: PLR2004 - with both values
            middle = start + 6
            return Timestamps(
                int.from_bytes(options[start + 2 : middle], "big"), int.from_bytes(options[middle:end], "big")
            )
    return None


def read_blocks(options: bytes) -> list[tuple[int, int]]:
    """The blocks that are acknowledged selectively: the first byte of each, and the one behind its last."""
    if len(options) == 12 and options.startswith(_PLAIN_TIMESTAMPS):  # noqa: PLR2004 - nothing else is there
        return []
    return [
        (int.from_bytes(options[at : at + 4], "big"), int.from_bytes(options[at + 4 : at + 8], "big"))
        for kind, start, end in read_options(options)
        if kind == _SACK
        for at in range(start + 2, end - _BLOCK + 1, _BLOCK)
    ]


def write_options(timestamps: Timestamps | None, blocks: list[tuple[int, int]]) -> bytes:
    """Options of a segment that is not the first."""
    parts = []
    if timestamps is not None:
        parts += [_PLAIN_TIMESTAMPS, timestamps.value.to_bytes(4, "big"), timestamps.echo.to_bytes(4, "big")]
    if blocks:
        most = 3 if timestamps is not None else 4
        parts += [_NOP * 2, bytes((_SACK, 2 + _BLOCK * len(blocks[:most])))]
        parts += [edge.to_bytes(4, "big") for block in blocks[:most] for edge in block]
    return b"".join(parts)


def with_blocks(options: bytes, blocks: list[tuple[int, int]]) -> bytes:
    """Options with other blocks acknowledged selectively, no more than before; the place of what goes is padding."""
    for kind, start, end in read_options(options):
        if kind == _SACK:
            new = b"".join(edge.to_bytes(4, "big") for block in blocks for edge in block)
            option = bytes((_SACK, 2 + len(new))) + new if new else b""
            return options[:start] + option + _NOP * (end - start - len(option)) + options[end:]
    return options


def without_multipath(options: bytes) -> bytes:
    """Options without MPTCP (RFC 8684), which numbers bytes on its own account; its place is padding."""
    for kind, start, end in read_options(options):
        if kind == _MULTIPATH:
            options = options[:start] + _NOP * (end - start) + options[end:]
    return options


def _ip_header(segment: Segment, addresses: bytes, length: int) -> bytes:
    ip = segment.ip
    if len(addresses) != 8:  # noqa: PLR2004 - IPv6
        return ip[:4] + (len(ip) - 40 + length).to_bytes(2, "big") + ip[6:8] + addresses + ip[40:]
    identification = int.from_bytes(ip[4:6], "big")
    if segment.copy:  # two datagrams with one identification could be mixed up, were they cut into fragments
        identification = (identification + 0x8000 + segment.copy) & 0xFFFF
    start = ip[:2] + (len(ip) + length).to_bytes(2, "big") + identification.to_bytes(2, "big") + ip[6:10]
    rest = addresses + ip[20:]
    return start + checksum(start + rest).to_bytes(2, "big") + rest
