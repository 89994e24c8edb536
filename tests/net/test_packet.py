"""Changing addresses, ports and payloads: the result is what scapy builds, and undoing it gives the very bytes."""

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.packet import Raw

from doorman.net.addresses import Address, Endpoint, address_of, address_text
from doorman.net.edits import Edit, apply_edits
from doorman.net.packet import Packet, carried, edited, parse_packet, readdress
from kit.packets import ping, rebuilt, tcp, udp

PORTS = st.integers(0, 65_535)
PAYLOADS = st.binary(max_size=40)
V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
OPTIONS = st.sampled_from([[], [IPOption(b"\x94\x04\0\0")], [IPOption(b"\x07\x0b\x04" + bytes(8)), IPOption(b"\0")]])


@st.composite
def headers(draw: st.DrawFn) -> Any:  # noqa: ANN401 - scapy has no types
    if draw(st.booleans()):
        return IP(src=draw(V4), dst=draw(V4), id=draw(PORTS), tos=draw(st.integers(0, 255)), options=draw(OPTIONS))
    extensions = draw(st.sampled_from([Raw(b""), IPv6ExtHdrHopByHop(), IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()]))
    address = IPv6(src=draw(V6), dst=draw(V6), tc=draw(st.integers(0, 255)))
    return address if isinstance(extensions, Raw) else address / extensions


@st.composite
def transports(draw: st.DrawFn) -> Any:  # noqa: ANN401 - scapy
    sport, dport, data = draw(PORTS), draw(PORTS), draw(PAYLOADS)
    if draw(st.booleans()):
        return UDP(sport=sport, dport=dport) / data
    options = draw(st.sampled_from([[], [("MSS", 1460), ("NOP", None), ("WScale", 7)]]))
    return TCP(sport=sport, dport=dport, seq=draw(PORTS), flags="PA", options=options) / data


def parsed(data: bytes) -> Packet:
    packet = parse_packet(data)
    assert packet is not None
    return packet


def scapy_of(data: bytes) -> Any:  # noqa: ANN401 - scapy
    return IP(data) if data[0] >> 4 == 4 else IPv6(data)


def readdressed_by_scapy(data: bytes, sender: Endpoint, receiver: Endpoint, payload: bytes | None = None) -> bytes:
    """The same packet with the changes made in scapy's fields, and every length and checksum built anew."""
    copy = scapy_of(data)
    copy.src, copy.dst = address_text(sender.address), address_text(receiver.address)
    transport = copy[UDP] if copy.haslayer(UDP) else copy[TCP]
    transport.sport, transport.dport = sender.port, receiver.port
    if payload is not None:
        transport.remove_payload()
        transport.add_payload(payload)
    if copy.haslayer(IPv6):
        del copy.plen
    return rebuilt(copy)


@st.composite
def changes(draw: st.DrawFn) -> tuple[bytes, Endpoint, Endpoint]:
    """A packet and the endpoints it is to have."""
    header, transport = draw(headers()), draw(transports())
    family = V4 if isinstance(header, IP) else V6
    sender, receiver = (Endpoint(address_of(draw(family)), draw(PORTS)) for _ in range(2))
    return bytes(header / transport), sender, receiver


@given(changes(), st.none() | PAYLOADS)
def test_readdressed_is_what_scapy_builds(change: tuple[bytes, Endpoint, Endpoint], payload: bytes | None) -> None:
    data, sender, receiver = change
    assert readdress(parsed(data), sender, receiver, payload) == readdressed_by_scapy(*change, payload)


@given(changes(), st.data())
def test_an_edited_packet_has_the_payload_that_the_edits_make(
    change: tuple[bytes, Endpoint, Endpoint], data: st.DataObject
) -> None:
    packet = parsed(change[0])
    places = sorted(data.draw(st.lists(st.integers(0, len(packet.payload)), min_size=2, max_size=8)))
    edits = [
        Edit(start, end, data.draw(st.binary(max_size=9)), "a rule")
        for start, end in zip(places[::2], places[1::2], strict=False)
    ]
    expected = readdress(packet, packet.sender, packet.receiver, apply_edits(packet.payload, edits))
    assert edited(packet, edits) == expected


