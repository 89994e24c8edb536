r"""The control socket: a Unix stream on which operators' sessions talk to the gateway.

Both ways go lines of JSON in UTF-8, each an object. The client asks, one request at a time or several ahead:

    {"execute": LINE, "json": BOOL}    carry out a line; json (false if left out): what it shows as JSON
    {"complete": LINE}                 the keywords that the last word of a line may become
    {"help": LINE}                     what `?` shows behind a line

Requests are answered in order. An answer is any number of

    {"text": TEXT}                     a part of the output

and then one of

    {"done": true, "prompt": PROMPT, "ok": true, "words": [WORD, …], "ended": BOOL}      words only of `complete`
    {"done": true, "prompt": PROMPT, "ok": false, "error": TEXT, "column": NUMBER or null, "ended": BOOL}

where the column, from 0, is that of the character of LINE under which a caret belongs. A new connection is greeted
with such a line too, which tells the first prompt; one that is refused is told why and closed. In between come, when
something is being debugged,

    {"debug": TEXT}                    a line without its end
    {"lost": NUMBER}                   so many debug lines were lost here: the client reads too slowly

`ended` says that the session is over; the server closes the connection behind it.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from doorman.daemon.control_session import ClientGone, Connection, DebugLines, Session, failure, send
from doorman.daemon.control_socket import Access, bind

MAX_CLIENTS = 32
LONGEST_REQUEST = 16_384
"""In bytes; a line of 1,024 characters fits however it is escaped."""
_WAITING = 65_536
"""Bytes written and not read by the client, above which we wait for it."""
_CREDENTIALS = struct.Struct("3i")
"""The kernel's struct ucred: process, user and group (unix(7))."""

_log = logging.getLogger(__name__)


class ControlServer:
    """Serves operators' sessions on a Unix socket.

    Args:
        path: of the socket; its folder is made if it is missing.
        open_session: makes a session, given what takes its debug lines and never blocks.
        access: who may open the socket.
    """

    def __init__(
        self, path: Path, open_session: Callable[[Callable[[str], None]], Session], access: Access | None = None
    ) -> None:
        self._path = path
        self._open_session = open_session
        self._access = access or Access()
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen.

        Raises:
            SocketInUse: another gateway listens there, or something that is no socket has the name.
            OSError: the system does not let us.
        """
        listener = bind(self._path, self._access)
        self._inode = self._path.stat().st_ino
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=LONGEST_REQUEST)

    async def close(self) -> None:
        """End all sessions and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None
        if self._path.exists() and self._path.stat().st_ino == self._inode:
            self._path.unlink()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("called outside a task")
        self._clients.add(task)
        writer.transport.set_write_buffer_limits(high=_WAITING)
        try:
            await self._serve(reader, writer)
            writer.close()
        except (ClientGone, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._clients.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        process, user, group = _peer(writer)
        if len(self._clients) > MAX_CLIENTS:
            _log.warning("control: %d sessions already, refused process %d of user %d", MAX_CLIENTS, process, user)
            await send(writer, failure("", "% Too many sessions", ended=True))
            return
        _log.info("control: session of process %d, user %d, group %d", process, user, group)
        debug = DebugLines()
        session = self._open_session(debug.add)
        pump = asyncio.create_task(debug.pump(writer))
        try:
            await Connection(session, reader, writer).run()
        finally:
            pump.cancel()
            session.close()
            _log.info("control: session of process %d ended", process)


def _peer(writer: asyncio.StreamWriter) -> tuple[int, int, int]:
    """Process, user and group at the other end."""
    connection = writer.get_extra_info("socket")
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, group = _CREDENTIALS.unpack(data)
    return process, user, group
