"""NetBIOS's datagram service: the sender in a datagram's header, in either direction."""

import pytest

from doorman.engine.results import Fate
from kit.netbios import datagram
from kit.sip import NO_NAT, OVERLOAD, STATIC, Gateway

HOST, PEER, NAMED = "10.0.0.10:138", "198.51.100.20:138", "203.0.113.100:138"
KINDS = range(0x10, 0x17)


@pytest.mark.parametrize("kind", KINDS)
def test_the_sender_is_named_as_the_receiver_sees_it(kind: int) -> None:
    gateway = Gateway(STATIC)
    passed = gateway.out(datagram("10.0.0.10", 138, kind), HOST, PEER)
    assert (passed.source, passed.data) == (NAMED, datagram("203.0.113.100", 138, kind))


def test_behind_a_shared_address_its_port_is_too() -> None:
    gateway = Gateway(OVERLOAD)
    gateway.out(b"first", "10.0.0.11:138", PEER)
    passed = gateway.out(datagram("10.0.0.10", 138), HOST, PEER)
    address, _, port = passed.source.partition(":")
    assert int(port) != 138
    assert passed.data == datagram(address, int(port))
    back = gateway.in_(datagram("198.51.100.20", 138, 0x13), PEER, passed.source)
    assert (back.target, back.data) == (HOST, datagram("198.51.100.20", 138, 0x13))


def test_what_a_server_passes_on_for_another_host_tells_of_that_host() -> None:
    gateway = Gateway(STATIC + "ip nat inside source static 10.0.0.11 203.0.113.101\n")
    passed = gateway.out(datagram("10.0.0.11", 138), HOST, PEER)
    assert passed.data == datagram("203.0.113.101", 138)
    left = gateway.out(datagram("192.0.2.7", 138), HOST, PEER)
    assert left.data == datagram("192.0.2.7", 138)
    assert not gateway.engine.state.notes


def test_another_inside_host_gets_no_name_by_it() -> None:
    gateway = Gateway(OVERLOAD)
    passed = gateway.out(datagram("10.0.0.99", 138), HOST, PEER)
    assert passed.data == datagram("10.0.0.99", 138)
    assert gateway.engine.state.notes == {"address-left": 1}
    assert len(list(gateway.engine.state.bindings)) == 1


def test_an_outside_host_is_told_by_its_name_inside() -> None:
    gateway = Gateway(STATIC + "ip nat outside source static 198.51.100.20 10.9.9.9\n")
    back = gateway.in_(datagram("198.51.100.20", 138), PEER, NAMED)
    assert (back.source, back.data) == ("10.9.9.9:138", datagram("10.9.9.9", 138))


def test_replay_finds_what_the_peer_must_have_sent() -> None:
    gateway = Gateway(STATIC + "ip nat outside source static 198.51.100.20 10.9.9.9\n")
    sent, passed = gateway.learned(datagram("10.9.9.9", 138), "10.9.9.9:138", HOST)
    assert (sent, passed.data) == (datagram("198.51.100.20", 138), datagram("10.9.9.9", 138))


@pytest.mark.parametrize("length", [1, 9, 13])
def test_a_datagram_that_ends_within_its_header_is_dropped(length: int) -> None:
    gateway = Gateway(STATIC)
    passed = gateway.out(datagram("10.0.0.10", 138)[:length], HOST, PEER)
    assert (passed.fate, passed.reason) == (Fate.DROPPED, "netbios-dgm: datagram-header")


def test_another_protocol_passes_and_its_flow_is_looked_into_no_longer() -> None:
    gateway = Gateway(STATIC)
    assert gateway.out(b"\x20 something", HOST, PEER).data == b"\x20 something"
    assert gateway.out(datagram("10.0.0.10", 138), HOST, PEER).data == datagram("10.0.0.10", 138)


def test_without_a_translation_nothing_is_done_or_noted() -> None:
    gateway = Gateway(NO_NAT)
    assert gateway.out(datagram("10.0.0.10", 138), HOST, PEER).data == datagram("10.0.0.10", 138)
    assert not gateway.engine.state.notes
