"""`ip nat inside source static`: one host, or one port of a host, that is always seen under the same address."""

from typing import TypeVar

from doorman.config.command import Command, Refused
from doorman.config.commands.words import INSIDE_SOURCE, TRANSPORT
from doorman.config.model import Config, StaticHost, StaticPort, Transport
from doorman.config.validity import require_host
from doorman.net.addresses import Address, Endpoint, address_text

_Rule = TypeVar("_Rule")


def _add_host(config: Config, *, local_ip: Address, global_ip: Address) -> StaticHost:
    """Translate one inside host, all its protocols and ports, to a global address of its own."""
    require_host(local_ip, "local_ip")
    require_host(global_ip, "global_ip")
    for other in config.static_hosts:
        if other.local == local_ip or other.global_ == global_ip:
            raise Refused(similar_host(other), "local_ip" if other.local == local_ip else "global_ip")
    for port in config.static_ports:
        if port.local.address == local_ip or port.global_ == global_ip:
            raise Refused(similar_port(port), "local_ip" if port.local.address == local_ip else "global_ip")
    rule = StaticHost(local_ip, global_ip)
    config.static_hosts.append(rule)
    return rule


def _remove_host(config: Config, *, local_ip: Address, global_ip: Address) -> None:
    """Remove the translation."""
    _remove(config.static_hosts, StaticHost(local_ip, global_ip))


def _add_port(  # noqa: PLR0913 - one parameter for each variable of the command
    config: Config,
    *,
    transport: Transport,
    local_ip: Address,
    local_port: int,
    global_port: int,
    global_ip: Address | None = None,
    interface: str | None = None,
) -> StaticPort:
    """Translate one port of an inside host to a port of a global address, or of the address of an interface."""
    rule = StaticPort(transport, Endpoint(local_ip, local_port), global_ip, interface, global_port)
    require_host(local_ip, "local_ip")
    if global_ip is not None:
        require_host(global_ip, "global_ip")
    for host in config.static_hosts:
        if host.local == local_ip or host.global_ == global_ip:
            raise Refused(similar_host(host), "local_ip" if host.local == local_ip else "global_ip")
    for other in config.static_ports:
        if other.transport != transport:
            continue
        if other.local == rule.local:
            raise Refused(similar_port(other), "local_port")
        if (other.global_, other.interface, other.global_port) == (global_ip, interface, global_port):
            raise Refused(similar_port(other), "global_port")
    config.static_ports.append(rule)
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
) -> None:
    """Remove the translation."""
    local = Endpoint(local_ip, local_port)
    _remove(config.static_ports, StaticPort(transport, local, global_ip, interface, global_port))


def _remove(rules: list[_Rule], rule: _Rule) -> None:
    if rule not in rules:
        raise Refused("% Translation not found")
    rules.remove(rule)


def similar_host(rule: StaticHost) -> str:
    """The message about a static host that stands in the way of another static."""
    return _similar(f"{address_text(rule.local)} -> {address_text(rule.global_)}")


def similar_port(rule: StaticPort) -> str:
    """The message about a static port that stands in the way of another static."""
    seen_as = rule.interface if rule.global_ is None else address_text(rule.global_)
    return _similar(f"{rule.transport} {rule.local} -> {seen_as}:{rule.global_port}")


def _similar(what: str) -> str:
    return f"% similar static entry ({what}) already exists"


_HELP = (
    INSIDE_SOURCE
    | TRANSPORT
    | {
        "static": "Specify static local->global mapping",
        "LOCAL-IP": "Inside local IP address",
        "LOCAL-PORT": "Local port",
        "GLOBAL-IP": "Inside global IP address",
        "GLOBAL-PORT": "Global port",
        "interface": "Specify interface for global address",
        "INTERFACE": "Interface whose address is the global one",
    }
)

COMMANDS = (
    Command("ip nat inside source static LOCAL-IP:ipv4 GLOBAL-IP:ipv4", _HELP, _add_host, _remove_host),
    Command(
        "ip nat inside source static TRANSPORT:tcp|udp LOCAL-IP:ipv4 LOCAL-PORT:1-65535 "
        "{GLOBAL-IP:ipv4 | interface INTERFACE:interface} GLOBAL-PORT:1-65535",
        _HELP,
        _add_port,
        _remove_port,
    ),
)
