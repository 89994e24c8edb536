"""Urgent data at the proxy: what one end sends as urgent is so at the other, in its place, unless it is looked into."""

import array
import fcntl
import select
import socket
import threading

import pytest

from daemon.test_proxy import NEITHER, World, world
from kit.sip import request
from kit.waiting import DEADLINE

__all__ = ["world"]
_SIOCATMARK = 0x8905


@pytest.fixture
def ends(world: World) -> tuple[socket.socket, socket.socket]:
    """A client and its server, of whom nobody looks into anything any more."""
    client, server = world.pair()
    client.sendall(NEITHER)
    assert server.recv(100) == NEITHER
    return client, server


def marked(end: socket.socket) -> bool:
    """Whether the next byte to be read stands behind urgent data."""
    told = array.array("i", [0])
    fcntl.ioctl(end, _SIOCATMARK, told)
    return bool(told[0])


def urgent(end: socket.socket) -> bytes:
    """The next byte that is urgent."""
    assert select.select([], [], [end], DEADLINE)[2] == [end], "nothing urgent comes"
    patience = end.gettimeout()
    end.settimeout(0)  # else it would wait until there is something that is not urgent
    byte = end.recv(1, socket.MSG_OOB)
    end.settimeout(patience)
    return byte


def before_mark(end: socket.socket, least: int = 0) -> bytes:
    """What stands before urgent data, at least so many bytes."""
    data = b""
    while len(data) < least or not marked(end):
        data += end.recv(1 << 16)
    return data


@pytest.mark.parametrize("back", [False, True], ids=["to the server", "to the client"])
def test_they_stay_urgent_and_where_they_were(ends: tuple[socket.socket, socket.socket], *, back: bool) -> None:
    sender, receiver = ends[::-1] if back else ends
    sender.sendall(b"before")
    sender.send(b"\x80", socket.MSG_OOB)
    sender.sendall(b"behind")
    assert urgent(receiver) == b"\x80"
    assert before_mark(receiver) == b"before"
    assert receiver.recv(100) == b"behind"


def test_one_alone_and_then_another(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    for byte in (b"\x03", b"\x04"):
        client.send(byte, socket.MSG_OOB)
        assert urgent(server) == byte


def test_they_stand_behind_what_waits_for_an_end_that_is_slow(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    sent, chunk = 0, bytes(65_536)
    server.settimeout(0.3)
    try:
        while True:
            sent += server.send(chunk)
    except TimeoutError:
        server.settimeout(DEADLINE)

    def ask() -> None:
        server.sendall(b"x")
        server.send(b"\x02", socket.MSG_OOB)

    thread = threading.Thread(target=ask)
    thread.start()
    data = before_mark(client, sent + 1)
    thread.join()
    assert len(data) == sent + 1
    assert data[-1:] == b"x"
    assert urgent(client) == b"\x02"
    server.sendall(b"behind")
    assert client.recv(100) == b"behind"


def test_the_last_byte_may_be_urgent(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    client.send(b"\x03", socket.MSG_OOB)
    client.shutdown(socket.SHUT_WR)
    assert urgent(server) == b"\x03"
    assert server.recv(100) == b""


def test_what_is_looked_into_is_data_like_any_other(world: World) -> None:
    """A byte within a message has no place of its own in what goes on."""
    message = request("REGISTER")
    client, server = world.pair()
    client.sendall(message[:50])
    client.send(message[50:51], socket.MSG_OOB)
    client.sendall(message[51:])
    data = b""
    while b"\r\n\r\n" not in data:
        data += server.recv(65_536)
    assert data.startswith(b"REGISTER ")
    assert select.select([], [], [server], 0)[2] == []
