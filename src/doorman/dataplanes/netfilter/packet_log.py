"""Packets that rules have logged (NFLOG, linux/netfilter/nfnetlink_log.h).

    kernel to us   PACKET   PACKET_HDR(1)  IFINDEX_INDEV(4):u32  IFINDEX_OUTDEV(5):u32  PAYLOAD(9) its first bytes
                            PREFIX(10) text, as the rule has it, and more that is passed over
    us to kernel   CONFIG   CFG_CMD(1) command:u8  CFG_MODE(2) length:u32 mode:u8 0:u8  CFG_QTHRESH(5):u32

All in network order. The group of a CONFIG is the resource of its nfgenmsg. What nobody reads in time is lost: logs may
have holes, traffic may not.
"""

import struct
from typing import NamedTuple

from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.messages import (
    NLM_F_ACK,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    attribute,
    attributes,
    body,
    error_of,
    message,
    messages,
)
from doorman.dataplanes.netfilter.netlink import Listener, open_socket

_PACKET, _CONFIG = 0x400, 0x401
_CFG_CMD, _CFG_MODE, _CFG_QTHRESH = 1, 2, 5
_BIND, _COPY_PACKET = 1, 2
_INDEV, _OUTDEV, _PAYLOAD, _PREFIX = 4, 5, 9, 10
_READ = 1 << 16


class LoggedPacket(NamedTuple):
    """A packet that a rule logged.

    Attributes:
        prefix: what the rule says of it.
        in_index, out_index: the interfaces it came by and leaves by, by index; 0 where there is none.
        data: its first bytes, from the IP header on.
    """

    prefix: str
    in_index: int
    out_index: int
    data: bytes


class PacketLog(Listener):
    """One group of logged packets, of which so many bytes are kept each.

    Attributes:
        group: its number.
        overruns: how often the kernel told that our socket was full and packets did not come.

    Raises:
        NetlinkError: the kernel cannot log to programs, or another one has the group (EBUSY).
    """

    def __init__(self, group: int, *, length: int = 128) -> None:
        self.group = group
        super().__init__(open_socket(1 << 20))
        try:
            self._configure(length)
        except BaseException:
            self.close()
            raise

    def receive(self, limit: int = 256) -> list[LoggedPacket]:
        """The packets that wait, of up to `limit` datagrams; an empty list if there are none. Never blocks."""
        return [read_logged(told.body) for told in self.hear(limit) if told.kind == _PACKET]

    def _configure(self, length: int) -> None:
        """Bind, then say how."""
        mode = struct.pack("!IBx", length, _COPY_PACKET)
        for content in (
            attribute(_CFG_CMD, bytes((_BIND,))),
            attribute(_CFG_MODE, mode) + attribute(_CFG_QTHRESH, struct.pack("!I", 1)),
        ):
            asked = body(0, content, resource=self.group)
            self._socket.send(message(_CONFIG, NLM_F_REQUEST | NLM_F_ACK, 1, asked))
            refused = self._answer()
            if refused:
                raise NetlinkError(refused, f"read the log of group {self.group}")

    def _answer(self) -> int:
        """What the kernel said; packets that were logged before it did are passed over."""
        while True:
            for told in messages(self._socket.recv(_READ)):
                if told.kind == NLMSG_ERROR:
                    return error_of(told)[0]


def read_logged(content: bytes) -> LoggedPacket:
    """Read a packet's message, from its nfgenmsg on.

    Raises:
        NetlinkMalformed: lengths that do not fit.
    """
    found = attributes(content)
    number = int.from_bytes
    prefix = found.get(_PREFIX, b"").rstrip(b"\0").decode("utf-8", "replace")
    return LoggedPacket(
        prefix, number(found.get(_INDEV, b""), "big"), number(found.get(_OUTDEV, b""), "big"), found.get(_PAYLOAD, b"")
    )
