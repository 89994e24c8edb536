"""Datagrams that a kernel carries all the same, looked at by an ALG on their way from one side to the other.

What names hosts only needs no name of its flow, opens no door and has no session here: the kernel translates ends by
itself. A datagram comes as it is between the two translations: with its inside end as the inside knows it, and its
outside end as the outside does. Where neither is another than it was, it may come before them.
"""

from collections import Counter

from doorman.algs.api import Direction, Message, Path, StopInspecting
from doorman.engine.inspection import Inspection, Inspector
from doorman.engine.results import Fate, Result, Side
from doorman.engine.state import State
from doorman.engine.views import Inward, Level, Outward, View
from doorman.nat.selection import Towards
from doorman.net.addresses import Endpoint
from doorman.net.packet import UDP, Packet, edited, parse_packet

_FORWARDED, _PASSED, _, _DROPPED = Fate
_INSIDE, _OUTSIDE = Side
_DIRECTIONS = tuple(Direction)
"""By the side that a message comes from."""
_MAX_PACKET = 65_535


class Carried:
    """Lets ALGs look at such datagrams.

    Args:
        state: the tables of the gateway.
        inspector: its ALGs.
        drops: where dropped packets are counted.
    """

    __slots__ = ("_drops", "_inspector", "_state")

    def __init__(self, state: State, inspector: Inspector, drops: Counter[str]) -> None:
        self._state = state
        self._inspector = inspector
        self._drops = drops

    def look(self, data: bytes, side: Side, now: float) -> Result:
        """What becomes of a datagram that came from a side; it keeps the ends that it has."""
        leaves = _OUTSIDE if side == _INSIDE else _INSIDE
        packet = parse_packet(data)
        alg = self._alg(packet)
        if packet is None or alg is None:
            return Result(_PASSED, data, leaves)
        path, view = self._view(packet, side)
        direction = _DIRECTIONS[side]
        mode = self._inspector.mode(alg, direction, path)
        if mode == "off":
            return Result(_PASSED, data, leaves)
        message = Message(packet.payload, direction, UDP, path, now)
        outcome = self._inspector.ask(alg, message, view, mode)
        inspection = Inspection(alg, message, outcome, packet.checksum)
        drop, changed = outcome.drop, data
        if drop is None and outcome.edits:
            changed = edited(packet, outcome.edits)
            if len(changed) > _MAX_PACKET:
                drop = "message-too-long"
        self._state.carry_out(outcome.effects, now)
        if drop is not None:
            view.undo()
            self._drops[f"{alg}: {drop}"] += 1
            return Result(_DROPPED, data, leaves, f"{alg}: {drop}", (inspection,))
        self._state.keep(view.made, now)
        result = Result(_FORWARDED, changed, leaves, inspections=(inspection,))
        # What an inside host speaks is its own affair; nobody outside may say it is another protocol.
        result.stopped = side == _INSIDE and any(isinstance(effect, StopInspecting) for effect in outcome.effects)
        return result

    def _alg(self, packet: Packet | None) -> str | None:
        if packet is None or packet.protocol != UDP or packet.payload_end <= packet.payload_at:
            return None
        return self._inspector.alg_of_carried(packet.source_port, packet.destination_port)

    def _view(self, packet: Packet, side: Side) -> tuple[Path, View]:
        """How both sides name the ends, and what else each has names for."""
        state = self._state
        inside, outside = (packet.sender, packet.receiver) if side == _INSIDE else (packet.receiver, packet.sender)
        towards = Towards(UDP, inside.port, outside)
        binding, known = state.binding_of(UDP, inside, towards), state.outside.by_local(UDP, outside)
        shared = state.bindings.global_host(inside.address, towards)
        inside_global = (
            binding.outward(inside) if binding is not None else Endpoint(shared or inside.address, inside.port)
        )
        outside_local = known.outward(outside) if known is not None else outside
        if side == _INSIDE:
            path = Path(inside, outside_local, inside_global, outside)
        else:
            path = Path(outside, inside_global, outside_local, inside)
        if state.screened and known is None and not state.rules.translates(inside.address):
            return path, Level(path)
        if side == _INSIDE:
            return path, Outward(state.names, inside.address, towards)
        return path, Inward(state.names, path, screened=state.screened)
