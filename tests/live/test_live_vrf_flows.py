"""`doorman run` with NAT rules that look at where flows go, of two VRFs with the same addresses behind one outside."""

from contextlib import ExitStack
from pathlib import Path

from kit.vrf import INSIDES, SHARED
from kit.vrf_live import GATEWAY, PEER, PHONE, VRFS, Daemon, Network, Talk, network, ping, serving, talks, udp_socket

OTHER, PARTNER = "203.0.113.21", "203.0.113.30"
_POOL = f"ip nat pool PARTNER {PARTNER} {PARTNER} prefix-length 24\n"
BY_LIST = (
    INSIDES
    + SHARED
    + _POOL
    + f"access-list 101 permit ip 10.0.0.0 0.0.0.255 host {OTHER}\n"
    + "".join(
        f"ip nat inside source list 101 pool PARTNER vrf {vrf} overload\n"
        f"ip nat inside source list 1 interface out0 vrf {vrf} overload\n"
        for vrf in VRFS
    )
)
BY_MAP = (
    INSIDES
    + SHARED
    + f"access-list 101 permit ip 10.0.0.0 0.0.0.255 host {OTHER}\n"
    + "route-map PARTNER\n match ip address 101\n"
    + "".join(
        f"ip nat inside source static {PHONE} 203.0.113.4{number} vrf {vrf} route-map PARTNER\n"
        f"ip nat inside source list 1 interface out0 vrf {vrf} overload\n"
        for number, vrf in enumerate(VRFS)
    )
)
BY_INTERFACE = (
    INSIDES
    + SHARED
    + "interface isp0\n ip address 198.51.100.1 255.255.255.0\n ip nat outside\n"
    + "".join(f"route-map {name}\n match ip address 1\n match interface {name}\n" for name in ("out0", "isp0"))
    + "".join(
        f"ip nat inside source route-map {name} interface {name} vrf {vrf} overload\n"
        for vrf in VRFS
        for name in ("out0", "isp0")
    )
)


def with_partner(stack: ExitStack, *names: str) -> Network:
    """The network, with one more peer, and routes back to these names."""
    net = network(stack, shared=True)
    net.peers["red"].run("ip", "address", "add", f"{OTHER}/32", "dev", "lo")
    for name in names:
        net.peers["red"].run("ip", "route", "add", f"{name}/32", "via", GATEWAY)
    return net


def flows(net: Network, port: int, names: dict[str, str]) -> None:
    """Each VRF's phone, from one port, to each peer: it is called as these say, and hears the answers; pings, too."""
    with ExitStack() as stack:
        servers = {address: udp_socket(stack, net.peers["red"], address, 9000) for address in names}
        for number, vrf in enumerate(VRFS):
            host = udp_socket(stack, net.phones[vrf], PHONE, port)
            for address, name in names.items():
                ping(net.phones[vrf], address)
                host.sendto(vrf.encode(), (address, 9000))
                said, seen = servers[address].recvfrom(2048)
                assert (said, seen[0]) == (vrf.encode(), name.replace("VRF", str(number)))
                servers[address].sendto(b"back to " + said, seen)
                assert host.recvfrom(2048) == (f"back to {vrf}".encode(), (address, 9000))


def calls(net: Network, stack: ExitStack) -> list[Talk]:
    both = talks(net, stack)
    for step in (Talk.invite, Talk.accept, Talk.hear):
        for talk in both:
            step(talk)
    return both


def test_a_list_that_looks_at_destinations(stack: ExitStack, tmp_path: Path) -> None:
    net = with_partner(stack, PARTNER)
    names = {PEER: GATEWAY, OTHER: PARTNER}
    with serving(net, tmp_path, BY_LIST) as daemon:
        flows(net, 8000, names)
        both = calls(net, stack)
        flows(net, 8002, names)
        _to_partner_from_a_signalling_port(stack, net, both)
        assert f"{PARTNER}:" in daemon.ask("show ip nat translations vrf blue")
        for talk in both:
            talk.hear()
            talk.hang_up()


def _to_partner_from_a_signalling_port(stack: ExitStack, net: Network, both: list[Talk]) -> None:
    """A port that has a name for the flow of its call begins one of another rule."""
    partner = udp_socket(stack, net.peers["red"], OTHER, 9001)
    for talk in both:
        talk.ear.sendto(b"elsewhere", (OTHER, 9001))
        said, seen = partner.recvfrom(2048)
        assert (said, seen[0]) == (b"elsewhere", PARTNER)
        partner.sendto(b"back", seen)
        assert talk.ear.recvfrom(2048) == (b"back", (OTHER, 9001))


def test_a_static_name_for_some_flows(stack: ExitStack, tmp_path: Path) -> None:
    net = with_partner(stack, "203.0.113.40", "203.0.113.41")
    with serving(net, tmp_path, BY_MAP):
        flows(net, 8000, {PEER: GATEWAY, OTHER: "203.0.113.4VRF"})
        peer = udp_socket(stack, net.peers["red"], PEER, 9009)
        for number, vrf in enumerate(VRFS):  # it leads in for everybody
            host = udp_socket(stack, net.phones[vrf], PHONE, 7000)
            peer.sendto(vrf.encode(), (f"203.0.113.4{number}", 7000))
            said, sender = host.recvfrom(2048)
            assert (said, sender) == (vrf.encode(), (PEER, 9009))
            host.sendto(b"answer", sender)
            assert peer.recvfrom(2048) == (b"answer", (f"203.0.113.4{number}", 7000))


def test_rules_by_the_way_out(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    far = net.second_outside(stack, "isp0", "198.51.100.1/24", "198.51.100.20/24")
    with serving(net, tmp_path, BY_INTERFACE):
        flows(net._replace(peers=dict.fromkeys(VRFS, far)), 8000, {"198.51.100.20": "198.51.100.1"})
        flows(net, 8001, {PEER: GATEWAY})
        calls(net, stack)


def test_names_that_look_at_flows_outlive_the_gateway(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    daemon = Daemon(net.gateway, tmp_path, BY_LIST)
    stack.callback(daemon.end)
    both = calls(net, stack)
    daemon.kill()
    for talk in both:
        talk.hear()
    daemon = Daemon(net.gateway, tmp_path, BY_LIST)
    stack.callback(daemon.end)
    for talk in both:
        talk.hear()
        talk.hang_up()
