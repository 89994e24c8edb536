"""A path through the gateway, asked for by real hosts: its hops (traceroute), and how long its packets may be.

phone 192.168.1.10 ── gateway ── router 203.0.113.2 ── peer 198.51.100.20

The router's link to the peer takes packets of 1300 bytes, all others of 1500.
"""

import os
import random
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from doorman.config.reader import read_config
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.engine.engine import Engine
from kit.gateway import OVERLOAD
from kit.namespaces import Namespace, connect
from kit.waiting import DEADLINE

PEER, PORT = "198.51.100.20", 9000
NARROW = 1300
_MTU_DISCOVER, _ALWAYS, _MTU = 10, 2, 14
"""IP_MTU_DISCOVER, IP_PMTUDISC_DO and IP_MTU (linux/in.h)."""


class Path:
    """Phone, gateway, router, peer, each in a namespace."""

    def __init__(self, new_namespace: Callable[[], Namespace], stack: ExitStack, config: str) -> None:
        self.phone, self.gateway, self.router, self.peer = (new_namespace() for _ in range(4))
        phone, inside = connect(self.phone, "192.168.1.10/24", self.gateway, "192.168.1.1/24")
        outside, _ = connect(self.gateway, "203.0.113.1/24", self.router, "203.0.113.2/24")
        narrow, _ = connect(self.router, "198.51.100.1/24", self.peer, f"{PEER}/24")
        self.phone.run("ip", "route", "add", "default", "via", "192.168.1.1")
        self.gateway.run("ip", "route", "add", "default", "via", "203.0.113.2")
        self.peer.run("ip", "route", "add", "default", "via", "198.51.100.1")
        self.router.run("ip", "link", "set", narrow, "mtu", str(NARROW))
        for link, name in ((inside, "in0"), (outside, "out0")):
            self.gateway.run("ip", "link", "set", link, "down")
            self.gateway.run("ip", "link", "set", link, "name", name)
            self.gateway.run("ip", "link", "set", name, "up")
        self.gateway.run("ip", "route", "replace", "default", "via", "203.0.113.2")
        for one in (self.gateway, self.router):
            one.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0")
        for end in (self.phone, self.peer):
            end.run("ethtool", "-K", phone if end is self.phone else self._link(end), "tso", "off", "gso", "off")
        read = read_config(config, "test.cfg")
        with self.gateway.inside():
            plane = NetfilterPlane(Setting("doorman", 5060, 0, timeouts=True))
            stack.callback(plane.close, remove=True)
            engine = Engine(read, random.Random(1).random, delegated=True)
            plane.synchronise(read, engine.state.bindings, [], 0.0)

    @staticmethod
    def _link(namespace: Namespace) -> str:
        names = namespace.run("ls", "/sys/class/net").split()
        return next(name for name in names if name != "lo")

    def socket(self, where: Namespace, kind: socket.SocketKind) -> socket.socket:
        """A socket of a host."""
        with where.inside():
            made = socket.socket(socket.AF_INET, kind)
        made.settimeout(DEADLINE)
        return made


@pytest.fixture
def path(new_namespace: Callable[[], Namespace]) -> Iterator[Path]:
    with ExitStack() as stack:
        yield Path(new_namespace, stack, OVERLOAD)


@pytest.mark.parametrize("mode", [[], ["-I"], ["-T", "-p", str(PORT)]], ids=["udp", "icmp", "tcp"])
def test_traceroute_shows_the_true_hops(path: Path, mode: list[str]) -> None:
    if shutil.which("traceroute") is None and not os.environ.get("CI"):
        pytest.skip("traceroute is not here")
    shown = path.phone.run("traceroute", "-n", "-q", "1", "-w", "1", "-m", "5", *mode, PEER)
    assert [line.split()[1] for line in shown.splitlines()[1:]] == ["192.168.1.1", "203.0.113.2", PEER], shown


def test_a_host_learns_how_long_its_datagrams_may_be(path: Path) -> None:
    with path.socket(path.peer, socket.SOCK_DGRAM) as peer, path.socket(path.phone, socket.SOCK_DGRAM) as phone:
        peer.bind((PEER, PORT))
        phone.setsockopt(socket.IPPROTO_IP, _MTU_DISCOVER, _ALWAYS)
        phone.connect((PEER, PORT))
        phone.send(bytes(1_400))
        with pytest.raises(OSError, match="Message too long"):
            phone.recv(1)
        assert phone.getsockopt(socket.IPPROTO_IP, _MTU) == NARROW
        phone.send(bytes(NARROW - 28))
        data, (source, _) = peer.recvfrom(2_000)
        assert (len(data), source) == (NARROW - 28, "203.0.113.1")


def test_a_connection_gets_through_a_narrow_link(path: Path) -> None:
    """Both ends offer segments of 1460 bytes: only the router knows better, and says so to the phone."""
    sent = bytes(range(256)) * 800
    with path.socket(path.peer, socket.SOCK_STREAM) as listener, path.socket(path.phone, socket.SOCK_STREAM) as phone:
        listener.bind((PEER, PORT))
        listener.listen()
        phone.connect((PEER, PORT))
        taken, _ = listener.accept()
        with taken:
            taken.settimeout(DEADLINE)
            sender = threading.Thread(target=phone.sendall, args=(sent,))
            sender.start()
            received = b""
            while len(received) < len(sent):
                received += taken.recv(1 << 16)
            sender.join()
        assert received == sent
        assert phone.getsockopt(socket.IPPROTO_IP, _MTU) == NARROW
