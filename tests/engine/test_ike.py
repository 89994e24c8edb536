"""IKE of hosts that keep port 500 of the address they share: told apart by the initiator's SPI.

hosts A 192.168.1.10, B .11, and X .20, which is not in the list     gateway 203.0.113.1     servers S, T
"""

import pytest

from doorman.config.reader import read_config
from doorman.dataplanes.report import peering_entry
from doorman.nat.peerings import MOST_ASSOCIATIONS, MOST_OF_HOST, RENEWAL, Peering
from doorman.net.addresses import address_of
from kit.gateway import OVERLOAD, POOL, SHARED_POOL, Gateway, gateway
from kit.packets import esp, icmp_error, ike, quote_of, udp

A, B, X = "192.168.1.10", "192.168.1.11", "192.168.1.20"
S, T = "198.51.100.7", "198.51.100.8"
GATE = "203.0.113.1"
PRESERVE = "access-list 10 permit 192.168.1.10 0.0.0.1\nip nat service list 10 IKE preserve-port\n"
CONFIG = OVERLOAD + PRESERVE
SEVERAL = "dropped: ike-several-hosts"


def peerings(gate: Gateway) -> list[Peering]:
    return list(gate.engine.state.peerings)


def out(gate: Gateway, host: str, message: bytes, server: str = S) -> str:
    """The port that a message of a host leaves from, or why it does not leave."""
    text = gate.inside(udp(f"{host}:500", f"{server}:500", message))
    if text.startswith("dropped: "):
        return text
    name = text.removeprefix(f"outside: udp {GATE}:").removesuffix(f" > {server}:500")
    assert name.isdecimal(), text
    return name


def to(gate: Gateway, message: bytes, server: str = S) -> str:
    """Whom a message of a server reaches, or why nobody."""
    text = gate.outside(udp(f"{server}:500", f"{GATE}:500", message))
    if text.startswith("dropped: "):
        return text
    host = text.removeprefix(f"inside: udp {server}:500 > ").removesuffix(":500")
    assert text == f"inside: udp {server}:500 > {host}:500"
    return host


def both(gate: Gateway) -> None:
    """Let A and B have an association with S: A's with SPIs 1 and 0xA, B's with 2 and 0xB."""
    for host, initiator, responder in ((A, 1, 0xA), (B, 2, 0xB)):
        assert out(gate, host, ike(initiator)) == "500"
        assert to(gate, ike(initiator, responder)) == host


# Whose it is


def test_two_hosts_keep_port_500_and_answers_are_told_apart_by_the_initiators_spi() -> None:
    gate = gateway(CONFIG)
    assert out(gate, A, ike(1)) == "500"
    assert out(gate, B, ike(2)) == "500"
    assert to(gate, ike(2, 0xB)) == B
    assert to(gate, ike(1, 0xA)) == A
    for exchange in (35, 36, 37):
        assert out(gate, A, ike(1, 0xA, exchange)) == "500"
        assert to(gate, ike(1, 0xA, exchange)) == A
        assert to(gate, ike(2, 0xB, exchange)) == B


def test_the_message_stays_as_it_is() -> None:
    gate = gateway(CONFIG)
    out(gate, A, ike(1, data=b"anything"))
    assert gate.packet == udp(f"{GATE}:500", f"{S}:500", ike(1, data=b"anything"))
    to(gate, ike(1, 0xA, data=b"at all"))
    assert gate.packet == udp(f"{S}:500", f"{A}:500", ike(1, 0xA, data=b"at all"))


def test_version_1_has_cookies_at_the_same_place() -> None:
    gate = gateway(CONFIG)
    for host, initiator in ((A, 1), (B, 2)):
        assert out(gate, host, ike(initiator, exchange=2, version=0x10)) == "500"
    for exchange in (2, 4, 5, 32):
        assert to(gate, ike(2, 0xB, exchange, version=0x10)) == B
        assert to(gate, ike(1, 0xA, exchange, version=0x10)) == A


