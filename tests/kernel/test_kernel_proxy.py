"""The proxy in a kernel: three network namespaces, real TCP, and each end sees the addresses it would see without it.

client 10.0.0.10, .11  ──  10.0.0.1  gateway  203.0.113.1  ──  server 203.0.113.20, .21
"""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop

from doorman.algs.api import Refused
from doorman.config.reader import read_config
from doorman.daemon.proxy import Settings
from doorman.daemon.sockets import listen
from doorman.dataplanes.netfilter.chains.access import counter_of
from doorman.dataplanes.netfilter.chains.expressions import Setting
from doorman.dataplanes.netfilter.marks import PROXIED
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.engine.connections import Connection
from doorman.engine.inspection import Inspection
from doorman.net.addresses import Endpoint
from kit.namespaces import Namespace
from kit.proxy import LiveGateway, Running, break_off, is_reset, read_all, read_until, resident
from kit.sip import INTERFACES, answer, incoming, request, sdp
from kit.waiting import DEADLINE, until

PHONE, OTHER_PHONE, GATEWAY, SERVER = "10.0.0.10", "10.0.0.11", "203.0.113.1", "203.0.113.20"
POOLED = "203.0.113.100"
OTHER_SERVER = "203.0.113.21"
PORTS = range(15_060, 15_070)
OVERLOAD = INTERFACES + "ip nat inside source list 1 interface out0 overload\n"
CONFIG = (
    OVERLOAD
    + "ip nat inside source static tcp 10.0.0.10 5060 interface out0 5060\n"
    + f"ip nat inside source static 10.0.0.11 {POOLED}\n"
)
NEITHER = b"HELO there\r\n"
REGISTER = request("REGISTER").replace(b"10.0.0.10:5060", b"10.0.0.10:40000")


class KernelGateway(LiveGateway):
    """An engine for a proxy, whose table is in the kernel; made in the namespace where the proxy runs."""

    def __init__(self, config: str) -> None:
        super().__init__(config)
        self.config = read_config(config, "test.cfg")
        self.plane: NetfilterPlane

    def start(self, port: int) -> None:
        self.plane = NetfilterPlane(Setting("doorman", 5060, port, timeouts=True))
        self.synchronise()

    def synchronise(self) -> None:
        state = self.engine.state
        self.plane.synchronise(self.config, state.bindings, state.doors.everyone(), self.now())
        self.engine.take_changes()

    def origin(self, receiver: Endpoint, sender: Endpoint) -> tuple[Endpoint, Endpoint]:
        found = self.plane.origin(receiver, sender)
        if found is None:
            raise Refused("not-redirected")
        return found

    def translate_leg(self, port: int, connection: Connection) -> None:
        self.plane.translate_leg(port, connection.source, connection.target)

    def commit(self, inspections: tuple[Inspection, ...]) -> bool:
        self.plane.commit(self.engine.take_changes(), self.now())
        return super().commit(inspections)


class Lab(NamedTuple):
    """Three namespaces: phones, the gateway, a server."""

    client: Namespace
    gateway: Namespace
    server: Namespace

    def up(self) -> None:
        self._wire("in0", self.client, "10.0.0.1/24", [f"{PHONE}/24", f"{OTHER_PHONE}/24"])
        self._wire("out0", self.server, "203.0.113.1/24", [f"{SERVER}/24", f"{OTHER_SERVER}/24"])
        self.client.run("ip", "route", "add", "default", "via", "10.0.0.1")
        self.server.run("ip", "route", "add", POOLED, "via", "203.0.113.1")
        self.gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1")

    def _wire(self, name: str, far: Namespace, near: str, addresses: list[str]) -> None:
        self.gateway.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", far.name)
        self.gateway.run("ip", "address", "add", near, "dev", name)
        self.gateway.run("ip", "link", "set", name, "up")
        for address in addresses:
            far.run("ip", "address", "add", address, "dev", "eth0")
        far.run("ip", "link", "set", "eth0", "up")


@pytest.fixture(scope="module")
def lab(root: None) -> Iterator[Lab]:  # noqa: ARG001 - its check
    made: list[Namespace] = []
    try:
        made += [Namespace.make() for _ in range(3)]
        lab = Lab(*made)
        lab.up()
        yield lab
    finally:
        for namespace in made:
            namespace.remove()


