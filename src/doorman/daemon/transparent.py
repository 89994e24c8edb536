"""Sockets for a transparent proxy: they have addresses that are not this machine's (IP_TRANSPARENT, Linux).

An nft `tproxy` rule leads a client's packets to the listener, whatever address they are for; the accepted socket's own
name is then the one that the client wanted. The second leg is bound to the client's address, or to its global name.
Packets to either leg find their socket by a mark that their flow has, and a policy route. See the kernel's
Documentation/networking/tproxy.rst. CAP_NET_ADMIN is needed.
"""

import socket
import struct

from doorman.net.addresses import Address, Endpoint, address_of, address_text

IP_TRANSPARENT = 19
"""From <linux/in.h>; Python has no name for it."""
_BACKLOG = 1_024
_RESET = struct.pack("ii", 1, 0)


_ALIVE = (
    (socket.TCP_NODELAY, 1),
    (socket.TCP_KEEPIDLE, 120),  # seconds of silence
    (socket.TCP_KEEPINTVL, 30),  # seconds between probes
    (socket.TCP_KEEPCNT, 4),
    (socket.TCP_USER_TIMEOUT, 120_000),  # milliseconds that what was sent may stay unacknowledged
)


def listen(address: Address, port: int = 0) -> socket.socket:
    """A listener for connections to any address, itself at `address` (127.0.0.1, or all zeros).

    Raises:
        OSError: without CAP_NET_ADMIN, or the port is taken.
    """
    listener = _transparent()
    try:
        listener.bind((address_text(address), port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def second_leg(source: Endpoint, mark: int = 0) -> socket.socket:
    """A socket that connects as `source`, whoever has that address; its packets carry `mark` where given.

    Raises:
        OSError: without CAP_NET_ADMIN, or `source` is in use.
    """
    leg = _transparent()
    try:
        if mark:
            leg.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        leg.bind((address_text(source.address), source.port))
    except OSError:
        leg.close()
        raise
    return leg


def prepare(leg: socket.socket) -> None:
    """Let a leg send at once, and notice when the other end is gone."""
    for option, value in _ALIVE:
        leg.setsockopt(socket.IPPROTO_TCP, option, value)
    leg.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def reset_on_close(leg: socket.socket) -> None:
    """Let closing a leg tell its other end that the connection broke (RST), not that all was sent (FIN)."""
    leg.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def endpoint_of(name: tuple[str, int]) -> Endpoint:
    """What the socket module calls an address, as an endpoint."""
    return Endpoint(address_of(name[0]), name[1])


def _transparent() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    return made
