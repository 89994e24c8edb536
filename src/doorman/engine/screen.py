"""The zone-based firewall on the road of a packet: by which of its names a flow is judged, and what needs no judge.

    from the inside    inside local -> outside global, before the source is translated
    from the outside   outside global -> inside local, after the destination is translated

A flow between two inside hosts by a global name passes twice; it is judged once, where it comes in again. What a door
was opened for is not judged: neither what comes in by it, nor what the host that it leads to sends there first.
"""

from doorman.algs.api import Direction, Door, Message
from doorman.config.access_lists import Traffic
from doorman.engine.state import State
from doorman.firewall.sessions import ACK, SYN, Inspected
from doorman.firewall.zones import ZoneFirewall
from doorman.nat.bindings import WHOLE_HOST, Binding
from doorman.nat.sessions import Session, Way
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import ESP, TCP, Packet

_HEADERS = 40
"""Bytes of the headers of a segment."""


def level_session(protocol: int, near: Endpoint, far: Endpoint) -> Session:
    """The session of a flow that nothing translates; `near`: its end that counts as the inside one."""
    own = Endpoint(near.address, 0)
    return Session(protocol, Binding(WHOLE_HOST, own, own), near, far)


class Screen:
    """Judges what goes through a gateway."""

    __slots__ = ("_state", "firewall")

    def __init__(self, firewall: ZoneFirewall, state: State) -> None:
        self.firewall = firewall
        self._state = state

    def is_gateway(self, address: Address) -> bool:
        """Whether an address is that of the gateway itself."""
        return self.firewall.interfaces.of(address) is None

    def door_to(self, session: Session, now: float) -> Door | None:
        """The door of the far end which the inside one comes to."""
        inside = session.inside_local.address
        return self._state.doors.find(session.protocol, session.outside_global, inside, now)

    def door_of(self, session: Session, now: float) -> Door | None:
        """The door of the inside end, which sends first where that awaits somebody: one who is known by name."""
        visitor = session.outside_global.address
        door = self._state.doors.find(session.protocol, session.inside_global, visitor, now)
        return door if door is not None and door.flows is not None and door.visitor is not None else None

    def release(self, packet: Packet, session: Session, way: Way, now: float) -> None:
        """Let a packet of a flow pass.

        Raises:
            Refused: the firewall drops it.
        """
        outward = way is session.outward
        if (session.hairpin and outward) or self._has_door(session):
            return
        near, far = self._ends(session)
        self.firewall.admit(packet, near if outward else far, far if outward else near, now)

    def passes(self, alg: str, message: Message) -> bool:
        """Whether a message may pass which an ALG is to see, by the policy for messages of its flow."""
        sender = message.path.sent_from
        binding = self._state.bindings.by_global(message.protocol, sender)
        if binding is not None and message.direction == Direction.INBOUND:  # another inside host, by its name outside
            sender = binding.inward(sender)
        return self.firewall.passes(alg, message, sender)

    def connect(self, session: Session, now: float, *, outward: bool) -> Door | None:
        """Let a TCP connection begin that a proxy carries; give the door that it comes by, which was for one flow less.

        Raises:
            Refused: the firewall drops it.
        """
        door = self.door_to(session, now) if outward else None
        if door is not None:
            session.by_door = door
            self._state.promote(door)
            return door
        if session.by_door is None:
            self._admit(session, SYN, now, outward=outward)
        return None

    def go_on(self, session: Session, now: float, *, outward: bool) -> Inspected | None:
        """Let a TCP connection go on that a proxy carries, by other policies than it began by; give its session.

        Raises:
            Refused: the firewall allows it no longer.
        """
        if self.inspected(session) is None:
            self._admit(session, ACK, now, outward=outward)
        return self.inspected(session)

    def inspected(self, session: Session) -> Inspected | None:
        """What the firewall has of a flow, if it inspects it."""
        return self.firewall.sessions.find(session.protocol, *self._ends(session))

    def as_seen(self, session: Session, source: Address) -> Address:
        """Who sends to the inside end of a flow, as policies see him: another inside host by its own address."""
        return self._ends(session)[1].address if source == session.outside_global.address else source

    def release_error(self, packet: Packet, session: Session, source: Address, target: Address, now: float) -> None:
        """Let an ICMP error about a flow pass: always, if the flow is inspected or came by a door.

        Raises:
            Refused: the firewall drops it.
        """
        if not self._has_door(session) and not self.firewall.knows(session.protocol, *self._ends(session)):
            self.firewall.admit(packet, Endpoint(source, 0), Endpoint(target, 0), now)

    def release_tunnelled_error(
        self, packet: Packet, about: tuple[Endpoint, Endpoint], target: Endpoint, now: float
    ) -> None:
        """The same, about a packet of IPsec between these ends.

        Raises:
            Refused: the firewall drops it.
        """
        if not self.firewall.knows(ESP, *about):
            self.firewall.admit(packet, packet.sender, target, now)

    def _admit(self, session: Session, flags: int, now: float, *, outward: bool) -> None:
        """Judge a segment of a connection that no kernel judges."""
        near, far = self._ends(session)
        sender, receiver = (near, far) if outward else (far, near)
        traffic = Traffic(TCP, sender.address, receiver.address, sender.port, receiver.port, flags)
        self.firewall.admit_traffic(traffic, sender, receiver, _HEADERS, now, alone=True)

    def _has_door(self, session: Session) -> bool:
        """Whether a flow came by a door, and there is one for it still: what closes the door ends the flow."""
        if session.by_door is None or session.by_door.hands_over:
            return session.by_door is not None
        doors, protocol = self._state.doors, session.protocol
        ends = session.inside_global, session.outside_global
        return bool(
            doors.at(protocol, ends[0], ends[1].address) or doors.at(protocol, ends[1], session.inside_local.address)
        )

    def _ends(self, session: Session) -> tuple[Endpoint, Endpoint]:
        """The inside end and the outside one, as policies see them."""
        far = session.outside_global
        binding = self._state.bindings.by_global(session.protocol, far) if session.hairpin else None
        return session.inside_local, binding.inward(far) if binding is not None else far
