"""The DNS ALG: what hosts are told of the addresses of others, in the words of those who ask.

    resolver inside                gateway                        server outside
      | A www.example.org? ----------->|------------------------------>|
      |<---------------- A 10.9.9.7    |<------------- A 192.168.1.7   |   by a rule about outside hosts
      | PTR 7.9.9.10.in-addr.arpa? --->| PTR 7.1.168.192.in-addr.arpa? |
      |<-------- PTR www.example.org   |<-------- PTR www.example.org  |   the name asked for is what it was again

A server inside is the same the other way round: its 192.168.1.5 is the global address outside. The answer comes back by
the session of the question, so no door is needed. A message is read only where an address in it may have another name:
else it goes on as it came, whatever else it holds. RFC 1035, 2694 (DNS and NAT), 6891 (EDNS), 8945 (TSIG), 4035
(DNSSEC): what is signed stays as it is.
"""

from doorman.algs.api import Edit, Effect, Ends, Message, Nat, Note, Outcome, Refused, StopInspecting
from doorman.algs.base import BaseAlg
from doorman.algs.dns.settings import MAX_MESSAGE, DnsSettings
from doorman.algs.settings import Settings
from doorman.net.addresses import Address, address_ascii
from doorman.net.edits import growth
from doorman.net.packet import TCP
from doorman.wire.dns import LENGTH, may_sign, name_of, possible_addresses, read_records
from doorman.wire.dns_names import may_reverse, rename
from doorman.wire.malformed import Excessive, Malformed

_TTL = 6
"""Bytes between the beginning of a record's TTL and that of its RDATA; the TTL has four."""
_NONE = bytes(4)


class DnsAlg(BaseAlg[DnsSettings]):
    """DNS's application-level gateway. See `BaseAlg`.

    Args:
        ports: those it is served on.
        settings: `DnsSettings`.
    """

    name = "dns"
    own = DnsSettings

    def __init__(self, ports: frozenset[int], settings: Settings | None = None) -> None:
        super().__init__(ports, settings)
        self._signed_ends: set[Ends] = set()

    def on_message(self, message: Message, nat: Nat) -> Outcome:
        """Translate the addresses in a message. See `Alg.on_message`."""
        data = message.data
        start = LENGTH if message.protocol == TCP else 0
        name = name_of(data, start)
        if not name:
            return Outcome([], [StopInspecting(), Note("not-dns")])
        if start and may_sign(data):
            self._signed_ends.add(message.ends)  # not every message of a transfer has its own (RFC 8945, section 5.3.1)
        if not _concerns(data, nat):
            return Outcome([], [], name)
        effects: list[Effect] = []
        try:
            edits = self._edits(message, nat, start, effects)
        except Excessive as excessive:
            return Outcome([], [*effects, Note(excessive.reason)], name)
        except Malformed as malformed:
            return self.unreadable(malformed.reason, name, message)
        return Outcome(edits, effects, name)

    def as_sent(self, message: Message, nat: Nat) -> list[Edit]:
        """The same with names as the other side knows them. See `Alg.as_sent`."""
        start = LENGTH if message.protocol == TCP else 0
        try:
            if name_of(message.data, start) and _concerns(message.data, nat):
                return self._edits(message, nat, start, [])
        except Malformed:
            pass  # it was sent as it came
        return []

    def on_end(self, ends: Ends, now: float) -> list[Effect]:  # noqa: ARG002 - nothing else is remembered
        """A connection is over. See `Alg.on_end`."""
        self._signed_ends.discard(ends)
        return []

    def _edits(self, message: Message, nat: Nat, start: int, effects: list[Effect]) -> list[Edit]:
        """What is to be changed in a message, whose header stands at `start`.

        Raises:
            Malformed: it cannot be read.
            Excessive: there is no room for other names.
        """
        data = message.data
        records = read_records(data, start)
        if records.signed or (start and message.ends in self._signed_ends):
            effects.append(Note("signed"))
            return []
        edits = []
        for at in records.addresses:
            address = Address(data[at : at + 4])
            try:
                name = nat.resolve(address, anew=True)
            except Refused as refused:
                effects.append(Note(str(refused), address_ascii(address)))
                continue
            if name != address:
                edits.append(Edit(at, at + 4, name, "A"))
        if may_reverse(data):
            renamed = _renamed(data, nat, start)
            edits = sorted([*edits, *renamed]) if edits else renamed
        if edits and self.settings.reset_ttl:
            edits = sorted([*edits, *_reset(data, records.answers, edits)])
        return _with_length(edits, len(data) - start) if start else edits


def _concerns(data: bytes, nat: Nat) -> bool:
    """Whether a message may have an address that is to be changed."""
    addresses = possible_addresses(data)
    return (bool(addresses) and nat.owns_any(addresses)) or may_reverse(data) is not None


def _renamed(data: bytes, nat: Nat, start: int) -> list[Edit]:
    """Give the names that are addresses in reverse other ones."""
    return [Edit(*change) for change in rename(data, start, lambda address: nat.resolve(address, anew=False))]


def _reset(data: bytes, answers: list[int], edits: list[Edit]) -> list[Edit]:
    """Let nobody keep the answers, nor what was translated in other sections."""
    places = {*answers, *(edit.start for edit in edits if edit.rule == "A")}
    ttls = [at - _TTL for at in places]
    return [Edit(at, at + 4, _NONE, "TTL") for at in ttls if data[at : at + 4] != _NONE]


def _with_length(edits: list[Edit], length: int) -> list[Edit]:
    """The same with the length of the message before it, as it must be over TCP."""
    longer = growth(edits)
    if not longer:
        return edits
    if length + longer > MAX_MESSAGE:
        raise Excessive("dns-pointer-too-far")
    return [Edit(0, LENGTH, (length + longer).to_bytes(LENGTH, "big"), "length"), *edits]
