"""`doorman run` with IPsec of one address in each of two VRFs, behind one outside, with one server."""

from contextlib import ExitStack
from pathlib import Path

from kit.lab import eventually
from kit.tunnels import Esp
from kit.vrf import OVERLOAD, OWN_OUTSIDES
from kit.vrf_live import GATEWAY, PEER, PHONE, VRFS, Network, network, serving, udp_socket

PRESERVED = OVERLOAD + "ip nat service list 1 IKE preserve-port\n"


def hosts(stack: ExitStack, net: Network) -> dict[str, Esp]:
    return {vrf: Esp(net.phones[vrf].name, PHONE, stack) for vrf in VRFS}


def passes(host: Esp, server: Esp, spis: tuple[int, int]) -> bool:
    """Whether packets by these SPIs pass both ways."""
    host.send(PEER, spis[0])
    if server.heard() != (GATEWAY, spis[0]):
        return False
    server.send(GATEWAY, spis[1])
    return host.heard() == (PEER, spis[1])


def queued(net: Network) -> int:
    """Packets that came to the queues of all VRFs."""
    lines = net.gateway.run("cat", "/proc/net/netfilter/nfnetlink_queue").splitlines()
    return sum(int(line.split()[7]) for line in lines)


def test_tunnels_of_one_address_in_each_vrf_with_one_server(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    ends = hosts(stack, net)
    server = Esp(net.peers["red"].name, PEER, stack)
    with serving(net, tmp_path, OVERLOAD) as daemon:
        for number, vrf in enumerate(VRFS):
            assert passes(ends[vrf], server, (0x1001 + number, 0xA001 + number))
        known = queued(net)
        for number, vrf in enumerate(VRFS):
            assert passes(ends[vrf], server, (0x1001 + number, 0xA001 + number))
        assert queued(net) == known, "what is known passes in the kernel"
        ends["red"].send(PEER, 0x1003)  # waits; blue has to
        assert server.heard() == (GATEWAY, 0x1003)
        ends["blue"].send(PEER, 0x1004)
        eventually(lambda: "esp-other-host-waits" in daemon.ask("show ip nat statistics"), "blue does not wait")
        server.send(GATEWAY, 0xA003)
        assert ends["red"].heard() == (PEER, 0xA003)
        assert passes(ends["blue"], server, (0x1004, 0xA004))
        for number, vrf in enumerate(VRFS):
            assert f"{0xA001 + number:X}" in daemon.ask(f"show ip nat translations esp vrf {vrf}")
        daemon.kill()
        for number, vrf in enumerate(VRFS):
            assert passes(ends[vrf], server, (0x1001 + number, 0xA001 + number))


def test_tunnels_where_each_vrf_has_its_own_outside(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=False)
    ends = hosts(stack, net)
    with serving(net, tmp_path, OWN_OUTSIDES):
        for vrf in VRFS:
            server = Esp(net.peers[vrf].name, PEER, stack)
            assert passes(ends[vrf], server, (0x1001, 0xA001))
            assert passes(ends[vrf], server, (0x1001, 0xA001))


def test_ike_of_one_address_in_each_vrf_keeps_its_port(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    ends = {vrf: udp_socket(stack, net.phones[vrf], PHONE, 500) for vrf in VRFS}
    server = udp_socket(stack, net.peers["red"], PEER, 500)
    with serving(net, tmp_path, PRESERVED) as daemon:
        for _ in range(2):
            for number, vrf in enumerate(VRFS):
                message = bytes([number + 1] * 8) + bytes(8) + bytes([33, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 28])
                ends[vrf].sendto(message, (PEER, 500))
                assert server.recvfrom(2048) == (message, (GATEWAY, 500))
            for number, vrf in reversed(list(enumerate(VRFS))):
                answer = bytes([number + 1] * 8) + bytes([9] * 8) + bytes([33, 0x20, 34, 0x20, 0, 0, 0, 0, 0, 0, 0, 28])
                server.sendto(answer, (GATEWAY, 500))
                assert ends[vrf].recvfrom(2048) == (answer, (PEER, 500))
        assert f"{GATEWAY}:500" in daemon.ask("show ip nat translations vrf blue")
