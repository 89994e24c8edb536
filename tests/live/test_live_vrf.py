"""`doorman run` with two VRFs that have the same addresses inside: a call in each at the same time, with its own media.

red 10.0.0.10, blue 10.0.0.10      gateway 203.0.113.1, or one address in each VRF      peer 203.0.113.20
"""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from doorman.cli.shell.connection import Connection
from kit.lab import eventually
from kit.namespaces import Namespace, connect
from kit.sip import request, sdp
from kit.vrf import OVERLOAD, OWN_OUTSIDES

VRFS = ("red", "blue")
TABLES = {"red": 101, "blue": 102}
GATEWAY, PEER, PHONE = "203.0.113.1", "203.0.113.20", "10.0.0.10"
_CONTACT = re.compile(rb"Contact: <sip:alice@203\.0\.113\.1(?::(\d+))?>")
_MEDIA = re.compile(rb"c=IN IP4 (\S+)\r\n(?:.*\r\n)*?m=audio (\d+)")


class Network(NamedTuple):
    """The namespaces; each VRF's peer stands behind its own outside, or behind the one that they share."""

    gateway: Namespace
    phones: dict[str, Namespace]
    peers: dict[str, Namespace]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def network(stack: ExitStack, *, shared: bool) -> Network:
    """A machine whose routing tables are made of what every kernel has: rules by interface, a table for each VRF."""

    def namespace() -> Namespace:
        made = Namespace.make()
        stack.callback(made.remove)
        return made

    gateway = namespace()
    phones = {vrf: namespace() for vrf in VRFS}
    peers = dict.fromkeys(VRFS, namespace()) if shared else {vrf: namespace() for vrf in VRFS}
    for vrf in VRFS:
        outside = "out0" if shared else f"out-{vrf}"
        if vrf == "red" or not shared:
            attach(gateway, outside, f"{GATEWAY}/24", peers[vrf], f"{PEER}/24")
        attach(gateway, f"{vrf}0", "10.0.0.1/24", phones[vrf], f"{PHONE}/24")
        phones[vrf].run("ip", "route", "add", "default", "via", "10.0.0.1")
        table = str(TABLES[vrf])
        gateway.run("ip", "rule", "add", "iif", f"{vrf}0", "lookup", table)
        gateway.run("ip", "route", "del", "10.0.0.0/24", "dev", f"{vrf}0")
        gateway.run("ip", "route", "add", "10.0.0.0/24", "dev", f"{vrf}0", "table", table)
        gateway.run("ip", "route", "add", "203.0.113.0/24", "dev", outside, "table", table)
        if not shared:
            gateway.run("ip", "rule", "add", "iif", outside, "lookup", table)
    off = [f"net.ipv4.conf.{name}.rp_filter=0" for name in ("all", *interfaces(shared=shared))]
    gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1", *off)
    return Network(gateway, phones, peers)


def interfaces(*, shared: bool) -> list[str]:
    return ["red0", "blue0", *(["out0"] if shared else ["out-red", "out-blue"])]


def attach(gateway: Namespace, name: str, address: str, host: Namespace, at: str) -> None:
    here, _ = connect(gateway, address, host, at)
    gateway.run("ip", "link", "set", here, "down")
    gateway.run("ip", "link", "set", here, "name", name)
    gateway.run("ip", "link", "set", name, "up")


class Daemon:
    """`doorman run` in the gateway's namespace."""

    def __init__(self, gateway: Namespace, directory: Path, config: str) -> None:
        (directory / "gw.cfg").write_text(config)
        self._control = directory / "control"
        program = [sys.executable, "-m", "doorman", "run", str(directory / "gw.cfg"), "--keep-table"]
        places = ["--socket", str(self._control), "--state-dir", str(directory / "state")]
        with gateway.inside():
            self._process = subprocess.Popen([*program, *places], stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        for line in self._process.stderr or ():
            self.said.append(line)
            if line == "ready\n":
                break
        else:
            self.kill()
            pytest.fail("".join(self.said))

    def ask(self, *commands: str) -> str:
        """What commands show, and why they are refused."""
        connection = Connection(self._control, seconds=5)
        try:
            shown = ""
            for line in ("enable", *commands):
                for reply in connection.ask({"execute": line}):
                    shown += reply.get("text", "") + reply.get("error", "")
            return shown
        finally:
            connection.close()

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        self._process.kill()
        self._process.communicate(timeout=60)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=60)


@contextmanager
def serving(net: Network, directory: Path, config: str) -> Iterator[Daemon]:
    daemon = Daemon(net.gateway, directory, config)
    try:
        yield daemon
    finally:
        daemon.end()


