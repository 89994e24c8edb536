"""What can be configured of the RCMD ALG."""

from dataclasses import dataclass

from doorman.algs.settings import DATA_TIMEOUT, MALFORMED, TCP_MODE, Settings


@dataclass(frozen=True, slots=True)
class RcmdSettings(Settings):
    """The settings of the RCMD ALG.

    Attributes:
        data_timeout: seconds that a server may take to connect back.
    """

    data_timeout: int = 60


SETTINGS = (TCP_MODE, MALFORMED, DATA_TIMEOUT)
"""Their commands."""
