"""The named counters of our table, its chains with their rules, and the names of its sets: linux/netfilter/nf_tables.h.

to list      GETCHAIN        TABLE(1) name                              answers TABLE(1)  NAME(3)  [HOOK(4)]
             GETRULE         TABLE(1) name                              answers TABLE(1)  CHAIN(2)
             GETSET          TABLE(1) name                              answers TABLE(1)  NAME(2)
             GETOBJ          TABLE(1) name  TYPE(3) 1:u32               answers TABLE(1)  NAME(2)  DATA(4) { count }
to reset     GETOBJ_RESET    TABLE(1) name  NAME(2) name  TYPE(3) 1:u32
count        BYTES(1):u64    PACKETS(2):u64

All in network order. A counter that rules refer to by its name outlives those rules, so that a change of the rules, in
which it stays, loses no packet.
"""

import errno
import struct
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from doorman.dataplanes.netfilter.elements import NFNL_SUBSYS_NFTABLES, NFPROTO_IPV4, NFPROTO_IPV6
from doorman.dataplanes.netfilter.errors import DumpInterrupted, NetlinkError
from doorman.dataplanes.netfilter.messages import attribute, attributes, body, name
from doorman.dataplanes.netfilter.netlink import Netlink, Request, dump

_GETCHAIN = NFNL_SUBSYS_NFTABLES << 8 | 4
_GETRULE = NFNL_SUBSYS_NFTABLES << 8 | 7
_GETSET = NFNL_SUBSYS_NFTABLES << 8 | 10
_GETOBJ = NFNL_SUBSYS_NFTABLES << 8 | 19
_GETOBJ_RESET = NFNL_SUBSYS_NFTABLES << 8 | 21
_TABLE, _CHAIN_NAME, _HOOK, _RULE_CHAIN, _NAME, _TYPE, _DATA = 1, 3, 4, 2, 2, 3, 4
_BYTES, _PACKETS = 1, 2
_COUNTER = attribute(_TYPE, struct.pack("!I", 1))
_TRIES = 5


class Count(NamedTuple):
    """What a counter has counted."""

    packets: int = 0
    bytes: int = 0


def chains_of(table: str, family: int = NFPROTO_IPV4) -> dict[str, bool]:
    """The chains of a table, of family ip unless said otherwise, by name; none where there is no such table.

    Each with whether it has a hook, and so is in the road of packets.

    Raises:
        NetlinkError: the kernel refused.
    """
    return {_text(chain[_CHAIN_NAME]): _HOOK in chain for chain in _listed(_GETCHAIN, "chains", table, family)}


def rule_counts(table: str) -> Counter[str]:
    """How many rules the chains of a table of family ip have, by their names.

    Raises:
        NetlinkError: the kernel refused.
    """
    return Counter(_text(rule[_RULE_CHAIN]) for rule in _listed(_GETRULE, "rules", table))


def set_names_of(table: str) -> frozenset[str]:
    """The names of the sets and maps of a table of family ip that have one; none where there is no such table.

    Raises:
        NetlinkError: the kernel refused.
    """
    try:
        return frozenset(_text(one[_NAME]) for one in _listed(_GETSET, "sets", table))
    except NetlinkError as error:
        if error.errno == errno.ENOENT:  # of a table that is not there no sets are listed, but chains are: none
            return frozenset()
        raise


def has_ipv6(table: str) -> bool:
    """Whether there is a table of family ip6 with this name, and with chains.

    Raises:
        NetlinkError: the kernel refused.
    """
    return bool(chains_of(table, NFPROTO_IPV6))


def counts_of(table: str, family: int = NFPROTO_IPV4) -> dict[str, Count]:
    """What the named counters of a table have counted, of family ip unless said otherwise; none where there is none.

    Raises:
        NetlinkError: the kernel refused.
    """
    return {_text(one[_NAME]): _count(one) for one in _listed(_GETOBJ, "counters", table, family, _COUNTER)}


def reset(netlink: Netlink, table: str, names: Iterable[str]) -> None:
    """Let counters begin at zero; those that are not there are passed over.

    Raises:
        NetlinkError: the kernel refused.
    """
    for one in names:
        asked = body(NFPROTO_IPV4, name(_TABLE, table), name(_NAME, one), _COUNTER)
        netlink.ask(Request(_GETOBJ_RESET, asked), f"reset the counter {one}")


def _listed(
    command: int, what: str, table: str, family: int = NFPROTO_IPV4, kind: bytes = b""
) -> list[dict[int, bytes]]:
    """The attributes of all that a table has of something, undisturbed by whoever changes it meanwhile."""
    asked = body(family, name(_TABLE, table), kind)
    for _ in range(_TRIES - 1):
        with suppress(DumpInterrupted):
            return _once(command, what, table, asked)
    return _once(command, what, table, asked)


def _once(command: int, what: str, table: str, asked: bytes) -> list[dict[int, bytes]]:
    found = map(attributes, dump(command, asked, f"list the {what} of table {table}"))
    return [one for one in found if _text(one[_TABLE]) == table]


def _count(counter: dict[int, bytes]) -> Count:
    data = attributes(counter[_DATA], 0)
    return Count(int.from_bytes(data[_PACKETS], "big"), int.from_bytes(data[_BYTES], "big"))


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")
