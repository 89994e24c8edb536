"""Sessions: the flows that are there, each under the keys of its packets in both directions.

A session is the second of Cisco's two databases: a door that gets its first packet becomes one. It holds the four
endpoints of the flow in NAT's own words, and, ready made, what has to be changed in a packet.
"""

from collections.abc import Iterator
from typing import Any, Final

from doorman.algs.api import Door, Nat, Owner, Path
from doorman.config.model import Timeouts, lifetime
from doorman.nat.bindings import Binding
from doorman.net.addresses import Endpoint
from doorman.net.checksum import word_sum
from doorman.net.packet import GRE, ICMP, TCP, UDP, Packet
from doorman.stream.splice import Splice
from doorman.timers import Timed, Timers
from doorman.wire.ike import PORT as IKE_PORT

DNS_PORT: Final = 53
PPTP_PORT: Final = 1723
_FIN, _SYN, _RST = 1, 2, 4
_FLAGS_AT: Final = 33
"""Where the TCP flags stand behind an IPv4 header without options."""
_PLAIN_HEADER: Final = 20
"""Bytes of an IPv4 header without options."""

_NOBODY: Final[frozenset[Owner | None]] = frozenset()


def flow_key(protocol: int, sender: Endpoint, receiver: Endpoint) -> bytes:
    """The key of packets from one endpoint to another: their `ends`; of other protocols than UDP, with its number.

    For UDP over IPv4 without options that is bytes 12 to 24 of the packet, as they stand.
    """
    return _key(protocol, ends(sender, receiver))


def ends(sender: Endpoint, receiver: Endpoint) -> bytes:
    """Two endpoints as they stand in a packet: both addresses, both ports."""
    return b"%b%b%b" % (sender.address, receiver.address, (sender.port << 16 | receiver.port).to_bytes(4, "big"))


def _key(protocol: int, between: bytes) -> bytes:
    return between if protocol == UDP else between + protocol.to_bytes(1, "big")


def packet_key(packet: Packet) -> bytes:
    """The key of packets that go the way of this one."""
    if packet.transport_at == _PLAIN_HEADER and packet.payload_at != _PLAIN_HEADER:
        return plain_key(packet.data)
    return flow_key(packet.protocol, packet.sender, packet.receiver)


def plain_key(data: bytes) -> bytes:
    """The key of an IPv4 packet of TCP or UDP without options."""
    return data[12:24] if data[9] == UDP else data[12:24] + data[9:10]


def plain_answer_key(data: bytes) -> bytes:
    """The key of the packets that such a one answers."""
    ends_turned = data[16:20] + data[12:16] + data[22:24] + data[20:22]
    return ends_turned if data[9] == UDP else ends_turned + data[9:10]


class Way:
    """One direction of a session, with what it changes in an IPv4 packet of it.

    Attributes:
        session: whose way it is.
        sender, receiver: the endpoints that packets leave with.
        view: how ALGs see the NAT for its messages, None where none has asked yet.
        replacement: bytes 12 to 24 of a packet that leaves: both addresses, both ports.
        header_difference, transport_difference: what that changes in the sums of the IP and the TCP or UDP checksum.
    """

    __slots__ = (
        "_path", "header_difference", "receiver", "replacement", "sender", "session", "transport_difference", "view",
    )  # fmt: skip

    def __init__(self, session: "Session", came: bytes, sender: Endpoint, receiver: Endpoint) -> None:
        """`came`: the ends with which packets come."""
        self._path: Path | None = None
        self.view: Nat | None = None
        self.session = session
        self.sender = sender
        self.receiver = receiver
        self.replacement = ends(sender, receiver)
        addresses = len(sender.address) * 2
        self.header_difference = word_sum(self.replacement[:addresses]) - word_sum(came[:addresses])
        self.transport_difference = word_sum(self.replacement) - word_sum(came)

    @property
    def path(self) -> Path:
        """The ends of the messages that go it; made when first asked for."""
        if self._path is None:
            session = self.session
            came = (session.inside_local, session.outside_local)
            if self is not session.outward:
                came = (session.outside_global, session.inside_global)
            self._path = Path(*came, self.sender, self.receiver)
        return self._path

    def carry(self, data: bytes) -> bytes:
        """Give an IPv4 packet of TCP or UDP, without options, the endpoints of this way."""
        header = ((data[10] << 8 | data[11]) - self.header_difference) % 0xFFFF
        at = 26 if data[9] == UDP else 36
        checksum = data[at] << 8 | data[at + 1]
        if checksum or at == 36:  # noqa: PLR2004 - zero is no checksum, in UDP alone
            checksum = (checksum - self.transport_difference) % 0xFFFF
            if not checksum and at == 26:  # noqa: PLR2004 - UDP
                checksum = 0xFFFF
        return b"".join((
            data[:10],
            header.to_bytes(2, "big"),
            self.replacement,
            data[24:at],
            checksum.to_bytes(2, "big"),
            data[at + 2 :],
        ))  # fmt: skip


