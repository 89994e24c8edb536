"""`show` and `clear` of the zone-based firewall."""

from typing import Any, Literal

from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.zones import (
    port_map_entries,
    show_class_maps,
    show_pairs,
    show_parameter_maps,
    show_policy_maps,
    show_port_maps,
    show_zone_pairs,
    show_zones,
)
from doorman.config.command import Command, Refused
from doorman.config.message_forms import FORMS
from doorman.dataplanes.report import Json


def _show_zone_pairs(
    terminal: Terminal, *, name: str | None = None, sessions: Literal["sessions"] | None = None
) -> Output:
    """Show what the policies of zone pairs did, class by class; with `sessions` also who talks to whom."""
    pairs = (pair for pair in terminal.gateway.zone_pairs() if name in {None, pair["name"]})
    return Output(pairs, lambda found: show_zone_pairs(found, sessions=sessions is not None))


def _show_zones(terminal: Terminal) -> Output:
    """Show the zones, and which interfaces are in them."""
    config = terminal.gateway.config
    members: dict[str, list[str]] = {name: [] for name in config.firewall.zones}
    for interface in config.interfaces.values():
        zone = config.firewall.zone_of(interface.zone)
        if zone in members:
            members[zone].append(interface.name)
    data = [{"name": name, "interfaces": interfaces} for name, interfaces in sorted(members.items())]
    return Output(data, lambda _: show_zones(config))


def _show_pairs(terminal: Terminal) -> Output:
    """Show the zone pairs, and which policies they ask."""
    config = terminal.gateway.config
    names = ("name", "source", "destination", "policy", "description")
    data: list[Json] = [
        {name: getattr(pair, name) for name in names} for _, pair in sorted(config.firewall.zone_pairs.items())
    ]
    return Output(data, lambda _: show_pairs(config))


def _show_class_maps(terminal: Terminal, *, name: str | None = None, protocol: str | None = None) -> Output:
    """Show the classes of traffic, or of an application's messages."""
    config = terminal.gateway.config
    return Output(_texts(show_class_maps(config, name, protocol)), iter)


def _show_policy_maps(terminal: Terminal, *, name: str | None = None, protocol: str | None = None) -> Output:
    """Show the policies, or those for an application's messages."""
    config = terminal.gateway.config
    return Output(_texts(show_policy_maps(config, name, protocol)), iter)


def _show_parameter_maps(terminal: Terminal, *, name: str | None = None) -> Output:
    """Show how sessions are kept, with what is at its default."""
    config = terminal.gateway.config
    return Output(_texts(show_parameter_maps(config, name)), iter)


def _show_port_maps(terminal: Terminal, *, application: str | None = None) -> Output:
    """Show at which ports applications are found: `match protocol` means these."""
    return Output(port_map_entries(terminal.gateway.config, application), show_port_maps)


def _texts(lines: Any) -> list[str]:  # noqa: ANN401 - lines
    return list(lines)


def _clear_counters(terminal: Terminal, *, name: str | None = None) -> None:
    """Begin counting at zero, at a zone pair or at all."""
    _require_pair(terminal, name)
    terminal.gateway.clear_zone_counters(name)


def _clear_sessions(terminal: Terminal, *, name: str | None = None) -> None:
    """End the sessions that a zone pair let begin, or all: what comes next of them is judged again."""
    _require_pair(terminal, name)
    terminal.gateway.clear_zone_sessions(name)


def _require_pair(terminal: Terminal, name: str | None) -> None:
    if name is not None and name not in terminal.gateway.config.firewall.zone_pairs:
        raise Refused(f"% Zone-pair {name} not configured", "name")


_HELP = SHOW | {
    "policy-map": "Show Policy Map",
    "class-map": "Show Class Map",
    "parameter-map": "Show Parameter Map",
    "ip": "IP information",
    "port-map": "Port to application mapping",
    "APPLICATION": "Application name",
    "type": "type of the map",
    "inspect": "Firewall maps",
    "zone-pair": "Zone-pair information",
    "zone": "Zone information",
    "security": "Security zones",
    "NAME": "Name",
    "sessions": "Show the sessions as well",
    **dict.fromkeys(FORMS, "Maps for messages of this application"),
}
_CLEAR = {
    "clear": "Reset functions",
    "zone-pair": "Zone-pair",
    "NAME": "Zone-pair name",
    "counters": "Clear the counters of policies",
    "inspect": "Inspect sessions",
    "sessions": "Clear inspect sessions",
}

_PROTOCOL = f"PROTOCOL:{'|'.join(sorted(FORMS))}"

SHOW_COMMANDS = (
    Command("show policy-map type inspect zone-pair [NAME:word] [SESSIONS:sessions]", _HELP, _show_zone_pairs),
    Command(f"show policy-map type inspect [{_PROTOCOL}] [NAME:word]", _HELP, _show_policy_maps),
    Command(f"show class-map type inspect [{_PROTOCOL}] [NAME:word]", _HELP, _show_class_maps),
    Command("show parameter-map type inspect [NAME:word]", _HELP, _show_parameter_maps),
    Command("show ip port-map [APPLICATION:application]", _HELP, _show_port_maps),
    Command("show zone security", _HELP, _show_zones),
    Command("show zone-pair security", _HELP, _show_pairs),
)

COMMANDS = (
    Command("clear zone-pair [NAME:word] counters", _CLEAR, _clear_counters),
    Command("clear zone-pair [NAME:word] inspect sessions", _CLEAR, _clear_sessions),
)
