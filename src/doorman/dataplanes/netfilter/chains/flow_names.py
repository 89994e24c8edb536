"""What inside hosts are called outside, where rules look at flows: a host may have several names, each for some.

flows        a new flow that leaves, asked in this order (`flows_back`: one that comes back in)
             the name that was announced to its other end, in a `promised_N`
  map_N      static names with the N-th route map -> map_name_N
             other static names, in `bindings` and `hosts`
  source_N   dynamic rules -> name_N -> pool_N: the name that the host has by it, else the kernel gives one
kept         the same of flows that are the engine's already, which stay so (`kept_back`)

promised_N   visitor . inside end -> name    N is the way of a rule, see `nat.naming`: 0 for all that look at hosts
bindings_N   inside end -> name              alone, the rule's number for others; 65536 - N for the N-th route map
hosts_N      inside host -> name             of static names
leased_N     inside hosts with a lease
"""

from collections.abc import Iterator

from doorman.config.model import Config, DynamicSource
from doorman.dataplanes.netfilter.chains.expressions import ENDPOINT, MARK_OURS, SENDER, UNMARK_OURS, Chain, Setting
from doorman.dataplanes.netfilter.chains.flows import Place, choosing, is_by_source, looks_at_flows
from doorman.dataplanes.netfilter.chains.silence import Silence
from doorman.dataplanes.netfilter.marks import OURS

_SLOTS = 1 << 16
_TYPES = {
    "promised": f"map {{0}} {{{{ type ipv4_addr . {ENDPOINT} : ipv4_addr . inet_service; flags timeout; }}}}",
    "bindings": f"map {{0}} {{{{ type {ENDPOINT} : ipv4_addr . inet_service; }}}}",
    "hosts": "map {0} {{ type ipv4_addr : ipv4_addr; }}",
    "leased": "set {0} {{ type ipv4_addr; }}",
}
_RECEIVERS = {Place.LEAVING: "ip daddr", Place.BACK: "ct original ip daddr"}


def slot_of(way: int) -> int:
    """The number in the names of the sets of a way, see `nat.naming`."""
    return way % _SLOTS


def slot_of_rule(config: Config, index: int) -> int:
    """The same of a dynamic rule."""
    return 0 if is_by_source(config, config.dynamic_sources[index].chooser) else index + 1


def sets_of_flows(config: Config) -> dict[str, str]:
    """The sets of a configuration, by name, each with its definition; none where no rule looks at flows."""
    names = (f"{kind}_{slot}" for slot in _slots(config) for kind in _TYPES)
    return {name: _TYPES[name.partition("_")[0]].format(name) for name in names}


def named(config: Config) -> list[str]:
    """What matches packets from inside ends, and from whole hosts, that have a name, be it for some flows only."""
    return [*(f"{SENDER} @{name}" for name in ("bindings", *_by_slot(config, "bindings"))), *named_hosts(config)]


def named_hosts(config: Config) -> list[str]:
    """The same of whole hosts alone."""
    by_flow = [*_by_slot(config, "hosts"), *_by_slot(config, "leased")]
    return [f"ip saddr @{name}" for name in ("hosts", *(by_flow or ("leases",)))]


def _by_slot(config: Config, kind: str) -> list[str]:
    return [f"{kind}_{slot}" for slot in _slots(config)]


class FlowNameChains:
    """The chains of a configuration; `are_needed`: whether a rule looks at flows."""

    def __init__(self, config: Config, setting: Setting) -> None:
        self._config = config
        self._silence = Silence(config, setting)
        self.are_needed = looks_at_flows(config)
        self._slots = _slots(config)

    def chains(self) -> Iterator[Chain]:
        """All of them; `source_N` among them."""
        if not self.are_needed:
            return
        for place in Place.LEAVING, Place.BACK:
            yield Chain(f"flows{place.value}", list(self._flows(place)))
            yield Chain(f"kept{place.value}", list(self._kept(place)))
        for number, name in enumerate(self._config.statics.route_maps, 1):
            for place in Place.LEAVING, Place.BACK:
                yield from choosing(self._config, ("", name), f"map_{number}", f"goto map_name_{number}", place)
            yield from self._naming(f"map_name_{number}", slot_of(-number))
        for index, source in enumerate(self._config.dynamic_sources):
            yield from self._source(index, source)
            yield from self._naming(f"name_{index}", slot_of_rule(self._config, index), f"goto pool_{index}")

    def _source(self, index: int, source: DynamicSource) -> Iterator[Chain]:
        then = f"goto name_{index}"
        for place in Place.LEAVING, Place.BACK:
            yield from choosing(self._config, source.chooser, f"source_{index}", then, place)

    def _naming(self, name: str, slot: int, otherwise: str = "") -> Iterator[Chain]:
        """What a rule calls a host for whose flow it is chosen; what is the engine's already stays so."""
        rest = [otherwise] if otherwise else []
        of_ends, of_hosts = f"snat ip to {SENDER} map @bindings_{slot}", f"snat ip to ip saddr map @hosts_{slot}"
        rules = [
            f"ct mark and {OURS:#x} != 0 goto {name}_kept",
            *self._silence.as_media(),
            MARK_OURS,
            of_ends,
            *self._silence.as_ordinary(),
            of_hosts,
            UNMARK_OURS,
        ]
        yield Chain(name, rules + rest)
        yield Chain(f"{name}_kept", [of_ends, of_hosts, *rest])

    def _flows(self, place: Place) -> Iterator[str]:
        yield from self._silence.as_media()
        yield MARK_OURS
        yield from self._promised(place)
        yield UNMARK_OURS
        yield from self._asked_maps(place)
        yield from self._silence.as_media()
        yield MARK_OURS
        yield f"snat ip to {SENDER} map @bindings"
        yield from self._silence.as_ordinary()
        yield UNMARK_OURS
        yield "snat ip to ip saddr map @hosts"
        yield from self._asked_sources(place)

    def _kept(self, place: Place) -> Iterator[str]:
        yield from self._promised(place)
        yield from self._asked_maps(place)
        yield f"snat ip to {SENDER} map @bindings"
        yield "snat ip to ip saddr map @hosts"
        yield from self._asked_sources(place)

    def _promised(self, place: Place) -> Iterator[str]:
        for slot in self._slots:
            yield f"snat ip to {_RECEIVERS[place]} . {SENDER} map @promised_{slot}"

    def _asked_maps(self, place: Place) -> Iterator[str]:
        for number in range(1, len(self._config.statics.route_maps) + 1):
            yield f"jump map_{number}{place.value}"

    def _asked_sources(self, place: Place) -> Iterator[str]:
        for index in range(len(self._config.dynamic_sources)):
            yield f"jump source_{index}{place.value}"


def _slots(config: Config) -> list[int]:
    """Of all ways, in the order in which they are asked; none where no rule looks at flows."""
    if not looks_at_flows(config):
        return []
    maps = [slot_of(-number) for number in range(1, len(config.statics.route_maps) + 1)]
    sources = [slot_of_rule(config, index) for index in range(len(config.dynamic_sources))]
    return list(dict.fromkeys((0, *maps, *sources)))
