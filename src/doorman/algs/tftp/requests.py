"""Requests for files whose answers may still come: who asked whom for which, and how many each client has."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from doorman.algs.api import Owner, Plain
from doorman.algs.records import as_bytes, as_endpoint, as_list, as_text, as_time
from doorman.net.addresses import Address, Endpoint

LONGEST_SHOWN = 128
"""Bytes of a file's name that are remembered."""


class Asked(NamedTuple):
    """A request.

    Attributes:
        owner: of its door.
        client, server: its ends, as each knows itself.
        verb: RRQ or WRQ.
        file: the file's name, or its beginning: no more than `LONGEST_SHOWN`.
        since: when it was said last, in seconds.
    """

    owner: Owner
    client: Endpoint
    server: Endpoint
    verb: str
    file: bytes
    since: float

    def written(self) -> Plain:
        """It as a value for a record."""
        return self.client, self.server, self.verb, self.file, self.since


def read_asked(owner: Owner, value: Plain) -> Asked:
    """A request out of its record.

    Raises:
        DamagedRecord: it is none.
    """
    client, server, verb, file, since = as_list(value, 5)
    return Asked(owner, as_endpoint(client), as_endpoint(server), as_text(verb), as_bytes(file), as_time(since))


class Requests:
    """The requests of all clients, the oldest first. Iterating gives them."""

    def __init__(self) -> None:
        self._asked: dict[Owner, Asked] = {}
        self._of_client: Counter[Address] = Counter()

    def __iter__(self) -> Iterator[Asked]:
        return iter(self._asked.values())

    def __len__(self) -> int:
        return len(self._asked)

    def find(self, owner: Owner) -> Asked | None:
        """The request with this owner."""
        return self._asked.get(owner)

    def add(self, asked: Asked, most: int = 0) -> bool:
        """Add a request, or say one again; False if its client has so many already. `most` is 0 where none is."""
        client = asked.client.address
        known = self._asked.pop(asked.owner, None)
        if known is None:
            if most and self._of_client[client] >= most:
                return False
            self._of_client[client] += 1
        self._asked[asked.owner] = asked
        return True

    def expire(self, before: float) -> list[Asked]:
        """Forget those that were said before this time; give them."""
        gone = []
        for asked in self:
            if asked.since > before:
                break
            gone.append(asked)
        for asked in gone:
            del self._asked[asked.owner]
            self._of_client[asked.client.address] -= 1
            if not self._of_client[asked.client.address]:
                del self._of_client[asked.client.address]
        return gone
