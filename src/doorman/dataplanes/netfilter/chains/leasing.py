"""Which new flows need an address of a pool for their host alone, which the engine must lease first: before routing.

    lease_N    is the sender one of rule N's, which leases? -> to the engine
    shared_N   is it one of a rule before such a one? it needs no lease

Who has a lease, or a static name, is not asked about. Where rules look at flows, a host may need several leases:

    leasing    -> map_N_coming -> map_leased_N   static names with a route map
               -> lease_N_coming -> lease_now_N  has the host a lease of this rule? else to the engine
               -> shared_N_coming

Behind an outside that VRFs share, an end of which some flows have names of the engine's gets all of them from it, see
`vrf`.

There the packet has its receiver as the inside knows it, and no way out yet. Where outside hosts have other names
inside, or a VRF routes, that is not what rules look at: then hosts are asked about, and the engine decides.
"""

from collections.abc import Iterator

from doorman.config.model import Config, DynamicSource
from doorman.dataplanes.netfilter.chains.destinations import real_hosts
from doorman.dataplanes.netfilter.chains.expressions import MARK_OURS, TO_ALG, Chain, Setting, interface_names
from doorman.dataplanes.netfilter.chains.flow_names import named, slot_of, slot_of_rule
from doorman.dataplanes.netfilter.chains.flows import Place, choosing, is_by_source, looks_at_flows
from doorman.dataplanes.netfilter.chains.outside import OutsideChains
from doorman.dataplanes.netfilter.chains.sources import leases, senders

_ASK = f"{MARK_OURS} goto {TO_ALG}"


class LeaseChains:
    """The chains of a configuration."""

    def __init__(self, config: Config, setting: Setting) -> None:
        self._config = config
        self._sources = list(enumerate(config.dynamic_sources))
        while self._sources and not leases(self._sources[-1][1]):
            self._sources.pop()
        self._looks_at_flows = looks_at_flows(config)
        self._by_name = setting.zone is not None and setting.zone.by_name
        self._sees_ends = setting.zone is None and not OutsideChains(config).is_needed

    @property
    def asking(self) -> Iterator[str]:
        """The rules that lead new flows here."""
        inside = interface_names(self._config, "inside")
        if self._by_name:
            known = named(self._config) if self._looks_at_flows else []
            yield from (f"iifname {inside} meta l4proto {{ tcp, udp }} {name} {_ASK}" for name in known)
            yield from (f"iifname {inside} {match} {_ASK}" for match in real_hosts(self._config))
        if self._sources and self._looks_at_flows:
            yield f"iifname {inside} ip saddr != @single jump leasing"
            return
        for index, source in self._sources:
            yield f"iifname {inside} ip saddr != @leased ip saddr != @single jump {_name(index, source)}"

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        if self._sources and self._looks_at_flows:
            yield from self._by_flow()
            return
        for index, source in self._sources:
            yield from senders(self._config, source, _name(index, source), _ASK if leases(source) else "accept")

    def _by_flow(self) -> Iterator[Chain]:
        asked = list(self._questions())
        yield Chain("leasing", [f"jump {chains[0].name}" for chains in asked if chains])
        yield from (chain for chains in asked for chain in chains)

    def _questions(self) -> Iterator[list[Chain]]:
        config, place = self._config, Place.COMING
        for number, name in enumerate(config.statics.route_maps, 1) if self._sees_ends else ():
            leased = Chain(f"map_leased_{number}", [f"ip saddr @leased_{slot_of(-number)} accept"])
            yield [*choosing(config, ("", name), f"map_{number}", f"goto {leased.name}", place), leased]
        for index, source in self._sources:
            yield self._question(index, source)

    def _question(self, index: int, source: DynamicSource) -> list[Chain]:
        """Of one rule: where it cannot be known what it is about, one that leases is taken for it."""
        config, name, leased = self._config, _name(index, source), f"@leased_{slot_of_rule(self._config, index)}"
        if not self._sees_ends and not is_by_source(config, source.chooser):
            if not leases(source):
                return []
            perhaps = Chain(f"lease_perhaps_{index}", [f"ip saddr != {leased} {_ASK}"])
            return [*choosing(config, source.chooser, name, f"goto {perhaps.name}", Place.HOSTS), perhaps]
        then = f"goto lease_now_{index}" if leases(source) else "accept"
        now = [Chain(f"lease_now_{index}", [f"ip saddr {leased} accept", _ASK])] if leases(source) else []
        return [*choosing(config, source.chooser, name, then, Place.COMING), *now]


def _name(index: int, source: DynamicSource) -> str:
    return f"{'lease' if leases(source) else 'shared'}_{index}"
