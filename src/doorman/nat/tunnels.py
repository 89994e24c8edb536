"""ESP of hosts that share an address: which of them a packet from a server is for (RFC 4303).

    inside host              gateway              server
         ── SPI of the server's choice ──────────────>      not known: the host waits for the answer
         <──────────── SPI of the host's choice ──────      not known: it is the answer, the tunnel is whole
         <────────────────────────────────────────────>     both known: no question any more

One host waits for a server at a time; others that begin are refused meanwhile, and have their turn when the first has
its answer, or has waited long enough. Hosts whose SPIs are related (`esp spi-match`) wait together. Rekeying makes
another tunnel beside the one there is; a server that uses the new SPI first is understood as long as it has tunnels
with one host only. Nothing else from the outside makes an entry, but for the host that a static entry names.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from doorman.algs.api import Refused
from doorman.nat.bindings import Bindings
from doorman.nat.ipsec_rules import IpsecRules
from doorman.nat.parties import TURN
from doorman.nat.spi_matching import belong_together
from doorman.net.addresses import Address
from doorman.timers import Timed, Timers

WAIT = 60.0
"""Seconds without packets after which a host waits no more."""
HALF = 300.0
"""Seconds without packets after which a tunnel is over that only the server has used."""
MOST = 16_384
"""Tunnels at once, of all hosts."""
MOST_OF_HOST = 256
"""Of one host; with one more, it loses the one that it has not used for the longest time."""
MOST_WAITING_OF_HOST = 32
"""Of those, how many may wait for an answer."""
MOST_BEGUN_BY_SERVER = 4
"""SPIs that a server may use before the host has sent by a new one, for each host."""

Pair = tuple[Address, Address]
"""A server, and the global address by which it knows inside hosts."""


class Tunnel(Timed):
    """Two security associations, one in each direction, between an inside host and a server.

    Attributes:
        host, name: the two names of its inside end.
        server: its other end.
        outbound: the SPI of packets to the server; None while only the server has used a new one.
        inbound: the SPI of packets to the host; None while the host waits for its answer.
        shared: whether the name is an address that the host shares by a dynamic rule.
        began: when it was made, in seconds.
        last_used: when its last packet passed.
    """

    __slots__ = ("began", "host", "inbound", "last_used", "name", "outbound", "server", "shared")

    def __init__(self, host: Address, name: Address, server: Address, now: float, *, shared: bool) -> None:
        super().__init__()
        self.host = host
        self.name = name
        self.server = server
        self.outbound: int | None = None
        self.inbound: int | None = None
        self.shared = shared
        self.began = self.last_used = now

    @property
    def is_whole(self) -> bool:
        """Whether both SPIs are known."""
        return self.outbound is not None and self.inbound is not None


class TunnelMade(NamedTuple):
    """There is another tunnel; not all of it need be known."""

    tunnel: Tunnel


class TunnelLearnt(NamedTuple):
    """More is known of a tunnel: now it is whole."""

    tunnel: Tunnel


class TunnelEnded(NamedTuple):
    """A tunnel is no more."""

    tunnel: Tunnel


TunnelChange = TunnelMade | TunnelLearnt | TunnelEnded


class Tunnels:
    """The tunnels of a NAT.

    Args:
        rules: about IPsec.
        bindings: who shares which address.
        lifetime: how long a tunnel may be silent, in seconds.
        journal: told of every change.
    """

    def __init__(
        self, rules: IpsecRules, bindings: Bindings, lifetime: float, journal: Callable[[TunnelChange], None]
    ) -> None:
        self._rules = rules
        self._bindings = bindings
        self._lifetime = lifetime
        self._journal = journal
        self._parties = bindings.holdings.parties
        self._outbound: dict[tuple[Address, Address, int], Tunnel] = {}
        self._inbound: dict[tuple[Address, Address, int], Tunnel] = {}
        self._of_pair: dict[Pair, dict[Address, list[Tunnel]]] = {}
        self._of_host: dict[Address, list[Tunnel]] = {}
        self._count = 0
        self._unrelated: dict[Pair, float] = {}
        self._timers: Timers[Tunnel] = Timers()

    def __iter__(self) -> Iterator[Tunnel]:
        return (tunnel for tunnels in self._of_host.values() for tunnel in tunnels)

    def __len__(self) -> int:
        return self._count

    def between(self, host: Address, server: Address) -> list[Tunnel]:
        """The tunnels of a host with a server."""
        return [tunnel for tunnel in self._of_host.get(host, ()) if tunnel.server == server]

    def sent(self, name: Address, server: Address, spi: int) -> Tunnel | None:
        """The tunnel of a packet that went to a server by this name, for what an error says about it."""
        hosts = self._of_pair.get((server, name), {})
        found = (self._outbound.get((host, server, spi)) for host in hosts)
        return next(filter(None, found), None)

    def received(self, host: Address, server: Address, spi: int) -> Tunnel | None:
        """The tunnel of a packet that came to a host."""
        return next((tunnel for tunnel in self.between(host, server) if tunnel.inbound == spi), None)

    def knows(self, server: Address, name: Address, spi: int) -> bool:
        """Whether packets of a server by this SPI are a host's."""
        return (server, name, spi) in self._inbound

    def send(self, host: Address, server: Address, spi: int, now: float) -> Tunnel:
        """The tunnel of a packet from a host, made if there is none.

        Raises:
            Refused: another host waits for that server, or there would be too many.
        """
        tunnel = self._outbound.get((host, server, spi))
        if tunnel is None:
            begun = [one for one in self.between(host, server) if one.outbound is None]
            if begun:
                tunnel = begun[0]
                self._learn(tunnel, outbound=spi)
            else:
                tunnel = self._wait(host, server, spi, now)
        tunnel.last_used = now
        return tunnel

    def receive(self, server: Address, name: Address, spi: int, now: float) -> Tunnel:
        """The tunnel of a packet from a server.

        Raises:
            Refused: it is nobody's, or could be that of several.
        """
        tunnel = self._inbound.get((server, name, spi))
        if tunnel is None:
            parties, pair = self._parties, (server, name)
            if parties.awaits_other(pair, self) or parties.has_others((server, name, spi), self):
                raise Refused("esp-other-vrf")
            waiting = self._waiting(server, name)
            tunnel = self._answered(waiting, spi, now) if waiting else self._begun_by_server(server, name, spi, now)
        tunnel.last_used = now
        return tunnel

    def adopt(self, tunnel: Tunnel) -> None:
        """Enter a tunnel that there was before: in another configuration, or ere the gateway was started again.

        Raises:
            Refused: its host has another name now, or others have its SPIs.
        """
        if tunnel.outbound is not None and (tunnel.host, tunnel.server, tunnel.outbound) in self._outbound:
            raise Refused("name-taken")
        if tunnel.inbound is not None and (tunnel.server, tunnel.name, tunnel.inbound) in self._inbound:
            raise Refused("name-taken")
        if tunnel.shared:
            if tunnel.host in self._rules.outward or not self._rules.esp:
                raise Refused("no-translation")
            self._bindings.share(tunnel.host, tunnel.name)
        elif self._rules.outward.get(tunnel.host) != tunnel.name:
            raise Refused("no-translation")
        self._enter(tunnel)

    def take_over(self, old: "Tunnels") -> None:
        """Go on with the tunnels of a NAT whose rules were others."""
        for tunnel in old:
            try:
                self.adopt(tunnel)
            except Refused:
                self._journal(TunnelEnded(tunnel))

    def end(self, tunnel: Tunnel) -> None:
        """Forget a tunnel."""
        self._timers.stop(tunnel)
        self._of_host[tunnel.host].remove(tunnel)
        if not self._of_host[tunnel.host]:
            del self._of_host[tunnel.host]
        pair = tunnel.server, tunnel.name
        self._of_pair[pair][tunnel.host].remove(tunnel)
        if not self._of_pair[pair][tunnel.host]:
            del self._of_pair[pair][tunnel.host]
        if not self._of_pair[pair]:
            del self._of_pair[pair]
        if tunnel.outbound is not None:
            del self._outbound[tunnel.host, tunnel.server, tunnel.outbound]
        self._parties.leave(pair, self)
        if tunnel.inbound is not None:
            del self._inbound[tunnel.server, tunnel.name, tunnel.inbound]
            self._parties.leave((*pair, tunnel.inbound), self)
        elif not self._waiting(*pair):
            self._parties.answered(pair, self)
        self._count -= 1
        if tunnel.shared:
            self._bindings.unshare(tunnel.host)
        self._journal(TunnelEnded(tunnel))

    def expire(self, now: float) -> None:
        """End what is over by now."""
        for tunnel in self._timers.due(now):
            ends = self.ends(tunnel)
            if ends > now:
                self._timers.look(ends, tunnel, now)
            else:
                self.end(tunnel)
        self._unrelated = {pair: until for pair, until in self._unrelated.items() if until > now}

    def ends(self, tunnel: Tunnel) -> float:
        """When a tunnel ends that is not used any more."""
        patience = WAIT if tunnel.inbound is None else HALF
        return tunnel.last_used + (self._lifetime if tunnel.is_whole else min(patience, self._lifetime))

    # From the inside

    def _wait(self, host: Address, server: Address, spi: int, now: float) -> Tunnel:
        """A tunnel whose host waits for the answer to what it sends by this SPI."""
        name = self._rules.outward.get(host)
        shared = name is None
        self._make_room(host)
        if name is None:
            name = self._bindings.share(host)
        try:
            self._take_turn(host, (server, name), now)
        except Refused:
            if shared:
                self._bindings.unshare(host)
            raise
        tunnel = Tunnel(host, name, server, now, shared=shared)
        tunnel.outbound = spi
        self._enter(tunnel)
        self._journal(TunnelMade(tunnel))
        return tunnel

    def _take_turn(self, host: Address, pair: Pair, now: float) -> None:
        """See that no other host waits for this server, or not any longer; nor one of another VRF."""
        others = [tunnel for tunnel in self._waiting(*pair) if tunnel.host != host]
        if others and not self._may_wait_together([host, *(tunnel.host for tunnel in others)], pair, now):
            if any(now - tunnel.began < TURN for tunnel in others):
                raise Refused("esp-other-host-waits")
            for tunnel in others:
                self.end(tunnel)
        self._parties.wait(pair, self, now)

    def _may_wait_together(self, hosts: list[Address], pair: Pair, now: float) -> bool:
        return self._unrelated.get(pair, now) <= now and all(map(self._rules.matches_spis, hosts))

    def _make_room(self, host: Address) -> None:
        tunnels = self._of_host.get(host, [])
        waiting = sum(tunnel.inbound is None for tunnel in tunnels)
        if waiting >= MOST_WAITING_OF_HOST:
            raise Refused("esp-too-many-waiting")
        if len(tunnels) >= MOST_OF_HOST:
            self.end(min(tunnels, key=lambda tunnel: tunnel.last_used))
        if self._count >= MOST:
            raise Refused("esp-too-many-tunnels")

    # From the outside

    def _waiting(self, server: Address, name: Address) -> list[Tunnel]:
        """The tunnels that wait for an answer of a server, those of one host in their order."""
        hosts = self._of_pair.get((server, name), {})
        return [tunnel for tunnels in hosts.values() for tunnel in tunnels if tunnel.inbound is None]

    def _answered(self, waiting: list[Tunnel], spi: int, now: float) -> Tunnel:
        """The tunnel that has waited for this SPI.

        Where SPIs turn out not to be related, the first host goes on waiting alone: others have their turn after it.
        """
        related = [one for one in waiting if self._is_related(one, spi)]
        if len(related) != 1 and len({one.host for one in waiting}) > 1:
            first = min(waiting, key=lambda tunnel: tunnel.began)
            self._unrelated[first.server, first.name] = now + WAIT
            for tunnel in waiting:
                if tunnel.host != first.host:
                    self.end(tunnel)
            raise Refused("esp-answer-ambiguous")
        tunnel = related[0] if len(related) == 1 else waiting[0]
        self._learn(tunnel, inbound=spi)
        return tunnel

    def _is_related(self, tunnel: Tunnel, spi: int) -> bool:
        outbound = tunnel.outbound
        return outbound is not None and belong_together(outbound, spi) and self._rules.matches_spis(tunnel.host)

    def _begun_by_server(self, server: Address, name: Address, spi: int, now: float) -> Tunnel:
        """A tunnel of which the server sends first: with the host of a static entry, or with the only one it knows.

        Raises:
            Refused: no host waits; or it could be that of several.
        """
        hosts = self._of_pair.get((server, name), {})
        has_others = self._parties.has_others((server, name), self)
        host = self._rules.inward.get(name) or next(iter(hosts), None)
        if host is None:
            raise Refused("esp-other-vrf" if has_others else "esp-unknown-spi")
        if has_others and name not in self._rules.inward:
            raise Refused("esp-answer-ambiguous")
        if len(hosts) > 1 and name not in self._rules.inward:
            raise Refused("esp-answer-ambiguous")
        shared = name != self._rules.outward.get(host)
        begun = sum(tunnel.outbound is None for tunnel in self.between(host, server))
        if begun >= MOST_BEGUN_BY_SERVER or self._count >= MOST or len(self._of_host.get(host, ())) >= MOST_OF_HOST:
            raise Refused("esp-too-many-tunnels")
        if shared:
            self._bindings.share(host, name)
        tunnel = Tunnel(host, name, server, now, shared=shared)
        tunnel.inbound = spi
        self._enter(tunnel)
        self._journal(TunnelMade(tunnel))
        return tunnel

    # Both ways

    def _learn(self, tunnel: Tunnel, *, outbound: int | None = None, inbound: int | None = None) -> None:
        if outbound is not None:
            tunnel.outbound = outbound
            self._outbound[tunnel.host, tunnel.server, outbound] = tunnel
        if inbound is not None:
            tunnel.inbound = inbound
            self._inbound[tunnel.server, tunnel.name, inbound] = tunnel
            self._parties.enter((tunnel.server, tunnel.name, inbound), self)
            if not self._waiting(tunnel.server, tunnel.name):
                self._parties.answered((tunnel.server, tunnel.name), self)
        self._journal(TunnelLearnt(tunnel))

    def _enter(self, tunnel: Tunnel) -> None:
        self._of_host.setdefault(tunnel.host, []).append(tunnel)
        self._of_pair.setdefault((tunnel.server, tunnel.name), {}).setdefault(tunnel.host, []).append(tunnel)
        if tunnel.outbound is not None:
            self._outbound[tunnel.host, tunnel.server, tunnel.outbound] = tunnel
        pair = tunnel.server, tunnel.name
        self._parties.enter(pair, self)
        if tunnel.inbound is not None:
            self._inbound[*pair, tunnel.inbound] = tunnel
            self._parties.enter((*pair, tunnel.inbound), self)
        self._count += 1
        self._timers.look(self.ends(tunnel), tunnel, tunnel.last_used)
