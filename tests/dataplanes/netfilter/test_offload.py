"""What a device leaves to be done to a packet is right for the one of the other family, too."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.offload import SIZE, Offloaded
from doorman.nat.families import Families
from doorman.nat.stand_ins import StandIns
from doorman.net.addresses import address_of, address_text
from doorman.net.checksum import checksum, word_sum
from kit.nat64 import CONFIG, HOST, SERVER, SERVER_V6
from kit.packets import rebuilt

SEGMENTS_V4, SEGMENTS_V6, CHECKSUM_AT = 1, 4, {"TCP": 16, "UDP": 6}
STAND_INS = StandIns(read_config(CONFIG, "t"))
STAND_IN = address_text(STAND_INS.give(address_of(HOST), 0.0))
FAMILIES = Families(STAND_INS, 1_500)


def handed_over(packet: Any, kind: int = 0) -> bytes:  # noqa: ANN401 - scapy
    """As the kernel hands it over: with the sum of the pseudo header where the checksum belongs."""
    start = 40 if isinstance(packet, IPv6) else 20
    name, data = (
        packet.lastlayer().underlayer.name if packet.haslayer("Raw") else packet.lastlayer().name,
        bytes(packet),
    )
    at = start + CHECKSUM_AT[name]
    addresses = data[8:40] if start == 40 else data[12:20]
    length = len(data) - start
    partial = word_sum(addresses + length.to_bytes(4, "big") + bytes((0, {"TCP": 6, "UDP": 17}[name])))
    header = struct.pack("=BBHHHH", 1, kind, start + 20, 1_400 if kind else 0, start, CHECKSUM_AT[name])
    return header + data[:at] + partial.to_bytes(2, "big") + data[at + 2 :]


def finished(data: bytes) -> bytes:
    """What the kernel makes of it."""
    flags, _, _, _, start, offset = struct.unpack("=BBHHHH", data[:SIZE])
    packet = data[SIZE:]
    if not flags & 1:
        return packet
    at = start + offset
    field = checksum(packet[start:]) or 0xFFFF
    return packet[:at] + field.to_bytes(2, "big") + packet[at + 2 :]


def transports(data: bytes, port: int) -> list[Any]:
    return [TCP(sport=port, dport=80, flags="PA") / data, UDP(sport=port, dport=80) / data]


@given(st.binary(min_size=1, max_size=60), st.integers(0, 0xFFFF))
def test_an_unfinished_checksum_comes_right(data: bytes, port: int) -> None:
    for transport in transports(data, port):
        down = Offloaded(handed_over(IPv6(src=HOST, dst=SERVER_V6) / transport))
        made = finished(down.translated(FAMILIES.outward(down.packet, 0.0)))
        assert made == rebuilt(IP(made))
        up = Offloaded(handed_over(IP(src=SERVER, dst=STAND_IN) / transport))
        assert up.whole
        (packet,) = FAMILIES.to_host(up.packet, 0.0, whole=True)
        assert finished(up.translated(packet)) == rebuilt(IPv6(src=SERVER_V6, dst=HOST) / transport)


def test_a_sum_that_looks_like_none_is_one() -> None:
    """The complement of 0xFFFF is what UDP says of a datagram without a checksum."""
    packet = bytes(IP(src=SERVER, dst=STAND_IN) / UDP(sport=9, dport=80) / b"x")
    header = struct.pack("=BBHHHH", 1, 0, 28, 0, 20, 6)
    for field in (b"\xff\xff", b"\0\0"):
        one = Offloaded(header + packet[:26] + field + packet[28:])
        (made,) = FAMILIES.to_host(one.packet, 0.0, whole=True)
        difference = word_sum(address_of(SERVER_V6) + address_of(HOST)) - word_sum(
            address_of(SERVER) + address_of(STAND_IN)
        )
        assert int.from_bytes(one.translated(made)[SIZE + 46 : SIZE + 48], "big") % 0xFFFF == difference % 0xFFFF


def test_segments_stay_together_and_become_those_of_the_other_family() -> None:
    segments = TCP(sport=9, dport=80, flags="A") / bytes(60_000)
    down = Offloaded(handed_over(IPv6(src=HOST, dst=SERVER_V6) / segments, SEGMENTS_V6))
    data = down.translated(FAMILIES.outward(down.packet, 0.0))
    assert struct.unpack("=BBHHHH", data[:SIZE]) == (1, SEGMENTS_V4, 40, 1_400, 20, 16)
    up = Offloaded(handed_over(IP(src=SERVER, dst=STAND_IN) / segments, SEGMENTS_V4))
    (packet,) = FAMILIES.to_host(up.packet, 0.0, whole=up.whole)
    assert struct.unpack("=BBHHHH", up.translated(packet)[:SIZE]) == (1, SEGMENTS_V6, 60, 1_400, 40, 16)


def test_a_finished_packet_is_left_alone() -> None:
    packet = bytes(IPv6(src=HOST, dst=SERVER_V6) / UDP() / b"x")
    one = Offloaded(bytes(SIZE) + packet)
    assert (one.packet, one.whole, one.translated(b"other")) == (packet, False, bytes(SIZE) + b"other")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(SIZE),
        struct.pack("=BBHHHH", 0, 3, 0, 0, 0, 0) + b"x",
        struct.pack("=BBHHHH", 1, 0, 0, 0, 40, 16) + b"x",
    ],
)
def test_what_is_no_such_packet(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"packet|kind"):
        Offloaded(data)