def test_what_is_sent_again_and_answered_again_goes_the_same_way() -> None:
    gate = gateway(CONFIG)
    both(gate)
    for _ in range(3):
        assert out(gate, A, ike(1)) == "500"
        assert to(gate, ike(1, 0xA)) == A
    assert len(peerings(gate)) == 2


def test_a_server_that_asks_for_a_cookie_or_knows_no_such_association_reaches_the_one_who_asked() -> None:
    gate = gateway(CONFIG)
    assert out(gate, A, ike(1)) == "500"
    assert out(gate, B, ike(2)) == "500"
    assert to(gate, ike(2, 0, data=b"N(COOKIE)")) == B
    assert out(gate, B, ike(2, 0, data=b"N(COOKIE) again")) == "500"
    assert to(gate, ike(1, 0xFF, 37, b"N(INVALID_IKE_SPI)")) == A


def test_the_same_spis_with_two_servers_are_two_associations() -> None:
    gate = gateway(CONFIG)
    assert out(gate, A, ike(1), S) == "500"
    assert out(gate, B, ike(1), T) == "500"
    assert (to(gate, ike(1, 0xA), S), to(gate, ike(1, 0xB), T)) == (A, B)


def test_nobody_takes_anothers_association() -> None:
    gate = gateway(CONFIG)
    both(gate)
    assert out(gate, B, ike(1)) == "dropped: ike-association-taken"
    assert out(gate, B, ike(1, 0xA, 37)) == "dropped: ike-association-taken"
    assert to(gate, ike(1, 0xA)) == A
    fresh = gateway(CONFIG)
    out(fresh, A, ike(1))
    assert out(fresh, B, ike(1)) == "dropped: ike-association-taken"
    assert len(peerings(fresh)) == 1


# What a server begins


def test_what_a_server_begins_is_for_the_one_host_that_speaks_with_it() -> None:
    gate = gateway(CONFIG)
    out(gate, A, ike(1))
    assert to(gate, ike(0x51)) == A
    assert out(gate, A, ike(0x51, 0xA5)) == "500"
    assert out(gate, B, ike(2)) == "500"
    assert to(gate, ike(0x51, 0xA5, 35)) == A
    assert to(gate, ike(0x52)) == SEVERAL


def test_an_association_renewed_by_the_server_is_that_of_the_host_it_renewed_it_with() -> None:
    gate = gateway(CONFIG)
    both(gate)
    assert to(gate, ike(2, 0xB, 36)) == B
    assert out(gate, B, ike(2, 0xB, 36)) == "500"
    assert to(gate, ike(0x53, 0xB7, 37)) == B
    assert to(gate, ike(0x54)) == SEVERAL
    gate.wait(RENEWAL)
    assert to(gate, ike(0x53, 0xB7, 37)) == SEVERAL
    assert out(gate, B, ike(0x53, 0xB7, 37)) == "500"
    assert to(gate, ike(0x53, 0xB7, 37)) == B


def test_if_both_are_renewed_at_once_nobody_can_tell() -> None:
    gate = gateway(CONFIG)
    both(gate)
    for initiator, responder in ((1, 0xA), (2, 0xB)):
        to(gate, ike(initiator, responder, 36))
    assert to(gate, ike(0x53, 0xB7, 37)) == SEVERAL


def test_a_stranger_reaches_nobody() -> None:
    gate = gateway(CONFIG)
    assert to(gate, ike(1)) == "dropped: no-translation"
    both(gate)
    assert to(gate, ike(1, 0xA), T) == "dropped: no-translation"
    assert to(gate, ike(0x51)) == SEVERAL
    assert len(peerings(gate)) == 2


# Others


def test_a_host_that_is_not_in_the_list_gets_another_port_and_takes_it_from_nobody() -> None:
    gate = gateway(CONFIG)
    port = out(gate, X, ike(3))
    assert port != "500"
    assert 512 <= int(port) < 1024
    both(gate)
    assert gate.outside(udp(f"{S}:500", f"{GATE}:{port}", ike(3, 0xC))) == f"inside: udp {S}:500 > {X}:500"


