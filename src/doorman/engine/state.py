"""The tables of a gateway, and the changes to them that come from effects and from time."""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Final

from doorman.algs.api import (
    CloseDoors,
    Direction,
    Door,
    Effect,
    InactivityTimeout,
    Note,
    OpenDoor,
    Owner,
    Path,
    Refused,
    StopInspecting,
    WaitForOthers,
)
from doorman.config.model import Config, Timeouts, lifetime
from doorman.engine.plan import Plan, allows, hold
from doorman.engine.results import Change, DoorClosed, DoorOpened, DoorPromoted, Ending, IpsecChange, SessionCut
from doorman.engine.views import Inward, Level, Names, Outward, Transaction, View
from doorman.engine.waiting import Waiting
from doorman.firewall.doors import Doors
from doorman.nat.bindings import WHOLE_HOST, Binding, Bindings
from doorman.nat.holdings import Holdings
from doorman.nat.peerings import Peering, PeeringMade, Peerings
from doorman.nat.rules import Rules
from doorman.nat.selection import Towards
from doorman.nat.sessions import Session, Sessions, Way
from doorman.nat.stand_ins import StandIns
from doorman.nat.tunnels import Tunnel, TunnelMade, Tunnels
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import ESP, TCP, UDP
from doorman.net.routes import Route
from doorman.timers import Timers
from doorman.wire.ike import PORT as IKE_PORT

UNUSED_BINDING: Final = 300.0
"""Seconds that a name given out in a message is kept for traffic that does not come (RFC 4787, REQ-5: at least 120)."""

_ENDINGS = 1_000
"""What ended because of the time, and is remembered."""

_NEVER = Timeouts(None, None, None, None, None, None, None, None)
"""Of sessions that a kernel keeps: it says when they end."""


