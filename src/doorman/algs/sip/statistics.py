"""What the SIP ALG counts: the rows of Cisco's, methods one by one, and four responses; all others by class."""

from doorman.algs.statistics import MALFORMED, UNKNOWN, Rows

METHODS = (
    "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER",
    "SUBSCRIBE", "UPDATE",
)  # fmt: skip
OTHERS_OF_1XX = "1XX (excluding 100, 180, 183)"
OTHERS_OF_2XX = "2XX (excluding 200)"
ROWS = Rows(
    (
        *METHODS,
        *("100", "180", "183", OTHERS_OF_1XX, "200", OTHERS_OF_2XX, "3XX", "4XX", "5XX", "6XX"),
        *(UNKNOWN, MALFORMED),
    ),
    {"1": OTHERS_OF_1XX, "2": OTHERS_OF_2XX, "3": "3XX", "4": "4XX", "5": "5XX", "6": "6XX"},
)