class World:
    """A proxy in the lab's gateway, and sockets at both ends."""

    def __init__(self, lab: Lab, running: Running, gateway: KernelGateway) -> None:
        self.lab = lab
        self.running = running
        self.gateway = gateway
        self.sockets: list[socket.socket] = []

    def listen(self, where: Namespace, address: str, port: int = 5060) -> socket.socket:
        with where.inside():
            made = socket.create_server((address, port))
        made.settimeout(DEADLINE)
        self.sockets.append(made)
        return made

    def call(self, where: Namespace, target: tuple[str, int], source: tuple[str, int] = ("", 0)) -> socket.socket:
        with where.inside():
            made = socket.socket()
        made.settimeout(DEADLINE)
        self.sockets.append(made)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(source)
        made.connect(target)
        return made

    def accept(self, listener: socket.socket) -> socket.socket:
        made, _ = listener.accept()
        made.settimeout(DEADLINE)
        self.sockets.append(made)
        return made

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """The phone calls the server."""
        listener = self.listen(self.lab.server, SERVER)
        client = self.call(self.lab.client, (SERVER, 5060))
        server = self.accept(listener)
        listener.close()
        return client, server

    def is_over(self) -> bool:
        return self.running.traffic.open == 0 and len(self.gateway.engine.state.sessions) == 0

    def exact_close(self) -> None:
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                break_off(sock)


@pytest.fixture
def world(lab: Lab) -> Iterator[World]:
    gateway = KernelGateway(CONFIG)
    running = Running(
        gateway,
        lambda: listen(PORTS),
        settings=Settings(connect_seconds=1.0, mark=PROXIED),
        new_loop=uvloop.new_event_loop,
        inside=lab.gateway.inside(),
    )
    with running, lab.gateway.inside():
        gateway.start(running.name[1])
        made = World(lab, running, gateway)
        yield made
        made.exact_close()
        running.end()
        gateway.plane.close(remove=True)


def test_from_inside_both_ends_see_the_right_addresses(world: World) -> None:
    listener = world.listen(world.lab.server, SERVER)
    client = world.call(world.lab.client, (SERVER, 5060), (PHONE, 40_000))
    server = world.accept(listener)
    assert server.getpeername() == (GATEWAY, 40_000)
    assert client.getpeername() == (SERVER, 5060)
    client.sendall(REGISTER)
    assert b"Contact: <sip:alice@203.0.113.1:40000>" in read_until(server, b"\r\n\r\n")
    server.sendall(answer(method="REGISTER"))
    assert b"From: <sip:alice@10.0.0.10>" in read_until(client, b"\r\n\r\n")


def test_access_lists_judge_what_the_proxy_sends_in_the_name_of_others(world: World) -> None:
    lists = (
        "interface in0\n ip access-group TO-PHONES out\ninterface out0\n ip access-group TO-WORLD out\n"
        f"ip access-list extended TO-PHONES\n permit tcp host {SERVER} eq 5060 host {PHONE} eq 40000\n"
        f"ip access-list extended TO-WORLD\n permit tcp host {GATEWAY} eq 40000 host {SERVER} eq 5060\n"
    )
    world.gateway.config = read_config(CONFIG + lists, "test.cfg")
    world.gateway.synchronise()
    listener = world.listen(world.lab.server, SERVER)
    client = world.call(world.lab.client, (SERVER, 5060), (PHONE, 40_000))
    server = world.accept(listener)
    client.sendall(REGISTER)
    assert read_until(server, b"\r\n\r\n")
    counts = world.gateway.plane.counts()
    for name, listed in world.gateway.config.lists.items():
        if name != "1":
            [entry] = listed.entries
            assert counts[counter_of(name, entry)].packets >= 2
            assert counts[counter_of(name, None)].packets == 0


def test_from_outside_too_by_a_static_port(world: World) -> None:
    listener = world.listen(world.lab.client, PHONE)
    caller = world.call(world.lab.server, (GATEWAY, 5060), (SERVER, 7_000))
    phone = world.accept(listener)
    assert phone.getpeername() == (SERVER, 7_000)
    assert phone.getsockname() == (PHONE, 5060)
    caller.sendall(incoming("OPTIONS"))
    assert read_until(phone, b"\r\n\r\n").startswith(b"OPTIONS sip:alice@10.0.0.10:5060 ")


def test_by_a_global_address_that_no_interface_has(world: World) -> None:
    listener = world.listen(world.lab.client, OTHER_PHONE)
    world.call(world.lab.server, (POOLED, 5060), (SERVER, 5060))
    phone = world.accept(listener)
    assert phone.getpeername() == (SERVER, 5060)
    back = world.listen(world.lab.server, SERVER, 5060)
    world.call(world.lab.client, (SERVER, 5060), (OTHER_PHONE, 41_000))
    assert world.accept(back).getpeername() == (POOLED, 41_000)


def test_between_inside_hosts_by_a_global_name(world: World) -> None:
    listener = world.listen(world.lab.client, PHONE)
    caller = world.call(world.lab.client, (GATEWAY, 5060), (OTHER_PHONE, 42_000))
    phone = world.accept(listener)
    assert phone.getpeername() == (POOLED, 42_000)
    caller.sendall(NEITHER)
    assert phone.recv(100) == NEITHER


