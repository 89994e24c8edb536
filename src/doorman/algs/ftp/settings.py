"""What can be configured of the FTP ALG."""

from dataclasses import dataclass

from doorman.algs.settings import DATA_TIMEOUT, Setting, Settings


@dataclass(frozen=True, slots=True)
class FtpSettings(Settings):
    """The settings of the FTP ALG.

    Attributes:
        data_timeout: seconds that a data connection may take to come, once it was announced.
        commands: of one client, that may wait for their replies.
    """

    data_timeout: int = 60
    commands: int = 256


SETTINGS = (
    DATA_TIMEOUT,
    Setting(
        "commands",
        "quota commands",
        "NUMBER:16-4096",
        "Follow no more commands of a client that wait for their replies; 256 by default.",
        {
            "quota": "Limits that protect the gateway",
            "commands": "Commands that wait for their replies",
            "NUMBER": "Number of commands",
        },
    ),
)
"""Their commands."""
