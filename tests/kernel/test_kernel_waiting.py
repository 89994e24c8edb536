"""Packets that wait for a verdict while the rules become others: each leaves once, translated, whatever changes.

phone 10.0.0.10      gateway 203.0.113.1      peer 198.51.100.20
"""

import random
import select
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doorman.config.reader import read_config
from doorman.daemon.gateway import Gateway, effective
from doorman.daemon.parts import Parts, Place
from doorman.dataplanes.netfilter.netlink import open_socket
from doorman.dataplanes.netfilter.rtnetlink import interface_addresses
from doorman.engine.realms import engines
from doorman.engine.results import Side
from doorman.net.packet import UDP
from kit.namespaces import Namespace
from kit.packets import esp, udp
from kit.sip import OVERLOAD, PEER, PHONE, request
from kit.vrf_live import attach
from kit.wires import Places, Wires, ends_of

COUNT = 3
LIST = "ip access-list extended A\n permit ip any any\ninterface in0\n ip access-group A in\n"
ZONE = "zone security Z\ninterface in0\n zone-member security Z\ninterface out0\n zone-member security Z\n"
STATIC = "ip nat inside source static 10.0.0.12 203.0.113.12\n"
KEEP = "ip nat service list 1 IKE preserve-port\n"
VTCP = "ip nat service sip tcp mode vtcp\n"
PORT = "ip nat service sip udp port 5070\n"
VRF = OVERLOAD.replace("interface in0\n", "vrf definition red\n rd 65000:1\ninterface in0\n vrf forwarding red\n")
VRF = VRF.replace("interface out0 overload", "interface out0 vrf red overload")
BLUE = """
vrf definition blue
 rd 65000:2
interface blue0
 vrf forwarding blue
 ip address 10.77.0.1 255.255.255.0
 ip nat inside
access-list 7 permit 10.77.0.0 0.0.0.255
ip nat inside source list 7 interface out0 vrf blue overload
"""
POOL = "ip nat pool P 203.0.113.20 203.0.113.21 prefix-length 24\naccess-list 2 permit 10.0.0.99\n"
POOL += "ip nat inside source list 2 pool P vrf red\n"


class Gate:
    """A gateway without its event loop, of as many parts as its configuration has."""

    def __init__(self, wires: Wires, directory: Path, config: str) -> None:
        self.wires = wires
        read = read_config(config, "test.cfg")
        with wires.gateway.inside():
            wanted, _ = effective(read, interface_addresses())
            self.parts = Parts(Place("doorman", directory))
            self.parts.ended = self.parts.withdraw
            chance, routes = random.Random(7).random, self.parts.routes_by(wanted)
            self.parts.begin_all(engines(wanted, chance, delegated=True, route_of=routes), wanted)
            self._gateway = Gateway(directory / "gw.cfg", read, self.parts, directory / "traces")

    def apply(self, config: str) -> None:
        """Go on by another configuration, with what is done each second after it."""
        with self.wires.gateway.inside():
            self._gateway.apply(read_config(config, "test.cfg"))
            self.parts.unhook()
            open_socket(0).close()  # waits until rules are gone that set zones, and with them what is lost by that

    def hold(self) -> None:
        """Let calls of as many phones begin, and not be answered."""
        for number in range(COUNT):
            self.wires.send(udp(PHONE.replace("5060", str(7000 + number)), PEER, request()), Side.INSIDE)
        self.wires.sync(Side.INSIDE)

    def serve(self) -> list[tuple[str, str]]:
        """Answer all that waits; the ends of what left."""
        with self.wires.gateway.inside():
            for part in self.parts.values():
                while select.select([part.traffic.queue], [], [], 0)[0]:
                    part.traffic.on_packets()
        return [ends_of(packet) for packet in self.wires.sync(Side.INSIDE) if packet[9] == UDP]

    @property
    def counts(self) -> tuple[int, int]:
        """How many packets were looked at, and how many verdicts the kernel refused."""
        traffics = [part.traffic for part in self.parts.values()]
        return sum(one.received for one in traffics), sum(one.queue.refused_verdicts for one in traffics)

    def close(self) -> None:
        with self.wires.gateway.inside():
            self._gateway.close()
            self.parts.close_all()


