"""The guard against floods of INVITEs: who draws nothing but failures is not heard for a while.

    source                 gateway                server
      | INVITE  ------------->|------------------->|   remembered: who asked whom for what
      |<---------------- 404  |<-------------- 404 |   a failure of this source at this server
      |  …  as many in a row, within a period, as the threshold says
      | INVITE  ------------->| dropped, `denied-source`, for the deny time

Responses 3xx to 6xx are failures but for 401, 407, 487 and 488: those ask for credentials, follow a CANCEL, or
negotiate (RFC 3261, section 21.4). A response counts once, and only if it comes from the server that was asked and
names the transaction (RFC 3261, section 17.1.3); a success begins the count anew. An INVITE within an established call
is neither counted nor dropped. Whom an inside host has asked itself, its registrar say, is not denied: somebody else
might be using its address.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from doorman.algs.api import Direction, Effect, Message, Nat, Note, Refused
from doorman.algs.sip.settings import SipSettings
from doorman.algs.sip.times import Times
from doorman.net.addresses import Address, address_ascii
from doorman.timers import Timed, Timers
from doorman.wire.sip import SipMessage

MAX_SUSPECTS: Final = 16_384
"""Pairs of source and server that are watched; what comes beyond is not, and noted."""
MAX_SUSPECTS_OF_SERVER = 4_096
MAX_ASKED: Final = 65_536
"""INVITEs without a final response that are remembered."""
MAX_ASKED_OF_SOURCE = 2_048
MAX_RATED: Final = 65_536
"""Sources whose INVITEs are counted within a second."""

_NO_FAILURES: Final = frozenset({401, 407, 487, 488})
_BRANCH: Final = re.compile(rb";\s*+branch\s*+=\s*+([^;,\s]++)", re.IGNORECASE)
_FULL: Final = Note("guard-full")
_OUTBOUND: Final = Direction.OUTBOUND

Pair = tuple[Address, Address]
"""A source and a server, each as the other side of the gateway knows it."""
Transaction = tuple[Address, bytes, bytes, bytes]
"""The server, Call-ID, CSeq number and branch of an INVITE."""


class Suspect(Timed):
    """A source whose INVITEs to a server fail.

    Attributes:
        pair: the source and the server.
        failures: in a row.
        since: when the first of them was, in seconds.
        denied_until: when it is heard again, in seconds; 0: it is heard.
        refused: INVITEs dropped since it was denied.
    """

    __slots__ = ("denied_until", "failures", "pair", "refused", "since")

    def __init__(self, pair: Pair, now: float) -> None:
        super().__init__()
        self.pair = pair
        self.failures = self.refused = 0
        self.since = now
        self.denied_until = 0.0


class Asked(Timed):
    """An INVITE without a final response: its transaction, and where it came from."""

    __slots__ = ("source", "transaction")

    def __init__(self, transaction: Transaction, source: Address) -> None:
        super().__init__()
        self.transaction = transaction
        self.source = source


class Guard:
    """The guard of one SIP ALG.

    Args:
        settings: thresholds and times.
        expect: whether an inside host has asked something of a source itself.
    """

    __slots__ = ("_asked", "_asked_timers", "_by_server", "_by_source", "_expect", "_rates", "_second", "_suspects",
                 "_timers", "_times", "settings")  # fmt: skip

    def __init__(self, settings: SipSettings, expect: Callable[[Address], bool]) -> None:
        self.configure(settings)
        self._expect = expect
        self._suspects: dict[Pair, Suspect] = {}
        self._by_server: Counter[Address] = Counter()
        self._timers: Timers[Suspect] = Timers()
        self._asked: dict[Transaction, Asked] = {}
        self._by_source: Counter[Address] = Counter()
        self._asked_timers: Timers[Asked] = Timers()
        self._rates: Counter[Address] = Counter()
        self._second = 0

    def configure(self, settings: SipSettings) -> None:
        """Go on by other thresholds and times."""
        self.settings = settings
        self._times = Times(settings)

    def __iter__(self) -> Iterator[Suspect]:
        """Those who are watched or denied."""
        return iter(list(self._suspects.values()))

    def admit(self, message: Message, nat: Nat) -> bool:
        """See whether an INVITE that is not of an established call may go on; say whether it is to be followed.

        Raises:
            Refused: its source is denied (`denied-source`), or sends too many (`invite-rate`).
        """
        if not self._watches(message, nat):
            return False
        pair = message.path.sent_from.address, message.path.arrives_to.address
        suspect = self._suspects.get(pair)
        if suspect is not None and suspect.denied_until > message.now and self.settings.protect_deny_time:
            suspect.refused += 1
            raise Refused("denied-source")
        if self.settings.protect_rate:
            self._rate(pair[0], message.now)
        return True

    def follow(self, sip: SipMessage, message: Message) -> list[Effect]:
        """Remember an INVITE that goes on, or learn how one was answered; `sip` is one or the other."""
        if sip.method:
            return self._ask(sip, message)
        if sip.status < 200 or not self._asked:  # noqa: PLR2004 - provisional
            return []
        asked = self._asked.get(_transaction(sip, message.path.sent_from.address))
        if asked is None:
            return []
        self._answered(asked)
        pair = asked.source, asked.transaction[0]
        if sip.status < 300:  # noqa: PLR2004 - success
            self._forget(pair)
            return []
        return [] if sip.status in _NO_FAILURES else self._failed(pair, message.now)

    def expire(self, now: float) -> None:
        """Forget what is over."""
        for asked in self._asked_timers.due(now):
            self._answered(asked)
        for suspect in self._timers.due(now):
            ends = max(suspect.since + self.settings.protect_period, suspect.denied_until)
            if ends > now:
                self._timers.start(ends, suspect)
            else:
                self._forget(suspect.pair)

    def clear(self, source: Address | None = None) -> int:
        """Hear a source again, or all, and begin its count anew; say how many pairs it was about."""
        pairs = [pair for pair in self._suspects if source in {None, pair[0]}]
        for pair in pairs:
            self._forget(pair)
        return len(pairs)

    def _watches(self, message: Message, nat: Nat) -> bool:
        settings = self.settings
        if message.direction == _OUTBOUND:
            if settings.protect_against == "outside":
                return False
        elif message.path.sent_from == message.path.arrives_from and nat.owns(message.path.sent_from.address):
            return False  # a hairpin: its sender was watched on its way out, and others share the name it has now
        servers = settings.listed(settings.protect_servers)
        return servers is None or servers.permits(message.path.arrives_to.address)

    def _rate(self, source: Address, now: float) -> None:
        if int(now) != self._second:
            self._second = int(now)
            self._rates.clear()
        sent = self._rates[source]
        if sent >= self.settings.protect_rate:
            raise Refused("invite-rate")
        if sent or len(self._rates) < MAX_RATED:
            self._rates[source] = sent + 1

    def _ask(self, sip: SipMessage, message: Message) -> list[Effect]:
        transaction, source = _transaction(sip, message.path.arrives_to.address), message.path.sent_from.address
        if transaction in self._asked or not self.settings.protect_deny_time:
            return []
        if len(self._asked) >= MAX_ASKED or self._by_source[source] >= MAX_ASKED_OF_SOURCE:
            return [_FULL]
        asked = self._asked[transaction] = Asked(transaction, source)
        self._by_source[source] += 1
        self._asked_timers.start(message.now + self._times.ringing + self._times.transaction, asked)
        return []

    def _answered(self, asked: Asked) -> None:
        del self._asked[asked.transaction]
        self._asked_timers.stop(asked)
        _less(self._by_source, asked.source)

    def _failed(self, pair: Pair, now: float) -> list[Effect]:
        settings = self.settings
        suspect = self._suspects.get(pair)
        if suspect is None:
            if len(self._suspects) >= MAX_SUSPECTS or self._by_server[pair[1]] >= MAX_SUSPECTS_OF_SERVER:
                return [_FULL]
            suspect = self._suspects[pair] = Suspect(pair, now)
            self._by_server[pair[1]] += 1
            self._timers.start(now + settings.protect_period, suspect)
        if suspect.denied_until > now:
            return []  # asked before it was denied
        if suspect.denied_until or now - suspect.since > settings.protect_period:
            suspect.failures, suspect.since, suspect.denied_until = 0, now, 0.0
        suspect.failures += 1
        if suspect.failures < settings.protect_threshold:
            return []
        if self._expect(pair[0]):
            suspect.failures, suspect.since = 0, now
            return [Note("expected-source", address_ascii(pair[0]))]
        suspect.denied_until, suspect.refused = now + settings.protect_deny_time, 0
        return [Note("source-denied", address_ascii(pair[0]))]

    def _forget(self, pair: Pair) -> None:
        suspect = self._suspects.pop(pair, None)
        if suspect is not None:
            self._timers.stop(suspect)
            _less(self._by_server, pair[1])


def _transaction(sip: SipMessage, server: Address) -> Transaction:
    branch = _BRANCH.search(sip.value("via"))
    return server, sip.call_id, sip.cseq, branch[1] if branch is not None else b""


def _less(counter: Counter[Address], key: Address) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
