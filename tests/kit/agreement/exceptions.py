"""Where model and kernel may differ, and why: packets that are not sent. docs/rfc.md tells operators of them."""

from collections.abc import Callable

from doorman.config.access_lists import AccessList, Traffic
from doorman.engine.engine import Engine
from doorman.engine.plan import DELEGATED_PORTS_END, DELEGATED_RESERVED
from doorman.engine.results import Side
from doorman.firewall.access import AccessGroups, traffic_of
from doorman.nat.bindings import WHOLE_HOST
from doorman.nat.icmp import quoted
from doorman.nat.selection import Towards
from doorman.net.addresses import Endpoint
from doorman.net.packet import ICMP, TCP, UDP, Packet, parse_packet
from kit.subjects.subject import Arrives

_BEHIND = b"\x0a"
"""Hosts behind the inside network are in 10.0.0.0/8."""


def excepted(engine: Engine, arrives: Arrives, really: Arrives) -> str:
    """Why the two need not agree about a packet that the model would get now, and the kernel; nothing if they must."""
    packet = parse_packet(arrives.packet)
    assert packet is not None
    if arrives.packet == really.packet and _is_a_port_shared(engine, packet):
        return "a port that the model gave out, and not the kernel: to the kernel it is nobody's"
    if arrives.packet != really.packet and _is_a_static_port(engine, packet):
        return "a port that the model gave out, and that is another host's over another protocol"
    if (engine.access or engine.screen) and _stays_on_its_side(engine, packet, arrives.side):
        return "filters, and a packet that leaves on the side it came from: the engine has no routes"
    if engine.screen is not None and _is_behind(engine, packet):
        return "zones, and a host that is in no interface's network: the engine does not know which it is behind"
    if engine.access is not None and _is_judged_by_a_picked_port(engine.access, engine, packet, really):
        return "a list that looks at the port of a shared address: the kernel picks another"
    reasons = (*_ANYWHERE, *(_FROM_INSIDE if arrives.side == Side.INSIDE else _FROM_OUTSIDE))
    return next((why for why, applies in reasons if applies(engine, packet)), "")


def _comes_to_no_name(engine: Engine, packet: Packet) -> bool:
    rules = engine.state.rules
    return rules.looks_at_flows and rules.translates(packet.destination)


def _is_behind(engine: Engine, packet: Packet) -> bool:
    binding = engine.state.bindings.by_global(packet.protocol, packet.receiver)
    ends = (packet.source, packet.destination, *((binding.local.address,) if binding is not None else ()))
    return any(end[:1] == _BEHIND and not engine.state.rules.is_inside(end) for end in ends)


def _stays_on_its_side(engine: Engine, packet: Packet, side: Side) -> bool:
    rules = engine.state.rules
    if side == Side.OUTSIDE:
        return not rules.owns(packet.destination) and not rules.is_inside(packet.destination)
    return rules.is_inside(packet.destination)


def _is_a_port_shared(engine: Engine, packet: Packet) -> bool:
    binding = engine.state.bindings.by_global(packet.protocol, packet.receiver)
    return packet.protocol != ICMP and binding is not None and binding.rule is not None and binding.rule.overload


def _is_a_static_port(engine: Engine, packet: Packet) -> bool:
    binding = engine.state.bindings.by_global(packet.protocol, packet.receiver)
    return binding is not None and binding.static and binding.protocol != WHOLE_HOST


def _is_judged_by_a_picked_port(access: AccessGroups, engine: Engine, packet: Packet, really: Arrives) -> bool:
    """Whether some list says this of the port that the model gave, and that of one which the kernel may have given."""
    if packet.protocol not in {TCP, UDP}:
        return False
    if really.side == Side.OUTSIDE:
        found = parse_packet(really.packet)
        assert found is not None
        seen = [traffic_of(one, one.sender, one.receiver) for one in (packet, found)]
    else:
        towards = Towards(packet.protocol, packet.source_port, packet.receiver, packet.message)
        _, rule = engine.state.rules.rule_for(packet.protocol, packet.sender, towards)
        if rule is None or not rule.overload:
            return False
        name = rule.pool.share(packet.source)
        ports = packet.source_port, DELEGATED_RESERVED[0], DELEGATED_PORTS_END
        seen = [traffic_of(packet, Endpoint(name, port), packet.receiver) for port in ports]
    return any(len({_permits(counted.listed, one) for one in seen}) > 1 for counted in access.lists.values())


