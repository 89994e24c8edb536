"""Conntrack's flows and those of the NAT: how each is told by the other."""

from collections.abc import Container

from doorman.dataplanes.netfilter.flow import Flow, FlowKey
from doorman.dataplanes.netfilter.marks import PROXIED
from doorman.engine.flows import KernelFlow
from doorman.engine.results import Side
from doorman.nat.sessions import Session
from doorman.net.addresses import Address


def flows_of(flow: Flow, outside_locals: Container[Address] = ()) -> list[KernelFlow]:
    """A conntrack entry as flows through the NAT: none if it is not translated or is a leg, two for a hairpin.

    `outside_locals`: the addresses that outside hosts may be called by inside.
    """
    if flow.mark & PROXIED:
        return []
    sender, receiver = flow.sender, flow.receiver
    answers, answered = flow.reply_sender, flow.reply_receiver
    if answers != receiver and receiver.address in outside_locals:
        return [KernelFlow(flow.protocol, sender, answered, receiver, Side.INSIDE, answers)]
    if answered != sender and answered.address in outside_locals:
        return [KernelFlow(flow.protocol, answers, receiver, answered, Side.OUTSIDE, sender)]
    flows: list[KernelFlow] = []
    if answered != sender:
        flows.append(KernelFlow(flow.protocol, sender, answered, receiver, Side.INSIDE))
    if answers != receiver:
        # The outside as the inside end sees it; what it was before, if that is an inside host, too.
        flows.append(KernelFlow(flow.protocol, answers, receiver, answered, Side.OUTSIDE))
    return flows


def keys_of(session: Session) -> list[FlowKey]:
    """What finds a flow in conntrack, whichever end began it: its inside end sends, as it is inside."""
    ends = session.protocol, session.inside_local, session.outside_local
    return [FlowKey(*ends), FlowKey(*ends, is_reply=True)]
