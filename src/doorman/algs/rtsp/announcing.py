"""What the ends of an RTSP session announce in Transport, as the other end must read it (RFC 2326, section 12.39).

    SETUP      client_port, destination, dest_addr         the client announces where it receives
    response   the same                                    what it announced, as the server repeats it
               server_port, source, src_addr               the server announces where it sends from, and receives

An end announces itself. A `destination` that is another host is replaced by the sender, which is where media go unless
something else is said: nobody has them sent to a third party. A transport that must not be announced is replaced by one
that no server has, so that it takes another of those to choose from, or refuses (461).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from doorman.algs.api import MAX_RUN, VOID, Edit, Effect, Message, Nat, Note, Refused
from doorman.algs.edits import write_host, write_port
from doorman.algs.flows import Flow
from doorman.algs.rtsp.mentions import name_host
from doorman.net.addresses import (
    PRIVILEGED_END,
    Address,
    Endpoint,
    address_ascii,
    endpoints_from,
    is_multicast,
    is_private,
    is_unspecified,
)
from doorman.wire.places import Host, Port
from doorman.wire.rtsp_transport import Ports, Socket, Transport

_RULE: Final = "Transport"
_NO_TRANSPORT: Final = b"none/none"
_THIRD_PARTY: Final = "third-party-address"


class Offer(NamedTuple):
    """Where an end said that it receives.

    Attributes:
        flows: of RTP and RTCP, say.
        sheltered: whether they need doors.
    """

    flows: tuple[Flow, ...]
    sheltered: bool


class Announced(NamedTuple):
    """What came of an announcement: how it must be read, notes, and what was offered, None for nothing."""

    edits: list[Edit]
    effects: list[Effect]
    offer: Offer | None = None


class _Run(NamedTuple):
    """Ports that follow one another, and where some of them are written."""

    first: int
    size: int
    places: tuple[Port, ...]


def of_client(transport: Transport, message: Message, nat: Nat) -> Announced:
    """What a client announces in a request.

    Raises:
        Refused: it must not.
    """
    hosts = _hosts(transport.destination, transport.dest_addr)
    announced = Announced([], [])
    if transport.multicast or any(is_multicast(host.address) for host in hosts):
        return announced
    own = message.path.arrives_from.address
    if not transport.interleaved:
        flows = _expose(transport, transport.client_port, transport.dest_addr, hosts, message, nat, announced.edits)
        if flows:
            own = flows[0].entrance.address
            if not hosts and own != message.path.arrives_from.address:
                raise Refused("other-address")  # servers take the other, whatever is written
            announced = announced._replace(offer=Offer(flows, nat.shielded(message.path.sent_from.address)))
    for host in hosts:
        if _is_own(host, message):
            _write_unless_any(announced.edits, host, own)
        else:
            written = message.data[host.start : host.end]
            announced.edits.append(Edit(host.start, host.end, address_ascii(own), VOID + _THIRD_PARTY))
            announced.effects.append(Note(_THIRD_PARTY, written))
    return announced


def of_server(transport: Transport, message: Message, nat: Nat) -> Announced:
    """What a server announces in its response; it opens nothing that it must not, and stays as it is then."""
    hosts = _hosts(transport.source, transport.src_addr)
    others = [host for host in hosts if not _is_own(host, message)]
    announced = Announced([], [])
    if others or transport.interleaved or transport.multicast:
        for host in hosts:
            name_host(announced.edits, host, _RULE, nat, own=host not in others)
        return announced
    try:
        flows = _expose(transport, transport.server_port, transport.src_addr, hosts, message, nat, announced.edits)
    except Refused as refused:
        return Announced([], [Note(str(refused), message.data[transport.start : transport.end])])
    own = flows[0].entrance.address if flows else message.path.arrives_from.address
    for host in hosts:
        _write_unless_any(announced.edits, host, own)
    if own != message.path.arrives_from.address and not hosts:
        announced.edits.append(Edit(transport.end, transport.end, b";source=" + address_ascii(own), _RULE))
    offer = Offer(flows, nat.shielded(message.path.sent_from.address)) if flows else None
    return announced._replace(offer=offer)


def repeated(transport: Transport, receiver: Address, nat: Nat) -> list[Edit]:
    """What the server repeats of the client's announcement, as the client wrote it.

    Args:
        transport: the server's choice.
        receiver: the client, as the server knows it.
        nat: how things are named.
    """
    edits: list[Edit] = []
    for run in _runs(transport, transport.client_port, transport.dest_addr):
        for place in run.places:
            own = Endpoint(receiver, place.number)
            write_port(edits, place, nat.translate(own, transport.protocol).port, _RULE)
    for host in _hosts(transport.destination, transport.dest_addr):
        name_host(edits, host, _RULE, nat, own=False)
    return edits


def mentioned(transport: Transport, nat: Nat) -> list[Edit]:
    """What is said of a server by a response that announces nothing."""
    edits: list[Edit] = []
    for host in _hosts(transport.source, transport.src_addr):
        name_host(edits, host, _RULE, nat)
    return edits


def void(transport: Transport, reason: str) -> Edit:
    """Let a transport be none."""
    return Edit(transport.start, transport.end, _NO_TRANSPORT, VOID + reason)


def source_of(transport: Transport, message: Message) -> Address:
    """Where media come from: the server, unless its response says otherwise.

    One that names a private address though it is reached at a public one is behind a NAT that does not know better.
    """
    server = message.path.sent_from.address
    for host in _hosts(transport.source, transport.src_addr):
        address = host.address
        if address is not None and not is_unspecified(address) and not is_multicast(address):
            return server if is_private(address) and not is_private(server) else address
    return server


def _expose(  # noqa: PLR0913, PLR0917 - what is announced, by whom, and where the edits go
    transport: Transport,
    ports: Ports | None,
    sockets: Sequence[Socket],
    hosts: list[Host],
    message: Message,
    nat: Nat,
    edits: list[Edit],
) -> tuple[Flow, ...]:
    """Name the ports at which the sender of a message receives.

    Raises:
        Refused: it must not announce them, or no names are left.
    """
    sender, protocol = message.path.sent_from.address, transport.protocol
    name = message.path.arrives_from.address
    flows: list[Flow] = []
    for run in _runs(transport, ports, sockets):
        if run.size > MAX_RUN:
            raise Refused("too-many-ports")
        if run.first < PRIVILEGED_END:
            raise Refused("port-not-allowed")
        own = Endpoint(sender, run.first)
        if name != sender and any(host.address == name for host in hosts):
            own = nat.behind(Endpoint(name, run.first), protocol) or own
        ends = endpoints_from(own, run.size)
        if nat.shielded(sender):
            names = nat.expose_run(ends, protocol, even=transport.is_rtp)
        else:
            names = endpoints_from(nat.translate(own, protocol), run.size)
        for place in run.places:
            write_port(edits, place, names[0].port + place.number - run.first, _RULE)
        for named, end in zip(names, ends, strict=True):
            role = ("rtp", "rtcp")[len(flows) % 2] if transport.is_rtp else "data"
            flows.append(Flow(role, protocol, named, end))
    return tuple(flows)


def _runs(transport: Transport, ports: Ports | None, sockets: Sequence[Socket]) -> list[_Run]:
    if ports is not None:
        first, last = ports
        if last is None:
            return [_Run(first.number, 2 if transport.is_rtp else 1, (first,))]
        return [_Run(first.number, ports.size, (first, last))]
    runs: list[_Run] = []
    for port in (socket.port for socket in sockets):
        if runs and port.number == runs[-1].first + runs[-1].size:
            runs[-1] = _Run(runs[-1].first, runs[-1].size + 1, (*runs[-1].places, port))
        else:
            runs.append(_Run(port.number, 1, (port,)))
    return runs


def _hosts(alone: Host | None, sockets: Sequence[Socket]) -> list[Host]:
    return [host for host in (alone, *(socket.host for socket in sockets)) if host is not None]


def _is_own(host: Host, message: Message) -> bool:
    """Whether a host is who sends the message, by either name, or nobody in particular."""
    path = message.path
    if host.address is None:
        return False
    return host.address in {path.sent_from.address, path.arrives_from.address} or is_unspecified(host.address)


def _write_unless_any(edits: list[Edit], host: Host, address: Address) -> None:
    if host.address is not None and not is_unspecified(host.address):
        write_host(edits, host, address, _RULE)
