"""The proxy's two legs on the loopback interface: whatever one end does, the other end sees."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import uvloop

from doorman.daemon.proxy import Settings
from doorman.engine.connections import End
from doorman.engine.results import Side
from kit.proxy import Impostor, Running, break_off, is_reset, read_all, read_until, resident
from kit.sip import OVERLOAD, request, sdp, sip
from kit.waiting import DEADLINE, until

INVITE = request("INVITE", body=sdp())
REGISTER = request("REGISTER", call_id="two")
NEITHER = b"HELO there\r\n"
BAD = sip("BYE sip:x SIP/2.0", "l: 3", "Content-Length: 3", length=None) + b"abc"
LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [uvloop.new_event_loop, asyncio.new_event_loop]


def listener() -> socket.socket:
    made = socket.create_server(("127.0.0.1", 0), backlog=512)
    made.settimeout(0)
    return made


class World:
    """A server, a proxy before it, and clients. `accept` gives the server's end of the next connection."""

    def __init__(self, new_loop: Callable[[], asyncio.AbstractEventLoop], settings: Settings) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(DEADLINE)
        self.gateway = Impostor(OVERLOAD, self.server.getsockname())
        self.running = Running(self.gateway, listener, settings=settings, new_loop=new_loop)
        self.sockets = [self.server]

    def client(self) -> socket.socket:
        made = socket.create_connection(self.running.name, timeout=DEADLINE)
        self.sockets.append(made)
        return made

    def turns_away(self) -> bool:
        """Whether the next client is reset: some before they can say a word."""
        try:
            return is_reset(self.client())
        except ConnectionResetError:
            return True

    def accept(self) -> socket.socket:
        made, _ = self.server.accept()
        made.settimeout(DEADLINE)
        self.sockets.append(made)
        return made

    def pair(self) -> tuple[socket.socket, socket.socket]:
        client = self.client()
        return client, self.accept()

    def refused(self, reason: str) -> int:
        return self.running.traffic.refused[reason]

    def is_over(self) -> bool:
        return self.running.traffic.open == 0 and len(self.gateway.engine.state.sessions) == 0


@contextlib.contextmanager
def a_world(
    new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    settings: Settings = Settings(),  # noqa: B008 - a value that cannot change
) -> Iterator[World]:
    world = World(new_loop, settings)
    with world.running:
        yield world
        for sock in world.sockets:
            sock.close()


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with a_world(request.param) as made:
        yield made


def test_messages_go_through_translated_and_are_committed_first(world: World) -> None:
    client, server = world.pair()
    for byte in INVITE:
        client.send(bytes([byte]))
    seen = read_until(server, b"RTP/AVP 0\r\n")
    assert b"c=IN IP4 203.0.113.1\r\n" in seen
    assert [look.outcome.name for looks in world.gateway.committed for look in looks] == ["INVITE"]
    server.send(b"\r\n")
    assert client.recv(10) == b"\r\n"
    assert world.running.traffic.bytes == [len(INVITE), 2]


def test_several_messages_in_one_segment_stay_in_order(world: World) -> None:
    client, server = world.pair()
    client.sendall(b"\r\n\r\n" + REGISTER + INVITE + b"\r\n" + REGISTER)
    client.shutdown(socket.SHUT_WR)
    seen = read_all(server)
    assert [seen.count(word) for word in (b"REGISTER sip", b"INVITE sip")] == [2, 1]
    assert seen.startswith(b"\r\n\r\nREGISTER")
    assert b"10.0.0.10" not in seen


def test_what_the_server_says_first_arrives(world: World) -> None:
    client, server = world.pair()
    server.sendall(b"220 hello\r\n")
    assert client.recv(100) == b"220 hello\r\n"


def test_what_the_client_says_before_the_server_is_there_arrives(world: World) -> None:
    client = world.client()
    client.sendall(NEITHER)
    assert world.accept().recv(100) == NEITHER


def test_half_a_close_is_passed_on_and_the_other_half_stays_open(world: World) -> None:
    client, server = world.pair()
    client.sendall(NEITHER)
    client.shutdown(socket.SHUT_WR)
    assert read_all(server) == NEITHER
    server.sendall(b"a late answer\r\n" * 20_000)
    server.close()
    assert read_all(client) == b"a late answer\r\n" * 20_000
    until(world.is_over)
    assert world.running.traffic.refused == {}


def test_the_server_may_end_first(world: World) -> None:
    client, server = world.pair()
    server.sendall(NEITHER)
    server.shutdown(socket.SHUT_WR)
    assert read_all(client) == NEITHER
    client.sendall(NEITHER)
    client.close()
    assert read_all(server) == NEITHER
    until(world.is_over)


def test_a_reset_is_passed_on(world: World) -> None:
    for first in (0, 1):
        ends = world.pair()
        ends[0].sendall(NEITHER)
        assert ends[1].recv(100) == NEITHER
        break_off(ends[first])
        assert is_reset(ends[1 - first])
    until(world.is_over)


def test_a_client_whose_server_refuses_is_reset(world: World) -> None:
    world.server.close()
    assert world.turns_away()
    until(world.is_over)
    assert world.refused("connection-refused") == 1


def test_a_client_that_may_not_pass_is_reset(world: World) -> None:
    world.gateway.refusal = "no-session-or-door"
    assert world.turns_away()
    until(world.is_over)
    assert world.refused("no-session-or-door") == 1


