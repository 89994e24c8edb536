"""What must not be forwarded because nothing translates it: it would show private addresses, or go round in circles.

    strays_new      the first packet of a flow, behind the translation of receivers and before that of senders
    strays_unknown  packets of no flow: what conntrack finds invalid (answers to nothing, damaged packets) it does not
                    translate, and no chain of type nat sees. From `inspect`; where a firewall judges and counts them
                    first, behind that from `strays_forward`
      -> strays_out those that would leave with the address of a host that has another name outside
    stray_N         is the sender one of rule N's, or the flow? `stray_map_N` of static names with the N-th route map
    stray_spoofed   is it this VRF's, of the senders outside who say they are inside?

Never forwarded are, as the engine's `spoofed-source`, a sender from outside who says he is inside, in whatever flow he
speaks; not where hosts outside have other names inside, since theirs may be addresses of the inside. As its
`no-translation`, a receiver that is one of our names, or of those that outside hosts get inside, and nobody's now; or
somebody's, but of no flow.

Packets of flows that both ends have spoken in are asked by `inspect` alone, and about their sender alone: it costs them
2 % to enter a chain at all wherever none was before. What came by the only interface inside is told by the index that
this had when the rules were made: a name costs a call, and is asked for where the index is another.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address

from doorman.config.model import Config
from doorman.config.statics import StaticHost, StaticNetwork
from doorman.dataplanes.netfilter.chains.expressions import Chain, Setting, elsewhere, interface_names
from doorman.dataplanes.netfilter.chains.flows import Place, choosing, is_by_source
from doorman.dataplanes.netfilter.chains.matching import DESTINATION, FIELDS, SOURCE, Match, expression, merged
from doorman.dataplanes.netfilter.chains.sources import senders
from doorman.net.addresses import Address, Prefix

_Range = tuple[int, int]
_OF_NO_FLOW = "ct state invalid,untracked"
_ROUTE = "fib daddr . mark"
_ERRORS = "icmp type { destination-unreachable, time-exceeded, parameter-problem }"
"""They quote what they are about, which may be of any flow."""


class StrayChains:
    """The chains that let nothing stray, for a configuration."""

    def __init__(self, config: Config, setting: Setting, indexes: Mapping[str, int]) -> None:
        self._config = config
        self._setting = setting
        self._indexes = indexes
        self._inside = interface_names(config, "inside")
        self._outside = interface_names(config, "outside")
        self._place = Place.LEAVING if config.firewall.zones else Place.COMING

    def chains(self) -> Iterator[Chain]:
        """All of them."""
        yield Chain("strays_new", list(self._new()), "type nat hook postrouting priority srcnat - 1;")
        if self._place == Place.LEAVING:
            forwarded = f"{_OF_NO_FLOW} goto strays_unknown"
            yield Chain("strays_forward", [forwarded], "type filter hook forward priority filter + 11;")
        yield Chain("strays_unknown", list(self._unknown()))
        yield Chain("strays_out", list(self._strays_out()))
        zone = self._setting.zone
        if zone is not None:
            yield Chain("stray_spoofed", [f"ct zone != {zone.number} return", "counter drop"])
        for index, source in enumerate(self._config.dynamic_sources):
            if is_by_source(self._config, source.chooser):
                yield from senders(self._config, source, f"stray_{index}", "counter drop")
            else:
                for place in self._place, Place.HOSTS:
                    yield from choosing(self._config, source.chooser, f"stray_{index}", "goto stray_end", place)
        for number, name in enumerate(self._config.statics.route_maps, 1):
            then = f"goto stray_named_{number}"
            yield from choosing(self._config, ("", name), f"stray_map_{number}", then, self._place)
            yield Chain(f"stray_named_{number}", [f"{_any_of(SOURCE, self._static_hosts(name))}counter drop"])
        yield Chain("stray_end", ["counter drop"])

    def spoofed(self) -> Iterator[str]:
        """The rule that lets nobody outside speak as an inside host."""
        static_hosts = (host for name in (None, *self._config.statics.route_maps) for host in self._static_hosts(name))
        inside = [*map(_of_prefix, self._config.networks("inside")), *static_hosts]
        if inside and not (self._config.outside_sources or len(self._config.outside_statics)):
            then = "counter drop" if self._setting.zone is None else "jump stray_spoofed"
            yield f"{_sent_by(inside)}{self._not_by_inside()}iifname {self._outside} {then}"

    def _not_by_inside(self) -> str:
        """The match of what came by another than the only interface inside, with a blank behind; empty if unknown."""
        names = [one.name for one in self._config.interfaces.values() if one.nat == "inside" and not one.shutdown]
        index = self._indexes.get(names[0]) if len(names) == 1 else None
        return f"iif != {index} " if index is not None else ""

    def _new(self) -> Iterator[str]:
        yield from elsewhere(self._config, self._setting)
        yield from self._nobodys()

    def arriving(self) -> Iterator[str]:
        """The rule that leads what is of no flow to these chains, as it came."""
        if self._place == Place.COMING:
            yield f"{_OF_NO_FLOW} goto strays_unknown"

    def _unknown(self) -> Iterator[str]:
        """They are routed as they are, so it can be asked beforehand whether they are forwarded, and where to."""
        route = f"{_ROUTE} " if self._place == Place.COMING else ""
        yield from elsewhere(self._config)
        yield from self.spoofed()
        if route:
            yield f"{route}type != unicast return"
        yield from self._nobodys()
        yield "ct state invalid ip daddr @whole counter drop"
        yield f"ct state invalid iifname {self._inside} {route}oifname {self._outside} goto strays_out"

    def _nobodys(self) -> Iterator[str]:
        names = list(self._names())
        if names:
            yield f"{_any_of(DESTINATION, names)}ip daddr != @whole counter drop"
        lent = [ends for rule in self._config.outside_sources for ends in self._ranges(rule.pool)]
        if lent:
            yield f"iifname {self._inside} {_any_of(DESTINATION, lent)}counter drop"

    def _strays_out(self) -> Iterator[str]:
        for number, name in enumerate(self._config.statics.route_maps, 1):
            yield f"{_ERRORS} {_any_of(SOURCE, self._static_hosts(name))}counter drop"
            yield f"jump stray_map_{number}{self._place.value}"
        static_hosts = list(self._static_hosts(None))
        if static_hosts:
            yield f"{_any_of(SOURCE, static_hosts)}counter drop"
        for index, source in enumerate(self._config.dynamic_sources):
            if is_by_source(self._config, source.chooser):
                yield f"jump stray_{index}"
            else:
                yield f"{_ERRORS} jump stray_{index}{Place.HOSTS.value}"
                yield f"jump stray_{index}{self._place.value}"

    def _static_hosts(self, route_map: str | None) -> Iterator[_Range]:
        """Inside hosts of static translations with a route map, or with none."""
        for rule in self._config.statics:
            if rule.route_map != route_map:
                continue
            if isinstance(rule, StaticNetwork):
                yield _of_prefix(rule.prefix("local"))
            else:
                yield _of_address(rule.local if isinstance(rule, StaticHost) else rule.local.address)

    def _names(self) -> Iterator[_Range]:
        """Addresses outside that are ours though no host may have them now: what has whole ones is in a set."""
        for source in self._config.dynamic_sources:
            yield from self._ranges(source.pool) if source.pool is not None else ()
        for rule in self._config.statics.ports:
            if rule.global_ is not None:
                yield _of_address(rule.global_)

    def _ranges(self, pool: str) -> Iterator[_Range]:
        return ((_number(first), _number(last)) for first, last in self._config.pools[pool].ranges)


def _any_of(field: int, ranges: Iterable[tuple[int, int]]) -> str:
    """The match of a field that has an address in one of some ranges, with a blank behind."""
    return expression(Match(tuple(merged(ranges) if number == field else None for number in range(len(FIELDS)))))


def _sent_by(ranges: Iterable[_Range]) -> str:
    """The match of a sender in one of some ranges; one network with its mask, or nft would read it octet by octet."""
    [first, last], *others = merged(ranges)
    if others or (last - first) & (last - first + 1):
        return _any_of(SOURCE, ranges)
    return f"ip saddr and {IPv4Address(0xFFFFFFFF - (last - first))} == {IPv4Address(first)} "


def _of_prefix(prefix: Prefix) -> _Range:
    first = _number(prefix.network)
    return first, first + (1 << (32 - prefix.length)) - 1


def _of_address(address: Address) -> _Range:
    return _number(address), _number(address)


def _number(address: Address) -> int:
    return int.from_bytes(address, "big")
