"""Translating session descriptions, and the flows they announce.

The address of a media line comes from its own `c=` line, or else from the session's; no `c=` at all is an error. RTP
gets an even port and RTCP the odd one above it (RFC 3550, section 11), unless `a=rtcp` names another (RFC 3605).
ICE candidates are kept in agreement with `c=` and `m=` (RFC 8839, section 4.3.1.3), or an ICE agent sees a mismatch.
"""

from typing import NamedTuple

from doorman.algs.api import Edit, Effect, Nat, Note, Refused
from doorman.net.addresses import Address, Endpoint, address_ascii
from doorman.net.packet import UDP
from doorman.wire.malformed import Malformed
from doorman.wire.sdp import Candidate, Host, Media, Port, SessionDescription, is_multicast

DISCARD_PORT = 9
"""What an end writes that will open a TCP connection itself (RFC 4145, section 4.1)."""


class Flow(NamedTuple):
    """A flow that was announced: its role and protocol, its name for the other side, and where it leads."""

    role: str
    protocol: int
    entrance: Endpoint
    leads_to: Endpoint


class Announced(NamedTuple):
    """What one end announced for one media line.

    Attributes:
        kind: `audio`, `video`, …
        receives: where, in its own world; None where that is a name or nowhere (hold).
        flows: those that need doors; none for an end that can be reached anyway.
    """

    kind: str
    receives: Endpoint | None
    flows: tuple[Flow, ...]


