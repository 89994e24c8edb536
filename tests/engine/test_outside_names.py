"""Outside hosts that the inside knows by other names: `ip nat outside source`."""

import pytest

from doorman.algs.api import Refused
from doorman.config.reader import read_config
from doorman.engine.snapshot import OUTSIDE, contents_of, restore
from kit.gateway import INTERFACES, OVERLOAD, gateway
from kit.packets import icmp_error, ping, pong, quote_of, tcp, udp
from kit.saved import everything

PHONE, GLOBAL = "192.168.1.10", "203.0.113.1"
OUTSIDE_GLOBAL, OUTSIDE_LOCAL = "198.51.100.7", "10.99.0.7"
STATIC = OVERLOAD + f"ip nat outside source static {OUTSIDE_GLOBAL} {OUTSIDE_LOCAL}\n"
LIST = OVERLOAD + (
    "ip nat pool OUT 10.99.0.1 10.99.0.2 prefix-length 24\n"
    "access-list 7 permit 198.51.100.0 0.0.0.255\n"
    "ip nat outside source list 7 pool OUT\n"
)


def test_all_four_addresses_are_in_play() -> None:
    gate = gateway(STATIC)
    inside, outside = f"{OUTSIDE_LOCAL}:53", f"{OUTSIDE_GLOBAL}:53"
    assert gate.inside(udp(f"{PHONE}:5000", inside)) == f"outside: udp {GLOBAL}:5000 > {outside}"
    assert gate.outside(udp(outside, f"{GLOBAL}:5000")) == f"inside: udp {inside} > {PHONE}:5000"
    [session] = gate.engine.state.sessions
    assert list(map(str, (session.outside_local, session.outside_global))) == [inside, outside]
    error = icmp_error(OUTSIDE_GLOBAL, GLOBAL, udp(f"{GLOBAL}:5000", outside))
    assert f"{OUTSIDE_LOCAL} > {PHONE}" in gate.outside(error)
    assert quote_of(gate.packet) == udp(f"{PHONE}:5000", inside)
    gate.inside(icmp_error(PHONE, OUTSIDE_LOCAL, udp(inside, f"{PHONE}:5000")))
    assert quote_of(gate.packet) == udp(outside, f"{GLOBAL}:5000")


def test_echo_has_the_names_of_both_ends() -> None:
    gate = gateway(STATIC + "ip nat inside source static 192.168.1.5 203.0.113.5\n")
    outside, inside = f"203.0.113.5 > {OUTSIDE_GLOBAL}", f"{OUTSIDE_LOCAL} > 192.168.1.5"
    assert gate.inside(ping("192.168.1.5", OUTSIDE_LOCAL, 7)) == f"outside: echo-request {outside} id 7"
    assert gate.outside(pong(OUTSIDE_GLOBAL, "203.0.113.5", 7)) == f"inside: echo-reply {inside} id 7"
    assert gate.outside(ping(OUTSIDE_GLOBAL, "203.0.113.5", 8)) == f"inside: echo-request {inside} id 8"


def test_an_address_of_a_pool_is_nobodys_until_it_is_given() -> None:
    gate = gateway(LIST + "ip nat inside source static 192.168.1.5 203.0.113.5\n")
    assert gate.inside(udp(f"{PHONE}:5000", "10.99.0.1:53")) == "dropped: no-translation"
    assert gate.outside(udp(f"{OUTSIDE_GLOBAL}:53", "203.0.113.5:9")).startswith("inside: udp 10.99.0.1:53 > ")
    assert gate.inside(udp(f"{PHONE}:5000", "10.99.0.1:53")).endswith(f"> {OUTSIDE_GLOBAL}:53")


