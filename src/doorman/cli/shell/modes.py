"""The EXEC modes, each with its command tree; those of configuration are `config.modes`."""

from functools import cached_property

from doorman.cli.shell.commands import (
    access_lists,
    alg,
    clear,
    debug,
    guard,
    memory,
    nat,
    nat64,
    system,
    terminal,
    trace,
    vrf,
    zones,
)
from doorman.config.command import Command
from doorman.config.tree import CommandTree


class ExecMode:
    """A set of commands under a name, with what the prompt shows after the host's name."""

    def __init__(self, name: str, prompt: str, *commands: Command) -> None:
        self.name = name
        self.prompt = prompt
        self.commands = commands

    @cached_property
    def tree(self) -> CommandTree:
        """The command tree."""
        return CommandTree(self.commands)


_EVERYWHERE = (
    *nat.COMMANDS,
    *nat64.SHOW_COMMANDS,
    *alg.COMMANDS,
    *guard.SHOW_COMMANDS,
    *access_lists.SHOW_COMMANDS,
    *zones.SHOW_COMMANDS,
    *trace.SHOW_COMMANDS,
    *system.COMMANDS,
    *vrf.COMMANDS,
    *terminal.COMMANDS,
)

USER = ExecMode("user EXEC", ">", *_EVERYWHERE)

PRIVILEGED = ExecMode(
    "privileged EXEC",
    "#",
    *_EVERYWHERE,
    *clear.COMMANDS,
    *nat64.COMMANDS,
    *guard.COMMANDS,
    *access_lists.COMMANDS,
    *zones.COMMANDS,
    *debug.COMMANDS,
    *trace.COMMANDS,
    *memory.COMMANDS,
    *terminal.PRIVILEGED_COMMANDS,
)
