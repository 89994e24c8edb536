"""In which conntrack zone a packet is, and by which routing table it goes on: those of its VRF.

    prerouting  -301  (signalling from the inside, see `redirect`)
    prerouting  -300  vrf_zone   before conntrack looks for the flow of a packet
    output      -300  vrf_made   what our own sockets send: they bear the mark of their VRF
    prerouting   -99  vrf_route  the mark by which the kernel chooses the routing table (`ip rule`)

The flows of VRF N are in zone N, so that two VRFs may have one between the same endpoints. Behind an outside that
others share, an ordinary flow is in zone N only as the inside sends it; its answers come in zone 0. There the kernel,
which picks its port, sees the flows of all VRFs, and picks no port twice. What has a name of the engine's is in zone N
both ways: by the name a packet is told whose it is, also one that begins a flow.

What an inside host sends finds its flow either way. A name is in the tables before anything can come to it. Interfaces
of the VRF that are beside its NAT are asked alike, by who receives: there nobody has another name.
"""

from collections.abc import Iterator

from doorman.config.model import Config, DynamicSource
from doorman.dataplanes.netfilter.chains.expressions import (
    QUOTED,
    RECEIVER,
    SENDER,
    Chain,
    Setting,
    Zone,
    interface_names,
)
from doorman.dataplanes.netfilter.chains.sources import leases, senders
from doorman.dataplanes.netfilter.marks import INSPECTED, VRF

_ERRORS = "destination-unreachable, time-exceeded, parameter-problem"


class VrfChains:
    """The chains that tell the packets of a VRF from those of others; none where there are no VRFs."""

    def __init__(self, config: Config, setting: Setting) -> None:
        self._config = config
        self._zone = setting.zone

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        zone = self._zone
        if zone is None or not zone.number:
            return
        names = interface_names(self._config, "inside", "outside", None)
        yield Chain("vrf_zone", list(self._zone_of_packets(zone)), "type filter hook prerouting priority raw;")
        made = [
            f"meta mark and {INSPECTED:#x} != 0 return",  # past all translation, see `injection`
            f"meta mark and {VRF:#x} == {zone.mark:#x} ct zone set {zone.number}",
        ]
        yield Chain("vrf_made", made, "type filter hook output priority raw;")
        marked = f"meta mark set meta mark and {0xFFFFFFFF ^ VRF:#x} or {zone.mark:#x}"
        route = [f"iifname {names} ct zone {zone.number} {marked}"]
        yield Chain("vrf_route", route, "type filter hook prerouting priority dstnat + 1;")
        for index, source in self._leasing(zone):
            yield from senders(self._config, source, f"vrf_lease_{index}", _both(zone))

    def _zone_of_packets(self, zone: Zone) -> Iterator[str]:
        inside, outside = interface_names(self._config, "inside"), interface_names(self._config, "outside")
        beside = interface_names(self._config, None)
        if not zone.by_name:
            yield f"iifname {interface_names(self._config, 'inside', 'outside', None)} ct zone set {zone.number}"
            return
        for name in (f"{RECEIVER} @names", f"{RECEIVER} @entrances", "ip daddr @hosts_in", "ip daddr @leases_in"):
            yield f"iifname {outside} {name} {_both(zone)}"
        yield f"iifname {outside} icmp type {{ {_ERRORS} }} {QUOTED} @quoted {_both(zone)}"
        if beside:
            for name in (f"{RECEIVER} @bindings", "ip daddr @hosts", "ip daddr @leases"):
                yield f"iifname {beside} {name} {_both(zone)}"
            yield f"iifname {beside} ct original zone set {zone.number}"
        yield f"iifname != {inside} return"
        for name in (f"{SENDER} @bindings", "ip saddr @hosts", "ip saddr @leases"):
            yield f"{name} {_both(zone)}"
        for index, _ in self._leasing(zone):
            yield f"jump vrf_lease_{index}"
        yield f"ct original zone set {zone.number}"

    def _leasing(self, zone: Zone) -> Iterator[tuple[int, DynamicSource]]:
        """The rules by which a host gets an address with its first packet, which its answers come to."""
        if zone.by_name:
            yield from ((index, one) for index, one in enumerate(self._config.dynamic_sources) if leases(one))


def _both(zone: Zone) -> str:
    return f"ct zone set {zone.number} accept"
