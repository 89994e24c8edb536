"""What the media lines of a session description announce (RFC 3264)."""

from typing import Final

from doorman.algs.flows import Flow
from doorman.net.addresses import Endpoint

SENDRECV: Final = b"sendrecv"
SENDONLY: Final = b"sendonly"
RECVONLY: Final = b"recvonly"
INACTIVE: Final = b"inactive"
GONE: Final = b""
"""The direction of a media line that is refused or removed by port zero (RFC 3264, sections 6 and 8.2)."""
_RECEIVING: Final = frozenset({SENDRECV, RECVONLY})
_SENDING: Final = frozenset({SENDRECV, SENDONLY})


class Announced:
    """What one end announced for one media line.

    Attributes:
        kind: `audio`, `video`, …
        receives: where, in its own world; None where that is a name or nowhere (hold).
        flows: those that need doors; none for an end that can be reached anyway.
        direction: of the media, as this end sees it (RFC 3264, section 5.1).
        mux: whether this end takes RTCP on the port of RTP (RFC 5761); it does where both ends say so.
    """

    __slots__ = ("direction", "flows", "kind", "mux", "receives")

    def __init__(
        self,
        kind: str,
        receives: Endpoint | None,
        flows: tuple[Flow, ...],
        direction: bytes = SENDRECV,
        *,
        mux: bool = False,
    ) -> None:
        self.kind = kind
        self.receives = receives
        self.flows = flows
        self.direction = direction
        self.mux = mux

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Announced):
            return NotImplemented
        return (
            self.receives == other.receives
            and self.flows == other.flows
            and self.direction == other.direction
            and self.kind == other.kind
            and self.mux == other.mux
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.receives, self.flows, self.direction, self.mux))

    def through(self, flows: tuple[Flow, ...]) -> "Announced":
        """The same with other flows."""
        return Announced(self.kind, self.receives, flows, self.direction, mux=self.mux)


def hears(end: Announced) -> bool:
    """Whether an end wants to receive."""
    return end.direction in _RECEIVING


def speaks(end: Announced) -> bool:
    """Whether an end sends."""
    return end.direction in _SENDING
