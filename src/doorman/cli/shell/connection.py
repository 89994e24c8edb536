"""The client's end of the control socket, waiting for each answer; the protocol is described in `daemon.control`."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doorman.config.errors import printable

Reply = dict[str, Any]
_AT_ONCE = 65_536


class CannotConnect(Exception):  # noqa: N818 - says what it is
    """There is no gateway at the socket, or it lets us not in, or left us; the text says so in a line or two."""


class Connection:
    """A session at a gateway. `prompt` is what stands before the next line, `ended` whether the session is over.

    Args:
        path: of the gateway's socket.
        seconds: how long to wait for an answer; None for ever.

    Raises:
        CannotConnect: see there.
    """

    def __init__(self, path: Path, seconds: float | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(seconds)
        self._buffer = b""
        self.prompt = ""
        self.ended = False
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise CannotConnect(no_gateway(path, error)) from None
        try:
            greeting = self.receive()
        except CannotConnect:
            self._socket.close()
            raise
        self._see(greeting)
        if not greeting["ok"]:
            self._socket.close()
            raise CannotConnect(greeting["error"])

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, request: Reply) -> Iterator[Reply]:
        """Ask, and give the parts of the answer as they come, debug lines between them; the last has `done`."""
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            raise CannotConnect("the gateway closed the connection") from None
        while True:
            reply = self.receive()
            if "done" in reply:
                self._see(reply)
                yield reply
                return
            yield reply

    def receive(self) -> Reply:
        """Wait for a line."""
        while b"\n" not in self._buffer:
            self._fill()
        return self._take()

    def received(self) -> Iterator[Reply]:
        """The lines that are here; after `select` said that there is something to read."""
        self._fill()
        yield from self.left_over()

    def left_over(self) -> Iterator[Reply]:
        """The lines that came together with an answer, behind it."""
        while b"\n" in self._buffer:
            yield self._take()

    def _see(self, reply: Reply) -> None:
        self.prompt, self.ended = reply["prompt"], reply["ended"]

    def _fill(self) -> None:
        try:
            data = self._socket.recv(_AT_ONCE)
        except TimeoutError:
            raise CannotConnect("the gateway does not answer") from None
        except OSError:
            data = b""
        if not data:
            raise CannotConnect("the gateway closed the connection")
        self._buffer += data

    def _take(self) -> Reply:
        line, _, self._buffer = self._buffer.partition(b"\n")
        reply: Reply = json.loads(line)
        return reply


def no_gateway(path: Path, error: OSError) -> str:
    """Why one cannot connect, and what to do about it."""
    where = f"cannot connect to {printable(str(path))}: {error.strerror or error}"
    if isinstance(error, PermissionError):
        return f"{where}\nonly root and the group of the socket may: sudo, or usermod --append --groups GROUP USER"
    return f"{where}\nis the gateway running? start it with: doorman run CONFIG [--socket PATH]"
