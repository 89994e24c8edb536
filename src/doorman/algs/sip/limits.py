"""How much a message and a call may have, and who may name others, as configured, for those who ask with each message.

Settings are interpreted also where the rest is compiled: to read one takes longer than to compare with it.
"""

from doorman.algs.sip.settings import SipSettings


class Limits:
    """Of `SipSettings`, what has the same name there."""

    __slots__ = ("doors", "header_length", "headers", "max_streams", "signalling_doors", "trusted_media", "values")

    def __init__(self, settings: SipSettings) -> None:
        self.headers = settings.headers
        self.header_length = settings.header_length
        self.values = settings.values
        self.max_streams = settings.max_streams
        self.doors = settings.doors
        self.signalling_doors = settings.signalling_doors
        self.trusted_media = settings.trusted_media
