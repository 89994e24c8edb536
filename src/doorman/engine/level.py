"""The road of packets that nothing translates: between hosts that know each other as they are.

    both inside, or beside the NAT   on, and past a firewall where one stands between: inspected like others then
    from a host without a name       on as it came, but its messages are inspected: its doors may matter
    for a name of ours               back in, as it came

Nobody is given a name here.
"""

from typing import Final

from doorman.algs.api import Direction, Message, Path
from doorman.engine.checkpoint import Checkpoint
from doorman.engine.forwarding import Forwarding
from doorman.engine.inspection import Inspection, Inspector
from doorman.engine.results import Fate, Result, Returning, Side
from doorman.engine.screen import level_session
from doorman.engine.state import State
from doorman.engine.views import Outward
from doorman.nat.sessions import Way
from doorman.net.packet import TCP, UDP, Packet

_FORWARDED: Final = Fate.FORWARDED
_PASSED: Final = Fate.PASSED
_INSIDE: Final = Side.INSIDE
_OUTSIDE: Final = Side.OUTSIDE
_OUTBOUND: Final = Direction.OUTBOUND
_INBOUND: Final = Direction.INBOUND


class LevelRoad:
    """Sends on what needs no name.

    Args:
        state: the tables of the gateway.
        inspector: its ALGs.
        forwarding: what becomes of payloads.
        checkpoint: who is asked whether a packet may go on.
    """

    __slots__ = ("_checkpoint", "_forwarding", "_inspector", "_state")

    def __init__(self, state: State, inspector: Inspector, forwarding: Forwarding, checkpoint: Checkpoint) -> None:
        self._state = state
        self._inspector = inspector
        self._forwarding = forwarding
        self._checkpoint = checkpoint

    def is_about(self, packet: Packet) -> bool:
        """Whether nothing is translated of what an inside host sends there: another is, or one beside the NAT."""
        if self._state.rules.is_inside(packet.destination):
            return True
        screen = self._checkpoint.screen
        if screen is None or self._state.delegated:
            return False
        return screen.firewall.interfaces.is_beside_nat(packet.source, packet.destination)

    def comes(self, packet: Packet) -> bool:
        """Whether a packet comes from an inside host by an interface that is not its outside, past a firewall."""
        return self._checkpoint.screen is not None and not self._state.delegated and self.is_about(packet)

    def leave(self, packet: Packet, now: float) -> Result:
        """A packet from the inside whose sender keeps its name."""
        if self._checkpoint.turns_back(packet):
            return Returning(_FORWARDED, packet.data, _OUTSIDE)
        return self.receive(packet, _INSIDE, now)

    def leave_unnamed(self, packet: Packet, nat: Outward, now: float) -> Result:
        """A packet of an inside host that has no translation: inspected all the same, since its doors may matter."""
        if self._checkpoint.turns_back(packet):
            return Returning(_FORWARDED, packet.data, _OUTSIDE)
        if self._checkpoint.screen is not None:
            return self.receive(packet, _INSIDE, now)
        served = packet.protocol != TCP  # without a translation there is nothing to splice
        alg = self._forwarding.alg_for(packet, packet.source_port, packet.destination_port) if served else None
        if alg is None or packet.payload_end <= packet.payload_at:
            self._checkpoint.release_untouched(packet, _OUTSIDE, now)
            return Result(_PASSED, packet.data, _OUTSIDE)
        if self._checkpoint.access is not None:
            self._checkpoint.access.release(packet, packet.sender, packet.receiver, _OUTSIDE)
        path = Path(packet.sender, packet.receiver, packet.sender, packet.receiver)
        mode = self._inspector.mode(alg, _OUTBOUND, path)
        if mode == "off":
            return Result(_PASSED, packet.data, _OUTSIDE)
        message = Message(packet.payload, _OUTBOUND, packet.protocol, path, now)
        outcome = self._inspector.ask(alg, message, nat, mode)
        self._state.carry_out(outcome.effects, now)
        inspection = Inspection(alg, message, outcome, packet.checksum)
        if outcome.drop is not None:
            nat.undo()
            return self._forwarding.drop(packet.data, _OUTSIDE, f"{alg}: {outcome.drop}", (inspection,))
        self._state.keep(nat.made, now)
        return Result(_PASSED, packet.data, _OUTSIDE, inspections=(inspection,))

    def receive(self, packet: Packet, side: Side, now: float) -> Result:
        """A packet of a flow that nothing translates; where a firewall stands between, it is inspected like others."""
        state, screen, outward = self._state, self._checkpoint.screen, side == _INSIDE
        leaves = _OUTSIDE if outward else _INSIDE
        if (
            screen is None
            or len(packet.source) != 4  # noqa: PLR2004 - IPv4
            or screen.is_gateway(packet.source)
            or screen.is_gateway(packet.destination)
            or (state.delegated and packet.protocol == TCP)
        ):
            self._checkpoint.release_untouched(packet, leaves, now)
            return Result(_PASSED, packet.data, leaves)
        near, far = (packet.sender, packet.receiver) if outward else (packet.receiver, packet.sender)
        session = level_session(packet.protocol, near, far)
        door = (
            self._checkpoint.door_to(session, now)
            if outward
            else state.doors.find(packet.protocol, packet.receiver, packet.source, now)
        )
        session.by_door = session.by_door or door
        session.alg = self._forwarding.alg_for(packet, packet.source_port, packet.destination_port)
        if door is not None and packet.protocol == UDP:
            session.alg = door.inspect_as or session.alg
        result = self._go_on(packet, session.outward if outward else session.inward, now)
        if result.fate != _FORWARDED:
            return result
        if state.delegated:
            result.fate = _PASSED
            return result
        session.awaited = outward and state.awaited_door(session, now) is not None
        state.sessions.add(session, now)
        if door is not None:
            state.promote(door)
        return result

    def _go_on(self, packet: Packet, way: Way, now: float) -> Result:
        """A packet of a flow that has a session now, and needs no name."""
        session, outward = way.session, way is way.session.outward
        self._checkpoint.release(packet, session, way, _OUTSIDE if outward else _INSIDE, now)
        view = self._state.view(_OUTBOUND if outward else _INBOUND, way.path)
        return self._forwarding.forward(packet, session, way, view, now)
