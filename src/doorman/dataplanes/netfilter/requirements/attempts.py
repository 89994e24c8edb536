"""Attempts: each makes one thing of the kernel, and raises OSError where the kernel does not have it.

An nft attempt is the commands that make a table with it. The others are single netlink requests or socket options.
Numbers are those of linux/netfilter/*.h, linux/rtnetlink.h and linux/if_link.h.
"""

import socket
import struct
from collections.abc import Callable
from typing import Literal, NamedTuple

from doorman.dataplanes.netfilter.elements import NFPROTO_IPV4
from doorman.dataplanes.netfilter.messages import attribute, body, name, nested
from doorman.dataplanes.netfilter.netlink import Netlink, Request, dump
from doorman.dataplanes.netfilter.queue_rule import append_queue_rule
from doorman.dataplanes.netfilter.rtnetlink import change

TABLE, OWNED = "doorman-trial", "doorman-trial-owned"

Place = Literal["namespace", "host"]
"""A namespace of the trial's own, where anything may be made; or the host's, where nothing may be left."""

_RTM_NEWLINK = 16
_NFQNL_MSG_CONFIG = 3 << 8 | 2
_IPCTNL_MSG_CT_GET = 1 << 8 | 1
_NFNL_MSG_COMPAT_GET = 11 << 8

_IFINFOMSG = struct.Struct("=BxHiII")
"""Family, type, index, flags, which flags to change."""


class Attempt(NamedTuple):
    """One way to find a feature: `commands` for libnftables, or `make`. `where` is None if it can be made anywhere."""

    label: str
    commands: tuple[str, ...] = ()
    make: Callable[[], None] | None = None
    where: Place | None = None


def nft(label: str, *commands: str) -> Attempt:
    """An attempt by nft commands that add to `ip T`, a table that is made afresh in the same transaction."""
    afresh = "add table ip T", "delete table ip T", "add table ip T"
    return Attempt(label, commands=tuple(command.replace("ip T", f"ip {TABLE}", 1) for command in (*afresh, *commands)))


def rule(expression: str, chain: str = "filter hook prerouting priority mangle") -> tuple[str, str]:
    """The nft commands that make a chain with one rule."""
    return f"add chain ip T c {{ type {chain}; }}", f"add rule ip T c {expression}"


def append_rule() -> None:
    """Make a chain in the trial's table, and the rule that sends packets to a queue in it as the gateway does."""
    new_table, new_chain = 10 << 8, 10 << 8 | 3
    create = 0x400
    with Netlink() as netlink:
        table = Request(new_table, body(NFPROTO_IPV4, name(1, TABLE)), create)
        chain = Request(new_chain, body(NFPROTO_IPV4, name(1, TABLE), name(3, "queue")), create)
        for failure in netlink.batch(10, [table, chain]):
            raise OSError(failure.errno, failure.explanation or "no table")
        append_queue_rule(netlink, TABLE, "queue", 0, bypass=True)


def find_xt_nfqueue() -> None:
    """Ask nft_compat for revision 3 of the xt target NFQUEUE: what can be asked where no rule may be made."""
    target = name(1, "NFQUEUE"), attribute(2, struct.pack("!I", 3)), attribute(3, struct.pack("!I", 1))
    with Netlink() as netlink:
        netlink.request(Request(_NFNL_MSG_COMPAT_GET, body(NFPROTO_IPV4, *target)), "find the xt target NFQUEUE")


def bind_queue() -> None:
    """Bind the last queue; the end of the socket gives it back."""
    bind = attribute(1, struct.pack("!BBH", 1, 0, socket.AF_INET))
    with Netlink() as netlink:
        netlink.request(Request(_NFQNL_MSG_CONFIG, body(socket.AF_UNSPEC, bind, resource=0xFFFF)), "bind a queue")


def dump_conntrack() -> None:
    """Begin to list conntrack's table."""
    next(dump(_IPCTNL_MSG_CT_GET, body(NFPROTO_IPV4), "list conntrack's table"), None)


def make_vrf() -> None:
    """Make a VRF device with a routing table of its own."""
    link = _IFINFOMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    kind = nested(18, name(1, "vrf"), nested(2, attribute(1, struct.pack("=I", 1001))))
    change(_RTM_NEWLINK, link + name(3, "doorman-vrf") + kind)
