"""A proxy that runs in a thread of its own, and sockets to talk through it.

with Running(gateway, listener) as proxy:
    client = socket.create_connection(proxy.name)
"""

import asyncio
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Self

from doorman.algs.api import Refused
from doorman.config.reader import read_config
from doorman.daemon.proxy import Proxy, Settings
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection
from doorman.engine.engine import Engine
from doorman.engine.inspection import Inspection
from doorman.engine.results import Side
from doorman.net.addresses import Address, Endpoint, address_of
from kit.waiting import DEADLINE


class LiveGateway:
    """An engine for a proxy. `committed`: what was committed; `follows`: whether the data plane can."""

    def __init__(self, config: str) -> None:
        self.engine = Engine(read_config(config, "test.cfg"), random.Random(7).random)
        self.committed: list[tuple[Inspection, ...]] = []
        self.follows = True
        self.connections: list[Connection] = []

    def side_of(self, client: Address) -> Side:
        return Side.INSIDE if self.engine.state.rules.is_inside(client) else Side.OUTSIDE

    def connect(self, sender: Endpoint, receiver: Endpoint, side: Side) -> Connection:
        connection = connect(self.engine, sender, receiver, side, self.now())
        self.connections.append(connection)
        return connection

    def origin(self, receiver: Endpoint, sender: Endpoint) -> tuple[Endpoint, Endpoint]:
        return sender, receiver

    def translate_leg(self, port: int, connection: Connection) -> None: ...

    def commit(self, inspections: tuple[Inspection, ...]) -> bool:
        if inspections:
            self.committed.append(inspections)
        return self.follows or not inspections

    def now(self) -> float:
        return time.monotonic()


class Impostor(LiveGateway):
    """A gateway for a machine without rights: each connection counts as one from a phone, to `target` in truth.

    Attributes:
        side: where clients are said to be.
    """

    def __init__(self, config: str, target: tuple[str, int]) -> None:
        super().__init__(config)
        self.target = target
        self.refusal = ""
        self.side = Side.INSIDE

    def side_of(self, client: Address) -> Side:  # noqa: ARG002 - whoever it is
        return self.side

    def connect(self, sender: Endpoint, receiver: Endpoint, side: Side) -> Connection:  # noqa: ARG002 - false
        if self.refusal:
            raise Refused(self.refusal)
        phone = Endpoint(address_of("10.0.0.10"), sender.port)
        connection = super().connect(phone, Endpoint(address_of("198.51.100.20"), 5060), Side.INSIDE)
        connection.target = Endpoint(address_of(self.target[0]), self.target[1])
        return connection


class Running:
    """A proxy at work in a thread; `inside` is entered there, a network namespace for instance."""

    def __init__(
        self,
        gateway: LiveGateway,
        listen: Callable[[], socket.socket],
        *,
        settings: Settings = Settings(),  # noqa: B008 - a value that cannot change
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
        inside: AbstractContextManager[object] | None = None,
    ) -> None:
        self._make = (gateway, settings)
        self._listen = listen
        self._new_loop = new_loop
        self._inside = inside or nullcontext()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(DEADLINE), "the proxy did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()

    def end(self) -> None:
        """Let it close, unless it has already."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._stop.set)

    def sweep(self) -> None:
        """Let it look for connections that are over."""
        self.loop.call_soon_threadsafe(self.proxy.sweep)

    def _run(self) -> None:
        with self._inside:
            self.loop = self._new_loop()
            self.loop.run_until_complete(self._serve())
            self.loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self.proxy = Proxy(*self._make)
        listener = self._listen()
        self.name: tuple[str, int] = listener.getsockname()
        self.proxy.serve(listener)
        self.traffic = self.proxy.traffic
        self._ready.set()
        await self._stop.wait()
        await self.proxy.close()


def read_all(sock: socket.socket) -> bytes:
    """What comes until the other end sends no more."""
    data = b""
    while chunk := sock.recv(65_536):
        data += chunk
    return data


def read_until(sock: socket.socket, end: bytes) -> bytes:
    """What comes until it ends like this."""
    data = b""
    while not data.endswith(end):
        chunk = sock.recv(65_536)
        assert chunk, data
        data += chunk
    return data


def is_reset(sock: socket.socket) -> bool:
    """Whether the connection breaks off."""
    with suppress(ConnectionResetError):
        while sock.recv(65_536):
            pass
        return False
    return True


def break_off(sock: socket.socket) -> None:
    """Reset a connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def resident() -> int:
    """Bytes of memory this process has."""
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - no file of ours
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
