"""`debug`, `undebug`, `no debug`: lines about what happens, streamed to this session."""

from collections.abc import Iterable, Iterator

from doorman.cli.debug.topic import Topic
from doorman.cli.shell.terminal import Terminal
from doorman.config.command import Command
from doorman.net.addresses import Address


def debugging_lines(topics: Iterable[Topic]) -> Iterator[str]:
    """The lines of `show debugging`."""
    for topic in topics:
        yield _said(topic, "on")


def _said(topic: Topic, state: str) -> str:
    return f"{topic.title} debugging is {state}" + (f" for {topic.condition}" if topic.condition else "")


def _debug(terminal: Terminal) -> list[str]:
    """Tell of each translation that begins or ends, until `undebug`."""
    return _begin(terminal, Topic("nat"))


def _undebug(terminal: Terminal) -> list[str]:
    """Tell no more of translations."""
    return _end(terminal, Topic("nat"))


def _debug_sip(terminal: Terminal, *, address: Address | None = None, text: str = "") -> list[str]:
    """Tell of each SIP message, of one host or of the calls whose Call-ID begins so; of several, type it again."""
    return _begin(terminal, Topic("sip", address, text))


def _undebug_sip(terminal: Terminal, *, address: Address | None = None, text: str = "") -> list[str]:
    """Tell no more of SIP messages, under whatever condition, or no more under this one."""
    return _end(terminal, Topic("sip", address, text))


def _undebug_all(terminal: Terminal) -> list[str]:
    """Switch off all debugging of this session."""
    terminal.undebug_all()
    return ["All possible debugging has been turned off"]


def _begin(terminal: Terminal, topic: Topic) -> list[str]:
    terminal.debug(topic)
    return [_said(topic, "on")]


def _end(terminal: Terminal, topic: Topic) -> list[str]:
    terminal.undebug(topic)
    return [_said(topic, "off")]


_HELP = {
    "debug": "Debugging functions (see also 'undebug')",
    "undebug": "Disable debugging functions (see also 'debug')",
    "all": "All debugging",
    "ip": "IP information",
    "nat": "NAT events",
    "sip": "NAT SIP events",
    "host": "Of one host, inside or outside",
    "ADDRESS": "Its address, as either side sees it",
    "call-id": "Of one call",
    "TEXT": "How its Call-ID begins",
}
_SIP = "debug ip nat sip [host ADDRESS:ipv4 | call-id TEXT:text]"

COMMANDS = (
    Command("debug ip nat", _HELP, _debug, _undebug),
    Command(_SIP, _HELP, _debug_sip, _undebug_sip),
    Command("debug all", _HELP, None, _undebug_all),
    Command("undebug ip nat", _HELP, _undebug),
    Command(f"un{_SIP}", _HELP, _undebug_sip),
    Command("undebug all", _HELP, _undebug_all),
)
