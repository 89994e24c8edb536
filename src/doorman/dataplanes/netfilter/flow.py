"""Conntrack entries as values, and their bytes (linux/netfilter/nfnetlink_conntrack.h).

A flow is known by two tuples: who sends to whom in the original direction, and whom the answers come from and go to, as
they are on the wire before translation. Without NAT the second is the first turned round.

    TUPLE_ORIG(1), TUPLE_REPLY(2)   { IP(1)    { V4_SRC(1) V4_DST(2) | V6_SRC(3) V6_DST(4) }
                                      PROTO(2) { NUM(1):u8  SRC_PORT(2):u16 DST_PORT(3):u16 | ICMP ID(4):u16
                                                 TYPE(5):u8 CODE(6):u8 | ICMPV6 ID(7) TYPE(8) CODE(9) } }
    TUPLE_ORIG, TUPLE_REPLY also ZONE(3):u16, where the zone is of one direction alone
    STATUS(3):u32  TIMEOUT(7) seconds:u32  MARK(8):u32  ID(12):u32  ZONE(18):u16  MARK_MASK(21):u32
    LABELS(22) 128 bits, the first byte has bits 0 to 7
    COUNTERS_ORIG(9), COUNTERS_REPLY(10)   { PACKETS(1):u64 BYTES(2):u64 }

All in network order; what the kernel has no value for is absent. In a tuple of ICMP the query identifier takes the
place of both ports.
"""

import struct
from typing import NamedTuple

from doorman.dataplanes.netfilter.messages import ATTRIBUTE, NetlinkMalformed, attribute, attributes, nested
from doorman.net.addresses import Address, Endpoint

TUPLE_ORIG, TUPLE_REPLY, MARK, ID, ZONE, MARK_MASK, LABELS = 1, 2, 8, 12, 18, 21, 22
_STATUS, _TIMEOUT, _COUNTERS_ORIG, _COUNTERS_REPLY = 3, 7, 9, 10
_IP, _PROTO, _TUPLE_ZONE = 1, 2, 3
_SENDER_V4, _RECEIVER_V4, _SENDER_V6, _RECEIVER_V6 = 1, 2, 3, 4
_NUM, _SRC_PORT, _DST_PORT, _ICMP_ID, _ICMPV6_ID = 1, 2, 3, 4, 7
_PACKETS, _BYTES = 1, 2

_ICMP, _ICMPV6 = 1, 58
_ECHO = {_ICMP: (_ICMP_ID, 8, 0), _ICMPV6: (_ICMPV6_ID, 128, 129)}
"""By protocol: the identifier's attribute, which type and code follow, and the types of echo request and reply."""

SEEN_REPLY, ASSURED, CONFIRMED, SRC_NAT, DST_NAT = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
"""Bits of `Flow.status` (enum ip_conntrack_status)."""

_USUAL_TUPLE = struct.Struct("!4x4s4s4x4s4x4xB3x4sH2x4xH2x")
"""A tuple of IPv4 with ports, read at once: the address's header, it, the other; protocol; the port's header, both."""
_USUAL_HEADERS = ATTRIBUTE.pack(8, _SENDER_V4), ATTRIBUTE.pack(6, _SRC_PORT)
_NOTHING = bytes(8)


class FlowKey(NamedTuple):
    """One tuple of a flow, enough to find it by.

    Attributes:
        protocol: the IP protocol's number.
        sender: who sends in this direction.
        receiver: whom it is sent to. Of an ICMP query both ports are the identifier; it is taken to be an echo.
        is_reply: this is the reply direction.
        zone: the conntrack zone.
        id: the entry's own number, 0 for whichever flow has this tuple.
    """

    protocol: int
    sender: Endpoint
    receiver: Endpoint
    is_reply: bool = False
    zone: int = 0
    id: int = 0


class Flow(NamedTuple):
    """A conntrack entry.

    Attributes:
        protocol: the IP protocol's number.
        sender: who sent the first packet, as it was before translation.
        receiver: whom it was sent to, before translation.
        reply_sender: whom answers come from: the translated receiver.
        reply_receiver: whom answers are sent to: the translated sender.
        mark: the conntrack mark.
        zone: the conntrack zone, as the original direction has it.
        id: the entry's own number.
        timeout: seconds until it ends unless a packet comes; 0 where not told.
        status: bits such as ASSURED.
        packets: packets counted in the original direction; all four are 0 unless nf_conntrack_acct is on.
        bytes: bytes counted in the original direction, of IP packets.
        reply_packets: packets counted in the reply direction.
        reply_bytes: bytes counted in the reply direction.
        label: the first 16 bits of the conntrack label, as a number.
    """

    protocol: int
    sender: Endpoint
    receiver: Endpoint
    reply_sender: Endpoint
    reply_receiver: Endpoint
    mark: int
    zone: int
    id: int
    timeout: int
    status: int
    packets: int
    bytes: int
    reply_packets: int
    reply_bytes: int
    label: int = 0

    @property
    def key(self) -> FlowKey:
        """What finds this very entry."""
        return FlowKey(self.protocol, self.sender, self.receiver, zone=self.zone, id=self.id)