def test_without_the_command_only_the_first_host_has_port_500() -> None:
    gate = gateway(OVERLOAD)
    assert out(gate, A, ike(1)) == "500"
    assert out(gate, B, ike(2)) != "500"


def test_another_port_at_either_end_is_as_ever() -> None:
    gate = gateway(CONFIG)
    for host in (A, B):
        gate.mapped(udp(f"{host}:500", f"{S}:501", ike(1)))
        gate.mapped(udp(f"{host}:4500", f"{S}:4500", bytes(4) + ike(1)))
        gate.mapped(udp(f"{host}:7000", f"{S}:500", ike(1)))
    assert peerings(gate) == []


def test_a_static_entry_for_the_port_goes_before() -> None:
    gate = gateway(CONFIG + "ip nat inside source static udp 192.168.1.10 500 interface out0 500\n")
    assert to(gate, ike(0x51)) == A
    assert out(gate, A, ike(0x51, 0xA)) == "500"
    assert out(gate, B, ike(2)) == "500"
    assert to(gate, ike(2, 0xB)) == B
    assert to(gate, ike(0x52)) == A
    assert [peering.host for peering in peerings(gate)] == [address_of(B)]


def test_who_has_an_address_alone_keeps_all_ports_anyway() -> None:
    gate = gateway(POOL + PRESERVE)
    assert gate.mapped(udp(f"{A}:500", f"{S}:500", ike(1))) == "203.0.113.20:500"
    assert gate.mapped(udp(f"{B}:500", f"{S}:500", ike(2))) == "203.0.113.21:500"
    assert gate.outside(udp(f"{T}:500", "203.0.113.21:500", ike(3))) == f"inside: udp {T}:500 > {B}:500"
    assert peerings(gate) == []


def test_ike_and_esp_of_a_host_have_one_address_of_a_shared_pool() -> None:
    gate = gateway(SHARED_POOL + PRESERVE)
    for host, spi in ((A, 1), (B, 2)):
        name = gate.mapped(udp(f"{host}:500", f"{S}:500", ike(spi))).partition(":")[0]
        assert gate.inside(esp(host, S, 0x1000 + spi)).split()[2] == name
        assert gate.outside(esp(S, name, 0xA000 + spi)).split()[4] == host


# What is no IKE message


def test_what_is_no_ike_message_goes_with_those_that_are() -> None:
    gate = gateway(CONFIG)
    assert out(gate, A, b"\xff") == "dropped: ike-header"
    both(gate)
    assert out(gate, A, b"\xff") == "500"
    assert to(gate, b"\xff") == SEVERAL
    single = gateway(CONFIG)
    out(single, A, ike(1))
    assert to(single, b"\xff") == A


@pytest.mark.parametrize("length", [0, 27, 28, 29, 35])
def test_a_header_cut_short_or_of_another_length_names_no_association(length: int) -> None:
    gate = gateway(CONFIG)
    whole = ike(1)
    assert out(gate, A, whole[:length]) == "dropped: ike-header"
    assert out(gate, A, ike(0)) == "dropped: ike-header"
    assert out(gate, A, whole + b"behind it") == "500"


# Errors


def test_an_error_reaches_the_host_whose_message_it_is_about() -> None:
    gate = gateway(CONFIG)
    both(gate)
    about = udp(f"{GATE}:500", f"{S}:500", ike(2, 0xB))
    assert gate.outside(icmp_error(S, GATE, about)) == f"inside: error 3 {S} > {B}"
    assert quote_of(gate.packet) == udp(f"{B}:500", f"{S}:500", ike(2, 0xB))
    assert gate.outside(icmp_error(S, GATE, about[:28])) == "dropped: icmp-error-without-session"
    single = gateway(CONFIG)
    out(single, A, ike(1))
    assert single.outside(icmp_error(S, GATE, about[:28])) == f"inside: error 3 {S} > {A}"


