"""What the far party must have sent for a packet to arrive inside as it did: replay's question.

The far party knows inside hosts by their global names only. So addresses are put back to what it knew, in the headers
and, by the ALG's own code with a view that names things the other way, in the message.
"""

from doorman.algs.api import Direction, Message, Path, Refused
from doorman.engine.inspection import Inspector
from doorman.engine.ipsec import name_quoted, name_towards
from doorman.engine.splicing import opens
from doorman.engine.state import State
from doorman.engine.views import Mirror
from doorman.nat.icmp import quoted, readdress_error
from doorman.nat.selection import Towards
from doorman.nat.sessions import flow_key, plain_answer_key
from doorman.net.addresses import Endpoint
from doorman.net.packet import TCP, UDP, Packet, parse_packet, readdress, rewrite


def as_sent(state: State, inspector: Inspector, data: bytes) -> bytes:
    """The packet as the outside sent it.

    Raises:
        Refused: the outside has no name for its receiver, and could not send it.
    """
    if len(data) >= 40 and data[0] == 0x45 and (data[9] == UDP or data[9] == TCP):  # noqa: PLR2004 - speed
        way = state.sessions.outward.get(plain_answer_key(data))
        if way is not None and way.session.plain and not (data[6] & 0x3F or data[7]):
            return way.session.mirror.carry(data)
    packet = parse_packet(data)
    if packet is None:
        return data
    name = name_towards(state, packet)
    if name is not None:
        return readdress(packet, packet.sender, Endpoint(name, packet.destination_port))
    return _error(state, packet) if packet.is_error else _packet(state, inspector, packet)


def _error(state: State, packet: Packet) -> bytes:
    if not state.rules.translates(packet.destination):
        return packet.data
    quote = quoted(packet)
    name = name_quoted(state, quote) if quote is not None else None
    if quote is not None and name is not None:
        inner = quote.readdressed(Endpoint(name, quote.sender.port), quote.receiver)
        return readdress_error(packet, inner, packet.source, name)
    way = quote and state.sessions.outward.get(flow_key(quote.protocol, quote.sender, quote.receiver))
    if not quote or not way:
        raise Refused(f"icmp-error-without-{'session' if quote else 'quote'}")
    changed = quote.readdressed(way.sender, way.receiver)
    return readdress_error(packet, changed, packet.source, way.session.inside_global.address)


def _packet(state: State, inspector: Inspector, packet: Packet) -> bytes:
    way = state.sessions.outward.get(flow_key(packet.protocol, packet.receiver, packet.sender))
    if way is not None and way.session.is_level:
        return packet.data
    if way is not None:
        sender, receiver, alg = way.session.outside_global, way.session.inside_global, way.session.alg
    else:
        virtual = state.rules.virtual.as_sent(packet.receiver) if packet.protocol == TCP and opens(packet) else None
        if virtual is not None:
            return readdress(packet, packet.sender, virtual)
        sender = state.outside_global(packet.protocol, packet.sender)
        towards = Towards(packet.protocol, packet.destination_port, sender)
        binding = state.binding_of(packet.protocol, packet.receiver, towards)
        if binding is None and state.rules.translates(packet.destination):
            raise Refused("no-translation")
        receiver = binding.outward(packet.receiver) if binding is not None else packet.receiver
        alg = _alg(state, inspector, packet, receiver)
    if alg is None or packet.payload_end <= packet.payload_at:
        return readdress(packet, sender, receiver)
    mirror = Mirror(state.names, packet.destination, Towards(packet.protocol, packet.destination_port, sender))
    path = Path(packet.receiver, packet.sender, receiver, sender)
    message = Message(packet.payload, Direction.OUTBOUND, packet.protocol, path, 0.0)
    edits = inspector.as_sent(alg, message, mirror)
    return rewrite(packet, sender, receiver, edits)


def _alg(state: State, inspector: Inspector, packet: Packet, receiver: Endpoint) -> str | None:
    """The ALG that a flow will have which has no session yet."""
    if packet.protocol != UDP:
        return None
    door = state.doors.find(packet.protocol, receiver, packet.source, 0.0)
    if door is not None and door.inspect_as is not None:
        return door.inspect_as
    return inspector.alg_for(UDP, packet.source_port, packet.destination_port)
