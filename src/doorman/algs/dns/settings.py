"""What can be configured of the DNS ALG."""

from dataclasses import dataclass

from doorman.algs.settings import SHARED, Setting, Settings

MAX_MESSAGE = 65_535
"""Bytes, over TCP and UDP alike (RFC 1035, section 4.2)."""


@dataclass(frozen=True, slots=True)
class DnsSettings(Settings):
    """The settings of the DNS ALG.

    Attributes:
        reset_ttl: whether answers are not to be kept in which an address was translated: their TTL is 0 then.
    """

    max_message_size: int = MAX_MESSAGE
    reset_ttl: bool = False


def _as_long_as_may_be(setting: Setting) -> Setting:
    """A zone transfer has messages as long as the protocol allows."""
    if setting.field != "max_message_size":
        return setting
    effect = "Put together messages over TCP up to this size; 65535 bytes by default, which is the most that DNS has."
    return setting._replace(effect=effect)


SETTINGS = (
    *map(_as_long_as_may_be, SHARED),
    Setting(
        "reset_ttl",
        "",
        "",
        "Let nobody keep answers in which an address was translated: their time to live is 0. By default it stays.",
        {"dns-reset-ttl": "Reset the TTL of DNS answers that are translated"},
        line="ip nat service dns-reset-ttl",
    ),
)
"""Their commands."""
