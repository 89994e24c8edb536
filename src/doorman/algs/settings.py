"""What a configuration says of an ALG beyond the ports it serves. Each ALG has a class of its own, with defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, Protocol

from doorman.net.addresses import Address
from doorman.stream.framing import MAX_MESSAGE

Oversized = Literal["drop", "pass"]
Unreadable = Literal["drop", "pass", "pass nat-applied", "pass routed"]
"""`nat-applied`: only where the NAT changes an end of the message's path; `routed`: only where it does not."""

Mode = Literal["full", "pinhole-only", "observe", "off"]
"""How much of what an ALG decides happens: all; all but changes of messages; nothing, but it is told of; or the ALG is
not asked."""


TcpMode = Literal["l4f", "vtcp"]
"""How a live gateway looks into TCP: the connection ends at a proxy and is made anew, or its segments are changed on
their way."""


class Hosts(Protocol):
    """An access list: hosts that somebody named."""

    def permits(self, address: Address) -> bool:
        """Whether a host is among them."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be said of every ALG.

    Attributes:
        max_message_size: bytes of a message on a stream.
        oversized: what becomes of a longer one, and of one that would outgrow a datagram.
        malformed: what becomes of one that breaks the rules of its protocol.
        mode: how much of what the ALG decides happens, where the interface does not say.
        tcp_mode: how a live gateway looks into its TCP connections; replay always does so segment by segment.
        lists: the access lists of the configuration, by name, for those settings that name one.
    """

    LISTS: ClassVar[tuple[str, ...]] = ()
    """The settings that are the number or name of an access list, "" for none."""

    max_message_size: int = MAX_MESSAGE
    oversized: Oversized = "drop"
    malformed: Unreadable = "drop"
    mode: Mode = "full"
    tcp_mode: TcpMode = "l4f"
    lists: Mapping[str, Hosts] = field(default_factory=dict, compare=False, repr=False)

    def listed(self, name: str) -> Hosts | None:
        """The access list that a setting names; None where it names none, or one that does not exist (yet)."""
        return self.lists.get(name)


class Setting(NamedTuple):
    """A setting, and the command that it has: `ip nat service ALG WORDS VALUE`.

    Attributes:
        field: of the ALG's settings.
        words: of the command, before its value.
        value: the grammar of the value; every variable in it is part of the value.
        effect: what the command does.
        help: a text for each new word.
        line: of a switch, the whole command where IOS has one of its own for it; the setting is true with it.
    """

    field: str
    words: str
    value: str
    effect: str
    help: Mapping[str, str]
    line: str = ""


WHERE = {
    "nat-applied": "Only where an address is translated",
    "routed": "Only where no address is translated",
}
"""Help for the words of a policy, see `Unreadable`."""

MALFORMED = Setting(
    "malformed",
    "malformed",
    "{ACTION:drop | ACTION:pass [WHERE:nat-applied|routed]}",
    "Drop a message that breaks the rules of its protocol, or let it pass as it came; `drop` by default.",
    {
        "malformed": "What becomes of messages that cannot be read",
        "drop": "They are dropped",
        "pass": "They pass as they came",
    }
    | WHERE,
)
"""The command that every ALG has."""

DATA_TIMEOUT = Setting(
    "data_timeout",
    "data-timeout",
    "SECONDS:5-3600",
    "Close the door for a data flow that does not come for so long; 60 seconds by default.",
    {"data-timeout": "Specify how long an announced data flow may take to come", "SECONDS": "Timeout in seconds"},
)
"""The command of those that open doors for flows of data."""

TCP_MODE = Setting(
    "tcp_mode",
    "tcp mode",
    "MODE:l4f|vtcp",
    "End TCP connections at the gateway and make them anew, or change their segments on the way; `l4f` by default. "
    "Live only, and for new connections.",
    {
        "mode": "How TCP connections are inspected",
        "l4f": "Each ends at the gateway, which makes another to the server (layer 4 forwarding)",
        "vtcp": "Segments are changed on their way, and their numbers mapped (virtual TCP)",
    },
)
"""The command of every ALG whose messages come in streams."""

SHARED = (
    TCP_MODE,
    Setting(
        "max_message_size",
        "max-message-size",
        "BYTES:8192-65535",
        "Put together messages over TCP up to this size; 8192 bytes by default.",
        {"max-message-size": "Specify the largest message over TCP", "BYTES": "Size in bytes"},
    ),
    Setting(
        "oversized",
        "oversized",
        "ACTION:drop|pass",
        "Drop a larger message, or one that would outgrow a datagram, or let it pass as it came; `drop` by default.",
        {
            "oversized": "What becomes of messages that are too large",
            "drop": "They are dropped; a TCP connection ends",
            "pass": "They pass as they came; a TCP connection is inspected no longer",
        },
    ),
    MALFORMED,
)
"""The commands that every ALG has whose messages come in streams."""


def lets_pass(policy: str, *, translated: bool) -> bool:
    """Whether a policy, in the words of its command, lets a message go on as it came, by what the NAT does to it."""
    action, _, where = policy.partition(" ")
    return action != "drop" and (not where or translated == (where == "nat-applied"))