@given(changes(), st.none() | PAYLOADS)
def test_there_and_back_gives_the_very_bytes(change: tuple[bytes, Endpoint, Endpoint], payload: bytes | None) -> None:
    data, sender, receiver = change
    packet = parsed(data)
    there = parsed(readdress(packet, sender, receiver, payload))
    assert readdress(there, packet.sender, packet.receiver, packet.payload if payload is not None else None) == data


@given(changes(), st.none() | PAYLOADS, st.integers(1, 0xFFFE))
def test_a_wrong_checksum_stays_wrong_by_the_same(
    change: tuple[bytes, Endpoint, Endpoint], payload: bytes | None, error: int
) -> None:
    data, sender, receiver = change
    packet = parsed(data)
    at = packet.transport_at + (6 if packet.protocol == 17 else 16)
    damaged = with_checksum(data, at, added(data, at, error, udp=packet.protocol == 17))
    assume(damaged[at : at + 2] != b"\xff\xff" or packet.protocol == 17)
    right = readdressed_by_scapy(data, sender, receiver, payload)
    expected = with_checksum(right, at, added(right, at, error, udp=packet.protocol == 17))
    changed = readdress(parsed(damaged), sender, receiver, payload)
    assert changed == expected
    back = readdress(parsed(changed), packet.sender, packet.receiver, packet.payload if payload is not None else None)
    assert back == damaged


def added(data: bytes, at: int, error: int, *, udp: bool) -> int:
    total = (int.from_bytes(data[at : at + 2], "big") + error) % 0xFFFF
    return total or (0xFFFF if udp else 0)


def with_checksum(data: bytes, at: int, field: int) -> bytes:
    return data[:at] + field.to_bytes(2, "big") + data[at + 2 :]


@given(changes(), st.none() | PAYLOADS)
def test_no_udp_checksum_stays_none(change: tuple[bytes, Endpoint, Endpoint], payload: bytes | None) -> None:
    data, sender, receiver = change
    packet = parsed(data)
    assume(packet.protocol == 17)
    without = with_checksum(data, packet.transport_at + 6, 0)
    changed = readdress(parsed(without), sender, receiver, payload)
    right = readdressed_by_scapy(data, sender, receiver, payload)
    assert changed == with_checksum(right, packet.transport_at + 6, 0)


@pytest.mark.parametrize("kind", ["echo-request", "echo-reply", "timestamp-request"])
@pytest.mark.parametrize("identifier", [0, 7, 0xFFFF])
def test_a_query_has_its_identifier_for_a_port(kind: str, identifier: int) -> None:
    packet = parsed(ping("192.0.2.1", "192.0.2.2", identifier, kind, b"odd"))
    assert (packet.source_port, packet.destination_port) == (identifier, identifier)
    assert packet.is_query
    assert not packet.is_error
    there = readdress(packet, Endpoint(address_of("203.0.113.9"), 77), Endpoint(packet.destination, 77))
    assert there == ping("203.0.113.9", "192.0.2.2", 77, kind, b"odd")
    assert readdress(parsed(there), packet.sender, packet.receiver) == packet.data


def test_other_protocols_get_other_addresses_and_nothing_else() -> None:
    packet = bytes(IP(src="192.0.2.1", dst="192.0.2.2", proto=47) / b"\0\0\x08\0odd")
    expected = bytes(IP(src="203.0.113.9", dst="192.0.2.2", proto=47) / b"\0\0\x08\0odd")
    assert readdress(parsed(packet), endpoint("203.0.113.9"), endpoint("192.0.2.2")) == expected


def test_icmpv6_sums_its_addresses() -> None:
    packet = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / ICMPv6EchoRequest(id=1, data=b"odd"))
    expected = bytes(IPv6(src="2001:db8::1", dst="2001:db8:7::9") / ICMPv6EchoRequest(id=1, data=b"odd"))
    assert readdress(parsed(packet), endpoint("2001:db8::1"), endpoint("2001:db8:7::9")) == expected


@pytest.mark.parametrize("payload", [b"one byte more", b"shorter", b"eleven byte"])
def test_what_stands_behind_a_udp_datagram_is_no_part_of_its_checksum(payload: bytes) -> None:
    """The surplus area of RFC 9868, section 6."""
    surplus = b"\x12\x34\x56\x78\x9a"
    packet = IP(udp("192.0.2.1:9", "192.0.2.2:9", b"twelve bytes"))
    packet.len += len(surplus)
    del packet.chksum
    expected = IP(udp("203.0.113.9:9", "192.0.2.2:9", payload))
    expected.len += len(surplus)
    del expected.chksum
    changed = readdress(parsed(bytes(packet) + surplus), endpoint("203.0.113.9", 9), endpoint("192.0.2.2", 9), payload)
    assert changed == bytes(expected) + surplus


