"""How long packets may be on a path with a narrow link: a router on it tells whoever sends them, the proxy as well.

client 192.168.1.77 ── router 192.168.1.10 ── gateway ── router 203.0.113.2 ── server 198.51.100.77

One of the routers' links to its end takes packets of 1300 bytes, all others of 1500; both ends offer segments of 1460.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from doorman.lab.namespaces import run_in, setting
from doorman.lab.network import INSIDE_LINK, INSIDE_PHONE, OUTSIDE_LINK
from kit.lab import VTCP, Lab
from kit.namespaces import Namespace, connect
from kit.waiting import DEADLINE

CLIENT, SERVER = "192.168.1.77", "198.51.100.77"
NARROW = 1_300
ZONES = f"""
class-map type inspect VOICE
 match protocol sip
policy-map type inspect VOICE
 class type inspect VOICE
  inspect
zone security LAN
zone security WAN
zone-pair security OUT source LAN destination WAN
 service-policy type inspect VOICE
zone-pair security SELF source WAN destination self
 service-policy type inspect VOICE
zone-pair security ITSELF source LAN destination self
 service-policy type inspect VOICE
interface {INSIDE_LINK}
 zone-member security LAN
interface {OUTSIDE_LINK}
 zone-member security WAN
"""
SENT = b"no SIP\r\n" + bytes(range(256)) * 800


@contextmanager
def behind(router: str, address: str, near: str, *, narrow: bool) -> Iterator[Namespace]:
    """A host with a link of its own to a router; the router's end of it may be narrow."""
    far = Namespace.make()
    try:
        link, _ = connect(Namespace(router), f"{near}/32", far, f"{address}/32")
        run_in(router, "ip", "route", "add", address, "dev", link)
        if narrow:
            run_in(router, "ip", "link", "set", link, "mtu", str(NARROW))
        setting(router, "net/ipv4/ip_forward", 1)
        setting(router, "net/ipv4/icmp_ratelimit", 0)
        [own] = [name for name in far.run("ls", "/sys/class/net").split() if name != "lo"]
        far.run("ip", "route", "add", near, "dev", own)
        far.run("ip", "route", "add", "default", "via", near)
        far.run("ethtool", "-K", own, "tso", "off", "gso", "off", "tx", "off")
        yield far
    finally:
        far.remove()


def told(router: str) -> int:
    """How often a router told of packets that it could not send on."""
    names, values = (line.split() for line in run_in(router, "grep", "^Icmp:", "/proc/net/snmp").splitlines())
    return int(values[names.index("OutDestUnreachs")])


def of(where: Namespace) -> socket.socket:
    with where.inside():
        made = socket.socket()
    made.settimeout(DEADLINE)
    return made


@pytest.mark.parametrize("lines", [[], [VTCP], ZONES.splitlines()], ids=["l4f", "vtcp", "zones"])
@pytest.mark.parametrize("narrow", ["client", "server"])
def test_a_connection_gets_through_a_narrow_link(lab: Lab, narrow: str, lines: list[str]) -> None:
    net = lab.network
    lab.configure(*lines)
    run_in(net.gateway, "ip", "route", "add", CLIENT, "via", INSIDE_PHONE)
    with (
        behind(net.inside, CLIENT, "192.168.1.76", narrow=narrow == "client") as inside,
        behind(net.outside, SERVER, "198.51.100.76", narrow=narrow == "server") as outside,
        lab.serving(),
        of(outside) as listener,
        of(inside) as client,
    ):
        listener.bind((SERVER, 5060))
        listener.listen()
        client.connect((SERVER, 5060))
        server, _ = listener.accept()
        with server:
            server.settimeout(DEADLINE)
            client.sendall(SENT[:8])
            assert server.recv(8, socket.MSG_WAITALL) == SENT[:8]
            sender, receiver = (client, server) if narrow == "server" else (server, client)
            thread = threading.Thread(target=sender.sendall, args=(SENT[8:],))
            thread.start()
            received = SENT[:8]
            while len(received) < len(SENT):
                received += receiver.recv(1 << 16)
            thread.join()
            assert received == SENT
    assert told(net.outside if narrow == "server" else net.inside) > 0
