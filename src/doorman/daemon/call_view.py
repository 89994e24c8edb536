"""One call of a running gateway, its doors with what conntrack counts of their flows."""

import time
from collections.abc import Callable, Iterator

from doorman.algs.api import Door, Owner
from doorman.daemon.clock import seconds
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.call_report import call_report
from doorman.dataplanes.plane import PlaneRefused
from doorman.dataplanes.report import Json, door_entry
from doorman.nat.sessions import Session

_COUNTERS = ("packets_in", "packets_out", "bytes_in", "bytes_out")


def call_view(traffic: Traffic, wanted: str, named: Callable[[Iterator[Json]], Iterator[Json]]) -> Json:
    """All about a call, see `cli.gateway.Gateway.call_details`; `named` says of which VRF each is."""
    now = seconds()

    def doors(owner: Owner) -> list[Json]:
        return [_door(traffic, door) for door in traffic.engine.state.doors.of_owner(owner)]

    found = call_report(traffic.engine, traffic.ladders, wanted, doors, time.time() - now, now)
    return found | {"calls": list(named(iter(found["calls"])))}


def _door(traffic: Traffic, door: Door) -> Json:
    sessions = [
        session
        for session in traffic.engine.state.sessions.of_endpoint(door.protocol, door.leads_to)
        if door.visitor in {None, session.outside_global.address}
    ]
    counted = [counters for session in sessions if (counters := _counters(traffic, session)) is not None]
    sums = [sum(column) for column in zip(*counted, strict=True)] if counted else [None] * len(_COUNTERS)
    state = {"state": "used" if sessions else "open"}
    return door_entry(door) | state | dict(zip(_COUNTERS, sums, strict=True))


def _counters(traffic: Traffic, session: Session) -> tuple[int, int, int, int] | None:
    """Packets in and out, bytes in and out; None where the kernel has no such flow, or does not count."""
    try:
        flow = traffic.plane.flow_of(session)
    except PlaneRefused:
        return None
    if flow is None or not flow.packets + flow.reply_packets:
        return None
    if flow.sender == session.inside_local:
        return flow.reply_packets, flow.packets, flow.reply_bytes, flow.bytes
    return flow.packets, flow.reply_packets, flow.bytes, flow.reply_bytes
