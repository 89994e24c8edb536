"""The road of a packet: found by its flow, translated, inspected where an ALG serves it, and sent on or dropped.

    from inside:  session? -> else binding (made if a rule says so)            -> ALG -> outside, or back in (hairpin)
    from outside: session? -> else door (promoted) -> else a host's own address -> ALG -> inside

One engine serves replay and the live gateway. It is given packets and the time; it opens no socket, reads no clock.
"""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Final

from doorman.algs.api import Direction, Refused
from doorman.config.model import Config
from doorman.engine.carried import Carried
from doorman.engine.checkpoint import Checkpoint
from doorman.engine.errors import ErrorRoad
from doorman.engine.far_party import as_sent
from doorman.engine.forwarding import Forwarding
from doorman.engine.inspection import Inspector
from doorman.engine.ipsec import Ends, IpsecRoad
from doorman.engine.level import LevelRoad
from doorman.engine.modes import Modes
from doorman.engine.plan import Plan
from doorman.engine.results import Change, Fate, Led, Result, Segments, Side
from doorman.engine.screen import Screen
from doorman.engine.splicing import Splicing, opens
from doorman.engine.state import State
from doorman.engine.streams import passage_of
from doorman.engine.views import Outward, Transaction
from doorman.firewall.access import AccessGroups
from doorman.nat.bindings import WHOLE_HOST, Binding, untranslated
from doorman.nat.holdings import Holdings
from doorman.nat.selection import Towards
from doorman.nat.sessions import Session, Way, flow_key, packet_key, plain_key, tcp_flags
from doorman.net.fragments import is_fragment
from doorman.net.packet import TCP, UDP, Packet, parse_packet, readdress
from doorman.net.reassembly import Datagram, Reassembler
from doorman.net.routes import Route
from doorman.net.tcp import answers_syn

# Looked up once: in Python 3.11 each `Fate.FORWARDED` costs more than a look-up in a dictionary.
_FORWARDED: Final = Fate.FORWARDED
_PASSED: Final = Fate.PASSED
_HELD: Final = Fate.HELD
_INSIDE: Final = Side.INSIDE
_OUTSIDE: Final = Side.OUTSIDE
_OTHER: Final = (_OUTSIDE, _INSIDE)
_OUTBOUND: Final = Direction.OUTBOUND
_INBOUND: Final = Direction.INBOUND
_FLAGS_AT: Final = 33
_OPENING_OR_CLOSING: Final = 7
"""FIN, SYN and RST."""
_SYN: Final = 2
_SYN_ACK: Final = 18
_MAX_HAIRPIN: Final = 256
"""Segments that one of a connection between inside hosts can bring about."""


