"""Packets that the kernel hands out for a verdict (NFQUEUE, linux/netfilter/nfnetlink_queue.h).

    kernel to us   PACKET   PACKET_HDR(1) id:u32 protocol:u16 hook:u8  MARK(3):u32  IFINDEX_INDEV(5):u32
                            PAYLOAD(10) the IP packet, and more that is passed over
    us to kernel   VERDICT  [MARK(3):u32]  VERDICT_HDR(2) verdict:u32 id:u32  [PAYLOAD(10) the packet as it shall go on]
                   CONFIG   CMD(1) command:u8 0:u8 family:u16  PARAMS(2) length:u32 mode:u8  QUEUE_MAXLEN(3):u32
                            MASK(4):u32 FLAGS(5):u32

All in network order. Each packet comes as a datagram of its own; verdicts go many at a time. We do not ask for segments
that are yet to be cut or checksummed (flag GSO), so the kernel gives packets as they would be on the wire, and takes
ours as they are: a packet that was changed needs right checksums.

A verdict could also set the mark of the packet's conntrack entry, but not on every kernel (NETFILTER_NETLINK_GLUE_CT).
The packet's own mark can be set on all: a chain of the next priority copies it.
"""

import errno
import socket
import struct
from pathlib import Path
from typing import Final, NamedTuple, Self

from doorman.dataplanes.netfilter.datagrams import Datagrams
from doorman.dataplanes.netfilter.errors import NetlinkError, QueueTaken
from doorman.dataplanes.netfilter.messages import (
    ATTRIBUTE,
    MESSAGE,
    NLM_F_ACK,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    PADDING,
    Message,
    attribute,
    body,
    error_of,
    message,
)
from doorman.dataplanes.netfilter.netlink import NetlinkSocket, open_socket
from doorman.dataplanes.netfilter.queued_packet import PacketReader, QueuedPacket
from doorman.net.memo import remember

_PACKET: Final = 0x300
_VERDICT: Final = 0x301
_CONFIG: Final = 0x302
_CFG_CMD, _CFG_PARAMS, _CFG_MAXLEN, _CFG_MASK, _CFG_FLAGS = 1, 2, 3, 4, 5
_BIND, _COPY_PACKET, _FAIL_OPEN = 1, 2, 1
_VERDICT_HDR: Final = 2
_MARK: Final = 3
_PAYLOAD: Final = 10
_DROP: Final = 0
_ACCEPT: Final = 1
_REPEAT: Final = 4

MAX_PACKET: Final = 0xFFFF - 4
"""The most bytes of a packet that fit an attribute: of longer ones the kernel gives only so many."""

MOST_PACKETS: Final = 64
"""The most packets that are received at once: with more of them the first would wait longer than it saves."""

_DATAGRAM: Final = (1 << 16) + 1_024
"""Bytes of the longest message: a packet, and what is told of it."""
_RECEIVE_BUFFER: Final = 8 << 20
_SEND_AT: Final = 128 << 10
"""Verdicts are sent early when so many bytes of them have gathered, well within the socket's own limit."""
_PROC: Final = Path("/proc/thread-self/net/netfilter/nfnetlink_queue")

_HEADER: Final = 4
"""Bytes before the content of an attribute: its length and its kind, in host order, unlike all else."""
_KIND_AT: Final = 4
_PACKET_KIND: Final = struct.pack("=H", _PACKET)
_U32: Final = struct.Struct("!I")
_whole: Final = struct.Struct("=I").pack
"""A verdict begins with the length of its message."""
_changed: Final = struct.Struct("=I24s4sHH").pack
"""All of a verdict but the packet that goes on: length, what all of its kind begin with, number, attribute."""
_changed_and_marked: Final = struct.Struct("=I32s4sHH").pack
_NUMBER_AND_HEADER: Final = 8
_LENGTH: Final = 4
"""Bytes of the length that a message begins with."""
_VERDICT_HDR_SIZE: Final = 12
_MOST_MARKS: Final = 256
_CONFIGURING: Final = 1
"""The sequence number of our one question; verdicts have 0, and are not answered unless refused."""


