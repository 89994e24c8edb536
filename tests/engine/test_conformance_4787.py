"""The requirements of RFC 4787 (UDP), RFC 5382 (TCP) and RFC 5508 (ICMP), one by one, where a test can show them."""

import pytest

from kit.gateway import OVERLOAD, SHARED_POOL, STATIC_PORT, gateway
from kit.packets import MAKERS, Maker, icmp_error, ping, tcp, udp

PEERS = ("198.51.100.7:9000", "198.51.100.7:9001", "198.51.100.8:9000")
PEER = PEERS[0]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_4787_req_1_and_5382_req_1_one_name_for_all_peers(make: Maker) -> None:
    gate = gateway(OVERLOAD)
    gate.inside(make("192.168.1.11:5000", PEER))
    assert len({gate.mapped(make("192.168.1.10:5000", peer)) for peer in PEERS}) == 1


def test_4787_req_2_a_host_keeps_one_address_for_all_its_flows() -> None:
    gate = gateway(SHARED_POOL)
    for number in range(10, 14):
        host = f"192.168.1.{number}"
        packets = [udp(f"{host}:5000", PEER), tcp(f"{host}:80", PEER), udp(f"{host}:5002", PEERS[2])]
        assert len({gate.mapped(packet).partition(":")[0] for packet in packets}) == 1
    assert {binding.global_.address[3] for binding in gate.engine.state.bindings} == {20, 21}


@pytest.mark.parametrize(("port", "low", "high"), [(80, 0, 1023), (5000, 1024, 65_535)])
def test_4787_req_3_ports_stay_in_their_range(port: int, low: int, high: int) -> None:
    gate = gateway(OVERLOAD)
    for number in range(10, 60):
        seen_as = int(gate.mapped(udp(f"192.168.1.{number}:{port}", PEER)).partition(":")[2])
        assert low <= seen_as <= high


@pytest.mark.parametrize("port", [5000, 5001, 80, 81])
def test_4787_req_4_parity_is_kept(port: int) -> None:
    gate = gateway(OVERLOAD)
    for number in range(10, 60):
        seen_as = int(gate.mapped(udp(f"192.168.1.{number}:{port}", PEER)).partition(":")[2])
        assert seen_as % 2 == port % 2


def test_4787_req_3_ports_are_not_overloaded() -> None:
    gate = gateway(OVERLOAD)
    names = [gate.mapped(udp(f"192.168.1.{number}:5000", PEER)) for number in range(10, 200)]
    assert len(set(names)) == len(names)


def test_6056_the_next_port_cannot_be_foretold() -> None:
    def ports(seed: int) -> list[str]:
        gate = gateway(OVERLOAD, seed)
        return [gate.mapped(udp(f"192.168.1.{number}:5000", PEER)) for number in range(10, 30)]

    assert ports(1) == ports(1)
    assert len(set(ports(1)) & set(ports(2))) <= 2


def test_4787_req_5_a_udp_mapping_outlives_two_minutes_and_its_default_is_five() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(udp("192.168.1.10:5000", PEER))
    gate.wait(299)
    assert gate.outside(udp(PEER, "203.0.113.1:5000")).startswith("inside: ")


def test_4787_req_6_outbound_packets_refresh_a_mapping() -> None:
    gate = gateway(OVERLOAD)
    for _ in range(5):
        gate.inside(udp("192.168.1.10:5000", PEER))
        gate.wait(299)
    assert gate.outside(udp(PEER, "203.0.113.1:5000")).startswith("inside: ")


def test_4787_req_8_a_stranger_is_filtered() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(udp("192.168.1.10:5000", PEER))
    assert gate.outside(udp(PEERS[2], "203.0.113.1:5000")) == "dropped: no-session-or-door"
    gate.inside(udp("192.168.1.10:5000", PEERS[2]))
    assert gate.outside(udp(PEERS[2], "203.0.113.1:5000")).startswith("inside: ")