class Session(Timed):
    """A flow through the NAT.

    Attributes:
        protocol: 6, 17, 1 (the 'ports' are the query identifier), or another without ports.
        inside_local, inside_global, outside_local, outside_global: its endpoints.
        binding: the one it goes through.
        outside_binding: that of its outside end; None where this has the same name inside.
        alg: the ALG that inspects it; None for plain traffic.
        spoke: the ALG of whose protocol a message was seen, "" where none was.
        waits_for: owners of the doors of flows that it brought about, as long as which are there silence does not end
            it; None is that of plain flows between its two hosts.
        awaited: whether a door waits for its first packet from the outside.
        by_door: the door that let it through the firewall.
        hairpin: whether it comes back in through the NAT, to another inside host.
        begun: the way that its first packet went.
        calls: of TCP, whether nobody has answered its SYN yet.
        splice: of an inspected TCP connection, what its segments go through.
        plain: none of these, and not inspected: a packet needs nothing but other endpoints.
        settled: of TCP, whether only a SYN, FIN or RST can tell more: the connection is open, or is being closed.
        last_used: when its last packet passed, in seconds.
        timeout: how long it may be silent, in seconds.
        outward, inward: its two ways; `outward_key`, `inward_key`: those of the packets that go them.
    """

    __slots__ = (
        "_mirror", "alg", "awaited", "begun", "binding", "by_door", "calls", "hairpin", "inside_global",
        "inside_local", "inward", "inward_key", "last_used", "outside_binding", "outside_global", "outside_local",
        "outward", "outward_key", "plain", "protocol", "settled", "splice", "spoke", "timeout",
        "waits_for",
    )  # fmt: skip

    def __init__(
        self,
        protocol: int,
        binding: Binding,
        inside_local: Endpoint,
        outside_global: Endpoint,
        outside_binding: Binding | None = None,
    ) -> None:
        super().__init__()
        self.protocol = protocol
        self.binding = binding
        self.outside_binding = outside_binding
        self.inside_local = inside_local
        self.inside_global = binding.outward(inside_local)
        self.outside_local = self.outside_global = outside_global
        if outside_binding is not None:
            self.outside_local = outside_binding.outward(outside_global)
        if protocol == ICMP:  # both directions carry the one identifier, as the sender of each knows it
            self.outside_local = Endpoint(self.outside_local.address, self.inside_local.port)
            self.outside_global = Endpoint(outside_global.address, self.inside_global.port)
        self.alg: str | None = None
        self.splice: Splice[Any] | None = None
        self.spoke = ""
        self.hairpin = self.awaited = self.settled = self.calls = False
        self.by_door: Door | None = None
        self.waits_for = _NOBODY
        self.plain = True
        self.last_used = self.timeout = 0.0
        sent = ends(self.inside_local, self.outside_local)
        received = ends(self.outside_global, self.inside_global)
        self.outward_key, self.inward_key = _key(protocol, sent), _key(protocol, received)
        self.outward = Way(self, sent, self.inside_global, self.outside_global)
        self.inward = Way(self, received, self.outside_local, self.inside_local)
        self.begun = self.outward
        self._mirror: Way | None = None

    @property
    def is_level(self) -> bool:
        """Whether both ends know each other as they are: nothing is translated."""
        return self.binding.local == self.binding.global_

    @property
    def is_inspected(self) -> bool:
        """Whether an ALG looks at what passes from now on."""
        return self.alg is not None

    def settle_plain(self) -> None:
        """Find out again whether it is plain."""
        inspected = self.alg is not None or self.splice is not None
        self.plain = not (inspected or self.hairpin or self.awaited or self.is_ike)

    @property
    def is_ike(self) -> bool:
        """Whether both ends have IKE's port: then hosts that keep theirs may have associations with the same server."""
        return self.protocol == UDP and self.inside_global.port == IKE_PORT == self.outside_global.port

    @property
    def mirror(self) -> Way:
        """The inward way undone: from a packet as it arrives inside to the packet that the outside sent."""
        if self._mirror is None:
            arrived = ends(self.outside_local, self.inside_local)
            self._mirror = Way(self, arrived, self.outside_global, self.inside_global)
        return self._mirror


