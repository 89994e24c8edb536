"""Where packets lie in frames: frames made by scapy, and the captures of other projects as tshark reads them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet

from doorman.net import links
from doorman.net.addresses import Address, address_text
from doorman.net.captures import Frame, create_capture, open_capture

V4 = IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=5060, dport=5060) / b"hello"
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=5060, dport=5060) / b"hello"

NOT_FOUND = ("tr:", "pppoes:", "ethertype:ip:ipv6:")
"""Token ring, PPPoE, and frames of a fuzzer with IPv6 where IPv4 is announced."""


def ethernet(**fields: int) -> Packet:
    """Addresses given, since scapy would ask the network for them."""
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **fields)


HEADERS = [
    (links.ETHERNET, ethernet()),
    (links.ETHERNET, ethernet() / Dot1Q(vlan=5)),
    (links.ETHERNET, ethernet() / Dot1AD(vlan=7) / Dot1Q(vlan=5)),
    (links.ETHERNET, ethernet(type=0x9100) / Dot1Q(vlan=7) / Dot1Q(vlan=5)),
    (links.COOKED, CookedLinux()),
    (links.COOKED, CookedLinux() / Dot1Q(vlan=5)),
    (links.COOKED_V2, CookedLinuxV2()),
]


def frame_of(data: bytes, link: int = links.ETHERNET) -> Frame:
    return Frame(data, 1, len(data), link, 0)


def what_it_says(frame: Frame, start: int) -> list[str]:
    """Source, destination and the length field, as tshark writes them."""
    packet, length = frame.data[start:], links.packet_end(frame, start) - start
    if packet[0] >> 4 == 4:
        said = int.from_bytes(packet[2:4], "big") and length
        return [address_text(Address(packet[12:16])), address_text(Address(packet[16:20])), str(said)]
    return [address_text(Address(packet[8:24])), address_text(Address(packet[24:40])), str(length - 40)]


@pytest.mark.parametrize("packet", [V4, V6], ids=["v4", "v6"])
@pytest.mark.parametrize(("link", "header"), HEADERS)
def test_packets_behind_the_headers_scapy_makes(link: int, header: Packet, packet: Packet) -> None:
    data = bytes(header.copy() / packet)
    assert links.find_packet(data, link) == len(data) - len(bytes(packet))


@pytest.mark.parametrize(
    ("link", "header", "found"),
    [
        (links.RAW, "", {4, 6}),
        (links.RAW_BSD, "", {4, 6}),
        (links.IPV4, "", {4}),
        (links.IPV6, "", {6}),
        (links.LOOPBACK, "02000000", {4}),
        (links.LOOPBACK, "00000002", {4}),
        (links.LOOP, "00000002", {4}),
        (links.LOOPBACK, "18000000", {6}),
        (links.LOOPBACK, "0000001c", {6}),
        (links.LOOP, "0000001e", {6}),
        (links.LOOPBACK, "07000000", set()),
        (147, "", set()),
    ],
)
def test_packets_behind_the_other_headers(link: int, header: str, found: set[int]) -> None:
    before = bytes.fromhex(header)
    for version, packet in ((4, V4), (6, V6)):
        data = before + bytes(packet)
        assert links.find_packet(data, link) == (len(before) if version in found else -1)
        assert links.find_packet(before, link) == -1


def test_what_is_not_ip_or_says_another_version_is_not_found() -> None:
    assert links.find_packet(bytes(ethernet() / ARP()), links.ETHERNET) == -1
    assert links.find_packet(bytes(ethernet(type=0x0800)) + bytes(V6), links.ETHERNET) == -1
    assert links.find_packet(bytes(ethernet(type=0x86DD)) + bytes(V4), links.ETHERNET) == -1
    assert links.find_packet(bytes(ethernet(type=0x0800)), links.ETHERNET) == -1


@given(st.binary(max_size=80), st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276, 147]))
def test_no_frame_is_too_odd(data: bytes, link: int) -> None:
    start = links.find_packet(data, link)
    assert -1 <= start < len(data)
    if start >= 0:
        frame = frame_of(data, link)
        assert links.packet_end(frame, start) >= start
        assert data[start] >> 4 in {4, 6}
        end = min(links.packet_end(frame, start), len(data))
        assert links.replace_packet(frame, start, data[start:end]) == frame


@given(st.integers(0, 2000))
def test_tags_end_with_the_frame(count: int) -> None:
    assert links.find_packet(bytes(12) + b"\x81\x00\x00\x05" * count, links.ETHERNET) == -1


@pytest.mark.parametrize("packet", [V4, V6], ids=["v4", "v6"])
def test_padding_is_kept_with_the_length_and_goes_with_it(packet: Packet) -> None:
    plain = bytes(packet)
    header = bytes(ethernet() / packet)[: -len(plain)]
    frame = frame_of(header + plain + b"padding")
    assert links.packet_end(frame, 14) == 14 + len(plain)
    same = plain[:-5] + b"HELLO"
    assert links.replace_packet(frame, 14, same) == frame._replace(data=header + same + b"padding")
    longer = plain + b"!"
    assert links.replace_packet(frame, 14, longer) == frame_of(header + longer, frame.link)


@pytest.mark.parametrize("packet", [V4, V6], ids=["v4", "v6"])
def test_a_packet_the_capture_cut_is_known_and_stays_cut(packet: Packet) -> None:
    whole = bytes(ethernet() / packet)
    cut = Frame(whole[:-3], 1, len(whole), links.ETHERNET, 0)
    assert links.packet_end(cut, 14) == len(whole) > len(cut.data)
    changed = links.replace_packet(cut, 14, bytes([cut.data[14]]) + bytes(len(cut.data) - 15))
    assert (len(changed.data), changed.wire_length) == (len(cut.data), len(whole))


def test_a_length_of_zero_from_offload_reaches_to_the_end_of_the_frame() -> None:
    tcp_offload = bytes(ethernet()) + b"\x45\0\0\0" + bytes(16) + b"much data"
    assert links.packet_end(frame_of(tcp_offload), 14) == len(tcp_offload)
    assert links.packet_end(frame_of(tcp_offload)._replace(wire_length=9000), 14) == 9000
    no_next_header = bytes(ethernet()) + b"\x60" + bytes(5) + b"\x3b" + bytes(33) + b"padding"
    assert links.packet_end(frame_of(no_next_header), 14) == 14 + 40
    v6_offload = no_next_header[:20] + b"\x06" + no_next_header[21:]
    assert links.packet_end(frame_of(v6_offload), 14) == len(v6_offload)


def test_frames_of_other_projects_hold_the_packets_tshark_sees(
    shared_captures: list[Path], run: Callable[..., str], tmp_path: Path
) -> None:
    merged = tmp_path / "all.pcapng"
    run("mergecap", "-a", "-w", merged, *shared_captures)
    fields = ("ip.src", "ip.dst", "ip.len", "ipv6.src", "ipv6.dst", "ipv6.plen", "frame.protocols")
    words = [word for field in fields for word in ("-e", field)]
    lines = run("tshark", "-n", "-r", merged, "-T", "fields", "-E", "occurrence=f", *words).splitlines()
    with merged.open("rb") as stream:
        frames = list(open_capture(stream))
    kinds = set()
    for frame, line in zip(frames, lines, strict=True):
        *_, protocols = row = line.split("\t")
        start = links.find_packet(frame.data, frame.link)
        if start < 0:
            assert not row[0] + row[3] or any(odd in protocols for odd in NOT_FOUND), line
        elif row[0] + row[3]:
            assert what_it_says(frame, start) == (row[:3] if frame.data[start] >> 4 == 4 else row[3:6])
        else:
            assert frame.data[start] & 15 < 5 or frame.data[start] >> 4 == 6, line
        kinds.add((frame.link, start))
    assert {(0, 4), (1, 14), (1, 18), (101, 0), (113, 16)} <= kinds


def test_tshark_agrees_with_the_frames_of_scapy(tmp_path: Path, run: Callable[..., str]) -> None:
    """The link types that no shared capture has."""
    stream = BytesIO()
    writer = create_capture(stream, "x.pcapng")
    packets = [(link, bytes(header / packet)) for link, header in HEADERS[:3] + HEADERS[4:] for packet in (V4, V6)]
    packets += [(links.LOOP, b"\0\0\0\x02" + bytes(V4)), (links.LOOP, b"\0\0\0\x18" + bytes(V6))]
    for link, data in packets:
        writer.write(frame_of(data, link))
        assert links.find_packet(data, link) >= 0
    path = tmp_path / "x.pcapng"
    path.write_bytes(stream.getvalue())
    assert run("tshark", "-n", "-r", path, "-T", "fields", "-e", "udp.payload").split() == [b"hello".hex()] * len(
        packets
    )