@pytest.mark.parametrize("protocol", MAKERS)
def test_4787_req_9_and_5382_req_8_hairpins_show_the_global_name(protocol: str) -> None:
    gate = gateway(STATIC_PORT.replace("static tcp", f"static {protocol}"))
    sent = MAKERS[protocol]("192.168.1.10:5000", "203.0.113.1:8080")
    assert gate.inside(sent) == f"inside: {protocol} 203.0.113.1:5000 > 192.168.1.6:80"


def test_4787_req_11_the_same_traffic_is_always_treated_the_same() -> None:
    gate = gateway(OVERLOAD)
    for number in range(10, 200):
        gate.inside(udp(f"192.168.1.{number}:5000", PEER))
        assert gate.mapped(udp(f"192.168.1.{number}:{6000 + number}", PEER)) == f"203.0.113.1:{6000 + number}"


def test_4787_req_12_errors_pass_and_end_nothing() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(udp("192.168.1.10:5000", PEER))
    told = icmp_error("198.51.100.1", "203.0.113.1", gate.packet, 3, 4)
    for _ in range(2):
        assert gate.outside(told) == "inside: error 3 198.51.100.1 > 192.168.1.10"
    assert gate.outside(udp(PEER, "203.0.113.1:5000")).startswith("inside: ")


def test_5382_req_2_both_ends_may_open_at_once() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(tcp("192.168.1.10:5000", PEER, "S"))
    assert gate.outside(tcp(PEER, "203.0.113.1:5000", "S")).startswith("inside: tcp")
    assert gate.inside(tcp("192.168.1.10:5000", PEER, "SA")).startswith("outside: tcp")


def test_5382_req_5_an_open_connection_outlives_two_hours_and_four_minutes() -> None:
    gate = gateway(OVERLOAD)
    for flags in ("S", "A"):
        gate.inside(tcp("192.168.1.10:5000", PEER, flags))
    gate.wait(2 * 3600 + 240)
    assert gate.outside(tcp(PEER, "203.0.113.1:5000", "A")).startswith("inside: ")


def test_5382_req_5_so_does_one_with_a_longer_syn_timeout() -> None:
    gate = gateway(OVERLOAD + "ip nat translation syn-timeout 240\n")
    for flags in ("S", "A"):
        gate.inside(tcp("192.168.1.10:5000", PEER, flags))
    gate.wait(2 * 3600 + 240)
    assert gate.outside(tcp(PEER, "203.0.113.1:5000", "A")).startswith("inside: ")


def test_5382_req_10_an_error_does_not_end_a_connection() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(tcp("192.168.1.10:5000", PEER, "S"))
    gate.outside(icmp_error("198.51.100.1", "203.0.113.1", gate.packet))
    assert gate.outside(tcp(PEER, "203.0.113.1:5000", "SA")).startswith("inside: ")


def test_5508_req_1_one_identifier_for_all_peers() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(ping("192.168.1.11", PEER, 7))
    seen = {gate.inside(ping("192.168.1.10", peer, 7)).split()[-1] for peer in PEERS}
    assert len(seen) == 1


def test_5508_req_2_a_query_is_waited_for_a_minute() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(ping("192.168.1.10", PEER, 7))
    gate.wait(59)
    assert gate.outside(ping(PEER, "203.0.113.1", 7, "echo-reply")).startswith("inside: ")


def test_5508_req_3_an_error_with_a_damaged_checksum_is_not_repaired() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(udp("192.168.1.10:5000", PEER))
    told = bytearray(icmp_error("198.51.100.1", "203.0.113.1", gate.packet))
    told[22] ^= 0x10
    with pytest.raises(AssertionError, match="scapy computes otherwise"):
        gate.outside(bytes(told))


def test_5508_req_11_other_icmp_messages_are_dropped_or_handled() -> None:
    advertisement = bytearray(ping("192.168.1.10", PEER, 7))
    advertisement[20] = 9
    assert gateway(OVERLOAD).inside(bytes(advertisement)) == "dropped: protocol-without-ports"
