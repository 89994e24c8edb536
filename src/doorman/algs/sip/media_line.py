"""Translating a media line of a session description, and the flows that it announces.

    m=audio 49170 RTP/AVP 0            RTP gets an even port and RTCP the odd one above (RFC 3550, section 11),
    a=rtcp:49175                       unless `a=rtcp` names another (RFC 3605), or both share one (RFC 5761)
    m=image 9 TCP t38                  port 9, or `a=setup:active`: the connection is opened from here (RFC 4145)
    a=candidate, a=path                further ways to reach this end, which agree with `c=` and `m=`

ICE candidates are kept in agreement (RFC 8839, section 4.3.1.3), or an ICE agent sees a mismatch. An end may have
learned by STUN what it is called outside and say that: it is recognised, kept, and gets its doors.
"""

from typing import Final

from doorman.algs.api import MAX_RUN, Edit, Effect, Nat, Note, Refused
from doorman.algs.edits import write_host, write_port
from doorman.algs.flows import Flow
from doorman.algs.sip.media import Announced
from doorman.net.addresses import (
    Address,
    Endpoint,
    address_ascii,
    endpoints_from,
    is_multicast,
    is_unspecified,
    new_tuple,
)
from doorman.net.packet import TCP, UDP
from doorman.wire.places import Host
from doorman.wire.session_description import Candidate, Media

DISCARD_PORT: Final = 9
"""What an end writes where it receives nothing: it opens TCP connections itself (RFC 4145, section 4.1), or will say
more later (RFC 8840, section 4.1.1)."""
MSRP_PORT: Final = 2855
_PAIR: Final = ("rtp", "rtcp")


