"""Doors: flows that were announced and have not come yet.

A door is the first of Cisco's two databases. Its first packet makes a session of it, and it leaves the table; a door
for as many flows as come stays. What may be announced at all is decided here too (NAT Slipstreaming, FTP bounce).
"""

import math
from collections.abc import Iterator
from typing import Final

from doorman.algs.api import Door, Owner, Touched
from doorman.firewall.silence import Owned, Silence
from doorman.nat.ports import FIRST_RESERVED
from doorman.net.addresses import PRIVILEGED_END, Address, Endpoint
from doorman.net.packet import TCP, UDP
from doorman.timers import Timers

_NEVER_TCP: Final = frozenset({
    512, 513, 514, 515, 543, 544, 548, 587, 593, 631, 636, 873,
    1433, 1521, 1723, 2049, 2375, 3306, 3389, 5432, 5900, 5985, 6379, 8080, 9200, 11211, 27017,
})  # fmt: skip
_NEVER_UDP: Final = frozenset({1434, 1701, 1900, 2049, 3702, 5353, 5355})
"""Services that listen above port 511 and that no call or transfer announces."""

_Key = tuple[int, Endpoint, Address | None]


def may_lead_to(protocol: int, port: int, *, reserved: bool = False) -> bool:
    """Whether a door may be opened to this port because a message announces it; `reserved`: see `Nat.expose`."""
    if port < (FIRST_RESERVED if reserved else PRIVILEGED_END) or port > 65_535:  # noqa: PLR2004 - the last port
        return False
    return not ((protocol == UDP and port in _NEVER_UDP) or (protocol == TCP and port in _NEVER_TCP))


