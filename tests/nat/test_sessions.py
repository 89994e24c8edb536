"""Sessions: ready-made ways change a packet as scapy would, and silence ends them in their own time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from doorman.config.model import Timeouts
from doorman.nat.bindings import Binding
from doorman.nat.sessions import Session, Sessions, flow_key, packet_key, plain_answer_key, plain_key
from doorman.net.packet import ESP, ICMP, TCP, UDP, parse_packet, readdress
from kit.packets import MAKERS, endpoint, ping, tcp, udp

PORTS = st.integers(0, 65_535)
HOSTS = st.ip_addresses(v=4).map(str)
ENDPOINTS = st.builds("{}:{}".format, HOSTS, PORTS)
LOCAL, GLOBAL, PEER = "192.168.1.10:5000", "203.0.113.1:61000", "198.51.100.7:80"
PROTOCOLS = {"udp": UDP, "tcp": TCP}
SYN, ACK, FIN, RST = 2, 16, 1, 4


def session(protocol: int, local: str = LOCAL, global_: str = GLOBAL, peer: str = PEER) -> Session:
    binding = Binding(protocol, endpoint(local), endpoint(global_))
    return Session(protocol, binding, endpoint(local), endpoint(peer))


@given(st.sampled_from([*MAKERS]), ENDPOINTS, ENDPOINTS, ENDPOINTS, st.binary(min_size=12, max_size=15))
def test_the_ways_carry_a_packet_as_scapy_builds_it(
    protocol: str, local: str, global_: str, peer: str, data: bytes
) -> None:
    make, flow = MAKERS[protocol], session(PROTOCOLS[protocol], local, global_, peer)
    sent, seen = make(local, peer, data=data), make(global_, peer, data=data)
    reply, answered = make(peer, global_, data=data), make(peer, local, data=data)
    assert flow.outward.carry(sent) == seen
    assert flow.inward.carry(reply) == answered
    assert flow.mirror.carry(answered) == reply
    for way, packet in ((flow.outward, sent), (flow.inward, reply)):
        assert plain_key(packet) == (flow.outward_key if way is flow.outward else flow.inward_key)
    assert plain_answer_key(answered) == flow.outward_key
    assert plain_answer_key(seen) == flow.inward_key


@given(st.sampled_from([*MAKERS]), ENDPOINTS, ENDPOINTS, ENDPOINTS, st.integers(0, 0xFFFE), st.integers(0, 0xFFFE))
def test_a_way_does_what_readdress_does_also_to_damaged_packets(  # noqa: PLR0913, PLR0917 - drawn
    protocol: str, local: str, global_: str, peer: str, header: int, transport: int
) -> None:
    make, flow = MAKERS[protocol], session(PROTOCOLS[protocol], local, global_, peer)
    packet = IP(make(local, peer))
    packet.chksum = header
    packet.payload.chksum = transport
    data = bytes(packet)
    parsed = parse_packet(data)
    assert parsed is not None
    carried = flow.outward.carry(data)
    assert carried == readdress(parsed, endpoint(global_), endpoint(peer))
    reply = IP(make(peer, global_))
    reply.chksum, reply.payload.chksum = header, transport
    assert flow.mirror.carry(flow.inward.carry(bytes(reply))) == bytes(reply)


def test_the_flow_key_is_in_the_packet() -> None:
    packet = MAKERS["udp"](LOCAL, PEER)
    assert flow_key(17, endpoint(LOCAL), endpoint(PEER)) == plain_key(packet) == packet[12:24]


def test_flows_of_two_protocols_have_two_keys() -> None:
    keys = {flow_key(protocol, endpoint(LOCAL), endpoint(PEER)) for protocol in (ICMP, TCP, UDP, ESP)}
    assert len(keys) == 4


@pytest.mark.parametrize(
    "data",
    [
        udp(LOCAL, PEER),
        tcp(LOCAL, PEER),
        udp(LOCAL, PEER, options=b"\x94\x04\0\0"),
        udp(LOCAL, PEER, frag=3),
        ping("192.168.1.10", "198.51.100.7", 77),
        bytes(IPv6(src="2001:db8::1", dst="2001:db8::2", nh=UDP) / Raw(b"\x13\xc4\0\x50\0\x08\0\0")),
    ],
    ids=["UDP", "TCP", "with an option", "a fragment", "a query", "IPv6"],
)
def test_the_key_of_a_packet_is_that_of_its_ends(data: bytes) -> None:
    packet = parse_packet(data)
    assert packet is not None
    assert packet_key(packet) == flow_key(packet.protocol, packet.sender, packet.receiver)


def test_a_way_tells_of_its_ends_as_both_sides_see_them() -> None:
    flow = session(UDP)
    local, name, peer = map(endpoint, (LOCAL, GLOBAL, PEER))
    assert flow.outward.path == (local, peer, name, peer)
    assert flow.inward.path == (peer, name, peer, local)


def test_a_query_has_its_identifier_at_both_ends() -> None:
    flow = session(ICMP, "192.168.1.10:7", "203.0.113.1:9", "198.51.100.7:7")
    assert flow.outward.sender.port == flow.outward.receiver.port == 9
    assert flow.inward.sender.port == flow.inward.receiver.port == 7


def lifetime(table: Sessions, flow: Session) -> float:
    """Seconds of silence after which the session is over, to the second."""
    silence = 0.0
    while not table.overdue(flow.last_used + silence):
        silence += 1
        if silence > 1000:
            return float("inf")
    return silence


TIMEOUTS = Timeouts(
    translation=11,
    tcp=90,
    udp=30,
    icmp=13,
    dns=7,
    finrst=5,
    syn=20,
    pptp=17,
    ports=(("tcp", 22, 600), ("udp", 123, None)),
)


@pytest.mark.parametrize(
    ("protocol", "peer", "seconds"),
    [
        (UDP, "198.51.100.7:5004", 30),
        (UDP, "198.51.100.7:53", 7),
        (UDP, "198.51.100.7:123", float("inf")),
        (UDP, "198.51.100.7:22", 30),
        (TCP, "198.51.100.7:80", 20),
        (ICMP, "198.51.100.7:7", 13),
        (50, "198.51.100.7:0", 11),
        (47, "198.51.100.7:0", 17),
    ],
)
def test_silence_ends_a_session_in_its_protocols_time(protocol: int, peer: str, seconds: float) -> None:
    table = Sessions(TIMEOUTS)
    flow = session(protocol, peer=peer)
    table.add(flow, 100.0)
    assert lifetime(table, flow) == seconds


@pytest.mark.parametrize(
    ("flags", "peer", "seconds"),
    [
        ([SYN], PEER, 20),
        ([SYN, SYN | ACK, ACK], PEER, 90),
        ([SYN, SYN | ACK, ACK], "198.51.100.7:22", 600),
        ([SYN, SYN | ACK, ACK, ACK | FIN], PEER, 5),
        ([SYN, SYN | ACK, ACK, ACK | FIN, ACK | FIN, ACK], PEER, 5),
        ([SYN, SYN | ACK, ACK, RST], PEER, 5),
        ([SYN, SYN | ACK, ACK, RST, ACK], PEER, 5),
        ([SYN, SYN | ACK, ACK, ACK | FIN, SYN], PEER, 20),
        ([SYN, SYN | ACK, ACK, ACK | FIN, SYN, ACK], PEER, 90),
        ([ACK], PEER, 90),
    ],
)
def test_a_connection_lives_by_its_flags(flags: list[int], peer: str, seconds: float) -> None:
    table = Sessions(TIMEOUTS)
    flow = session(TCP, peer=peer)
    table.add(flow, 100.0)
    for flag in flags:
        table.see_flags(flow, flag)
    assert lifetime(table, flow) == seconds


def test_each_packet_prolongs_a_session() -> None:
    table = Sessions(TIMEOUTS)
    flow = session(UDP)
    table.add(flow, 100.0)
    flow.last_used = 125.0
    assert table.overdue(131.0) == []
    assert table.overdue(155.0) == [flow]


def test_what_was_removed_is_not_overdue_nor_is_its_successor() -> None:
    table = Sessions(TIMEOUTS)
    old, new = session(UDP), session(UDP)
    table.add(old, 100.0)
    table.remove(old)
    table.remove(old)
    table.add(new, 110.0)
    assert list(table) == [new]
    assert table.overdue(135.0) == []
    assert table.overdue(140.0) == [new]
    table.remove(new)
    assert (len(table), table.inward, new.binding.sessions) == (0, {}, 0)
