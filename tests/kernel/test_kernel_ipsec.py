"""IPsec of hosts that share an address, on real packets: the first ones come to the queue, all others pass by SPI.

hosts A 10.0.0.10, B .11     gateway 203.0.113.1     servers S 198.51.100.7, T 198.51.100.8
"""

from collections.abc import Callable

import pytest

from doorman.cli.debug.nat import flow_lines
from doorman.daemon.clock import seconds
from doorman.daemon.tunnel_use import TunnelUse
from doorman.engine.inspection import Inspection
from doorman.engine.results import Side
from kit.live import Live
from kit.packets import esp, icmp_error, ike, quote_of, shown, udp
from kit.sip import OVERLOAD, POOL

A, B = "10.0.0.10", "10.0.0.11"
S, T = "198.51.100.7", "198.51.100.8"
GATE = "203.0.113.1"
INSIDE, OUTSIDE = Side
KEEP = "access-list 10 permit any\nip nat service list 10 IKE preserve-port\n"
PRESERVE = OVERLOAD + KEEP

Make = Callable[..., Live]


@pytest.fixture
def gate(make: Make) -> Live:
    """A gateway whose hosts share its address, and keep port 500."""
    return make(PRESERVE)


@pytest.fixture(params=[OVERLOAD, PRESERVE], ids=["conntrack sees the first packet", "it sees none"])
def either(request: pytest.FixtureRequest, make: Make) -> Live:
    """A gateway whose hosts share its address; where some keep port 500, chains for IPsec are there from the start."""
    return make(request.param)


def out(gate: Live, *packets: bytes) -> list[str]:
    """What leaves when these arrive on the inside."""
    return [shown(packet) for packet in gate.packets(INSIDE, *packets)]


def to(gate: Live, *packets: bytes) -> list[str]:
    """What leaves when these arrive on the outside."""
    return [shown(packet) for packet in gate.packets(OUTSIDE, *packets)]


def whole(gate: Live, host: str, spis: tuple[int, int], server: str = S) -> None:
    """Let a host have a tunnel with a server."""
    assert out(gate, esp(host, server, spis[0])) == [f"esp {GATE} > {server} spi {spis[0]:08x}"]
    assert to(gate, esp(server, GATE, spis[1])) == [f"esp {server} > {host} spi {spis[1]:08x}"]


def both(gate: Live, spis: dict[str, tuple[int, int]], server: str = S) -> None:
    """See that packets of tunnels go both ways, and that none of them comes to the queue."""
    before = gate.traffic.received
    for host, (outbound, inbound) in spis.items():
        for _ in range(3):
            assert out(gate, esp(host, server, outbound)) == [f"esp {GATE} > {server} spi {outbound:08x}"]
            assert to(gate, esp(server, GATE, inbound)) == [f"esp {server} > {host} spi {inbound:08x}"]
    assert gate.traffic.received == before


def test_only_the_first_packets_of_a_tunnel_come_to_the_queue(either: Live) -> None:
    whole(either, A, (0x1001, 0xA001))
    assert either.traffic.received == 2
    whole(either, B, (0x1002, 0xB001))
    both(either, {A: (0x1001, 0xA001), B: (0x1002, 0xB001)})
    assert either.flows("-p", "esp") == []


def test_who_watches_is_told_of_tunnels_and_ike_as_of_flows(gate: Live) -> None:
    told: list[str] = []
    gate.traffic.watchers.append(lambda news: told.extend(() if isinstance(news, Inspection) else flow_lines(news, 0)))
    out(gate, udp(f"{A}:500", f"{S}:500", ike(1)))
    whole(gate, A, (0x1001, 0xA001))
    to(gate, esp(S, GATE, 0xA003))
    gate.wait(100_000)
    assert [line.partition("NAT: ")[2] for line in told] == [
        f"udp s={A}:500->{GATE}:500, d={S}:500 [begun]",
        f"esp s={A}:0->{GATE}:0, d={S}:0 [begun]",
        f"esp s={S}:0, d={GATE}:0->{A}:0 [begun]",
        f"esp s={A}:0->{GATE}:0, d={S}:0 [ended]",
        f"esp s={S}:0, d={GATE}:0->{A}:0 [ended]",
        f"udp s={A}:500->{GATE}:500, d={S}:500 [ended]",
    ]


