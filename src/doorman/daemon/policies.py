"""What zone policies did on the live gateway: the kernel counts and has the sessions, and the engine those of its own.

The engine counts what it drops of signalling, and the connections that the proxy carries, which pass no rule between
interfaces. A session of the kernel is a flow with the number of its class; when it began the kernel does not say.
"""

import logging
from collections.abc import Iterable, Iterator

from doorman.config.access_lists import Traffic as Packet
from doorman.config.zones import Firewall
from doorman.daemon.clock import seconds
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.netfilter.chains.zones import class_counts, counters_at
from doorman.dataplanes.netfilter.conntrack import dump
from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.flow import ASSURED, SEEN_REPLY, Flow
from doorman.dataplanes.netfilter.marks import ADMITTED
from doorman.dataplanes.plane import PlaneRefused
from doorman.dataplanes.zone_report import Counts, clear_counts, clear_sessions, counts_in, sessions_in, summed_counts
from doorman.engine.screen import Screen
from doorman.firewall.counts import Place
from doorman.firewall.policy import Verdict
from doorman.firewall.sessions import UNKNOWN_TIME, Inspected
from doorman.net.packet import TCP

_log = logging.getLogger(__name__)


def policy_counts(traffics: Iterable[Traffic]) -> Counts:
    """What was counted, by zone pair and class, wherever on this machine."""
    return summed_counts(
        counts for traffic in traffics for counts in (_counted(traffic), counts_in(traffic.engine.screen))
    )


def policy_sessions(traffics: Iterable[Traffic]) -> Iterator[Inspected]:
    """The sessions of the kernel, and the connections that the proxy carries."""
    for traffic in traffics:
        if traffic.engine.screen is not None:
            yield from _sessions(traffic, traffic.engine.screen)


def clear_policy_counts(traffic: Traffic, pair: str | None) -> None:
    """Begin counting at zero, at a zone pair or at all.

    Raises:
        PlaneRefused: the kernel goes on counting.
    """
    screen = traffic.engine.screen
    if screen is None:
        return
    clear_counts(screen, pair)
    firewall = screen.firewall.config
    for one in firewall.zone_pairs.values():
        if pair in {None, one.name}:
            for class_map in ("", *(rule.class_map for rule in firewall.rules(one))):
                traffic.plane.reset_counts(counters_at((one.name, class_map)))


def clear_policy_sessions(traffic: Traffic, pair: str | None) -> int:
    """End the sessions of a zone pair, or all; how many there were.

    Raises:
        PlaneRefused: the kernel keeps some.
        NetlinkError: it does not tell which there are.
    """
    screen = traffic.engine.screen
    if screen is None:
        return 0
    numbers = {number for place, number in traffic.plane.class_numbers().items() if pair in {None, place[0]}}
    flows = filter(traffic.plane.judges, dump(ADMITTED, ADMITTED))
    keys = [flow.key for flow in flows if flow.label in numbers]
    proxied = sum(1 for one in _proxied(screen) if pair in {None, one.verdict.pair})
    clear_sessions(screen, pair)
    return sum(traffic.plane.forget(keys)) + proxied


def _counted(traffic: Traffic) -> Counts:
    """What the kernel counted."""
    try:
        counted = traffic.plane.counts()
    except PlaneRefused as refused:
        _log.warning("what policies did is not known: %s", refused)
        counted = {}
    return lambda pair, class_map: class_counts(counted, (pair, class_map))


def _sessions(traffic: Traffic, screen: Screen) -> Iterator[Inspected]:
    yield from _proxied(screen)
    places = {number: place for place, number in traffic.plane.class_numbers().items()}
    try:
        for flow in filter(traffic.plane.judges, dump(ADMITTED, ADMITTED)):
            if flow.label in places:
                yield _session(screen.firewall.config, flow, places[flow.label])
    except NetlinkError as error:
        _log.warning("not all sessions are known: %s", error)


def _proxied(screen: Screen) -> Iterator[Inspected]:
    return (one for one in sessions_in(screen) if one.alone)


def _session(firewall: Firewall, flow: Flow, place: Place) -> Inspected:
    """A flow as a session, as far as the kernel tells."""
    ends = flow.sender, flow.reply_sender
    packet = Packet(flow.protocol, ends[0].address, ends[1].address, ends[0].port, ends[1].port)
    rule = firewall.rule(*place)
    found = Inspected(packet, ends, Verdict("inspect", place[0], rule), UNKNOWN_TIME)
    found.parameters = firewall.parameters(rule.parameter_map if rule is not None else None)
    found.half_open = not flow.status & (ASSURED if flow.protocol == TCP else SEEN_REPLY)
    found.last_used = seconds() - max(0, found.allowed_silence - flow.timeout)
    found.sent = [flow.bytes, flow.reply_bytes]
    return found