def test_by_the_door_of_a_registration(world: World) -> None:
    listener = world.listen(world.lab.server, SERVER)
    client = world.call(world.lab.client, (SERVER, 5060), (PHONE, 5060))
    client.sendall(request("REGISTER"))
    read_until(world.accept(listener), b"\r\n\r\n")
    assert [door.entrance.port for door in world.gateway.engine.state.doors if door.visitor is None]


def test_a_message_in_single_bytes_and_several_in_one_segment(world: World) -> None:
    client, server = world.pair()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    invite = request("INVITE", body=sdp())
    for byte in invite:
        client.send(bytes([byte]))
    seen = read_until(server, b"RTP/AVP 0\r\n")
    assert b"c=IN IP4 203.0.113.1\r\n" in seen
    client.sendall(REGISTER + b"\r\n\r\n" + invite + REGISTER)
    client.shutdown(socket.SHUT_WR)
    seen = read_all(server)
    assert (seen.count(b"REGISTER sip"), seen.count(b"INVITE sip")) == (2, 1)
    assert b"10.0.0.10" not in seen


def test_what_is_not_sip_passes(world: World) -> None:
    client, server = world.pair()
    client.sendall(b"GET / HTTP/1.1\r\n\r\n" + REGISTER)
    assert read_until(server, REGISTER).startswith(b"GET")
    assert world.gateway.engine.state.notes == {"not-sip": 1}


def test_half_a_close_either_way(world: World) -> None:
    for first in (0, 1):
        ends = world.pair()
        ends[first].sendall(NEITHER)
        ends[first].shutdown(socket.SHUT_WR)
        assert read_all(ends[1 - first]) == NEITHER
        ends[1 - first].sendall(NEITHER * 100_000)
        ends[1 - first].close()
        assert read_all(ends[first]) == NEITHER * 100_000
    until(world.is_over)


def test_a_reset_either_way(world: World) -> None:
    for first in (0, 1):
        ends = world.pair()
        ends[0].sendall(NEITHER)
        assert ends[1].recv(100) == NEITHER
        break_off(ends[first])
        assert is_reset(ends[1 - first])
    until(world.is_over)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (SERVER, "connection-refused"),
        ("203.0.113.77", "connect-timeout"),
        ("192.0.2.1", "connect-enetunreach"),
    ],
)
def test_a_server_that_is_not_there(world: World, target: str, reason: str) -> None:
    assert turned_away(world, world.lab.client, target)
    until(world.is_over)
    assert world.running.traffic.refused[reason] == 1


def turned_away(world: World, where: Namespace, target: str) -> bool:
    try:
        return is_reset(world.call(where, (target, 5060)))
    except ConnectionResetError:
        return True


def test_who_comes_without_a_door_is_reset(world: World) -> None:
    world.gateway.engine = LiveGateway(OVERLOAD).engine
    assert turned_away(world, world.lab.server, GATEWAY)
    assert world.running.traffic.refused == {"no-translation": 1}
    world.listen(world.lab.server, SERVER)
    world.call(world.lab.client, (SERVER, 5060), (PHONE, 5060))
    until(lambda: len(world.gateway.engine.state.sessions) == 1)
    assert turned_away(world, world.lab.server, GATEWAY)
    assert world.running.traffic.refused["no-session-or-door"] == 1


def test_who_calls_the_gateway_itself_is_led_nowhere(world: World) -> None:
    with pytest.raises(ConnectionRefusedError):
        world.call(world.lab.client, ("10.0.0.1", 5060))
    assert world.running.traffic.accepted == 0


def test_nobody_reaches_the_port_of_the_proxy(world: World) -> None:
    for where, address in ((world.lab.client, "10.0.0.1"), (world.lab.server, GATEWAY), (world.lab.gateway, GATEWAY)):
        with where.inside():
            caller = socket.socket()
        caller.settimeout(0.2)
        with pytest.raises(TimeoutError), caller:
            caller.connect((address, world.running.name[1]))
    assert world.running.traffic.accepted == 0


def talk(world: World, listener: socket.socket, call: tuple[Namespace, str, tuple[str, int]], how: str) -> None:
    """One connection from a port that is used again: the server closes it, or the client breaks it off."""
    where, target, source = call
    client = world.call(where, (target, 5060), source)
    server = world.accept(listener)
    server.sendall(NEITHER)
    assert client.recv(100) == NEITHER
    if how == "closed":
        server.close()
        assert read_all(client) == b""
        client.close()
    else:
        break_off(client)
        assert is_reset(server)


again = pytest.mark.parametrize("how", ["closed", "broken off"])


@again
def test_a_phone_that_calls_again_from_the_same_port(world: World, how: str) -> None:
    listener = world.listen(world.lab.server, SERVER)
    for _ in range(20):
        talk(world, listener, (world.lab.client, SERVER, (PHONE, 45_000)), how)
    until(world.is_over)