def test_the_inside_need_not_be_translated() -> None:
    gate = gateway(INTERFACES + f"ip nat outside source static {OUTSIDE_GLOBAL} {OUTSIDE_LOCAL}\n")
    assert gate.outside(tcp(f"{OUTSIDE_GLOBAL}:9", f"{PHONE}:80")) == f"inside: tcp {OUTSIDE_LOCAL}:9 > {PHONE}:80"
    assert (
        gate.inside(tcp(f"{PHONE}:80", f"{OUTSIDE_LOCAL}:9", "SA")) == f"outside: tcp {PHONE}:80 > {OUTSIDE_GLOBAL}:9"
    )
    assert gate.inside(tcp(f"{PHONE}:81", f"{OUTSIDE_LOCAL}:9")) == f"outside: tcp {PHONE}:81 > {OUTSIDE_GLOBAL}:9"
    gate.engine.reconfigure(read_config(STATIC, "test.cfg"), gate.now)
    assert gate.inside(tcp(f"{PHONE}:81", f"{OUTSIDE_LOCAL}:9", "A")).startswith(f"outside: tcp {GLOBAL}:81")


def test_single_ports_and_networks() -> None:
    gate = gateway(
        OVERLOAD
        + "ip nat outside source static tcp 198.51.100.7 80 10.99.0.7 8080 extendable\n"
        + "ip nat outside source static tcp 198.51.100.7 22 10.99.0.7 22 extendable\n"
        + "ip nat outside source static network 198.51.101.0 10.98.0.0 /24\n"
    )
    assert gate.inside(tcp(f"{PHONE}:1025", "10.99.0.7:8080")).endswith(" > 198.51.100.7:80")
    assert gate.outside(tcp("198.51.100.7:80", f"{GLOBAL}:1025", "SA")).startswith("inside: tcp 10.99.0.7:8080 >")
    assert gate.inside(tcp(f"{PHONE}:1026", "10.99.0.7:443")).endswith(" > 10.99.0.7:443")
    assert gate.inside(tcp(f"{PHONE}:1027", "10.98.0.77:443")).endswith(" > 198.51.101.77:443")


def test_an_outside_host_that_has_an_inside_hosts_address() -> None:
    overlapping = OVERLOAD + "ip nat outside source static 192.168.1.10 10.99.0.7\n"
    static = "ip nat inside source static 192.168.1.11 203.0.113.5\n"
    gate = gateway(overlapping + static)
    assert gate.outside(udp("192.168.1.10:9", "203.0.113.5:9")) == "inside: udp 10.99.0.7:9 > 192.168.1.11:9"
    assert gate.inside(udp("192.168.1.11:9", "10.99.0.7:9")) == "outside: udp 203.0.113.5:9 > 192.168.1.10:9"
    assert gate.outside(udp("192.168.1.12:9", "203.0.113.5:9")) == "dropped: spoofed-source"
    assert gate.inside(udp("192.168.1.11:9", "192.168.1.10:9")).startswith("passed ")


def test_addresses_are_leased_to_those_who_come() -> None:
    gate = gateway(LIST + "ip nat inside source static 192.168.1.5 203.0.113.5\nip nat translation timeout 100\n")
    assert gate.outside(udp("198.51.100.7:9", "203.0.113.5:9")) == "inside: udp 10.99.0.1:9 > 192.168.1.5:9"
    assert gate.outside(udp("198.51.100.8:9", "203.0.113.5:9")) == "inside: udp 10.99.0.2:9 > 192.168.1.5:9"
    assert gate.outside(udp("198.51.100.9:9", "203.0.113.5:9")) == "dropped: pool-exhausted"
    assert gate.outside(udp("192.0.2.9:9", "203.0.113.5:9")) == "inside: udp 192.0.2.9:9 > 192.168.1.5:9"
    assert gate.inside(udp("192.168.1.5:7", "10.99.0.2:7")) == "outside: udp 203.0.113.5:7 > 198.51.100.8:7"
    assert gate.inside(udp("192.168.1.5:7", "198.51.100.8:7")) == "outside: udp 203.0.113.5:7 > 198.51.100.8:7"
    assert gate.outside(udp("198.51.100.200:9", f"{GLOBAL}:9")) == "dropped: no-translation"
    for _ in range(6):
        gate.wait(90)
        gate.inside(udp("192.168.1.5:7", "10.99.0.2:7"))
    assert gate.outside(udp("198.51.100.9:9", "203.0.113.5:9")) == "inside: udp 10.99.0.1:9 > 192.168.1.5:9"


