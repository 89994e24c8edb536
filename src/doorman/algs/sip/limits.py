"""How much a message and a call may have, and who may name others, as configured, for those who ask with each message.

Settings are interpreted also where the rest is compiled: to read one takes longer than to compare with it.
"""

from doorman.algs.sip.settings import SipSettings


class Limits:
    """Of `SipSettings`, what has the same name there.

    Attributes:
        retains: whether the media of a stream on hold are retained.
    """

    __slots__ = (
        "calls", "doors", "header_length", "headers", "incoming_calls", "max_streams", "retains", "signalling_doors",
        "trusted_media", "values",
    )  # fmt: skip

    def __init__(self, settings: SipSettings) -> None:
        self.headers = settings.headers
        self.header_length = settings.header_length
        self.values = settings.values
        self.calls = settings.calls
        self.incoming_calls = settings.incoming_calls
        self.retains = settings.hold == "retain"
        self.max_streams = settings.max_streams
        self.doors = settings.doors
        self.signalling_doors = settings.signalling_doors
        self.trusted_media = settings.trusted_media