def test_two_servers_may_use_the_same_spis(either: Live) -> None:
    for server in (S, T):
        whole(either, A, (0x1001, 0xA001), server)
        whole(either, B, (0x1002, 0xB001), server)
    for server in (S, T):
        both(either, {A: (0x1001, 0xA001), B: (0x1002, 0xB001)}, server)


def test_a_second_host_waits_for_the_first(either: Live) -> None:
    assert out(either, esp(A, S, 0x1001))
    assert out(either, esp(B, S, 0x1002)) == []
    assert either.engine.drops["esp-other-host-waits"] == 1
    assert to(either, esp(S, GATE, 0xA001)) == [f"esp {S} > {A} spi 0000a001"]
    whole(either, B, (0x1002, 0xB001))


def test_rekeying_works_beside_the_old_pair_and_whoever_uses_the_new_one_first(either: Live) -> None:
    whole(either, A, (0x1001, 0xA001))
    whole(either, A, (0x1003, 0xA003))
    assert to(either, esp(S, GATE, 0xA005)) == [f"esp {S} > {A} spi 0000a005"]
    assert out(either, esp(A, S, 0x1005))
    for pair in ((0x1001, 0xA001), (0x1003, 0xA003), (0x1005, 0xA005)):
        both(either, {A: pair})


def test_strangers_never_reach_an_inside_host_nor_the_queue(either: Live) -> None:
    of_the_gateway_itself = [f"error 3 {GATE} > {T}"]
    assert to(either, esp(T, GATE, 0xA001)) == of_the_gateway_itself
    whole(either, A, (0x1001, 0xA001))
    before = either.traffic.received
    to(either, esp(T, GATE, 0xA001))
    assert either.traffic.received == before
    assert len(either.engine.state.tunnels) == 1


def test_a_tunnel_is_in_use_while_its_packets_pass_by_the_kernel(either: Live) -> None:
    whole(either, A, (0x1001, 0xA001))
    whole(either, B, (0x1002, 0xB001))
    use = TunnelUse(either.engine, either.plane)
    first, second = either.engine.state.tunnels
    both(either, {A: (0x1001, 0xA001), B: (0x1002, 0xB001)})
    with either.wires.gateway.inside():
        use.look(1e6)
    assert (first.last_used, second.last_used) == (1e6, 1e6)
    out(either, esp(A, S, 0x1001))
    with either.wires.gateway.inside():
        use.look(1e6 + 10)  # too soon to ask the kernel again
        use.look(1e6 + 20)
    assert (first.last_used, second.last_used) == (1e6 + 20, 1e6)


def test_without_the_engine_known_tunnels_go_on_and_nothing_else_leaves(make: Make) -> None:
    gate = make(PRESERVE)
    whole(gate, A, (0x1001, 0xA001))
    gate.queue.close()
    gate.wires.send(esp(A, S, 0x1001), INSIDE)
    gate.wires.send(esp(A, S, 0x1003), INSIDE)
    gate.wires.send(esp(B, S, 0x1002), INSIDE)
    gate.wires.send(udp(f"{B}:500", f"{S}:500", ike(1)), INSIDE)
    assert [shown(packet) for packet in gate.wires.sync(INSIDE)] == [
        f"esp {GATE} > {S} spi 00001001",
        f"esp {GATE} > {S} spi 00001003",
    ]


def test_without_it_no_tunnel_begins(make: Make) -> None:
    gate = make(OVERLOAD)
    gate.queue.close()
    for spi in (0x1001, 0x1002):
        gate.wires.send(esp(A, S, spi), INSIDE)
    assert gate.wires.sync(INSIDE) == []
    assert gate.flows("-p", "esp") == []


