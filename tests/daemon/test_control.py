"""The control socket: real Unix sockets and both event loops; what a client may do to the gateway, which is nothing."""

import asyncio
import json
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from doorman.cli.shell.session import ShellSession
from doorman.daemon import control, control_session
from doorman.daemon.control import ControlServer
from doorman.daemon.control_socket import Access, SocketInUse
from kit.shell import FakeGateway

Reply = dict[str, Any]
Run = Callable[[Awaitable[None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a scenario in an event loop, with a deadline."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:

        async def within_a_minute(scenario: Awaitable[None]) -> None:
            async with asyncio.timeout(60):
                await scenario

        yield lambda scenario: runner.run(within_a_minute(scenario))


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path / "gateway.cfg")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "doorman.sock"


@asynccontextmanager
async def serving(gateway: FakeGateway, path: Path, access: Access | None = None) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, lambda tell: ShellSession(gateway, tell), access)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


class Client:
    """A client that writes and reads lines of JSON."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> Reply:
        line = await self.reader.readline()
        assert line.endswith(b"\n"), "the server closed the connection"
        reply: Reply = json.loads(line)
        return reply

    def send(self, request: object) -> None:
        self.writer.write(json.dumps(request).encode() + b"\n")

    async def ask(self, request: object) -> list[Reply]:
        self.send(request)
        replies = [await self.read()]
        while "done" not in replies[-1]:
            replies.append(await self.read())
        return replies

    async def execute(self, line: str) -> str:
        replies = await self.ask({"execute": line})
        assert replies[-1]["ok"], replies[-1]
        return "".join(reply.get("text", "") for reply in replies)

    async def at_end(self) -> bool:
        return await self.reader.read() == b""


@asynccontextmanager
async def client(path: Path) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
    one = Client(reader, writer)
    greeting = await one.read()
    assert greeting == {"done": True, "prompt": "Router>", "ok": True, "ended": False}
    try:
        yield one
    finally:
        writer.close()


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def replace_by_a_file(path: Path) -> None:
    """Somebody else takes the name."""
    path.unlink()
    path.touch()


async def until(condition: Callable[[], bool]) -> None:
    """Let others work until something is so; the deadline is that of the test."""
    while not condition():  # noqa: ASYNC110 - whatever it is, it has no event
        await asyncio.sleep(0.001)


# Requests and answers


def test_a_session(run: Run, gateway: FakeGateway, path: Path) -> None:
    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one:
            assert await one.ask({"execute": "enable"}) == [
                {"done": True, "prompt": "Router#", "ok": True, "ended": False}
            ]
            assert (await one.execute("show version")).startswith("Doorman, ")
            assert json.loads((await one.ask({"execute": "show version", "json": True}))[0]["text"])["data"]
            assert await one.ask({"execute": "show foo"}) == [
                {
                    "done": True,
                    "prompt": "Router#",
                    "ok": False,
                    "error": "% Invalid input detected at '^' marker.",
                    "column": 5,
                    "ended": False,
                }
            ]
            assert (await one.ask({"complete": "sh"}))[0]["words"] == ["show"]
            assert (await one.ask({"help": "sh"}))[0] == {"text": "  show  Show running system information\n"}
            assert (await one.ask({"help": "foo "}))[0]["column"] == 0
            assert (await one.ask({"execute": "exit"}))[0]["ended"]
            assert await one.at_end()

    run(scenario())


@pytest.mark.parametrize(
    "request_",
    [b"not json", b"[]", b"{}", b'{"execute": 1}', b"\xff\xfe", b"", b"[" * 10_000, b'{"execute": "\\ud800"}'],
)
def test_what_is_no_request(request_: bytes, run: Run, gateway: FakeGateway, path: Path) -> None:
    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one:
            one.writer.write(request_ + b"\n")
            assert not (await one.read())["ok"]
            assert await one.execute("enable") == ""

    run(scenario())


def test_a_request_without_end(run: Run, gateway: FakeGateway, path: Path) -> None:
    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one:
            one.writer.write(b"x" * (control.LONGEST_REQUEST * 4))
            reply = await one.read()
            assert (reply["error"], reply["ended"]) == ("% Request too long", True)

    run(scenario())


def test_an_error_nobody_expected_ends_nothing(
    run: Run, gateway: FakeGateway, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Reply:
        raise ZeroDivisionError

    monkeypatch.setattr(gateway, "statistics", broken)

    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one:
            assert (await one.ask({"execute": "show ip nat statistics"}))[0]["error"] == (
                "% Internal error: ZeroDivisionError"
            )
            assert await one.execute("show version")

    run(scenario())


def test_text_before_an_error_is_not_lost(
    run: Run, gateway: FakeGateway, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doors() -> Iterator[Reply]:
        yield {"transport": "udp", "visitor": None, "entrance": "e", "leads_to": "l", "role": "rtp", "label": "x"} | {
            "opened": 1,
            "left": None,
            "flows": 1,
        }
        raise ZeroDivisionError

    monkeypatch.setattr(gateway, "doors", doors)

    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one:
            *pieces, done = await one.ask({"execute": "show ip nat doors"})
            # In how many pieces depends on how soon others have their turn.
            assert len("".join(piece["text"] for piece in pieces).splitlines()) == 2
            assert not done["ok"]

    run(scenario())


# Much to say


def test_a_long_answer_lets_others_work(run: Run, gateway: FakeGateway, path: Path) -> None:
    gateway.crowd(5_000)

    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one, client(path) as other:
            one.send({"execute": "show ip nat translations"})
            replies = [await one.read()]
            assert await other.execute("enable") == ""
            while "done" not in replies[-1]:
                replies.append(await one.read())
            texts = [reply["text"] for reply in replies[:-1]]
            assert max(map(len, texts)) <= control_session.CHUNK
            assert "".join(texts).endswith("Total number of translations: 5000\n")

    run(scenario())


def test_a_client_that_does_not_read_makes_nobody_wait(run: Run, gateway: FakeGateway, path: Path) -> None:
    gateway.crowd(3_000)

    async def scenario() -> None:
        async with serving(gateway, path), client(path) as sleepy, client(path) as other:
            for _ in range(30):
                sleepy.send({"execute": "show ip nat translations verbose"})
            for _ in range(10):
                assert "3000" in await other.execute("show ip nat translations | include Total")

    run(scenario())


def test_a_client_that_reads_nothing_for_long_is_dropped(
    run: Run, gateway: FakeGateway, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_session, "PATIENCE", 0.05)
    gateway.crowd(3_000)

    async def scenario() -> None:
        async with serving(gateway, path):
            _, writer = await asyncio.open_unix_connection(str(path), limit=1)
            writer.write(b'{"execute": "enable"}\n{"execute": "debug ip nat"}\n')
            await until(lambda: bool(gateway.subscribers))
            for _ in range(200):
                writer.write(b'{"execute": "show ip nat translations"}\n')
            await until(lambda: not gateway.subscribers)
            writer.close()

    run(scenario())


def test_a_client_that_vanishes_ends_its_session(run: Run, gateway: FakeGateway, path: Path) -> None:
    async def scenario() -> None:
        async with serving(gateway, path):
            async with client(path) as one:
                await one.execute("enable")
                await one.execute("debug ip nat sip")
                assert len(gateway.subscribers) == 1
            await until(lambda: not gateway.subscribers)

    run(scenario())


# Debugging


def test_debug_lines_come_in_between(run: Run, gateway: FakeGateway, path: Path) -> None:
    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one:
            await one.execute("enable")
            await one.execute("debug ip nat sip")
            gateway.register()
            assert (await one.read())["debug"].endswith("NAT: SIP: [0] processing REGISTER message")
            assert (await one.ask({"execute": "undebug all"}))[-1]["ok"]

    run(scenario())


def test_lost_debug_lines_are_counted(
    run: Run, gateway: FakeGateway, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_session, "DEBUG_LINES", 10)

    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one:
            await one.execute("enable")
            await one.execute("debug ip nat")
            ((_, tell),) = gateway.subscribers.values()
            for number in range(25):
                tell(f"line {number}")
            replies = [await one.read() for _ in range(11)]
            assert replies == [*({"debug": f"line {number}"} for number in range(10)), {"lost": 15}]
            tell("another")
            assert await one.read() == {"debug": "another"}

    run(scenario())


# The socket


def test_permissions(run: Run, gateway: FakeGateway, path: Path) -> None:
    async def scenario() -> None:
        async with serving(gateway, path):
            assert mode(path) == 0o660
        async with serving(gateway, path, Access(0o600, os.getuid(), os.getgid())):
            assert mode(path) == 0o600

    run(scenario())
    assert not path.exists()


def test_what_a_killed_gateway_left_is_taken_over(run: Run, gateway: FakeGateway, path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one:
            assert await one.execute("enable") == ""

    run(scenario())


def test_a_gateway_that_listens_is_left_alone(run: Run, gateway: FakeGateway, path: Path) -> None:
    async def scenario() -> None:
        async with serving(gateway, path):
            with pytest.raises(SocketInUse, match="another gateway listens at "):
                await ControlServer(path, lambda tell: ShellSession(gateway, tell)).start()
            async with client(path) as one:
                assert await one.execute("enable") == ""

    run(scenario())


def test_what_is_no_socket_is_left_alone(run: Run, gateway: FakeGateway, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")

    async def scenario() -> None:
        with pytest.raises(SocketInUse, match="is there and is no socket"):
            await ControlServer(path, lambda tell: ShellSession(gateway, tell)).start()

    run(scenario())
    assert path.read_text() == "precious"


def test_another_gateways_socket_is_not_removed_at_the_end(run: Run, gateway: FakeGateway, path: Path) -> None:
    async def scenario() -> None:
        async with serving(gateway, path):
            replace_by_a_file(path)

    run(scenario())
    assert path.exists()


def test_too_many_clients(run: Run, gateway: FakeGateway, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CLIENTS", 1)

    async def scenario() -> None:
        async with serving(gateway, path), client(path) as one:
            reader, writer = await asyncio.open_unix_connection(str(path))
            refused = json.loads(await reader.readline())
            assert (refused["error"], refused["ended"]) == ("% Too many sessions", True)
            assert await reader.read() == b""
            writer.close()
            assert await one.execute("enable") == ""

    run(scenario())


def test_who_connects_is_logged(run: Run, gateway: FakeGateway, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        async with serving(gateway, path), client(path):
            pass

    run(scenario())
    assert f"control: session of process {os.getpid()}, user {os.getuid()}, group {os.getgid()}" in caplog.messages


def test_closing_ends_all_sessions(run: Run, gateway: FakeGateway, path: Path) -> None:
    async def scenario() -> None:
        async with serving(gateway, path) as server, client(path) as one:
            await one.execute("enable")
            await one.execute("debug ip nat")
            await server.close()
            assert await one.at_end()
            assert gateway.subscribers == {}

    run(scenario())
