"""What a kernel tells of the flows that it carries for the engine.

    first packet      -> `flow_began`     the door it came by becomes a session, the second of Cisco's two databases
    first answer      -> `flow_answered`  an outside that answers where the inside sent first has found its door, too
    silence, or reset -> `flow_ended`     with the last of a call's media its doors close

Only flows through the engine's own names are told of; ordinary ones are the kernel's affair.
"""

from typing import NamedTuple

from doorman.algs.api import Door
from doorman.engine.engine import Engine
from doorman.engine.results import Change, Side
from doorman.nat.bindings import WHOLE_HOST, Binding
from doorman.nat.peerings import Peering, PeeringEnded, PeeringMade
from doorman.nat.sessions import Session, flow_key
from doorman.nat.tunnels import Tunnel, TunnelEnded, TunnelMade
from doorman.net.addresses import Endpoint
from doorman.net.packet import ESP, UDP
from doorman.wire.ike import PORT as IKE_PORT


class KernelFlow(NamedTuple):
    """A flow as the kernel knows it.

    Attributes:
        protocol: 6 or 17; others too, of hosts that have an address for themselves.
        inside_local, inside_global: the two names of its inside end.
        outside: its other end, as the inside knows it.
        begun: the side its first packet came from.
        outside_global: that end as the outside knows it, None for the same.
    """

    protocol: int
    inside_local: Endpoint
    inside_global: Endpoint
    outside: Endpoint
    begun: Side
    outside_global: Endpoint | None = None


def ipsec_news(change: Change) -> tuple[str, KernelFlow] | None:
    """The flow that begins or ends with a tunnel, or with IKE that keeps its port; None for all other changes."""
    if isinstance(change, (TunnelMade, TunnelEnded)):
        begun = Side.OUTSIDE if change.tunnel.outbound is None else Side.INSIDE
        flow = _flow(ESP, 0, change.tunnel, begun)
        return ("begun" if isinstance(change, TunnelMade) else "ended"), flow
    if isinstance(change, (PeeringMade, PeeringEnded)):
        flow = _flow(UDP, IKE_PORT, change.peering, Side.INSIDE)
        return ("begun" if isinstance(change, PeeringMade) else "ended"), flow
    return None


def _flow(protocol: int, port: int, ends: Tunnel | Peering, begun: Side) -> KernelFlow:
    return KernelFlow(
        protocol, Endpoint(ends.host, port), Endpoint(ends.name, port), Endpoint(ends.server, port), begun
    )


def flow_began(engine: Engine, flow: KernelFlow, now: float) -> bool:
    """Enter a flow; False if no name of ours explains it, or no door: what let it through is gone already."""
    state = engine.state
    if _session(engine, flow) is not None:
        return True
    binding = state.bindings.by_global(flow.protocol, flow.inside_global)
    outside_global = flow.outside_global or flow.outside
    outside = state.outside.by_local(flow.protocol, outside_global) if flow.outside_global is not None else None
    if binding is None and outside is not None:  # the kernel gave it a name, or it keeps its own
        binding = Binding(flow.protocol, flow.inside_local, flow.inside_global)
    if binding is None or binding.inward(flow.inside_global) != flow.inside_local:
        return False
    if outside is not None and outside.outward(outside_global).address != flow.outside.address:
        return False
    session = Session(flow.protocol, binding, flow.inside_local, outside_global, outside)
    door = state.doors.find(flow.protocol, flow.inside_global, outside_global.address, now)
    ports = (flow.inside_local.port, flow.outside.port)
    served, client = ports if flow.begun == Side.OUTSIDE else ports[::-1]
    session.alg = engine.inspector.alg_for(flow.protocol, client, served) if flow.protocol == UDP else None
    if flow.begun == Side.INSIDE:
        session.awaited = door is not None and door.flows is not None
    elif door is not None:
        session.alg = door.inspect_as or session.alg
        state.promote(door)
    elif not _may_come(engine, flow, binding):
        return False
    state.sessions.add(session, now)
    return True


def flow_answered(engine: Engine, flow: KernelFlow, now: float) -> None:
    """The other side answered."""
    session = _session(engine, flow)
    if session is not None and session.awaited:
        engine.meet_door(session, now)


def flow_ended(engine: Engine, flow: KernelFlow, now: float) -> None:
    """Forget a flow, and close the doors of whom it was for, if that was the last flow to come by them."""
    session = _session(engine, flow)
    if session is not None:
        session_ended(engine, session, now)


def session_ended(engine: Engine, session: Session, now: float) -> None:
    """The same, where the kernel does not have a flow any more which the engine has."""
    state = engine.state
    state.end_session(session, now)
    for door in state.doors.at(session.protocol, session.inside_global, session.outside_global.address):
        if state.doors.may_last(door.owner):
            continue
        if door.promoted and not any(_is_used(engine, other) for other in state.doors.of_owner(door.owner)):
            state.fall_silent(door.owner, now)


def _session(engine: Engine, flow: KernelFlow) -> Session | None:
    way = engine.state.sessions.outward.get(flow_key(flow.protocol, flow.inside_local, flow.outside))
    return way.session if way is not None else None


def _may_come(engine: Engine, flow: KernelFlow, binding: Binding) -> bool:
    """Whether a flow from the outside needs no door, or has one that others have used up."""
    if binding.static or binding.protocol == WHOLE_HOST:
        return True
    return engine.state.doors.covers(flow.protocol, flow.inside_global, flow.outside.address)


def _is_used(engine: Engine, door: Door) -> bool:
    return bool(engine.state.sessions.of_endpoint(door.protocol, door.leads_to))