def test_conntrack_is_made_to_forget_what_it_saw_of_tunnels(make: Make) -> None:
    """Packets that it saw before the rules were others may get their verdicts after that."""
    gate = make(OVERLOAD)
    for server in (S, T):
        gate.wires.send(esp(A, server, 0x1001), INSIDE)
    gate.wires.sync(INSIDE)
    with gate.wires.gateway.inside():
        [first, second] = gate.queue.receive()
        gate.traffic.engine.receive(first.data, INSIDE, seconds())
        gate.traffic.commit()
        gate.queue.accept(first.id)
        gate.queue.flush()
    assert len(gate.flows("-p", "esp")) == 1
    gate.tick()
    assert gate.flows("-p", "esp") == []
    with gate.wires.gateway.inside():
        gate.traffic.engine.receive(second.data, INSIDE, seconds())
        gate.traffic.commit()
        gate.queue.accept(second.id)
        gate.queue.flush()
    assert len(gate.flows("-p", "esp")) == 1
    for _ in range(2):
        gate.tick()
    assert gate.flows("-p", "esp") == []


def test_the_chains_for_tunnels_go_with_the_last_of_them(make: Make) -> None:
    gate = make(OVERLOAD)
    whole(gate, A, (0x1001, 0xA001))
    gate.wait(100_000)
    assert "ipsec_untracked" in gate.run("nft", "list", "table", "ip", "doorman")
    gate.reconfigure(OVERLOAD + "hostname NEXT\n", seconds())
    gate.tick()
    assert "chain ipsec_untracked {" not in gate.run("nft", "list", "table", "ip", "doorman")
    whole(gate, B, (0x1002, 0xB001))
    both(gate, {B: (0x1002, 0xB001)})


def test_a_table_made_anew_knows_the_tunnels(either: Live) -> None:
    whole(either, A, (0x1001, 0xA001))
    either.run("nft", "delete", "table", "ip", "doorman")
    either.tick()
    both(either, {A: (0x1001, 0xA001)})
    either.reconfigure(PRESERVE + "hostname NEXT\n", seconds())
    both(either, {A: (0x1001, 0xA001)})


def test_what_ended_is_no_more_in_the_kernel(either: Live) -> None:
    whole(either, A, (0x1001, 0xA001))
    assert "10.0.0.10" in either.elements("esp_in")
    either.wait(100_000)
    for name, kind in (("esp_in", "map"), ("esp_names", "map"), ("esp_out", "set"), ("esp_peers", "set")):
        assert "198.51.100.7" not in either.elements(name, kind)


def test_esp_from_the_outside_reaches_the_host_of_a_static_entry(make: Make) -> None:
    gate = make(OVERLOAD + "ip nat inside source static esp 10.0.0.5 interface out0\n")
    assert to(gate, esp(T, GATE, 0xA001)) == [f"esp {T} > 10.0.0.5 spi 0000a001"]
    assert out(gate, esp("10.0.0.5", T, 0x2001)) == [f"esp {GATE} > {T} spi 00002001"]
    both(gate, {"10.0.0.5": (0x2001, 0xA001)}, T)


def test_who_has_an_address_alone_goes_the_ordinary_way(make: Make) -> None:
    gate = make(OVERLOAD + "ip nat inside source static 10.0.0.5 203.0.113.5\n")
    assert out(gate, esp("10.0.0.5", S, 0x1001)) == [f"esp 203.0.113.5 > {S} spi 00001001"]
    assert to(gate, esp(S, "203.0.113.5", 0xA001)) == [f"esp {S} > 10.0.0.5 spi 0000a001"]
    assert gate.traffic.received == 0


