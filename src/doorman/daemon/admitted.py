"""Flows that the firewall has let in, when its policies have become others.

    inspected, still so         goes on, as one of the class that it is of now
    inspected, no longer so     ends: its next packet is judged anew
    by a door                   goes on until its call ends it; also if the firewall came after it

All others the rules judge by their next packet.
"""

from collections.abc import Iterable
from typing import NamedTuple

from doorman.config.access_lists import Traffic as Packet
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.netfilter.conntrack import dump
from doorman.dataplanes.netfilter.flow import Flow, FlowKey
from doorman.dataplanes.netfilter.kernel_flows import flows_of
from doorman.dataplanes.netfilter.marks import ADMITTED, OURS, PROXIED
from doorman.engine.engine import Engine
from doorman.firewall.counts import Place
from doorman.firewall.policy import Verdict
from doorman.net.packet import ICMP, TCP
from doorman.net.routes import UNKNOWN

_SYN, _ECHO = 2, 8


class Review(NamedTuple):
    """What is to be done: flows that end, and the numbers of the classes of others, 0 for those of doors."""

    ended: list[FlowKey]
    admitted: dict[FlowKey, int]


def review_flows(traffic: Traffic) -> None:
    """Let the kernel's flows be those that the policies allow.

    Raises:
        PlaneRefused: the kernel refused some of it.
        NetlinkError: it does not tell what there is.
    """
    if traffic.engine.screen is None:
        return
    found = review(filter(traffic.plane.judges, dump()), traffic.engine, traffic.plane.class_numbers())
    traffic.plane.forget(found.ended)
    traffic.plane.admit(found.admitted)


def review(flows: Iterable[Flow], engine: Engine, numbers: dict[Place, int]) -> Review:
    """What becomes of flows by the policies of an engine, whose classes have these numbers."""
    found = Review([], {})
    for flow in flows:
        if flow.mark & PROXIED:
            continue
        if flow.mark & ADMITTED and flow.label:
            verdict = _verdict(engine, flow)
            number = numbers.get((verdict.pair, verdict.class_map), 0) if verdict is not None else flow.label
            if not number:
                found.ended.append(flow.key)
            elif number != flow.label:
                found.admitted[flow.key] = number
        elif flow.mark & (OURS | ADMITTED) == OURS and _came_by_door(engine, flow):
            found.admitted[flow.key] = 0
    return found


def _verdict(engine: Engine, flow: Flow) -> Verdict | None:
    """What the policies say of a flow's first packet; None where nobody can tell which way it went."""
    if engine.screen is None:
        return None
    firewall, (source, destination) = engine.screen.firewall, (flow.sender, flow.reply_sender)
    between = firewall.interfaces.between(source.address, destination.address)
    if UNKNOWN in between:
        return None
    ends = flow.protocol, source.address, destination.address
    if flow.protocol == ICMP:
        packet = Packet(*ends, icmp_type=_ECHO, icmp_code=0)
    else:
        packet = Packet(*ends, source.port, destination.port, _SYN if flow.protocol == TCP else 0)
    return firewall.judge.judge(*between, packet)


def _came_by_door(engine: Engine, flow: Flow) -> bool:
    doors = engine.state.doors
    return any(doors.covers(one.protocol, one.inside_global, one.outside.address) for one in flows_of(flow))
