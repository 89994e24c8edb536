"""The two legs of a proxied connection: whatever happens to one of them happens to the other.

bytes                 -> through the engine, then written
an urgent byte        -> urgent, behind all that was written, unless it is of what is looked into
end of stream (FIN)   -> end of stream behind all that was written; the other direction goes on
reset, or gone        -> reset
a leg that is full    -> the other is not read from until it has room again
"""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, cast

from doorman.daemon.sockets import is_at_mark, reset_on_close, send_urgent
from doorman.engine.connections import Connection, End, Relay
from doorman.engine.inspection import Inspection
from doorman.engine.results import Side
from doorman.net.addresses import Address, Endpoint

_LOG = logging.getLogger(__name__)


class Gateway(Protocol):
    """What a proxy needs of the gateway it works for."""

    def origin(self, receiver: Endpoint, sender: Endpoint) -> tuple[Endpoint, Endpoint]:
        """Who an accepted connection was between before it was redirected to us: its sender and its receiver.

        Args:
            receiver: our end of it.
            sender: the other end, as we see it.

        Raises:
            Refused: it was not redirected: somebody called the proxy itself.
        """
        ...

    def side_of(self, client: Address) -> Side:
        """Where a host is."""
        ...

    def connect(self, sender: Endpoint, receiver: Endpoint, side: Side) -> Connection:
        """Let a connection through.

        Raises:
            Refused: it may not pass.
        """
        ...

    def translate_leg(self, port: int, connection: Connection) -> None:
        """Let what our port will send to the connection's target come from its source.

        Raises:
            Refused: the data plane cannot do that.
        """
        ...

    def commit(self, inspections: tuple[Inspection, ...]) -> bool:
        """Let the data plane do what the engine did, before anything that tells of it is sent; False if it cannot.

        `inspections` are the messages that caused it, for whoever wants to see them; none for a new connection.
        """
        ...

    def now(self) -> float:
        """The time in seconds, of the engine's clock."""
        ...


class Traffic:
    """What a proxy counts.

    Attributes:
        accepted: connections that clients began.
        open: those that are there now, being connected included.
        refused: those that did not come about, or were reset by us, by reason.
        bytes: what came from clients and from servers, by `End`.
        uncommitted: how often messages were held back because the data plane could not follow.
    """

    __slots__ = ("accepted", "bytes", "open", "refused", "uncommitted")

    def __init__(self) -> None:
        self.accepted = self.open = self.uncommitted = 0
        self.refused: Counter[str] = Counter()
        self.bytes = [0, 0]


