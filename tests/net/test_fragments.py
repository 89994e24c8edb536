"""Cutting packets: what scapy puts together again, options, and damaged packets."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP, defragment
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    defragment6,
)
from scapy.packet import Packet

from doorman.net.checksum import is_valid
from doorman.net.fragments import fragment, is_fragment, read_fragment

V4 = IP(src="192.0.2.1", dst="192.0.2.2", id=0x1234, ttl=17, tos=0xB8)
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2", tc=0xB8, fl=77, hlim=9)
DATA = bytes(n * 7 & 0xFF for n in range(3000))


def packet_of(header: Packet, data: bytes = DATA) -> bytes:
    return bytes(header.copy() / UDP(sport=5060, dport=5060) / data)


@given(st.integers(0, 3000), st.integers(28, 1500))
def test_scapy_puts_ipv4_together_again(size: int, mtu: int) -> None:
    packet = packet_of(V4, DATA[:size])
    pieces = fragment(packet, mtu)
    assert all(len(piece) <= mtu and is_valid(piece[:20]) for piece in pieces)
    assert all(is_fragment(piece) for piece in pieces) or pieces == [packet]
    (whole,) = defragment([IP(piece) for piece in pieces])
    del whole.chksum
    assert bytes(whole) == packet


@pytest.mark.parametrize(
    "header",
    [
        V6,
        V6 / IPv6ExtHdrHopByHop(),
        V6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(addresses=["2001:db8::3"]),
        V6 / IPv6ExtHdrDestOpt(),
    ],
    ids=["plain", "hop-by-hop", "routing", "destination options"],
)
@pytest.mark.parametrize("mtu", [1280, 1281, 1500])
def test_scapy_puts_ipv6_together_again(header: Packet, mtu: int) -> None:
    packet = packet_of(header)
    pieces = fragment(packet, mtu, 0xABCD_EF01)
    assert len(pieces) == 3
    assert all(len(piece) <= mtu and is_fragment(piece) for piece in pieces)
    assert all(IPv6(piece)[IPv6ExtHdrFragment].id == 0xABCD_EF01 for piece in pieces)
    assert bytes(defragment6([IPv6(piece) for piece in pieces])) == packet


def test_destination_options_after_the_routing_header_are_cut_with_the_data() -> None:
    pieces = fragment(packet_of(V6 / IPv6ExtHdrDestOpt()), 1280, 1)
    assert [piece[6] for piece in pieces] == [44] * 3
    assert [piece[40] for piece in pieces] == [60] * 3


def test_options_go_where_their_copied_flag_says() -> None:
    options = b"\x01\x44\x08\x05\0abcd\x82\x06abcd\0"  # no operation, timestamp, security (copied), end
    packet = b"\x49\0" + struct.pack("!HHHBBH", 3036, 7, 0, 64, 17, 0) + bytes(8) + options + DATA
    first, *others = fragment(packet, 1000)
    assert first[20 : (first[0] & 15) * 4] == options
    assert {piece[20 : (piece[0] & 15) * 4] for piece in others} == {b"\x82\x06abcd\0\0"}
    assert all(is_valid(piece[: (piece[0] & 15) * 4]) for piece in (first, *others))
    assert b"".join(piece[(piece[0] & 15) * 4 :] for piece in (first, *others)) == packet[36:]


@pytest.mark.parametrize("options", [b"\x82\x06ab", b"\x82\x01\0\0", b"\x01\x01\x01\x82", b"\0\x82\x02\0"])
def test_options_that_make_no_sense_end_the_list(options: bytes) -> None:
    header = b"\x46\0" + struct.pack("!HHHBBH4x4x", 1024, 7, 0, 64, 17, 0) + options
    first, second = fragment(header + bytes(1000), 800)
    assert (first[20:24], second[0]) == (options, 0x45)


def test_a_fragment_is_cut_again() -> None:
    packet = packet_of(V4)
    pieces = [smaller for piece in fragment(packet, 1500) for smaller in fragment(piece, 576)]
    assert len(pieces) == 7
    (whole,) = defragment([IP(piece) for piece in pieces])
    del whole.chksum
    assert bytes(whole) == packet


def test_dont_fragment_is_neither_heeded_nor_kept() -> None:
    packet = packet_of(IP(src="192.0.2.1", dst="192.0.2.2", flags="DF"))
    assert [piece[6] & 0x40 for piece in fragment(packet, 1500)] == [0, 0, 0]
    assert fragment(packet, len(packet)) == [packet]


@pytest.mark.parametrize(
    ("packet", "mtu", "says"),
    [
        (packet_of(V4), 27, "no room for data in a fragment: 7 bytes"),
        (packet_of(V4), 0, "no room"),
        (packet_of(V6), 55, "no room for data in a fragment: 7 bytes"),
        (b"\x4f" + bytes(50), 40, "not an IPv4 header: 60 bytes of 51"),
        (b"\x41" + bytes(50), 40, "not an IPv4 header: 4 bytes of 51"),
        (b"\x60" + bytes(5) + b"\0" + bytes(33) + b"\x06\xff" + bytes(30), 60, "not an IPv6 packet"),
    ],
)
def test_what_cannot_be_cut_is_refused(packet: bytes, mtu: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        fragment(packet, mtu, 1)


def test_ipv6_needs_an_identification() -> None:
    assert fragment(packet_of(V6, b""), 1280) == [packet_of(V6, b"")]
    with pytest.raises(ValueError, match="identification"):
        fragment(packet_of(V6), 1280)


@given(st.binary(max_size=80), st.sampled_from([b"", b"\x45\0\0\x40", b"\x60\0\0\0\0\x20\x2c", b"\x60\0\0\0\0\x20\0"]))
def test_no_packet_is_too_odd(rest: bytes, beginning: bytes) -> None:
    packet = beginning + rest
    is_fragment(packet)
    piece = read_fragment(packet)
    assert piece is None or (piece.start % 8 == 0 and len(piece.data) <= len(packet))


def test_is_fragment_looks_behind_the_link_header() -> None:
    for packet in (packet_of(V4), packet_of(V6), packet_of(V6 / IPv6ExtHdrHopByHop())):
        assert not is_fragment(bytes(14) + packet, 14)
        assert all(is_fragment(bytes(14) + piece, 14) for piece in fragment(packet, 1280, 1))
    assert not is_fragment(b"")
    assert not is_fragment(packet_of(V4), len(packet_of(V4)) - 19)
