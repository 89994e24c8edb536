"""What can be configured of the FTP ALG."""

from dataclasses import dataclass

from doorman.algs.settings import Setting, Settings


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
    Setting(
        "data_timeout",
        "data-timeout",
        "SECONDS:5-3600",
        "Close the door for a data connection that does not come for so long; 60 seconds by default.",
        {"data-timeout": "Specify how long a data connection may take to come", "SECONDS": "Timeout in seconds"},
    ),
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
