"""Single requests about links, addresses, routes and rules (rtnetlink(7)).

Enough to look and to try. pyroute2 can do it all, but takes longer to import than all checks together may take.
All integers are in host order, addresses in network order:

    ifaddrmsg   family:u8  prefix length:u8  flags:u8  scope:u8  index:u32  attributes: 1 address, 2 local
    rtmsg       family:u8  destination and source length:u8  tos:u8  table:u8  protocol:u8  scope:u8  type:u8  flags:u32
                attributes: 1 destination, 4 index of the interface that packets leave by, 5 next hop, 15 table
                            8 metrics { 2 MTU:u32 }
"""

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

from doorman.dataplanes.netfilter.messages import (
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    Message,
    attribute,
    attributes,
    error_of,
    message,
    messages,
)
from doorman.net.addresses import Address, Prefix

_NETLINK_ROUTE = 0
_NEW_ADDRESS, _GET_ADDRESS = 20, 22
_IFADDRMSG = struct.Struct("=BBBBI")
_ADDRESS, _LOCAL = 1, 2
_GET_ROUTE, _MARK = 26, 16
_RTMSG = struct.Struct("=BBBBBBBBI")
_NEW_ROUTE, _DELETE_ROUTE = 24, 25
_DESTINATION, _LEAVES_BY, _GATEWAY, _METRICS, _ROUTE_TABLE = 1, 4, 5, 8, 15
_MTU = 2
_ON_LINK, _UNICAST = 253, 1
_OUR_PROTOCOL = 208
"""Of those that no routing daemon has (linux/rtnetlink.h)."""
MAIN = 254
"""The main routing table."""
_U32 = struct.Struct("=I")
_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL})
"""What the kernel says of addresses to which there is no route, or one that leads nowhere."""
_READ = 1 << 16
_PATIENCE = 2.0
"""In seconds; the kernel answers during the call."""


def change(kind: int, content: bytes, *, new: bool = False) -> None:
    """Make or alter one thing; with `new` it must not be there yet (EEXIST).

    Raises:
        OSError: the kernel refused.
    """
    for answer in _ask(
        message(kind, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | (NLM_F_EXCL if new else 0), 1, content)
    ):
        _raise_error(answer)
        return


def remove(kind: int, content: bytes) -> None:
    """Take one thing away.

    Raises:
        OSError: the kernel refused, ENOENT where it is not there.
    """
    for answer in _ask(message(kind, NLM_F_REQUEST | NLM_F_ACK, 1, content)):
        _raise_error(answer)
        return


def interface_addresses() -> dict[str, tuple[tuple[Address, int], ...]]:
    """The IPv4 addresses of each interface of this namespace, with the lengths of their networks.

    They are in the kernel's order: the one it has had longest comes first, those added to a network of it behind.

    Raises:
        OSError: the kernel does not tell.
    """
    names = dict(socket.if_nameindex())
    addresses: dict[str, tuple[tuple[Address, int], ...]] = dict.fromkeys(names.values(), ())
    for body in listed(_GET_ADDRESS, _NEW_ADDRESS, _IFADDRMSG.pack(socket.AF_INET, 0, 0, 0, 0)):
        _, length, _, _, index = _IFADDRMSG.unpack_from(body)
        fields = attributes(body, _IFADDRMSG.size)
        # On a link between two, `address` is the other end.
        own = Address(fields.get(_LOCAL) or fields[_ADDRESS])
        if index in names:
            addresses[names[index]] += ((own, length),)
    return addresses


def listed(kind: int, entry: int, content: bytes) -> Iterator[bytes]:
    """What the kernel has of a kind of things: asked for by `kind`, the messages of the kind `entry` that come.

    Raises:
        OSError: the kernel does not tell.
    """
    for answer in _ask(message(kind, NLM_F_REQUEST | NLM_F_DUMP, 1, content)):
        if answer.kind in (NLMSG_DONE, NLMSG_ERROR):
            _raise_error(answer)
            return
        if answer.kind == entry:
            yield answer.body


class Way(NamedTuple):
    """How a packet goes on: by the interface of this index, to this next hop; None: to the receiver itself."""

    interface: int
    gateway: Address | None


class Route(NamedTuple):
    """A route to a network, in a table; `mtu`: the longest packet that goes by it, 0 for what its interface takes."""

    destination: Prefix
    way: Way
    table: int
    mtu: int = 0


def add_route(route: Route) -> None:
    """Make a route.

    Raises:
        OSError: the kernel refused, EEXIST where there is one to that network.
    """
    change(_NEW_ROUTE, _route(route), new=True)


def remove_route(route: Route) -> None:
    """Take away a route that was made here.

    Raises:
        OSError: the kernel refused, ESRCH where it is not there.
    """
    remove(_DELETE_ROUTE, _route(route))


def _route(route: Route) -> bytes:
    (network, length), (interface, gateway), table, mtu = route
    family = socket.AF_INET if len(network) == 4 else socket.AF_INET6  # noqa: PLR2004 - bytes of an IPv4 address
    scope = _ON_LINK if gateway is None and family == socket.AF_INET else 0
    head = _RTMSG.pack(family, length, 0, 0, 0, _OUR_PROTOCOL, scope, _UNICAST, 0)
    hop = b"" if gateway is None else attribute(_GATEWAY, gateway)
    goal = attribute(_DESTINATION, network) if length else b""
    hop += attribute(_METRICS, attribute(_MTU, _U32.pack(mtu))) if mtu else b""
    return head + goal + hop + attribute(_LEAVES_BY, _U32.pack(interface)) + attribute(_ROUTE_TABLE, _U32.pack(table))


def leaves_by(address: Address, mark: int = 0) -> int:
    """The index of the interface by which this machine would send to an IPv4 address; 0 where it has no route.

    The routes may be those of packets with a `mark`.

    Raises:
        OSError: the kernel does not tell.
    """
    way = way_to(address, mark)
    return way.interface if way is not None else 0


def way_to(address: Address, mark: int = 0) -> Way | None:
    """How this machine would send to an IPv4 address; None where it has no route.

    The routes may be those of packets with a `mark`.

    Raises:
        OSError: the kernel does not tell.
    """
    asked = _RTMSG.pack(socket.AF_INET, 32, 0, 0, 0, 0, 0, 0, 0) + attribute(_DESTINATION, address)
    if mark:
        asked += attribute(_MARK, struct.pack("=I", mark))
    for answer in _ask(message(_GET_ROUTE, NLM_F_REQUEST, 1, asked)):
        if answer.kind == NLMSG_ERROR:
            if -struct.unpack_from("=i", answer.body)[0] in _UNREACHABLE:
                return None
            _raise_error(answer)
        found = attributes(answer.body, _RTMSG.size)
        interface = int.from_bytes(found.get(_LEAVES_BY, b""), sys.byteorder)
        return Way(interface, Address(found[_GATEWAY]) if _GATEWAY in found else None)
    return None


def _ask(question: bytes) -> Iterator[Message]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE) as link:
        link.settimeout(_PATIENCE)
        link.send(question)
        while True:
            yield from messages(link.recv(_READ))


def _raise_error(answer: Message) -> None:
    number, explanation = error_of(answer)
    if number:
        raise OSError(number, explanation or os.strerror(number))
