"""Static translations: hosts, single ports and whole networks that are always seen under the same address.

An inside host is at its local address, and is called by the global one. With outside hosts, `ip nat outside source
static GLOBAL LOCAL`, it is the other way round. The rules are the same, so they are written the same here: `local` is
where a host is, `global_` what it is called on the other side, whichever side it is on. With `no-payload` messages that
name it stay as they are, and so do those of its own flows.

Each new one is held against those there are by what they take, so that thousands of them are read in no time.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from doorman.net.addresses import Address, Endpoint, Prefix, address_text

Transport = Literal["tcp", "udp"]
Side = Literal["local", "global"]


@dataclass(frozen=True, slots=True)
class StaticHost:
    """`ip nat inside source static LOCAL GLOBAL [vrf NAME …] [extendable]`: every protocol and port of one host."""

    local: Address
    global_: Address
    extendable: bool = False
    vrf: str | None = None
    match_in_vrf: bool = False
    add_route: bool = False
    route_map: str | None = None
    no_payload: bool = False

    def __str__(self) -> str:
        return f"{address_text(self.local)} -> {address_text(self.global_)}{_place(self)}"


@dataclass(frozen=True, slots=True)
class StaticPort:
    """`ip nat inside source static {tcp|udp} LOCAL PORT {GLOBAL | interface NAME} PORT [vrf …] [extendable]`.

    `global_` is None where an interface is named, whose address it then is.
    """

    transport: Transport
    local: Endpoint
    global_: Address | None
    interface: str | None
    global_port: int
    extendable: bool = False
    vrf: str | None = None
    match_in_vrf: bool = False
    add_route: bool = False
    route_map: str | None = None
    no_payload: bool = False

    def __str__(self) -> str:
        seen_as = self.interface if self.global_ is None else address_text(self.global_)
        return f"{self.transport} {self.local} -> {seen_as}:{self.global_port}{_place(self)}"


@dataclass(frozen=True, slots=True)
class StaticNetwork:
    """`ip nat inside source static network LOCAL GLOBAL MASK [vrf …] [extendable]`: each host, by its place in it."""

    local: Address
    global_: Address
    prefix_length: int
    extendable: bool = False
    vrf: str | None = None
    match_in_vrf: bool = False
    add_route: bool = False
    route_map: str | None = None
    no_payload: bool = False

    @property
    def hosts(self) -> Iterator[StaticHost]:
        """What it says of each of its addresses, the first and the last included."""
        first, seen_as = int.from_bytes(self.local, "big"), int.from_bytes(self.global_, "big")
        for number in range(1 << (32 - self.prefix_length)):
            local, global_ = (Address((start + number).to_bytes(4, "big")) for start in (first, seen_as))
            yield StaticHost(
                local,
                global_,
                self.extendable,
                self.vrf,
                self.match_in_vrf,
                self.add_route,
                self.route_map,
                self.no_payload,
            )

    def prefix(self, side: Side) -> Prefix:
        """The network as it is on one side."""
        return Prefix(self.local if side == "local" else self.global_, self.prefix_length)

    def __str__(self) -> str:
        return f"network {address_text(self.local)} -> {address_text(self.global_)} /{self.prefix_length}{_place(self)}"


Static = StaticHost | StaticPort | StaticNetwork


class Obstacle(NamedTuple):
    """A translation that stands in the way of another; what both would take is a name of a host, or of its port."""

    rule: Static
    side: Side
    is_port: bool = False


class Statics:
    """All static translations of one side's hosts, in the order in which they were typed.

    Args:
        rules: the first of them.
        in_vrf: whether names that are given in a VRF are known there alone, as inside, not on a shared outside.
    """

    __hash__ = None  # type: ignore[assignment]  # it changes, as a list does

    def __init__(self, rules: Iterable[Static] = (), *, in_vrf: bool = False) -> None:
        self._in_vrf = in_vrf
        self._rules = dict.fromkeys(rules)
        self._networks = [rule for rule in self._rules if isinstance(rule, StaticNetwork)]
        self._index: _Index | None = None

    def __iter__(self) -> Iterator[Static]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Statics) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"Statics({list(self)!r})"

    def __copy__(self) -> "Statics":
        return Statics(self, in_vrf=self._in_vrf)

    @property
    def hosts(self) -> Iterator[StaticHost]:
        """Hosts with an address for themselves, those of networks included: single ones first."""
        yield from (rule for rule in self if isinstance(rule, StaticHost))
        for rule in self:
            if isinstance(rule, StaticNetwork):
                yield from rule.hosts

    @property
    def route_maps(self) -> list[str]:
        """The route maps that say for which flows some of them are, each once."""
        return list(dict.fromkeys(rule.route_map for rule in self if rule.route_map is not None))

    @property
    def ports(self) -> Iterator[StaticPort]:
        """Single ports."""
        return (rule for rule in self if isinstance(rule, StaticPort))

    def obstacle(self, rule: Static) -> Obstacle | None:
        """What stands in the way of a new translation.

        A name on the outside is one host's, or one port's; that of a VRF with `match-in-vrf` is on its own outside, and
        an inside host is another in each VRF. All else may be shared where both say `extendable`: a host,
        or a port of it, may have several names, and ports of an address may lead elsewhere than the address.
        """
        if isinstance(rule, StaticNetwork):
            return next((found for other in self if (found := self._overlap(rule, other))), None)
        for network in self._networks:
            found = self._overlap(network, rule)
            if found is not None:
                return found._replace(rule=network)
        index = self._indexed()
        for name in _wanted(rule, self._place(rule)):
            for other in index.get(name.key, ()):
                if not (name.is_shareable and _shares(rule, other)):
                    return Obstacle(other, name.side, name.is_port)
        return None

    def add(self, rule: Static) -> None:
        """Enter a translation in whose way nothing stands."""
        if isinstance(rule, StaticNetwork):
            self._networks.append(rule)
        else:
            _enter(self._indexed(), rule, self._place(rule))
        self._rules[rule] = None

    def remove(self, rule: Static) -> bool:
        """Take one out, whatever else was said of it; False if there is none."""
        one = rule if rule in self._rules else next((other for other in self._rules if _same(other, rule)), None)
        if one is None:
            return False
        del self._rules[one]
        self._networks = [network for network in self._networks if network != one]
        self._index = None
        return True

    def _place(self, rule: Static) -> str | None:
        """The VRF in which a name is known; None for an outside that all share."""
        return rule.vrf if rule.match_in_vrf or self._in_vrf else None

    def _overlap(self, network: StaticNetwork, other: Static) -> Obstacle | None:
        """Whether a network and another translation have an address in common that they cannot share.

        Hosts they can where flows tell them apart; nothing else is shared with a network.
        """
        for side in _SIDES:
            if side == "local" and network.route_map != other.route_map:
                continue
            places = (network.vrf, other.vrf) if side == "local" else (self._place(network), self._place(other))
            if places[0] != places[1]:
                continue
            ours, theirs = network.prefix(side), _prefix(other, side)
            if theirs is not None and (ours.network in theirs or theirs.network in ours):
                return Obstacle(other, side)
        return None

    def _indexed(self) -> "_Index":
        if self._index is None:
            self._index = {}
            for rule in self._rules:
                if not isinstance(rule, StaticNetwork):
                    _enter(self._index, rule, self._place(rule))
        return self._index


def _shares(one: StaticHost | StaticPort, other: StaticHost | StaticPort) -> bool:
    """Whether two may have the same host, or the same address in part: both say so, or flows tell them apart."""
    return (one.extendable and other.extendable) or one.route_map != other.route_map


def _same(one: Static, other: Static) -> bool:
    """Whether two are about the same, and differ in what is said of it at most."""
    bare = (
        replace(rule, extendable=False, match_in_vrf=False, add_route=False, route_map=None, no_payload=False)
        for rule in (one, other)
    )
    return next(bare) == next(bare)


_Index = dict[Hashable, dict[StaticHost | StaticPort, None]]
_SIDES: tuple[Side, ...] = ("local", "global")


class _Name(NamedTuple):
    """A name that a translation wants, the rules that have it by its key, and whether it can be shared with those."""

    key: Hashable
    side: Side
    is_port: bool
    is_shareable: bool


def _wanted(rule: StaticHost | StaticPort, outside: str | None) -> tuple[_Name, ...]:
    within = rule.vrf
    if isinstance(rule, StaticHost):
        return (
            _Name(("local", within, rule.local), "local", is_port=False, is_shareable=True),
            _Name(("global", outside, rule.global_), "global", is_port=False, is_shareable=False),
            _Name(("ports of local", within, rule.local), "local", is_port=False, is_shareable=True),
            _Name(("ports of global", outside, rule.global_), "global", is_port=False, is_shareable=True),
        )
    local, global_ = _port_keys(rule, outside)
    return (
        _Name(("local", within, rule.local.address), "local", is_port=False, is_shareable=True),
        _Name(("global", outside, rule.global_), "global", is_port=False, is_shareable=True),
        _Name(local, "local", is_port=True, is_shareable=True),
        _Name(global_, "global", is_port=True, is_shareable=False),
    )


def _port_keys(rule: StaticPort, outside: str | None) -> tuple[Hashable, Hashable]:
    name = rule.transport, outside, rule.global_ or rule.interface, rule.global_port
    return (rule.transport, rule.vrf, rule.local), name


def _enter(index: _Index, rule: StaticHost | StaticPort, outside: str | None) -> None:
    keys: tuple[Hashable, ...]
    within = rule.vrf
    if isinstance(rule, StaticHost):
        keys = ("local", within, rule.local), ("global", outside, rule.global_)
    else:
        hosts = ("ports of local", within, rule.local.address), ("ports of global", outside, rule.global_)
        keys = (*_port_keys(rule, outside), *hosts)
    for key in keys:
        index.setdefault(key, {})[rule] = None


def _place(rule: Static) -> str:
    return f" vrf {rule.vrf}" if rule.vrf is not None else ""


def _prefix(rule: Static, side: Side) -> Prefix | None:
    if isinstance(rule, StaticNetwork):
        return rule.prefix(side)
    if side == "local":
        return Prefix(rule.local if isinstance(rule, StaticHost) else rule.local.address, 32)
    return Prefix(rule.global_, 32) if rule.global_ is not None else None
