"""`debug`, `undebug`, `no debug`: lines about what happens, streamed to this session."""

from collections.abc import Iterator
from typing import Literal

from doorman.cli.gateway import Topic
from doorman.cli.shell.terminal import TOPICS, Terminal
from doorman.config.command import Command
from doorman.dataplanes.report import Json

_NAMES: dict[Topic, str] = {"nat": "IP NAT", "sip": "IP NAT SIP"}
_Sip = Literal["sip"] | None


def debugging_lines(found: Json) -> Iterator[str]:
    """The lines of `show debugging`."""
    for topic in found["debugging"]:
        yield f"{_NAMES[topic]} debugging is on"


def _debug(terminal: Terminal, *, alg: _Sip = None) -> list[str]:
    """Tell of each translation that begins or ends; with `sip` of each SIP message, until `undebug`."""
    topic: Topic = alg or "nat"
    terminal.debug(topic)
    return [f"{_NAMES[topic]} debugging is on"]


def _undebug(terminal: Terminal, *, alg: _Sip = None) -> list[str]:
    """Tell no more of translations, or of SIP messages."""
    topic: Topic = alg or "nat"
    terminal.undebug(topic)
    return [f"{_NAMES[topic]} debugging is off"]


def _undebug_all(terminal: Terminal) -> list[str]:
    """Switch off all debugging of this session."""
    terminal.undebug(*TOPICS)
    return ["All possible debugging has been turned off"]


_HELP = {
    "debug": "Debugging functions (see also 'undebug')",
    "undebug": "Disable debugging functions (see also 'debug')",
    "all": "All debugging",
    "ip": "IP information",
    "nat": "NAT events",
    "sip": "NAT SIP events",
}

COMMANDS = (
    Command("debug ip nat [ALG:sip]", _HELP, _debug, _undebug),
    Command("debug all", _HELP, None, _undebug_all),
    Command("undebug ip nat [ALG:sip]", _HELP, _undebug),
    Command("undebug all", _HELP, _undebug_all),
)
