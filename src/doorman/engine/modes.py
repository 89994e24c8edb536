"""Modes: how much of what an ALG decides happens, everywhere or for the hosts of an interface.

    full           all of it
    pinhole-only   doors open, names are given, what is malformed is dropped; no message is changed
    observe        nothing is changed, opened or dropped, and no name given; what would have been is told of
    off            the ALG is not asked

An engine knows networks, not wires: a packet in a capture has no interface, and of one that leaves only routing knows.
So the mode of an interface is that of the hosts in its network; on a side with a single interface, also of all who
are in no network, since they must be behind it. Where the interfaces of both ends of a message say something, the mode
that does less holds; where neither does, that which is configured for all.
"""

from doorman.algs.api import Direction, InactivityTimeout, Note, OpenDoor, Outcome, Path, Withheld
from doorman.algs.settings import Mode
from doorman.config.model import Config, NatSide
from doorman.config.statics import Statics
from doorman.net.addresses import Address, Endpoint, Prefix
from doorman.net.memo import remember

WOULD = frozenset({"would-rewrite", "would-open-door", "would-drop"})
"""The notes that count what does not happen: messages, doors, messages."""

_LEAST_FIRST: tuple[Mode, ...] = ("off", "observe", "pinhole-only", "full")
_INSIDE: NatSide = "inside"
_OUTSIDE: NatSide = "outside"
_OUTBOUND = Direction.OUTBOUND
_OPENING = (OpenDoor, InactivityTimeout)


class Zone:
    """What the interfaces of one side say of one ALG: the mode of each network, and of who is in none of them."""

    __slots__ = ("_cache", "_networks", "_others", "silent")

    def __init__(self, config: Config, side: NatSide, alg: str) -> None:
        interfaces = [one for one in config.interfaces.values() if one.nat == side and not one.shutdown]
        modes = [dict(interface.modes).get(alg) for interface in interfaces]
        self.silent = not any(modes)
        self._others = modes[0] if len(modes) == 1 else None
        self._networks: list[tuple[Prefix, Mode | None]] = [
            (network, mode) for interface, mode in zip(interfaces, modes, strict=True) for network in interface.networks
        ]
        self._cache: dict[Address, Mode | None] = {}

    def mode_of(self, address: Address) -> Mode | None:
        """What is said of a host, None for nothing."""
        if self.silent:
            return None
        try:
            return self._cache[address]
        except KeyError:
            found = (mode for network, mode in self._networks if address in network)
            return remember(self._cache, address, next(found, self._others))


class Modes:
    """The modes of a configuration."""

    __slots__ = ("_everywhere", "_is_alike", "_left_inside", "_left_outside", "_zones")

    def __init__(self, config: Config) -> None:
        self._everywhere: dict[str, Mode] = {alg: settings.mode for alg, settings in config.settings.items()}
        zones = {alg: (Zone(config, _INSIDE, alg), Zone(config, _OUTSIDE, alg)) for alg in self._everywhere}
        # Hosts and their ports whose messages, and those that name them, stay as they are.
        self._left_inside = _left(config.statics)
        self._left_outside = _left(config.outside_statics)
        self._zones = {alg: sides for alg, sides in zones.items() if not (sides[0].silent and sides[1].silent)}
        self._is_alike = not (self._left_inside or self._left_outside or self._zones)

    def of(self, alg: str, direction: Direction, path: Path) -> Mode:
        """The mode of an ALG for what goes this way."""
        if self._is_alike:
            return self._everywhere[alg]
        if (self._left_inside or self._left_outside) and self._is_left(direction, path):
            return "off"
        zones = self._zones.get(alg)
        if zones is None:
            return self._everywhere[alg]
        near, far = path.sent_from.address, path.arrives_to.address
        inside, outside = (near, far) if direction == _OUTBOUND else (far, near)
        said = {zones[0].mode_of(inside), zones[1].mode_of(outside)}
        return next((mode for mode in _LEAST_FIRST if mode in said), self._everywhere[alg])

    def _is_left(self, direction: Direction, path: Path) -> bool:
        if direction == _OUTBOUND:
            inside, outside = path.sent_from, path.arrives_to
        else:
            inside, outside = path.arrives_to, path.sent_from
        named = {inside, inside.address} & self._left_inside
        return bool(named or {outside, outside.address} & self._left_outside)


def _left(statics: Statics) -> set[Endpoint | Address]:
    hosts = (rule.local for rule in statics.hosts if rule.no_payload)
    return {*hosts, *(rule.local for rule in statics.ports if rule.no_payload)}


def as_decided(outcome: Outcome) -> Outcome:
    """A decision as it would be carried out in mode `full`, for those who show it."""
    withheld = outcome.withheld
    if withheld is None:
        return outcome
    others = [one for one in outcome.effects if not (isinstance(one, Note) and one.name in WOULD)]
    effects = [*others, *withheld.effects]
    return outcome.instead(withheld.edits, effects, withheld.drop)


def restrain(outcome: Outcome, mode: Mode) -> Outcome:
    """What of a decision happens in a mode; the rest is kept in `withheld`, and counted by notes `would-…`."""
    if mode == "full" or (mode == "pinhole-only" and not outcome.edits):
        return outcome
    effects, drop = outcome.effects, outcome.drop
    told = [Note("would-rewrite")] if outcome.edits else []
    if mode == "pinhole-only":
        withheld = Withheld(mode, outcome.edits, [], None)
    else:
        # What ends something began before this mode did.
        withheld = Withheld(mode, outcome.edits, [one for one in effects if isinstance(one, _OPENING)], drop)
        effects = [one for one in effects if not isinstance(one, _OPENING)]
        told += [Note("would-open-door") for one in withheld.effects if isinstance(one, OpenDoor)]
        if drop is not None:
            told.append(Note("would-drop", drop.encode()))
        drop = None
    if not told:
        return outcome.instead(outcome.edits, effects, outcome.drop)
    return outcome.instead([], [*effects, *told], drop, withheld)
