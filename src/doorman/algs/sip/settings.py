"""What can be configured of the SIP ALG."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from doorman.algs.settings import Settings
from doorman.net.addresses import Address

LONGEST_CALL = 7_200
"""Minutes; the most that `maximum_call_duration` can be."""
MAX_VALUES = 768
"""Addresses of a message, unless something else is said: three milliseconds' work. A hundred dialog states have 600."""

Hold = Literal["release", "retain"]
Suspects = Literal["outside", "everyone"]
Unknown = Literal["drop", "permit", "permit nat-applied", "permit routed"]


@dataclass(frozen=True, slots=True)
class SipSettings(Settings):
    """The settings of the SIP ALG, each in the unit of its command.

    Attributes:
        inactive_media_timeout: seconds that the media of an established call may be silent.
        maximum_call_duration: minutes that a call may last.
        t1_interval: estimated round trip, in milliseconds.
        t4_interval: the longest that a message stays in the network, in seconds.
        c_timeout: minutes that an INVITE may wait for its final response.
        hold: what becomes of the media of a stream on hold.
        max_streams: media lines of a description.
        unknown_message: what becomes of requests of a method without an RFC; see `settings.Unreadable`.
        calls, incoming_calls: calls and other exchanges of one inside host at once; those of them that others began.
        headers, header_length, values: header lines of a message, bytes of one, and addresses in all of them.
        doors, signalling_doors: of one call.
        protect_deny_time: seconds for which a source is not heard whose INVITEs fail, see `guard`; 0: nobody is denied.
        protect_threshold, protect_period: as many failures in a row, within so many seconds, have that effect.
        protect_rate: INVITEs of one source in a second; 0: as many as come.
        protect_against: who can be denied.
        protect_servers: the access list of the servers protected; none: all are.
        trusted_media: the access list of the inside hosts that may announce others; none: nobody may.
    """

    LISTS: ClassVar[tuple[str, ...]] = ("protect_servers", "trusted_media")

    inactive_media_timeout: int = 120
    maximum_call_duration: int = 720
    t1_interval: int = 500
    t4_interval: int = 5
    c_timeout: int = 3
    hold: Hold = "release"
    max_streams: int = 12
    unknown_message: Unknown = "drop"
    calls: int = 10_000
    incoming_calls: int = 2_000
    headers: int = 256
    header_length: int = 65_535
    values: int = MAX_VALUES
    doors: int = 256
    signalling_doors: int = 16
    protect_deny_time: int = 60
    protect_threshold: int = 20
    protect_period: int = 30
    protect_rate: int = 0
    protect_against: Suspects = "outside"
    protect_servers: str = ""
    trusted_media: str = ""

    def trusts(self, host: Address) -> bool:
        """Whether an inside host may announce others: an exchange, a proxy."""
        hosts = self.listed(self.trusted_media)
        return hosts is not None and hosts.permits(host)
