"""What becomes of the payload of a packet whose flow is known: inspected where an ALG serves it, and given other ends.

A datagram is a message; a segment belongs to a stream, and is cut into messages by the splice of its connection.
"""

from collections import Counter
from typing import Final

from doorman.algs.api import Direction, Message
from doorman.engine.inspection import Inspection, Inspector
from doorman.engine.results import Fate, Result, Side
from doorman.engine.splicing import Splicing, opens
from doorman.engine.state import State
from doorman.engine.views import Transaction
from doorman.nat.sessions import Session, Way, tcp_flags
from doorman.net.edits import Edit
from doorman.net.packet import TCP, Packet, edited, rewrite
from doorman.net.tcp import may_follow_syn

_FORWARDED: Final = Fate.FORWARDED
_DROPPED: Final = Fate.DROPPED
_INSIDE: Final = Side.INSIDE
_OUTSIDE: Final = Side.OUTSIDE
_OUTBOUND: Final = Direction.OUTBOUND
_INBOUND: Final = Direction.INBOUND
_MAX_PACKET: Final = 65_535
_NONE: Final[list[Edit]] = []


class Forwarding:
    """Lets ALGs see payloads, and sends packets on.

    Args:
        state: the tables of the gateway.
        inspector: its ALGs.
        splicing: how it inspects TCP.
        drops: where dropped packets are counted.
    """

    __slots__ = ("_drops", "_inspector", "_splicing", "_state")

    def __init__(self, state: State, inspector: Inspector, splicing: Splicing, drops: Counter[str]) -> None:
        self._state = state
        self._inspector = inspector
        self._splicing = splicing
        self._drops = drops

    def drop(self, data: bytes, side: Side, reason: str, inspections: tuple[Inspection, ...] = ()) -> Result:
        """Send a packet nowhere, and count that."""
        self._drops[reason] += 1
        return Result(_DROPPED, data, side, reason, inspections)

    def alg_for(self, packet: Packet, client_port: int, server_port: int) -> str | None:
        """The ALG of the flow that a packet begins."""
        alg = self._inspector.alg_for(packet.protocol, client_port, server_port)
        if alg is None:
            known = self._inspector.recognise(packet.protocol, packet.payload)
            if known is not None:
                self._state.notes[f"{known}-on-another-port"] += 1
        elif packet.protocol == TCP and not (opens(packet) and self._splicing.serves(alg)):
            self._state.notes[f"{alg}-connection-already-open"] += not self._state.delegated
            return None
        return alg

    def forward(self, packet: Packet, session: Session, way: Way, nat: Transaction, now: float) -> Result:
        """Send a packet of a flow on, one way, with what its ALG makes of the message in it."""
        session.last_used = now
        leaves = _OUTSIDE if way is session.outward else _INSIDE
        if packet.protocol == TCP and packet.payload_at > packet.transport_at:
            spliced = self._spliced(packet, session, way, leaves, now)
            if spliced is not None:
                return spliced
        if session.alg is None or packet.payload_end <= packet.payload_at:
            return Result(_FORWARDED, self._rewritten(packet, way, _NONE), leaves)
        alg = session.alg
        direction = _OUTBOUND if leaves == _OUTSIDE else _INBOUND
        path = way.path
        mode = self._inspector.mode(alg, direction, path)
        if mode == "off":
            return Result(_FORWARDED, self._rewritten(packet, way, _NONE), leaves)
        message = Message(packet.payload, direction, packet.protocol, path, now)
        outcome = self._inspector.ask(alg, message, nat, mode)
        inspection = Inspection(alg, message, outcome, packet.checksum)
        if outcome.drop is not None:
            self._state.carry_out(outcome.effects, now)
            return self.drop(packet.data, leaves, f"{alg}: {outcome.drop}", (inspection,))
        goes = self._rewritten(packet, way, outcome.edits)
        if len(goes) > _MAX_PACKET:
            return self.drop(packet.data, leaves, f"{alg}: message-too-long", (inspection,))
        # What an inside host speaks on its flow is its own affair; nobody outside may say it is another protocol.
        self._state.carry_out(outcome.effects, now, session, of_inside=leaves == _OUTSIDE)
        if outcome.name:
            session.spoke = alg
        result = Result(_FORWARDED, goes, leaves, inspections=(inspection,))
        result.stopped = not session.is_inspected
        return result

    def _rewritten(self, packet: Packet, way: Way, edits: list[Edit]) -> bytes:
        """A packet as it goes on: with its own addresses where a kernel gives it others, unless it comes in again."""
        if not self._state.delegated or way.session.hairpin:
            return rewrite(packet, way.sender, way.receiver, edits)
        return edited(packet, edits) if edits else packet.data

    def _spliced(self, packet: Packet, session: Session, way: Way, leaves: Side, now: float) -> Result | None:
        """What becomes of a segment whose connection is looked into; None where it is not."""
        flags = tcp_flags(packet)
        if session.calls and way is session.begun and not may_follow_syn(flags):
            return self.drop(packet.data, leaves, "tcp-not-answered")
        self._state.sessions.see_flags(session, flags)
        refusal = self._open(packet, session, leaves, now) if opens(packet) else ""
        if refusal:
            return self.drop(packet.data, leaves, refusal)
        if session.splice is None:
            return None
        return self._splicing.carry(packet, session, way, session.splice, now)

    def _open(self, packet: Packet, session: Session, leaves: Side, now: float) -> str:
        """A TCP connection begins, which may be one that is inspected; why it must not, if so."""
        server = session.inside_local.port if leaves == _INSIDE else packet.destination_port
        alg = session.alg or self._inspector.alg_for(TCP, packet.source_port, server)
        return self._splicing.open(session, alg, packet, _OUTBOUND if leaves == _OUTSIDE else _INBOUND, now)
