"""`ip nat inside source {list | route-map}`: hosts or flows are seen under a pool or an interface's address."""

from typing import Literal

from doorman.config.command import Command, Refused
from doorman.config.commands.vrf import OF_VRF, OF_VRF_HELP, require_vrf
from doorman.config.commands.words import INSIDE_SOURCE
from doorman.config.model import Config, DynamicSource


def _add(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    *,
    acl: str = "",
    route_map: str | None = None,
    pool: str | None = None,
    interface: str | None = None,
    overload: Literal["overload"] | None = None,
    vrf: str | None = None,
    match: Literal["match-in-vrf"] | None = None,
) -> DynamicSource:
    """Translate what the list or route map permits; with `overload` many share an address by port."""
    require_vrf(config, vrf)
    rule = DynamicSource(acl, pool, interface, overload is not None, vrf, match is not None, route_map)
    for other in config.dynamic_sources:
        if (other.chosen_by, other.vrf) == (rule.chosen_by, rule.vrf) and other != rule:
            raise Refused("% Dynamic mapping in use, cannot change", "acl" if acl else "route_map")
    if rule not in config.dynamic_sources:
        config.dynamic_sources.append(rule)
    return rule


def _remove(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    *,
    acl: str = "",
    route_map: str | None = None,
    pool: str | None = None,
    interface: str | None = None,
    vrf: str | None = None,
    match: Literal["match-in-vrf"] | None = None,  # noqa: ARG001 - see below
) -> None:
    """Remove the rule; `overload` and `match-in-vrf` need not be said."""
    for rule in config.dynamic_sources:
        chosen = rule.access_list, rule.route_map, rule.pool, rule.interface, rule.vrf
        if chosen == (acl, route_map, pool, interface, vrf):
            config.dynamic_sources.remove(rule)
            return
    raise Refused("% Dynamic mapping not found")


COMMANDS = (
    Command(
        "ip nat inside source {list ACL:access-list | route-map ROUTE-MAP:word} "
        "{pool POOL:word | interface INTERFACE:interface} "
        f"[{OF_VRF}] ~ [OVERLOAD:overload]",
        INSIDE_SOURCE
        | OF_VRF_HELP
        | {
            "list": "Specify access list describing local addresses",
            "ACL": "Access list number or name for local addresses",
            "route-map": "Specify route-map",
            "ROUTE-MAP": "Name of the route map that says which flows",
            "pool": "Name pool of global addresses",
            "POOL": "Pool name for global addresses",
            "interface": "Specify interface for global address",
            "INTERFACE": "Interface whose address is the global one",
            "overload": "Overload an address translation",
        },
        _add,
        _remove,
    ),
)