def read_flow(content: bytes) -> Flow:
    """Read a message of conntrack, from its nfgenmsg on.

    Raises:
        NetlinkMalformed: no tuples, or lengths that do not fit.
    """
    found = attributes(content)
    number = int.from_bytes
    try:
        protocol, sender, receiver = _read_tuple(found[TUPLE_ORIG])
        _, reply_sender, reply_receiver = _read_tuple(found[TUPLE_REPLY])
    except KeyError as missing:
        raise NetlinkMalformed(f"a flow without attribute {missing}") from None
    return Flow(
        protocol,
        sender,
        receiver,
        reply_sender,
        reply_receiver,
        number(found.get(MARK, b"")),
        number(found[ZONE]) if ZONE in found else _zone_of(found[TUPLE_ORIG]),
        number(found.get(ID, b"")),
        number(found.get(_TIMEOUT, b"")),
        number(found.get(_STATUS, b"")),
        *_read_counters(found.get(_COUNTERS_ORIG)),
        *_read_counters(found.get(_COUNTERS_REPLY)),
        number(found.get(LABELS, b"")[:2], "little"),
    )


def write_key(key: FlowKey) -> bytes:
    """The attributes that name a flow."""
    sender, receiver = key.sender, key.receiver
    kinds = (_SENDER_V4, _RECEIVER_V4) if len(sender.address) == 4 else (_SENDER_V6, _RECEIVER_V6)  # noqa: PLR2004
    addresses = nested(_IP, attribute(kinds[0], sender.address), attribute(kinds[1], receiver.address))
    found = nested(TUPLE_REPLY if key.is_reply else TUPLE_ORIG, addresses, _write_protocol(key))
    if key.zone:
        found += attribute(ZONE, struct.pack("!H", key.zone))
    if key.id:
        found += attribute(ID, struct.pack("!I", key.id))
    return found


def _read_tuple(data: bytes) -> tuple[int, Endpoint, Endpoint]:
    if len(data) == _USUAL_TUPLE.size:
        kind, sender, receiver, protocol, port_kind, sender_port, receiver_port = _USUAL_TUPLE.unpack(data)
        if (kind, port_kind) == _USUAL_HEADERS:
            return protocol, Endpoint(sender, sender_port), Endpoint(receiver, receiver_port)
    parts = attributes(data, 0)
    addresses, ports = attributes(parts[_IP], 0), attributes(parts[_PROTO], 0)
    identifier = ports.get(_ICMP_ID) or ports.get(_ICMPV6_ID) or b""
    is_v4 = _SENDER_V4 in addresses
    return (
        int.from_bytes(ports[_NUM]),
        Endpoint(
            Address(addresses[_SENDER_V4 if is_v4 else _SENDER_V6]),
            int.from_bytes(ports.get(_SRC_PORT, identifier)),
        ),
        Endpoint(
            Address(addresses[_RECEIVER_V4 if is_v4 else _RECEIVER_V6]),
            int.from_bytes(ports.get(_DST_PORT, identifier)),
        ),
    )


def _zone_of(data: bytes) -> int:
    """The zone of one direction; 0 where it has none of its own."""
    return 0 if len(data) == _USUAL_TUPLE.size else int.from_bytes(attributes(data, 0).get(_TUPLE_ZONE, b""))


def _read_counters(data: bytes | None) -> tuple[int, int]:
    if data is None:
        return 0, 0
    found = attributes(data, 0)
    return int.from_bytes(found.get(_PACKETS, _NOTHING)), int.from_bytes(found.get(_BYTES, _NOTHING))


def _write_protocol(key: FlowKey) -> bytes:
    number = attribute(_NUM, bytes([key.protocol]))
    if key.protocol not in _ECHO:
        ports = struct.pack("!H", key.sender.port), struct.pack("!H", key.receiver.port)
        return nested(_PROTO, number, attribute(_SRC_PORT, ports[0]), attribute(_DST_PORT, ports[1]))
    kind, *echo = _ECHO[key.protocol]
    identifier = attribute(kind, struct.pack("!H", key.sender.port))
    message_type = attribute(kind + 1, bytes([echo[key.is_reply]]))
    return nested(_PROTO, number, identifier, message_type, attribute(kind + 2, b"\0"))
