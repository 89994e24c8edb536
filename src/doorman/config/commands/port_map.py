"""`ip port-map`: further ports at which applications are found."""

from doorman.config.command import Command, Refused
from doorman.config.model import Config
from doorman.config.port_map import WHOLE, PortMap, Transport
from doorman.config.zones import Place


def _add(
    config: Config, *, protocol: str, port: int, transport: Transport | None = None, acl: str | None = None
) -> Place:
    """Find the application at this port as well, and let its ALG listen there; with `list` at those servers only."""
    if protocol in WHOLE:
        raise Refused(f"% {protocol} has no port of its own", "protocol")
    mapped = PortMap(protocol, transport, port, acl)
    config.firewall.port_maps[mapped] = None
    return Place("port-map", protocol, mapped)


def _remove(
    config: Config, *, protocol: str, port: int, transport: Transport | None = None, acl: str | None = None
) -> None:
    """Find it there no more."""
    if config.firewall.port_maps.pop(PortMap(protocol, transport, port, acl), 0) is not None:
        raise Refused("% No such port map")


COMMANDS = (
    Command(
        "ip port-map PROTOCOL:application port [TRANSPORT:tcp|udp] PORT:1-65535 [list ACL:access-list]",
        {
            "ip": "Global IP configuration subcommands",
            "port-map": "Port to application mapping (PAM) configuration commands",
            "PROTOCOL": "Protocol name; those of your own begin with user-",
            "port": "Port configuration",
            "tcp": "TCP ports only",
            "udp": "UDP ports only",
            "PORT": "Port number",
            "list": "Specific servers",
            "ACL": "Access list number or name",
        },
        _add,
        _remove,
    ),
)