def test_so_does_one_that_a_host_sends() -> None:
    gate = gateway(CONFIG)
    both(gate)
    about = udp(f"{S}:500", f"{B}:500", ike(2, 0xB))
    assert gate.inside(icmp_error(B, S, about)) == f"outside: error 3 {GATE} > {S}"
    assert quote_of(gate.packet) == udp(f"{S}:500", f"{GATE}:500", ike(2, 0xB))


# Time, limits, another configuration


def test_they_live_as_long_as_udp_or_as_the_port_is_said_to() -> None:
    for timeouts, life in (("", 300), ("ip nat translation port-timeout udp 500 1000\n", 1000)):
        gate = gateway(CONFIG + timeouts)
        both(gate)
        gate.wait(life - 10)
        assert to(gate, ike(2, 0xB)) == B
        gate.wait(20)
        assert [peering.host[3] for peering in peerings(gate)] == [11]
        gate.wait(life)
        assert peerings(gate) == []
        assert gate.engine.state.bindings.global_host(address_of(A)) is None


def test_and_as_long_as_there_is_a_tunnel_with_that_server() -> None:
    gate = gateway(CONFIG + "ip nat translation timeout 2000\n")
    both(gate)
    assert gate.inside(esp(A, S, 0x1001)).startswith("outside")
    assert gate.outside(esp(S, GATE, 0xA001)).startswith("inside")
    gate.wait(1500)
    assert to(gate, ike(1, 0xA, 36)) == A
    gate.wait(1000)
    gate.wait(1000)
    assert peerings(gate) == []


def test_they_count_among_the_entries_that_a_host_may_have() -> None:
    gate = gateway(CONFIG + "ip nat translation max-entries host 192.168.1.10 1\n")
    assert out(gate, A, ike(1)) == "500"
    assert out(gate, A, ike(1), T) == "dropped: max-entries-of-host"
    assert out(gate, B, ike(2), T) == "500"


def test_a_host_speaks_with_some_servers_and_not_with_all_the_world() -> None:
    gate = gateway(CONFIG)
    for number in range(MOST_OF_HOST):
        assert out(gate, A, ike(1), f"198.51.{100 + number // 100}.{number % 100 + 10}") == "500"
    assert out(gate, A, ike(1), "198.51.100.9") == "dropped: ike-too-many"
    assert out(gate, B, ike(1), "198.51.100.9") == "500"


def test_a_host_that_begins_for_ever_forgets_its_own_oldest_associations() -> None:
    gate = gateway(CONFIG)
    both(gate)
    for number in range(MOST_ASSOCIATIONS):
        assert out(gate, A, ike(100 + number)) == "500"
    assert to(gate, ike(1, 0xA)) == SEVERAL
    assert to(gate, ike(100, 0xA)) == A
    assert to(gate, ike(2, 0xB)) == B


def test_another_configuration_keeps_what_it_still_allows() -> None:
    gate = gateway(CONFIG)
    both(gate)
    narrower = CONFIG.replace("access-list 10 permit 192.168.1.10 0.0.0.1", "access-list 10 permit 192.168.1.11")
    gate.engine.reconfigure(read_config(narrower, "test.cfg"), gate.now)
    assert to(gate, ike(2, 0xB)) == B
    assert out(gate, A, ike(1, 0xA)) != "500"
    gate.engine.reconfigure(read_config(OVERLOAD, "test.cfg"), gate.now)
    assert peerings(gate) == []


def test_a_host_keeps_its_port_from_the_moment_that_it_is_configured() -> None:
    gate = gateway(OVERLOAD)
    assert out(gate, A, ike(1)) == "500"
    gate.engine.reconfigure(read_config(CONFIG, "test.cfg"), gate.now)
    both(gate)


def test_the_lines_are_as_of_any_other_udp() -> None:
    gate = gateway(CONFIG)
    both(gate)
    columns = ("protocol", "inside_global", "inside_local", "outside_local", "outside_global")
    assert [" ".join(peering_entry(one)[key] for key in columns) for one in peerings(gate)] == [
        f"udp {GATE}:500 {A}:500 {S}:500 {S}:500",
        f"udp {GATE}:500 {B}:500 {S}:500 {S}:500",
    ]
