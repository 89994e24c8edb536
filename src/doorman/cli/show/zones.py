"""`show policy-map type inspect zone-pair` and what else there is to show of the zone-based firewall, as IOS does."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count

from doorman.cli.show.durations import duration
from doorman.config.access_lists import Ports
from doorman.config.commands.parameter_map import NUMBERS
from doorman.config.model import Config
from doorman.config.port_map import NAMES, WHOLE
from doorman.config.protocol_names import protocol_text
from doorman.config.render_zones import class_map_lines, message_class_lines, message_policy_lines, policy_map_lines
from doorman.config.zones import DEFAULT_MAP, SELF
from doorman.dataplanes.report import Json

_STATES = {"SIS_OPEN": "Established", "SIS_OPENING": "Half-open", "SIS_CLOSING": "Terminating"}
_ACTIONS = {"inspect": "Inspect", "pass": "Pass", "drop": "Drop"}


def show_zone_pairs(pairs: Iterable[Json], *, sessions: bool = False) -> Iterator[str]:
    """Each zone pair with what the classes of its policy did; with `sessions` also who talks to whom."""
    for pair in pairs:
        yield f"Zone-pair: {pair['name']}"
        yield ""
        if pair["policy"] is None:
            yield "  Service-policy inspect : not configured, all is dropped"
            yield ""
            continue
        yield f"  Service-policy inspect : {pair['policy']}"
        yield ""
        for one in pair["classes"]:
            yield from _class(one, sessions=sessions)
            yield ""


def show_zones(config: Config) -> Iterator[str]:
    """`show zone security`: each zone with the interfaces in it."""
    yield f"zone {SELF}"
    yield "  Description: System Defined Zone"
    for name, zone in sorted(config.firewall.zones.items()):
        yield ""
        yield f"zone {name}"
        if zone.description:
            yield f"  Description: {zone.description}"
        yield "  Member Interfaces:"
        for interface in config.interfaces.values():
            if config.firewall.zone_of(interface.zone) == name:
                yield f"    {interface.name}"
    if config.firewall.zones:
        yield ""
        yield "IPv6 between zones is dropped: policies are about IPv4"


def show_pairs(config: Config) -> Iterator[str]:
    """`show zone-pair security`: each pair with its policy."""
    for name, pair in sorted(config.firewall.zone_pairs.items()):
        yield f"Zone-pair name {name}"
        if pair.description:
            yield f"    Description: {pair.description}"
        yield f"    Source-Zone {pair.source}  Destination-Zone {pair.destination}"
        yield f"    service-policy {pair.policy or 'not configured'}"


def show_parameter_maps(config: Config, name: str | None) -> Iterator[str]:
    """`show parameter-map type inspect`: all that each says, defaults too; the one named `default` is always there."""
    known = {DEFAULT_MAP: config.firewall.parameters(DEFAULT_MAP)} | config.firewall.parameter_maps
    for _, one in sorted(known.items()):
        if name in {None, one.name}:
            yield f"parameter-map type inspect {one.name}"
            yield from ([f" description {one.description}"] if one.description else [])
            yield f" alert {'on' if one.alert else 'off'}"
            yield f" audit-trail {'on' if one.audit_trail else 'off'}"
            yield from (f" {number.words} {_number(getattr(one, number.field))}" for number in NUMBERS)
            yield f" tcp max-incomplete host {_number(one.tcp_host_incomplete)} block-time {one.tcp_host_block}"
            yield f" log dropped-packets {'enable' if one.log_dropped else 'disable'}"
            yield ""


def _number(value: int | None) -> str:
    return "unlimited" if value is None else str(value)


def show_port_maps(entries: Iterable[Json]) -> Iterator[str]:
    """`show ip port-map`: where applications are found."""
    for one in entries:
        kind = "Default" if one["by"] == "system" else "User" if one["access_list"] is None else "Host"
        where = f"{one['transport']} port {','.join(map(str, one['ports']))}"
        servers = f" in list {one['access_list']}" if one["access_list"] else ""
        yield f"{kind:<7} mapping:  {one['protocol']:<20} {where}{servers}"


def port_map_entries(config: Config, name: str | None) -> Iterator[Json]:
    """The ports of each application: those that it has by itself, or its ALG listens at, and those of `ip port-map`."""
    mapped = config.firewall.port_maps
    names = dict.fromkeys((*NAMES, *(one.protocol for one in mapped)))
    for protocol in sorted(names.keys() - WHOLE.keys()):
        if name not in {None, protocol}:
            continue
        plain = replace(config, firewall=replace(config.firewall, port_maps={}))
        for service in plain.application(protocol)[None]:
            yield _port_map(protocol, protocol_text(service.protocols[0]), service.destination_ports, None, "system")
        for one in mapped:
            if one.protocol == protocol:
                for transport in one.transports:
                    yield _port_map(protocol, transport, Ports("eq", (one.port,)), one.access_list, "user")


def _port_map(protocol: str, transport: str, ports: Ports | None, access_list: str | None, by: str) -> Json:
    numbers = list(ports.values) if ports is not None else []
    return {"protocol": protocol, "transport": transport, "ports": numbers, "access_list": access_list, "by": by}


def show_class_maps(config: Config, name: str | None, protocol: str | None = None) -> Iterator[str]:
    """`show class-map type inspect`; with a protocol, the classes of its messages."""
    numbers = count(1)
    firewall = config.firewall
    maps = [(one.name, class_map_lines(one)) for _, one in sorted(firewall.class_maps.items())]
    if protocol is not None:
        classes = (one for _, one in sorted(firewall.message_classes.items()) if one.protocol == protocol)
        maps = [(one.name, message_class_lines(one)) for one in classes]
    for known, (head, *lines) in maps:
        number = next(numbers)
        if name in {None, known}:
            yield f" {_title(head, 'class-map', 'Class Map')} (id {number})"
            yield from (f"  {line.replace(' match ', ' Match ')}" for line in lines or [" match none"])
            yield ""


def show_policy_maps(config: Config, name: str | None, protocol: str | None = None) -> Iterator[str]:
    """`show policy-map type inspect`; with a protocol, the policies for its messages."""
    firewall = config.firewall
    maps = [(one.name, policy_map_lines(one)) for _, one in sorted(firewall.policy_maps.items())]
    if protocol is not None:
        policies = (one for _, one in sorted(firewall.message_policies.items()) if one.protocol == protocol)
        maps = [(one.name, message_policy_lines(one)) for one in policies]
    for known, (head, *lines) in maps:
        if name in {None, known}:
            yield f"  {_title(head, 'policy-map', 'Policy Map')}"
            yield from map(_policy_line, lines)
            yield ""


def _policy_line(line: str) -> str:
    if line.startswith(" class "):
        return f"    Class {line.rsplit(maxsplit=1)[-1]}"
    word, _, rest = line.strip().partition(" ")
    indented = "      " if line.startswith("  ") else "    "
    return f"{indented}{word.capitalize()} {rest}".rstrip()


def _title(line: str, keyword: str, words: str) -> str:
    return line.replace(keyword, words, 1)


def _class(one: Json, *, sessions: bool) -> Iterator[str]:
    yield f"    Class-map: {one['class_map']} ({one['kind']})"
    yield from (f"      Match: {match}" for match in one["matches"])
    yield f"      {_ACTIONS[one['action']]}{' log' if one['log'] else ''}{_parameters(one)}"
    if one["application"] is not None:
        yield f"      Service-policy: {one['application']}"
    if one["police"] is not None:
        yield f"      Police: rate {one['police']['rate']} bps, burst {one['police']['burst']} bytes"
    if one["action"] != "drop":
        yield f"        {one['packets']} packets, {one['bytes']} bytes"
    if one["action"] == "inspect":
        yield from _sessions(one, listed=sessions)
    if one["action"] == "drop" or one["drops"]:
        yield f"        {one['drops']} packets dropped, {one['drop_bytes']} bytes"
        yield from (f"          {reason} {count}" for reason, count in one["reasons"].items())


def _parameters(one: Json) -> str:
    return f" parameter-map {one['parameter_map']}" if one["parameter_map"] else ""


def _sessions(one: Json, *, listed: bool) -> Iterator[str]:
    grouped: dict[str, list[Json]] = {state: [] for state in _STATES}
    for session in one["sessions"]:
        grouped[session["state"]].append(session)
    numbers = ":".join(str(len(some)) for some in grouped.values())
    yield f"        Session creations since subsystem startup or last reset {one['flows']}"
    yield f"        Current session counts (estab/half-open/terminating) [{numbers}]"
    for state, some in grouped.items():
        if listed and some:
            yield f"        {_STATES[state]} Sessions"
            for session in some:
                ends = f"({session['initiator']})=>({session['responder']})"
                yield f"         Session {ends} {session['protocol']} {state}"
                created = "" if session["created"] is None else f"Created {duration(session['created'])}, "
                yield f"          {created}Last heard {duration(session['heard'])}"
                sent = ":".join(map(str, session["sent"]))
                yield f"          Bytes sent (initiator:responder) [{sent}]"
