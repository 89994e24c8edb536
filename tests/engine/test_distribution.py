"""TCP load distribution: connections to a virtual host go to real ones in turn."""

import pytest

from doorman.config.reader import read_config
from kit.gateway import INTERFACES, OVERLOAD, gateway
from kit.packets import icmp_error, ping, quote_of, tcp, udp

VIRTUAL, CLIENT = "203.0.113.100", "198.51.100.7"
RULES = (
    "ip nat pool REAL 192.168.1.11 192.168.1.12 prefix-length 24 type rotary\n"
    f"access-list 2 permit {VIRTUAL}\n"
    "ip nat inside destination list 2 pool REAL\n"
)


@pytest.mark.parametrize("config", [INTERFACES, OVERLOAD])
def test_connections_go_round(config: str) -> None:
    gate = gateway(config + RULES)
    for number, host in enumerate(("11", "12", "11")):
        client, real = f"{CLIENT}:{4000 + number}", f"192.168.1.{host}:80"
        assert gate.outside(tcp(client, f"{VIRTUAL}:80")) == f"inside: tcp {client} > {real}"
        assert gate.inside(tcp(real, client, "SA")) == f"outside: tcp {VIRTUAL}:80 > {client}"
        assert gate.outside(tcp(client, f"{VIRTUAL}:80", "A")) == f"inside: tcp {client} > {real}"
        gate.inside(icmp_error("192.168.1.1", CLIENT, tcp(client, real, "A")))
        assert quote_of(gate.packet) == tcp(client, f"{VIRTUAL}:80", "A")


def test_nothing_but_new_connections_is_led_to_them() -> None:
    gate = gateway(OVERLOAD + RULES)
    for packet in (
        udp(f"{CLIENT}:9", f"{VIRTUAL}:80"),
        tcp(f"{CLIENT}:9", f"{VIRTUAL}:80", "A"),
        ping(CLIENT, VIRTUAL, 3),
    ):
        assert gate.outside(packet).startswith("passed inside: ")
        assert gate.packet == packet
    assert gate.outside(tcp(f"{CLIENT}:9", "203.0.113.101:80")).startswith("passed ")


def test_what_a_real_host_begins_has_its_own_name() -> None:
    gate = gateway(OVERLOAD + RULES)
    assert gate.inside(tcp("192.168.1.11:80", f"{CLIENT}:9")) == f"outside: tcp 203.0.113.1:80 > {CLIENT}:9"


def test_connections_go_on_under_rules_that_allow_them() -> None:
    gate = gateway(OVERLOAD + RULES)
    for port, host in ((1, "11"), (2, "12")):
        gate.outside(tcp(f"{CLIENT}:{port}", f"{VIRTUAL}:80"))
        gate.inside(tcp(f"192.168.1.{host}:80", f"{CLIENT}:{port}", "SA"))
    fewer = OVERLOAD + RULES.replace("192.168.1.11 192", "192.168.1.12 192")
    gate.engine.reconfigure(read_config(fewer, "test.cfg"), gate.now)
    assert gate.outside(tcp(f"{CLIENT}:2", f"{VIRTUAL}:80", "A")).startswith("inside: ")
    assert gate.outside(tcp(f"{CLIENT}:1", f"{VIRTUAL}:80", "A")).startswith("passed ")
    gate.engine.reconfigure(read_config(OVERLOAD, "test.cfg"), gate.now)
    assert gate.outside(tcp(f"{CLIENT}:2", f"{VIRTUAL}:80", "A")).startswith("passed ")
    assert len(gate.engine.state.sessions) == 0


def test_a_capture_of_the_inside_says_whose_turn_it_was() -> None:
    gate = gateway(OVERLOAD + RULES)
    for number, host in enumerate(("12", "12", "11")):
        captured = tcp(f"{CLIENT}:{4000 + number}", f"192.168.1.{host}:80")
        sent = gate.engine.as_sent(captured)
        assert gate.outside(sent).startswith("inside: ")
        assert gate.packet == captured
        gate.inside(tcp(f"192.168.1.{host}:80", f"{CLIENT}:{4000 + number}", "SA"))
        later = tcp(f"{CLIENT}:{4000 + number}", f"192.168.1.{host}:80", "A")
        gate.outside(gate.engine.as_sent(later))
        assert gate.packet == later
