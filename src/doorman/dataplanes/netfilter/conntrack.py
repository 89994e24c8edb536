"""The kernel's table of flows: listing, looking up, deleting (linux/netfilter/nfnetlink_conntrack.h).

to list      GET     nfgenmsg  MARK(8):u32  MARK_MASK(21):u32
to look up   GET     as to delete
to mark      NEW     as to delete  MARK(8):u32  MARK_MASK(21):u32  [LABELS(22)  LABELS_MASK(23)]  16 bytes each
to change    NEW     as to delete  PROTOINFO(4) { TCP(1) { FLAGS_ORIGINAL(4), FLAGS_REPLY(5) flags:u8 mask:u8 } }
             or TIMEOUT(7) seconds:u32
to delete    DELETE  nfgenmsg with the family  TUPLE_ORIG(1) or TUPLE_REPLY(2)  [ZONE(18)]  [ID(12)]
the answers  NEW     nfgenmsg and what `flow` describes
"""

import errno
import struct
from collections.abc import Iterator, Mapping, Sequence

from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.flow import LABELS, MARK, MARK_MASK, Flow, FlowKey, read_flow, write_key
from doorman.dataplanes.netfilter.messages import attribute, body, nested
from doorman.dataplanes.netfilter.netlink import Netlink, Request
from doorman.dataplanes.netfilter.netlink import dump as dump_messages

_NEW, _GET, _DELETE = 0x100, 0x101, 0x102
_PROTOINFO, _TCP, _FLAGS_ORIGINAL, _FLAGS_REPLY = 4, 1, 4, 5
_BE_LIBERAL = 0x08
_LABELS_MASK, _LABEL_SIZE = 23, 16
_TIMEOUT = 7
_AF_INET, _AF_INET6 = 2, 10
_AT_ONCE = 1000
"""Deletions of one send: their answers have to fit the socket."""


def dump(mark: int = 0, mask: int = 0) -> Iterator[Flow]:
    """The flows, IPv4 and IPv6, whose mark has under `mask` the value `mark`; the kernel picks them.

    The table goes on changing meanwhile: a flow that begins or ends during the list may be in it or not.

    Raises:
        NetlinkError: the kernel refused.
    """
    wanted = attribute(MARK, struct.pack("!I", mark)), attribute(MARK_MASK, struct.pack("!I", mask))
    return map(read_flow, dump_messages(_GET, body(0, *wanted), "list the flows of conntrack"))


def find(netlink: Netlink, key: FlowKey) -> Flow | None:
    """The flow that has a tuple, if there is one.

    Raises:
        NetlinkError: the kernel refused.
    """
    answer = netlink.ask(Request(_GET, _named(key)), f"look for the flow from {key.sender} to {key.receiver}")
    return read_flow(answer) if answer is not None else None


def be_liberal(netlink: Netlink, keys: Sequence[FlowKey]) -> None:
    """Let TCP flows be valid whatever their sequence numbers are; a key that no flow has is passed over.

    Raises:
        NetlinkError: the kernel refused one for another reason.
    """
    flags = bytes((_BE_LIBERAL, _BE_LIBERAL))
    both = attribute(_FLAGS_ORIGINAL, flags), attribute(_FLAGS_REPLY, flags)
    _change(netlink, keys, nested(_PROTOINFO, nested(_TCP, *both)), "let {} number its bytes as it likes")


def prolong(netlink: Netlink, keys: Sequence[FlowKey], seconds: int) -> None:
    """Let flows be silent for so long from now on; a key that no flow has is passed over.

    Raises:
        NetlinkError: the kernel refused one for another reason.
    """
    _change(netlink, keys, attribute(_TIMEOUT, struct.pack("!I", seconds)), "let the flow from {} go on")


def admit(netlink: Netlink, marks: int, labels: Mapping[FlowKey, int]) -> None:
    """Set bits of the mark of flows, and the first 16 bits of their labels, unless they shall be 0.

    A flow that began while no rule set a label has no room for one. A key that no flow has is passed over.

    Raises:
        NetlinkError: the kernel refused one for another reason.
    """
    bits = struct.pack("!I", marks)
    marked = attribute(MARK, bits) + attribute(MARK_MASK, bits)
    mask = attribute(_LABELS_MASK, _label(0xFFFF))
    keys = list(labels)
    wanted = [marked + (attribute(LABELS, _label(number)) + mask if number else b"") for number in labels.values()]
    requests = [Request(_NEW, _named(key) + what) for key, what in zip(keys, wanted, strict=True)]
    for failure in netlink.each(requests) if requests else ():
        if failure.errno != errno.ENOENT:
            raise NetlinkError(failure.errno, f"mark the flow of {keys[failure.position].sender}", failure.explanation)


def _label(number: int) -> bytes:
    return number.to_bytes(_LABEL_SIZE, "little")


def delete(netlink: Netlink, keys: Sequence[FlowKey]) -> list[bool]:
    """Delete flows, by one tuple each; whether each was there, in order.

    A flow whose packets still come is made anew by the next of them, by the rules of then.

    Raises:
        NetlinkError: the kernel refused one for another reason; the others of its thousand are deleted all the same.
    """
    deleted = [True] * len(keys)
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        for failure in netlink.each([Request(_DELETE, _named(key)) for key in some]):
            key = some[failure.position]
            if failure.errno != errno.ENOENT:
                asked = f"delete the flow from {key.sender} to {key.receiver}"
                raise NetlinkError(failure.errno, asked, failure.explanation)
            deleted[start + failure.position] = False
    return deleted


def _change(netlink: Netlink, keys: Sequence[FlowKey], wanted: bytes, asked: str) -> None:
    for failure in netlink.each([Request(_NEW, _named(key) + wanted) for key in keys]):
        if failure.errno != errno.ENOENT:
            sender = keys[failure.position].sender
            raise NetlinkError(failure.errno, asked.format(sender), failure.explanation)


def _named(key: FlowKey) -> bytes:
    family = _AF_INET if len(key.sender.address) == 4 else _AF_INET6  # noqa: PLR2004 - bytes of IPv4
    return body(family, write_key(key))