@again
def test_a_server_that_calls_again_from_the_same_port(world: World, how: str) -> None:
    listener = world.listen(world.lab.client, PHONE)
    for _ in range(20):
        talk(world, listener, (world.lab.server, GATEWAY, (SERVER, 45_000)), how)
    until(world.is_over)


@again
def test_one_port_calls_two_servers_in_turn(world: World, how: str) -> None:
    listeners = {address: world.listen(world.lab.server, address) for address in (SERVER, OTHER_SERVER)}
    for number in range(6):
        address = (SERVER, OTHER_SERVER)[number % 2]
        talk(world, listeners[address], (world.lab.client, address, (PHONE, 46_000)), how)
    until(world.is_over)


def test_one_port_calls_two_servers_at_once(world: World) -> None:
    clients = []
    for address in (SERVER, OTHER_SERVER):
        listener = world.listen(world.lab.server, address)
        clients.append(world.call(world.lab.client, (address, 5060), (PHONE, 47_000)))
        server = world.accept(listener)
        assert server.getpeername() == (GATEWAY, 47_000)
        server.sendall(f"HELO {address}\r\n".encode())
    assert [client.recv(100).split()[1].decode() for client in clients] == [SERVER, OTHER_SERVER]


def test_a_connection_whose_flow_is_cut_is_reset_at_both_ends(world: World) -> None:
    world.gateway.engine.state.delegated = True
    client, server = world.pair()
    client.sendall(NEITHER)
    assert server.recv(100) == NEITHER
    for session in list(world.gateway.engine.state.sessions):
        world.gateway.engine.state.cut_session(session, world.gateway.now())
    world.gateway.commit(())
    world.running.sweep()
    assert is_reset(client)
    assert is_reset(server)


def test_a_table_made_anew_meanwhile_disturbs_nobody(world: World) -> None:
    client, server = world.pair()
    world.gateway.synchronise()
    client.sendall(NEITHER)
    assert server.recv(100) == NEITHER
    assert list(world.gateway.plane.flows()) == []


@pytest.mark.parametrize("policy", ["fail-open", "fail-closed"])
def test_without_a_redirect_new_connections_are_plain_nat_or_nothing(world: World, policy: str) -> None:
    world.gateway.config = read_config(CONFIG + f"ip nat service sip {policy}\n", "test.cfg")
    world.gateway.synchronise()
    client, server = world.pair()
    world.gateway.plane.end_redirect()
    listener = world.listen(world.lab.server, SERVER)
    if policy == "fail-open":
        world.call(world.lab.client, (SERVER, 5060))
        assert world.accept(listener).getpeername()[0] == GATEWAY
    else:
        with world.lab.client.inside():
            caller = socket.socket()
        caller.settimeout(0.2)
        with pytest.raises(TimeoutError), caller:
            caller.connect((SERVER, 5060))
    assert world.running.traffic.accepted == 1
    client.sendall(NEITHER)
    assert server.recv(100) == NEITHER, "a connection that is there goes on"


def test_who_reads_slowly_slows_down_who_sends(world: World) -> None:
    client, server = world.pair()
    client.sendall(NEITHER)
    assert server.recv(100) == NEITHER
    before, sent = resident(), 0
    client.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while sent < 100_000_000:
            sent += client.send(b"x" * 65_536)
    assert sent < 60_000_000
    assert resident() - before < 20_000_000
    threading.Thread(target=client.shutdown, args=(socket.SHUT_WR,)).start()
    got = 0
    while data := server.recv(1_000_000):
        got += len(data)
    assert got == sent


def sipp(where: Namespace, *arguments: str) -> subprocess.Popen[bytes]:
    command = ["ip", "netns", "exec", where.name, "sipp", "-t", "t1", "-nostdin", "-timeout", "20s", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/tmp")


def test_calls_of_a_real_phone(world: World) -> None:
    if shutil.which("sipp") is None:
        assert not os.environ.get("CI"), "CI lacks sipp"
        pytest.skip("needs sipp")
    server = sipp(world.lab.server, "-sn", "uas", "-i", SERVER, "-p", "5060", "-m", "50")
    try:
        until(lambda: listens(world.lab.server, 5060))
        how = ["-sn", "uac", "-i", PHONE, "-p", "43000", "-m", "50", "-r", "100", "-d", "50"]
        assert sipp(world.lab.client, *how, f"{SERVER}:5060").wait(30) == 0
    finally:
        server.kill()
        server.wait()
    kinds = world.gateway.engine.inspector.messages["sip"]
    assert (kinds["INVITE"], kinds["BYE"]) == (50, 50)
    assert world.gateway.engine.drops == {}


def listens(where: Namespace, port: int) -> bool:
    with where.inside():
        text = Path("/proc/thread-self/net/tcp").read_text(encoding="ascii")
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in text.splitlines()[1:])
