"""The timers of RFC 3261 (table 4) that follow from what is configured, in seconds.

64 * T1     B, D, F, H, J     a transaction; how long the end of a call is remembered
T4          I, K              a message in the network; how long doors stay after what ends them
C           C                 an INVITE until its final response, prolonged by each provisional one
"""

from doorman.algs.sip.settings import SipSettings


def transaction_time(settings: SipSettings) -> float:
    """64 * T1."""
    return 64 * settings.t1_interval / 1000


def linger(settings: SipSettings) -> float:
    """How long doors stay after what ends them, so that late responses and media pass: T4."""
    return float(settings.t4_interval)


def ringing(settings: SipSettings) -> float:
    """Timer C of a proxy (RFC 3261, section 16.6)."""
    return settings.c_timeout * 60.0


def longest_call(settings: SipSettings) -> float:
    """The maximum call duration."""
    return settings.maximum_call_duration * 60.0
