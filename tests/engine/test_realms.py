"""An engine for each VRF: what is one's own, and the names outside that are shared."""

import random

import pytest

from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.engine.realms import engines
from doorman.engine.results import Side
from doorman.nat.rules import UnusableConfig
from kit.packets import esp, ike, shown, tcp, udp
from kit.vrf import INSIDES, OVERLOAD, OWN_OUTSIDES, POOL, SHARED

PHONE, PEER = "10.0.0.10:5000", "198.51.100.7:9000"


class Gate:
    """The engines of a configuration, and a clock that stands."""

    def __init__(self, config: str, *, delegated: bool = False) -> None:
        self.of = engines(read_config(config, "test.cfg"), random.Random(1).random, delegated=delegated)

    def out(self, vrf: str | None, packet: bytes) -> str:
        """What leaves of a packet from an inside host of a VRF, or why nothing does."""
        return self._pass(vrf, packet, Side.INSIDE)

    def back(self, vrf: str | None, packet: bytes) -> str:
        """What arrives inside of a packet from the outside, if the VRF's engine gets it."""
        return self._pass(vrf, packet, Side.OUTSIDE)

    def _pass(self, vrf: str | None, packet: bytes, side: Side) -> str:
        result = self.of[vrf].receive(packet, side, 1000.0)
        return result.reason or shown(result.packet)


def test_without_vrfs_there_is_one_engine() -> None:
    assert list(engines(Config(), random.Random(1).random)) == [None]


@pytest.mark.parametrize("datagram", [udp, tcp])
def test_one_endpoint_of_two_vrfs_has_two_names_outside(datagram: type[bytes]) -> None:
    gate = Gate(OVERLOAD)
    kind = shown(datagram(PHONE, PEER)).split()[0]
    first = gate.out("red", datagram(PHONE, PEER))
    second = gate.out("blue", datagram(PHONE, PEER))
    assert first == f"{kind} 203.0.113.1:5000 > {PEER}"
    name = second.split()[1]
    assert name.startswith("203.0.113.1:")
    assert name != "203.0.113.1:5000"
    assert gate.back("red", datagram(PEER, "203.0.113.1:5000")) == f"{kind} {PEER} > {PHONE}"
    assert gate.back("blue", datagram(PEER, name)) == f"{kind} {PEER} > {PHONE}"
    assert gate.back("blue", datagram(PEER, "203.0.113.1:5000")) == "no-translation"


def test_a_name_that_one_vrf_gives_back_is_to_be_had_by_the_other() -> None:
    gate = Gate(OVERLOAD)
    gate.out("red", udp(PHONE, PEER))
    state = gate.of["red"].state
    [session] = state.sessions
    state.cut_session(session, 1000.0)
    assert gate.out("blue", udp(PHONE, PEER)) == f"udp 203.0.113.1:5000 > {PEER}"


def test_where_each_vrf_has_its_own_outside_names_are_the_same() -> None:
    gate = Gate(OWN_OUTSIDES)
    for vrf in ("red", "blue"):
        assert gate.out(vrf, udp(PHONE, PEER)) == f"udp 203.0.113.1:5000 > {PEER}"


def test_a_pool_is_leased_from_by_all_that_share_it() -> None:
    gate = Gate(POOL)
    assert gate.out("red", udp(PHONE, PEER)).split()[1] == "203.0.113.20:5000"
    assert gate.out("blue", udp(PHONE, PEER)).split()[1] == "203.0.113.21:5000"
    assert gate.out("blue", udp("10.0.0.11:5000", PEER)) == "pool-exhausted"


def test_static_names_of_one_vrf_are_not_given_out_in_another() -> None:
    static = "ip nat inside source static udp 10.0.0.9 5000 203.0.113.1 5000 vrf blue\n"
    gate = Gate(OVERLOAD + static)
    assert gate.out("red", udp(PHONE, PEER)).split()[1] != "203.0.113.1:5000"
    assert gate.back("blue", udp(PEER, "203.0.113.1:5000")) == f"udp {PEER} > 10.0.0.9:5000"
    assert gate.back("red", udp(PEER, "203.0.113.1:5000")) == "no-translation"


def test_hosts_in_no_vrf_are_a_realm_as_well() -> None:
    own = "interface in0\n ip address 10.0.0.1 255.255.255.0\n ip nat inside\n"
    gate = Gate(OVERLOAD + own + "ip nat inside source list 1 interface out0 overload\n")
    names = {gate.out(realm, udp(PHONE, PEER)).split()[1] for realm in (None, "red", "blue")}
    assert len(names) == 3


def test_limits_are_of_each_vrf() -> None:
    gate = Gate(OVERLOAD + "ip nat translation max-entries vrf red 1\nip nat translation max-entries all-vrf 2\n")
    found = [gate.out("red", udp(f"10.0.0.1{host}:5000", PEER)) for host in range(3)]
    assert found[1:] == ["max-entries", "max-entries"]
    found = [gate.out("blue", udp(f"10.0.0.1{host}:5000", PEER)) for host in range(3)]
    assert found[2] == "max-entries"
    assert "max-entries" not in found[:2]


