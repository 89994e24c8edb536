"""`clear ip nat …`, `clear alg …`: ends translations, begins counting anew.

The records of calls are the SIP ALG's own: `clear` frees none of them, and their doors stay.
"""

from functools import partial
from typing import Literal

from doorman.algs.api import PROTOCOL_NUMBERS
from doorman.algs.registry import ENTRIES
from doorman.cli.gateway import Selection
from doorman.cli.shell.commands.vrf import OF_VRF, OF_VRF_HELP
from doorman.cli.shell.terminal import Terminal
from doorman.config.command import Command, Refused
from doorman.config.commands.vrf import require_vrf
from doorman.config.statics import Transport
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import ESP

_Forced = Literal["forced"]


def _all(terminal: Terminal, *, vrf: str | None = None, forced: _Forced | None = None) -> None:
    """End all dynamic translations; calls keep their records and doors. `forced`: names kept for later go, too."""
    require_vrf(terminal.gateway.config, vrf)
    terminal.gateway.clear_translations(Selection(vrf=vrf), forced=forced is not None)


def _hosts(  # noqa: PLR0913 - one parameter for each variable of the command
    terminal: Terminal,
    *,
    global_ip: Address | None = None,
    local_ip: Address | None = None,
    outside_local_ip: Address | None = None,
    outside_global_ip: Address | None = None,
    vrf: str | None = None,
    forced: _Forced | None = None,
) -> None:
    """End the translations of an inside host, of an outside host, or between the two."""
    _clear(
        terminal,
        Selection(None, _host(global_ip), _host(local_ip), _host(outside_local_ip), _host(outside_global_ip), vrf),
        forced,
    )


def _ports(  # noqa: PLR0913 - one parameter for each variable of the command
    terminal: Terminal,
    *,
    transport: Transport,
    global_ip: Address,
    global_port: int,
    local_ip: Address,
    local_port: int,
    outside_local_ip: Address | None = None,
    outside_local_port: int = 0,
    outside_global_ip: Address | None = None,
    outside_global_port: int = 0,
    vrf: str | None = None,
    forced: _Forced | None = None,
) -> None:
    """End the translations of one port of an inside host, or one flow of it."""
    _clear(
        terminal,
        Selection(
            PROTOCOL_NUMBERS[transport],
            Endpoint(global_ip, global_port),
            Endpoint(local_ip, local_port),
            _host(outside_local_ip, outside_local_port),
            _host(outside_global_ip, outside_global_port),
            vrf,
        ),
        forced,
    )


def _esp(terminal: Terminal) -> None:
    """End all tunnels of ESP that is told apart by SPI."""
    _clear(terminal, Selection(ESP), None)


def _host(address: Address | None, port: int = 0) -> Endpoint | None:
    return Endpoint(address, port) if address is not None else None


def _clear(terminal: Terminal, selection: Selection, forced: _Forced | None) -> None:
    require_vrf(terminal.gateway.config, selection.vrf)
    if not terminal.gateway.clear_translations(selection, forced=forced is not None):
        raise Refused("% Translation not found")


def _statistics(terminal: Terminal) -> None:
    """Begin all counters at zero."""
    terminal.gateway.clear_statistics()


def _alg_statistics(alg: str, terminal: Terminal) -> None:
    """Begin the counters of the ALG at zero."""
    terminal.gateway.clear_alg_statistics(alg)


def _clears(alg: str) -> Command:
    """The command for the counters of an ALG."""
    action = partial(_alg_statistics, alg)
    action.__doc__ = _alg_statistics.__doc__
    return Command(f"clear alg {alg} statistics", _ALG_HELP | {alg: f"{alg.upper()} protocol"}, action)


_HELP = {
    "clear": "Reset functions",
    "ip": "IP",
    "nat": "Clear NAT",
    "translation": "Clear dynamic translation",
    "statistics": "Clear translation statistics",
    "*": "Delete all dynamic translations",
    **OF_VRF_HELP,
    "forced": "Also names that nobody uses, and that are kept for a while",
    "tcp": "Transmission Control Protocol",
    "udp": "User Datagram Protocol",
    "esp": "IPsec ESP, by SPI",
    "inside": "Inside addresses (and ports)",
    "outside": "Outside addresses (and ports)",
    "GLOBAL-IP": "Inside global IP address",
    "GLOBAL-PORT": "Inside global port",
    "LOCAL-IP": "Inside local IP address",
    "LOCAL-PORT": "Inside local port",
    "OUTSIDE-LOCAL-IP": "Outside local IP address",
    "OUTSIDE-LOCAL-PORT": "Outside local port",
    "OUTSIDE-GLOBAL-IP": "Outside global IP address",
    "OUTSIDE-GLOBAL-PORT": "Outside global port",
}
_ALG_HELP = _HELP | {"alg": "Application-level gateways", "statistics": "Clear its counters"}
_PORT = "1-65535"
_FORCED = f"{OF_VRF} [FORCED:forced]"
_OUTSIDE = "outside OUTSIDE-LOCAL-IP:ipv4 OUTSIDE-GLOBAL-IP:ipv4"

COMMANDS = (
    Command(f"clear ip nat translation {{* {_FORCED} | FORCED:forced}}", _HELP, _all),
    Command(
        f"clear ip nat translation {{inside GLOBAL-IP:ipv4 LOCAL-IP:ipv4 [{_OUTSIDE}] | {_OUTSIDE}}} {_FORCED}",
        _HELP,
        _hosts,
    ),
    Command(
        "clear ip nat translation TRANSPORT:tcp|udp "
        f"inside GLOBAL-IP:ipv4 GLOBAL-PORT:{_PORT} LOCAL-IP:ipv4 LOCAL-PORT:{_PORT} "
        f"[outside OUTSIDE-LOCAL-IP:ipv4 OUTSIDE-LOCAL-PORT:{_PORT} "
        f"OUTSIDE-GLOBAL-IP:ipv4 OUTSIDE-GLOBAL-PORT:{_PORT}] {_FORCED}",
        _HELP,
        _ports,
    ),
    Command("clear ip nat translation esp", _HELP, _esp),
    Command("clear ip nat statistics", _HELP, _statistics),
    *map(_clears, ENTRIES),
)