def test_leased_names_are_kept_over_a_restart() -> None:
    rules = LIST + "ip nat inside source static 192.168.1.5 203.0.113.5\n"
    before, after, other = gateway(rules), gateway(rules), gateway(OVERLOAD)
    assert before.outside(udp("198.51.100.7:9", "203.0.113.5:9")) == "inside: udp 10.99.0.1:9 > 192.168.1.5:9"
    records = [record for record in everything(before.engine) if contents_of(record).kind == OUTSIDE]
    restored = restore(after.engine, records, after.now)
    assert (restored.adopted[OUTSIDE], restored.refused) == (1, {})
    assert after.outside(udp("198.51.100.8:9", "203.0.113.5:9")) == "inside: udp 10.99.0.2:9 > 192.168.1.5:9"
    assert after.outside(udp("198.51.100.7:9", "203.0.113.5:9")) == "inside: udp 10.99.0.1:9 > 192.168.1.5:9"
    assert restore(other.engine, records, other.now).refused == {"no-translation": 1}


def test_what_is_dropped_leases_nothing() -> None:
    gate = gateway(LIST.replace("10.99.0.2", "10.99.0.1"))
    assert gate.outside(udp("198.51.100.7:9", f"{GLOBAL}:9")) == "dropped: no-translation"
    assert len(gate.engine.state.outside) == 0


def test_add_route_leads_out_of_the_insides_own_network() -> None:
    near = f"ip nat outside source static {OUTSIDE_GLOBAL} 192.168.1.200"
    packet = udp(f"{PHONE}:9", "192.168.1.200:9")
    assert gateway(f"{OVERLOAD}{near}\n").inside(packet).startswith("passed ")
    assert gateway(f"{OVERLOAD}{near} add-route\n").inside(packet) == f"outside: udp {GLOBAL}:9 > {OUTSIDE_GLOBAL}:9"
    leased = LIST.replace("10.99.0.1 10.99.0.2", "192.168.1.200 192.168.1.201").replace(
        "pool OUT\n", "pool OUT add-route\n"
    )
    gate = gateway(leased + "ip nat inside source static 192.168.1.5 203.0.113.5\n")
    gate.outside(udp("198.51.100.7:9", "203.0.113.5:9"))
    assert gate.inside(packet) == f"outside: udp {GLOBAL}:9 > 198.51.100.7:9"


def test_another_configuration_ends_what_it_does_not_allow() -> None:
    gate = gateway(LIST + "ip nat inside source static 192.168.1.5 203.0.113.5\n")
    gate.outside(udp("198.51.100.7:9", "203.0.113.5:9"))
    more = LIST.replace("10.99.0.2", "10.99.0.9") + "ip nat inside source static 192.168.1.5 203.0.113.5\n"
    gate.engine.reconfigure(read_config(more, "test.cfg"), gate.now)
    assert len(gate.engine.state.sessions) == 1
    assert gate.outside(udp("198.51.100.7:9", "203.0.113.5:9")) == "inside: udp 10.99.0.1:9 > 192.168.1.5:9"
    other = more.replace("10.99.0.1 10", "10.99.0.5 10")
    gate.engine.reconfigure(read_config(other, "test.cfg"), gate.now)
    assert len(gate.engine.state.sessions) == 0
    assert gate.outside(udp("198.51.100.7:9", "203.0.113.5:9")) == "inside: udp 10.99.0.5:9 > 192.168.1.5:9"


def test_whom_a_leased_name_belongs_to_no_capture_says() -> None:
    gate = gateway(LIST)
    gate.inside(udp(f"{PHONE}:9", "192.0.2.1:9"))
    with pytest.raises(Refused, match="outside-host-unknown"):
        gate.engine.as_sent(udp("10.99.0.1:9", f"{PHONE}:9"))
