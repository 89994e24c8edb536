"""The road of TCP segments, where signalling over TCP is changed on its way (mode vtcp).

    queue ── segment ──> engine ── the first that goes on ──> verdict: as it came, but for numbers and data
                            │                                 the kernel translates it
                            └───── others, and back ────────> sent as they must leave, past all translation

So conntrack sees what both ends sent, and nothing else; it is told not to mind their numbers. A segment that is let
through bears a mark, by which the kernel knows that somebody maps the numbers of its connection; it resets connections
whose segments come without: their splice was lost with the gateway that had it.
"""

import logging
from collections import Counter
from typing import Final

from doorman.daemon.growth import grown
from doorman.dataplanes.netfilter.flow import Flow, FlowKey
from doorman.dataplanes.netfilter.marks import INSPECTED, PLAIN
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.netfilter.queue import Queue
from doorman.dataplanes.netfilter.queued_packet import QueuedPacket
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Result
from doorman.nat.icmp import renumbered
from doorman.nat.sessions import tcp_flags
from doorman.net.packet import ICMP, TCP, parse_packet, readdress
from doorman.net.tcp import ACK, SYN

_log = logging.getLogger(__name__)
_PROLONG_EVERY: Final = 60.0
"""Seconds."""
_HELD: Final = Fate.HELD
_DROPPED: Final = Fate.DROPPED
_PROTOCOL_AT: Final = 9


class SegmentRoad:
    """Carries out what an engine says of segments.

    Args:
        engine: whose results they are.
        plane: the kernel that they go on through.
        queue: where they wait.

    Attributes:
        counters: connections begun; segments that came, those of them that did not go on, and those we made.
    """

    def __init__(self, engine: Engine, plane: NetfilterPlane, queue: Queue) -> None:
        self._engine = engine
        self._plane = plane
        self._queue = queue
        self._opening: list[FlowKey] = []
        self._prolong_at = 0.0
        self.counters: Counter[str] = Counter()

    def judge(self, packet: QueuedPacket, result: Result) -> bool:
        """Give the verdict on a segment, or an ICMP error, and send what else it brings about; False: it is neither.

        Verdicts given before take effect.
        """
        if not result.is_of_stream:
            data = packet.data
            return len(data) > _PROTOCOL_AT and data[_PROTOCOL_AT] == ICMP and self._judge_error(packet, result)
        self.counters["received"] += 1
        first, others = _apart(packet.data, result)
        if first is not None or result.stopped:
            changed = _as_it_came(packet.data, first or packet.data)
            mark = PLAIN if result.stopped else INSPECTED
            self._queue.accept(packet.id, changed, mark=packet.mark | mark)
            self._see(packet.data)
        else:
            self.counters["held"] += 1
            self._queue.drop(packet.id)
        if others:
            self._queue.flush()
            self._send(others)
        return True

    def settle(self) -> None:
        """Let the kernel believe the numbers of the connections that began; once their first segments have gone on."""
        if not self._opening:
            return
        try:
            self._plane.trust_numbers(self._opening)
        except PlaneRefused as refused:
            _log.warning("connections may break: %s", refused)
        self._opening.clear()

    def remind(self, now: float) -> None:
        """Send what is due by now; to be called each second."""
        self._send(self._engine.splicing.remind(now))

    def prolong(self, seconds: int | None, now: float) -> None:
        """Keep connections that wait for others from ending, which are silent meanwhile; to be called each second.

        `seconds`: how long the kernel lets them be silent, None for as long as they like.
        """
        if seconds is None or now < self._prolong_at:
            return
        waiting = list(self._engine.state.waiting)
        if not waiting:
            return
        self._prolong_at = now + min(seconds / 3, _PROLONG_EVERY)
        try:
            self._plane.prolong(waiting, seconds)
        except PlaneRefused as refused:
            _log.warning("connections that wait for others may end: %s", refused)

    def reset(self) -> None:
        """Break off all connections whose numbers nobody will know any more."""
        self._send(self._engine.splicing.reset())

    def has_followed(self, ended: Flow) -> bool:
        """Whether another connection has taken the place of one that ended, before we heard of that."""
        if ended.protocol != TCP:
            return False
        try:
            return self._plane.knows(ended.key._replace(id=0))
        except PlaneRefused as refused:
            _log.warning("an end is taken for one: %s", refused)
            return False

    def _judge_error(self, packet: QueuedPacket, result: Result) -> bool:
        """An ICMP error is about numbers as its receiver knows them; all else in it the kernel translates."""
        if result.is_led or result.fate is _HELD or result.fate is _DROPPED:
            return False
        self._queue.accept(packet.id, renumbered(packet.data, result.packet))
        return True

    def _see(self, data: bytes) -> None:
        segment = parse_packet(data)
        if segment is not None and tcp_flags(segment) & SYN:
            answers = bool(tcp_flags(segment) & ACK)
            self.counters["connections"] += not answers
            self._opening.append(FlowKey(TCP, segment.sender, segment.receiver, is_reply=answers))

    def _send(self, packets: list[bytes]) -> None:
        self.counters["made"] += len(packets)
        for packet in packets:
            self._plane.injection.send(packet)


def _apart(data: bytes, result: Result) -> tuple[bytes | None, list[bytes]]:
    """The first segment that goes on in place of the one that came, and all others.

    Between two inside hosts all of them leave on one side, those to the sender as well.
    """
    sender = data[12:16], data[(data[0] & 15) * 4 :][:2]
    first, others = None, []
    for packet in result.packets:
        receiver = packet[16:20], packet[(packet[0] & 15) * 4 :][2:4]
        if first is None and receiver != sender:
            first = packet
        else:
            others.append(packet)
    return first, [*others, *result.back]


def _as_it_came(data: bytes, segment: bytes) -> bytes | None:
    """A segment between the ends of the packet that it replaces, where the kernel will translate it; None: that."""
    came, packet = parse_packet(data), parse_packet(segment)
    if came is None or packet is None:
        return None
    changed = readdress(packet, came.sender, came.receiver)
    return grown(changed, data) if changed != data else None
