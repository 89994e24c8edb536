"""`doorman run` with VRFs and a zone-based firewall: each flow is judged by its own VRF's interfaces, and once."""

import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from kit.lab import eventually
from kit.vrf import OVERLOAD, OWN_OUTSIDES
from kit.vrf_live import (
    GATEWAY,
    PEER,
    PHONE,
    VRFS,
    Network,
    Talk,
    network,
    serving,
    talks,
    udp_socket,
)
from kit.waiting import DEADLINE

_CLASSES = """
access-list 110 permit udp any any eq 9000
class-map type inspect VOICE
 match protocol sip
class-map type inspect ECHO
 match access-group 110
policy-map type inspect ALL
 class type inspect VOICE
  inspect
 class type inspect ECHO
  inspect
 class class-default
  drop
policy-map type inspect CALLS
 class type inspect VOICE
  inspect
 class class-default
  drop
zone security RED
zone security BLUE
zone security WAN
zone-pair security RED-OUT source RED destination WAN
 service-policy type inspect ALL
zone-pair security BLUE-OUT source BLUE destination WAN
 service-policy type inspect CALLS
interface red0
 zone-member security RED
interface blue0
 zone-member security BLUE
"""
SHARED = OVERLOAD + _CLASSES + "interface out0\n zone-member security WAN\n"
OWN = OWN_OUTSIDES + _CLASSES + "".join(f"interface out-{vrf}\n zone-member security WAN\n" for vrf in VRFS)


def send(stack: ExitStack, net: Network, vrf: str, target: tuple[str, int]) -> socket.socket:
    """A datagram of a phone's, and where it hears the answer."""
    host = udp_socket(stack, net.phones[vrf], PHONE, 8000)
    host.sendto(vrf.encode(), target)
    return host


def is_dropped(net: Network, send: Callable[[], object], ear: socket.socket) -> bool:
    """Whether the firewall drops what is sent, once, and nobody hears it."""
    before = drops(net)
    send()
    eventually(lambda: drops(net) > before, "nothing is dropped")
    ear.settimeout(0)
    try:
        ear.recv(2048)
    except BlockingIOError:
        return drops(net) == before + 1
    finally:
        ear.settimeout(DEADLINE)
    return False


def drops(net: Network) -> int:
    """What the tables of all VRFs have dropped."""
    shown = net.gateway.run("nft", "list", "counters", "table", "ip", "doorman.red")
    shown += net.gateway.run("nft", "list", "counters", "table", "ip", "doorman.blue")
    return sum(map(int, re.findall(r"counter zbf_\w+_(?!pass|begun)[a-z]+ {\s+packets (\d+)", shown)))


@pytest.mark.parametrize("shared", [True, False], ids=["one outside", "own outsides"])
def test_each_vrf_is_judged_by_its_own_policy(stack: ExitStack, tmp_path: Path, *, shared: bool) -> None:
    net = network(stack, shared=shared)
    with serving(net, tmp_path, SHARED if shared else OWN) as daemon:
        both = talks(net, stack)
        for step in (Talk.invite, Talk.accept, Talk.hear):
            for talk in both:
                step(talk)
        servers = {vrf: udp_socket(stack, net.peers[vrf], PEER, 9000) for vrf in (VRFS[:1] if shared else VRFS)}
        red = send(stack, net, "red", (PEER, 9000))
        said, seen = servers["red"].recvfrom(2048)
        servers["red"].sendto(b"back", seen)
        assert (said, red.recv(2048)) == (b"red", b"back")
        assert is_dropped(net, lambda: send(stack, net, "blue", (PEER, 9000)), servers.get("blue", servers["red"]))
        assert "1 packets dropped" in daemon.ask("show policy-map type inspect zone-pair BLUE-OUT")
        assert "1 packets dropped" not in daemon.ask("show policy-map type inspect zone-pair RED-OUT")
        for talk in both:
            talk.hang_up()


