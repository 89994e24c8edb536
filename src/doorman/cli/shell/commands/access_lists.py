"""`show access-lists` and `clear access-list counters`."""

from doorman.cli.shell.commands.words import SHOW
from doorman.cli.shell.output import Output
from doorman.cli.shell.terminal import Terminal
from doorman.cli.show.access_lists import show_access_lists
from doorman.config.command import Command, Refused


def _show(terminal: Terminal, *, acl: str | None = None) -> Output:
    """Show access lists, and how many packets each of their lines matched at interfaces."""
    lists = (listed for listed in terminal.gateway.access_lists() if acl in {None, listed["name"]})
    return Output(lists, show_access_lists)


def _clear(terminal: Terminal, *, acl: str | None = None) -> None:
    """Begin counting what matches at zero."""
    if acl is not None and acl not in terminal.gateway.config.access_lists:
        raise Refused(f"% Access list {acl} does not exist", "acl")
    terminal.gateway.clear_access_lists(acl)


_HELP = {"ACL": "Access list number or name"}
_SHOW_HELP = SHOW | _HELP | {"access-lists": "List access lists"}

SHOW_COMMANDS = (
    Command("show access-lists [ACL:access-list]", _SHOW_HELP, _show),
    Command("show ip access-lists [ACL:access-list]", _SHOW_HELP | {"ip": "IP information"}, _show),
)

COMMANDS = (
    Command(
        "clear access-list counters [ACL:access-list]",
        _HELP
        | {
            "clear": "Reset functions",
            "access-list": "Clear access list statistical information",
            "counters": "Clear access list counters",
        },
        _clear,
    ),
)
