"""`ip nat inside source static`: hosts, ports and networks that are always seen under the same address."""

from typing import Unpack

from doorman.config.command import Command
from doorman.config.commands.static_rule import OF_INSIDE, Words, enter, network_length, remove, said_by
from doorman.config.commands.vrf import OF_VRF, OF_VRF_HELP, require_vrf
from doorman.config.commands.words import INSIDE_SOURCE, TRANSPORT
from doorman.config.model import Config
from doorman.config.statics import Static, StaticHost, StaticNetwork, StaticPort, Transport
from doorman.config.validity import prefix_length, require_host
from doorman.net.addresses import Address, Endpoint


def _add_host(config: Config, *, local_ip: Address, global_ip: Address, **words: Unpack[Words]) -> StaticHost:
    """Translate one inside host, all its protocols and ports, to a global address of its own."""
    require_host(local_ip, "local_ip")
    require_host(global_ip, "global_ip")
    rule = StaticHost(local_ip, global_ip, **said_by(words))
    _add(config, rule)
    return rule


def _remove_host(config: Config, *, local_ip: Address, global_ip: Address, **words: Unpack[Words]) -> None:
    """Remove the translation."""
    remove(config.statics, StaticHost(local_ip, global_ip, **said_by(words)))


def _add_port(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    *,
    transport: Transport,
    local_ip: Address,
    local_port: int,
    global_port: int,
    global_ip: Address | None = None,
    interface: str | None = None,
    **words: Unpack[Words],
) -> StaticPort:
    """Translate one port of an inside host to a port of a global address, or of the address of an interface."""
    require_host(local_ip, "local_ip")
    if global_ip is not None:
        require_host(global_ip, "global_ip")
    local = Endpoint(local_ip, local_port)
    rule = StaticPort(transport, local, global_ip, interface, global_port, **said_by(words))
    _add(config, rule)
    return rule


def _remove_port(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    *,
    transport: Transport,
    local_ip: Address,
    local_port: int,
    global_port: int,
    global_ip: Address | None = None,
    interface: str | None = None,
    **words: Unpack[Words],
) -> None:
    """Remove the translation."""
    local = Endpoint(local_ip, local_port)
    remove(config.statics, StaticPort(transport, local, global_ip, interface, global_port, **said_by(words)))


def _add_network(
    config: Config,
    *,
    local_ip: Address,
    global_ip: Address,
    mask: Address | None = None,
    length: int | None = None,
    **words: Unpack[Words],
) -> StaticNetwork:
    """Translate each host of an inside network to the one with the same place in a global network."""
    prefix = network_length(mask, length, local_ip=local_ip, global_ip=global_ip)
    rule = StaticNetwork(local_ip, global_ip, prefix, **said_by(words))
    _add(config, rule)
    return rule


def _remove_network(
    config: Config,
    *,
    local_ip: Address,
    global_ip: Address,
    mask: Address | None = None,
    length: int | None = None,
    **words: Unpack[Words],
) -> None:
    """Remove the translation."""
    prefix = prefix_length(mask, "mask") if mask is not None else length or 0
    remove(config.statics, StaticNetwork(local_ip, global_ip, prefix, **said_by(words)))


def _add(config: Config, rule: Static) -> None:
    require_vrf(config, rule.vrf)
    enter(config.statics, rule, OF_INSIDE)


_END = f"[{OF_VRF}] ~ [route-map ROUTE-MAP:word] [EXTENDABLE:extendable] [PAYLOAD:no-payload]"
_HELP = (
    INSIDE_SOURCE
    | TRANSPORT
    | OF_VRF_HELP
    | {
        "static": "Specify static local->global mapping",
        "LOCAL-IP": "Inside local IP address",
        "LOCAL-PORT": "Local port",
        "GLOBAL-IP": "Inside global IP address",
        "GLOBAL-PORT": "Global port",
        "interface": "Specify interface for global address",
        "INTERFACE": "Interface whose address is the global one",
        "route-map": "Use it for flows that a route-map permits",
        "ROUTE-MAP": "Name of the route map",
        "extendable": "Share names with other static translations that are extendable",
        "no-payload": "No translation of embedded address/port in the payload",
    }
)
_NETWORK_HELP = _HELP | {
    "network": "Subnet translation",
    "LOCAL-IP": "Inside local network address",
    "GLOBAL-IP": "Inside global network address",
    "MASK": "Network mask",
    "prefix-length": "Specify the prefix length",
    "LENGTH": "Prefix length",
}

COMMANDS = (
    Command(
        "ip nat inside source static LOCAL-IP:ipv4 GLOBAL-IP:ipv4 " + _END,
        _HELP,
        _add_host,
        _remove_host,
    ),
    Command(
        "ip nat inside source static TRANSPORT:tcp|udp LOCAL-IP:ipv4 LOCAL-PORT:1-65535 "
        "{GLOBAL-IP:ipv4 | interface INTERFACE:interface} GLOBAL-PORT:1-65535 " + _END,
        _HELP,
        _add_port,
        _remove_port,
    ),
    Command(
        "ip nat inside source static network LOCAL-IP:ipv4 GLOBAL-IP:ipv4 "
        "{MASK:ipv4 | LENGTH:slash | prefix-length LENGTH:1-32} " + _END,
        _NETWORK_HELP,
        _add_network,
        _remove_network,
    ),
)
