"""Hosts and ports with several static names, and networks that are translated as a whole."""

import pytest

from doorman.config.reader import read_config
from kit.gateway import OVERLOAD, Gateway, gateway
from kit.packets import icmp_error, ping, pong, tcp, udp

SERVER, PEER, STRANGER = "192.168.1.5", "198.51.100.7:9000", "198.51.100.8:9000"
TWO_NAMES = OVERLOAD + (
    f"ip nat inside source static {SERVER} 203.0.113.5 extendable\n"
    f"ip nat inside source static {SERVER} 203.0.113.6 extendable\n"
)
PORTS = OVERLOAD + (
    f"ip nat inside source static {SERVER} 203.0.113.5 extendable\n"
    f"ip nat inside source static tcp {SERVER} 80 203.0.113.6 8080 extendable\n"
    f"ip nat inside source static tcp {SERVER} 80 interface out0 80 extendable\n"
    "ip nat inside source static tcp 192.168.1.9 22 203.0.113.5 22 extendable\n"
)
NETWORK = OVERLOAD + "ip nat inside source static network 192.168.1.64 203.0.113.128 /26\n"


@pytest.mark.parametrize("name", ["203.0.113.5", "203.0.113.6"])
def test_each_name_of_a_host_leads_to_it_and_is_the_one_it_answers_by(name: str) -> None:
    gate = gateway(TWO_NAMES)
    assert gate.outside(tcp(PEER, f"{name}:80")) == f"inside: tcp {PEER} > {SERVER}:80"
    assert gate.inside(tcp(f"{SERVER}:80", PEER, "SA")) == f"outside: tcp {name}:80 > {PEER}"
    assert gate.outside(ping(PEER, name, 7)) == f"inside: echo-request 198.51.100.7 > {SERVER} id 7"
    assert gate.inside(pong(SERVER, PEER, 7)) == f"outside: echo-reply {name} > 198.51.100.7 id 7"


def test_what_a_host_begins_has_its_first_name() -> None:
    gate = gateway(TWO_NAMES)
    gate.outside(tcp(PEER, "203.0.113.6:80"))
    assert gate.inside(udp(f"{SERVER}:5000", STRANGER)) == f"outside: udp 203.0.113.5:5000 > {STRANGER}"


def test_ports_with_several_names_beside_their_host() -> None:
    gate = gateway(PORTS)
    for number, name in enumerate(("203.0.113.5:80", "203.0.113.6:8080", "203.0.113.1:80")):
        peer = f"198.51.100.7:{9000 + number}"
        assert gate.outside(tcp(peer, name)) == f"inside: tcp {peer} > {SERVER}:80"
        assert gate.inside(tcp(f"{SERVER}:80", peer, "SA")) == f"outside: tcp {name} > {peer}"
    assert gate.outside(tcp(PEER, "203.0.113.5:22")) == f"inside: tcp {PEER} > 192.168.1.9:22"
    assert gate.outside(udp(PEER, "203.0.113.5:22")) == f"inside: udp {PEER} > {SERVER}:22"
    assert gate.outside(tcp(PEER, "203.0.113.6:80")) == "dropped: no-translation"
    assert gate.inside(tcp(f"{SERVER}:81", STRANGER)) == f"outside: tcp 203.0.113.5:81 > {STRANGER}"


def test_a_host_of_a_network_has_the_name_with_its_place() -> None:
    gate = gateway(NETWORK)
    assert gate.inside(udp("192.168.1.64:5000", PEER)) == f"outside: udp 203.0.113.128:5000 > {PEER}"
    assert gate.outside(tcp(PEER, "203.0.113.191:80")) == f"inside: tcp {PEER} > 192.168.1.127:80"
    assert gate.inside(udp("192.168.1.128:5000", PEER)) == f"outside: udp 203.0.113.1:5000 > {PEER}"
    error = icmp_error("198.51.100.1", "203.0.113.128", udp("203.0.113.128:5000", PEER))
    assert "198.51.100.1 > 192.168.1.64" in gate.outside(error)


def reconfigure(gate: Gateway, config: str) -> None:
    gate.engine.reconfigure(read_config(config, "test.cfg"), gate.now)


def test_another_configuration_leaves_the_names_that_stay() -> None:
    gate = gateway(TWO_NAMES)
    gate.outside(tcp(PEER, "203.0.113.6:80"))
    before = {str(one.global_): id(one) for one in gate.engine.state.bindings}
    reconfigure(gate, TWO_NAMES + f"ip nat inside source static {SERVER} 203.0.113.7 extendable\n")
    after = {str(one.global_): id(one) for one in gate.engine.state.bindings}
    assert before.items() < after.items()
    assert gate.inside(tcp(f"{SERVER}:80", PEER, "SA")) == f"outside: tcp 203.0.113.6:80 > {PEER}"


def test_the_first_name_may_go_and_another_takes_its_place() -> None:
    gate = gateway(TWO_NAMES)
    reconfigure(gate, TWO_NAMES.replace(f"ip nat inside source static {SERVER} 203.0.113.5 extendable\n", ""))
    assert gate.inside(udp(f"{SERVER}:5000", PEER)) == f"outside: udp 203.0.113.6:5000 > {PEER}"
    assert gate.outside(tcp(PEER, "203.0.113.5:80")) == f"passed inside: tcp {PEER} > 203.0.113.5:80"
