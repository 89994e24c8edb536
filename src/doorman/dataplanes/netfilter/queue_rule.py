"""The rule that hands packets to a queue: nft's own `queue` where the kernel has it, else the xt target NFQUEUE.

Not every kernel is built with CONFIG_NFT_QUEUE, and nft itself cannot write xt targets, so the rule goes to the kernel
by netlink; which of the two it takes is found by trying (linux/netfilter: nf_tables.h, nf_tables_compat.h and
xt_NFQUEUE.h):

    nfgenmsg  TABLE(1) name  CHAIN(2) name  EXPRESSIONS(4) { LIST_ELEM(1) { NAME(1) text  DATA(2) { … } } }

    queue     NUM(1) number:u16  TOTAL(2) queues:u16  FLAGS(3) bypass:u16          in network order
    target    NAME(1) "NFQUEUE"  REV(2) 3:u32  INFO(3) xt_NFQ_info_v3               REV in network order
    xt_NFQ_info_v3   number:u16  queues:u16  flags:u16 (1 bypass)                   in host order, padded to 8 bytes

A chain can hold the rule whether it has a hook or not. The verdict on a packet ends its way through that hook's chain:
after it is accepted, it goes on with the chain of the next priority.
"""

import errno
import struct

from doorman.dataplanes.netfilter.elements import NFNL_SUBSYS_NFTABLES, NFPROTO_IPV4
from doorman.dataplanes.netfilter.errors import DumpInterrupted, NetlinkError
from doorman.dataplanes.netfilter.messages import NLM_F_APPEND, NLM_F_CREATE, attribute, body, name, nested
from doorman.dataplanes.netfilter.netlink import Netlink, Request, dump

_NEWRULE = NFNL_SUBSYS_NFTABLES << 8 | 6
_GETRULE = NFNL_SUBSYS_NFTABLES << 8 | 7
_DELRULE = NFNL_SUBSYS_NFTABLES << 8 | 8
_TABLE, _CHAIN, _EXPRESSIONS = 1, 2, 4
_LIST_ELEM, _EXPR_NAME, _EXPR_DATA = 1, 1, 2
_BYPASS = 1


def append_queue_rule(  # noqa: PLR0913 - where, what, and how
    netlink: Netlink, table: str, chain: str, number: int, *, bypass: bool, only: bool = False
) -> str:
    """Append to a chain of family ip a rule that sends every packet to queue `number`; says which expression it took.

    With `bypass` packets are accepted while no program listens to the queue, else dropped. With `only` the chain's
    other rules go, in the same transaction.

    Raises:
        NetlinkError: no such chain, or the kernel has neither expression.
    """
    place = body(NFPROTO_IPV4, name(_TABLE, table), name(_CHAIN, chain))
    before = [Request(_DELRULE, place)] if only else []
    refusals = []
    for kind, expression in (("queue", _queue(number, bypass)), ("target", _target(number, bypass))):
        rule = Request(_NEWRULE, place + nested(_EXPRESSIONS, expression), NLM_F_CREATE | NLM_F_APPEND)
        failures = netlink.batch(NFNL_SUBSYS_NFTABLES, [*before, rule])
        if not failures:
            return kind
        refusals.append(failures[0])
        if failures[0].errno not in (errno.ENOENT, errno.EOPNOTSUPP):
            break
    refused = refusals[-1]
    raise NetlinkError(refused.errno, f"send packets of chain {table} {chain} to queue {number}", refused.explanation)


def has_rules(table: str, chain: str) -> bool:
    """Whether there is a chain of family ip with any rule in it.

    Raises:
        NetlinkError: the kernel refused.
    """
    place = body(NFPROTO_IPV4, name(_TABLE, table), name(_CHAIN, chain))
    try:
        return bool(list(dump(_GETRULE, place, f"list the rules of chain {table} {chain}")))
    except DumpInterrupted:
        return True  # it changes this moment; who wants to know looks again


def _queue(number: int, bypass: bool) -> bytes:  # noqa: FBT001 - as the caller was told
    fields = attribute(1, struct.pack("!H", number)), attribute(2, struct.pack("!H", 1))
    return _expression("queue", *fields, attribute(3, struct.pack("!H", _BYPASS if bypass else 0)))


def _target(number: int, bypass: bool) -> bytes:  # noqa: FBT001 - as the caller was told
    information = struct.pack("=HHHxx", number, 1, _BYPASS if bypass else 0)
    return _expression("target", name(1, "NFQUEUE"), attribute(2, struct.pack("!I", 3)), attribute(3, information))


def _expression(kind: str, *data: bytes) -> bytes:
    return nested(_LIST_ELEM, name(_EXPR_NAME, kind), nested(_EXPR_DATA, *data))