@pytest.fixture
def begin(new_namespace: Callable[[], Namespace], tmp_path: Path) -> Iterator[Callable[[str], Gate]]:
    """Begins gateways of a configuration, on wires of their own."""
    with ExitStack() as stack:

        def gate(config: str) -> Gate:
            wires = Wires(new_namespace(), new_namespace(), stack, Places(inside="10.0.0.1"))
            attach(wires.gateway, "blue0", "10.77.0.1/24", new_namespace(), "10.77.0.2/24")
            made = Gate(wires, tmp_path, config)
            stack.callback(made.close)
            return made

        yield gate


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(OVERLOAD, OVERLOAD, id="nothing"),
        pytest.param(OVERLOAD, OVERLOAD + PORT, id="a port"),
        pytest.param(OVERLOAD, OVERLOAD + LIST, id="an access list"),
        pytest.param(OVERLOAD + LIST, OVERLOAD, id="no access list"),
        pytest.param(OVERLOAD, OVERLOAD + ZONE, id="zones"),
        pytest.param(OVERLOAD + ZONE, OVERLOAD, id="no zones"),
        pytest.param(OVERLOAD, OVERLOAD + STATIC, id="a static host"),
        pytest.param(OVERLOAD + STATIC, OVERLOAD, id="no static host"),
        pytest.param(OVERLOAD, OVERLOAD + KEEP, id="IPsec"),
        pytest.param(OVERLOAD + KEEP, OVERLOAD, id="no IPsec"),
        pytest.param(OVERLOAD, OVERLOAD + VTCP, id="vtcp"),
        pytest.param(OVERLOAD + VTCP, OVERLOAD, id="no vtcp"),
        pytest.param(OVERLOAD, OVERLOAD + BLUE, id="a VRF"),
        pytest.param(OVERLOAD + BLUE, OVERLOAD, id="no VRF"),
        pytest.param(VRF, VRF, id="nothing in a VRF"),
        pytest.param(VRF, VRF + PORT, id="a port in a VRF"),
        pytest.param(VRF, VRF + POOL, id="addresses leased in a VRF"),
        pytest.param(VRF + POOL, VRF, id="no addresses leased in a VRF"),
    ],
)
def test_what_waits_leaves_once(begin: Callable[[str], Gate], before: str, after: str) -> None:
    gate = begin(before)
    gate.hold()
    gate.apply(after)
    left = gate.serve()
    assert [receiver for _, receiver in left] == [PEER] * COUNT
    assert all(sender.startswith("203.0.113.1:") for sender, _ in left)
    assert len(set(left)) == COUNT
    assert gate.counts == (COUNT, 0)
    gate.hold()
    assert len(gate.serve()) == COUNT
    assert gate.counts == (2 * COUNT, 0)


def test_the_first_tunnel_lets_nobody_come_twice(begin: Callable[[str], Gate]) -> None:
    """With it chains come into the road of packets, of which some wait, and some are just being answered."""
    gate = begin(OVERLOAD)
    gate.hold()
    gate.wires.send(esp("10.0.0.10", "198.51.100.7", 0x100), Side.INSIDE)
    gate.hold()
    gate.serve()
    assert gate.counts == (2 * COUNT + 1, 0)
    assert "ipsec_untracked" in gate.wires.gateway.run("nft", "list", "table", "ip", "doorman")


def test_chains_that_somebody_has_emptied_are_filled_with_the_next_configuration(begin: Callable[[str], Gate]) -> None:
    gate = begin(OVERLOAD)
    gate.wires.gateway.run("nft", "flush", "chain", "ip", "doorman", "begin")
    gate.hold()
    assert gate.counts == (0, 0)
    gate.apply(OVERLOAD)
    gate.hold()
    assert len(gate.serve()) == COUNT
    assert gate.counts == (COUNT, 0)
