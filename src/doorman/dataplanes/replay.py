"""Replay: a capture of the inside network goes in, the same traffic as the outside would see it comes out.

    packet from an inside host  -> engine (inside)                                              -> OUT
    packet to an inside host    -> what its sender must have sent -> engine (outside) -> compare   -> OUT

The capture holds the truth of the inside. What the far party sent is derived from it, the engine receives that, and
must deliver exactly the captured bytes. A difference is an asymmetry: the gateway would have garbled that message.

Of an inspected TCP connection, what must be the same is the stream, message by message; its segments may be cut
otherwise, since the far party's messages are of other lengths.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import NamedTuple

from doorman.algs.api import Door, Note, Refused
from doorman.engine.engine import Engine
from doorman.engine.results import DoorClosed, DoorOpened, DoorPromoted, Fate, Result, Side
from doorman.nat.families import Families
from doorman.net.addresses import Address
from doorman.net.captures import CaptureWriter, Frame
from doorman.net.fragments import fragment, is_fragment
from doorman.net.links import as_ipv4, find_packet, packet_end, replace_packet, turned_round
from doorman.net.packet import TCP, parse_packet, readdress
from doorman.net.reassembly import Datagram, Reassembler
from doorman.net.tcp import has_right_checksum, is_reset

# Looked up once: in Python 3.11 each `Fate.FORWARDED` costs more than a look-up in a dictionary.
_FORWARDED, _PASSED, _, _DROPPED = Fate
_INSIDE, _OUTSIDE = Side
DEFAULT_MTU = 1500
_CHECKSUM_AT = 16
"""Where the checksum of a TCP header is."""
_KEPT = 10_000
"""Asymmetries and drops that are kept with their texts; beyond that they are only counted."""


class Drop(NamedTuple):
    """A packet that did not get through.

    Attributes:
        packet: its number in the capture, from 1.
        reason: why.
        data: its bytes as captured.
    """

    packet: int
    reason: str
    data: bytes


class Asymmetry(NamedTuple):
    """A packet that would have arrived otherwise than captured.

    Attributes:
        packet: its number in the capture, from 1.
        captured, delivered: its bytes as they were, and as the engine would have delivered them.
    """

    packet: int
    captured: bytes
    delivered: bytes


class DoorRecord:
    """A door's life in packet numbers, from 1; 0 where it has not happened."""

    __slots__ = ("closed_at", "door", "opened_at", "promoted_at")

    def __init__(self, door: Door, opened_at: int) -> None:
        self.door = door
        self.opened_at = opened_at
        self.promoted_at = 0
        self.closed_at = 0


class Counts:
    """How many frames of each kind there were; a datagram in fragments is dropped or passed as one."""

    __slots__ = ("dropped", "from_inside", "from_outside", "passed", "read", "written")

    def __init__(self) -> None:
        self.read = self.from_inside = self.from_outside = self.written = self.passed = self.dropped = 0