def test_a_length_that_was_never_told_stays_untold() -> None:
    """As captured where the network card cuts the packet (segmentation offload)."""
    packet = IP(udp("192.0.2.1:9", "192.0.2.2:9", b"short"))
    packet.len = 0
    sender, receiver = endpoint("192.0.2.1", 9), endpoint("192.0.2.2", 9)
    longer = readdress(parsed(bytes(packet)), sender, receiver, b"much longer")
    assert longer[2:4] == b"\0\0"
    assert readdress(parsed(longer), sender, receiver, b"short") == bytes(packet)


def test_a_checksum_of_all_ones_is_left_where_nothing_changed() -> None:
    """Another way to write zero, which no sender computes but some routers produced (RFC 1624, section 3)."""
    data = with_checksum(tcp("192.0.2.1:1", "192.0.2.2:2"), 36, 0xFFFF)
    packet = parsed(data)
    assert readdress(packet, packet.sender, packet.receiver) == data
    assert carried(0xFFFF, 0xFFFF * 2) == 0xFFFF


def test_the_payload_of_a_fragment_is_not_taken_for_ports() -> None:
    packet = parsed(udp("192.0.2.1:1", "192.0.2.2:2", flags="MF"))
    assert packet.fragment
    assert (packet.source_port, packet.destination_port) == (0, 0)
    changed = readdress(packet, endpoint("203.0.113.9", 7), endpoint("192.0.2.2", 8))
    assert changed[20:] == packet.data[20:]
    assert not IP(rebuilt(IP(changed))).haslayer(TCP)


@pytest.mark.parametrize("offset", [0, 1, 4])
def test_a_tcp_header_is_never_shorter_than_twenty_bytes(offset: int) -> None:
    data = bytearray(tcp("192.0.2.1:1", "192.0.2.2:2", "PA", b"data"))
    data[32] = offset << 4
    packet = parsed(bytes(data))
    assert packet.payload == b"data"
    assert parsed(readdress(packet, endpoint("192.0.2.1", 3), packet.receiver)).source_port == 3


@pytest.mark.parametrize("short", [b"", b"\x45" * 19, b"\x46" + bytes(22), b"\x41" + bytes(30), b"\x60" + bytes(38)])
def test_half_a_header_is_no_packet(short: bytes) -> None:
    assert parse_packet(short) is None


@given(st.binary(max_size=80), st.sampled_from([0x45, 0x46, 0x60]), st.none() | PAYLOADS, st.booleans())
@example(bytes.fromhex("0000000000003cff") + bytes(32) + b"\x11\xff", 0x60, None, False)  # noqa: FBT003 - a drawn value
def test_whatever_is_a_packet_can_be_changed_and_changed_back(
    data: bytes,
    first: int,
    payload: bytes | None,
    told: bool,  # noqa: FBT001 - drawn
) -> None:
    data = bytes([first]) + data
    if told and first != 0x60:
        data = data[:2] + len(data).to_bytes(2, "big") + data[4:]
    packet = parse_packet(data)
    if packet is None:
        return
    if packet.payload_at == packet.transport_at or packet.fragment:
        payload = None
    host = Address(b"\xc0\0\2\1" if first != 0x60 else bytes(15) + b"\1")
    changed = parsed(readdress(packet, Endpoint(host, 7), Endpoint(host, 7), payload))
    assert changed.source == host
    before = None if payload is None else packet.payload
    if b"\xff\xff" not in data and len(changed.payload) == len(payload or packet.payload):
        assert readdress(changed, packet.sender, packet.receiver, before) == data


def endpoint(address: str, port: int = 0) -> Endpoint:
    return Endpoint(address_of(address), port)


@pytest.mark.parametrize(("kind", "is_error"), [(3, True), (4, True), (5, True), (11, True), (12, True), (9, False)])
def test_errors_are_told_from_other_messages(kind: int, is_error: bool) -> None:  # noqa: FBT001 - the expectation
    packet = parsed(bytes(IP(src="192.0.2.1", dst="192.0.2.2") / ICMP(type=kind) / bytes(28)))
    assert packet.is_error is is_error
    assert not packet.is_query
