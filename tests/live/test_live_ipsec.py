"""IPsec through a gateway that runs: tunnels outlive it and are adopted; real IKE of two hosts keeps port 500."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from doorman.lab.namespaces import address, link, namespace, route, setting
from doorman.lab.network import GATEWAY_GLOBAL, INSIDE_PHONE, OUTSIDE_PHONE, PROXY
from kit.lab import Lab, eventually, missing, queues
from kit.strongswan import CHARON, Peer, connection, peer
from kit.tunnels import Esp
from kit.waiting import DEADLINE

QUICK = 0.2


class Tunnels:
    """Two inside hosts, two servers."""

    def __init__(self, lab: Lab, stack: ExitStack) -> None:
        network = lab.network
        self.first, self.second = (Esp(network.inside, network.phone(number), stack) for number in (0, 1))
        self.server, self.other = (Esp(network.outside, address, stack) for address in (OUTSIDE_PHONE, PROXY))

    def passes(self, host: Esp, server: Esp, spis: tuple[int, int], patience: float = DEADLINE) -> bool:
        """Whether packets by these SPIs pass both ways."""
        host.send(server.address, spis[0])
        if server.heard(patience) != (GATEWAY_GLOBAL, spis[0]):
            return False
        server.send(GATEWAY_GLOBAL, spis[1])
        return host.heard(patience) == (server.address, spis[1])


@pytest.fixture
def tunnels(lab: Lab) -> Iterator[Tunnels]:
    with ExitStack() as stack:
        yield Tunnels(lab, stack)


def test_tunnels_go_on_while_the_gateway_is_gone_and_are_adopted(lab: Lab, tunnels: Tunnels) -> None:
    first, second, server, other = tunnels.first, tunnels.second, tunnels.server, tunnels.other
    known = [(first, server, (0x1001, 0xA001)), (second, server, (0x1002, 0xB001)), (second, other, (0x1001, 0xA001))]
    with lab.serving() as gateway:
        for tunnel in known:
            assert tunnels.passes(*tunnel)
        packets = queues(gateway)[0].packets
        assert all(tunnels.passes(*tunnel) for tunnel in known)
        assert queues(gateway)[0].packets == packets
        lab.ask("show ip nat translations esp")
        gateway.program.kill()
    assert all(tunnels.passes(*tunnel) for tunnel in known)
    assert not tunnels.passes(first, other, (0x1005, 0xA005), QUICK)
    with lab.serving() as gateway:
        assert all(tunnels.passes(*tunnel) for tunnel in known)
        assert queues(gateway)[0].packets == 0
        assert tunnels.passes(first, server, (0x1003, 0xA003))
        assert tunnels.passes(first, other, (0x1005, 0xA005))
        shown = lab.order("show ip nat translations esp")
        lines = {tuple(line.split()) for line in shown.splitlines()}
        assert (
            "esp",
            f"{GATEWAY_GLOBAL}:0",
            f"{first.address}:0",
            f"{server.address}:0",
            f"{server.address}:1001",
        ) in lines
        assert (
            "esp",
            f"{GATEWAY_GLOBAL}:0",
            f"{second.address}:B001",
            f"{server.address}:0",
            f"{server.address}:0",
        ) in lines
        assert "Total number of translations: 10" in shown
        lab.order("clear ip nat translation esp")
        assert lab.ask("show ip nat translations esp") == []
        assert "Translation not found" in lab.refusal("clear ip nat translation esp")
        assert tunnels.passes(first, server, (0x1007, 0xA007))


SERVED = "10.9.0.1"
"""A host in the network behind the server."""
SECOND = "192.168.2.10"
"""A host behind the first inside host."""


@pytest.fixture
def second(lab: Lab) -> Iterator[str]:
    """The namespace of one more inside host, since two daemons cannot have port 500 in one."""
    inside = lab.network.inside
    with namespace(f"{inside}-2") as name:
        link((inside, "lan1"), (name, "eth0"))
        address(inside, "lan1", "192.168.2.1/24")
        address(name, "eth0", f"{SECOND}/24")
        route(name, "default", "via", "192.168.2.1")
        setting(inside, "net/ipv4/ip_forward", 1)
        route(lab.network.gateway, "192.168.2.0/24", "via", INSIDE_PHONE)
        yield name


def test_two_strongswan_clients_keep_port_500_at_once(lab: Lab, second: str) -> None:
    if not CHARON.exists():
        missing(f"{CHARON} (packages strongswan-charon, strongswan-swanctl and libcharon-extra-plugins)")
    lab.configure(
        "access-list 1 permit 192.168.2.0 0.0.0.255",
        "access-list 10 permit any",
        "ip nat service list 10 IKE preserve-port",
    )
    for_all = connection((OUTSIDE_PHONE, "%any"), ("server", "%any"), ("10.9.0.0/16", "10.1.0.0/16"))

    def client(place: str, name: str, local: str, network: str) -> Peer:
        said = connection((local, OUTSIDE_PHONE), (name, "server"), (network, "10.9.0.0/16"))
        return stack.enter_context(peer(place, lab.directory, name, said))

    for place, host in ((lab.network.outside, SERVED), (lab.network.inside, "10.1.1.1"), (second, "10.1.2.1")):
        address(place, "lo", f"{host}/32")
    with lab.serving(), ExitStack() as stack:
        server = stack.enter_context(peer(lab.network.outside, lab.directory, "server", for_all))
        clients = (
            client(lab.network.inside, "alice", INSIDE_PHONE, "10.1.1.0/24"),
            client(second, "bob", SECOND, "10.1.2.0/24"),
        )
        for each in clients:
            each.control("--initiate", "--child", "net", "--timeout", "-1")
        eventually(lambda: all("CHILD_SA net{1} established" in each.log for each in clients), "no tunnel")
        assert server.log.count(f"received packet: from {GATEWAY_GLOBAL}[500] to {OUTSIDE_PHONE}[500]") == len(clients)
        for each, local in zip(clients, (INSIDE_PHONE, SECOND), strict=True):
            assert f"received packet: from {OUTSIDE_PHONE}[500] to {local}[500]" in each.log
            assert "retransmit" not in each.log
        shown = [line.split() for line in lab.order("show ip nat translations udp").splitlines()]
        assert sorted(line[2] for line in shown if line[1] == f"{GATEWAY_GLOBAL}:500") == [
            f"{INSIDE_PHONE}:500",
            f"{SECOND}:500",
        ]
        # They see that there is a NAT, and go on in UDP by port 4500 (RFC 3948), which is ordinary to the gateway.
        assert len({line[1] for line in shown if line[2].endswith(":4500")}) == len(clients)
        served = stack.enter_context(lab.udp(lab.network.outside, SERVED, 7))
        for place, host in ((lab.network.inside, "10.1.1.1"), (second, "10.1.2.1")):
            sender = stack.enter_context(lab.udp(place, host, 7))
            sender.sendto(b"through the tunnel", (SERVED, 7))
            assert served.recvfrom(100) == (b"through the tunnel", (host, 7))
            served.sendto(b"and back", (host, 7))
            assert sender.recv(100) == b"and back"