def test_all_of_a_host_has_one_address_of_a_pool(make: Make) -> None:
    gate = make(
        POOL.replace("pool P\n", "pool P overload\n")
        + "access-list 10 permit any\nip nat service list 10 IKE preserve-port\n"
    )
    names = set()
    for host, spi in ((A, 1), (B, 2)):
        [sent] = out(gate, udp(f"{host}:500", f"{S}:500", ike(spi)))
        name = sent.split()[1].removesuffix(":500")
        assert out(gate, esp(host, S, 0x1000 + spi)) == [f"esp {name} > {S} spi {0x1000 + spi:08x}"]
        assert to(gate, esp(S, name, 0xA000 + spi)) == [f"esp {S} > {host} spi {0xA000 + spi:08x}"]
        names.add(name)
    assert len(names) == 2


def test_switched_off_esp_is_conntracks_as_any_protocol(make: Make) -> None:
    gate = make(OVERLOAD + "no ip nat service ipsec-esp enable\n")
    assert out(gate, esp(A, S, 0x1001)) == [f"esp {GATE} > {S} spi 00001001"]
    assert gate.traffic.received == 0
    assert len(gate.flows("-p", "esp")) == 1


# IKE


def test_ike_of_two_hosts_keeps_port_500_and_is_told_apart(gate: Live) -> None:
    assert out(gate, udp(f"{A}:500", f"{S}:500", ike(1))) == [f"udp {GATE}:500 > {S}:500"]
    assert out(gate, udp(f"{B}:500", f"{S}:500", ike(2))) == [f"udp {GATE}:500 > {S}:500"]
    for _ in range(2):
        assert to(gate, udp(f"{S}:500", f"{GATE}:500", ike(2, 0xB))) == [f"udp {S}:500 > {B}:500"]
        assert to(gate, udp(f"{S}:500", f"{GATE}:500", ike(1, 0xA))) == [f"udp {S}:500 > {A}:500"]
    assert to(gate, udp(f"{S}:500", f"{GATE}:500", ike(3))) == []
    assert gate.engine.drops["ike-several-hosts"] == 1
    assert [flow for flow in gate.flows() if "port=500 " in flow] == []


def test_a_host_with_a_static_entry_for_the_port_is_reached_beside_others(make: Make) -> None:
    gate = make(PRESERVE + "ip nat inside source static udp 10.0.0.10 500 interface out0 500\n")
    assert to(gate, udp(f"{S}:500", f"{GATE}:500", ike(1))) == [f"udp {S}:500 > {A}:500"]
    assert out(gate, udp(f"{A}:500", f"{S}:500", ike(1, 0xA))) == [f"udp {GATE}:500 > {S}:500"]
    assert out(gate, udp(f"{B}:500", f"{S}:500", ike(2))) == [f"udp {GATE}:500 > {S}:500"]
    assert to(gate, udp(f"{S}:500", f"{GATE}:500", ike(2, 0xB))) == [f"udp {S}:500 > {B}:500"]
    assert to(gate, udp(f"{S}:500", f"{GATE}:500", ike(1, 0xA))) == [f"udp {S}:500 > {A}:500"]


def test_nat_traversal_never_comes_to_the_queue(gate: Live) -> None:
    for host in (A, B):
        [sent] = out(gate, udp(f"{host}:4500", f"{S}:4500", bytes(4) + ike(1)))
        name = sent.split()[1]
        assert to(gate, udp(f"{S}:4500", name, b"\0\0\x10\x01esp")) == [f"udp {S}:4500 > {host}:4500"]
    assert gate.traffic.received == 0


# ICMP errors


