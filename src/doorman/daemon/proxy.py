"""The proxy for TCP signalling (L4F): takes connections that the kernel redirects to it, makes the second leg of each.

The kernel completes the handshake with the client before the server was asked. So what a client sends waits in its
socket until the second leg is there, and a client whose server refuses is reset at once.
"""

import asyncio
import contextlib
import errno
import logging
import socket
from collections import Counter
from typing import NamedTuple

from doorman.algs.api import Refused
from doorman.daemon.legs import Gateway, Pair, Traffic
from doorman.daemon.sockets import endpoint_of, prepare, reset_on_close, second_leg
from doorman.engine.connections import Connection
from doorman.engine.results import Side
from doorman.net.addresses import Address, Endpoint, address_text

_LOG = logging.getLogger(__name__)
_AT_ONCE = 64
"""Connections accepted before the event loop has its turn."""
_ROOM = 65_536
"""Bytes that are read at once."""
_BREATH = 0.5
"""Seconds without accepting, where there are no more files or memory to be had."""
_OTHER_FILES = 128
"""Files of the rest of the gateway: netlink sockets, the state, traces, operators' sessions."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Settings(NamedTuple):
    """Bounds of a proxy.

    Attributes:
        connections: at once, those being connected included; the outside can have no more than half of them.
        per_host: of them, those that one client's address began.
        connect_seconds: to wait for a server.
        waiting: bytes to wait for an end that is slow, in each direction, before the other end is held up.
        mark: of the packets of second legs (SO_MARK), 0 for none.
    """

    connections: int = 10_000
    per_host: int = 1_000
    connect_seconds: float = 20.0
    waiting: int = 65_536
    mark: int = 0

    @property
    def files(self) -> int:
        """How many files the process may need: two for each connection, and some for whatever else it does."""
        return 2 * self.connections + _OTHER_FILES

    def within(self, files: int) -> "Settings":
        """The same with so few connections that they need no more files, and one host cannot have them all."""
        most = max(1, (files - _OTHER_FILES) // 2)
        return self._replace(connections=min(self.connections, most), per_host=min(self.per_host, (most + 1) // 2))


class _Client(NamedTuple):
    """A host that begins connections, and where it is."""

    address: Address
    side: Side


class Proxy:
    """Carries TCP connections. It lives in one event loop.

    Args:
        gateway: which lets connections through, or not.
        settings: its bounds.

    Attributes:
        traffic: what it counts.
    """

    def __init__(
        self,
        gateway: Gateway,
        settings: Settings = Settings(),  # noqa: B008 - a value that cannot change
    ) -> None:
        self.traffic = Traffic()
        self._gateway = gateway
        self._settings = settings
        self._hosts: Counter[_Client] = Counter()
        self._sides: Counter[Side] = Counter()
        self._listeners: list[socket.socket] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._dialling: set[asyncio.Timeout] = set()
        self._closing = False
        self._pairs: dict[Pair, _Client] = {}
        self._drained = asyncio.Event()
        self._room = memoryview(bytearray(_ROOM))

    def serve(self, listener: socket.socket, side: Side | None = None) -> None:
        """Accept connections of a listener, which is the proxy's own from now on; `side`: where its clients are."""
        self._listeners.append(listener)
        asyncio.get_running_loop().add_reader(listener.fileno(), self._accept, listener, side)

    def sweep(self) -> None:
        """Break off the connections whose flows the engine has ended: to be called every few seconds."""
        for pair in [pair for pair in self._pairs if not pair.alive]:
            pair.reset("not-alive")

    async def close(self) -> None:
        """Accept nothing any more, and break off all connections."""
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.remove_reader(listener.fileno())
            listener.close()
        self._listeners.clear()
        # A task that is cancelled while it hands over a socket leaves a leg that nobody tells of its end.
        self._closing = True
        for limit in self._dialling:
            limit.reschedule(loop.time())
        await asyncio.gather(*self._opening)
        for pair in list(self._pairs):
            pair.reset("shutdown")
        if self._pairs:
            self._drained.clear()
            await self._drained.wait()

    def _accept(self, listener: socket.socket, side: Side | None) -> None:
        for _ in range(_AT_ONCE):
            try:
                client, name = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause(listener, side)
                    return
                continue  # that client has gone again
            self.traffic.accepted += 1
            self._admit(client, endpoint_of(name), side)

    def _pause(self, listener: socket.socket, side: Side | None) -> None:
        """Nothing is left to accept with: the listener would call again and again."""
        self.traffic.refused["too-many-files"] += 1
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener.fileno())
        loop.call_later(_BREATH, self._resume, listener, side)

    def _resume(self, listener: socket.socket, side: Side | None) -> None:
        if listener in self._listeners:
            asyncio.get_running_loop().add_reader(listener.fileno(), self._accept, listener, side)

    def _admit(self, client: socket.socket, sender: Endpoint, side: Side | None) -> None:
        begun = side if side is not None else self._gateway.side_of(sender.address)
        host = _Client(sender.address, begun)
        most = self._settings.connections
        if self.traffic.open >= most:
            self._refuse(client, "too-many-connections")
        elif begun == Side.OUTSIDE and self._sides[begun] >= max(1, most // 2):
            self._refuse(client, "too-many-connections-from-outside")
        elif self._hosts[host] >= self._settings.per_host:
            self._refuse(client, "too-many-connections-of-host")
        else:
            self.traffic.open += 1
            self._hosts[host] += 1
            self._sides[begun] += 1
            task = asyncio.get_running_loop().create_task(self._open(client, sender, host))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, client: socket.socket, sender: Endpoint, host: _Client) -> None:
        """Make the second leg, and join both."""
        try:
            prepare(client)
            pair = await self._pair(client, sender, host.side)
        except Refused as refused:
            reason = str(refused)
        except OSError as error:
            reason = _reason(error)
        except Exception:  # noqa: BLE001 - it is logged
            _LOG.exception("a connection could not be opened")
            reason = "internal-error"
        else:
            self._pairs[pair] = host
            await self._join(pair)
            return
        self._refuse(client, reason)
        self._forget(host)

    async def _pair(self, client: socket.socket, sender: Endpoint, side: Side) -> Pair:
        sender, receiver = self._gateway.origin(endpoint_of(client.getsockname()), sender)
        connection = self._gateway.connect(sender, receiver, side)
        try:
            server = await self._reach(connection)
        except BaseException:
            connection.close(self._gateway.now())
            raise
        return Pair(
            self._gateway,
            connection,
            (client, server),
            room=self._room,
            waiting=self._settings.waiting,
            traffic=self.traffic,
            done=self._is_done,
        )

    async def _reach(self, connection: Connection) -> socket.socket:
        """A socket that is connected to the server."""
        if self._closing:
            raise Refused("shutdown")
        if not self._gateway.commit(()):
            raise Refused("uncommitted")
        if self._is_own(connection.target):
            raise Refused("not-redirected")  # somebody called the proxy itself: it would call itself for ever
        server = second_leg(self._settings.mark)
        name = (address_text(connection.target.address), connection.target.port)
        limit = asyncio.timeout(self._settings.connect_seconds)
        try:
            prepare(server)
            self._gateway.translate_leg(server.getsockname()[1], connection)
            async with limit:
                self._dialling.add(limit)
                await asyncio.get_running_loop().sock_connect(server, name)
        except BaseException:
            server.close()
            raise
        finally:
            self._dialling.discard(limit)
        return server

    async def _join(self, pair: Pair) -> None:
        """Hand both legs to the event loop; from here on it says what becomes of them."""
        client, server = pair.legs
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: client, client.sock)
            await loop.create_connection(lambda: server, sock=server.sock)
        except Exception:  # noqa: BLE001 - it is logged
            _LOG.exception("two legs could not be joined")
            pair.abandon()
        else:
            pair.start()

    def _refuse(self, client: socket.socket, reason: str) -> None:
        self.traffic.refused[reason] += 1
        with contextlib.suppress(OSError):  # closed already
            reset_on_close(client)
        client.close()

    def _is_own(self, target: Endpoint) -> bool:
        names = (endpoint_of(listener.getsockname()) for listener in self._listeners)
        return target in names

    def _is_done(self, pair: Pair) -> None:
        self._forget(self._pairs.pop(pair))
        if not self._pairs:
            self._drained.set()

    def _forget(self, host: _Client) -> None:
        self.traffic.open -= 1
        self._sides[host.side] -= 1
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection-refused"
    if isinstance(error, TimeoutError):
        return "connect-timeout"
    return f"connect-{errno.errorcode.get(error.errno or 0, 'failed').lower()}"
