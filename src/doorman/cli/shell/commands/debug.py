"""`debug`, `undebug`, `no debug`: lines about what happens, streamed to this session."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from doorman.algs.registry import ENTRIES
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


def _debug_alg(alg: str, terminal: Terminal, *, address: Address | None = None, text: str = "") -> list[str]:
    """Tell of each message of the ALG, of one host, or of calls whose Call-ID begins so; of several, type it again."""
    return _begin(terminal, Topic(alg, address, text))


def _undebug_alg(alg: str, terminal: Terminal, *, address: Address | None = None, text: str = "") -> list[str]:
    """Tell no more of its messages, under whatever condition, or no more under this one."""
    return _end(terminal, Topic(alg, address, text))


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
    **{alg: f"NAT {alg.upper()} events" for alg in ENTRIES},
    "host": "Of one host, inside or outside",
    "ADDRESS": "Its address, as either side sees it",
    "call-id": "Of one call",
    "TEXT": "How its Call-ID begins",
}


def _about(alg: str, function: Callable[..., list[str]]) -> Callable[..., list[str]]:
    bound = partial(function, alg)
    bound.__doc__ = function.__doc__
    return bound


def _grammar(alg: str) -> str:
    """What is typed behind `debug` or `undebug`; only SIP has calls."""
    of_a_call = " | call-id TEXT:text" if alg == "sip" else ""
    return f"debug ip nat {alg} [host ADDRESS:ipv4{of_a_call}]"


COMMANDS = (
    Command("debug ip nat", _HELP, _debug, _undebug),
    *(Command(_grammar(alg), _HELP, _about(alg, _debug_alg), _about(alg, _undebug_alg)) for alg in ENTRIES),
    Command("debug all", _HELP, None, _undebug_all),
    Command("undebug ip nat", _HELP, _undebug),
    *(Command(f"un{_grammar(alg)}", _HELP, _about(alg, _undebug_alg)) for alg in ENTRIES),
    Command("undebug all", _HELP, _undebug_all),
)
