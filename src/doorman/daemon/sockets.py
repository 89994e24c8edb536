"""Sockets of the TCP proxy: one that the kernel redirects connections to, and one for each second leg.

Both are plain sockets with addresses of this machine. That both ends see each other's addresses all the same is
conntrack's doing, see `dataplanes.netfilter.redirect` and the map `legs` of `ruleset`.
"""

import errno
import fcntl
import socket
import struct
from collections.abc import Iterable

from doorman.net.addresses import Endpoint, address_of

_BACKLOG = 1_024
_RESET = struct.pack("ii", 1, 0)
_SIOCATMARK = 0x8905
"""linux/sockios.h; sockatmark(3) asks by it."""
_NO = bytes(4)
_ALIVE = (
    (socket.TCP_NODELAY, 1),
    (socket.TCP_KEEPIDLE, 120),  # seconds of silence
    (socket.TCP_KEEPINTVL, 30),  # seconds between probes
    (socket.TCP_KEEPCNT, 4),
    (socket.TCP_USER_TIMEOUT, 120_000),  # milliseconds that what was sent may stay unacknowledged
)


def listen(ports: Iterable[int], mark: int = 0) -> socket.socket:
    """A listener for connections to any address of this machine, at the first of these ports that is free.

    What it and its connections send carries `mark` where given.

    Raises:
        OSError: all are taken (EADDRINUSE).
    """
    for port in ports:
        listener = _stream()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if mark:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
            listener.bind(("", port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return listener
    raise OSError(errno.EADDRINUSE, "all ports for the TCP proxy are taken")


def second_leg(mark: int = 0) -> socket.socket:
    """A socket with a port that is its own alone; its packets carry `mark` where given.

    Raises:
        OSError: no port is free, or there is a mark and CAP_NET_ADMIN is missing.
    """
    leg = _stream()
    try:
        if mark:
            leg.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        leg.bind(("", 0))
    except OSError:
        leg.close()
        raise
    return leg


def prepare(leg: socket.socket) -> None:
    """Let a leg send at once, and notice when the other end is gone; urgent data stay in their place (RFC 6093)."""
    for option, value in _ALIVE:
        leg.setsockopt(socket.IPPROTO_TCP, option, value)
    leg.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    leg.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)


def reset_on_close(leg: socket.socket) -> None:
    """Let closing a leg tell its other end that the connection broke (RST), not that all was sent (FIN)."""
    leg.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def is_at_mark(leg: socket.socket) -> bool:
    """Whether the next byte to be read is one that its sender marked as urgent; False of a leg that is closed."""
    try:
        return fcntl.ioctl(leg, _SIOCATMARK, _NO) != _NO
    except OSError:
        return False


def send_urgent(leg: socket.socket, byte: bytes) -> bool:
    """Send a byte at once, marked as urgent; False where it cannot be sent now."""
    try:
        return leg.send(byte, socket.MSG_OOB) == len(byte)
    except OSError:
        return False


def endpoint_of(name: tuple[str, int]) -> Endpoint:
    """What the socket module calls an address, as an endpoint."""
    return Endpoint(address_of(name[0]), name[1])


def _stream() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(0)
    return made
