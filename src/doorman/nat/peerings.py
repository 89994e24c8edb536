"""IKE of hosts that all keep port 500 of the address they share (`IKE preserve-port`).

    host A  500 -> 500  ┐                ┌  to the server both are GLOBAL:500
    host B  500 -> 500  ┴── gateway ─────┴  what it sends names the association: the initiator's SPI is A's or B's

Every message has the initiator's SPI in clear (`wire/ike`), so that of an answer says whose it is. What a server begins
by itself is for the one host that has an association with it; where several have, only a renewal can be told, by who
was asked for it last (CREATE_CHILD_SA), and all else is refused.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from doorman.algs.api import Refused
from doorman.nat.bindings import Bindings
from doorman.net.addresses import Address
from doorman.timers import Timed, Timers
from doorman.wire.ike import CREATE_CHILD_SA, IkeHeader

MOST_ASSOCIATIONS = 32
"""Of a host with a server; with one more, the oldest is forgotten."""
MOST = 16_384
"""Hosts and servers, as pairs."""
MOST_OF_HOST = 256
"""Servers that one host speaks with."""
RENEWAL = 60.0
"""Seconds after the exchange that renews an association in which a server may be the first to use the new one."""

Pair = tuple[Address, Address]
"""A server, and the global address by which it knows inside hosts."""


class Peering(Timed):
    """An inside host that speaks IKE with a server.

    Attributes:
        host, name: the two names of its inside end.
        server: its other end.
        initiators: the initiators' SPIs of its associations, the oldest first.
        renewed: when an association was last renewed, in seconds; 0 for never.
        last_used: when its last message passed.
    """

    __slots__ = ("host", "initiators", "last_used", "name", "renewed", "server")

    def __init__(self, host: Address, name: Address, server: Address, now: float) -> None:
        super().__init__()
        self.host = host
        self.name = name
        self.server = server
        self.initiators: dict[bytes, None] = {}
        self.renewed = 0.0
        self.last_used = now


class PeeringMade(NamedTuple):
    """An inside host speaks IKE with another server."""

    peering: Peering


class PeeringLearnt(NamedTuple):
    """It has begun another association with it."""

    peering: Peering


class PeeringEnded(NamedTuple):
    """It speaks with it no more."""

    peering: Peering


PeeringChange = PeeringMade | PeeringLearnt | PeeringEnded


class Peerings:
    """The hosts and servers of a NAT that speak IKE on port 500.

    Args:
        preserves: whether a host keeps its port.
        bindings: who shares which address.
        lifetime: how long they may be silent, in seconds.
        has_tunnel: whether a host still has a tunnel with a server: then they may be silent for longer.
        journal: told of every change.
    """

    def __init__(
        self,
        preserves: Callable[[Address], bool],
        bindings: Bindings,
        lifetime: float,
        has_tunnel: Callable[[Address, Address], bool],
        journal: Callable[[PeeringChange], None],
    ) -> None:
        self._preserves = preserves
        self._bindings = bindings
        self._lifetime = lifetime
        self._has_tunnel = has_tunnel
        self._journal = journal
        self._parties = bindings.holdings.parties
        self._of_pair: dict[Pair, dict[Address, Peering]] = {}
        self._by_initiator: dict[tuple[Address, Address, bytes], Peering] = {}
        self._of_host: Counter[Address] = Counter()
        self._timers: Timers[Peering] = Timers()

    def __iter__(self) -> Iterator[Peering]:
        return (peering for hosts in self._of_pair.values() for peering in hosts.values())

    def __len__(self) -> int:
        return self._of_host.total()

    def between(self, host: Address, server: Address, name: Address | None) -> Peering | None:
        """That of a host with a server which knows it by this name."""
        return self._of_pair.get((server, name), {}).get(host) if name is not None else None

    def send(self, host: Address, server: Address, header: IkeHeader | None, now: float) -> Peering:
        """That of a message from a host; without a header it is no IKE message, a keepalive perhaps.

        Raises:
            Refused: another host has that association, or there would be too many.
        """
        peering = self.between(host, server, self._bindings.global_host(host))
        if peering is None:
            if header is None:
                raise Refused("ike-header")
            peering = self._make(host, server, header, now)
        elif header is not None:
            self._learn(peering, header.initiator)
        peering.last_used = now
        if header is not None and header.exchange == CREATE_CHILD_SA:
            peering.renewed = now
        return peering

    def receive(self, server: Address, name: Address, header: IkeHeader | None, now: float) -> Peering:
        """That of a message from a server.

        Raises:
            Refused: it is nobody's, or could be that of several.
        """
        peering = self.of(server, name, header.initiator) if header is not None else None
        if peering is None:
            peering = self._begun_by_server(server, name, header, now)
        peering.last_used = now
        if header is not None and header.exchange == CREATE_CHILD_SA:
            peering.renewed = now
        return peering

    def of(self, server: Address, name: Address, initiator: bytes) -> Peering | None:
        """That of the association with this initiator's SPI."""
        return self._by_initiator.get((server, name, initiator))

    def with_server(self, server: Address, name: Address) -> list[Peering]:
        """Those of a server which knows hosts by this name."""
        return list(self._of_pair.get((server, name), {}).values())

    def adopt(self, peering: Peering) -> None:
        """Enter one that there was before: in another configuration, or ere the gateway was started again.

        Raises:
            Refused: its host does not keep its port now, or has another name.
        """
        pair = peering.server, peering.name
        taken = any(self._is_taken((*pair, initiator)) for initiator in peering.initiators)
        if taken or peering.host in self._of_pair.get(pair, {}):
            raise Refused("name-taken")
        if not self._preserves(peering.host):
            raise Refused("no-translation")
        self._bindings.share(peering.host, peering.name)
        self._enter(peering)

    def take_over(self, old: "Peerings") -> None:
        """Go on with those of a NAT whose rules were others."""
        for peering in old:
            try:
                self.adopt(peering)
            except Refused:
                self._journal(PeeringEnded(peering))

    def end(self, peering: Peering) -> None:
        """Forget one."""
        self._timers.stop(peering)
        pair = peering.server, peering.name
        del self._of_pair[pair][peering.host]
        if not self._of_pair[pair]:
            del self._of_pair[pair]
        for initiator in peering.initiators:
            del self._by_initiator[*pair, initiator]
            self._parties.leave((*pair, initiator), self)
        self._parties.leave((*pair, b""), self)
        self._of_host[peering.host] -= 1
        if not self._of_host[peering.host]:
            del self._of_host[peering.host]
        self._bindings.unshare(peering.host)
        self._journal(PeeringEnded(peering))

    def expire(self, now: float) -> None:
        """End what is over by now."""
        for peering in self._timers.due(now):
            ends = peering.last_used + self._lifetime
            if ends <= now and self._has_tunnel(peering.host, peering.server):
                ends = now + self._lifetime
            if ends > now:
                self._timers.look(ends, peering, now)
            else:
                self.end(peering)

    def _make(self, host: Address, server: Address, header: IkeHeader, now: float) -> Peering:
        if self._of_host[host] >= MOST_OF_HOST or len(self) >= MOST:
            raise Refused("ike-too-many")
        peering = Peering(host, self._bindings.share(host), server, now)
        if self._is_taken((server, peering.name, header.initiator)):
            self._bindings.unshare(host)
            raise Refused("ike-association-taken")
        peering.initiators[header.initiator] = None
        self._enter(peering)
        self._journal(PeeringMade(peering))
        return peering

    def _learn(self, peering: Peering, initiator: bytes) -> None:
        """A host has an association; the oldest of too many is forgotten."""
        if initiator in peering.initiators:
            return
        key = peering.server, peering.name, initiator
        if self._is_taken(key):
            raise Refused("ike-association-taken")
        if len(peering.initiators) >= MOST_ASSOCIATIONS:
            oldest = next(iter(peering.initiators))
            del peering.initiators[oldest], self._by_initiator[peering.server, peering.name, oldest]
            self._parties.leave((peering.server, peering.name, oldest), self)
        peering.initiators[initiator] = None
        self._by_initiator[key] = peering
        self._parties.enter(key, self)
        self._journal(PeeringLearnt(peering))

    def _begun_by_server(self, server: Address, name: Address, header: IkeHeader | None, now: float) -> Peering:
        """That of a message of no known association: of the one host there is, or of the one that renewed its own."""
        peerings = self.with_server(server, name)
        has_others = self._parties.has_others((server, name, b""), self)
        if header is not None and self._parties.has_others((server, name, header.initiator), self):
            raise Refused("ike-other-vrf")
        if not peerings:
            raise Refused("ike-other-vrf" if has_others else "ike-unknown-association")
        if has_others:
            raise Refused("ike-several-hosts")
        if len(peerings) > 1 and header is not None and any(header.responder):
            peerings = [one for one in peerings if one.renewed and now - one.renewed < RENEWAL]
        if len(peerings) != 1:
            raise Refused("ike-several-hosts")
        return peerings[0]

    def _is_taken(self, key: tuple[Address, Address, bytes]) -> bool:
        return key in self._by_initiator or self._parties.has_others(key, self)

    def _enter(self, peering: Peering) -> None:
        pair = peering.server, peering.name
        self._of_pair.setdefault(pair, {})[peering.host] = peering
        self._parties.enter((*pair, b""), self)
        for initiator in peering.initiators:
            self._by_initiator[*pair, initiator] = peering
            self._parties.enter((*pair, initiator), self)
        self._of_host[peering.host] += 1
        self._timers.look(peering.last_used + self._lifetime, peering, peering.last_used)