class MediaTranslation:
    """One session description on its way through the NAT.

    Attributes:
        edits: what is to be changed, in order of discovery.
        effects: notes on what was left.
        announced: what each media line announces, in order.
    """

    __slots__ = ("_connections", "_nat", "_sdp", "announced", "edits", "effects")

    def __init__(self, sdp: SessionDescription, nat: Nat) -> None:
        self._sdp = sdp
        self._nat = nat
        self._connections: dict[int, Address] = {}
        self.edits: list[Edit] = []
        self.effects: list[Effect] = []
        self.announced: list[Announced] = []

    def run(self, max_media: int) -> None:
        """Translate the whole description.

        Raises:
            Malformed: a media line has no connection, or there are more of them than allowed.
            Refused: an address or port may not be announced, or no name is left for it.
        """
        sdp = self._sdp
        if len(sdp.media) > max_media:
            raise Malformed("too-many-media-lines")
        for media in sdp.media:
            connection = media.connection or sdp.connection
            if connection is None:
                raise Malformed("no-connection-line")
            self.announced.append(self._media(media, connection))
        if sdp.connection is not None and sdp.connection.start not in self._connections:
            self._host(sdp.connection, "SDP c=")
        if sdp.origin is not None:
            self._host(sdp.origin, "SDP o=")

    def _media(self, media: Media, connection: Host) -> Announced:
        kind = media.kind.decode("ascii", "replace")
        address = connection.address
        if media.port.number == 0:
            self._idle(connection)
            return Announced(kind, None, ())
        if address is None or not address.strip(b"\0") or is_multicast(address):
            if address is None:
                self.effects.append(Note("media-host-name"))
            return Announced(kind, None, ())
        own = Endpoint(address, media.port.number)
        if not self._nat.owns(address):
            self.effects.append(Note("address-left", address_ascii(address)))
            return Announced(kind, own, ())
        if media.active and own.port == DISCARD_PORT:
            self._idle(connection)
            return Announced(kind, own, ())
        flows = self._expose(media, connection, own)
        return Announced(kind, own, tuple(flows) if self._nat.shielded(address) else ())

    def _expose(self, media: Media, connection: Host, own: Endpoint) -> list[Flow]:
        protocol, is_rtp = media.protocol, media.is_rtp
        rtcp = self._rtcp(media, own) if is_rtp and protocol == UDP else None
        adjacent = rtcp is not None and rtcp == (own.address, own.port + 1)
        roles = ("rtp", "rtcp") if adjacent else ("rtp",) if is_rtp else (media.kind.decode("ascii", "replace"),)
        ports = len(roles) * media.count
        first = self._nat.expose(own, protocol, ports=ports, even=is_rtp)
        self._connection(connection, first.address)
        self._port(media.port, first.port, "SDP m=")
        flows = [Flow(roles[0], protocol, first, own)]
        flows += [
            Flow(roles[step % len(roles)], protocol, _above(first, step), _above(own, step)) for step in range(1, ports)
        ]
        if media.rtcp is None and not media.candidates:
            return flows
        names = {flow.leads_to: flow.entrance for flow in flows}
        if rtcp is not None and rtcp not in names:
            names[rtcp] = self._nat.expose(rtcp, UDP)
            flows.append(Flow("rtcp", UDP, names[rtcp], rtcp))
        line, host = media.rtcp, media.rtcp_host
        if line is not None and rtcp is not None and rtcp == (host.address if host else own.address, line.number):
            self._port(line, names[rtcp].port, "SDP a=rtcp")
            if host is not None:
                self._write(host, names[rtcp].address, "SDP a=rtcp")
        return flows + self._candidates(media, names)

    def _rtcp(self, media: Media, own: Endpoint) -> Endpoint:
        """Where RTCP is received: as `a=rtcp` says, else one port above RTP."""
        if media.rtcp is None or media.rtcp.number == 0:
            return _above(own, 1)
        host = media.rtcp_host
        if host is None or host.address is None:
            return Endpoint(own.address, media.rtcp.number)
        if not self._nat.owns(host.address):
            return _above(own, 1)
        return Endpoint(host.address, media.rtcp.number)

    def _candidates(self, media: Media, names: dict[Endpoint, Endpoint]) -> list[Flow]:
        flows = []
        for candidate in media.candidates:
            address = candidate.host.address
            if address is None or not self._nat.owns(address):
                continue
            own = Endpoint(address, candidate.port.number)
            try:
                name = names.get(own) or self._name_candidate(candidate, own)
            except Refused as refused:
                if str(refused) != "third-party-address":
                    raise
                # Another network of the phone's: one way less to reach it, and the others serve.
                self.effects.append(Note("third-party-address", address_ascii(address)))
                continue
            if own not in names and not candidate.related and name.port:
                names[own] = name
                flows.append(Flow("candidate", candidate.protocol, name, own))
            self._write(candidate.host, name.address, "SDP a=candidate")
            if candidate.port.number != DISCARD_PORT:
                self._port(candidate.port, name.port, "SDP a=candidate")
        return flows

    def _name_candidate(self, candidate: Candidate, own: Endpoint) -> Endpoint:
        if own.port in {0, DISCARD_PORT}:
            return Endpoint(self._nat.host(own.address, own=True), 0)
        if candidate.related:
            return self._nat.translate(own, candidate.protocol)
        return self._nat.expose(own, candidate.protocol)

    def _idle(self, connection: Host) -> None:
        """A connection line of media that nothing is received on: its own, since the session's is written anyway."""
        if connection is not self._sdp.connection:
            self._host(connection, "SDP c=")

    def _connection(self, host: Host, address: Address) -> None:
        known = self._connections.get(host.start)
        if known is None:
            self._connections[host.start] = address
            self._write(host, address, "SDP c=")
        elif known != address:
            raise Refused("one-connection-line-two-addresses")

    def _host(self, host: Host, rule: str) -> None:
        if host.address is not None:
            self._write(host, self._nat.host(host.address, own=True), rule)

    def _write(self, host: Host, address: Address, rule: str) -> None:
        if address != host.address:
            self.edits.append(Edit(host.start, host.end, address_ascii(address), rule))

    def _port(self, port: Port, number: int, rule: str) -> None:
        if number != port.number:
            self.edits.append(Edit(port.start, port.end, str(number).encode(), rule))


def _above(endpoint: Endpoint, ports: int) -> Endpoint:
    return Endpoint(endpoint.address, endpoint.port + ports)