class Sessions:
    """All sessions of a NAT."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.outward: dict[bytes, Way] = {}
        self.inward: dict[bytes, Way] = {}
        self._of_endpoint: dict[tuple[int, Endpoint], dict[bytes, Session]] = {}
        self._timers: Timers[Session] = Timers()
        self.set_timeouts(timeouts)

    def __iter__(self) -> Iterator[Session]:
        return (way.session for way in self.outward.values())

    def __len__(self) -> int:
        return len(self.outward)

    def set_timeouts(self, timeouts: Timeouts) -> None:
        """Let sessions live for other times; one that is there finds out with its next timer, or TCP's next flag."""
        self._timeouts = timeouts
        self._ports = {(protocol, port): seconds for protocol, port, seconds in timeouts.ports}

    def add(self, session: Session, now: float) -> None:
        """Enter a session and note it with its binding; one that has the same keys is over."""
        for way in (self.outward.get(session.outward_key), self.inward.get(session.inward_key)):
            if way is not None:
                self.remove(way.session)
        self.outward[session.outward_key] = session.outward
        self.inward[session.inward_key] = session.inward
        session.binding.sessions += 1
        if session.outside_binding is not None:
            session.outside_binding.sessions += 1
        self._of_endpoint.setdefault((session.protocol, session.inside_local), {})[session.outward_key] = session
        session.last_used = now
        session.settle_plain()
        session.settled = False
        session.timeout = self._timeout(session)
        self._timers.start(now + session.timeout, session)

    def remove(self, session: Session) -> None:
        """Forget a session; its binding may have become idle."""
        session.splice = None
        self._timers.stop(session)
        if self.outward.get(session.outward_key) is session.outward:
            del self.outward[session.outward_key]
            session.binding.sessions -= 1
            if session.outside_binding is not None:
                session.outside_binding.sessions -= 1
            endpoint = (session.protocol, session.inside_local)
            others = self._of_endpoint[endpoint]
            del others[session.outward_key]
            if not others:
                del self._of_endpoint[endpoint]
        if self.inward.get(session.inward_key) is session.inward:
            del self.inward[session.inward_key]

    def of_endpoint(self, protocol: int, inside_local: Endpoint) -> list[Session]:
        """The sessions of an inside endpoint."""
        return list(self._of_endpoint.get((protocol, inside_local), {}).values())

    def overdue(self, now: float) -> list[Session]:
        """The sessions that were silent for too long; they are still entered."""
        gone = []
        for session in self._timers.due(now):
            ends = session.last_used + session.timeout
            if ends > now:
                self._timers.look(ends, session, now)
            else:
                gone.append(session)
        return gone

    def wait(self, session: Session, now: float) -> None:
        """Let one that was silent for too long be silent for as long again."""
        session.last_used = now
        self._timers.start(now + session.timeout, session)

    def see_flags(self, session: Session, flags: int) -> None:
        """Follow a TCP connection: half open, open, closing (RFC 5382, REQ-5); one that closes stays so until a SYN."""
        timeouts = self._timeouts
        if flags & (_FIN | _RST):
            seconds = timeouts.finrst
        elif flags & _SYN:
            seconds = timeouts.syn
        elif session.settled:
            return
        else:
            port = session.outside_global.port
            seconds = self._ports.get(("tcp", port), timeouts.pptp if port == PPTP_PORT else timeouts.tcp)
        session.settled = not session.calls and (not flags & _SYN or bool(flags & (_FIN | _RST)))
        timeout = lifetime(seconds)
        if timeout < session.timeout:
            self._timers.start(session.last_used + timeout, session)
        session.timeout = timeout

    def _timeout(self, session: Session) -> float:
        timeouts, port = self._timeouts, session.outside_global.port
        if session.protocol == UDP:
            seconds = self._ports.get(("udp", port), timeouts.dns if port == DNS_PORT else timeouts.udp)
        elif session.protocol == TCP:
            seconds = timeouts.syn
        elif session.protocol == ICMP:
            seconds = timeouts.icmp
        else:
            seconds = timeouts.pptp if session.protocol == GRE else timeouts.translation
        return lifetime(seconds)


def tcp_flags(packet: Packet) -> int:
    """The flag byte of a TCP header (RFC 9293, section 3.1)."""
    return packet.data[packet.transport_at + 13]
