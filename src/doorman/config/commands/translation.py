"""`ip nat translation`: how long a translation lives that nobody uses."""

from dataclasses import asdict, replace

from doorman.config.command import Command
from doorman.config.commands.words import IP_NAT, TRANSPORT
from doorman.config.model import Config, Timeouts
from doorman.config.statics import Transport

FIELDS = {
    "timeout": "translation",
    "tcp-timeout": "tcp",
    "udp-timeout": "udp",
    "icmp-timeout": "icmp",
    "dns-timeout": "dns",
    "finrst-timeout": "finrst",
    "syn-timeout": "syn",
    "pptp-timeout": "pptp",
}
"""The keyword of each timeout, and the field of `Timeouts` it sets."""

SECONDS = "1-536870"
"""The seconds a timeout may have, as on IOS XE."""

_DEFAULTS = Timeouts()


def _set(config: Config, *, which: str, seconds: int | None = None) -> None:
    """Set how long an unused translation lives, in seconds, or `never` to keep it."""
    config.timeouts = Timeouts(**asdict(config.timeouts) | {FIELDS[which]: seconds})


def _reset(config: Config, *, which: str) -> None:
    """Go back to the default."""
    _set(config, which=which, seconds=getattr(_DEFAULTS, FIELDS[which]))


def _set_port(config: Config, *, transport: Transport, port: int, seconds: int | None = None) -> None:
    """Set the timeout of the translations to one destination port."""
    _reset_port(config, transport=transport, port=port)
    ports = (*config.timeouts.ports, (transport, port, seconds))
    config.timeouts = replace(config.timeouts, ports=tuple(sorted(ports, key=lambda entry: entry[:2])))


def _reset_port(config: Config, *, transport: Transport, port: int) -> None:
    """Let the port have the timeout of its protocol again."""
    kept = tuple(entry for entry in config.timeouts.ports if entry[:2] != (transport, port))
    config.timeouts = replace(config.timeouts, ports=kept)


_HELP = (
    IP_NAT
    | TRANSPORT
    | {
        "translation": "NAT translation entry configuration",
        "timeout": "Specify timeout for dynamic NAT translations",
        "tcp-timeout": "Specify timeout for NAT TCP flows",
        "udp-timeout": "Specify timeout for NAT UDP flows",
        "icmp-timeout": "Specify timeout for NAT ICMP flows",
        "dns-timeout": "Specify timeout for NAT DNS flows",
        "finrst-timeout": "Specify timeout for NAT TCP flows after a FIN or RST",
        "syn-timeout": "Specify timeout for NAT TCP flows after a SYN and no further data",
        "pptp-timeout": "Specify timeout for NAT PPTP flows: TCP port 1723, and GRE",
        "port-timeout": "Specify timeout for NAT TCP/UDP port specific flows",
        "PORT": "Port number",
        "SECONDS": "Timeout in seconds",
        "never": "Never timeout",
    }
)

COMMANDS = (
    Command(f"ip nat translation WHICH:{'|'.join(FIELDS)} ~ {{SECONDS:{SECONDS} | never}}", _HELP, _set, _reset),
    Command(
        f"ip nat translation port-timeout TRANSPORT:tcp|udp PORT:1-65535 ~ {{SECONDS:{SECONDS} | never}}",
        _HELP,
        _set_port,
        _reset_port,
    ),
)
