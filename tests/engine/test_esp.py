"""ESP of hosts that share an address: which of them a packet from a server is for.

hosts A 192.168.1.10, B .11     gateway 203.0.113.1     servers S 198.51.100.7, T 198.51.100.8
"""

import pytest

from doorman.config.reader import read_config
from doorman.dataplanes.report import inward_entries, tunnel_entries
from doorman.nat.parties import TURN
from doorman.nat.spi_matching import hashed
from doorman.nat.tunnels import MOST_BEGUN_BY_SERVER, MOST_OF_HOST, MOST_WAITING_OF_HOST, WAIT, Tunnel
from doorman.net.addresses import address_of
from kit.gateway import INTERFACES, OVERLOAD, POOL, SHARED_POOL, STATIC, Gateway, gateway
from kit.packets import esp, icmp_error, quote_of, shown, udp

A, B, C = "192.168.1.10", "192.168.1.11", "192.168.1.12"
S, T = "198.51.100.7", "198.51.100.8"
GATE = "203.0.113.1"
MATCHED = OVERLOAD + "access-list 10 permit 192.168.1.10 0.0.0.1\nip nat service list 10 esp spi-match\n"
INWARD = OVERLOAD + "ip nat inside source static esp 192.168.1.5 interface out0\n"
WAITS, AMBIGUOUS, UNKNOWN = "dropped: esp-other-host-waits", "dropped: esp-answer-ambiguous", "dropped: esp-unknown-spi"


def tunnels(gate: Gateway) -> list[Tunnel]:
    return list(gate.engine.state.tunnels)


def out(gate: Gateway, host: str, spi: int, server: str = S) -> bool:
    """Whether a packet of a host goes out under the gateway's name."""
    text = gate.inside(esp(host, server, spi))
    assert text == f"outside: esp {GATE} > {server} spi {spi:08x}" or text.startswith("dropped: "), text
    return text.startswith("outside")


def to(gate: Gateway, spi: int, server: str = S, name: str = GATE) -> str:
    """Whom a packet of a server reaches, or why nobody."""
    text = gate.outside(esp(server, name, spi))
    if text.startswith("dropped: "):
        return text
    host = text.split()[4]
    assert text == f"inside: esp {server} > {host} spi {spi:08x}"
    return host


def whole(gate: Gateway, host: str, spis: tuple[int, int], server: str = S) -> None:
    """Let a host have a tunnel with a server, by these SPIs: of packets out, and of packets in."""
    assert out(gate, host, spis[0], server)
    assert to(gate, spis[1], server) == host


# One after the other


def test_the_answer_is_for_the_host_that_waits_and_then_both_know() -> None:
    gate = gateway(OVERLOAD)
    assert out(gate, A, 0x1001)
    assert [tunnel.is_whole for tunnel in tunnels(gate)] == [False]
    assert to(gate, 0xA001) == A
    assert [tunnel.is_whole for tunnel in tunnels(gate)] == [True]
    for _ in range(3):
        assert out(gate, A, 0x1001)
        assert to(gate, 0xA001) == A
    assert len(tunnels(gate)) == 1


def test_the_packet_is_the_same_but_for_its_addresses() -> None:
    gate = gateway(OVERLOAD)
    sent = esp(A, S, 0x1001, b"anything at all")
    gate.inside(sent)
    assert gate.packet == esp(GATE, S, 0x1001, b"anything at all")
    gate.outside(esp(S, GATE, 0xA001, b"the answer"))
    assert gate.packet == esp(S, A, 0xA001, b"the answer")


def test_two_hosts_talk_to_one_server() -> None:
    gate = gateway(OVERLOAD)
    whole(gate, A, (0x1001, 0xA001))
    whole(gate, B, (0x1002, 0xB001))
    for _ in range(2):
        assert out(gate, A, 0x1001)
        assert out(gate, B, 0x1002)
        assert (to(gate, 0xA001), to(gate, 0xB001)) == (A, B)


def test_a_second_host_has_its_turn_when_the_first_has_its_answer() -> None:
    gate = gateway(OVERLOAD)
    assert out(gate, A, 0x1001)
    assert gate.inside(esp(B, S, 0x1002)) == WAITS
    assert out(gate, A, 0x1001)
    assert to(gate, 0xA001) == A
    whole(gate, B, (0x1002, 0xB001))


