"""What can be configured of the TFTP ALG."""

from dataclasses import dataclass

from doorman.algs.settings import DATA_TIMEOUT, MALFORMED, Setting, Settings


@dataclass(frozen=True, slots=True)
class TftpSettings(Settings):
    """The settings of the TFTP ALG.

    Attributes:
        data_timeout: seconds that a server may take to answer a request.
        requests: of one client, that may wait for their answers.
    """

    data_timeout: int = 60
    requests: int = 256


SETTINGS = (
    MALFORMED,
    DATA_TIMEOUT,
    Setting(
        "requests",
        "quota requests",
        "NUMBER:16-4096",
        "Open doors for no more requests of a client at a time; 256 by default.",
        {
            "quota": "Limits that protect the gateway",
            "requests": "Requests that wait for their answers",
            "NUMBER": "Number of requests",
        },
    ),
)
"""Their commands."""