def _permits(listed: AccessList, traffic: Traffic) -> bool:
    index = listed.match(traffic)
    return index is not None and listed.entries[index].permit


def _is_unknown_to_be_inside(engine: Engine, packet: Packet) -> bool:
    rules = engine.state.rules
    ends = packet.source, packet.destination
    named = rules.dynamic_for(packet.source) is not None or rules.translates(packet.source)
    renamed = rules.outside.is_name(packet.destination) or rules.outside.gives_name(packet.source)
    return any(end[:1] == _BEHIND and not rules.is_inside(end) for end in ends) and (named or renamed)


def _shares_without_ports(engine: Engine, packet: Packet) -> bool:
    if packet.has_ports or packet.is_error:
        return False
    remote = engine.state.known_outside(packet.protocol, packet.receiver)
    towards = Towards(packet.protocol, packet.source_port, remote, packet.message)
    _, rule = engine.state.rules.rule_for(packet.protocol, packet.sender, towards)
    return rule is not None and rule.overload


def _meets_a_shared_name(engine: Engine, packet: Packet) -> bool:
    state = engine.state
    if packet.is_error:
        return False
    binding = state.bindings.by_global(packet.protocol, packet.receiver)
    if binding is not None:
        return binding.rule is not None and binding.rule.overload
    return any(rule.overload and packet.destination in rule.pool for rule in state.rules.dynamic)


def _meets_itself(engine: Engine, packet: Packet) -> bool:
    binding = engine.state.bindings.by_global(packet.protocol, packet.receiver)
    return packet.source == packet.destination or (binding is not None and binding.local.address == packet.source)


def _reaches_by_another_name(engine: Engine, packet: Packet) -> bool:
    """Whether a sender has a flow with the same port of the same host, which he knows by another name."""
    binding = engine.state.bindings.by_global(packet.protocol, packet.receiver)
    if binding is None:
        return False
    local = binding.inward(packet.receiver)
    sessions = engine.state.sessions.of_endpoint(packet.protocol, local)
    return any(
        session.outside_global == packet.sender and session.inside_global != packet.receiver for session in sessions
    )


def _calls_by_another_name(engine: Engine, packet: Packet) -> bool:
    return engine.state.rules.outside.gives_name(packet.destination)


def _is_of_a_router(engine: Engine, packet: Packet) -> bool:
    quote = quoted(packet) if packet.is_error else None
    if quote is None or quote.receiver.address == packet.source:
        return False
    return engine.state.rules.outside.gives_name(quote.receiver.address)


_Exception = tuple[str, Callable[[Engine, Packet], bool]]
_ANYWHERE: tuple[_Exception, ...] = (
    ("hosts behind the inside network that no line names: the engine cannot know that they are inside",
     _is_unknown_to_be_inside),
    ("one who reaches a host by two of its names: the kernel tells the flows apart by another port of his",
     _reaches_by_another_name),
)  # fmt: skip
_FROM_OUTSIDE: tuple[_Exception, ...] = (
    ("a router's error about a flow to a host with another name inside: to the kernel it comes from that host",
     _is_of_a_router),
    ("rules of flows, and one who knows a host by its own address: to the kernel, so is what answers called",
     _comes_to_no_name),
)  # fmt: skip
_FROM_INSIDE: tuple[_Exception, ...] = (
    ("one who calls a host outside by its own address, though it has another inside: to the kernel it keeps that",
     _calls_by_another_name),
    ("what has no ports cannot share an address: a kernel lets it, for one host and peer at a time",
     _shares_without_ports),
    ("hosts meet at shared addresses only under names that the engine gave them", _meets_a_shared_name),
    ("a host that sends to its own name, or to itself: to conntrack, both directions are one", _meets_itself),
)  # fmt: skip
