"""How long the kernel keeps a silent flow of ICMP or GRE: `ct timeout` objects that nft cannot write, only name.

So they go to the kernel by netlink, before the rules that name them (linux/netfilter: nf_tables.h,
nfnetlink_cttimeout.h):

    nfgenmsg  TABLE(1) name  NAME(2) name  TYPE(3) 7:u32  DATA(4) { L3PROTO(1) 2:u16  L4PROTO(2):u8  DATA(3) { … } }

    ICMP      TIMEOUT(1) seconds:u32                       of queries: errors are no flows
    GRE       UNREPLIED(1) seconds:u32  REPLIED(2):u32     what PPTP carries

As with the others, an object is named after what it says, since it can be made but not changed.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from doorman.config.model import Timeouts
from doorman.config.zones import ParameterMap
from doorman.dataplanes.netfilter.elements import NFNL_SUBSYS_NFTABLES, NFPROTO_IPV4
from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.lifetimes import kernel_seconds
from doorman.dataplanes.netfilter.messages import NLM_F_CREATE, attribute, body, name, nested
from doorman.dataplanes.netfilter.netlink import Netlink, Request
from doorman.net.packet import GRE, ICMP

_NEWOBJ = NFNL_SUBSYS_NFTABLES << 8 | 18
_TABLE, _NAME, _TYPE, _DATA = 1, 2, 3, 4
_L3PROTO, _L4PROTO, _POLICY = 1, 2, 3
_CT_TIMEOUT = 7
_STATES = {ICMP: 1, GRE: 2}
"""How many states a flow of each protocol can be in."""


class PortlessTimeout(NamedTuple):
    """A `ct timeout` object.

    Attributes:
        name: of the object.
        protocol: its number.
        match: the packets it is for, in nft's words.
        seconds: for whichever state a flow is in.
    """

    name: str
    protocol: int
    match: str
    seconds: int


def portless_timeouts(timeouts: Timeouts) -> Iterator[PortlessTimeout]:
    """The objects for a configuration."""
    for word, protocol, said in (("icmp", ICMP, timeouts.icmp), ("gre", GRE, timeouts.pptp)):
        seconds = kernel_seconds(said)
        yield PortlessTimeout(f"{word}_{seconds}", protocol, f"meta l4proto {word}", seconds)


def session_icmp(parameters: ParameterMap) -> PortlessTimeout:
    """The object for sessions of ICMP that the firewall keeps."""
    seconds = kernel_seconds(parameters.icmp_idle)
    return PortlessTimeout(f"icmp_{seconds}", ICMP, "meta l4proto icmp", seconds)


def make_timeouts(netlink: Netlink, table: str, wanted: Iterable[PortlessTimeout]) -> None:
    """See that the objects are in a table of family ip.

    Raises:
        NetlinkError: no such table, or the kernel has no such objects.
    """
    failures = netlink.batch(NFNL_SUBSYS_NFTABLES, [_request(table, timeout) for timeout in wanted])
    if failures:
        raise NetlinkError(failures[0].errno, f"make timeouts in table {table}", failures[0].explanation)


def _request(table: str, timeout: PortlessTimeout) -> Request:
    seconds = struct.pack("!I", timeout.seconds)
    states = nested(_POLICY, *(attribute(state, seconds) for state in range(1, _STATES[timeout.protocol] + 1)))
    family = attribute(_L3PROTO, struct.pack("!H", NFPROTO_IPV4))
    data = nested(_DATA, family, attribute(_L4PROTO, bytes([timeout.protocol])), states)
    kind = attribute(_TYPE, struct.pack("!I", _CT_TIMEOUT))
    return Request(
        _NEWOBJ, body(NFPROTO_IPV4, name(_TABLE, table), name(_NAME, timeout.name), kind, data), NLM_F_CREATE
    )
