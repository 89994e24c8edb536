"""Packets of IPv6 hosts at the edge: whose they become, and which are nobody's."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    ICMPv6TimeExceeded,
    IPv6,
)
from scapy.packet import Packet

from doorman.algs.api import Refused
from doorman.config.reader import read_config
from doorman.nat.families import Families
from doorman.nat.stand_ins import StandIns
from doorman.net.addresses import address_of, address_text
from kit.nat64 import CONFIG, HOST

ROUTER = "2001:db8:99::1"
SERVER, SERVER_V6 = "198.51.100.80", "2001:db8:64::c633:6450"


class Edge:
    """The edge of a gateway, spoken to in scapy's packets."""

    def __init__(self) -> None:
        self.stand_ins = StandIns(read_config(CONFIG, "t"))
        self.families = Families(self.stand_ins, 1_500)

    def stand_in(self, host: str = HOST) -> str:
        return address_text(self.stand_ins.give(address_of(host), 0.0))

    def out(self, packet: Packet) -> IP:
        return IP(self.families.outward(bytes(packet), 0.0))

    def to_host(self, packet: Packet) -> IPv6:
        (only,) = self.families.to_host(bytes(packet), 0.0)
        return IPv6(only)


def test_a_host_calls_a_server_by_the_prefix_and_is_answered() -> None:
    edge = Edge()
    sent = edge.out(IPv6(src=HOST, dst=SERVER_V6) / UDP(sport=9, dport=53) / b"who")
    assert (sent.src, sent.dst, sent[UDP].sport, bytes(sent[UDP].payload)) == (edge.stand_in(), SERVER, 9, b"who")
    back = edge.to_host(IP(src=SERVER, dst=edge.stand_in()) / UDP(sport=53, dport=9) / b"you")
    assert (back.src, back.dst, bytes(back[UDP].payload)) == (SERVER_V6, HOST, b"you")


def test_what_came_to_a_host_is_what_it_was_made_of() -> None:
    edge = Edge()
    back = IP(edge.families.inward(bytes(IPv6(src=SERVER_V6, dst=HOST) / UDP(sport=53, dport=9) / b"you"), 0.0))
    assert (back.src, back.dst) == (SERVER, edge.stand_in())
    with pytest.raises(Refused, match=r"^nat64-source$"):
        edge.families.inward(bytes(IPv6(src=ROUTER, dst=HOST) / UDP()), 0.0)


def test_a_router_speaks_for_the_host_whose_packet_it_tells_of() -> None:
    edge = Edge()
    quote = IPv6(src=SERVER_V6, dst=HOST) / UDP(sport=53, dport=9) / bytes(1_200)
    with pytest.raises(Refused, match=r"^no-stand-in$"):
        edge.out(IPv6(src=ROUTER, dst=SERVER_V6) / ICMPv6PacketTooBig(mtu=1_300) / quote)
    known = edge.stand_in()
    told = edge.out(IPv6(src=ROUTER, dst=SERVER_V6) / ICMPv6PacketTooBig(mtu=1_300) / quote)
    assert (told.src, told[ICMP].type, told[ICMP].nexthopmtu) == (known, 3, 1_280)
    quoted = IP(bytes(told[ICMP])[8:])
    assert (quoted.src, quoted.dst) == (SERVER, known)
    assert edge.stand_ins.known(address_of(ROUTER)) is None


def test_a_router_outside_is_known_by_the_prefix() -> None:
    edge = Edge()
    quote = IP(src=edge.stand_in(), dst=SERVER) / UDP(sport=9, dport=53) / b"who"
    told = edge.to_host(IP(src="192.0.2.1", dst=edge.stand_in()) / ICMP(type=11) / quote)
    assert (told.src, told.dst, told[ICMPv6TimeExceeded].code) == ("2001:db8:64::c000:201", HOST, 0)
    assert IPv6(bytes(told[ICMPv6TimeExceeded])[8:]).src == HOST


@pytest.mark.parametrize(
    ("source", "destination", "reason"),
    [
        (HOST, "2001:db8:1::1", "nat64-destination"),
        (HOST, "2001:db8:64::7f00:1", "nat64-destination"),
        (HOST, "2001:db8:64::1", "nat64-destination"),
        (HOST, "2001:db8:64::e000:1", "nat64-destination"),
        (HOST, "2001:db8:64::f001:1", "nat64-destination"),
        ("2001:db8:64::c000:201", SERVER_V6, "nat64-source"),
        ("fe80::1", SERVER_V6, "nat64-source"),
        ("ff02::1", SERVER_V6, "nat64-source"),
        ("::", SERVER_V6, "nat64-source"),
        ("::1", SERVER_V6, "nat64-source"),
        (ROUTER, SERVER_V6, "no-nat64-rule"),
    ],
)
def test_what_is_nobodys(source: str, destination: str, reason: str) -> None:
    edge = Edge()
    with pytest.raises(Refused, match=f"^{reason}$"):
        edge.out(IPv6(src=source, dst=destination) / ICMPv6EchoRequest())
    assert list(edge.stand_ins) == []


def test_nobody_answers_for_a_stand_in_that_is_nobodys() -> None:
    edge = Edge()
    for packet, reason in (
        (bytes(IP(src=SERVER, dst="240.1.2.3") / UDP()), "no-stand-in"),
        (b"\x45", "ip-header-damaged"),
        (bytes(IPv6(src=SERVER_V6, dst=HOST) / UDP()), "ip-header-damaged"),
        (bytes(IP(src=SERVER, dst=edge.stand_in()) / ICMP(type=13)), "icmp-type"),
    ):
        with pytest.raises(Refused, match=f"^{reason}$"):
            edge.families.to_host(packet, 0.0)
    with pytest.raises(Refused, match=r"^ip-header-damaged$"):
        edge.families.outward(b"", 0.0)


def test_packets_that_do_not_go_between_families_are_not_its_concern() -> None:
    families = Edge().families
    host, server = address_of(HOST), address_of(SERVER_V6)
    assert families.concern(host, server)
    assert families.concern(server, host)
    assert not families.concern(host, address_of(ROUTER))
    assert not families.concern(address_of(SERVER), address_of("192.0.2.1"))