def test_or_when_the_first_has_waited_long_enough() -> None:
    gate = gateway(OVERLOAD)
    assert out(gate, A, 0x1001)
    gate.wait(TURN - 1)
    assert gate.inside(esp(B, S, 0x1002)) == WAITS
    gate.wait(1)
    assert out(gate, B, 0x1002)
    assert gate.inside(esp(A, S, 0x1001)) == WAITS
    assert to(gate, 0xB001) == B
    whole(gate, A, (0x1001, 0xA001))


def test_who_waits_alone_may_wait_for_long() -> None:
    gate = gateway(OVERLOAD)
    for _ in range(30):
        assert out(gate, A, 0x1001)
        gate.wait(TURN)
    assert to(gate, 0xA001) == A


def test_two_servers_do_not_get_in_each_others_way_even_with_the_same_spis() -> None:
    gate = gateway(OVERLOAD)
    assert out(gate, A, 0x1001, S)
    assert out(gate, B, 0x1001, T)
    assert out(gate, A, 0x1001, T) is False
    assert (to(gate, 0xA001, T), to(gate, 0xA001, S)) == (B, A)
    whole(gate, A, (0x1001, 0xA002), T)


def test_two_servers_may_choose_the_same_spi_for_one_host_each() -> None:
    gate = gateway(OVERLOAD)
    for host, inbound in ((A, 0xA001), (B, 0xB001)):
        for server in (S, T):
            whole(gate, host, (0x1001, inbound), server)
    assert len(tunnels(gate)) == 4


# Strangers


def test_nobody_comes_in_for_whom_no_host_waits() -> None:
    gate = gateway(OVERLOAD)
    assert to(gate, 0xA001) == UNKNOWN
    assert out(gate, A, 0x1001)
    assert to(gate, 0xA001, T) == UNKNOWN
    assert to(gate, 0xA001) == A
    whole(gate, B, (0x1002, 0xB001))
    assert to(gate, 0xDEAD) == AMBIGUOUS
    assert len(tunnels(gate)) == 2


def test_an_spi_of_0_and_a_header_cut_short_are_no_esp() -> None:
    gate = gateway(OVERLOAD)
    assert gate.inside(esp(A, S, 0)) == "dropped: esp-header"
    assert gate.outside(esp(S, GATE, 0)) == "dropped: esp-header"
    short = esp(A, S, 0x1001)[:27]
    assert gate.inside(short) == "dropped: esp-header"
    whole(gate, A, (1, 255))


def test_a_packet_that_claims_to_be_of_an_inside_host_does_not_come_in() -> None:
    gate = gateway(OVERLOAD)
    assert out(gate, A, 0x1001)
    assert gate.outside(esp(B, GATE, 0xA001)) == "dropped: spoofed-source"


def test_what_an_access_list_denies_makes_no_tunnel_and_none_whole() -> None:
    lists = "access-list 101 deny esp host 198.51.100.7 any\naccess-list 101 permit ip any any\n"
    gate = gateway(OVERLOAD.replace(" ip nat inside\n", " ip nat inside\n ip access-group 101 out\n") + lists)
    assert out(gate, A, 0x1001)
    assert to(gate, 0xA001) == "dropped: access-list"
    assert tunnels(gate) == []
    outward = lists.replace("host 198.51.100.7 any", "any host 198.51.100.7")
    gate = gateway(OVERLOAD.replace(" ip nat outside\n", " ip nat outside\n ip access-group 101 out\n") + outward)
    assert not out(gate, A, 0x1001)
    assert tunnels(gate) == []
    assert out(gate, A, 0x1001, T)


# Rekeying


def test_a_new_pair_of_spis_works_beside_the_old_one() -> None:
    gate = gateway(OVERLOAD)
    whole(gate, A, (0x1001, 0xA001))
    whole(gate, B, (0x1002, 0xB001))
    whole(gate, A, (0x1003, 0xA003))
    assert out(gate, A, 0x1001)
    assert out(gate, A, 0x1003)
    assert [to(gate, spi) for spi in (0xA001, 0xA003, 0xB001)] == [A, A, B]