def test_an_error_about_esp_reaches_its_sender_and_one_of_its_own_leaves_by_its_name(either: Live) -> None:
    whole(either, A, (0x1001, 0xA001))
    whole(either, B, (0x1002, 0xB001))
    [found] = either.packets(OUTSIDE, icmp_error("198.51.100.99", GATE, esp(GATE, S, 0x1002)[:28], 3, 4))
    assert shown(found) == f"error 3 198.51.100.99 > {B}"
    assert quote_of(found) == esp(B, S, 0x1002)[:28]
    [told] = either.packets(INSIDE, icmp_error(A, S, esp(S, A, 0xA001)[:28], 3, 2))
    assert shown(told) == f"error 3 {GATE} > {S}"
    assert quote_of(told) == esp(S, GATE, 0xA001)[:28]
    assert to(either, icmp_error("198.51.100.99", GATE, esp(GATE, S, 0x1009)[:28], 3, 4)) == []
    assert either.engine.drops == {}
    assert out(either, icmp_error("10.0.0.99", S, esp(S, A, 0xA001)[:28], 11, 0)) == []


def test_an_error_about_ike_does_too(gate: Live) -> None:
    out(gate, udp(f"{A}:500", f"{S}:500", ike(1)))
    [found] = gate.packets(OUTSIDE, icmp_error(S, GATE, udp(f"{GATE}:500", f"{S}:500", ike(1))))
    assert shown(found) == f"error 3 {S} > {A}"
    assert quote_of(found) == udp(f"{A}:500", f"{S}:500", ike(1))


def test_access_lists_see_such_packets_as_they_came_and_as_they_leave(make: Make) -> None:
    lists = (
        "ip access-list extended COMES\n permit esp host 198.51.100.7 host 203.0.113.1\n permit udp any any eq 9\n"
        "ip access-list extended LEAVES\n permit esp host 203.0.113.1 any\n permit udp any any eq 9\n"
    )
    groups = OVERLOAD.replace(
        " ip nat outside\n", " ip nat outside\n ip access-group COMES in\n ip access-group LEAVES out\n"
    )
    gate = make(groups + lists + KEEP)
    whole(gate, A, (0x1001, 0xA001))
    both(gate, {A: (0x1001, 0xA001)})
    assert out(gate, udp(f"{A}:500", f"{S}:500", ike(1))) == []
    assert len(gate.engine.state.peerings) == 0
    assert out(gate, esp(A, T, 0x1001))
    assert to(gate, esp(T, GATE, 0xA002)) == []


FIREWALL = """
ip access-list extended TUNNELS
 permit esp any host 198.51.100.7
 permit udp any host 198.51.100.7 eq 500
access-list 190 permit udp any eq discard any eq discard
class-map type inspect TUNNELS
 match access-group name TUNNELS
class-map type inspect WIRES
 match access-group 190
policy-map type inspect OUT
 class type inspect TUNNELS
  ACTION
 class type inspect WIRES
  pass
policy-map type inspect IN
 class type inspect WIRES
  pass
zone security LAN
zone security WAN
zone-pair security LAN-WAN source LAN destination WAN
 service-policy type inspect OUT
zone-pair security WAN-LAN source WAN destination LAN
 service-policy type inspect IN
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
"""


def test_a_zone_policy_is_asked_about_what_begins_and_answers_come_in(make: Make) -> None:
    gate = make(PRESERVE + FIREWALL.replace("ACTION", "inspect"))
    whole(gate, A, (0x1001, 0xA001))
    both(gate, {A: (0x1001, 0xA001)})
    assert out(gate, udp(f"{A}:500", f"{S}:500", ike(1))) == [f"udp {GATE}:500 > {S}:500"]
    assert to(gate, udp(f"{S}:500", f"{GATE}:500", ike(1, 0xA))) == [f"udp {S}:500 > {A}:500"]
    assert out(gate, esp(A, T, 0x1001)) == []
    assert len(gate.engine.state.tunnels) == 1


def test_where_it_lets_packets_out_only_answers_stay_out(make: Make) -> None:
    gate = make(PRESERVE + FIREWALL.replace("ACTION", "pass"))
    for _ in range(2):
        assert out(gate, esp(A, S, 0x1001)) == [f"esp {GATE} > {S} spi 00001001"]
        assert to(gate, esp(S, GATE, 0xA001), esp(S, GATE, 0xA001)) == []