class Statistics(NamedTuple):
    """What the kernel counted of a queue: packets that wait now, dropped as it was full, dropped as our socket was."""

    waiting: int
    dropped: int
    user_dropped: int


class Queue(NetlinkSocket):
    """One queue. Packets that wait when it is closed are dropped, whatever the rule says of bypass.

    Attributes:
        number: the queue's number.
        overruns: how often the kernel told that our socket was full and packets did not come.
        refused_verdicts: verdicts the kernel refused: a packet had gone with an interface or a chain, see `hooks`.
    """

    def __init__(self, number: int, link: socket.socket) -> None:
        self.number = number
        self.overruns = 0
        self.refused_verdicts = 0
        super().__init__(link)
        self._datagrams = Datagrams(MOST_PACKETS, _DATAGRAM)
        self._early: list[QueuedPacket] = []
        self._verdicts: list[bytes] = []
        self._gathered = 0
        self._answer: int | None = None
        self._accepted, self._dropped = (_verdict_start(number, verdict) for verdict in (_ACCEPT, _DROP))
        self._accepted_as: dict[int, bytes] = {}
        self._reader = PacketReader()

    @classmethod
    def open(cls, number: int, *, length: int, fail_open: bool) -> Self:
        """Listen to queue `number` (0 to 65535), which holds up to `length` packets.

        When it is full, packets are accepted with `fail_open`, else dropped. If a rule sends packets already, the first
        may have been read by now: call `receive` once before waiting for the descriptor.

        Raises:
            QueueTaken: another program has it.
            NetlinkError: the kernel refused otherwise, EPERM without CAP_NET_ADMIN.
        """
        queue = cls(number, open_socket(_RECEIVE_BUFFER, 1 << 20))
        try:
            queue._configure(length, fail_open)
        except BaseException:
            queue.close()
            raise
        return queue

    def receive(self) -> list[QueuedPacket]:
        """The packets that wait, up to MOST_PACKETS; an empty list if there are none. Never blocks."""
        packets = self._early[:MOST_PACKETS]
        if packets:
            del self._early[:MOST_PACKETS]
            return packets
        for datagram in self._take():
            if datagram[_KIND_AT : _KIND_AT + 2] == _PACKET_KIND:
                packets.append(self._reader.read(datagram))
                continue
            _, kind, flags, sequence, _ = MESSAGE.unpack_from(datagram)
            if kind == NLMSG_ERROR:
                self._answered(Message(kind, flags, sequence, datagram[MESSAGE.size :]))
        return packets

    def accept(self, packet_id: bytes, data: bytes | None = None, *, mark: int | None = None) -> None:
        """Let a packet go on, as `data` and with this packet mark where given; takes effect with `flush` at the latest.

        Raises:
            ValueError: data longer than MAX_PACKET, which the kernel could not be told.
        """
        start, pack = self._accepted, _changed
        if mark is not None:
            start, pack = self._accepted_as.get(mark) or self._accepted_with(mark), _changed_and_marked
        if data is None:
            self._judge(packet_id, start)
            return
        length = len(data)
        if length > MAX_PACKET:
            raise ValueError(f"a packet of {length} bytes: a verdict carries up to {MAX_PACKET}")
        padding = PADDING[length & 3]
        size = _LENGTH + len(start) + _NUMBER_AND_HEADER + length + len(padding)
        self._verdicts.append(pack(size, start, packet_id, length + _HEADER, _PAYLOAD))
        self._verdicts.append(data)
        self._verdicts.append(padding)
        self._gather(size)

    def repeat(self, packet_id: bytes, *, mark: int) -> None:
        """Let a packet, with this mark, meet the chain once more that handed it out; takes effect with `flush`."""
        self._judge(packet_id, _verdict_start(self.number, _REPEAT, mark))

    def begin_anew(self) -> None:
        """Let all packets that wait, unlooked at, meet the chains once more, and come again: see `hooks`."""
        waiting: list[QueuedPacket] = []
        while packets := self.receive():
            waiting += packets
        for packet in waiting:
            self.repeat(packet.id, mark=packet.mark)
        self.flush()

    def drop(self, packet_id: bytes) -> None:
        """Let a packet vanish; takes effect with `flush` at the latest."""
        self._judge(packet_id, self._dropped)

    def flush(self) -> None:
        """Send the verdicts gathered so far; the packets go on during this call."""
        if self._verdicts:
            data = b"".join(self._verdicts)
            self._verdicts.clear()
            self._gathered = 0
            self._socket.send(data)

    def statistics(self) -> Statistics:
        """What the kernel counted since the queue was opened."""
        return statistics(self.number) or Statistics(0, 0, 0)

    def when_full(self, *, accept: bool) -> None:
        """Let packets that find the queue full be accepted from now on, or dropped."""
        flags = attribute(_CFG_FLAGS, _U32.pack(_FAIL_OPEN if accept else 0))
        mask = attribute(_CFG_MASK, _U32.pack(_FAIL_OPEN))
        self._socket.send(message(_CONFIG, NLM_F_REQUEST, 0, body(0, mask, flags, resource=self.number)))

    def _take(self) -> list[bytes]:
        """What waits in the socket."""
        while True:
            try:
                return self._datagrams.take(self._socket.fileno())
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.overruns += 1

    def _accepted_with(self, mark: int) -> bytes:
        return remember(self._accepted_as, mark, _verdict_start(self.number, _ACCEPT, mark), _MOST_MARKS)

    def _judge(self, packet_id: bytes, start: bytes) -> None:
        """A verdict on a packet as it came."""
        size = _LENGTH + len(start) + len(packet_id)
        self._verdicts.append(b"%b%b%b" % (_whole(size), start, packet_id))
        self._gather(size)

    def _gather(self, size: int) -> None:
        """Count a verdict of so many bytes."""
        self._gathered += size
        if self._gathered >= _SEND_AT:
            self.flush()

    def _configure(self, length: int, fail_open: bool) -> None:  # noqa: FBT001 - as `open` was told
        """Bind, and say how, in one message: else the first packets could come without their contents."""
        content = body(
            0,
            attribute(_CFG_CMD, struct.pack("!BxH", _BIND, 0)),
            attribute(_CFG_PARAMS, struct.pack("!IB", 0xFFFF, _COPY_PACKET)),
            attribute(_CFG_MAXLEN, _U32.pack(length)),
            attribute(_CFG_MASK, _U32.pack(_FAIL_OPEN)),
            attribute(_CFG_FLAGS, _U32.pack(_FAIL_OPEN if fail_open else 0)),
            resource=self.number,
        )
        self._socket.send(message(_CONFIG, NLM_F_REQUEST | NLM_F_ACK, _CONFIGURING, content))
        early = self.receive()
        while self._answer is None and (more := self.receive()):
            early += more
        self._early = early
        if self._answer != 0:
            taken = self._answer in (errno.EPERM, errno.EBUSY) and statistics(self.number)
            asked = f"listen to queue {self.number}"
            raise (QueueTaken if taken else NetlinkError)(self._answer or errno.ENOBUFS, asked)

    def _answered(self, answer: Message) -> None:
        if answer.sequence == _CONFIGURING:
            self._answer, _ = error_of(answer)
        else:
            self.refused_verdicts += 1


def _verdict_start(number: int, verdict: int, mark: int | None = None) -> bytes:
    """What the verdicts of a kind in queue `number` begin with, between their length and the packet they are about."""
    marked = attribute(_MARK, _U32.pack(mark)) if mark is not None else b""
    head = MESSAGE.pack(0, _VERDICT, NLM_F_REQUEST, 0, 0)[_LENGTH:] + body(0, marked, resource=number)
    return head + ATTRIBUTE.pack(_VERDICT_HDR_SIZE, _VERDICT_HDR) + _U32.pack(verdict)


def statistics(number: int) -> Statistics | None:
    """What the kernel counted of queue `number`; None if no program of this network namespace listens to it."""
    try:
        lines = _PROC.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        queue, _, waiting, _, _, dropped, user_dropped, *_ = map(int, line.split())
        if queue == number:
            return Statistics(waiting, dropped, user_dropped)
    return None
