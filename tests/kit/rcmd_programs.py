"""What rcmd(3) and rexec(3) do, and a server of rexec: for those who have none.

run(lab, net.inside, INSIDE_PHONE, (OUTSIDE_PHONE, 514), "echo oops >&2", ports=(1023, 1022))
                                                                    -> Said(b"", b"oops\\n", …)
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import NamedTuple

from doorman.lab.rcmd import RLOGIND, RSH, RSHD
from kit.captures import missing
from kit.lab import Lab


class Said(NamedTuple):
    """What a client got: on each connection, and which port its errors came from."""

    output: bytes
    errors: bytes
    port: int


def need_rcmd() -> None:
    """Skip where the programs are not there."""
    lacking = [path.name for path in (RSHD, RLOGIND, RSH) if not path.exists()]
    if lacking:
        missing(f"{', '.join(lacking)} (`sh tools/system-packages.sh`)")


def run(  # noqa: PLR0913 - who asks whom, and for what
    lab: Lab,
    namespace: str,
    address: str,
    server: tuple[str, int],
    command: str,
    *,
    ports: tuple[int, int],
    names: bytes = b"root\0root\0",
) -> Said:
    """Have a command run; `ports`: where the client connects from, and where it awaits errors."""
    own, awaited = ports
    with lab.tcp(namespace, address, own) as client, lab.tcp(namespace, address, awaited, listens=True) as listener:
        client.connect(server)
        client.sendall(b"%d\0" % awaited)
        second, (_, port) = listener.accept()
        with second:
            second.settimeout(client.gettimeout())
            client.sendall(names + command.encode() + b"\0")
            assert client.recv(1) == b"\0"
            return Said(_all(client), _all(second), port)


@contextmanager
def rexec_server(lab: Lab, namespace: str, address: str) -> Iterator[None]:
    """A server of rexec that says what it was asked, and complains about it."""
    with lab.tcp(namespace, address, 512, listens=True) as listener:
        thread = Thread(target=_serve, args=(lab, namespace, address, listener))
        thread.start()
        yield
        thread.join()


def _serve(lab: Lab, namespace: str, address: str, listener: socket.socket) -> None:
    client, (host, _) = listener.accept()
    with client, lab.tcp(namespace, address) as second:
        client.settimeout(listener.gettimeout())
        second.connect((host, int(_word(client))))
        asked = [_word(client) for _ in range(3)]
        client.sendall(b"\0" + b" ".join(asked))
        second.sendall(b"oops\n")


def _word(client: socket.socket) -> bytes:
    word = b""
    while not word.endswith(b"\0"):
        word += client.recv(1)
    return word[:-1]


def _all(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(4_096):
        data += more
    return data
