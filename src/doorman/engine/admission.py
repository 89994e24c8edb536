"""How many TCP connections are spliced at once: of all clients, and of each, as a proxy has it.

A splice is made with the first segment, which anyone can send, and kept as long as the kernel keeps the flow. So it is
counted here what a flood may take; who is refused tries again, as after any loss.
"""

from collections import Counter

from doorman.nat.sessions import Session
from doorman.net.addresses import Address

MOST = 10_000
MOST_OF_HOST = 1_000
_RECOUNT = 1.0
"""Seconds between two counts of those that are over: each looks at all."""


class Admission:
    """Counts connections.

    Args:
        most: at once.
        of_host: of them, those that one client's address began.
    """

    def __init__(self, most: int = MOST, of_host: int = MOST_OF_HOST) -> None:
        self._most = most
        self._most_of_host = of_host
        self._entered: dict[bytes, tuple[Session, Address]] = {}
        self._of_host: Counter[Address] = Counter()
        self._counted = 0.0

    def refusal(self, session: Session, client: Address, now: float) -> str:
        """Why a session may not be spliced; if it may, nothing, and it is one of them."""
        key = session.outward_key
        before = self._entered.pop(key, None)
        if before is not None:
            self._of_host[before[1]] -= 1
        if self._excess(client) and now - self._counted >= _RECOUNT:
            self._recount(now)
        excess = self._excess(client)
        if not excess:
            self._entered[key] = (session, client)
            self._of_host[client] += 1
        return excess

    def _excess(self, client: Address) -> str:
        if len(self._entered) >= self._most:
            return "too-many-connections"
        return "too-many-connections-of-host" if self._of_host[client] >= self._most_of_host else ""

    def _recount(self, now: float) -> None:
        """Forget those that have no splice any more."""
        self._counted = now
        self._entered = {key: one for key, one in self._entered.items() if one[0].splice is not None}
        self._of_host = Counter(client for _, client in self._entered.values())