class State:
    """Rules, bindings, doors and sessions of one NAT.

    Args:
        config: what it does.
        holdings: what it gives out, if others give out the same.
        chance: floats in [0, 1).
        delegated: whether a kernel carries the flows, see `Engine`.
        reserved: see `Holdings`.
        route: the routes of the kernel.

    Attributes:
        rules, bindings: whom this NAT is about, and what inside hosts are called outside.
        outside: what outside hosts are called inside.
        stand_ins: which inside hosts have IPv6.
        names: all four, as views of ALGs look at them.
        notes: how often each oddity was noted.
        endings: what ended lately because of the time, the newest last.
        tunnels: those of hosts that share an address.
        peerings: with whom hosts speak IKE that keep its port.
        waiting: the sessions that others keep alive.
        ended: spliced sessions that are over, for their ALGs to be told.
        changes: what happened to the tables, for the data plane to take.
        screened: whether a firewall stands between all hosts: then those that have no other name need doors as well.
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
        self.changes: list[Change] = []
        self.screened = False
        self.delegated = delegated
        self.chance = chance
        self.reserved = reserved
        self._route = route
        _, self.rules, self.bindings, self.outside = self.plan(config, holdings)
        self.stand_ins = StandIns(config)
        self.names = Names(self.rules, self.bindings, self.outside, self.stand_ins)
        self.sessions = Sessions(_NEVER if delegated else config.timeouts)
        self.tunnels = self._make_tunnels(config, self.rules, self.bindings)
        self.peerings = self._make_peerings(config, self.rules, self.bindings)
        self.doors = Doors()
        self.notes: defaultdict[str, int] = defaultdict(int)
        self.endings: deque[Ending] = deque(maxlen=_ENDINGS)
        self.waiting = Waiting(self.sessions, self.doors)
        self.ended: list[Session] = []
        self._unused: Timers[Binding] = Timers()
        self._lease = lifetime(config.timeouts.translation)

    def view(self, direction: Direction, path: Path, made: Iterable[Binding] = (), *, protocol: int = TCP) -> View:
        """The view for a message that goes this way; `made`: the names that its flow needed."""
        if self.screened and not path.translated:
            return Level(path)
        if direction == Direction.OUTBOUND:
            towards = Towards(protocol, path.sent_from.port, path.arrives_to)
            return Outward(self.names, path.sent_from.address, towards)
        return Inward(self.names, path, made, screened=self.screened)

    def view_of(self, way: Way, direction: Direction) -> Transaction:
        """The view for a message of a flow: the same for all that go this way, until the rules are others."""
        view = way.view
        if isinstance(view, Transaction):
            view.begin()
            return view
        made = self.view(direction, way.path, protocol=way.session.protocol)
        way.view = made
        return made

    def ipsec(self) -> Iterator[IpsecChange]:
        """What makes the tunnels and peerings that there are."""
        yield from map(TunnelMade, self.tunnels)
        yield from map(PeeringMade, self.peerings)

    def carry_out(
        self, effects: list[Effect], now: float, session: Session | None = None, *, of_inside: bool = False
    ) -> None:
        """Carry out what an ALG asked for; `session` is the flow its message came on, and from which side."""
        for effect in effects:
            if isinstance(effect, OpenDoor):
                self._open(effect.door, now, anew=effect.anew)
            elif isinstance(effect, Note):
                self.notes[effect.name] += 1
                if effect.owner is not None:
                    self.endings.append(Ending(now, effect.owner, effect.name))
            elif isinstance(effect, CloseDoors):
                self.doors.close(effect.owner, effect.at, effect.entrance, spare=effect.spare)
            elif isinstance(effect, InactivityTimeout):
                self.doors.watch(effect.owner, effect.seconds, now)
            elif session is not None:
                self._change(session, effect, of_inside=of_inside)

    def _change(self, session: Session, effect: StopInspecting | WaitForOthers, *, of_inside: bool) -> None:
        if isinstance(effect, WaitForOthers):
            self.waiting.let_wait(session, effect)
        elif effect.agreed or (of_inside and not session.spoke):
            session.alg = None
            session.settle_plain()

    def keep(self, made: list[Binding], now: float) -> None:
        """Keep new bindings, those that nobody uses only for a while."""
        for binding in made:
            if binding.idle:
                self._unused.start(now + UNUSED_BINDING, binding)

    def share_out(self, virtual: Endpoint) -> Binding | None:
        """A binding for one new connection to a virtual host, which is in no table; None where it is none."""
        real = self.rules.virtual.next(virtual)
        return Binding(TCP, real, virtual) if real is not None else None

    def name_outside(self, protocol: int, sender: Endpoint) -> tuple[Binding | None, list[Binding]]:
        """What an outside end is called inside, None for its own name; and what was made for that.

        Raises:
            Refused: the pool is exhausted.
        """
        known = self.outside.by_local(protocol, sender)
        if known is not None or not self.rules.outside.dynamic or self.rules.owns(sender.address):
            return known, []
        made = self.outside.bind(WHOLE_HOST, sender)
        return (made[0] if made else None), made

    def known_outside(self, protocol: int, receiver: Endpoint) -> Endpoint:
        """An outside end as the outside knows it, whatever the inside calls it."""
        binding = self.outside.by_global(protocol, receiver)
        return binding.inward(receiver) if binding is not None else receiver

    def binding_of(self, protocol: int, local: Endpoint, towards: Towards) -> Binding | None:
        """The binding of an inside end for a flow; a name that was announced to the other end comes first."""
        if self.rules.looks_at_flows:
            remote = towards.remote.address
            for binding in self.bindings.every_of(protocol, local):
                known = self.doors.at(protocol, binding.outward(local), remote) if binding.doors else ()
                if any(door.visitor == remote for door in known):
                    return binding
        return self.bindings.by_local(protocol, local, towards)

    def outside_global(self, protocol: int, local: Endpoint) -> Endpoint:
        """An outside end as the outside knows it, which the inside knows by another name or the same.

        Raises:
            Refused: nobody has that name.
        """
        binding = self.outside.by_global(protocol, local)
        if binding is None and self.rules.outside.lends(local.address):
            raise Refused("outside-host-unknown")
        return binding.inward(local) if binding is not None else local

    def awaited_door(self, session: Session, now: float) -> Door | None:
        """The door for one flow that waits for the other side of a session which the inside began."""
        door = self.doors.find(session.protocol, session.inside_global, session.outside_global.address, now)
        return door if door is not None and door.flows is not None else None

    def promote(self, door: Door) -> None:
        """A door got its first packet."""
        self.doors.promote(door)
        self.changes.append(DoorPromoted(door))
        if door.promoted and door.hands_over:
            self.doors.remove(door)
            binding = self._unhook(door)
            self.changes.append(DoorClosed(door, binding))

    def adopt_door(self, door: Door) -> None:
        """Enter a door as it was before the gateway was started again, and the name by which it leads.

        Raises:
            Refused: the name cannot be that of its inside end any more.
        """
        binding = self.bindings.by_global(door.protocol, door.entrance)
        if binding is None and door.entrance != door.leads_to:
            binding = self.bindings.adopt(door.protocol, door.leads_to, door.entrance)
        if not self._leads(binding, door):
            raise Refused("door-without-binding")
        if binding is not None:
            binding.doors += 1
        self.doors.adopt(door)

    def reserve(self, reserved: Collection[tuple[int, int]]) -> None:
        """Give these ports to nobody from the next configuration on; names that have been given out stay."""
        given = {(binding.protocol, binding.global_.port) for binding in self.bindings if not binding.static}
        self.reserved = frozenset(reserved) - given

    def plan(self, config: Config, holdings: Holdings | None = None) -> Plan:
        """Find out what another configuration says; nothing changes yet. `holdings`: if others give out the same.

        Raises:
            UnusableConfig: a rule cannot be put to work.
        """
        if holdings is None:
            holdings = self.hold(config)
        rules = Rules(config, holdings, self._route)
        journal = self.changes.append if self.delegated else None
        inside = Bindings(rules, holdings, journal=journal)
        return Plan(config, rules, inside, Bindings(rules.outside, holdings, journal=journal, outside=True))

    def hold(self, config: Config) -> Holdings:
        """What an outside has to give by a configuration with all rules about it."""
        return hold(config, self.chance, delegated=self.delegated, reserved=self.reserved)

    def carry_on(self, plan: Plan, now: float) -> None:
        """Go on by other rules: what they still allow stays as it is, the rest ends at once."""
        config, rules, bindings, outside = plan
        lost = bindings.take_over(self.bindings) + outside.take_over(self.outside)
        gone = set(map(id, lost))
        for door in list(self.doors.everyone()):
            if id(self.bindings.by_global(door.protocol, door.entrance)) in gone:
                self.doors.remove(door)
                self.changes.append(DoorClosed(door))
        for session in list(self.sessions):
            session.outward.view = session.inward.view = None
            known = self.bindings.has(session.binding) or allows(rules, session)
            if not known or {id(session.binding), id(session.outside_binding)} & gone:
                self._cut(session)
        tunnels = self._make_tunnels(config, rules, bindings)
        tunnels.take_over(self.tunnels)
        peerings = self._make_peerings(config, rules, bindings)
        peerings.take_over(self.peerings)
        self.rules, self.bindings, self.outside = rules, bindings, outside
        self.stand_ins.follow(config)
        self.names = Names(rules, bindings, outside, self.stand_ins)
        self.tunnels, self.peerings = tunnels, peerings
        self._lease = lifetime(config.timeouts.translation)
        if not self.delegated:
            self.sessions.set_timeouts(config.timeouts)
        self.expire(now)

    def fall_silent(self, owner: Owner, now: float) -> None:
        """Close the doors of an owner whose media are no more."""
        self.doors.fall_silent(owner, now)
        self.notes["inactive-media"] += 1
        self.endings.append(Ending(now, owner, "inactive-media"))

    def cut_session(self, session: Session, now: float) -> None:
        """End a flow though packets of it may still come."""
        self._cut(session)
        self._release_both(session, now)

    def free_unused(self, chosen: Callable[[Binding], bool]) -> int:
        """Take names back that nobody uses and that are kept for a while; how many."""
        everything = (*self.bindings, *self.outside)
        unused = [binding for binding in everything if binding.idle and chosen(binding)]
        for binding in unused:
            self._free(binding)
        return len(unused)

    def clear_ipsec(self, chosen: Callable[[int, tuple[Endpoint, Endpoint, Endpoint, Endpoint]], bool]) -> int:
        """End tunnels, and IKE that keeps its port, by protocol and ends (inside global first); how many."""

        def is_chosen(one: Tunnel | Peering, protocol: int, port: int) -> bool:
            server = Endpoint(one.server, port)
            return chosen(protocol, (Endpoint(one.name, port), Endpoint(one.host, port), server, server))

        tunnels = [tunnel for tunnel in self.tunnels if is_chosen(tunnel, ESP, 0)]
        peerings = [peering for peering in self.peerings if is_chosen(peering, UDP, IKE_PORT)]
        for tunnel in tunnels:
            self.tunnels.end(tunnel)
        for peering in peerings:
            self.peerings.end(peering)
        return len(tunnels) + len(peerings)

    def end_session(self, session: Session, now: float) -> None:
        """A flow is over."""
        self._remove(session)
        for door in self._doors_of(session):
            self.doors.used(door.owner, session.last_used)
        self._release_both(session, now)

    def expire(self, now: float) -> None:
        """End whatever is over by now."""
        self.rules.look_anew()
        for owner, at in self.doors.silence.overdue(now, partial(self._last_use, now)):
            self.fall_silent(owner, at)
        for door in self.doors.overdue(now):
            if door.spares and self._still_there(door):
                self._spare(door)
            else:
                self._closed(door, door.closes)
        overdue = self.sessions.overdue(now)
        needed = self.waiting.needed(overdue)
        for session in overdue:
            if session.outward_key in needed:
                self.sessions.wait(session, now)
            else:
                self.end_session(session, session.last_used + session.timeout)
        self.tunnels.expire(now)
        self.peerings.expire(now)
        for binding in self._unused.due(now):
            if binding.idle:
                self._free(binding)
        if self.stand_ins.is_due(now):
            self.stand_ins.expire(now, {binding.local.address for binding in self.bindings if not binding.static})

    def _open(self, door: Door, now: float, *, anew: bool) -> None:
        binding = self.bindings.by_global(door.protocol, door.entrance)
        if not self._leads(binding, door):
            self.notes["door-without-binding"] += 1  # the name it was to have belongs to nobody, or to another host
            return
        for served in self.doors.of_owner(door.owner):
            known = served.promoted and not (anew or served.closing) and served.same_flow(door)
            if known and self._still_there(door):
                self.doors.prolong(served, door.closes)
                return
        replaced = self.doors.open(door, now)
        if replaced is door:
            return
        if replaced is not None:
            self.changes.append(DoorClosed(replaced, binding))  # which leads by the same name
        elif binding is not None:
            binding.doors += 1
        self.changes.append(DoorOpened(door, binding))

    def _leads(self, binding: Binding | None, door: Door) -> bool:
        """Whether a door leads where it says: by a name, or through a firewall to whoever goes by its own."""
        if binding is None:
            return self.screened and door.entrance == door.leads_to
        return binding.inward(door.entrance) == door.leads_to

    def _still_there(self, door: Door) -> bool:
        """Whether a visitor came whom a door is for, and its session lives: it needs no other door."""
        sessions = self.sessions.of_endpoint(door.protocol, door.leads_to)
        return any(door.visitor in {None, session.outside_global.address} for session in sessions)

    def _closed(self, door: Door, now: float) -> None:
        """A door is over: the flows that came through it end too, and its binding if nobody else needs it.

        One that leaves with its last flow has had none if it is still here: what goes the same way is of others.
        """
        self.doors.remove(door)
        binding = self._unhook(door)
        if door.flows is not None and not door.hands_over:
            for session in self.sessions.of_endpoint(door.protocol, door.leads_to):
                if not self.doors.covers(door.protocol, door.entrance, session.outside_global.address):
                    self._cut(session)
        if binding is not None:
            self._release(binding, now)
        self.changes.append(DoorClosed(door, binding))

    def _spare(self, door: Door) -> None:
        """Let the flow of a closing door go on until its call ends or announces it no more; nothing new comes in."""
        if not door.promoted:
            door.promoted, door.flows = True, 0
            self.changes.append(DoorPromoted(door))
        door.closes = math.inf
        self.doors.retimed.add(door.owner)

    def _doors_of(self, session: Session) -> list[Door]:
        """The doors that a session may have come by."""
        return self.doors.at(session.protocol, session.inside_global, session.outside_global.address)

    def _last_use(self, now: float, doors: list[Door]) -> float:
        """When what still lives used doors last; a kernel's flows are in use until it ends them."""
        last = -math.inf
        for door in doors:
            for session in self.sessions.of_endpoint(door.protocol, door.leads_to):
                last = now if self.delegated else max(last, session.last_used)
        return last

    def _remove(self, session: Session) -> None:
        """Forget a session; of a spliced one its ALG is still to be told."""
        if session.splice is not None and session.spoke:
            self.ended.append(session)
        self.waiting.forget(session)
        self.sessions.remove(session)

    def _cut(self, session: Session) -> None:
        self._remove(session)
        if self.delegated:
            self.changes.append(SessionCut(session))

    def _make_tunnels(self, config: Config, rules: Rules, bindings: Bindings) -> Tunnels:
        return Tunnels(rules.ipsec, bindings, lifetime(config.timeouts.translation), self._note_ipsec)

    def _make_peerings(self, config: Config, rules: Rules, bindings: Bindings) -> Peerings:
        timeouts = config.timeouts
        seconds = next((entry[2] for entry in timeouts.ports if entry[:2] == ("udp", IKE_PORT)), timeouts.udp)
        return Peerings(rules.ipsec.preserves_port, bindings, lifetime(seconds), self._has_tunnel, self._note_ipsec)

    def _has_tunnel(self, host: Address, server: Address) -> bool:
        return bool(self.tunnels.between(host, server))

    def _note_ipsec(self, change: IpsecChange) -> None:
        if self.delegated:
            self.changes.append(change)

    def _unhook(self, door: Door) -> Binding | None:
        binding = self.bindings.by_global(door.protocol, door.entrance)
        if binding is not None:
            binding.doors -= 1
        return binding

    def _release(self, binding: Binding, now: float) -> None:
        if not binding.idle:
            return
        if binding.protocol == WHOLE_HOST:
            self._unused.start(now + self._lease, binding)
        else:
            self._free(binding)

    def _release_both(self, session: Session, now: float) -> None:
        self._release(session.binding, now)
        if session.outside_binding is not None:
            self._release(session.outside_binding, now)

    def _free(self, binding: Binding) -> None:
        self._unused.stop(binding)
        table = self.outside if binding.outside else self.bindings
        table.free(binding)