def test_nobody_waits_for_a_server_for_ever() -> None:
    with a_world(settings=Settings(connect_seconds=0.05)) as world:
        world.server.close()
        deaf = socket.socket()
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(deaf.getsockname())
        world.gateway.target = deaf.getsockname()
        world.sockets += [deaf, *fillers]
        assert world.turns_away()
        until(world.is_over)
        assert world.refused("connect-timeout") == 1


def test_a_message_that_cannot_be_committed_does_not_go_on_and_the_rest_does(world: World) -> None:
    client, server = world.pair()
    world.gateway.follows = False
    client.sendall(b"\r\n" + INVITE)
    assert server.recv(100) == b"\r\n"
    until(lambda: world.running.traffic.uncommitted == 1)
    world.gateway.follows = True
    client.sendall(REGISTER)
    assert server.recv(8) == b"REGISTER"


def test_a_message_without_an_end_resets_its_sender_and_what_was_whole_is_sent(world: World) -> None:
    client, server = world.pair()
    client.sendall(REGISTER + BAD)
    assert is_reset(client)
    assert read_all(server).startswith(b"REGISTER")
    until(world.is_over)
    assert world.refused("no-message-end") == 1


def test_a_connection_that_the_engine_ended_is_broken_off(world: World) -> None:
    client, server = world.pair()
    client.sendall(NEITHER)
    assert server.recv(100) == NEITHER
    engine = world.gateway.engine
    engine.state.end_session(world.gateway.connections[0].sessions[0], 0.0)
    world.running.sweep()
    assert is_reset(client)
    assert is_reset(server)
    until(world.is_over)
    assert world.refused("not-alive") == 1


def test_whatever_goes_wrong_inside_only_that_connection_suffers(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = world.pair()
    other, _ = world.pair()
    monkeypatch.setattr(world.gateway, "commit", lambda _: 1 // 0)
    client.sendall(INVITE)
    assert is_reset(client)
    assert is_reset(server)
    assert world.refused("internal-error") == 1
    assert world.turns_away()
    monkeypatch.undo()
    other.sendall(NEITHER)
    assert "ZeroDivisionError" in caplog.text


def test_there_are_no_more_connections_than_allowed() -> None:
    with a_world(settings=Settings(connections=3, per_host=2)) as world:
        first, _ = world.pair()
        world.pair()
        assert world.turns_away()
        assert world.refused("too-many-connections-of-host") == 1
        break_off(first)
        until(lambda: world.running.traffic.open == 1)
        world.pair()


def test_the_outside_leaves_connections_for_the_inside() -> None:
    with a_world(settings=Settings(connections=4)) as world:
        world.gateway.side = Side.OUTSIDE
        first, _ = world.pair()
        world.pair()
        assert world.turns_away()
        assert world.refused("too-many-connections-from-outside") == 1
        world.gateway.side = Side.INSIDE
        world.pair()
        world.gateway.side = Side.OUTSIDE
        break_off(first)
        until(lambda: world.running.traffic.open == 2)
        world.pair()
        world.gateway.side = Side.INSIDE
        world.pair()
        assert world.turns_away()
        assert world.refused("too-many-connections") == 1


def test_connections_leave_files_for_the_rest_of_the_gateway() -> None:
    usual = Settings()
    assert usual.within(usual.files) == usual
    assert usual.within(1_000_000) == usual
    few = usual.within(1_024)
    assert few.files <= 1_024
    assert (few.connections, few.per_host) == (448, 224)
    assert usual.within(0)[:2] == (1, 1)


def test_the_proxy_does_not_call_itself(world: World) -> None:
    world.gateway.target = world.running.name
    assert world.turns_away()
    assert world.refused("not-redirected") == 1


def test_who_reads_slowly_slows_down_who_sends_and_not_the_memory() -> None:
    with a_world(settings=Settings(waiting=65_536)) as world:
        client, server = world.pair()
        client.sendall(NEITHER)
        assert server.recv(100) == NEITHER
        before, chunk, sent = resident(), b"x" * 65_536, 0
        client.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            while sent < 100_000_000:
                sent += client.send(chunk)
        assert sent < 40_000_000, "it took all of it"
        assert resident() - before < 20_000_000
        got = 0
        thread = threading.Thread(target=client.shutdown, args=(socket.SHUT_WR,))
        thread.start()
        while data := server.recv(1_000_000):
            got += len(data)
        thread.join()
        assert got == sent
        assert world.running.traffic.bytes[End.CLIENT] == sent + len(NEITHER)
        assert read_or_nothing(client) == b""


def read_or_nothing(sock: socket.socket) -> bytes:
    try:
        return sock.recv(1)
    except TimeoutError:
        return b""


def test_a_proxy_that_closes_breaks_off_what_is_open() -> None:
    with a_world() as world:
        client, server = world.pair()
        client.sendall(NEITHER)
        assert server.recv(100) == NEITHER
        world.running.end()
        assert is_reset(client)
        assert is_reset(server)


def test_clients_that_come_and_go_in_a_hurry_leave_nothing(world: World) -> None:
    for _ in range(100):
        client = socket.create_connection(world.running.name, timeout=DEADLINE)
        client.send(b"H")
        break_off(client)
    until(lambda: world.running.traffic.accepted == 100)
    until(world.is_over)
    assert world.refused("internal-error") == 0
