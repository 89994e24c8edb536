"""What the FTP ALG counts: the commands that move something or announce it, and replies; all others by class."""

from doorman.algs.statistics import rows
from doorman.wire.ftp import VERBS

ROWS = rows(
    sorted(verb.decode("ascii") for verb in VERBS),
    {
        "1": ("125", "150"),
        "2": ("200", "220", "221", "226", "227", "229", "230", "234", "250"),
        "3": ("331", "350"),
        "4": ("421", "425", "426", "450"),
        "5": ("500", "501", "502", "530", "550"),
        "6": (),
    },
)
