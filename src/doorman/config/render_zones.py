"""The zone-based firewall to text, as IOS writes it: what is used stands before what uses it."""

from collections.abc import Iterator

from doorman.config.applications import MessageClass, MessagePolicy, RegexMap
from doorman.config.blocks import opening
from doorman.config.commands.parameter_map import NUMBERS
from doorman.config.message_forms import criterion_text
from doorman.config.port_map import PortMap
from doorman.config.zones import (
    CLASS_DEFAULT,
    ClassMap,
    Firewall,
    Match,
    MatchClass,
    MatchList,
    MatchProtocol,
    ParameterMap,
    PolicyClass,
    PolicyMap,
    Zone,
    ZonePair,
)

_DEFAULTS = ParameterMap("")


def zone_blocks(firewall: Firewall) -> Iterator[list[str]]:
    """The blocks of a configuration that say what the firewall does."""
    yield [port_map_text(mapped) for mapped in sorted(firewall.port_maps, key=repr)]
    yield from (list(parameter_map_lines(one)) for _, one in sorted(firewall.parameter_maps.items()))
    yield from (list(_regex_lines(one)) for _, one in sorted(firewall.regexes.items()))
    yield from (list(message_class_lines(one)) for _, one in sorted(firewall.message_classes.items()))
    yield from (list(message_policy_lines(one)) for _, one in sorted(firewall.message_policies.items()))
    yield from (list(class_map_lines(one)) for _, one in sorted(firewall.class_maps.items()))
    yield from (list(policy_map_lines(one)) for _, one in sorted(firewall.policy_maps.items()))
    yield from (list(_zone(one)) for _, one in sorted(firewall.zones.items()))
    yield from (list(_zone_pair(one)) for _, one in sorted(firewall.zone_pairs.items()))


def port_map_text(mapped: PortMap) -> str:
    """A line of `ip port-map`."""
    transport = f"{mapped.transport} " if mapped.transport else ""
    servers = f" list {mapped.access_list}" if mapped.access_list else ""
    return f"ip port-map {mapped.protocol} port {transport}{mapped.port}{servers}"


def parameter_map_lines(known: ParameterMap) -> Iterator[str]:
    """A parameter map: what is not at its default."""
    yield from opening(f"parameter-map type inspect {known.name}", known.description)
    if not known.alert:
        yield " alert off"
    if known.audit_trail:
        yield " audit-trail on"
    for number in NUMBERS:
        value = getattr(known, number.field)
        if value != getattr(_DEFAULTS, number.field):
            yield f" {number.words} {value}"
    if known.tcp_host_incomplete is not None:
        block = f" block-time {known.tcp_host_block}" if known.tcp_host_block else ""
        yield f" tcp max-incomplete host {known.tcp_host_incomplete}{block}"
    if known.log_dropped:
        yield " log dropped-packets enable"


def class_map_lines(known: ClassMap) -> Iterator[str]:
    """A class map."""
    yield from opening(
        f"class-map type inspect {'match-any' if known.any_of else 'match-all'} {known.name}", known.description
    )
    yield from (f" match {match_text(match)}" for match in known.matches)


def match_text(match: Match) -> str:
    """A match without its first word."""
    match match:
        case MatchProtocol():
            return f"protocol {match.protocol}"
        case MatchList():
            return f"access-group {'' if match.access_list.isdecimal() else 'name '}{match.access_list}"
        case MatchClass():
            return f"class-map {match.class_map}"


def policy_map_lines(known: PolicyMap) -> Iterator[str]:
    """A policy map."""
    yield from opening(f"policy-map type inspect {known.name}", known.description)
    for one in known.classes:
        yield f" class {'' if one.class_map == CLASS_DEFAULT else 'type inspect '}{one.class_map}"
        yield from (f"  {line}" for line in _actions(one))


def _actions(known: PolicyClass) -> Iterator[str]:
    if known.action is not None:
        words = known.action, known.parameter_map, "log" if known.log else ""
        yield " ".join(filter(None, words))
    if known.police is not None:
        burst = f" burst {known.police.burst}" if known.police.burst is not None else ""
        yield f"police rate {known.police.rate}{burst}"
    if known.application is not None:
        yield f"service-policy {' '.join(known.application)}"


def _regex_lines(known: RegexMap) -> Iterator[str]:
    yield f"parameter-map type regex {known.name}"
    yield from (f' pattern "{pattern}"' for pattern in known.patterns)


def message_class_lines(known: MessageClass) -> Iterator[str]:
    """A class map of an application's messages."""
    yield from opening(
        f"class-map type inspect {known.protocol} {'match-any' if known.any_of else 'match-all'} {known.name}",
        known.description,
    )
    yield from (f" match {criterion_text(known.protocol, one)}" for one in known.criteria)


def message_policy_lines(known: MessagePolicy) -> Iterator[str]:
    """A policy map for them."""
    yield from opening(f"policy-map type inspect {known.protocol} {known.name}", known.description)
    for rule in known.rules:
        yield f" class type inspect {known.protocol} {rule.class_map}"
        if rule.verb is not None:
            yield f"  {rule.verb}"
        if rule.log:
            yield "  log"


def _zone(known: Zone) -> Iterator[str]:
    yield from opening(f"zone security {known.name}", known.description)


def _zone_pair(known: ZonePair) -> Iterator[str]:
    yield from opening(
        f"zone-pair security {known.name} source {known.source} destination {known.destination}", known.description
    )
    if known.policy is not None:
        yield f" service-policy type inspect {known.policy}"