class Replay:
    """One run of a capture through an engine.

    Args:
        engine: the gateway.
        writer: takes what the outside sees; None to write nothing.
        mtu: of the outside link, in bytes; datagrams that grew beyond it are cut.
        watch: told the number and time (ns) of each packet that an ALG saw or that was dropped, and its result.

    Attributes:
        counts, drops, asymmetries, doors, notes: what happened.
        details: for some notes, what they were about, and how often.
        rewritten: messages that each ALG changed.
        now: when an ALG saw a message last, in seconds.
    """

    def __init__(
        self,
        engine: Engine,
        writer: CaptureWriter | None = None,
        mtu: int = DEFAULT_MTU,
        watch: Callable[[int, int, Result], None] | None = None,
    ) -> None:
        self.engine = engine
        self.counts = Counts()
        self.drops: list[Drop] = []
        self.asymmetries: list[Asymmetry] = []
        self.doors: list[DoorRecord] = []
        self.notes: Counter[str] = Counter()
        self.details: dict[str, Counter[bytes]] = {}
        self.rewritten: Counter[str] = Counter()
        self.now = 0.0
        for alg in engine.inspector.algs.values():
            alg.touched.watch()
        engine.splicing.mirrors = {}
        self._writer = writer
        self._mtu = mtu
        self._watch = watch
        self._inside: dict[Address, bool] = {}
        self._open: dict[Door, DoorRecord] = {}
        self._fragments = Reassembler()
        self._families = Families(engine.state.stand_ins, mtu)
        self._identification = 0

    @property
    def touched(self) -> Iterator[Hashable]:
        """What the ALGs remembered at any time, calls and the like, also what is over."""
        return (item for alg in self.engine.inspector.algs.values() for item in alg.touched)

    def run(self, frames: Iterable[Frame]) -> None:
        """Take all frames of a capture.

        Raises:
            DamagedCapture: the capture is truncated; all whole frames were taken before.
            UnwritableFrame: the output's format cannot hold a frame.
        """
        try:
            for frame in frames:
                self.take(frame)
        finally:
            self.finish()

    def finish(self) -> None:
        """There are no more frames: give up what waits for fragments."""
        self._give_up(math.inf)

    def take(self, frame: Frame) -> None:
        """Take one frame: find its packet, and send it the way it goes."""
        self.counts.read += 1
        data, _, _, link, _ = frame
        start = find_packet(data, link)
        if start < 0:
            self._pass(frame, "not-ip")
            return
        end = packet_end(frame, start)
        if end > len(data):
            self.notes["cut-short-by-capture"] += 1
        packet = data[start:end]
        ends = _ends(packet)
        if ends is None:
            self._pass(frame, "ip-header-damaged")
            return
        source, destination = ends
        if self._families.concern(source, destination):
            packet = self._across(packet, frame.time_ns / 1e9, outward=self._families.calls(destination))
            if not packet:
                return
            frame = as_ipv4(frame, start, packet)
            source, destination = Address(packet[12:16]), Address(packet[16:20])
        inside = self._inside
        # As long as no more addresses come than a network has, each is looked up once.
        from_inside = inside[source] if source in inside else self._is_inside(source)
        to_inside = inside[destination] if destination in inside else self._is_inside(destination)
        level = self.engine.screen is not None and self._is_level(source, destination, alike=from_inside == to_inside)
        if level:
            self._between(frame, start, packet, source, destination)
        elif from_inside == to_inside:
            self._pass(frame, "between-inside-hosts" if from_inside else "between-outside-hosts")
        elif from_inside:
            self.counts.from_inside += 1
            self._outbound(frame, start, packet)
        else:
            self.counts.from_outside += 1
            self._inbound(frame, start, packet)
        if self.engine.state.changes:
            self._follow_doors()

    def _across(self, captured: bytes, now: float, *, outward: bool) -> bytes:
        """A packet from or to an IPv6 host as that of its stand-in; nothing where it is dropped."""
        try:
            return self._families.outward(captured, now) if outward else self._families.inward(captured, now)
        except Refused as refused:
            self._dropped(captured, str(refused))
            return b""

    def _is_level(self, source: Address, destination: Address, *, alike: bool) -> bool:
        """Whether a packet that nothing translates goes from one interface to another, and a firewall judges it."""
        screen = self.engine.screen
        if screen is None or _stays_on_link(source) or _stays_on_link(destination):
            return False
        beside = alike or screen.firewall.interfaces.is_beside_nat(source, destination)
        return beside and screen.firewall.crosses(source, destination)

    def _between(self, frame: Frame, start: int, packet: bytes, source: Address, destination: Address) -> None:
        """A packet between two interfaces, of which the one that stands first in the configuration is the inside."""
        if self.engine.screen is not None and self.engine.screen.firewall.is_outward(source, destination):
            self.counts.from_inside += 1
            self._outbound(frame, start, packet)
        else:
            self.counts.from_outside += 1
            self._inbound(frame, start, packet, level=True)

    def _outbound(self, frame: Frame, start: int, captured: bytes) -> None:
        now = frame.time_ns / 1e9
        packet = self._whole(captured, now) if is_fragment(captured) else captured
        if packet is None:
            return
        result = self.engine.receive(packet, _INSIDE, now)
        if self._settle(frame, packet, result):
            self._send(frame, start, packet, result.packet)
            for one in result.more:
                self._send(frame, start, packet, one)

    def _inbound(self, frame: Frame, start: int, captured: bytes, *, level: bool = False) -> None:
        now = frame.time_ns / 1e9
        fragmented = is_fragment(captured)
        packet = self._whole(captured, now) if fragmented else captured
        if packet is None:
            return
        if packet[9] == TCP:
            segments = self.engine.segments_as_sent(packet, now)
            if segments is not None:
                self._inbound_segments(frame, start, packet, segments)
                return
        try:
            sent = packet if level else self.engine.as_sent(packet)
        except Refused as refused:
            self._dropped(packet, str(refused))
            return
        for piece in self._pieces(sent) if fragmented else (sent,):
            result = self.engine.receive(piece, _OUTSIDE, now)
        if self._settle(frame, packet, result):
            if result.packet != packet:
                self._compare(packet, result.packet)
            self._send(frame, start, packet, sent)

    def _inbound_segments(self, frame: Frame, start: int, captured: bytes, segments: list[bytes]) -> None:
        """Give the engine what the far party sent for a segment; what it answers goes to the far party."""
        for segment in segments:
            result = self.engine.receive(segment, _OUTSIDE, frame.time_ns / 1e9)
            self._settle(frame, captured, result)
            if not any(map(is_reset, result.back)):  # else it is as if it had not come
                self._send(frame, start, captured, segment)
            for answer in result.back:
                self._send(turned_round(frame), start, captured, answer)
        for messages in self.engine.splicing.take_garbled():
            self._compare(*(_with_payload(captured, message) for message in messages))

    def _whole(self, piece: bytes, now: float) -> bytes | None:
        """The datagram that a fragment completes; None while others are missing, or where it is refused."""
        self._give_up(now)
        whole = self._fragments.add(piece, now)
        if isinstance(whole, Datagram):
            return whole.packet
        if whole is not None:
            self._dropped(piece, whole.reason.value)
        return None

    def _give_up(self, now: float) -> None:
        for refused in self._fragments.expire(now):
            self.notes["fragments-missing"] += refused.fragments

    def _settle(self, frame: Frame, packet: bytes, result: Result) -> bool:
        """Count what became of a packet; whether it goes on."""
        if result.inspections or result.fate == _DROPPED:
            self.now = frame.time_ns / 1e9
            if self._watch is not None:
                self._watch(self.counts.read, frame.time_ns, result)
            for inspection in result.inspections:
                self.rewritten[inspection.alg] += inspection.outcome.drop is None and bool(inspection.outcome.edits)
                if inspection.outcome.drop is not None and result.fate != _DROPPED:
                    self._dropped(packet, f"{inspection.alg}: {inspection.outcome.drop}")  # one of a stream
                for effect in inspection.outcome.effects:
                    if isinstance(effect, Note) and effect.detail:
                        self.details.setdefault(effect.name, Counter())[effect.detail] += 1
        if result.fate == _DROPPED:
            self._dropped(packet, result.reason)
        elif result.fate == _PASSED:
            self.counts.passed += 1
        return result.fate is _FORWARDED or result.fate is _PASSED

    def _dropped(self, packet: bytes, reason: str) -> None:
        self.counts.dropped += 1
        if len(self.drops) < _KEPT:
            self.drops.append(Drop(self.counts.read, reason, packet))

    def _compare(self, captured: bytes, delivered: bytes) -> None:
        if _is_for_a_card(captured) and _without_checksums(captured) == _without_checksums(delivered):
            return
        self.notes["asymmetry"] += 1
        if len(self.asymmetries) < _KEPT:
            self.asymmetries.append(Asymmetry(self.counts.read, captured, delivered))

    def _pass(self, frame: Frame, why: str) -> None:
        self.counts.passed += 1
        self.notes[why] += 1
        if self._writer is not None:
            self.counts.written += 1
            self._writer.write(frame)

    def _send(self, frame: Frame, start: int, before: bytes, after: bytes) -> None:
        if self._writer is None:
            return
        must_cut = len(after) > self._mtu and (len(after) > len(before) or is_fragment(frame.data, start))
        for packet in self._pieces(after) if must_cut else (after,):
            self.counts.written += 1
            self._writer.write(replace_packet(frame, start, packet))

    def _pieces(self, packet: bytes) -> list[bytes]:
        self._identification += 1
        return fragment(packet, self._mtu, self._identification)

    def _is_inside(self, address: Address) -> bool:
        if len(self._inside) > _KEPT:
            self._inside.clear()
        known = self._inside[address] = _stays_on_link(address) or self.engine.state.rules.is_inside(address)
        return known

    def _follow_doors(self) -> None:
        for change in self.engine.take_changes():
            if isinstance(change, DoorOpened):
                record = self._open[change.door] = DoorRecord(change.door, self.counts.read)
                self.doors.append(record)
            elif isinstance(change, DoorPromoted):
                record = self._open[change.door]
                record.promoted_at = record.promoted_at or self.counts.read
            elif isinstance(change, DoorClosed):
                self._open.pop(change.door).closed_at = self.counts.read