def test_a_server_may_use_the_new_spi_first_where_it_has_one_host_here() -> None:
    gate = gateway(OVERLOAD)
    whole(gate, A, (0x1001, 0xA001))
    assert to(gate, 0xA003) == A
    assert out(gate, B, 0x1002)
    assert to(gate, 0xB001) == B
    assert out(gate, A, 0x1003)
    assert [tunnel.is_whole for tunnel in tunnels(gate)] == [True, True, True]
    assert to(gate, 0xA005) == AMBIGUOUS


def test_it_may_do_so_a_few_times_before_the_host_sends_something() -> None:
    gate = gateway(OVERLOAD)
    whole(gate, A, (0x1001, 0xA001))
    for spi in range(MOST_BEGUN_BY_SERVER):
        assert to(gate, 0xB000 + spi) == A
    assert to(gate, 0xDEAD) == "dropped: esp-too-many-tunnels"
    assert out(gate, A, 0x1002)
    assert to(gate, 0xDEAD) == A


# Related SPIs


@pytest.mark.parametrize("relate", [lambda spi: spi, hashed], ids=["the same", "hashed"])
def test_hosts_with_related_spis_wait_together(relate: type[int]) -> None:
    gate = gateway(MATCHED)
    assert out(gate, A, 0x1001)
    assert out(gate, B, 0x1002)
    assert to(gate, relate(0x1002)) == B
    assert to(gate, relate(0x1001)) == A


def test_the_other_end_may_have_made_its_spi_of_the_hosts() -> None:
    gate = gateway(MATCHED)
    assert out(gate, A, hashed(0xA001))
    assert out(gate, B, hashed(0xB001))
    assert (to(gate, 0xB001), to(gate, 0xA001)) == (B, A)


def test_others_wait_for_those_and_those_for_others() -> None:
    gate = gateway(MATCHED)
    assert out(gate, A, 0x1001)
    assert not out(gate, C, 0x1003)
    assert to(gate, 0x1001) == A
    assert out(gate, C, 0x1003)
    assert not out(gate, B, 0x1002)


def test_where_spis_turn_out_to_be_unrelated_hosts_take_turns() -> None:
    gate = gateway(MATCHED)
    assert out(gate, A, 0x1001)
    assert out(gate, B, 0x1002)
    assert to(gate, 0xA001) == AMBIGUOUS
    assert not out(gate, B, 0x1002)
    assert to(gate, 0xA001) == A
    whole(gate, B, (0x1002, 0xB001))
    gate.wait(WAIT + 1)
    assert out(gate, A, 0x1003)
    assert out(gate, B, 0x1004)


def test_an_unrelated_answer_is_for_the_host_that_waits_alone() -> None:
    gate = gateway(MATCHED)
    whole(gate, A, (0x1001, 0xA001))


def test_without_the_command_related_spis_are_nothing_special() -> None:
    gate = gateway(OVERLOAD)
    assert out(gate, A, 0x1001)
    assert not out(gate, B, 0x1002)


# A static entry


def test_esp_that_is_nobodys_is_for_the_host_of_a_static_entry() -> None:
    gate = gateway(INWARD)
    assert to(gate, 0xA001, T) == "192.168.1.5"
    assert out(gate, "192.168.1.5", 0x2001, T)
    assert len(tunnels(gate)) == 1
    assert to(gate, 0xA002, S) == "192.168.1.5"
    whole(gate, A, (0x1001, 0xA003), S)
    assert to(gate, 0xA004, S) == "192.168.1.5"
    assert gate.engine.state.bindings.global_host(address_of("192.168.1.5")) is None


def test_and_it_may_begin_itself() -> None:
    gate = gateway(INWARD)
    whole(gate, "192.168.1.5", (0x2001, 0xA001))
    assert [tunnel.shared for tunnel in tunnels(gate)] == [False]


# Hosts with an address for themselves, and others