def udp_socket(stack: ExitStack, where: Namespace, address: str, port: int) -> socket.socket:
    with where.inside():
        made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.bind((address, port))
    made.settimeout(5)
    return made


class Talk:
    """A phone and a peer of one VRF in a call, packet by packet."""

    def __init__(self, net: Network, vrf: str, stack: ExitStack, server: socket.socket, media: int) -> None:
        self.vrf = vrf
        self.server = server
        self._media = media
        phone, peer = net.phones[vrf], net.peers[vrf]
        self.phone = udp_socket(stack, phone, PHONE, 5060)
        self.ear = udp_socket(stack, phone, PHONE, 4000)
        self.mouth = udp_socket(stack, peer, PEER, media)
        self.name = ("", 0)
        """What the peer is told of where the phone hears."""
        self.signals_from = ("", 0)

    def invite(self) -> None:
        """The phone calls; the peer hears where from, and where its media are to go. All calls have one Call-ID."""
        self.phone.sendto(request(body=sdp()), (PEER, 5060))
        told, self.signals_from = self.server.recvfrom(4096)
        assert b"10.0.0.10" not in told
        contact, media = _CONTACT.search(told), _MEDIA.search(told)
        assert contact is not None
        assert media is not None
        assert int(contact[1] or 5060) == self.signals_from[1]
        self.name = media[1].decode(), int(media[2])
        self._told = told

    def accept(self) -> None:
        """The peer answers, and the phone hears it as if nobody were between."""
        self.server.sendto(_answered(self._told, sdp(PEER, self._media)), self.signals_from)
        heard = self.phone.recv(4096)
        assert heard.startswith(b"SIP/2.0 200")
        assert f"m=audio {self._media}".encode() in heard

    def hear(self) -> None:
        """Media go both ways: to this phone, and from the name that was told."""
        said = f"for {self.vrf}".encode()
        self.mouth.sendto(said, self.name)
        assert self.ear.recvfrom(2048) == (said, (PEER, self._media))
        self.ear.sendto(said, (PEER, self._media))
        assert self.mouth.recvfrom(2048) == (said, self.name)

    def hang_up(self) -> None:
        """The peer ends the call."""
        self.server.sendto(_bye(self._told), self.signals_from)
        assert self.phone.recv(4096).startswith(b"BYE sip:alice@10.0.0.10:5060 ")


def _header(message: bytes, name: bytes) -> bytes:
    return next(line for line in message.split(b"\r\n") if line.startswith(name + b":"))


