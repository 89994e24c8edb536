"""The timers of RFC 3261 (table 4) that follow from what is configured, in seconds.

64 * T1     B, D, F, H, J     a transaction; how long the end of a call is remembered
T4          I, K              a message in the network; how long doors stay after what ends them
C           C                 an INVITE until its final response, prolonged by each provisional one
"""

from doorman.algs.sip.settings import SipSettings


class Times:
    """Times in seconds.

    Attributes:
        transaction: 64 * T1.
        linger: how long doors stay after what ends them, so that late responses and media pass: T4.
        ringing: timer C of a proxy (RFC 3261, section 16.6).
        silence: how long the media of an established call may be silent.
        longest_call: the maximum call duration.
    """

    __slots__ = ("linger", "longest_call", "ringing", "silence", "transaction")

    def __init__(self, settings: SipSettings) -> None:
        self.transaction = 64 * settings.t1_interval / 1000
        self.linger = float(settings.t4_interval)
        self.ringing = settings.c_timeout * 60.0
        self.silence = float(settings.inactive_media_timeout)
        self.longest_call = settings.maximum_call_duration * 60.0
