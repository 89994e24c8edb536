"""TCP connections that are inspected packet by packet: a session's packets through its splice.

A connection is spliced from its SYN on; one that is met in the middle is never looked into, nor is one whose segments
bear signatures.
"""

from collections import Counter

from doorman.algs.api import Direction
from doorman.engine.admission import Admission
from doorman.engine.inspection import Inspector
from doorman.engine.mirror import Mirror
from doorman.engine.results import Fate, Result, Segments, Side
from doorman.engine.state import State
from doorman.engine.streams import Limits, Streams, passage_of
from doorman.nat.sessions import Session, Way, tcp_flags
from doorman.net.packet import TCP, Packet
from doorman.net.tcp import ACK, SYN, Segment, is_intact, read_segment, write_segment
from doorman.stream.splice import Splice, Taken

_FORWARDED, _, _HELD, _DROPPED = Fate
_INSIDE, _OUTSIDE = Side
_OUTBOUND, _INBOUND = Direction


def opens(packet: Packet) -> bool:
    """Whether a packet is the first of a TCP connection."""
    if packet.protocol != TCP or packet.payload_at == packet.transport_at:
        return False
    return tcp_flags(packet) & (SYN | ACK) == SYN


class Splicing:
    """Makes splices, and lets packets through them.

    Args:
        state: the tables of the gateway.
        inspector: its ALGs.
        drops: where dropped messages and packets are counted.

    Attributes:
        limits: how the streams of new connections are cut, if not as the settings of the ALG say.
        admission: which new connections there may be beside a kernel; in replay there are as many as were captured.
        mirrors: in replay, what the far parties must have sent, by the keys of sessions.
    """

    def __init__(self, state: State, inspector: Inspector, drops: Counter[str]) -> None:
        self.limits: Limits | None = None
        self.admission = Admission()
        self.mirrors: dict[bytes, Mirror] | None = None
        self._garbled: list[tuple[bytes, bytes]] = []
        self._state = state
        self._inspector = inspector
        self._drops = drops
        self._owing: dict[bytes, Session] = {}

    def serves(self, alg: str | None) -> bool:
        """Whether new connections of an ALG are spliced; where a kernel carries the flows, a proxy may have them."""
        if alg is None or not self._state.delegated:
            return alg is not None
        return self._inspector.settings[alg].tcp_mode == "vtcp"

    def open(self, session: Session, alg: str | None, packet: Packet, direction: Direction, now: float) -> str:
        """Make a splice for the connection that a SYN begins, if an ALG serves it and it has none.

        Returns:
            Why the connection must not begin, "" if it may.
        """
        session.alg = None if session.splice is None else session.alg
        segment = read_segment(packet)
        if alg is None or segment is None or not self.serves(alg):
            return ""
        if session.splice is not None and not session.splice.is_begun_by(segment, direction):
            return ""
        if self._inspector.mode(alg, _OUTBOUND, passage_of(session, _OUTBOUND).path) == "off":
            return ""
        if not self._is_intact(packet):
            self._state.notes["tcp-checksum-wrong"] += 1
            return ""
        if self._state.delegated:
            client = session.inside_local if direction == _OUTBOUND else session.outside_global
            refusal = self.admission.refusal(session, client.address, now)
            if refusal:
                return refusal
        session.alg, session.spoke = alg, ""
        self._end(session, alg, now)
        looks = [passage_of(session, way, of_client=way == direction) for way in (_OUTBOUND, _INBOUND)]
        passages = ([looks[_OUTBOUND]], [looks[_INBOUND]])
        streams = Streams(self._state, self._inspector, self._drops, passages, (session,), self.limits)
        session.splice = Splice(streams)
        session.settle_plain()
        if self.mirrors is not None:
            self._add_mirror(session, segment if direction == _INBOUND else None, now)
        return ""

    def carry(self, packet: Packet, session: Session, way: Way, splice: Splice[Streams], now: float) -> Result:
        """Let a packet through the splice of its session."""
        outbound = way is session.outward
        leaves, end = (_OUTSIDE, _OUTBOUND) if outbound else (_INSIDE, _INBOUND)
        segment = read_segment(packet)
        if segment is None or not self._is_intact(packet):
            return self._drop(packet, leaves, "damaged-segment")
        if splice.broken:
            back = session.inward if outbound else session.outward
            answers = splice.take(segment, end, now).back
            self._drops["connection-reset"] += 1
            return Segments(
                _DROPPED,
                packet.data,
                leaves,
                "connection-reset",
                back=tuple(write_segment(one, back.sender, back.receiver) for one in answers),
            )
        mirror = self._mirror(session, splice)
        if mirror is not None and outbound:
            mirror.look_for_gaps(segment, now)
        taken = splice.take(segment, end, now)
        if mirror is not None:
            for one in taken.forward if outbound else taken.back:
                mirror.hear(one, now)
            self._garbled += splice.translator.garbled
            splice.translator.garbled.clear()
        if splice.owes:
            self._owing[session.outward_key] = session
        result = _result(packet, taken, leaves, session, splice.translator)
        if session.spoke and (splice.over or splice.ended):
            self._end(session, session.spoke, now)
            session.spoke = ""
        if splice.over:
            session.splice = session.alg = None
            session.settle_plain()
            result.stopped = True
        return result

    def remind(self, now: float) -> list[bytes]:
        """What must be sent though no segment came, to either side: nobody but the gateway can know that it is due."""
        sent: list[bytes] = []
        for key, session in list(self._owing.items()):
            splice = session.splice
            if splice is None or not splice.owes:
                del self._owing[key]
            else:
                sent += _written(session, splice.remind(now))
        return sent

    def reset(self) -> list[bytes]:
        """Resets of all spliced connections, to both sides: nobody will be there to map their numbers."""
        return [
            packet
            for session in self._state.sessions
            if session.splice is not None and not session.splice.broken
            for packet in _written(session, session.splice.reset())
        ]

    def as_sent(self, packet: Packet, session: Session, splice: Splice[Streams], now: float) -> list[bytes] | None:
        """What the outside must have sent for a segment to arrive inside; None where that is nothing special."""
        mirror, segment = self._mirror(session, splice), read_segment(packet)
        if mirror is None or segment is None or splice.broken or opens(packet) or not is_intact(packet):
            return None
        return [
            write_segment(one, session.outside_global, session.inside_global) for one in mirror.as_sent(segment, now)
        ]

    def _is_intact(self, packet: Packet) -> bool:
        """Whether a segment may be taken for what its sender sent.

        A SYN from the outside that replay made of one whose checksum was left to a card is none of these, and intact.
        """
        return is_intact(packet) or (self.mirrors is not None and opens(packet))

    def take_garbled(self) -> list[tuple[bytes, bytes]]:
        """Messages that would have arrived otherwise than captured, and as what."""
        garbled, self._garbled = self._garbled, []
        return garbled

    def _end(self, session: Session, alg: str, now: float) -> None:
        """What an ALG knows of a connection is over."""
        self._state.carry_out(self._inspector.on_end(alg, passage_of(session, _OUTBOUND).ends, now), now)

    def _drop(self, packet: Packet, leaves: Side, reason: str) -> Result:
        self._drops[reason] += 1
        return Result(_DROPPED, packet.data, leaves, reason)

    def _mirror(self, session: Session, splice: Splice[Streams]) -> Mirror | None:
        mirror = self.mirrors.get(session.outward_key) if self.mirrors is not None else None
        return mirror if mirror is not None and mirror.splice is splice else None

    def _add_mirror(self, session: Session, syn: Segment | None, now: float) -> None:
        if self.mirrors is None or session.splice is None:
            return
        entered = self._state.sessions.outward
        if len(self.mirrors) > 2 * len(entered) + 16:
            self.mirrors = {key: mirror for key, mirror in self.mirrors.items() if key in entered}
        mirror = self.mirrors[session.outward_key] = Mirror(self._state, self._inspector, session, session.splice)
        if syn is not None:
            mirror.as_sent(syn, now)


def _written(session: Session, segments: tuple[list[Segment], list[Segment]]) -> list[bytes]:
    """Packets of segments in the name of the inside end, and of the outside end."""
    return [
        write_segment(one, way.sender, way.receiver)
        for way, some in ((session.outward, segments[_OUTBOUND]), (session.inward, segments[_INBOUND]))
        for one in some
    ]


def _result(packet: Packet, taken: Taken, leaves: Side, session: Session, streams: Streams) -> Result:
    """Packets of what is to be sent, between the endpoints that each side knows."""
    on, back = (session.outward, session.inward) if leaves == _OUTSIDE else (session.inward, session.outward)
    packets = [write_segment(one, on.sender, on.receiver) for one in taken.forward]
    return Segments(
        _FORWARDED if packets else _HELD,
        packets[0] if packets else packet.data,
        leaves,
        inspections=streams.take_inspections(),
        more=tuple(packets[1:]),
        back=tuple(write_segment(one, back.sender, back.receiver) for one in taken.back),
    )