def test_what_comes_by_a_name_of_a_vrf_is_judged(stack: ExitStack, tmp_path: Path) -> None:
    static = f"ip nat inside source static udp {PHONE} 9000 {GATEWAY} 9000 vrf red\n"
    net = network(stack, shared=True)
    with serving(net, tmp_path, SHARED + static) as daemon:
        ear = udp_socket(stack, net.phones["red"], PHONE, 9000)
        peer = udp_socket(stack, net.peers["red"], PEER, 9999)
        assert is_dropped(net, lambda: peer.sendto(b"unasked", (GATEWAY, 9000)), ear)
        pair = "zone-pair security IN source WAN destination RED", "service-policy type inspect ALL"
        assert "%" not in daemon.ask("configure terminal", *pair, "end")
        peer.sendto(b"asked", (GATEWAY, 9000))
        said, sender = ear.recvfrom(2048)
        assert (said, sender) == (b"asked", (PEER, 9999))
        ear.sendto(b"answer", sender)
        assert peer.recv(2048) == b"answer"


def test_what_leaks_from_one_vrf_to_another_is_judged(stack: ExitStack, tmp_path: Path) -> None:
    """The routes of red lead to a network of blue; nothing but a zone pair lets it pass."""
    net = network(stack, shared=True)
    net.phones["red"].run("ip", "address", "add", "10.0.0.11/24", "dev", "lo")
    net.phones["blue"].run("ip", "address", "add", "10.9.0.10/24", "dev", "lo")
    net.gateway.run("ip", "route", "add", "10.9.0.10/32", "via", PHONE, "dev", "blue0", "onlink", "table", "101")
    with serving(net, tmp_path, SHARED) as daemon:
        ear = udp_socket(stack, net.phones["blue"], "10.9.0.10", 9000)
        host = udp_socket(stack, net.phones["red"], "10.0.0.11", 8000)
        assert is_dropped(net, lambda: host.sendto(b"leaks", ("10.9.0.10", 9000)), ear)
        pair = "zone-pair security ACROSS source RED destination BLUE", "service-policy type inspect ALL"
        assert "%" not in daemon.ask("configure terminal", *pair, "end")
        host.sendto(b"now", ("10.9.0.10", 9000))
        assert ear.recvfrom(2048) == (b"now", ("10.0.0.11", 8000))


def test_the_gateway_itself_is_judged_where_every_inside_is_of_a_vrf(stack: ExitStack, tmp_path: Path) -> None:
    more = (
        "policy-map type inspect NOTHING\n class class-default\n  drop\n"
        "zone-pair security ME source WAN destination self\n service-policy type inspect NOTHING\n"
    )
    net = network(stack, shared=True)
    with serving(net, tmp_path, SHARED) as daemon:
        ear = udp_socket(stack, net.gateway, GATEWAY, 9999)
        peer = udp_socket(stack, net.peers["red"], PEER, 9998)
        peer.sendto(b"open", (GATEWAY, 9999))
        assert ear.recv(2048) == b"open"
        assert "%" not in daemon.ask("configure terminal", *more.splitlines(), "end")
        again = udp_socket(stack, net.peers["red"], PEER, 9997)
        assert is_dropped(net, lambda: again.sendto(b"shut", (GATEWAY, 9999)), ear)


def test_a_network_of_a_vrf_that_is_beside_its_nat(stack: ExitStack, tmp_path: Path) -> None:
    """An interface of red that is neither inside nor outside: flows with it are red's, and answers find them."""
    net = network(stack, shared=False)
    beside = net.beside(stack, "red", "dmz0", "10.7.0.1/24", "10.7.0.10/24")
    config = OWN + (
        "zone security DMZ\ninterface dmz0\n vrf forwarding red\n ip address 10.7.0.1 255.255.255.0\n"
        " zone-member security DMZ\n"
        "zone-pair security DMZ source RED destination DMZ\n service-policy type inspect ALL\n"
    )
    with serving(net, tmp_path, config):
        server = udp_socket(stack, beside, "10.7.0.10", 9000)
        host = send(stack, net, "red", ("10.7.0.10", 9000))
        said, sender = server.recvfrom(2048)
        assert (said, sender) == (b"red", (PHONE, 8000))
        server.sendto(b"back", sender)
        assert host.recv(2048) == b"back"
        other = udp_socket(stack, beside, "10.7.0.10", 9001)
        assert is_dropped(net, lambda: other.sendto(b"unasked", (PHONE, 8000)), host)
