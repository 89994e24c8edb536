"""The streams of a session: how each is sent, and the doors that it needs."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from doorman.algs.api import Effect, Message, OpenDoor, Owner
from doorman.algs.flows import Flow
from doorman.algs.rtsp.announcing import Offer, source_of
from doorman.net.addresses import Address, Endpoint
from doorman.net.packet import TCP
from doorman.wire.rtsp_transport import Transport

LONGEST_DOOR: Final = 5 * 86_400.0
"""Seconds that a door is there at most, unless there is a message. This is for a kernel left alone."""


class Entrance(NamedTuple):
    """A flow, and who may come by it."""

    flow: Flow
    visitor: Address


class Stream(NamedTuple):
    """One stream of a session.

    Attributes:
        transport: how it is sent: `udp`, `tcp`, `interleaved`, `multicast`.
        client, server: where the two receive, each as it knows itself; None where that is not said.
        entrances: what it has doors for.
    """

    transport: str
    client: Endpoint | None
    server: Endpoint | None
    entrances: tuple[Entrance, ...]


def stream_of(
    chosen: Sequence[Transport], asked: Sequence[Offer | None], answered: Sequence[Offer | None], message: Message
) -> Stream:
    """The stream that a response to SETUP makes.

    Args:
        chosen: the transports of the response; there should be one.
        asked: what the client offered, to choose from.
        answered: what the server announces, of each transport of the response.
        message: the response.
    """
    if not chosen:  # as if it had taken the first: RFC 2326 wants it to say which (section 10.4)
        client = next((offer for offer in asked if offer is not None), None)
        return Stream("udp", _end(client), None, _entrances(client, message.path.sent_from.address))
    transport, server = chosen[0], answered[0]
    if transport.interleaved or transport.multicast:
        return Stream("interleaved" if transport.interleaved else "multicast", None, None, ())
    client = _taken(transport, asked)
    entrances = _entrances(client, source_of(transport, message)) + _entrances(server, message.path.arrives_to.address)
    return Stream("tcp" if transport.protocol == TCP else "udp", _end(client), _end(server), entrances)


def _taken(transport: Transport, asked: Sequence[Offer | None]) -> Offer | None:
    """The offer that a server took: that with the client's port, else the first of the same protocol."""
    alike = [offer for offer in asked if offer is not None and offer.flows[0].protocol == transport.protocol]
    port = transport.client_port.first.number if transport.client_port is not None else -1
    if transport.dest_addr:
        port = transport.dest_addr[0].port.number
    return next((offer for offer in alike if offer.flows[0].entrance.port == port), alike[0] if alike else None)


def _end(offer: Offer | None) -> Endpoint | None:
    return offer.flows[0].leads_to if offer is not None else None


def _entrances(offer: Offer | None, visitor: Address) -> tuple[Entrance, ...]:
    if offer is None or not offer.sheltered:
        return ()
    return tuple(Entrance(flow, visitor) for flow in offer.flows)


def open_doors(owner: Owner, entrances: Sequence[Entrance], now: float) -> list[Effect]:
    """Doors for flows."""
    return [OpenDoor(flow.door(owner, visitor, now + LONGEST_DOOR)) for flow, visitor in entrances]
