"""`hostname NAME`: what the prompt and the logs call this gateway."""

from doorman.config.command import Command
from doorman.config.model import Config

_DEFAULT = Config().hostname


def _set(config: Config, *, name: str) -> None:
    """Name this gateway."""
    config.hostname = name


def _reset(config: Config) -> None:
    """Go back to the name `Router`."""
    config.hostname = _DEFAULT


COMMANDS = (
    Command(
        "hostname ~ NAME:hostname",
        {"hostname": "Set system's network name", "NAME": "This system's network name"},
        _set,
        _reset,
    ),
)
