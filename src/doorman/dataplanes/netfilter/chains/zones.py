"""The zone-based firewall: who may talk to whom, between the interfaces that the configuration names.

    forward  0  zone_forward   a flow that was let in -> zbf_known; else by door, or by its zone pair -> zbf_pair_N
    input    0  zone_input     the same of what is for the gateway itself, where a zone pair with `self` is about it
    output   0  zone_output    and of what it sends
    zbf_pair_N                 the classes of a policy, as few look-ups (see `classes`) -> zbf_act_…, else dropped
    zbf_act_…                  what becomes of a class at a zone pair, and zbf_let_…, of its sessions
    zbf_known                  finds the sessions' class by the bits of their number, and with that what counts them

Addresses are those that the hook forward has: destinations translated, sources not yet. A flow that is let in gets the
mark ADMITTED; that of an inspected class also the number of its class, as bits of its conntrack label, so that answers
are counted and policed with it. The proxy's legs are the affair of the engine.
"""

import hashlib
from collections.abc import Collection, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

from doorman.config.model import Config
from doorman.config.zones import CLASS_DEFAULT, GLOBAL_MAP, SELF, ParameterMap, PolicyClass, ZonePair
from doorman.dataplanes.netfilter.chains.classes import ClassChains
from doorman.dataplanes.netfilter.chains.classify import Line, classified
from doorman.dataplanes.netfilter.chains.expressions import (
    ENDPOINT,
    RECEIVER,
    SENDER,
    Chain,
    Setting,
    braces,
    interface_names,
    lead,
)
from doorman.dataplanes.netfilter.chains.ipsec import IpsecChains
from doorman.dataplanes.netfilter.counters import Count
from doorman.dataplanes.netfilter.lifetimes import FlowTimeout, media_timeout, session_timeouts
from doorman.dataplanes.netfilter.marks import ADMITTED, AUDITED, INSPECTED, PROXIED
from doorman.dataplanes.netfilter.portless_timeouts import session_icmp
from doorman.firewall.counts import ClassCounts, Place
from doorman.firewall.policy import DENIED, NO_PAIR
from doorman.firewall.sessions import FULL, INVALID, POLICED

SETS = {
    "let_in": f"set let_in {{ type ipv4_addr . {ENDPOINT}; flags timeout; }}",
    "let_in_once": f"set let_in_once {{ type ipv4_addr . {ENDPOINT}; flags timeout; }}",
    "let_in_any": f"set let_in_any {{ type {ENDPOINT}; flags timeout; }}",
}
"""Who may reach which host, though no policy says so: a visitor, one whose flow is awaited, or anyone."""

BLOCKED = "zbf_blocked"
"""The set of the servers that get no new connections for a while: `tcp max-incomplete host N block-time MINUTES`."""
COUNTING = "zbf_max_"
"""How the names of the sets begin that count sessions."""
_TOGETHER: Place = ("", GLOBAL_MAP)
NOWHERE: Place = ("", "")
"""Where packets are counted that no zone pair is about."""
LABEL_BITS = 16
"""Bits of the conntrack label that hold the number of a flow's class; 0 is that of none."""
_LOG_RATE = "limit rate 100/second burst 100 packets"
_NAME_SHOWN = 40
_ADMIT = f"ct mark set ct mark or {ADMITTED:#x}"
_BEGINS_NOTHING = (
    "ct state invalid",
    "tcp flags & (fin | syn | rst | ack) != { syn, ack }",
    "icmp type != { 8, 13, 15, 17 }",
)
"""What cannot be the first packet of a session, see `firewall.sessions`."""
_REFUSALS = {"invalid": INVALID, "full": FULL, "police": POLICED}
"""Why a packet of an inspected class is dropped, by the kind of chain that does it."""
_REASONS = {"apart": NO_PAIR, "drop": DENIED} | _REFUSALS
"""Why any packet is dropped, by the kind of counter that counts it."""