class Engine:
    """A gateway without a network.

    Args:
        config: what it does.
        chance: floats in [0, 1), for ports; predictable in tests, not to be predicted in use.
        delegated: whether a kernel carries the flows. Then the engine gets only the packets to be inspected, each as it
            came, and gives them back with the addresses they have; the kernel gives them, and all others, the names
            that `take_changes` tells it of; and what flows begin and end is reported, see `flows`. Segments of TCP come
            to it only where the configuration says `tcp mode vtcp`; those of spliced connections, of which there may be
            more or fewer than came, it gives as they must leave.
        reserved: protocols and ports of the gateway's own services, which a kernel needs told apart from names.
        holdings: the names that can be given out, where the engine of another VRF gives them out as well.
        route: the routes of the kernel that carries the flows, if one does.

    Attributes:
        state: its tables.
        inspector: its ALGs.
        splicing: how it inspects TCP.
        drops: how many packets were dropped, by reason.
        ipsec: how it tells packets of IPsec apart that have no ports.
        carried: how it looks at datagrams that a kernel carries all the same.

    Raises:
        UnusableConfig: a rule of the configuration cannot be put to work.
    """

    def __init__(  # noqa: PLR0913 - what it does, and what it works with
        self,
        config: Config,
        chance: Callable[[], float],
        *,
        delegated: bool = False,
        reserved: Collection[tuple[int, int]] = (),
        holdings: Holdings | None = None,
        route: Route | None = None,
    ) -> None:
        self.state = State(config, chance, delegated=delegated, reserved=reserved, holdings=holdings, route=route)
        self.inspector = Inspector(config.served, config.settings_with_lists, Modes(config), delegated=delegated)
        self.drops: Counter[str] = Counter()
        self.splicing = Splicing(self.state, self.inspector, self.drops)
        self._forwarding = Forwarding(self.state, self.inspector, self.splicing, self.drops)
        self._drop = self._forwarding.drop
        self._delegated = delegated
        self._checkpoint = Checkpoint(self.state, delegated=delegated, route=route)
        self._is_direct = False
        self._screen_by(config)
        self.ipsec = IpsecRoad(self.state)
        self.carried = Carried(self.state, self.inspector, self.drops)
        self._level = LevelRoad(self.state, self.inspector, self._forwarding, self._checkpoint)
        self._errors = ErrorRoad(self.state, self.ipsec, self._checkpoint, self._drop)
        self._reassemblers = (Reassembler(), Reassembler())
        self._next_second = 0.0
        self._outward, self._inward = self.state.sessions.outward, self.state.sessions.inward

    def receive(self, data: bytes, side: Side, now: float, *, again: bool = False) -> Result:
        """Take an IP packet that arrived on a side of the NAT; give what becomes of it.

        `again` is one that comes in again without having gone out by an interface.
        """
        if now >= self._next_second:
            self.expire(now)
        if self._is_direct and len(data) >= 40 and data[0] == 0x45 and (data[9] == UDP or data[9] == TCP):  # noqa: PLR2004
            ways = self._outward if side == _INSIDE else self._inward
            way = ways.get(plain_key(data))
            if way is not None and way.session.plain and not (data[6] & 0x3F or data[7]):
                session = way.session
                session.last_used = now
                if data[9] == TCP and (data[_FLAGS_AT] & _OPENING_OR_CLOSING or not session.settled):
                    if data[_FLAGS_AT] & _SYN_ACK == _SYN or session.calls:
                        return self._receive(data, side, now)  # another connection, perhaps one to be inspected
                    self.state.sessions.see_flags(session, data[_FLAGS_AT])
                return Result(_FORWARDED, way.carry(data), _OTHER[side])
        try:
            return self._receive(data, side, now, again=again)
        except Refused as refused:
            return self._drop(data, side, str(refused))

    def expire(self, now: float) -> None:
        """End what is over by now; `receive` does it each second by itself."""
        self._next_second = int(now) + 1.0
        self.state.carry_out(self.inspector.on_time(now), now)
        self.state.expire(now)
        if self.screen is not None:
            self.screen.firewall.expire(now)
        if self.state.ended:
            self._tell_of_ends(now)
        for reassembler in self._reassemblers:
            for refused in reassembler.expire(now):
                self.drops[refused.reason] += refused.fragments

    def _tell_of_ends(self, now: float) -> None:
        """Tell ALGs which of their connections are over, unless the same ends have begun another."""
        ended, self.state.ended = self.state.ended, []
        for session in ended:
            if session.outward_key not in self.state.sessions.outward:
                self.state.carry_out(
                    self.inspector.on_end(session.spoke, passage_of(session, _OUTBOUND).ends, now), now
                )
        self.state.expire(now)

    def take_changes(self) -> list[Change]:
        """What happened to the tables since the last call."""
        changes = self.state.changes.copy()
        self.state.changes.clear()
        return changes

    def reconfigure(self, config: Config, now: float) -> None:
        """Go on by another configuration; what it still allows goes on undisturbed.

        Raises:
            UnusableConfig: a rule cannot be put to work; nothing has changed.
        """
        self.carry_on(self.state.plan(config), now)

    def carry_on(self, plan: Plan, now: float) -> None:
        """The same, by a configuration that was found to be usable."""
        config = plan.config
        self.state.carry_on(plan, now)
        self.inspector.reconfigure(config.served, config.settings_with_lists, Modes(config))
        self._screen_by(config)
        if self.screen is not None:
            self.screen.firewall.expire(now)

    @property
    def access(self) -> AccessGroups | None:
        """The access lists of interfaces; None where there are none."""
        return self._checkpoint.access

    @property
    def screen(self) -> Screen | None:
        """The zone-based firewall; None where there is none."""
        return self._checkpoint.screen

    def _screen_by(self, config: Config) -> None:
        """Let pass what access lists and zones of a configuration allow."""
        self._checkpoint.follow(config)
        screen = self._checkpoint.screen
        self.inspector.gate = screen.passes if screen is not None and screen.firewall.inspects_messages else None
        self._is_direct = not self._delegated and self._checkpoint.is_unmanned

    def as_sent(self, data: bytes) -> bytes:
        """What the outside must have sent for this packet to arrive inside, see `far_party`.

        Raises:
            Refused: the outside has no name for its receiver.
        """
        return as_sent(self.state, self.inspector, data)

    def segments_as_sent(self, data: bytes, now: float) -> list[bytes] | None:
        """The same of a segment of an inspected TCP connection, where it has a mirror; None for all else.

        There may be none of it until its message is whole, and several then.
        """
        packet = parse_packet(data)
        way = packet and self.state.sessions.outward.get(flow_key(packet.protocol, packet.receiver, packet.sender))
        if not packet or not way or way.session.splice is None:
            return None
        return self.splicing.as_sent(packet, way.session, way.session.splice, now)

    def _receive(self, data: bytes, side: Side, now: float, *, again: bool = False) -> Result:
        if is_fragment(data):
            whole = self._reassemblers[side].add(data, now)
            if whole is None:
                return Result(_HELD, data, side)
            if not isinstance(whole, Datagram):
                return self._drop(data, side, whole.reason)
            data = whole.packet
        packet = parse_packet(data)
        if packet is None:
            return self._drop(data, side, "damaged-packet")
        if self._checkpoint.access is not None and not again:
            self._checkpoint.access.admit(packet, side)
        outside_of_nat = side == _OUTSIDE and not again
        if outside_of_nat and self.state.rules.is_spoofed(packet.source) and not self._level.comes(packet):
            return self._drop(data, _INSIDE, "spoofed-source")
        if packet.is_error:
            return self._back_or_on(packet, self._errors.receive(packet, side, now), now)
        return self._carry(packet, side, now, again=again)

    def _carry(self, packet: Packet, side: Side, now: float, *, again: bool) -> Result:
        """What becomes of a packet that is whole, and no error about another."""
        ends = self.ipsec.ends(packet, side, now)
        if ends is not None:
            return self._tunnelled(packet, ends, _OTHER[side], now)
        return self._outbound(packet, now) if side == _INSIDE else self._inbound(packet, now, again=again)

    def _tunnelled(self, packet: Packet, ends: Ends, leaves: Side, now: float) -> Result:
        """A packet of IPsec goes on between other ends.

        A kernel that carries flows names the sender by itself; whom a packet from the outside is for it may not know.
        """
        try:
            self._checkpoint.release_tunnelled(packet, ends, leaves, now)
        except Refused:
            self.ipsec.undo()
            raise
        by_kernel = self._delegated and leaves == _OUTSIDE
        return Led(_FORWARDED, packet.data if by_kernel else readdress(packet, *ends), leaves)

    def _back_or_on(self, packet: Packet, result: Result, now: float) -> Result:
        return self._hairpin(packet, result, now) if result.is_returning else result

    def _way_of(self, packet: Packet, side: Side) -> Way | None:
        """The way of a packet's session; a query that asks is of none in which the other end does.

        Whether a connection is answered is seen here: it is, too, where the answer must not pass.
        """
        ways = self._outward if side == _INSIDE else self._inward
        way = ways.get(packet_key(packet))
        if way is None or (way is not way.session.begun and packet.is_request):
            return None
        if way.session.calls and answers_syn(tcp_flags(packet)):
            way.session.calls = False
        return way

    def _along(self, packet: Packet, way: Way, leaves: Side, now: float) -> Result:
        """A packet of a flow that is there."""
        session = way.session
        self._checkpoint.release(packet, session, way, leaves, now)
        if session.awaited and leaves == _INSIDE:
            self.meet_door(session, now)
        nat = self.state.view_of(way, _OUTBOUND if leaves == _OUTSIDE else _INBOUND)
        return self._settle(self._forwarding.forward(packet, session, way, nat, now), nat, now)

    # From the inside

    def _outbound(self, packet: Packet, now: float) -> Result:
        state, rules = self.state, self.state.rules
        way = self._way_of(packet, _INSIDE)
        if way is not None:
            result = self._along(packet, way, _OUTSIDE, now)
            return self._hairpin(packet, result, now) if way.session.hairpin and result.fate is _FORWARDED else result
        if not rules.is_inside(packet.source) or self._level.is_about(packet):
            return self._back_or_on(packet, self._level.leave(packet, now), now)
        remote = state.known_outside(packet.protocol, packet.receiver)
        towards = Towards(packet.protocol, packet.source_port, remote, packet.message)
        if self._is_for_nobody(packet, towards):
            return self._drop(packet.data, _INSIDE, "no-translation")
        nat = Outward(state.names, packet.source, towards)
        session = self._begin_outbound(packet, nat, towards)
        if session is None:
            return self._back_or_on(packet, self._level.leave_unnamed(packet, nat, now), now)
        door = self._checkpoint.door_to(session, now)
        try:
            self._checkpoint.release(packet, session, session.outward, _OUTSIDE, now)
        except Refused:
            nat.undo()
            raise
        result = self._forwarding.forward(packet, session, session.outward, nat, now)
        if result.fate != _FORWARDED:
            nat.undo()
            return result
        session.awaited = state.awaited_door(session, now) is not None
        state.sessions.add(session, now)
        if door is not None:
            state.promote(door)
        state.keep(nat.made, now)
        return self._hairpin(packet, result, now) if session.hairpin else result

    def _is_for_nobody(self, packet: Packet, towards: Towards) -> bool:
        """Whether a packet is for a name that nobody has, and makes its sender none.

        It may be for the machine itself where that is there, with its services; and an address for a host alone is not
        spent on it. A port of a shared address is: with that, hosts meet that send to each other at once.
        """
        state = self.state
        if state.rules.outside.lends(packet.destination):
            return state.outside.by_global(packet.protocol, packet.receiver) is None
        if not state.rules.owns(packet.destination):
            return False
        if state.bindings.by_global(packet.protocol, packet.receiver) is not None:
            return False
        _, rule = state.rules.rule_for(packet.protocol, packet.sender, towards)
        return state.delegated or (rule is not None and not rule.overload)

    def _begin_outbound(self, packet: Packet, nat: Outward, towards: Towards) -> Session | None:
        """A session for a new flow from the inside; None where no rule translates its sender."""
        outside = self.state.outside.by_global(packet.protocol, packet.receiver)
        binding = self.state.binding_of(packet.protocol, packet.sender, towards)
        if binding is None:
            protocol = packet.protocol if packet.has_ports else WHOLE_HOST
            made = self.state.bindings.bind(protocol, packet.sender, towards)
            if not made and outside is None:
                return None
            nat.made += made
            binding = made[0] if made else untranslated(packet.source)
        receiver = outside.inward(packet.receiver) if outside is not None else packet.receiver
        session = Session(packet.protocol, binding, packet.sender, receiver, outside)
        session.alg = self._forwarding.alg_for(packet, packet.source_port, packet.destination_port)
        session.hairpin = self.state.rules.owns(packet.destination)
        session.calls = opens(packet) and not self._delegated
        return session

    def _hairpin(self, packet: Packet, result: Result, now: float) -> Result:
        """What was sent to one of our own global addresses comes back in."""
        if result.more or result.back:
            return self._come_in([*result.packets], [*result.back], result, now)
        back = self.receive(result.packet, _OUTSIDE, now, again=True)
        back.inspections = result.inspections + back.inspections
        if self._delegated and not back.is_of_stream:
            after = back.inspections[-1].after if back.inspections else None
            back.packet = readdress(packet, packet.sender, packet.receiver, after)
        return self._come_in([*back.back], [*back.packets], back, now) if back.back else back

    def _come_in(self, outside: list[bytes], inside: list[bytes], result: Result, now: float) -> Result:
        """Let in segments between inside hosts that know each other by global names, and those they bring about."""
        inspections = result.inspections
        for packet in outside:
            one = self.receive(packet, _OUTSIDE, now, again=True)
            inside += one.packets
            outside += one.back[: max(_MAX_HAIRPIN - len(outside), 0)]
            inspections += one.inspections
        if not inside:
            return Segments(_HELD, result.packet, _INSIDE, inspections=inspections)
        return Segments(_FORWARDED, inside[0], _INSIDE, inspections=inspections, more=tuple(inside[1:]))

    # From the outside

    def _inbound(self, packet: Packet, now: float, *, again: bool) -> Result:
        state = self.state
        way = self._way_of(packet, _OUTSIDE)
        if way is not None:
            return self._along(packet, way, _INSIDE, now)
        binding = self._entrance(packet)
        if binding is None:
            if state.rules.owns(packet.destination) and not self._is_for_us(packet):
                return self._drop(packet.data, _INSIDE, "no-translation")
            return self._level.receive(packet, _OUTSIDE, now)
        door = state.doors.find(packet.protocol, packet.receiver, packet.source, now)
        if door is None and not binding.static and binding.protocol != WHOLE_HOST:
            return self._drop(packet.data, _INSIDE, "no-session-or-door")
        outside, made = state.name_outside(packet.protocol, packet.sender)
        session = self._begin_inbound(packet, binding, outside, door.inspect_as if door is not None else None)
        session.hairpin = again
        session.by_door = door
        nat = state.view(_INBOUND, session.inward.path, made)
        try:
            self._checkpoint.release(packet, session, session.inward, _INSIDE, now)
        except Refused:
            nat.undo()
            raise
        result = self._settle(self._forwarding.forward(packet, session, session.inward, nat, now), nat, now)
        if result.fate == _FORWARDED:
            state.sessions.add(session, now)
            if door is not None:
                state.promote(door)
        return result

    def _is_for_us(self, packet: Packet) -> bool:
        """Whether a packet is for the gateway itself, which has a firewall and no NAT: that says if it gets there."""
        rules = self.state.rules
        if self.screen is None or self._delegated or rules.dynamic or rules.static_hosts or rules.static_ports:
            return False
        return self.screen.is_gateway(packet.destination)

    def _entrance(self, packet: Packet) -> Binding | None:
        """By whose name a packet comes in that is of no flow; None where nothing of it is translated."""
        state, rules = self.state, self.state.rules
        binding = state.bindings.by_global(packet.protocol, packet.receiver)
        if binding is None and packet.protocol == TCP and opens(packet):
            binding = state.share_out(packet.receiver)
        if binding is None and rules.outside.gives_name(packet.source) and rules.is_inside(packet.destination):
            binding = untranslated(packet.destination)
        return binding

    def _settle(self, result: Result, nat: Transaction, now: float) -> Result:
        """Keep the names that outside hosts were given for a packet, or take them back if it does not go on."""
        if nat.made:
            if result.fate == _FORWARDED:
                self.state.keep(nat.made, now)
            else:
                nat.undo()
        return result

    def meet_door(self, session: Session, now: float) -> None:
        """The other side answers where the inside sent first: that is the flow the door was for."""
        door = self.state.awaited_door(session, now)
        if door is not None:
            self.state.promote(door)
        session.awaited = False
        session.settle_plain()

    def _begin_inbound(
        self, packet: Packet, binding: Binding, outside: Binding | None, inspect_as: str | None
    ) -> Session:
        session = Session(packet.protocol, binding, binding.inward(packet.receiver), packet.sender, outside)
        session.begun = session.inward
        session.calls = opens(packet) and not self._delegated
        # A door may lead where no port is served; a TCP connection is inspected from its beginning, or not at all.
        served = inspect_as
        if packet.protocol != UDP and not (opens(packet) and self.splicing.serves(inspect_as)):
            served = None
        session.alg = served or self._forwarding.alg_for(packet, packet.source_port, session.inside_local.port)
        return session
