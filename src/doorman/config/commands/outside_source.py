"""`ip nat outside source`: what outside hosts are called inside."""

from typing import Literal, Unpack

from doorman.config.command import Command, Refused
from doorman.config.commands.static_rule import OF_OUTSIDE, Words, enter, network_length, remove, said_by
from doorman.config.commands.vrf import OF_VRF, OF_VRF_HELP, require_vrf
from doorman.config.commands.words import IP_NAT, TRANSPORT
from doorman.config.model import Config, OutsideSource
from doorman.config.statics import Static, StaticHost, StaticNetwork, StaticPort, Transport
from doorman.config.validity import prefix_length, require_host
from doorman.net.addresses import Address, Endpoint

_Match = Literal["match-in-vrf"]
_AddRoute = Literal["add-route"]


def _add_host(config: Config, *, global_ip: Address, local_ip: Address, **words: Unpack[Words]) -> StaticHost:
    """Let inside hosts know an outside host, all its protocols and ports, by an outside local address."""
    require_host(global_ip, "global_ip")
    require_host(local_ip, "local_ip")
    rule = StaticHost(global_ip, local_ip, **said_by(words))
    _add(config, rule)
    return rule


def _remove_host(config: Config, *, global_ip: Address, local_ip: Address, **words: Unpack[Words]) -> None:
    """Remove the translation."""
    remove(config.outside_statics, StaticHost(global_ip, local_ip, **said_by(words)))


def _add_port(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    *,
    transport: Transport,
    global_ip: Address,
    global_port: int,
    local_ip: Address,
    local_port: int,
    **words: Unpack[Words],
) -> StaticPort:
    """Let inside hosts know one port of an outside host by a port of an outside local address."""
    require_host(global_ip, "global_ip")
    require_host(local_ip, "local_ip")
    rule = StaticPort(transport, Endpoint(global_ip, global_port), local_ip, None, local_port, **said_by(words))
    _add(config, rule)
    return rule


def _remove_port(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    *,
    transport: Transport,
    global_ip: Address,
    global_port: int,
    local_ip: Address,
    local_port: int,
    **words: Unpack[Words],
) -> None:
    """Remove the translation."""
    end = Endpoint(global_ip, global_port)
    remove(config.outside_statics, StaticPort(transport, end, local_ip, None, local_port, **said_by(words)))


def _add_network(
    config: Config,
    *,
    global_ip: Address,
    local_ip: Address,
    mask: Address | None = None,
    length: int | None = None,
    **words: Unpack[Words],
) -> StaticNetwork:
    """Let inside hosts know each host of an outside network by the address with its place in an outside local one."""
    prefix = network_length(mask, length, global_ip=global_ip, local_ip=local_ip)
    rule = StaticNetwork(global_ip, local_ip, prefix, **said_by(words))
    _add(config, rule)
    return rule


def _remove_network(
    config: Config,
    *,
    global_ip: Address,
    local_ip: Address,
    mask: Address | None = None,
    length: int | None = None,
    **words: Unpack[Words],
) -> None:
    """Remove the translation."""
    prefix = prefix_length(mask, "mask") if mask is not None else length or 0
    remove(config.outside_statics, StaticNetwork(global_ip, local_ip, prefix, **said_by(words)))


def _add(config: Config, rule: Static) -> None:
    require_vrf(config, rule.vrf)
    enter(config.outside_statics, rule, OF_OUTSIDE)


def _add_list(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    *,
    acl: str,
    pool: str,
    vrf: str | None = None,
    match: _Match | None = None,
    add_route: _AddRoute | None = None,
) -> OutsideSource:
    """Give each outside host that the access list permits an outside local address, when its first packet comes."""
    require_vrf(config, vrf)
    rule = OutsideSource(acl, pool, add_route is not None, vrf, match is not None)
    for other in config.outside_sources:
        if (other.access_list, other.vrf) == (acl, vrf) and other != rule:
            raise Refused("% Dynamic mapping in use, cannot change", "acl")
    if rule not in config.outside_sources:
        config.outside_sources.append(rule)
    return rule


def _remove_list(
    config: Config,
    *,
    acl: str,
    pool: str,
    vrf: str | None = None,
    match: _Match | None = None,  # noqa: ARG001 - it need not be said
) -> None:
    """Remove the rule; translations by it end."""
    for rule in config.outside_sources:
        if (rule.access_list, rule.pool, rule.vrf) == (acl, pool, vrf):
            config.outside_sources.remove(rule)
            return
    raise Refused("% Dynamic mapping not found")


_OUTSIDE = (
    IP_NAT
    | OF_VRF_HELP
    | {
        "outside": "Outside address translation",
        "source": "Source address translation",
        "add-route": "Add a route to the outside local address, by the way to the global one",
    }
)
_HELP = (
    _OUTSIDE
    | TRANSPORT
    | {
        "static": "Specify static global->local mapping",
        "GLOBAL-IP": "Outside global IP address",
        "GLOBAL-PORT": "Outside global port",
        "LOCAL-IP": "Outside local IP address",
        "LOCAL-PORT": "Outside local port",
        "extendable": "Share hosts with other static translations that are extendable",
        "no-payload": "No translation of embedded address/port in the payload",
    }
)
_NETWORK_HELP = _HELP | {
    "network": "Subnet translation",
    "GLOBAL-IP": "Outside global network address",
    "LOCAL-IP": "Outside local network address",
    "MASK": "Network mask",
    "prefix-length": "Specify the prefix length",
    "LENGTH": "Prefix length",
}
_ROUTE = "[ADD-ROUTE:add-route]"
_SAID = f"[EXTENDABLE:extendable] {_ROUTE} [PAYLOAD:no-payload]"
_WORDS = "ip nat outside source"

COMMANDS = (
    Command(f"{_WORDS} static GLOBAL-IP:ipv4 LOCAL-IP:ipv4 [{OF_VRF}] ~ {_SAID}", _HELP, _add_host, _remove_host),
    Command(
        f"{_WORDS} static TRANSPORT:tcp|udp GLOBAL-IP:ipv4 GLOBAL-PORT:1-65535 "
        f"LOCAL-IP:ipv4 LOCAL-PORT:1-65535 [{OF_VRF}] ~ {_SAID}",
        _HELP,
        _add_port,
        _remove_port,
    ),
    Command(
        f"{_WORDS} static network GLOBAL-IP:ipv4 LOCAL-IP:ipv4 "
        f"{{MASK:ipv4 | LENGTH:slash | prefix-length LENGTH:1-32}} [{OF_VRF}] ~ {_SAID}",
        _NETWORK_HELP,
        _add_network,
        _remove_network,
    ),
    Command(
        f"{_WORDS} list ACL:access-list pool POOL:word [{OF_VRF}] ~ {_ROUTE}",
        _OUTSIDE
        | {
            "list": "Specify access list describing outside global addresses",
            "ACL": "Access list number or name for outside global addresses",
            "pool": "Name pool of outside local addresses",
            "POOL": "Pool name for outside local addresses",
        },
        _add_list,
        _remove_list,
    ),
)
