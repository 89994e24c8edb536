"""`trace`: the SIP messages of one call or host as a capture, written by the gateway in its state directory."""

from collections.abc import Iterator

from doorman.cli.debug.topic import Topic
from doorman.cli.gateway import NotApplied
from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.durations import duration
from doorman.cli.show.table import endless_table
from doorman.config.command import Command, Refused
from doorman.dataplanes.report import Json
from doorman.net.addresses import Address

DEFAULT_SECONDS = 60
_WIDTHS = (28, 36, 8, 10, 8, 0)


def _trace(
    terminal: Terminal,
    *,
    file: str,
    address: Address | None = None,
    call_id: str = "",
    seconds: int = DEFAULT_SECONDS,
) -> list[str]:
    """Write the SIP messages of one call, or of one host, to a capture, before and after translation."""
    try:
        path = terminal.gateway.trace(Topic("sip", address, call_id), file, seconds)
    except NotApplied as refused:
        raise Refused(f"% {refused}", "file") from None
    return [f"Tracing to {path} for {seconds} seconds"]


def _end(terminal: Terminal, *, file: str) -> None:
    """End a trace before its time."""
    try:
        terminal.gateway.end_trace(file)
    except NotApplied as refused:
        raise Refused(f"% {refused}", "file") from None


def _traces(terminal: Terminal) -> Output:
    """Show the traces of this run of the gateway, and what became of each."""
    return Output(terminal.gateway.traces(), _trace_lines)


def _trace_lines(traces: Iterator[Json]) -> Iterator[str]:
    rows = (
        [
            trace["file"],
            trace["of"],
            str(trace["messages"]),
            str(trace["bytes"]),
            duration(trace["left"]),
            trace["state"],
        ]
        for trace in traces
    )
    yield from endless_table(["File", "Of", "Messages", "Bytes", "Left", "State"], rows, _WIDTHS)


_HELP = SHOW | {
    "trace": "Write messages to a capture",
    "alg": "Application-level gateways",
    "sip": "SIP protocol",
    "call": "Of one call",
    "host": "Of one host, inside or outside",
    "file": "A trace by its file",
    "CALL-ID": "Call-ID, or how it begins",
    "ADDRESS": "Its address, as either side sees it",
    "FILE": "Name of the file, in the traces of the state directory",
    "SECONDS": "How long",
    "traces": "Traces of this run",
}

SHOW_COMMANDS = (Command("show alg sip traces", _HELP, _traces),)
COMMANDS = (
    Command("trace alg sip {call CALL-ID:text | host ADDRESS:ipv4} FILE:word [SECONDS:1-3600]", _HELP, _trace),
    Command("trace alg sip file FILE:word", _HELP, None, _end),
)
