"""Ordinary flows, which the kernel translates by itself, after the rules have changed: which of them must begin anew.

A flow keeps what its first packet was given. One that goes by a name which its host has no more ends, and one that
began while no rule was about its host gets its name with the next packet; not over TCP, where that would break it.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from doorman.config.model import Config
from doorman.dataplanes.netfilter.flow import Flow, FlowKey
from doorman.dataplanes.netfilter.marks import INSPECTED, OURS, PROXIED
from doorman.nat.naming import Naming
from doorman.nat.rules import Rules
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import TCP

_OTHERS = INSPECTED | OURS | PROXIED
"""Marks of flows that the engine or the proxy takes care of."""


def translate_alike(one: Config, other: Config) -> bool:
    """Whether two configurations give all hosts the same names."""
    return _translating(one) == _translating(other)


class _Names(NamedTuple):
    """The names that rules give: those of whole hosts, and of single ports, on both sides; and the rules themselves."""

    rules: Rules
    hosts: dict[Address, set[Address]]
    ports: set[tuple[int, Endpoint, Endpoint]]
    outside_hosts: set[tuple[Address, Address]]
    outside_ports: set[tuple[int, Endpoint, Endpoint]]


def stale_flows(flows: Iterable[Flow], before: Rules, now: Rules) -> Iterator[FlowKey]:
    """Those of the flows that must begin anew, since the rules have become others."""
    then, since = _names_of(before), _names_of(now)
    for flow in flows:
        if not flow.mark & _OTHERS and _is_stale(flow, then, since):
            yield flow.key


def _names_of(rules: Rules) -> _Names:
    hosts: dict[Address, set[Address]] = {}
    for rule in rules.static_hosts:
        hosts.setdefault(rule.local.address, set()).add(rule.global_.address)
    ports, outside = _ports(rules), rules.outside
    outside_hosts = {(rule.local.address, rule.global_.address) for rule in outside.static_hosts}
    return _Names(rules, hosts, ports, outside_hosts, _ports(outside))


def _ports(rules: Naming) -> set[tuple[int, Endpoint, Endpoint]]:
    return {(rule.protocol, rule.local, rule.global_) for rule in rules.static_ports}


def _is_stale(flow: Flow, before: _Names, now: _Names) -> bool:
    if _renames(before, flow) and not _renames(now, flow):
        return True
    goes_out, comes_in = flow.reply_receiver != flow.sender, flow.reply_sender != flow.receiver
    if not goes_out and not comes_in:
        return flow.protocol != TCP and _is_translated_now(flow.sender, flow.receiver, before.rules, now.rules)
    if goes_out and _gives(before, flow) and not _gives(now, flow):
        return True
    return comes_in and _lets_in(before, flow) and not _lets_in(now, flow)


def _gives(names: _Names, flow: Flow) -> bool:
    """Whether it is these rules that give its sender the name it has; else somebody else translates it."""
    host, name = flow.sender.address, flow.reply_receiver.address
    if host in names.hosts:
        return name in names.hosts[host]
    rule = names.rules.dynamic_for(host)
    return rule is not None and name in rule.pool


def _lets_in(names: _Names, flow: Flow) -> bool:
    """Whether it is these rules that lead it to where it goes."""
    name, host = flow.receiver, flow.reply_sender
    if names.rules.virtual.allows(name, host):
        return True
    return name.address in names.hosts.get(host.address, ()) or (flow.protocol, host, name) in names.ports


def _renames(names: _Names, flow: Flow) -> bool:
    """Whether it is these rules that give its outside end the name that it has inside."""
    for real, name in ((flow.reply_sender, flow.receiver), (flow.sender, flow.reply_receiver)):
        if (real.address, name.address) in names.outside_hosts or (flow.protocol, real, name) in names.outside_ports:
            return True
    return False


def _is_translated_now(sender: Endpoint, receiver: Endpoint, before: Rules, now: Rules) -> bool:
    if before.translates(sender.address) or not now.translates(sender.address):
        return False
    return not now.is_inside(receiver.address) and not now.owns(receiver.address)


def _translating(config: Config) -> tuple[object, ...]:
    return (
        config.statics,
        config.dynamic_sources,
        config.destinations,
        config.route_maps,
        config.outside_statics,
        config.outside_sources,
        config.pools,
        config.access_lists,
        config.object_groups,
        config.interfaces,
    )