def _answered(invite: bytes, body: str) -> bytes:
    names = (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
    kept = [_header(invite, name) + (b";tag=b" if name == b"To" else b"") for name in names]
    content = body.replace("\n", "\r\n").encode() + b"\r\n"
    extra = [f"Contact: <sip:bob@{PEER}:5060>".encode(), b"Content-Type: application/sdp"]
    length = f"Content-Length: {len(content)}".encode()
    return b"\r\n".join([b"SIP/2.0 200 OK", *kept, *extra, length, b"", content])


def _bye(invite: bytes) -> bytes:
    contact = _header(invite, b"Contact").partition(b"<")[2].rstrip(b">")
    lines = [
        b"BYE " + contact + b" SIP/2.0",
        f"Via: SIP/2.0/UDP {PEER}:5060;branch=z9hG4bKbye".encode(),
        _header(invite, b"To").replace(b"To", b"From", 1) + b";tag=b",
        _header(invite, b"From").replace(b"From", b"To", 1),
        _header(invite, b"Call-ID"),
        b"CSeq: 9 BYE",
        b"Content-Length: 0",
    ]
    return b"\r\n".join([*lines, b"", b""])


def talks(net: Network, stack: ExitStack) -> list[Talk]:
    """One in each VRF, from one address and port to one address and port."""
    servers: dict[str, socket.socket] = {}
    made = []
    for index, vrf in enumerate(VRFS):
        place = net.peers[vrf].name
        if place not in servers:
            servers[place] = udp_socket(stack, net.peers[vrf], PEER, 5060)
        media = 6000 + 2 * index if net.peers["red"] == net.peers["blue"] else 6000
        made.append(Talk(net, vrf, stack, servers[place], media))
    return made


def test_calls_of_one_address_in_each_vrf_behind_one_outside(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    daemon = Daemon(net.gateway, tmp_path, OVERLOAD)
    stack.callback(daemon.end)
    both = talks(net, stack)
    for step in (Talk.invite, Talk.accept, Talk.hear):
        for talk in both:
            step(talk)
    assert both[0].name != both[1].name
    assert both[0].signals_from != both[1].signals_from
    for talk in both:
        shown = daemon.ask(f"show alg sip calls vrf {talk.vrf}")
        assert shown.count("confirmed") == 1
        assert f"{PEER}:{talk.mouth.getsockname()[1]}" in shown
        assert f"{talk.name[0]}:{talk.name[1]}" in daemon.ask(f"show ip nat translations vrf {talk.vrf}")
    assert daemon.ask("show alg sip calls").count("confirmed") == 2

    daemon.kill()  # and go on where it was
    for talk in both:
        talk.hear()
    daemon = Daemon(net.gateway, tmp_path, OVERLOAD)
    stack.callback(daemon.end)
    for talk in both:
        talk.hear()
        assert daemon.ask(f"show alg sip calls vrf {talk.vrf}").count("confirmed") == 1
    both[0].hang_up()
    assert daemon.ask("show alg sip calls vrf red").count("confirmed") == 0
    assert daemon.ask("show alg sip calls vrf blue").count("confirmed") == 1
    both[1].hear()
    assert is_refused(both[1].ear), "an ICMP error about a name of ours"
    both[1].hang_up()
    assert daemon.ask("show alg sip calls").count("confirmed") == 0


def is_refused(phone: socket.socket) -> bool:
    """Whether a phone hears by ICMP that nobody is at a port of the peer."""
    phone.connect((PEER, 6999))
    phone.send(b"anybody there?")
    try:
        phone.recv(2048)
    except ConnectionRefusedError:
        return True
    return False


def test_calls_of_one_address_in_each_vrf_with_an_outside_of_its_own(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=False)
    with serving(net, tmp_path, OWN_OUTSIDES):
        both = talks(net, stack)
        for step in (Talk.invite, Talk.accept, Talk.hear, Talk.hang_up):
            for talk in both:
                step(talk)
        assert both[0].name == both[1].name == (GATEWAY, 4000)


def test_everything_else_of_two_vrfs_behind_one_outside(stack: ExitStack, tmp_path: Path) -> None:
    """Ordinary flows, static entrances, signalling over TCP, and what operators show and clear."""
    statics = "".join(
        f"ip nat inside source static udp {PHONE} 7000 interface out0 1700{index} vrf {vrf}\n"
        for index, vrf in enumerate(VRFS)
    )
    net = network(stack, shared=True)
    with serving(net, tmp_path, OVERLOAD + statics) as daemon:
        server = udp_socket(stack, net.peers["red"], PEER, 9000)
        seen = {}
        for vrf in VRFS:
            host = udp_socket(stack, net.phones[vrf], PHONE, 8000)
            host.sendto(vrf.encode(), (PEER, 9000))
            said, seen[vrf] = server.recvfrom(2048)
            server.sendto(b"back to " + said, seen[vrf])
            assert host.recv(2048) == f"back to {vrf}".encode()
            assert is_refused(host)
        assert seen["red"] != seen["blue"]
        for index, vrf in enumerate(VRFS):
            host = udp_socket(stack, net.phones[vrf], PHONE, 7000)
            server.sendto(vrf.encode(), (GATEWAY, 17000 + index))
            said, sender = host.recvfrom(2048)
            assert (said, sender) == (vrf.encode(), (PEER, 9000))
            host.sendto(b"answer", sender)
            assert server.recvfrom(2048) == (b"answer", (GATEWAY, 17000 + index))
        _connect(net, stack)
        assert "17000" in daemon.ask("show ip nat translations vrf red")
        assert "17000" not in daemon.ask("show ip nat translations vrf blue")
        daemon.ask("clear ip nat translation * vrf red")
        assert f"{PEER}:9000" not in daemon.ask("show ip nat translations vrf red")
        assert f"{PEER}:9000" in daemon.ask("show ip nat translations vrf blue")
        more = f"ip nat inside source static udp {PHONE} 7001 {GATEWAY} 17009 vrf blue"
        assert "%" not in daemon.ask("configure terminal", more, "end")
        host = udp_socket(stack, net.phones["blue"], PHONE, 7001)
        server.sendto(b"now", (GATEWAY, 17009))
        assert host.recv(2048) == b"now"
        assert "out0" not in daemon.ask("show vrf")
        assert "red0" in daemon.ask("show vrf red")


def test_a_vrf_comes_and_goes_while_another_is_in_a_call(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    with serving(net, tmp_path, OVERLOAD) as daemon:
        red, blue = talks(net, stack)
        for talk in (red, blue):
            talk.invite()
            talk.accept()
        assert "%" not in daemon.ask("configure terminal", "interface red0", "no ip nat inside", "end")
        blue.hear()
        eventually(lambda: "doorman.red" not in net.gateway.run("nft", "list", "tables"), "the table is still there")
        assert "%" not in daemon.ask("configure terminal", "interface red0", "ip nat inside", "end")
        assert "10.0.0.10" not in daemon.ask("show ip nat translations vrf red")
        blue.hear()
        red.invite()
        red.accept()
        red.hear()
        for talk in (red, blue):
            assert daemon.ask(f"show alg sip calls vrf {talk.vrf}").count("confirmed") == 1


def test_signalling_over_tcp_without_a_proxy(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    with serving(net, tmp_path, OVERLOAD + "ip nat service sip tcp mode vtcp\n"):
        _connect(net, stack)


def test_a_transfer_of_one_address_in_each_vrf(stack: ExitStack, tmp_path: Path) -> None:
    """Active FTP: the server calls back each client where it was told to, to one port of one address inside."""
    net = network(stack, shared=True)
    with serving(net, tmp_path, OVERLOAD):
        server = listening(stack, net.peers["red"], PEER, 21)
        told = {}
        for vrf in VRFS:
            data = listening(stack, net.phones[vrf], PHONE, 50000)
            control, client = _control(net, vrf, stack, server)
            client.sendall(b"PORT 10,0,0,10,195,80\r\n")
            *address, high, low = control.recv(200).removeprefix(b"PORT ").strip().split(b",")
            assert address == [b"203", b"0", b"113", b"1"]
            control.sendall(b"200 ok\r\n")
            assert client.recv(200) == b"200 ok\r\n"
            told[vrf] = data, int(high) * 256 + int(low)
        for vrf, (data, port) in told.items():
            with net.peers[vrf].inside():
                sent = stack.enter_context(socket.create_connection((GATEWAY, port), 5, (PEER, 0)))
            sent.sendall(vrf.encode())
            came, _ = data.accept()
            stack.enter_context(came)
            came.settimeout(5)
            assert came.recv(200) == vrf.encode()


def _control(net: Network, vrf: str, stack: ExitStack, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Both ends of a control connection from port 40000."""
    with net.phones[vrf].inside():
        client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    client.bind((PHONE, 40000))
    client.settimeout(5)
    client.connect((PEER, 21))
    control, _ = server.accept()
    stack.enter_context(control)
    control.settimeout(5)
    control.sendall(b"220 ready\r\n")
    assert client.recv(200) == b"220 ready\r\n"
    return control, client


def listening(stack: ExitStack, where: Namespace, address: str, port: int) -> socket.socket:
    with where.inside():
        made = stack.enter_context(socket.create_server((address, port)))
    made.settimeout(5)
    return made


def test_signalling_while_the_gateway_is_gone_and_a_vrf_that_is_no_more(stack: ExitStack, tmp_path: Path) -> None:
    net = network(stack, shared=True)
    daemon = Daemon(net.gateway, tmp_path, OVERLOAD)
    both = talks(net, stack)
    both[0].invite()
    daemon.kill()
    for talk in both:  # the first has a name, the second gets one of the kernel's
        talk.phone.sendto(b"OPTIONS sip:nobody SIP/2.0\r\n\r\n", (PEER, 5060))
        said, sender = talk.server.recvfrom(2048)
        assert said.startswith(b"OPTIONS")
        talk.server.sendto(b"SIP/2.0 200 OK\r\n\r\n", sender)
        assert talk.phone.recv(2048).startswith(b"SIP/2.0 200")
    assert "table ip doorman.blue" in net.gateway.run("nft", "list", "tables")
    only_red = "\n".join(line for line in OVERLOAD.splitlines() if "vrf blue" not in line)
    with serving(net, tmp_path, f"{only_red}\nno interface blue0\n"):
        tables = net.gateway.run("nft", "list", "tables")
        assert "table ip doorman.red" in tables
        assert "doorman.blue" not in tables


def _connect(net: Network, stack: ExitStack) -> None:
    """A connection from the same port in each VRF, with a message each way."""
    listener = listening(stack, net.peers["red"], PEER, 5060)
    names = set()
    for vrf in VRFS:
        with net.phones[vrf].inside():
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        client.bind((PHONE, 30000))
        client.settimeout(5)
        client.connect((PEER, 5060))
        server, name = listener.accept()
        stack.enter_context(server)
        server.settimeout(5)
        names.add(name)
        client.sendall(request("OPTIONS", call_id=vrf).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))
        told = server.recv(4096)
        assert b"10.0.0.10" not in told
        server.sendall(_answered(told, "v=0"))
        assert b"10.0.0.10" in client.recv(4096)
    assert len(names) == len(VRFS)
