"""A machine with two VRFs that have the same addresses inside, `doorman run` on it, and hosts that talk through it.

red 10.0.0.10, blue 10.0.0.10      gateway 203.0.113.1, or one address in each VRF      peer 203.0.113.20
"""

import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from doorman.cli.shell.connection import Connection
from kit.namespaces import Namespace, connect
from kit.sip import request, sdp
from kit.waiting import DEADLINE

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

    def beside(self, stack: ExitStack, vrf: str, name: str, address: str, at: str) -> Namespace:
        """One more network of a VRF, by an interface of this name, with a host; ADDRESS/LENGTH of each."""
        host = self._one_more(stack, name, address, at)
        self.gateway.run("ip", "rule", "add", "iif", name, "lookup", str(TABLES[vrf]))
        self._lead(name, at, TABLES[vrf])
        return host

    def second_outside(self, stack: ExitStack, name: str, address: str, at: str) -> Namespace:
        """One more outside that all share, and its peer."""
        peer = self._one_more(stack, name, address, at)
        for table in TABLES.values():
            self._lead(name, at, table)
        return peer

    def _one_more(self, stack: ExitStack, name: str, address: str, at: str) -> Namespace:
        host = Namespace.make()
        stack.callback(host.remove)
        attach(self.gateway, name, address, host, at)
        host.run("ip", "route", "add", "default", "via", address.partition("/")[0])
        self.gateway.run("sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter=0")
        return host

    def _lead(self, name: str, at: str, table: int) -> None:
        self.gateway.run("ip", "route", "add", at.partition("/")[0], "dev", name, "table", str(table))


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

    def __init__(
        self, gateway: Namespace, directory: Path, config: str, *, kept: bool = True, table: str = "doorman"
    ) -> None:
        (directory / "gw.cfg").write_text(config)
        self._control = directory / "control"
        program = [
            sys.executable,
            "-m",
            "doorman",
            "run",
            str(directory / "gw.cfg"),
            *(["--keep-table"] if kept else []),
        ]
        places = ["--socket", str(self._control), "--state-dir", str(directory / "state"), "--table", table]
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
def serving(net: Network, directory: Path, config: str, *, kept: bool = True) -> Iterator[Daemon]:
    daemon = Daemon(net.gateway, directory, config, kept=kept)
    try:
        yield daemon
    finally:
        daemon.end()


def udp_socket(stack: ExitStack, where: Namespace, address: str, port: int) -> socket.socket:
    with where.inside():
        made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.bind((address, port))
    made.settimeout(DEADLINE)
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
        self.server.sendto(answered(self._told, sdp(PEER, self._media)), self.signals_from)
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


def answered(invite: bytes, body: str) -> bytes:
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


def is_refused(phone: socket.socket) -> bool:
    """Whether a phone hears by ICMP that nobody is at a port of the peer."""
    phone.connect((PEER, 6999))
    phone.send(b"anybody there?")
    try:
        phone.recv(2048)
    except ConnectionRefusedError:
        return True
    return False


def listening(stack: ExitStack, where: Namespace, address: str, port: int) -> socket.socket:
    with where.inside():
        made = stack.enter_context(socket.create_server((address, port)))
    made.settimeout(DEADLINE)
    return made


def ping(where: Namespace, address: str) -> None:
    """Ask a host for an echo, and hear it.

    Raises:
        TimeoutError: none comes.
    """
    query = struct.pack("!BBHHH", 8, 0, 0xFFFF - 0x0800 - 7 - 1, 7, 1)
    with where.inside(), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as own:
        own.settimeout(DEADLINE)
        own.sendto(query, (address, 0))
        while own.recv(2048)[20] != 0:  # what others send comes here, too
            pass
