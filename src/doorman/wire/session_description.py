"""Session descriptions (SDP, RFC 8866): what is kept of one, and where in a message it stands."""

from typing import NamedTuple

from doorman.net.packet import UDP
from doorman.wire.places import Host, Port


class Candidate(NamedTuple):
    """A transport address of an ICE candidate, or one that it is related to.

    Attributes:
        host, port: the address and where it stands.
        protocol: 17 or 6.
        related: whether this is what `raddr` and `rport` say.
    """

    host: Host
    port: Port
    protocol: int
    related: bool


class Transport(NamedTuple):
    """A transport address that stands alone; `port` is None where none is written."""

    host: Host
    port: Port | None


class Media:
    """A media description.

    Attributes:
        kind: `audio`, `video`, `image` …
        port: of its first stream; 0 for one that is refused or gone (RFC 3264, section 6).
        count: how many streams, on ports two apart (RFC 8866, section 5.14).
        transport: such as `RTP/AVP`.
        is_rtp: whether RTP is carried, and so RTCP beside it.
        protocol: that of its flows: 6 or 17.
        connection: of its own, or None.
        rtcp, rtcp_host: the `a=rtcp` line.
        mux: whether RTCP may come on the port of RTP (RFC 5761).
        direction: `sendrecv`, `sendonly`, `recvonly` or `inactive` (RFC 8866, section 6.7); b"" where it is not said.
        mux_only: whether it may come nowhere else (RFC 8858).
        setup: who opens the connection: `active`, `passive`, `actpass` or `holdconn` (RFC 4145); b"" if it is not said.
        candidates: of ICE, in order.
        remote: the other side's candidates that were chosen.
        path: of MSRP: whom messages pass on their way to this end, itself the last.
        cema: whether this end connects to `c=` and `m=` whatever the path says (RFC 6714).
        end: where the description of this media ends.
    """

    __slots__ = (
        "candidates", "cema", "connection", "count", "direction", "end", "is_rtp", "kind", "mux", "mux_only", "path",
        "port", "protocol", "remote", "rtcp", "rtcp_host", "setup", "transport",
    )  # fmt: skip

    def __init__(self, kind: str, port: Port, transport: str, *, is_rtp: bool, protocol: int = UDP) -> None:
        self.kind = kind
        self.port = port
        self.count = 1
        self.transport = transport
        self.is_rtp = is_rtp
        self.protocol = protocol
        self.connection: Host | None = None
        self.rtcp: Port | None = None
        self.rtcp_host: Host | None = None
        self.mux = self.mux_only = self.cema = False
        self.direction = self.setup = b""
        self.candidates: tuple[Candidate, ...] = ()
        self.remote: tuple[Transport, ...] = ()
        self.path: tuple[Transport, ...] = ()
        self.end = 0

    @property
    def is_of_its_session(self) -> bool:
        """Whether it says what is new in each session: a port of RTCP, candidates of ICE, paths."""
        return self.rtcp is not None or bool(self.candidates or self.remote or self.path)

    def again(self, port: Port, end: int) -> "Media":
        """Media of this kind at another port, of which the same is said up to an end; but see `is_of_its_session`."""
        media = Media(self.kind, port, self.transport, is_rtp=self.is_rtp, protocol=self.protocol)
        if self.connection is not None:
            media.connection = self.connection.moved(port.end - self.port.end)
        media.mux, media.mux_only, media.cema = self.mux, self.mux_only, self.cema
        media.direction, media.setup, media.end = self.direction, self.setup, end
        return media


class SessionDescription:
    """A session description: its origin, what is common to its media (see `Media`), and these in order."""

    __slots__ = ("connection", "direction", "media", "origin", "setup")

    def __init__(self) -> None:
        self.origin: Host | None = None
        self.connection: Host | None = None
        self.direction = self.setup = b""
        self.media: list[Media] = []

    def moved(self, by: int) -> "SessionDescription":
        """The same so many bytes further on; its media are to come."""
        session = SessionDescription()
        if self.origin is not None:
            session.origin = self.origin.moved(by)
        if self.connection is not None:
            session.connection = self.connection.moved(by)
        session.direction, session.setup = self.direction, self.setup
        return session
