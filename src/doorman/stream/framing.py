"""What a framer is: it finds where the message ends that begins a stream, and nothing else.

A framer is asked again and again about the same bytes while more of them come. It remembers how far it has looked, so
that a message which arrives byte by byte costs no more than one that arrives whole.
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

MAX_MESSAGE = 8_192
"""Bytes of a message on a stream, unless the configuration says otherwise."""
TOO_LONG = "message-too-long"
"""Why a framer refuses a message with more bytes than that."""


class Kind(Enum):
    """What a piece of a stream is."""

    MESSAGE = "message"
    KEEPALIVE = "keep-alive"
    """What keeps a connection open between messages, and means nothing else."""
    DATA = "data"
    """What else stands between messages: media that a protocol lets go the same way, parts of a message too long."""
    RAW = "raw"
    """Bytes of a stream that is not inspected, or no longer."""
    REFUSED = "refused"
    """Bytes of a message that nobody can find the end of, and all that came behind them."""


class Found(NamedTuple):
    """A whole message, or something between messages, at the beginning of what waits.

    Attributes:
        length: of it, in bytes; at least 1.
        kind: what it is.
        note: the name of an oddity, "" where there is none.
    """

    length: int
    kind: Kind
    note: str = ""


class Foreign(Exception):  # noqa: N818 - the outcome of looking
    """A stream that is not of the framer's protocol, or no longer; `name` says how that is called, for counters."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Framer(Protocol):
    """Finds the messages of one direction of one connection."""

    @property
    def begun(self) -> bool:
        """Whether what waits is known to be the beginning of a message; if not, it may be anything yet."""
        ...

    def find(self, data: bytes | bytearray, start: int) -> Found | None:
        """Find what stands at `start`, None where more is needed to tell.

        After None it is asked about the same bytes and those that came behind them, though at another `start` perhaps.

        Raises:
            Foreign: what stands there is not of this protocol.
            Malformed: it is, and can never become a whole message.
        """
        ...


MakeFramer = Callable[[int], Framer]
"""Makes a framer for a new stream; it is given the most bytes that a message may have."""
