"""What a configuration says of an ALG beyond the ports it serves. Each ALG has a class of its own, with defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

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


def lets_pass(policy: str, *, translated: bool) -> bool:
    """Whether a policy, in the words of its command, lets a message go on as it came, by what the NAT does to it."""
    action, _, where = policy.partition(" ")
    return action != "drop" and (not where or translated == (where == "nat-applied"))