class ZoneChains:
    """The chains of the firewall of a configuration; there are none of them where it has no zones.

    Args:
        config: what it says.
        setting: what the rules are made for besides.
        present: the names of the chains that are there: classes keep their numbers.

    Attributes:
        numbers: of the inspected classes, as flows have them in their labels.
    """

    def __init__(self, config: Config, setting: Setting, present: Collection[str] = ()) -> None:
        self._config = config
        self._firewall = config.firewall
        self._setting = setting
        self._classes = ClassChains(config)
        self._pairs = list(self._firewall.zone_pairs.values())
        self._log_all = self._firewall.parameters(GLOBAL_MAP).log_dropped
        self.numbers = _numbers(self._inspected(), present)
        self._zones = config.zone_members

    @property
    def exist(self) -> bool:
        """Whether there are any."""
        return bool(self._firewall.zones)

    def counters(self) -> Iterator[str]:
        """The names of the counters that the chains count with."""
        if not self.exist:
            return
        yield _counter(NOWHERE, "apart")
        for pair in self._pairs:
            yield _counter((pair.name, ""), "apart")
            for rule in self._firewall.rules(pair):
                place = pair.name, rule.class_map
                inspected = ("pass", "begun", *_REFUSALS)
                kinds = {"inspect": inspected, "pass": ("pass",)}.get(rule.action or "drop", ("drop",))
                yield from (_counter(place, kind) for kind in kinds)

    def parameters(self) -> list[ParameterMap]:
        """How sessions are kept."""
        rules = (self._firewall.rule(*place) for place in self.numbers)
        maps = {rule.parameter_map for rule in rules if rule is not None}
        return [self._firewall.parameters(name) for name in sorted(maps, key=str)]

    def timeouts(self) -> Iterator[FlowTimeout]:
        """How long sessions may be silent."""
        for parameters in self.parameters():
            yield from session_timeouts(parameters)

    def sets(self) -> Iterator[str]:
        """The definitions of the sets that count sessions, named after their limit, and that of blocked servers."""
        limited = {place: parameters for place in self.numbers for parameters in self._parameters_of(place)}
        if any(parameters.tcp_host_block for parameters in limited.values()):
            yield f"set {BLOCKED} {{ type ipv4_addr; flags timeout; }}"
        together = self._firewall.parameter_maps.get(GLOBAL_MAP)
        if limited and together is not None:
            limited[_TOGETHER] = together
        for place, parameters in limited.items():
            if parameters.sessions_maximum is not None:
                yield f"set {_count_of(place, parameters)} {{ type ipv4_addr; flags dynamic; }}"

    def _parameters_of(self, place: Place) -> Iterator[ParameterMap]:
        rule = self._firewall.rule(*place)
        if self.exist and rule is not None:
            yield self._firewall.parameters(rule.parameter_map)

    def chains(self) -> Iterator[Chain]:
        """All of them; there are none where nothing is to be asked: even an empty one would cost each packet."""
        if not self.exist:
            return
        hook = "type filter hook {} priority filter;"
        yield Chain("zone_forward", list(self._forward()), hook.format("forward"))
        for name, rules in (("input", self._own("iifname", 1)), ("output", self._own("oifname", 0))):
            if rules:
                yield Chain(f"zone_{name}", rules, hook.format(name))
        yield Chain("zbf_apart", list(self._drop(NOWHERE, "apart", log=False)))
        yield Chain("zbf_door", list(self._door()))
        for number, pair in enumerate(self._pairs):
            yield Chain(f"zbf_pair_{number}", list(self._pair(pair)))
            for rule in self._firewall.rules(pair):
                yield from self._actions(pair, rule)
        yield from self._classes.chains
        yield from self._known()

    # Which policy is asked

    def _of_others(self) -> Iterator[str]:
        """Flows of other VRFs are judged by the tables of those, whose classes have numbers of their own."""
        zone = self._setting.zone
        if zone is not None:
            judged = [str(zone.number)] if zone.number else []
            judged += ["0"] if zone.judges_rest or not zone.number else []
            yield f"ct zone != {braces(judged)} accept"
            # What conntrack does not know is of the VRF whose inside sends it; what comes from the outside is let in.
            sides = interface_names(self._config, "inside", "outside")
            yield f"ct state untracked iifname != {sides} accept"

    def _forward(self) -> Iterator[str]:
        yield from self._of_others()
        yield f"ct mark and {ADMITTED:#x} != 0 goto zbf_known"
        for name in ("let_in", "let_in_once"):
            yield f"ip saddr . {RECEIVER} @{name} goto zbf_door"
        yield f"{RECEIVER} @let_in_any goto zbf_door"
        yield f"ip daddr . {SENDER} @let_in_once goto zbf_door"
        yield from IpsecChains(self._config, self._setting).let_in()
        leading = lead("iifname . oifname", dict(self._leading()))
        if leading:
            yield leading

    def _door(self) -> Iterator[str]:
        if self._setting.timeouts:
            media = media_timeout(self._config)
            yield f'ct mark and {INSPECTED:#x} == 0 {media.match} ct timeout set "{media.name}"'
        yield f"{_ADMIT} accept"

    def _leading(self) -> Iterator[tuple[str, str]]:
        """Which chain is asked about packets between two interfaces."""
        numbers = {pair.zones: number for number, pair in enumerate(self._pairs)}
        for come, source in self._zones.items():
            for leave, destination in self._zones.items():
                number = numbers.get((source or "", destination or ""))
                if number is not None:
                    yield f'"{come}" . "{leave}"', f"zbf_pair_{number}"
                elif source != destination:
                    yield f'"{come}" . "{leave}"', "zbf_apart"

    def _own(self, field: str, end: int) -> list[str]:
        """What is for the gateway itself (`end` 1) or from it (0): only where a pair with a policy is about it."""
        numbers = {
            pair.zones[1 - end]: number
            for number, pair in enumerate(self._pairs)
            if pair.zones[end] == SELF and pair.policy is not None
        }
        chains = {f'"{name}"': f"zbf_pair_{numbers[zone]}" for name, zone in self._zones.items() if zone in numbers}
        if not chains:
            return []
        legs = [f"ct mark and {PROXIED:#x} != 0 accept"]
        if not end:
            legs.append(f"meta mark and {PROXIED | INSPECTED:#x} != 0 accept")
        return [*self._of_others(), f"ct mark and {ADMITTED:#x} != 0 goto zbf_known", *legs, lead(field, chains)]

    # What becomes of a class

    def _pair(self, pair: ZonePair) -> Iterator[str]:
        if pair.policy is None:
            yield from self._drop((pair.name, ""), "apart", log=False)
            return
        lines: list[Line] = []
        last = ""
        for rule in self._firewall.rules(pair):
            then = f"goto {_chain('act', (pair.name, rule.class_map))}"
            if rule.class_map == CLASS_DEFAULT:
                last = then
            else:
                lines += self._classes.lines_of(rule.class_map, then)
        yield from classified(lines)
        yield last

    def _actions(self, pair: ZonePair, rule: PolicyClass) -> Iterator[Chain]:
        place = pair.name, rule.class_map
        act = _chain("act", place)
        match rule.action:
            case "inspect":
                yield Chain(act, list(self._inspect(pair, rule)))
                yield Chain(self._let(place), list(self._carry(place, rule)))
                for kind in _REFUSALS:
                    yield Chain(_chain(kind, place), list(self._drop(place, kind, log=rule.log)))
            case "pass":
                logged = [self._logged("", place)] if rule.log else []
                yield Chain(act, [*logged, f'counter name "{_counter(place, "pass")}" accept'])
            case _:
                yield Chain(act, list(self._drop(place, "drop", log=rule.log)))

    def _inspect(self, pair: ZonePair, rule: PolicyClass) -> Iterator[str]:
        """A flow that begins: within all limits it becomes a session."""
        place = pair.name, rule.class_map
        invalid, full = (f"goto {_chain(kind, place)}" for kind in ("invalid", "full"))
        yield from (f"{not_so} {invalid}" for not_so in _BEGINS_NOTHING)
        parameters = self._firewall.parameters(rule.parameter_map)
        together = self._firewall.parameter_maps.get(GLOBAL_MAP)
        if parameters.tcp_host_block:
            yield f"meta l4proto tcp ip daddr @{BLOCKED} {full}"
        for whose, limits in ((place, parameters), (_TOGETHER, together)):
            if limits is not None and limits.sessions_maximum is not None:
                # The key is the same for all: a set has one element, which goes on counting when the rules change.
                count = f"ct count over {limits.sessions_maximum}"
                yield f"add @{_count_of(whose, limits)} {{ ip daddr and 0.0.0.0 {count} }} {full}"
        number = self.numbers[place]
        yield from (f"ct label set {bit}" for bit in range(LABEL_BITS) if number >> bit & 1)
        if self._setting.timeouts:
            icmp = session_icmp(parameters)
            named = [(timeout.match, timeout.name) for timeout in session_timeouts(parameters)]
            for match, name in [*named, (icmp.match, icmp.name)]:
                yield f'{match} ct timeout set "{name}"'
        if parameters.audit_trail:
            yield f"ct mark set ct mark or {AUDITED:#x}"
        yield f'counter name "{_counter(place, "begun")}" {_ADMIT} goto {self._let(place)}'

    def _carry(self, place: Place, rule: PolicyClass) -> Iterator[str]:
        """A packet of a session, whoever sends it."""
        if rule.police is not None:
            # The kernel's bucket holds what comes in a second, and the burst besides.
            rate = max(rule.police.rate // 8, 1)
            burst = max(rule.police.bucket - rate, 0)
            yield f"limit rate over {rate} bytes/second burst {burst} bytes goto {_chain('police', place)}"
        yield f'counter name "{_counter(place, "pass")}" accept'

    def _drop(self, place: Place, kind: str, *, log: bool) -> Iterator[str]:
        if log or self._log_all:
            yield self._logged(_REASONS[kind], place)
        yield f'counter name "{_counter(place, kind)}" drop'

    def _logged(self, reason: str, place: Place) -> str:
        return f'{_LOG_RATE} log prefix "{LoggedClass(reason, *place)}" snaplen 128 group {self._setting.queue}'

    # Sessions

    def _known(self) -> Iterator[Chain]:
        """The class of a session by its number, one bit after the other; what has none just passes."""
        chains: list[Chain] = []
        numbers = {number: self._let(place) for place, number in self.numbers.items()}

        def rules(bits: int, prefix: int) -> list[str]:
            """What tells the numbers apart whose bits from here on are these."""
            if not bits:
                return [f"goto {numbers[prefix]}"] if prefix in numbers else ["accept"]
            bit, under = bits - 1, prefix | 1 << bits - 1
            if not any(number >> bit == under >> bit for number in numbers):
                return [f"ct label {bit} accept", *rules(bit, prefix)]
            if bit:
                then = f"goto zbf_known_{bit}_{under}"
                chains.append(Chain(f"zbf_known_{bit}_{under}", rules(bit, under)))
            else:
                [then] = rules(bit, under)
            return [f"ct label {bit} {then}", *rules(bit, prefix)]

        yield Chain("zbf_known", rules(max(numbers, default=0).bit_length(), 0))
        yield from chains

    def _inspected(self) -> list[Place]:
        return [
            (pair.name, rule.class_map)
            for pair in self._pairs
            for rule in self._firewall.rules(pair)
            if rule.action == "inspect"
        ]

    def _let(self, place: Place) -> str:
        return f"{_chain('let', place)}_{self.numbers[place]}"


class LoggedClass(NamedTuple):
    """What the kernel tells of a logged packet: why it was dropped ("": it passed), and where; as text beside it."""

    reason: str
    pair: str
    class_map: str

    def __str__(self) -> str:
        """As a prefix; the names without characters that nft has a use for, and no longer than may be."""
        pair, class_map = (quote(name, safe="")[:_NAME_SHOWN] or "-" for name in (self.pair, self.class_map))
        return f"zbf {self.reason or '-'} {pair} {class_map}"

    @classmethod
    def read(cls, prefix: str) -> "LoggedClass | None":
        """What a prefix says; None for one that is not of the firewall."""
        words = prefix.split(" ")
        if len(words) != 4 or words[0] != "zbf":  # noqa: PLR2004 - as it is written
            return None
        return cls(*("" if word == "-" else unquote(word) for word in words[1:]))


def class_counts(counted: dict[str, Count], place: Place) -> ClassCounts:
    """What the kernel has counted of a class at a zone pair."""
    passed, begun = (counted.get(_counter(place, kind), Count()) for kind in ("pass", "begun"))
    drops = {reason: counted.get(_counter(place, kind), Count()) for kind, reason in _REASONS.items()}
    return ClassCounts(
        passed.packets,
        passed.bytes,
        sum(one.packets for one in drops.values()),
        sum(one.bytes for one in drops.values()),
        begun.packets,
        {reason: one.packets for reason, one in drops.items() if one.packets},
    )


def counters_at(place: Place) -> list[str]:
    """The counters of a class at a zone pair."""
    return [_counter(place, kind) for kind in ("pass", "begun", *_REASONS)]


def _count_of(place: Place, parameters: ParameterMap) -> str:
    """The set that counts the sessions of a class: named after the limit, which that of an element cannot change."""
    return f"{COUNTING}{_digest(place)}_{parameters.sessions_maximum}"


def _numbers(places: list[Place], present: Collection[str]) -> dict[Place, int]:
    """The number of each inspected class: the one it has, else a new one."""
    had = {}
    for name in present:
        if name.startswith("zbf_let_"):
            chain, _, number = name.rpartition("_")
            had[chain] = int(number)
    used = set(had.values())
    free = (number for number in range(1, 1 << LABEL_BITS) if number not in used)
    return {place: had.get(_chain("let", place)) or next(free) for place in places}


def _chain(kind: str, place: Place) -> str:
    return f"zbf_{kind}_{_digest(place)}"


def _counter(place: Place, kind: str) -> str:
    return f"zbf_{_digest(place)}_{kind}"


def _digest(place: Place) -> str:
    return hashlib.blake2s("\0".join(place).encode(), digest_size=8).hexdigest()
