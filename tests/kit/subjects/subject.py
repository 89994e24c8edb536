"""What all gateways that are compared have in common.

subject.begin(OVERLOAD)                                    nothing is in its tables
subject.send(udp(PHONE, PEER), Side.INSIDE)                what left, on which side
subject.seconds(opening)                                   how long what `opening` sends may be silent
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

from doorman.config.model import Config
from doorman.config.reader import read_config
from doorman.engine.results import Side


class Left(NamedTuple):
    """A packet that left, and where."""

    side: Side
    packet: bytes


class Arrives(NamedTuple):
    """A packet that is to arrive on a side."""

    side: Side
    packet: bytes


class Subject(Protocol):
    """A gateway whose inside is 192.168.1.0/24, and which is 203.0.113.1 outside."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def is_configurable(self) -> bool:
        """Whether it does what a configuration says, more than which rules there are."""
        ...

    @property
    def has_links(self) -> bool:
        """Whether it is a host with links, of which each takes packets of some length only."""
        ...

    def begin(self, config: str) -> None:
        """Be a gateway of this configuration that has seen nothing yet."""
        ...

    def send(self, packet: bytes, side: Side) -> list[Left]:
        """Let a packet arrive on a side; what leaves then, the gateway's own answers included."""
        ...

    def age(self, seconds: int) -> None:
        """Let the flows of 192.168.1.10 have been silent for some time."""
        ...

    def narrow(self, mtu: int) -> None:
        """Let the link outside take no longer packets than these, in bytes, until it begins again."""
        ...

    def seconds(self, config: str, opening: "Opening") -> int:
        """How long a flow may be silent: `opening` sends what begins it, and says what would show that it lives."""
        ...


@lru_cache(1)
def read(config: str) -> Config:
    """A configuration, which nobody changes: those that are compared have the same one."""
    return read_config(config, "test.cfg")


Opening = Callable[[Subject], Arrives]
