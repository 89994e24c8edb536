"""The tables of a gateway, and the changes to them that come from effects and from time."""

from collections import Counter
from collections.abc import Callable, Iterable

from doorman.algs.api import CloseDoors, Door, Effect, Note, OpenDoor
from doorman.config.model import Config, lifetime
from doorman.engine.results import Change, DoorClosed, DoorOpened, DoorPromoted
from doorman.firewall.doors import Doors
from doorman.nat.bindings import WHOLE_HOST, Binding, Bindings
from doorman.nat.rules import Rules
from doorman.nat.sessions import Session, Sessions
from doorman.timers import Timers

UNUSED_BINDING = 300.0
"""Seconds that a name given out in a message is kept for traffic that does not come (RFC 4787, REQ-5: at least 120)."""


class State:
    """Rules, bindings, doors and sessions of one NAT.

    Attributes:
        notes: how often each oddity was noted.
        changes: what happened to doors, for the data plane to take.
    """

    def __init__(self, config: Config, chance: Callable[[], float]) -> None:
        self.rules = Rules(config)
        self.bindings = Bindings(self.rules, chance)
        self.sessions = Sessions(config.timeouts)
        self.doors = Doors()
        self.notes: Counter[str] = Counter()
        self.changes: list[Change] = []
        self._unused: Timers[Binding] = Timers()
        self._lease = lifetime(config.timeouts.translation)

    def carry_out(self, effects: Iterable[Effect], now: float, session: Session | None = None) -> None:
        """Carry out what an ALG asked for; `session` is the flow its message came on."""
        for effect in effects:
            if isinstance(effect, OpenDoor):
                self._open(effect.door, now)
            elif isinstance(effect, Note):
                self.notes[effect.name] += 1
            elif isinstance(effect, CloseDoors):
                self.doors.close(effect.owner, effect.at, effect.entrance)
            elif session is not None and not session.spoke:  # StopInspecting
                session.alg = None
                session.settle_plain()

    def keep(self, made: list[Binding], now: float) -> None:
        """Keep new bindings, those that nobody uses only for a while."""
        for binding in made:
            if binding.idle:
                self._unused.start(now + UNUSED_BINDING, binding)

    def promote(self, door: Door) -> None:
        """A door got its first packet."""
        self.doors.promote(door)
        self.changes.append(DoorPromoted(door))

    def end_session(self, session: Session, now: float) -> None:
        """A flow is over."""
        self.sessions.remove(session)
        self._release(session.binding, now)

    def expire(self, now: float) -> None:
        """End whatever is over by now."""
        for door in self.doors.overdue(now):
            self._closed(door, door.closes)
        for session in self.sessions.overdue(now):
            self.end_session(session, session.last_used + session.timeout)
        for binding in self._unused.due(now):
            if binding.idle:
                self.bindings.free(binding)

    def _open(self, door: Door, now: float) -> None:
        binding = self.bindings.by_global(door.protocol, door.entrance)
        if binding is None or binding.inward(door.entrance) != door.leads_to:
            self.notes["door-without-binding"] += 1  # the name it was to have belongs to nobody, or to another host
            return
        for served in self.doors.of_owner(door.owner):
            if served.promoted and served.same_flow(door) and self._still_there(door):
                self.doors.prolong(served, door.closes)
                return
        replaced = self.doors.open(door, now)
        if replaced is door:
            return
        binding.doors += 1
        if replaced is not None:
            self._unhook(replaced)
            self.changes.append(DoorClosed(replaced))
        self.changes.append(DoorOpened(door))

    def _still_there(self, door: Door) -> bool:
        """Whether a visitor came whom a door is for, and its session lives: it needs no other door."""
        sessions = self.sessions.of_endpoint(door.protocol, door.leads_to)
        return any(door.visitor in {None, session.outside_global.address} for session in sessions)

    def _closed(self, door: Door, now: float) -> None:
        """A door was taken out: the flows that came through it end too, and its binding if nobody else needs it."""
        binding = self._unhook(door)
        if door.flows is not None:
            for session in self.sessions.of_endpoint(door.protocol, door.leads_to):
                if not self.doors.covers(door.protocol, door.entrance, session.outside_global.address):
                    self.sessions.remove(session)
        if binding is not None:
            self._release(binding, now)
        self.changes.append(DoorClosed(door))

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
            self.bindings.free(binding)
