"""What the elements of a set have counted, each by its own counter (linux/netfilter/nf_tables.h).

to list      GETSETELEM  TABLE(1) name  SET(2) name
answers      ELEMENTS(3) { LIST_ELEM(1) { KEY(1) { VALUE(1) bytes }  EXPR(7) { NAME(1) "counter"  DATA(2) count } } … }
count        { BYTES(1):u64    PACKETS(2):u64 }

The sets must have no other expression than the counter: then there would be a list of them.
"""

from collections.abc import Iterator

from doorman.dataplanes.netfilter.elements import NFNL_SUBSYS_NFTABLES, NFPROTO_IPV4
from doorman.dataplanes.netfilter.errors import DumpInterrupted
from doorman.dataplanes.netfilter.messages import attributes, body, each_attribute, name
from doorman.dataplanes.netfilter.netlink import dump

_GETSETELEM = NFNL_SUBSYS_NFTABLES << 8 | 13
_TABLE, _SET, _ELEMENTS = 1, 2, 3
_LIST_ELEM, _KEY, _EXPR = 1, 1, 7
_VALUE, _DATA, _PACKETS = 1, 2, 2


def packets_of(table: str, set_name: str) -> dict[bytes, int]:
    """How many packets each element of a set of family ip has counted, by its key; all that could be listed.

    Raises:
        NetlinkError: the kernel refused.
    """
    asked = body(NFPROTO_IPV4, name(_TABLE, table), name(_SET, set_name))
    found: dict[bytes, int] = {}
    try:
        for answer in dump(_GETSETELEM, asked, f"list set {set_name} of table {table}"):
            for kind, element in each_attribute(attributes(answer).get(_ELEMENTS, b"")):
                if kind == _LIST_ELEM:
                    found.update(_count(element))
    except DumpInterrupted:
        pass  # it changes this moment; who wants to know looks again
    return found


def _count(element: bytes) -> Iterator[tuple[bytes, int]]:
    fields = attributes(element, 0)
    if _EXPR in fields:
        count = attributes(attributes(fields[_EXPR], 0)[_DATA], 0)
        yield attributes(fields[_KEY], 0)[_VALUE], int.from_bytes(count[_PACKETS], "big")
