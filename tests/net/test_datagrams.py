"""Packets made anew, as scapy reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from doorman.net.datagrams import MOST_DATA, datagram, segment
from doorman.net.packet import parse_packet
from kit.packets import endpoint, shown

PHONE, PEER = endpoint("10.0.0.10:5060"), endpoint("198.51.100.20:5070")


@given(st.binary(max_size=200))
def test_a_datagram(data: bytes) -> None:
    packet = datagram(PHONE, PEER, data)
    assert shown(packet) == "udp 10.0.0.10:5060 > 198.51.100.20:5070"
    assert bytes(IP(packet)[UDP].payload) == data


@given(st.binary(max_size=200), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_segment(data: bytes, sequence: int, acknowledgement: int) -> None:
    packet = segment(PHONE, PEER, data, sequence, acknowledgement)
    assert shown(packet) == "tcp 10.0.0.10:5060 > 198.51.100.20:5070"
    read = IP(packet)[TCP]
    assert (read.seq, read.ack, bytes(read.payload)) == (sequence, acknowledgement, data)


@pytest.mark.parametrize(
    "packet",
    [datagram(PHONE, PEER, bytes(MOST_DATA)), segment(PHONE, PEER, bytes(MOST_DATA), 1, 1)],
    ids=["udp", "tcp"],
)
def test_the_longest(packet: bytes) -> None:
    parsed = parse_packet(packet)
    assert parsed is not None
    assert parsed.payload_end - parsed.payload_at == MOST_DATA


def test_a_datagram_over_ipv6() -> None:
    packet = datagram(endpoint("[2001:db8::1]:5060"), endpoint("[2001:db8::2]:5061"), b"hello")
    read = IPv6(packet)
    copy = read.copy()
    del copy[UDP].chksum, copy[UDP].len, copy.plen
    assert bytes(copy) == packet
    assert (read.src, read[UDP].dport, bytes(read[UDP].payload)) == ("2001:db8::1", 5061, b"hello")
