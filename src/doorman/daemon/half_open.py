"""Half-open sessions of the firewall on the live gateway: where there are more than may be, the oldest end.

    max-incomplete high N, low M       beyond N of them the oldest end until M remain
    tcp max-incomplete host N          to one server no more than N connections

A flow is half-open until it is answered, a TCP connection until it is established. The kernel has no such count, so its
flows are looked at each second, where a parameter map sets a limit.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from doorman.config.zones import GLOBAL_MAP, Firewall, ParameterMap
from doorman.dataplanes.netfilter.flow import ASSURED, SEEN_REPLY, Flow
from doorman.firewall.counts import Place
from doorman.nat.sessions import DNS_PORT
from doorman.net.addresses import Address
from doorman.net.packet import ICMP, TCP


class _Kept(NamedTuple):
    """A half-open session, how it is kept, and how many seconds ago it was used."""

    flow: Flow
    parameters: ParameterMap
    age: int


class HalfOpen:
    """The limits of one gateway, and which of them are passed now."""

    def __init__(self) -> None:
        self._passed: set[str] = set()

    def excess(
        self, flows: Iterable[Flow], firewall: Firewall, numbers: dict[Place, int]
    ) -> tuple[list[Flow], list[str]]:
        """The flows that are too many, and what is to be said of it.

        Args:
            flows: those that the firewall has let in.
            firewall: what it says.
            numbers: of its inspected classes, as flows have them.
        """
        kept = list(_half_open(flows, firewall, numbers))
        ended: dict[Flow, None] = {}
        said: list[str] = []
        maps = {one.parameters.name: one.parameters for one in kept} | firewall.parameter_maps
        for name, parameters in maps.items():
            mine = [one for one in kept if name in {one.parameters.name, GLOBAL_MAP}]
            said += self._alert(parameters, len(mine))
            ended |= dict.fromkeys(one.flow for one in _beyond(parameters, mine))
        return list(ended), said

    def _alert(self, parameters: ParameterMap, count: int) -> Iterator[str]:
        """Tell when a limit is passed, and when it is kept again."""
        name, high = parameters.name, parameters.max_incomplete_high
        if high is not None and count > high and name not in self._passed:
            self._passed.add(name)
            if parameters.alert:
                yield f"%FW-4-ALERT_ON: (parameter-map:{name}):getting aggressive, count ({count}/{high})"
        elif name in self._passed and (high is None or count <= _low(parameters)):
            self._passed.discard(name)
            if parameters.alert:
                yield f"%FW-4-ALERT_OFF: (parameter-map:{name}):calming down, count ({count}/{_low(parameters)})"


def limits_half_open(firewall: Firewall) -> bool:
    """Whether a parameter map limits them."""
    maps = firewall.parameter_maps.values()
    return any(one.max_incomplete_high is not None or one.tcp_host_incomplete is not None for one in maps)


def _half_open(flows: Iterable[Flow], firewall: Firewall, numbers: dict[Place, int]) -> Iterator[_Kept]:
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


def _beyond(parameters: ParameterMap, kept: list[_Kept]) -> Iterator[_Kept]:
    """Those that are too many, the oldest first."""
    kept = sorted(kept, key=lambda one: -one.age)
    high = parameters.max_incomplete_high
    if high is not None and len(kept) > high:
        yield from kept[: len(kept) - _low(parameters)]
    most = parameters.tcp_host_incomplete
    servers: dict[Address, list[_Kept]] = {}
    for one in kept if most is not None else ():
        if one.flow.protocol == TCP:
            servers.setdefault(one.flow.reply_sender.address, []).append(one)
    for mine in servers.values():
        yield from mine[: max(len(mine) - (most or 0), 0)]


def _low(parameters: ParameterMap) -> int:
    high = parameters.max_incomplete_high or 0
    return min(parameters.max_incomplete_low or high, high)
