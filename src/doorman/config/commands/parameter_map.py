"""`parameter-map type inspect`: how the firewall keeps sessions; timeouts, limits, and what it tells."""

from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple

from doorman.config.command import Command, Refused
from doorman.config.commands.settings import described
from doorman.config.model import Config
from doorman.config.zones import GLOBAL_MAP, ParameterMap

_MOST = 2_147_483_647
_DEFAULTS = ParameterMap("")


class Number(NamedTuple):
    """A number of a parameter map: its field, the words of its command, its range, and what it does."""

    field: str
    words: str
    values: str
    effect: str


NUMBERS = (
    Number("dns_timeout", "dns-timeout", f"1-{_MOST}", "End a session of DNS after so many seconds without a packet."),
    Number(
        "icmp_idle", "icmp idle-time", f"1-{_MOST}", "End a session of ICMP after so many seconds without a packet."
    ),
    Number("max_incomplete_low", "max-incomplete low", f"1-{_MOST}", "End half-open sessions until so many remain."),
    Number("max_incomplete_high", "max-incomplete high", f"1-{_MOST}", "Have no more half-open sessions than this."),
    Number(
        "one_minute_low", "one-minute low", f"1-{_MOST}", "Let old half-open sessions be when so few come a minute."
    ),
    Number(
        "one_minute_high", "one-minute high", f"1-{_MOST}", "End an old half-open session for each above this rate."
    ),
    Number("sessions_maximum", "sessions maximum", f"1-{_MOST}", "Have no more sessions of the class than this."),
    Number("tcp_finwait", "tcp finwait-time", f"1-{_MOST}", "End a session so many seconds after both sides closed."),
    Number("tcp_idle", "tcp idle-time", f"1-{_MOST}", "End a session of TCP after so many seconds without a packet."),
    Number(
        "tcp_synwait", "tcp synwait-time", f"1-{_MOST}", "End a session that is not established in so many seconds."
    ),
    Number("udp_idle", "udp idle-time", f"1-{_MOST}", "End a session of UDP after so many seconds without a packet."),
)
"""In the order in which they are written."""

SWITCHES = {
    "alert": "Tell when a limit is passed.",
    "audit-trail": "Tell of the beginning and the end of each session.",
}


def _enter(config: Config, *, name: str = GLOBAL_MAP) -> str:
    """Say how sessions are kept: of `inspect NAME`, of `inspect` alone (`default`), of all together (`global`)."""
    config.firewall.parameter_maps.setdefault(name, ParameterMap(name))
    return name


def _remove(config: Config, *, name: str = GLOBAL_MAP) -> None:
    """Remove the parameter map, which no policy may use any more."""
    if name not in config.firewall.parameter_maps:
        raise Refused(f"% Parameter-map {name} not configured", "name")
    for policy in config.firewall.policy_maps.values():
        if any(one.parameter_map == name for one in policy.classes):
            raise Refused(f"% Parameter-map {name} is being used by policy-map {policy.name}, remove it first", "name")
    del config.firewall.parameter_maps[name]


def _set(field: str, config: Config, name: str, *, value: int) -> None:
    _change(config, name, **{field: value})


def _reset(field: str, config: Config, name: str) -> None:
    _change(config, name, **{field: getattr(_DEFAULTS, field)})


def _switch(field: str, config: Config, name: str, *, state: Literal["on", "off"]) -> None:
    _change(config, name, **{field: state == "on"})


def _limit_host(config: Config, name: str, *, most: int, minutes: int = 0) -> None:
    """Have no more half-open connections to one host; block it for so many minutes when there are more."""
    _change(config, name, tcp_host_incomplete=most, tcp_host_block=minutes)


def _no_host_limit(config: Config, name: str) -> None:
    """Go back to no limit."""
    _change(config, name, tcp_host_incomplete=None, tcp_host_block=0)


def _log_dropped(config: Config, name: str, *, state: Literal["enable", "disable"] = "enable") -> None:
    """Tell of every packet that the firewall drops; of the map `global`."""
    _change(config, name, log_dropped=state == "enable")


def _no_log_dropped(config: Config, name: str) -> None:
    """Tell only where a policy says `drop log`."""
    _change(config, name, log_dropped=False)


def _describe(config: Config, name: str, *, text: str) -> None:
    """Say in words what the parameters are for."""
    _change(config, name, description=text)


def _no_description(config: Config, name: str) -> None:
    """Remove the description."""
    _change(config, name, description="")


def _change(config: Config, name: str, **values: Any) -> None:  # noqa: ANN401 - of the fields' types
    maps = config.firewall.parameter_maps
    maps[name] = replace(maps[name], **values)


_HELP = {
    "parameter-map": "Configure Parameter Map",
    "type": "type of the parameter-map",
    "inspect": "Parameter-map of inspect actions",
    "inspect-global": "The same as inspect global",
    "NAME": "Parameter-map name; default: of inspect without a name; global: of all sessions together",
    "dns-timeout": "Specify timeout for DNS",
    "icmp": "Config timeout values for icmp",
    "idle-time": "Specify idle timeout",
    "max-incomplete": "Specify maximum number of incomplete sessions",
    "one-minute": "Specify one-minute-sample watermarks",
    "low": "Specify low-watermark",
    "high": "Specify high-watermark",
    "sessions": "Specify session parameters",
    "maximum": "Specify maximum number of sessions",
    "tcp": "Config timeout values for tcp connections",
    "finwait-time": "Specify timeout for TCP connections after a FIN",
    "synwait-time": "Specify timeout for TCP connections after a SYN",
    "udp": "Config timeout values for udp flows",
    "VALUE": "Seconds, or how many",
    "alert": "Turn on/off alert",
    "audit-trail": "Turn on/off audit trail",
    "on": "Turn it on",
    "off": "Turn it off",
    "host": "Specify maximum number of half-open connections per host",
    "MOST": "How many",
    "block-time": "Specify for how long such a host is blocked",
    "MINUTES": "Minutes",
    "log": "Specify log parameters",
    "dropped-packets": "Log the packets dropped by the firewall",
    "enable": "Turn on",
    "disable": "Turn off",
    "description": "Parameter-map description",
    "TEXT": "Up to the end of the line",
}

COMMANDS = (
    Command("parameter-map type {inspect NAME:word | inspect-global}", _HELP, _enter, _remove, enters="parameter-map"),
)


def _switch_command(words: str, effect: str) -> Command:
    field = words.replace("-", "_")
    default = "on" if getattr(_DEFAULTS, field) else "off"
    return Command(
        f"{words} ~ STATE:on|off",
        _HELP,
        described(partial(_switch, field), effect),
        described(partial(_reset, field), f"Go back to `{default}`."),
    )


PARAMETER_MAP_COMMANDS = (
    *(_switch_command(words, effect) for words, effect in SWITCHES.items()),
    *(
        Command(
            f"{number.words} ~ VALUE:{number.values}",
            _HELP,
            described(partial(_set, number.field), number.effect),
            described(partial(_reset, number.field), "Go back to the default."),
        )
        for number in NUMBERS
    ),
    Command(
        f"tcp max-incomplete host ~ MOST:1-{_MOST} [block-time MINUTES:0-35791]", _HELP, _limit_host, _no_host_limit
    ),
    Command("log dropped-packets ~ [STATE:enable|disable]", _HELP, _log_dropped, _no_log_dropped),
    Command("description ~ TEXT:line", _HELP, _describe, _no_description),
)