def test_what_cannot_be_put_to_work_is_told() -> None:
    config = read_config(INSIDES + SHARED.replace(" ip address 203.0.113.1 255.255.255.0\n", ""), "test.cfg")
    config.dynamic_sources = read_config(OVERLOAD, "test.cfg").dynamic_sources
    with pytest.raises(UnusableConfig, match="interface out0 of a NAT rule has no address"):
        engines(config, random.Random(1).random)


def test_names_of_outside_hosts_are_of_a_vrf() -> None:
    names = "".join(
        f"ip nat outside source static 198.51.100.7 10.99.0.{n} vrf {vrf}\n" for n, vrf in ((1, "red"), (2, "blue"))
    )
    gate = Gate(OVERLOAD + names)
    assert gate.out("red", udp(PHONE, "10.99.0.1:9000")) == f"udp 203.0.113.1:5000 > {PEER}"
    assert gate.back("red", udp(PEER, "203.0.113.1:5000")) == f"udp 10.99.0.1:9000 > {PHONE}"
    assert gate.out("blue", udp(PHONE, "10.99.0.2:9000")).endswith(f" > {PEER}")
    assert gate.out("blue", udp(PHONE, "10.99.0.1:9000")).endswith(" > 10.99.0.1:9000")


def test_virtual_hosts_are_of_a_vrf() -> None:
    rules = "ip nat pool REAL 10.0.0.11 10.0.0.12 prefix-length 24 type rotary\n" + "".join(
        f"access-list {n} permit 203.0.113.{n}\nip nat inside destination list {n} pool REAL vrf {vrf}\n"
        for n, vrf in ((20, "red"), (21, "blue"))
    )
    gate = Gate(OVERLOAD + rules)
    for vrf, virtual in (("red", "203.0.113.20:80"), ("blue", "203.0.113.21:80")):
        assert gate.back(vrf, tcp(PEER, virtual)) == f"tcp {PEER} > 10.0.0.11:80"
        assert gate.back(vrf, tcp("198.51.100.7:9001", virtual)) == "tcp 198.51.100.7:9001 > 10.0.0.12:80"
        assert gate.out(vrf, tcp("10.0.0.11:80", PEER, "SA")) == f"tcp {virtual} > {PEER}"
    assert gate.back("blue", tcp("198.51.100.7:9002", "203.0.113.20:80")) == "tcp 198.51.100.7:9002 > 203.0.113.20:80"


def test_one_host_of_all_vrfs_waits_for_a_servers_answer() -> None:
    gate, host, server, name = Gate(OVERLOAD), "10.0.0.10", "198.51.100.7", "203.0.113.1"
    assert gate.out("red", esp(host, server, 0x1001)) == f"esp {name} > {server} spi 00001001"
    assert gate.out("blue", esp(host, server, 0x1002)) == "esp-other-host-waits"
    assert gate.back("blue", esp(server, name, 0xA001)) == "esp-other-vrf"
    assert gate.back("red", esp(server, name, 0xA001)) == f"esp {server} > {host} spi 0000a001"
    assert gate.out("blue", esp(host, server, 0x1002)) == f"esp {name} > {server} spi 00001002"
    assert gate.back("red", esp(server, name, 0xA002)) == "esp-other-vrf"
    assert gate.back("blue", esp(server, name, 0xA002)) == f"esp {server} > {host} spi 0000a002"
    assert gate.back("blue", esp(server, name, 0xA001)) == "esp-other-vrf"
    for vrf in ("red", "blue"):
        assert gate.back(vrf, esp(server, name, 0xA003)) == "esp-answer-ambiguous"
    red = gate.of["red"].state.tunnels
    for tunnel in list(red):
        red.end(tunnel)
    assert gate.back("blue", esp(server, name, 0xA003)) == f"esp {server} > {host} spi 0000a003"


def test_an_association_of_ike_is_one_vrfs() -> None:
    gate = Gate(OVERLOAD + "ip nat service list 1 IKE preserve-port\n")
    host, server, name = "10.0.0.10", "198.51.100.7", "203.0.113.1"
    for vrf, initiator in (("red", 1), ("blue", 2)):
        assert gate.out(vrf, udp(f"{host}:500", f"{server}:500", ike(initiator))) == f"udp {name}:500 > {server}:500"
    assert gate.out("blue", udp(f"{host}:500", f"{server}:500", ike(1))) == "ike-association-taken"
    assert gate.back("red", udp(f"{server}:500", f"{name}:500", ike(2, 9))) == "ike-other-vrf"
    assert gate.back("blue", udp(f"{server}:500", f"{name}:500", ike(2, 9))) == f"udp {server}:500 > {host}:500"
    assert gate.back("blue", udp(f"{server}:500", f"{name}:500", ike(3))) == "ike-several-hosts"
