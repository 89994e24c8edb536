"""What is wrong with the zone-based firewall as a whole, though each of its lines is right; and what then works of it.

A policy with a fault in it does not work in part: its zone pairs drop all flows until the fault is gone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from doorman.config.fault import Fault
from doorman.config.model import Config
from doorman.config.zones import (
    CLASS_DEFAULT,
    DEFAULT_MAP,
    SELF,
    Firewall,
    MatchClass,
    MatchList,
    Place,
    PolicyMap,
    classes_within,
)


def find_zone_faults(config: Config) -> Iterator[Fault]:
    """Every line of the firewall that names what does not exist."""
    firewall = config.firewall
    yield from _zone_faults(config)
    for policy in firewall.policy_maps.values():
        yield from _policy_faults(firewall, policy)
    for class_map in firewall.class_maps:
        yield from _class_faults(config, class_map)
    yield from _message_faults(firewall)
    for mapped in firewall.port_maps:
        if mapped.access_list is not None and mapped.access_list not in config.access_lists:
            place = Place("port-map", mapped.protocol, mapped)
            yield Fault(place, "acl", f"% Access list {mapped.access_list} does not exist")


def _zone_faults(config: Config) -> Iterator[Fault]:
    firewall = config.firewall
    for interface in config.interfaces.values():
        if interface.zone is not None and interface.zone not in firewall.zones:
            place = Place("zone-member", interface.name, interface.zone)
            yield Fault(place, "zone", f"% Zone {interface.zone} not configured")
    for pair in firewall.zone_pairs.values():
        for parameter, zone in (("source", pair.source), ("destination", pair.destination)):
            if zone != SELF and zone not in firewall.zones:
                yield Fault(Place("zone-pair", pair.name), parameter, f"% Zone {zone} not configured")
        if pair.policy is not None and pair.policy not in firewall.policy_maps:
            place = Place("service-policy", pair.name, pair.policy)
            yield Fault(place, "policy", f"% Policy-map {pair.policy} not configured")


def _policy_faults(firewall: Firewall, policy: PolicyMap) -> Iterator[Fault]:
    for one in policy.classes:
        if one.class_map != CLASS_DEFAULT and one.class_map not in firewall.class_maps:
            place = Place("policy-map", policy.name, one.class_map)
            yield Fault(place, "class_map", f"% Class-map {one.class_map} not configured")
        if one.application is not None and one.application not in firewall.message_policies:
            place = Place("application", policy.name, (one.class_map, *one.application))
            yield Fault(place, "name", f"% Policy-map {one.application[1]} not configured")
        named = one.parameter_map
        if named not in {None, DEFAULT_MAP} and named not in firewall.parameter_maps:
            place = Place("inspect", policy.name, (one.class_map, named))
            yield Fault(place, "parameters", f"% Parameter-map {named} not configured")


def _message_faults(firewall: Firewall) -> Iterator[Fault]:
    """What classes of messages and policies for them name."""
    for policy in firewall.message_policies.values():
        for rule in policy.rules:
            if (policy.protocol, rule.class_map) not in firewall.message_classes:
                place = Place(f"{policy.protocol}-policy-map", policy.name, rule.class_map)
                yield Fault(place, "class_map", f"% Class-map {rule.class_map} not configured")
    for one in firewall.message_classes.values():
        for criterion in one.criteria:
            if criterion.test == "regex" and criterion.operand not in firewall.regexes:
                place = Place(f"{one.protocol}-class-map", one.name, criterion)
                yield Fault(place, "patterns", f"% Parameter-map {criterion.operand} not configured")


def _class_faults(config: Config, name: str) -> Iterator[Fault]:
    for match in config.firewall.class_maps[name].matches:
        place = Place("class-map", name, match)
        if isinstance(match, MatchList) and match.access_list not in config.access_lists:
            yield Fault(place, "acl", f"% Access list {match.access_list} does not exist")
        elif isinstance(match, MatchClass) and match.class_map not in config.firewall.class_maps:
            yield Fault(place, "other", f"% Class-map {match.class_map} not configured")


def without_faulty(firewall: Firewall, faults: Iterable[Fault]) -> Firewall:
    """The firewall without the policies in which there are faults: whoever names one that is not there drops all."""
    places = [fault.rule for fault in faults if isinstance(fault.rule, Place)]
    classes = {place.name for place in places if place.section == "class-map"}
    policies = {place.name for place in places if place.section in {"policy-map", "inspect", "application"}}
    faulty = _faulty_applications(firewall, places)
    for policy in firewall.policy_maps.values():
        if any(classes & {*classes_within(firewall.class_maps, one.class_map)} for one in policy.classes):
            policies.add(policy.name)
        if any(one.application in faulty for one in policy.classes):
            policies.add(policy.name)
    known = {name: policy for name, policy in firewall.policy_maps.items() if name not in policies}
    lists = {place.said for place in places if place.section == "port-map"}
    maps = {mapped: None for mapped in firewall.port_maps if mapped not in lists}
    return replace(firewall, policy_maps=known, port_maps=maps)


def _faulty_applications(firewall: Firewall, places: list[Place]) -> set[tuple[str, str] | None]:
    """The policies for messages in which something is missing, or in whose classes."""
    said = {(place.section, place.name) for place in places}
    return {
        key
        for key, policy in firewall.message_policies.items()
        if (f"{policy.protocol}-policy-map", policy.name) in said
        or any((f"{policy.protocol}-class-map", rule.class_map) in said for rule in policy.rules)
    }
