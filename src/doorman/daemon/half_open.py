"""Half-open sessions of the firewall on the live gateway: where there are more than may be, the oldest end.

    max-incomplete high N, low M         beyond N of them the oldest end until M remain
    one-minute high N, low M             where more than N begin in a minute one ends for each, until only M begin
    tcp max-incomplete host N            to one server no more than N connections
                        block-time T     beyond N all of them end, and for T minutes it gets no more

A flow is half-open until it is answered, a TCP connection until it is established. The kernel has no such count, so its
flows are looked at each second, where a parameter map sets a limit.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from doorman.config.zones import GLOBAL_MAP, Firewall, ParameterMap
from doorman.dataplanes.netfilter.flow import ASSURED, SEEN_REPLY, Flow
from doorman.firewall.counts import Place
from doorman.nat.sessions import DNS_PORT
from doorman.net.addresses import Address
from doorman.net.packet import ICMP, TCP

_MINUTE = 60


class _Kept(NamedTuple):
    """A half-open session, how it is kept, and how many seconds ago it was used."""

    flow: Flow
    parameters: ParameterMap
    age: int


class Excess(NamedTuple):
    """What is to be done.

    Attributes:
        ended: the flows that are too many.
        blocked: servers that get no more connections, and for how many seconds.
        said: lines for the operator.
    """

    ended: list[Flow]
    blocked: dict[Address, int]
    said: list[str]


class HalfOpen:
    """The limits of one gateway, and which of them are passed now."""

    def __init__(self) -> None:
        self._passed: set[tuple[str, str]] = set()
        self._rates: dict[str, _Rate] = {}

    def excess(
        self, flows: Iterable[Flow], firewall: Firewall, numbers: Mapping[Place, int], begun: Mapping[Place, int]
    ) -> Excess:
        """What is too much; to be asked each second.

        Args:
            flows: those that the firewall has let in.
            firewall: what it says.
            numbers: of its inspected classes, as flows have them.
            begun: how many sessions of each have begun so far.
        """
        kept = list(_half_open(flows, firewall, numbers))
        ended: dict[Flow, None] = {}
        found = Excess([], {}, [])
        maps = {one.parameters.name: one.parameters for one in kept} | firewall.parameter_maps
        for name, parameters in maps.items():
            mine = sorted((one for one in kept if name in {one.parameters.name, GLOBAL_MAP}), key=lambda one: -one.age)
            many = self._many(parameters, len(mine), found.said)
            fast = self._fast(parameters, _begun(firewall, name, begun), found.said)
            ended |= dict.fromkeys(one.flow for one in mine[: max(many, fast)])
            for server, connections in _crowded(parameters, mine):
                ended |= dict.fromkeys(connections)
                if parameters.tcp_host_block:
                    found.blocked[server] = parameters.tcp_host_block * _MINUTE
        return found._replace(ended=list(ended))

    def _many(self, parameters: ParameterMap, count: int, said: list[str]) -> int:
        """How many end since there are so many."""
        high = parameters.max_incomplete_high
        low = _low(parameters.max_incomplete_low, high)
        self._watch(parameters, "count", (count, low, high), said)
        return count - low if high is not None and count > high else 0

    def _fast(self, parameters: ParameterMap, begun: int, said: list[str]) -> int:
        """How many end since so many have begun within a minute."""
        high = parameters.one_minute_high
        if high is None:
            self._rates.pop(parameters.name, None)
        rate = self._rates.setdefault(parameters.name, _Rate()) if high is not None else _Rate()
        new = rate.see(begun)
        low = _low(parameters.one_minute_low, high)
        passed = self._watch(parameters, "current 1-min rate", (rate.minute, low, high), said)
        return new if passed else 0

    def _watch(self, parameters: ParameterMap, what: str, limits: tuple[int, int, int | None], said: list[str]) -> bool:
        """Whether a limit is passed, and was not kept since; tell of the beginning and the end of that."""
        (value, low, high), key = limits, (parameters.name, what)
        if high is not None and value > high and key not in self._passed:
            self._passed.add(key)
            told = f"%FW-4-ALERT_ON: (parameter-map:{parameters.name}):getting aggressive, {what} ({value}/{high})"
        elif key in self._passed and (high is None or value <= low):
            self._passed.discard(key)
            told = f"%FW-4-ALERT_OFF: (parameter-map:{parameters.name}):calming down, {what} ({value}/{low})"
        else:
            return key in self._passed
        if parameters.alert:
            said.append(told)
        return key in self._passed


class _Rate:
    """How many sessions have begun within a minute, by what a counter shows each second."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: deque[int] = deque(maxlen=_MINUTE + 1)

    def see(self, total: int) -> int:
        """Take what the counter shows now; how many are new. One that shows less than before has begun anew."""
        if self._seen and total < self._seen[-1]:
            self._seen.clear()
        new = total - self._seen[-1] if self._seen else 0
        self._seen.append(total)
        return new

    @property
    def minute(self) -> int:
        """How many began within the last minute."""
        return self._seen[-1] - self._seen[0] if self._seen else 0


def limits_half_open(firewall: Firewall) -> bool:
    """Whether a parameter map limits them."""
    maps = firewall.parameter_maps.values()
    return any(
        limit is not None
        for one in maps
        for limit in (one.max_incomplete_high, one.one_minute_high, one.tcp_host_incomplete)
    )


def _begun(firewall: Firewall, name: str, begun: Mapping[Place, int]) -> int:
    """How many sessions have begun that are kept as a parameter map says; as the global one: all."""
    places = ((place, firewall.rule(*place)) for place in begun)
    kept = {place: firewall.parameters(rule.parameter_map).name for place, rule in places if rule is not None}
    return sum(begun[place] for place, parameters in kept.items() if name in {parameters, GLOBAL_MAP})


def _half_open(flows: Iterable[Flow], firewall: Firewall, numbers: Mapping[Place, int]) -> Iterator[_Kept]:
    rules = {number: firewall.rule(*place) for place, number in numbers.items()}
    parameters = {number: firewall.parameters(rule.parameter_map) for number, rule in rules.items() if rule is not None}
    for flow in flows:
        kept = parameters.get(flow.label)
        answered = ASSURED if flow.protocol == TCP else SEEN_REPLY
        if kept is not None and not flow.status & answered:
            yield _Kept(flow, kept, _silence(flow.protocol, flow.receiver.port, kept) - flow.timeout)


def _silence(protocol: int, port: int, parameters: ParameterMap) -> int:
    """How long such a session may be silent while it is half-open."""
    if protocol == TCP:
        return parameters.tcp_synwait
    if protocol == ICMP:
        return parameters.icmp_idle
    return parameters.dns_timeout if port == DNS_PORT else parameters.udp_idle


def _crowded(parameters: ParameterMap, kept: list[_Kept]) -> Iterator[tuple[Address, list[Flow]]]:
    """The servers that have more connections than one may have, and those that end, the oldest first."""
    most = parameters.tcp_host_incomplete
    servers: dict[Address, list[Flow]] = {}
    for one in kept if most is not None else ():
        if one.flow.protocol == TCP:
            servers.setdefault(one.flow.reply_sender.address, []).append(one.flow)
    for server, mine in servers.items():
        excess = len(mine) - (most or 0)
        if excess > 0:
            yield server, mine if parameters.tcp_host_block else mine[:excess]


def _low(low: int | None, high: int | None) -> int:
    """The number that must be reached again; that at which it began where none is said, or a larger one."""
    return min(low or high or 0, high or 0)
