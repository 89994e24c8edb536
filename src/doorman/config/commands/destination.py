"""`ip nat inside destination list`: TCP connections to a virtual host are shared out among real ones."""

from collections.abc import Callable
from typing import Literal

from doorman.config.command import Command, Refused
from doorman.config.commands.vrf import OF_VRF, OF_VRF_HELP, require_vrf
from doorman.config.commands.words import IP_NAT
from doorman.config.model import Config, DynamicDestination


def _add(
    config: Config, *, acl: str, pool: str, vrf: str | None = None, match: Literal["match-in-vrf"] | None = None
) -> DynamicDestination:
    """Lead each new TCP connection from outside to an address that the list permits to the pool's next host."""
    require_vrf(config, vrf)
    rule = DynamicDestination(acl, pool, vrf, match is not None)
    for other in config.destinations:
        if (other.access_list, other.vrf) == (acl, vrf) and other != rule:
            raise Refused("% Dynamic mapping in use, cannot change", "acl")
    if rule not in config.destinations:
        config.destinations.append(rule)
    return rule


def _remove(
    config: Config,
    *,
    acl: str,
    pool: str,
    vrf: str | None = None,
    match: Literal["match-in-vrf"] | None = None,  # noqa: ARG001 - it need not be said
) -> None:
    """Remove the rule; connections that go by it end."""
    _take_out(config, lambda rule: (rule.access_list, rule.pool, rule.vrf) == (acl, pool, vrf))


def _remove_list(config: Config, *, acl: str) -> None:
    """Remove the rule by this list that is of no VRF; connections that go by it end."""
    _take_out(config, lambda rule: (rule.access_list, rule.vrf) == (acl, None))


def _take_out(config: Config, is_meant: Callable[[DynamicDestination], bool]) -> None:
    meant = next(filter(is_meant, config.destinations), None)
    if meant is None:
        raise Refused("% Dynamic mapping not found")
    config.destinations.remove(meant)


_LIST = "ip nat inside destination list ACL:access-list"
_HELP = IP_NAT | {
    "inside": "Inside address translation",
    "destination": "Destination address translation",
    "list": "Specify access list describing global addresses",
    "ACL": "Access list number or name for the addresses of virtual hosts",
}

COMMANDS = (
    Command(
        f"{_LIST} pool POOL:word [{OF_VRF}]",
        _HELP
        | OF_VRF_HELP
        | {"pool": "Name pool of local addresses", "POOL": "Pool name of the real hosts, of type rotary"},
        _add,
        _remove,
    ),
    Command(_LIST, _HELP, undo=_remove_list),
)