def _with_payload(data: bytes, payload: bytes) -> bytes:
    """A packet that carries something else."""
    packet = parse_packet(data)
    return readdress(packet, packet.sender, packet.receiver, payload) if packet is not None else data


def _is_for_a_card(data: bytes) -> bool:
    """Whether a TCP segment has a wrong checksum: it was captured before a network card computed that."""
    packet = parse_packet(data)
    return packet is not None and packet.protocol == TCP and not has_right_checksum(packet)


def _without_checksums(data: bytes) -> bytes:
    """A TCP segment without its two checksums."""
    at = (data[0] & 15) * 4 + _CHECKSUM_AT
    return data[:10] + data[12:at] + data[at + 2 :]


def _stays_on_link(address: Address) -> bool:
    """Whether no router forwards to or from here: broadcast, multicast, link-local, loopback, no address."""
    if len(address) == 4:  # noqa: PLR2004 - IPv4
        return address[0] >= 224 or address[0] in {0, 127} or address[:2] == b"\xa9\xfe"  # noqa: PLR2004 - class D
    return address[:1] == b"\xff" or address[:2] == b"\xfe\x80" or not any(address[:15])


def _ends(packet: bytes) -> tuple[Address, Address] | None:
    if len(packet) >= 20 and packet[0] >> 4 == 4:  # noqa: PLR2004 - an IPv4 header
        return Address(packet[12:16]), Address(packet[16:20])
    parsed = parse_packet(packet)
    return (parsed.source, parsed.destination) if parsed is not None else None
