"""`show ip nat …`: the tables and the counters of the NAT."""

from typing import Literal

from doorman.cli.shell.commands.vrf import OF_VRF, OF_VRF_HELP, of_vrf
from doorman.cli.shell.commands.words import IP_NAT, SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.doors import live_doors
from doorman.cli.show.statistics import show_statistics
from doorman.cli.show.translations import (
    chosen,
    counted_translations,
    live_translations,
    total_translations,
    verbose_translations,
)
from doorman.config.command import Command
from doorman.net.addresses import Address


def _translations(  # noqa: PLR0913 - one parameter for each variable of the command
    terminal: Terminal,
    *,
    protocol: Literal["tcp", "udp", "icmp", "esp"] | None = None,
    global_ip: Address | None = None,
    outside_ip: Address | None = None,
    vrf: str | None = None,
    verbose: Literal["verbose"] | None = None,
    total: Literal["total"] | None = None,
) -> Output:
    """Show translations, the gateway's own and the kernel's; `verbose`: age, use, counters too; `total`: how many."""
    found = of_vrf(terminal, terminal.gateway.translations(verbose=verbose is not None), vrf)
    wanted = chosen(found, protocol, global_ip, outside_ip)
    if total:
        return Output(counted_translations(wanted), total_translations)
    return Output(wanted, verbose_translations if verbose else live_translations)


def _statistics(terminal: Terminal) -> Output:
    """Show how many translations, doors and packets there are and were, and what was dropped."""
    return Output(terminal.gateway.statistics(), show_statistics)


def _doors(terminal: Terminal, *, vrf: str | None = None) -> Output:
    """Show the flows that were announced and have not come yet."""
    return Output(of_vrf(terminal, terminal.gateway.doors(), vrf), live_doors)


_HELP = (
    SHOW
    | IP_NAT
    | OF_VRF_HELP
    | {
        "translations": "Translation entries",
        "tcp": "Transmission Control Protocol",
        "udp": "User Datagram Protocol",
        "icmp": "Internet Control Message Protocol",
        "esp": "IPsec ESP, by SPI",
        "inside": "Only those with an inside global address",
        "GLOBAL-IP": "Inside global IP address",
        "outside": "Only those with an outside local address",
        "OUTSIDE-IP": "Outside local IP address",
        "verbose": "Show extra information",
        "total": "Show how many there are",
        "statistics": "Translation statistics",
        "doors": "Doors: announced flows that may come in",
    }
)

COMMANDS = (
    Command(
        "show ip nat translations [PROTOCOL:tcp|udp|icmp|esp] [inside GLOBAL-IP:ipv4] [outside OUTSIDE-IP:ipv4] "
        f"{OF_VRF} "
        "[{VERBOSE:verbose | TOTAL:total}]",
        _HELP,
        _translations,
    ),
    Command("show ip nat statistics", _HELP, _statistics),
    Command(f"show ip nat doors {OF_VRF}", _HELP, _doors),
)