class MediaLine:
    """One media line on its way through the NAT.

    Args:
        data: what the description stands in.
        media: the line, and those that belong to it.
        setup: who opens its connection, see `Media`.
        nat: how things are named.
        edits, effects: where to add what is to be changed, and notes on what was left.

    Attributes:
        named: the address for its connection line; None where that does not depend on this line.
        idle: whether nothing is received at the connection.
        flows: what needs doors.
    """

    __slots__ = ("_data", "_edits", "_effects", "_media", "_nat", "_setup", "flows", "idle", "named")

    def __init__(  # noqa: PLR0913, PLR0917 - a line, its NAT, and where the outcome goes
        self, data: bytes, media: Media, setup: bytes, nat: Nat, edits: list[Edit], effects: list[Effect]
    ) -> None:
        self._data = data
        self._media = media
        self._setup = setup
        self._nat = nat
        self._edits = edits
        self._effects = effects
        self.named: Address | None = None
        self.idle = False
        self.flows: list[Flow] = []

    def translate(self, connection: Host) -> Announced:
        """Translate the line.

        Raises:
            Refused: an address or port may not be announced, or no name is left for it.
        """
        media = self._media
        receives = self._default(connection)
        if media.rtcp_host is not None:
            self._rtcp_elsewhere(media.rtcp_host)
        if media.candidates:
            self._candidates()
        if media.remote:
            self._remote()
        if media.path and not (self.idle or media.cema):
            self._path()
        flows = self.flows
        if flows and not self._nat.shielded(flows[0].leads_to.address):
            flows = []
        return Announced(media.kind, receives, tuple(flows), mux=media.mux)

    def _default(self, connection: Host) -> Endpoint | None:
        """Translate where media are received by default, `c=` and `m=`; None for nowhere."""
        media, address = self._media, connection.address
        if media.port.number == 0:
            self.idle = True
            return None
        if address is None or is_unspecified(address) or is_multicast(address):
            if address is None:
                self._effects.append(Note("media-host-name"))
            return None
        own = new_tuple(Endpoint, (address, media.port.number))
        if not self._nat.owns(address):
            return self._public(own)
        active = media.protocol == TCP and self._setup in {b"active", b"holdconn"}
        if active or own.port == DISCARD_PORT:
            self.idle = True
            return own
        self._expose(own)
        return own

    def _expose(self, own: Endpoint) -> None:
        media, protocol, is_rtp = self._media, self._media.protocol, self._media.is_rtp
        rtcp = self._rtcp(own) if is_rtp and protocol == UDP and not media.mux_only else None
        adjacent = rtcp is not None and rtcp.port == own.port + 1 and rtcp.address == own.address
        roles = _PAIR if adjacent else ("rtp",) if is_rtp else (media.kind,)
        if adjacent and media.count == 1 and rtcp is not None:
            run = [own, rtcp]
        else:  # of more than may be announced, just so many that it shows
            run = endpoints_from(own, min(len(roles) * media.count, MAX_RUN + 1))
        try:
            names = self._nat.expose_run(run, protocol, even=is_rtp)
        except Refused as refused:
            if str(refused) != "port-pair-unavailable" or not adjacent or media.count > 1:
                raise
            # Both have names already, and not beside each other: an agent of ICE has probed from them.
            names = [self._nat.expose(own, protocol)]
        first = names[0]
        self.named = first.address
        write_port(self._edits, media.port, first.port, "SDP m=")
        for step, name in enumerate(names):
            self.flows.append(Flow(roles[step % len(roles)], protocol, name, run[step]))
        if rtcp is not None and (media.rtcp is not None or len(names) == 1):
            self._say_rtcp(own, rtcp)

    def _rtcp(self, own: Endpoint) -> Endpoint:
        """Where RTCP is received: as `a=rtcp` says, else one port above RTP."""
        media = self._media
        if media.rtcp is None or media.rtcp.number == 0:
            return _above(own, 1)
        host = media.rtcp_host
        if host is None or host.address is None:
            return Endpoint(own.address, media.rtcp.number)
        if not self._nat.owns(host.address):
            return _above(own, 1)
        return Endpoint(host.address, media.rtcp.number)

    def _say_rtcp(self, own: Endpoint, rtcp: Endpoint) -> None:
        """Name the port of RTCP, and where it is not one above that of RTP, say it (RFC 3605)."""
        line, host = self._media.rtcp, self._media.rtcp_host
        name = self._names().get(rtcp)
        if name is None:
            name = self._nat.expose(rtcp, UDP)
            self.flows.append(Flow("rtcp", UDP, name, rtcp))
        if line is None:
            self._insert(b"a=rtcp:%d" % name.port)
        elif rtcp == (host.address if host else own.address, line.number):
            write_port(self._edits, line, name.port, "SDP a=rtcp")
            if host is not None:
                write_host(self._edits, host, name.address, "SDP a=rtcp")

    def _rtcp_elsewhere(self, host: Host) -> None:
        """The address in an `a=rtcp` line that announces nothing, as no RTCP is received there, leaves by its name."""
        if host.address is not None and all(edit.start != host.start for edit in self._edits):
            write_host(self._edits, host, self._nat.host(host.address, own=True), "SDP a=rtcp")

    def _public(self, name: Endpoint) -> Endpoint:
        """An end that names itself as the outside knows it; anybody else's address is left."""
        media, nat = self._media, self._nat
        local = nat.behind(name, media.protocol)
        if local is None:
            self._effects.append(Note("address-left", address_ascii(name.address)))
            return name
        roles = _PAIR if media.is_rtp and media.protocol == UDP else (media.kind,)
        if len(roles) * media.count > MAX_RUN:
            raise Refused("too-many-ports")
        for step in range(0, len(roles) * media.count, len(roles)):
            one, behind = _above(name, step), nat.behind(_above(name, step), media.protocol)
            if behind is not None and behind not in self._names():
                nat.expose(behind, media.protocol)
                self.flows.append(Flow(roles[0], media.protocol, one, behind))
            if len(roles) > 1 and not media.mux_only:
                self._public_rtcp(one, behind)
        return local

    def _public_rtcp(self, name: Endpoint, behind: Endpoint | None) -> None:
        """RTCP of such an end: where it says, or at the port above, which may not have a name yet."""
        line, host = self._media.rtcp, self._media.rtcp_host
        rtcp = _above(name, 1)
        if line is not None and line.number:
            rtcp = Endpoint(host.address if host is not None and host.address else name.address, line.number)
        local = self._nat.behind(rtcp, UDP)
        if local is None and behind is not None and rtcp == _above(name, 1):
            try:
                self._nat.expose_run(endpoints_from(behind, 2), UDP, even=False)
            except Refused:
                return  # it is somebody else's, and nobody can be reached there
            local = self._nat.behind(rtcp, UDP)
        if local is not None and local not in self._names():
            self._nat.expose(local, UDP)
            self.flows.append(Flow("rtcp", UDP, rtcp, local))

    def _candidates(self) -> None:
        names = self._names()
        for candidate in self._media.candidates:
            address = candidate.host.address
            if address is None:
                continue
            own = Endpoint(address, candidate.port.number)
            if not self._nat.owns(address):
                behind = None if candidate.related else self._nat.behind(own, candidate.protocol)
                if behind is not None and behind not in names:  # reflexive (RFC 8445, section 5.1.1.2)
                    names[behind] = self._announce("candidate", behind, candidate.protocol) or own
                continue
            name = names.get(own) or self._name(candidate, own)
            if name is None:
                continue
            if not candidate.related and name.port not in {0, DISCARD_PORT}:
                names[own] = name
            write_host(self._edits, candidate.host, name.address, "SDP a=candidate")
            if candidate.port.number != DISCARD_PORT:
                write_port(self._edits, candidate.port, name.port, "SDP a=candidate")

    def _name(self, candidate: Candidate, own: Endpoint) -> Endpoint | None:
        if own.port in {0, DISCARD_PORT}:
            return Endpoint(self._nat.host(own.address, own=True), own.port)
        if candidate.related:
            return self._nat.translate(own, candidate.protocol)
        return self._announce("candidate", own, candidate.protocol)

    def _announce(self, role: str, own: Endpoint, protocol: int) -> Endpoint | None:
        """A further way to reach this end; None where it is not this end's."""
        try:
            name = self._nat.expose(own, protocol)
        except Refused as refused:
            if str(refused) != "third-party-address":
                raise
            # Another network of the phone's: one way less to reach it, and the others serve.
            self._effects.append(Note("third-party-address", address_ascii(own.address)))
            return None
        self.flows.append(Flow(role, protocol, name, own))
        return name

    def _path(self) -> None:
        """MSRP connects to where the path says, so that agrees with `c=` and `m=` (RFC 4975, section 8.1)."""
        media, names = self._media, self._names()
        for host, port in media.path:
            if host.address is None or not self._nat.owns(host.address):
                continue
            own = Endpoint(host.address, port.number if port is not None else MSRP_PORT)
            name = names.get(own) or self._announce(media.kind, own, media.protocol)
            if name is None:
                continue
            write_host(self._edits, host, name.address, "SDP a=path")
            if port is not None:
                write_port(self._edits, port, name.port, "SDP a=path")
            elif name.port != MSRP_PORT:
                self._edits.append(Edit(host.end, host.end, b":%d" % name.port, "SDP a=path"))

    def _remote(self) -> None:
        """The other side's candidates, which may be ours as it knows us."""
        for host, port in self._media.remote:
            if host.address is not None and port is not None and self._nat.owns(host.address):
                name = self._nat.translate(Endpoint(host.address, port.number), self._media.protocol)
                write_host(self._edits, host, name.address, "SDP a=remote-candidates")
                write_port(self._edits, port, name.port, "SDP a=remote-candidates")

    def _names(self) -> dict[Endpoint, Endpoint]:
        """What its endpoints are called outside, as far as that is known."""
        return {flow.leads_to: flow.entrance for flow in self.flows}

    def _insert(self, attribute: bytes) -> None:
        """Add a line where this media's description ends, with the line end that it has."""
        data, at = self._data, self._media.end
        end = b"\n" if data[at - 1 : at] == b"\n" and data[at - 2 : at - 1] != b"\r" else b"\r\n"
        line = attribute + end if data[at - 1 : at] == b"\n" else end + attribute
        self._edits.append(Edit(at, at, line, "SDP a=rtcp"))


def _above(endpoint: Endpoint, ports: int) -> Endpoint:
    return new_tuple(Endpoint, (endpoint.address, endpoint.port + ports))
