"""In which conntrack zone a packet is, and by which routing table it goes on: those of its VRF.

    prerouting  -301  (signalling from the inside, see `redirect`)
    prerouting  -300  vrf_zone   before conntrack looks for the flow of a packet
                      -> vrf_lease_N  is the sender one of rule N's, which leases?
                      -> vrf_portless, where rules look at flows: by the rule that is about a flow
                      -> vrf_both, vrf_ordinary: the zone is set, both ways or as the inside sends
    prerouting  -299  vrf_virtual  connections to virtual hosts, behind a shared outside
    output      -300  vrf_made   what our own sockets send: they bear the mark of their VRF
    prerouting   -99  vrf_route  the mark by which the kernel chooses the routing table (`ip rule`)

The flows of VRF N are in zone N, so that two VRFs may have one between the same endpoints. Behind an outside that
others share, an ordinary flow is in zone N only as the inside sends it; its answers come in zone 0. There the kernel,
which picks its port, sees the flows of all VRFs, and picks no port twice. What has a name of the engine's is in zone N
both ways: by the name a packet is told whose it is, also one that begins a flow.

Where rules look at flows, an end that has a name for some of them is in the zone both ways with all, and so are real
hosts of a virtual one: the engine gives them names for all others, too (`leasing`). Flows without ports are the
kernel's to name, and asked about one by one.

No chain sets the zone but those that have no other rule, and are never written anew: see `hooks`.

What an inside host sends finds its flow either way. A name is in the tables before anything can come to it. Interfaces
of the VRF that are beside its NAT are asked alike, by who receives: there nobody has another name.
"""

from collections.abc import Iterator

from doorman.config.model import Config, DynamicSource
from doorman.dataplanes.netfilter.chains.destinations import called, real_hosts
from doorman.dataplanes.netfilter.chains.expressions import (
    QUOTED,
    RECEIVER,
    Chain,
    Setting,
    Zone,
    interface_names,
    marked,
)
from doorman.dataplanes.netfilter.chains.flow_names import named, named_hosts, slot_of
from doorman.dataplanes.netfilter.chains.flows import Place, choosing, looks_at_flows
from doorman.dataplanes.netfilter.chains.ipsec import IpsecChains
from doorman.dataplanes.netfilter.chains.sources import leases, senders
from doorman.dataplanes.netfilter.marks import INSPECTED, VRF

_QUERIES = "echo-request, timestamp-request, info-request, address-mask-request"
_ERRORS = "destination-unreachable, time-exceeded, parameter-problem"
_BOTH, _ORDINARY = "goto vrf_both", "goto vrf_ordinary"


class VrfChains:
    """The chains that tell the packets of a VRF from those of others; none where there are no VRFs."""

    def __init__(self, config: Config, setting: Setting) -> None:
        self._config = config
        self._zone = setting.zone
        self._looks_at_flows = looks_at_flows(config)
        self._ipsec = IpsecChains(config, setting)

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
        yield both_ways(zone)
        yield Chain("vrf_ordinary", [f"ct original zone set {zone.number} accept"])
        yield Chain("vrf_made", made, "type filter hook output priority raw;")
        route = [f"iifname {names} ct zone {zone.number} {marked(zone)}"]
        yield Chain("vrf_route", route, "type filter hook prerouting priority dstnat + 1;")
        if zone.by_name:
            yield from self._virtual()
            yield from self._portless() if self._looks_at_flows else ()
            yield from (chain for chains in self._lease_questions() for chain in chains)

    def _zone_of_packets(self, zone: Zone) -> Iterator[str]:
        inside, outside = interface_names(self._config, "inside"), interface_names(self._config, "outside")
        beside = interface_names(self._config, None)
        yield from self._ipsec.untracking("jump")
        yield "ct state untracked accept"
        if not zone.by_name:
            yield f"iifname {interface_names(self._config, 'inside', 'outside', None)} {_BOTH}"
            return
        for name in (f"{RECEIVER} @names", f"{RECEIVER} @entrances", "ip daddr @hosts_in", "ip daddr @leases_in"):
            yield f"iifname {outside} {name} {_BOTH}"
        yield f"iifname {outside} icmp type {{ {_ERRORS} }} {QUOTED} @quoted {_BOTH}"
        if beside:
            for name in named(self._config):
                yield f"iifname {beside} {_turned(name)} {_BOTH}"
            yield f"iifname {beside} {_ORDINARY}"
        yield f"iifname != {inside} return"
        if self._looks_at_flows:
            yield marked(zone)  # the routes of the VRF are asked
            yield "meta l4proto != { tcp, udp } goto vrf_portless"
        for name in (*named(self._config), *real_hosts(self._config)):
            yield f"{name} {_BOTH}"
        yield from (f"jump {first.name}" for first, *_ in self._lease_questions())
        yield _ORDINARY

    def _virtual(self) -> Iterator[Chain]:
        """Connections to virtual hosts; asked behind the names of all VRFs."""
        if not self._config.destinations:
            return
        outside = interface_names(self._config, "outside")
        names = {f"vrf_virtual_{index}": rule for index, rule in enumerate(self._config.destinations)}
        rules = [f"iifname {outside} meta l4proto tcp jump {name}" for name in names]
        yield Chain("vrf_virtual", rules, "type filter hook prerouting priority raw + 1;")
        for name, rule in names.items():
            yield Chain(name, called(self._config, rule, _BOTH))

    def _portless(self) -> Iterator[Chain]:
        """Flows without ports, of which no name tells: by the rule that is about them, as `flow_names` asks."""
        config, place = self._config, Place.COMING
        rules = [f"icmp type != {{ {_QUERIES} }} {host} {_BOTH}" for host in named_hosts(config)]
        asked: list[Chain] = []
        for number, name in enumerate(config.statics.route_maps, 1):
            static = Chain(f"vrf_static_{number}", [f"ip saddr @hosts_{slot_of(-number)} {_BOTH}"])
            asked += [*choosing(config, ("", name), f"vrf_map_{number}", f"goto {static.name}", place), static]
            rules.append(f"jump vrf_map_{number}{place.value}")
        rules.append(f"ip saddr @hosts {_BOTH}")
        for index, source in enumerate(config.dynamic_sources):
            asked += choosing(config, source.chooser, f"vrf_source_{index}", _goto(source), place)
            rules.append(f"jump vrf_source_{index}{place.value}")
        yield Chain("vrf_portless", [*rules, _ORDINARY])
        yield from asked

    def _lease_questions(self) -> Iterator[list[Chain]]:
        """Of the rules by which a host may get an address with its first packet, which its answers come to."""
        config = self._config
        last = max((index for index, one in enumerate(config.dynamic_sources, 1) if leases(one)), default=0)
        for index, source in enumerate(config.dynamic_sources[:last]):
            name = f"vrf_lease_{index}"
            if not self._looks_at_flows:
                yield list(senders(config, source, name, _BOTH if leases(source) else _ORDINARY))
            elif leases(source):
                yield list(choosing(config, source.chooser, name, _goto(source), Place.HOSTS))


def both_ways(zone: Zone) -> Chain:
    """The chain that sets the zone of a packet's flow, both ways."""
    return Chain("vrf_both", [f"ct zone set {zone.number} accept"])


def _goto(source: DynamicSource) -> str:
    return _BOTH if leases(source) else _ORDINARY


def _turned(match: str) -> str:
    """What matches the receiver as this does the sender."""
    return match.replace("saddr", "daddr").replace("sport", "dport")
