"""User agents of the lab for which a test speaks: their sockets, and the messages that arrive there."""

import re
import select
import socket
from contextlib import ExitStack
from typing import NamedTuple

from doorman.lab.stream import Endpoint, Stream
from kit.lab import Lab
from kit.waiting import DEADLINE

SIP_PORT = 5060
_LONGEST = 1 << 16

Way = socket.socket | Endpoint
"""Where an answer goes: over the connection that the request came by, or to an address."""


class Heard(NamedTuple):
    """A message that arrived."""

    start: str
    headers: list[tuple[str, str]]
    body: str
    back: Way

    def all(self, name: str) -> list[str]:
        """The values of a header."""
        return [value for known, value in self.headers if known == name]

    def one(self, name: str) -> str:
        """The value of a header that is there once."""
        (value,) = self.all(name)
        return value

    @property
    def what(self) -> str:
        """The method of a request, the code of a response."""
        first, second, *_ = self.start.split(" ")
        return second if first == "SIP/2.0" else first

    @property
    def media(self) -> list[Endpoint]:
        """Where media goes, of each `m=` line."""
        address = re.search(r"^c=IN IP4 (\S+)", self.body, re.MULTILINE)
        assert address is not None, self.body
        return [(address[1], int(port)) for port in re.findall(r"^m=\w+ (\d+)", self.body, re.MULTILINE)]


class Agent:
    """A host's socket for SIP over one transport; over TCP it listens, and has the connections made so far.

    Attributes:
        sent_by: what it writes in Via.
        sent: the last message that it sent.
    """

    def __init__(self, lab: Lab, stack: ExitStack, namespace: str, address: str, transport: str) -> None:
        self.lab = lab
        self.namespace = namespace
        self.address = address
        self.transport = transport
        self.sent_by = f"{address}:{SIP_PORT}"
        self.sent = b""
        self.is_inside = namespace == lab.network.inside
        self._stack = stack
        self._connections: dict[Endpoint, socket.socket] = {}
        self._waiting: dict[socket.socket, bytes] = {}
        if transport == "udp":
            self._socket = stack.enter_context(lab.udp(namespace, address, SIP_PORT))
        else:
            self._socket = stack.enter_context(lab.tcp(namespace, address, SIP_PORT, listens=True))

    def send(self, data: bytes, way: Way) -> None:
        """Send a message; to an address to which there is no connection yet, over a new one."""
        self.sent = data
        if isinstance(way, socket.socket):
            way.sendall(data)
        elif self.transport == "udp":
            self._socket.sendto(data, way)
        else:
            self._connection(way).sendall(data)

    def hear(self) -> Heard:
        """The next message."""
        data, back = self._datagram() if self.transport == "udp" else self._message()
        text = data.decode()
        foreign = "203.0.113." if self.is_inside else "192.168.1."
        assert foreign not in text, f"an address that means nothing here:\n{text}"
        head, _, body = text.partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return Heard(start, headers, body, back)

    def ear(self, port: int) -> Stream:
        """A port for media."""
        stream = self.lab.media.open(self.namespace, self.address, port)
        self._stack.callback(self.lab.media.shut, stream)
        return stream

    def _datagram(self) -> tuple[bytes, Way]:
        data, (address, _) = self._socket.recvfrom(_LONGEST)
        via = re.search(rb"^Via: SIP/2.0/UDP [\d.]+(?::(\d+))?", data, re.MULTILINE)
        return data, (address, int(via[1] or SIP_PORT) if via else SIP_PORT)

    def _message(self) -> tuple[bytes, Way]:
        while True:
            for connection, data in self._waiting.items():
                head, end, rest = data.partition(b"\r\n\r\n")
                found = re.search(rb"^Content-Length: (\d+)", head, re.MULTILINE)
                if end and found and len(rest) >= int(found[1]):
                    length = len(head) + len(end) + int(found[1])
                    self._waiting[connection] = data[length:]
                    return data[:length], connection
            self._read()

    def _read(self) -> None:
        readable = select.select([self._socket, *self._waiting], [], [], DEADLINE)[0]
        if not readable:
            raise TimeoutError("timed out")
        for ready in readable:
            if ready is self._socket:
                accepted, _ = ready.accept()
                self._waiting[self._stack.enter_context(accepted)] = b""
            elif data := ready.recv(_LONGEST):
                self._waiting[ready] += data
            else:
                del self._waiting[ready]

    def _connection(self, to: Endpoint) -> socket.socket:
        if to not in self._connections:
            made = self._stack.enter_context(self.lab.tcp(self.namespace, self.address))
            made.connect(to)
            self._connections[to] = made
            self._waiting[made] = b""
        return self._connections[to]
