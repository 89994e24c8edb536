"""Who of several VRFs has what with a server, behind an outside that they share: to it all of them are one address.

A party is the NAT of a VRF. What it has it says by a key of the other end: a server and our name, or a number besides.
One party at a time waits for a server's answer; the others have their turn when it came, or after a while.
"""

from collections import Counter
from collections.abc import Hashable

from doorman.algs.api import Refused

TURN = 5.0
"""Seconds that a host may wait for its answer while others want to begin with the same server."""


class Parties:
    """What each of the parties has."""

    __slots__ = ("_of_key", "_turns")

    def __init__(self) -> None:
        self._of_key: dict[Hashable, Counter[object]] = {}
        self._turns: dict[Hashable, tuple[object, float]] = {}

    def enter(self, key: Hashable, party: object) -> None:
        """A party has one more of these."""
        self._of_key.setdefault(key, Counter())[party] += 1

    def leave(self, key: Hashable, party: object) -> None:
        """It has one less."""
        known = self._of_key[key]
        known[party] -= 1
        if not known[party]:
            del known[party]
        if not known:
            del self._of_key[key]

    def has_others(self, key: Hashable, party: object) -> bool:
        """Whether a party has one of these beside this one."""
        return any(other is not party for other in self._of_key.get(key, ()))

    def wait(self, key: Hashable, party: object, now: float) -> None:
        """It is a party's turn to wait for an answer.

        Raises:
            Refused: another one waits, and may do so for a while yet.
        """
        turn = self._turns.get(key)
        if turn is not None and turn[0] is not party and now - turn[1] < TURN:
            raise Refused("esp-other-host-waits")
        self._turns[key] = party, now

    def answered(self, key: Hashable, party: object) -> None:
        """A party waits no more."""
        if key in self._turns and self._turns[key][0] is party:
            del self._turns[key]

    def awaits_other(self, key: Hashable, party: object) -> bool:
        """Whether what comes is another party's answer."""
        turn = self._turns.get(key)
        return turn is not None and turn[0] is not party
