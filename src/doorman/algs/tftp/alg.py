"""The TFTP ALG: the server's answer comes from a port that nobody knew before, and the whole file with it.

    client inside                gateway                        server outside
      | RRQ, to port 69 ------->| door for server -------------->|
      |<================== DATA, ACK … ==========================>|       the server answers from a port of its own

The door leads to where the request came from, for that server alone and for one flow. A server inside is reached by its
static name, and answers like any host that sends something. Nothing in a datagram is changed. RFC 1350 (section 4:
ports), 2347 (options).
"""

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping

from doorman.algs.api import (
    Direction,
    Effect,
    Message,
    Nat,
    Note,
    Outcome,
    Owner,
    Plain,
    Record,
    Refused,
    Shown,
    StopInspecting,
)
from doorman.algs.base import BaseAlg
from doorman.algs.flows import Flow, open_once
from doorman.algs.records import DamagedRecord, as_owner
from doorman.algs.settings import Settings
from doorman.algs.statistics import rows
from doorman.algs.tftp.requests import LONGEST_SHOWN, Asked, Requests, read_asked
from doorman.algs.tftp.settings import TftpSettings
from doorman.net.packet import UDP
from doorman.wire.malformed import Malformed
from doorman.wire.tftp import NAMES, READ, WRITE, name_of, read_request

_NAME = "tftp"
ROWS = rows(NAMES, {})
"""Of its statistics."""
_REQUESTS = frozenset({READ, WRITE})


class TftpAlg(BaseAlg[TftpSettings]):
    """TFTP's application-level gateway.

    Args:
        ports: those it is served on.
        settings: `TftpSettings`.

    Raises:
        TypeError: they are those of another ALG.
    """

    name = _NAME
    own = TftpSettings

    def __init__(self, ports: frozenset[int], settings: Settings | None = None) -> None:
        super().__init__(ports, settings)
        self._requests = Requests()

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Open a door for the answer to a request. See `Alg.on_message`."""
        name = name_of(message.data)
        if not name:
            return Outcome([], [StopInspecting(), Note("not-tftp")])
        if name not in _REQUESTS or not self._is_for_server(message):
            return Outcome([], [], name)
        try:
            asked = _asked(name, message)
        except Malformed as malformed:
            return self.unreadable(malformed.reason, name, message)
        return Outcome([], self._expect(asked, message, nat), name)

    def _is_for_server(self, message: Message) -> bool:
        """Whether a datagram goes to a port that is served, as the inside names it."""
        path = message.path
        receiver = path.sent_to if message.direction == Direction.OUTBOUND else path.arrives_to
        return receiver.port in self._ports

    def _expect(self, asked: Asked, message: Message, nat: Nat) -> list[Effect]:
        """What lets the answer in, where it needs a door."""
        client = message.path.sent_from
        needs_door = nat.shielded(client.address)
        if not self._requests.add(asked, self.settings.requests if needs_door else 0):
            return [Note("too-many-requests", asked.file)]
        self.touched.add(asked.owner)
        if not needs_door:
            return []
        try:
            entrance = nat.expose(client, UDP)
        except Refused as refused:
            return [Note(str(refused), str(client).encode())]
        return [open_once(asked.owner, Flow("data", UDP, entrance, client), message, self.settings.data_timeout)]

    # What is remembered

    def on_time(self, now: float) -> list[Effect]:
        """Forget requests whose time is over; their doors end by themselves. See `Alg.on_time`."""
        for asked in self._requests.expire(now - self.settings.data_timeout):
            self.touched.add(asked.owner)
        return []

    def totals(self) -> Mapping[str, int]:
        """Requests of the last minute, or as long as an answer may take. See `Alg.totals`."""
        return {"sessions": len(self._requests)}

    def sessions(self, now: float) -> Iterator[Mapping[str, Shown]]:
        """The same, the oldest first. See `Alg.sessions`."""
        for asked in self._requests:
            yield {
                "client": asked.client,
                "server": asked.server,
                "request": asked.verb,
                "file": asked.file,
                "age": now - asked.since,
            }

    def remembered(self) -> Iterable[Hashable]:
        """The owners of its requests. See `Alg.remembered`."""
        return [asked.owner for asked in self._requests]

    def of_owner(self, owner: Owner) -> Hashable | None:
        """A request is known by its owner. See `Alg.of_owner`."""
        return owner

    def record(self, item: Hashable) -> Record:
        """The record of a request. See `Alg.record`."""
        if not isinstance(item, Owner):
            raise TypeError(f"not of TFTP: {item!r}")
        asked = self._requests.find(item)
        return item, asked.written() if asked is not None else None

    def restore(self, key: Plain, value: Plain, doors: Container[Owner]) -> Iterable[Owner]:
        """Remember a request again; its door stays if it is there still. See `Alg.restore`."""
        owner = as_owner(key)
        if owner.alg != self.name or self._requests.find(owner) is not None:
            raise DamagedRecord("one record of a request")
        self._requests.add(read_asked(owner, value))
        return [owner] if owner in doors else []


def _asked(verb: str, message: Message) -> Asked:
    """A request as it is remembered.

    Raises:
        Malformed: it cannot be read.
    """
    request, path = read_request(message.data), message.path
    client, server = path.sent_from, path.arrives_to
    owner = Owner(_NAME, f"{client} {server}".encode(), message.party)
    return Asked(owner, client, server, verb, request.file[:LONGEST_SHOWN], message.now)
