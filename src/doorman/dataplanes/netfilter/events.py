"""News of conntrack: flows that begin, are answered and end, of those only whose mark has a bit of ours.

The kernel's socket filter does the picking, a program of classic BPF with netlink's extension: `ld [NLATTR]` finds,
from offset A on, the attribute of type X, and leaves its offset in A, or 0 (linux/filter.h; as libnetfilter_conntrack
uses it).

While nf_conntrack_events is 2, its default, only flows that began while somebody listened are told of when they end:
who starts late, or lost some, lists the table.
"""

from enum import Enum
from typing import NamedTuple

from doorman.dataplanes.netfilter.flow import MARK, Flow, read_flow
from doorman.dataplanes.netfilter.messages import NLM_F_CREATE
from doorman.dataplanes.netfilter.netlink import Listener, open_socket
from doorman.dataplanes.netfilter.socket_filter import (
    JEQ,
    JSET,
    LD_ABS,
    LD_IMM,
    LD_IND,
    LDX_IMM,
    RET,
    TAX,
    WHOLE,
    Instruction,
    attach_filter,
)

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_READ = 1 << 14
"""Bytes read at once: each event is a datagram of its own."""
_GROUP_NEW, _GROUP_UPDATE, _GROUP_DESTROY = 1, 2, 3

_NLATTR = 0xFFFFF000 + 12
_FIRST_ATTRIBUTE = 20


class Kind(Enum):
    """What happened to a flow."""

    NEW = "new"
    UPDATE = "update"
    """Its status or its mark is another now: mostly, that it was answered."""
    DESTROY = "destroy"


_MADE, _DESTROYED = 0x100, 0x102


class Event(NamedTuple):
    """A flow has begun, has changed, or has ended: then with its final counters, if they are kept."""

    kind: Kind
    flow: Flow


class Events(Listener):
    """A socket that hears of flows whose mark has a bit of `mask`.

    An event takes some 1 KiB of its `buffer` (in bytes; the
    kernel takes twice as many).

    Attributes:
        overruns: how often the kernel told that our socket was full and events were lost: then list the table.
    """

    def __init__(self, mask: int, *, buffer: int = 16 << 20) -> None:
        super().__init__(open_socket(buffer))
        try:
            attach_filter(self._socket, *_program(mask))
            for group in (_GROUP_NEW, _GROUP_UPDATE, _GROUP_DESTROY):
                self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        except BaseException:
            self._socket.close()
            raise

    def receive(self, limit: int = 1024) -> list[Event]:
        """The events that wait, up to some `limit`, in their order; an empty list if there are none. Never blocks."""
        events: list[Event] = []
        for told in self.hear(limit, _READ):
            if told.kind == _DESTROYED:
                events.append(Event(Kind.DESTROY, read_flow(told.body)))
            elif told.kind == _MADE:
                kind = Kind.NEW if told.flags & NLM_F_CREATE else Kind.UPDATE
                events.append(Event(kind, read_flow(told.body)))
        return events


def _program(mask: int) -> tuple[Instruction, ...]:
    """Let pass what has a MARK with a bit of `mask`."""
    return (
        (LD_IMM, 0, 0, _FIRST_ATTRIBUTE),
        (LDX_IMM, 0, 0, MARK),
        (LD_ABS, 0, 0, _NLATTR),
        (JEQ, 3, 0, 0),
        (TAX, 0, 0, 0),
        (LD_IND, 0, 0, 4),
        (JSET, 1, 0, mask),
        (RET, 0, 0, 0),
        (RET, 0, 0, WHOLE),
    )