@pytest.mark.parametrize(
    ("config", "host", "name"), [(STATIC, "192.168.1.5", "203.0.113.5"), (POOL, A, "203.0.113.20")]
)
def test_who_has_an_address_alone_needs_no_spis(config: str, host: str, name: str) -> None:
    gate = gateway(config)
    assert gate.inside(esp(host, S, 0x1001)) == f"outside: esp {name} > {S} spi 00001001"
    assert gate.outside(esp(T, name, 0xA001)) == f"inside: esp {T} > {host} spi 0000a001"
    assert tunnels(gate) == []


def test_a_shared_pool_gives_a_host_the_address_that_its_other_flows_have() -> None:
    gate = gateway(SHARED_POOL)
    name = gate.mapped(udp(f"{A}:4500", f"{S}:4500")).partition(":")[0]
    gate.mapped(udp(f"{B}:4500", f"{S}:4500"))
    assert gate.inside(esp(A, S, 0x1001)) == f"outside: esp {name} > {S} spi 00001001"
    assert gate.outside(esp(S, name, 0xA001)) == f"inside: esp {S} > {A} spi 0000a001"


def test_nat_traversal_is_as_any_other_datagram() -> None:
    gate = gateway(OVERLOAD + "ip nat service list 1 ike preserve-port\n")
    assert gate.mapped(udp(f"{A}:4500", f"{S}:4500", b"\x00\x00\x10\x01esp in udp")) == f"{GATE}:4500"
    assert gate.mapped(udp(f"{B}:4500", f"{S}:4500", b"\x00\x00\x00\x00ike")) != f"{GATE}:4500"
    assert tunnels(gate) == []


def test_it_can_be_switched_off() -> None:
    gate = gateway(OVERLOAD + "no ip nat service ipsec-esp enable\n")
    assert gate.inside(esp(A, S, 0x1001)) == "dropped: protocol-without-ports"
    assert gate.outside(esp(S, GATE, 0xA001)) == "dropped: no-translation"


def test_what_is_not_translated_passes() -> None:
    gate = gateway(INTERFACES)
    assert gate.inside(esp(A, S, 0x1001)) == f"passed outside: esp {A} > {S} spi 00001001"
    assert gateway(OVERLOAD).inside(esp(A, B, 0x1001)).startswith("passed")
    assert gateway(OVERLOAD).outside(esp(S, T, 0x1001)).startswith("passed")


# Time, limits, another configuration


def test_a_tunnel_lives_as_long_as_a_translation_from_its_last_packet() -> None:
    gate = gateway(OVERLOAD + "ip nat translation timeout 600\n")
    whole(gate, A, (0x1001, 0xA001))
    gate.wait(400)
    assert to(gate, 0xA001) == A
    gate.wait(599)
    assert len(tunnels(gate)) == 1
    gate.wait(2)
    assert tunnels(gate) == []
    assert to(gate, 0xA001) == UNKNOWN
    assert gate.engine.state.bindings.global_host(address_of(A)) is None


def test_a_host_without_an_answer_waits_for_a_minute() -> None:
    gate = gateway(OVERLOAD)
    assert out(gate, A, 0x1001)
    gate.wait(WAIT + 1)
    assert tunnels(gate) == []
    assert to(gate, 0xA001) == UNKNOWN


def test_tunnels_count_among_the_entries_that_a_host_may_have() -> None:
    gate = gateway(OVERLOAD + "ip nat translation max-entries all-host 2\n")
    gate.mapped(udp(f"{A}:5000", f"{S}:53"))
    whole(gate, A, (0x1001, 0xA001))
    assert gate.inside(esp(A, S, 0x1002)) == "dropped: max-entries-of-host"
    assert gate.inside(udp(f"{A}:5001", f"{S}:53")) == "dropped: max-entries-of-host"
    whole(gate, B, (0x1003, 0xB001))
    gate.wait(86_500)
    whole(gate, A, (0x1002, 0xA002))


def test_a_host_waits_for_some_servers_at_once_and_not_for_all_the_world() -> None:
    gate = gateway(OVERLOAD)
    for number in range(MOST_WAITING_OF_HOST):
        assert out(gate, A, 0x1001, f"198.51.100.{number + 10}")
    assert gate.inside(esp(A, "198.51.100.9", 0x1001)) == "dropped: esp-too-many-waiting"
    assert out(gate, B, 0x1001, "198.51.100.9")