class Doors:
    """All doors of a gateway. Iterating gives those that are open; others wait for their end as sessions.

    Several owners may have a door for the same flow: calls of a phone with one media port.

    Attributes:
        retimed: the owners of doors that end at another time now.
        silence: whose doors close when nothing uses them.
    """

    def __init__(self) -> None:
        self.retimed = Touched()
        self.silence = Silence()
        self._newest: dict[_Key, Door] = {}
        self._by_owner: dict[Owner, Owned] = {}
        self._timers: Timers[Door] = Timers()

    def __iter__(self) -> Iterator[Door]:
        return (door for door in self.everyone() if not door.promoted)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, protocol: int, entrance: Endpoint, visitor: Address, now: float) -> Door | None:
        """The door which lets a visitor in at an entrance."""
        for whom in (visitor, None):
            door = self._newest.get((protocol, entrance, whom))
            while door is not None:
                if not door.promoted and door.closes > now:
                    return door
                door = door.older
        return None

    def covers(self, protocol: int, entrance: Endpoint, visitor: Address) -> bool:
        """Whether a visitor's flows at an entrance have a door, also one that became a session."""
        return (protocol, entrance, visitor) in self._newest or (protocol, entrance, None) in self._newest

    def at(self, protocol: int, entrance: Endpoint, visitor: Address) -> list[Door]:
        """The doors for a visitor at an entrance, also those that became sessions."""
        newest = self._newest.get
        return [*_in_order(newest((protocol, entrance, visitor))), *_in_order(newest((protocol, entrance, None)))]

    def everyone(self) -> Iterator[Door]:
        """All doors, also those that became sessions."""
        return (door for newest in self._newest.values() for door in _in_order(newest))

    def remove(self, door: Door) -> None:
        """Take a door out; with the last of its owner, nothing is known of that any more."""
        self._leave(door)
        owned = self._by_owner[door.owner]
        owned.doors.remove(door)
        if not owned.doors:
            self.silence.forget(owned)
            del self._by_owner[door.owner]

    def of_owner(self, owner: Owner) -> list[Door]:
        """The doors of an owner, also those that became sessions."""
        owned = self._by_owner.get(owner)
        return owned.doors if owned is not None else []

    def watch(self, owner: Owner, seconds: float, now: float) -> None:
        """Let the doors of an owner be silent for so long, if it has any."""
        owned = self._by_owner.get(owner)
        if owned is not None:
            self.silence.watch(owned, seconds, now)

    def used(self, owner: Owner, at: float) -> None:
        """A flow that came by the doors of an owner was used at a time, and is gone."""
        owned = self._by_owner.get(owner)
        if owned is not None:
            owned.last = max(owned.last, at)

    def may_last(self, owner: Owner) -> bool:
        """Whether silence closes nothing of this owner's."""
        owned = self._by_owner.get(owner)
        return owned is not None and owned.is_watched and owned.seconds == math.inf

    def open(self, door: Door, now: float) -> Door | None:
        """Open a door; give back the one it replaces: its owner's, at the same entrance, for another visitor.

        A door that is open already is prolonged and nothing else: `open` says so by giving back the door itself.
        """
        replaced = None
        owned = self._by_owner.get(door.owner)
        if owned is None:
            self._by_owner[door.owner] = Owned(door)
        else:
            for known in owned.doors:
                if known.entrance == door.entrance and known.protocol == door.protocol:
                    if not known.promoted and known.same_flow(door):
                        self.prolong(known, door.closes)
                        return door
                    replaced = known
                    break
            if replaced is not None:
                owned.doors.remove(replaced)
                self._leave(replaced)
            owned.doors.append(door)
        door.opened = now
        self._enter(door)
        self._timers.look(door.closes, door, now)
        return replaced

    def adopt(self, door: Door) -> None:
        """Enter a door as it was, also one that became a session."""
        owned = self._by_owner.get(door.owner)
        if owned is None:
            self._by_owner[door.owner] = Owned(door)
        else:
            owned.doors.append(door)
        self._enter(door)
        self._timers.start(door.closes, door)

    def promote(self, door: Door) -> None:
        """A door got its first packet: unless it is for more flows, it leaves the table."""
        if door.flows is not None:
            door.flows -= 1
            door.promoted = door.flows <= 0

    def close(self, owner: Owner, at: float, entrance: Endpoint | None = None, *, spare: bool = False) -> None:
        """Let the doors of an owner end at a time, if they do not end sooner; only one entrance where given.

        With `spare`, without the flows that came through.
        """
        for door in self.of_owner(owner):
            if (entrance is not None and door.entrance != entrance) or (spare and door.spares and door.promoted):
                continue
            door.spares = spare and (door.spares or at < door.closes)
            if at < door.closes:
                door.closes, door.closing = at, True
                self.retimed.add(owner)
                self._timers.start(at, door)

    def fall_silent(self, owner: Owner, at: float) -> None:
        """Let the doors of an owner end at a time since nothing uses them any more."""
        owned = self._by_owner.get(owner)
        if owned is not None:
            self.silence.forget(owned)
        self.close(owner, at)

    def overdue(self, now: float) -> list[Door]:
        """The doors whose time is up, those that became sessions included; they are still entered."""
        gone = []
        for door in self._timers.due(now):
            if door.closes > now:
                self._timers.look(door.closes, door, now)
            else:
                gone.append(door)
        return gone

    def prolong(self, door: Door, closes: float) -> None:
        """Let a door end at another time."""
        if closes != door.closes:
            self.retimed.add(door.owner)
        door.closes, door.closing = closes, False
        if closes < door.rings:
            self._timers.start(closes, door)

    def _enter(self, door: Door) -> None:
        key = (door.protocol, door.entrance, door.visitor)
        older = door.older = self._newest.get(key)
        if older is not None:
            older.newer = door
        self._newest[key] = door

    def _leave(self, door: Door) -> None:
        self._timers.stop(door)
        older, newer = door.older, door.newer
        door.older = door.newer = None
        if older is not None:
            older.newer = newer
        if newer is not None:
            newer.older = older
        elif older is not None:
            self._newest[door.protocol, door.entrance, door.visitor] = older
        else:
            del self._newest[door.protocol, door.entrance, door.visitor]


def _in_order(newest: Door | None) -> list[Door]:
    """The doors for one flow, in the order in which they were entered."""
    doors = []
    while newest is not None:
        doors.append(newest)
        newest = newest.older
    doors.reverse()
    return doors
