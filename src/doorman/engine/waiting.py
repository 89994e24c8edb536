"""Sessions that others keep alive: a control connection is silent while what it brought about goes on.

An ALG says what a flow waits for (`WaitForOthers`): flows by the doors of an owner, or plain ones between these hosts.
"""

from collections.abc import Iterator

from doorman.algs.api import Owner, WaitForOthers
from doorman.firewall.doors import Doors
from doorman.nat.sessions import Session, Sessions
from doorman.net.addresses import Address


class Waiting:
    """The sessions that wait for others, among those of a NAT. Iterating gives those that wait for what is there.

    Args:
        sessions: all of the NAT.
        doors: by which those come that are waited for.
    """

    __slots__ = ("_doors", "_sessions", "_waiting")

    def __init__(self, sessions: Sessions, doors: Doors) -> None:
        self._sessions = sessions
        self._doors = doors
        self._waiting: dict[bytes, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return (one for one in self._waiting.values() if any(map(self._may_be_there, one.waits_for)))

    def let_wait(self, session: Session, effect: WaitForOthers) -> None:
        """Let a session wait for something, or wait for it no more."""
        still = filter(self._may_be_there, session.waits_for - {effect.owner})
        session.waits_for = frozenset([*still, *([effect.owner] if effect.waits else [])])
        if session.waits_for:
            self._waiting[session.outward_key] = session
        else:
            self._waiting.pop(session.outward_key, None)

    def forget(self, session: Session) -> None:
        """A session is over."""
        if self._waiting.get(session.outward_key) is session:
            del self._waiting[session.outward_key]

    def needed(self, overdue: list[Session]) -> set[bytes]:
        """The keys of those silent sessions that wait for others which are there."""
        waiting = [session for session in overdue if session.waits_for]
        if not waiting:
            return set()
        silent = set(map(id, overdue))
        others = {_hosts(one) for one in self._sessions if one.alg is None and id(one) not in silent}
        return {
            session.outward_key
            for session in waiting
            if any(_hosts(session) in others if one is None else self._doors.of_owner(one) for one in session.waits_for)
        }

    def _may_be_there(self, owner: Owner | None) -> bool:
        """Whether there are flows by doors of an owner; nobody knows that of plain ones."""
        return owner is None or bool(self._doors.of_owner(owner))


def _hosts(session: Session) -> tuple[Address, Address]:
    return session.inside_local.address, session.outside_global.address