class Leg(asyncio.BufferedProtocol):
    """One leg, as the event loop knows it.

    Args:
        pair: whose it is.
        end: who is at its other end.
        sock: its socket.
        room: where the event loop puts what it reads; all legs share it, each until it was told.
        waiting: how many bytes wait for it when it is full.
    """

    __slots__ = ("_end", "_is_marked", "_pair", "_room", "_urgent", "_waiting", "sock", "transport")

    def __init__(self, pair: "Pair", end: End, sock: socket.socket, room: memoryview, waiting: int) -> None:
        self._pair = pair
        self._end = end
        self.sock = sock
        self._room = room
        self._waiting = waiting
        self._is_marked = False
        self._urgent = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The event loop reads from it now."""
        self.transport = cast("asyncio.Transport", transport)  # that of a stream is one
        self.transport.set_write_buffer_limits(high=self._waiting)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - all the room there is
        """Where to read to: an urgent byte comes alone, and nothing is read past it."""
        self._is_marked = is_at_mark(self.sock)
        return self._room[:1] if self._is_marked else self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came."""
        self._pair.received(self._end, bytes(self._room[:nbytes]), urgent=self._is_marked)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        if self.transport is not None:
            self.transport.write(data)

    def urge(self, byte: bytes) -> None:
        """Send an urgent byte, behind all that waits; until it is sent the leg is full."""
        if self.transport is None:
            return
        if self.transport.get_write_buffer_size():
            self._urgent = byte
            self.transport.set_write_buffer_limits(high=0)
        elif not send_urgent(self.sock, byte):
            self.transport.write(byte)

    def eof_received(self) -> bool:
        """No more will come; the leg stays open for what goes the other way."""
        self._pair.ended(self._end)
        return True

    def pause_writing(self) -> None:
        """It is full."""
        self._pair.hold(self._end)

    def resume_writing(self) -> None:
        """It has room again."""
        if self._urgent and self.transport is not None:
            self.transport.set_write_buffer_limits(high=self._waiting)
            byte, self._urgent = self._urgent, b""
            self.urge(byte)
        self._pair.go_on(self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._pair.lost(self._end, exc)

    def reset(self) -> None:
        """Break it off; one that is not there yet is when it comes, see `Pair.start`."""
        if self.transport is not None:
            with suppress(OSError):  # closed already
                reset_on_close(self.sock)
            self.transport.abort()

    def abandon(self) -> None:
        """It will never be there."""
        if self.transport is None:
            self.sock.close()
            self._pair.lost(self._end, None)


class Pair:
    """Both legs of a connection, and what goes through.

    Args:
        gateway: through which it goes.
        connection: as the engine knows it.
        socks: of the client's leg and of the server's, connected.
        room: where what comes is read to.
        waiting: how many bytes may wait for a leg that is full before the other is not read from.
        traffic: to be counted in.
        done: called once when both legs are closed.

    Attributes:
        legs: of the client and of the server.
    """

    __slots__ = ("_closed", "_connection", "_done", "_early", "_ended", "_gateway", "_over", "_traffic", "legs")

    def __init__(  # noqa: PLR0913 - what it works for, and what it works with
        self,
        gateway: Gateway,
        connection: Connection,
        socks: tuple[socket.socket, socket.socket],
        *,
        room: memoryview,
        waiting: int,
        traffic: Traffic,
        done: Callable[["Pair"], None],
    ) -> None:
        client, server = socks
        self.legs = (Leg(self, End.CLIENT, client, room, waiting), Leg(self, End.SERVER, server, room, waiting))
        self._gateway = gateway
        self._connection = connection
        self._traffic = traffic
        self._done = done
        self._ended = [False, False]
        self._closed = [False, False]
        self._over = False
        self._early: list[tuple[End, bytes | None]] | None = []

    def start(self) -> None:
        """Both legs are there: what came meanwhile goes through first."""
        self._connection.establish(self._gateway.now())
        early, self._early = self._early or [], None
        if self._over:
            for leg in self.legs:
                leg.reset()
        for end in {end for end, _ in early}:
            self.go_on(End(1 - end))
        for end, data in early:
            if data is None:
                self.ended(end)
            else:
                self.received(end, data)

    @property
    def alive(self) -> bool:
        """Whether the engine still lets it through."""
        return self._connection.alive

    def received(self, end: End, data: bytes, *, urgent: bool = False) -> None:
        """Bytes came from an end; or a single one that is `urgent`."""
        if self._early is not None:
            self._early.append((end, data))
            self.hold(End(1 - end))
            return
        self._traffic.bytes[end] += len(data)
        try:
            urgent = urgent and not self._connection.inspected
            self._pass_on(self._connection.receive(data, end, self._gateway.now()), end, urgent=urgent)
        except Exception:  # noqa: BLE001 - it is logged there
            self._fail()

    def ended(self, end: End) -> None:
        """An end sends no more."""
        if self._early is not None:
            self._early.append((end, None))
            return
        try:
            self._pass_on(self._connection.finish(end, self._gateway.now()), end)
            self._ended[end] = True
            other = self.legs[1 - end].transport
            if other is not None and not other.is_closing():
                other.write_eof()
        except Exception:  # noqa: BLE001 - it is logged there
            self._fail()
        if all(self._ended):
            self._close()

    def hold(self, end: End) -> None:
        """An end takes no more for now."""
        other = self.legs[1 - end].transport
        if other is not None and not other.is_closing():
            other.pause_reading()

    def go_on(self, end: End) -> None:
        """It takes more again."""
        other = self.legs[1 - end].transport
        if other is not None and not other.is_closing():
            other.resume_reading()

    def lost(self, end: End, error: Exception | None) -> None:
        """A leg is closed; unless both were to be, so is the other, in the same way."""
        if self._closed[end]:
            return
        self._closed[end] = True
        if not self._over:
            self._over = True
            if error is not None:
                self.legs[1 - end].reset()
            else:
                self._close()
        if all(self._closed):
            self._connection.close(self._gateway.now())
            self._done(self)

    def reset(self, reason: str) -> None:
        """Break it off."""
        if not self._over:
            self._traffic.refused[reason] += 1
        self._over = True
        for leg in self.legs:
            leg.reset()

    def abandon(self) -> None:
        """The legs could not be joined."""
        self.reset("internal-error")
        for leg in self.legs:
            leg.abandon()

    def _pass_on(self, relay: Relay, end: End, *, urgent: bool = False) -> None:
        """Send what goes on, once the data plane knows of it."""
        data = relay.data
        if relay.inspections and not self._gateway.commit(relay.inspections):
            self._traffic.uncommitted += 1
            data = relay.rest
        other, own = self.legs[1 - end], self.legs[end]
        if data:
            (other.urge if urgent else other.send)(data)
        if relay.back:
            own.send(relay.back)
        if relay.close and not self._over:
            self._traffic.refused["no-message-end" if relay.inspections else "not-alive"] += 1
            self._over = True
            own.reset()
            if other.transport is not None:
                other.transport.close()  # what was whole is still sent

    def _close(self) -> None:
        """All that was sent has arrived here: close when it is on its way."""
        self._over = True
        for leg in self.legs:
            if leg.transport is not None:
                leg.transport.close()

    def _fail(self) -> None:
        """Whatever a connection does to us, only that connection suffers."""
        _LOG.exception("a proxied connection failed")
        self.reset("internal-error")
