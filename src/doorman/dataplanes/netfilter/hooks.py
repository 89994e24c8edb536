"""Chains in the road of packets, and what becomes of packets that wait for a verdict when such a chain comes or goes.

What a transaction does to all that waits in any queue of this network namespace (Linux 6.18, net/netfilter: core.c,
nf_queue.c, nfnetlink_queue.c, nft_ct.c; tests/kernel/test_kernel_waiting.py):

    elements, rules, chains without a hook   nothing
    a chain with a hook comes                nothing at once; but what is accepted then, and waited in that hook behind
                                             the new chain, meets once more the chain that had handed it out
    a chain with a hook goes                 it is dropped; also where the chain came in a transaction that fails, or
                                             is for the kernel to look at only
    a rule goes that sets a conntrack zone   it is dropped some milliseconds later: when the kernel's own readers are
                                             done, or anybody closes a socket of netfilter, which waits for that

So rules are written anew only where they are others, and zones are set by rules that never are. A chain that came is
followed by the demand that all that waits meet the chains anew (`Queue.begin_anew`). One that has nothing to do goes by
itself, in no other transaction, when all that waits has been answered: what comes between the last answer and this is
lost, and counted as refused verdicts.
"""

from collections.abc import Iterable
from typing import NamedTuple

from doorman.dataplanes.netfilter.elements import NFNL_SUBSYS_NFTABLES, NFPROTO_IPV4, NFPROTO_IPV6
from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.messages import NLM_F_CREATE, body, name
from doorman.dataplanes.netfilter.netlink import Netlink, Request

_NEWTABLE = NFNL_SUBSYS_NFTABLES << 8 | 0
_DELTABLE = NFNL_SUBSYS_NFTABLES << 8 | 2
_DELCHAIN = NFNL_SUBSYS_NFTABLES << 8 | 5
_TABLE, _NAME = 1, 3


class HookedChain(NamedTuple):
    """A chain in the road of packets: the family of its table, and its name."""

    family: int
    name: str


def unhook(netlink: Netlink, table: str, chains: Iterable[HookedChain]) -> None:
    """Remove empty chains of the tables with this name, all or none.

    Raises:
        NetlinkError: the kernel refused; one is not there, say.
    """
    requests = [Request(_DELCHAIN, body(family, name(_TABLE, table), name(_NAME, chain))) for family, chain in chains]
    for failure in netlink.batch(NFNL_SUBSYS_NFTABLES, requests):
        raise NetlinkError(failure.errno, f"remove chains of table {table}", failure.explanation)


def remove_tables(netlink: Netlink, table: str, *, ipv6: bool) -> None:
    """Remove all tables with this name, if they are there: that of family ip, and that of ip6 where there may be one.

    The kernel is told directly: where libnftables is asked, more is lost of what comes meanwhile.

    Raises:
        NetlinkError: the kernel refused.
    """
    requests = []
    for family in (NFPROTO_IPV4, NFPROTO_IPV6) if ipv6 else (NFPROTO_IPV4,):
        place = body(family, name(_TABLE, table))
        requests += [Request(_NEWTABLE, place, NLM_F_CREATE), Request(_DELTABLE, place)]
    for failure in netlink.batch(NFNL_SUBSYS_NFTABLES, requests):
        raise NetlinkError(failure.errno, f"remove table {table}", failure.explanation)