def test_who_rekeys_for_ever_loses_its_own_oldest_tunnel() -> None:
    gate = gateway(OVERLOAD)
    whole(gate, B, (0x2000, 0xB000))
    for number in range(MOST_OF_HOST):
        gate.wait(1)
        whole(gate, A, (0x1000 + number, 0xA000 + number))
    gate.wait(1)
    assert out(gate, A, 0x1000)
    whole(gate, A, (0x1FFF, 0xAFFF))
    assert len(tunnels(gate)) == MOST_OF_HOST + 1
    assert (to(gate, 0xA000), to(gate, 0xB000)) == (A, B)
    assert to(gate, 0xA001) == AMBIGUOUS


def test_another_configuration_keeps_what_it_still_allows() -> None:
    gate = gateway(OVERLOAD)
    whole(gate, A, (0x1001, 0xA001))
    whole(gate, B, (0x1002, 0xB001))
    narrower = OVERLOAD.replace("access-list 1", "access-list 1 deny 192.168.1.11\naccess-list 1", 1)
    gate.engine.reconfigure(read_config(narrower, "test.cfg"), gate.now)
    assert to(gate, 0xA001) == A
    assert to(gate, 0xB001) == A  # the only host that the server talks to now; its end tells that it is not its own
    assert out(gate, A, 0x1001)
    gate.engine.reconfigure(read_config(OVERLOAD + "no ip nat service ipsec-esp enable\n", "test.cfg"), gate.now)
    assert tunnels(gate) == []
    assert gate.engine.state.bindings.global_host(address_of(A)) is None


# ICMP errors


def test_an_error_about_a_packet_of_a_tunnel_reaches_its_sender() -> None:
    gate = gateway(OVERLOAD)
    whole(gate, A, (0x1001, 0xA001))
    whole(gate, B, (0x1002, 0xB001))
    quoted = esp(GATE, S, 0x1002)[:28]
    assert gate.outside(icmp_error("198.51.100.99", GATE, quoted, 3, 4)) == f"inside: error 3 198.51.100.99 > {B}"
    assert quote_of(gate.packet) == esp(B, S, 0x1002)[:28]
    assert gate.outside(icmp_error("198.51.100.99", GATE, esp(GATE, S, 0x1009)[:28], 3, 4)) == (
        "dropped: icmp-error-without-session"
    )


def test_so_does_one_from_the_inside() -> None:
    gate = gateway(OVERLOAD)
    whole(gate, A, (0x1001, 0xA001))
    quoted = esp(S, A, 0xA001)[:28]
    assert gate.inside(icmp_error("192.168.1.99", S, quoted, 11, 0)) == f"outside: error 11 {GATE} > {S}"
    assert quote_of(gate.packet) == esp(S, GATE, 0xA001)[:28]
    assert "icmp-error-without-session" in gate.inside(icmp_error(A, S, esp(S, A, 0xA002)[:28], 11, 0))


def test_an_error_that_quotes_less_than_the_spi_is_about_nothing() -> None:
    gate = gateway(OVERLOAD)
    whole(gate, A, (0x1001, 0xA001))
    assert gate.outside(icmp_error(S, GATE, esp(GATE, S, 0x1001)[:26])) == "dropped: icmp-error-without-session"


# What an operator sees


def test_the_lines_are_those_of_ios() -> None:
    gate = gateway(INWARD)
    whole(gate, A, (0x29E28D9E, 0x027D433F))
    lines = [entry for tunnel in tunnels(gate) for entry in tunnel_entries(tunnel)]
    columns = ("protocol", "inside_global", "inside_local", "outside_local", "outside_global")
    assert [" ".join(entry[key] for key in columns) for entry in lines] == [
        "esp 203.0.113.1:0 192.168.1.10:0 198.51.100.7:0 198.51.100.7:29E28D9E",
        "esp 203.0.113.1:0 192.168.1.10:27D433F 198.51.100.7:0 198.51.100.7:0",
    ]
    [static] = inward_entries(gate.engine.state.rules)
    assert [static[key] for key in columns] == ["esp", "203.0.113.1:0", "192.168.1.5:0", None, None]
    assert shown(esp(A, S, 0x1001)) == f"esp {A} > {S} spi 00001001"
