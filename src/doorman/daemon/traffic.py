"""What passes between kernel and engine: signalling to be decided on, news of flows, and the engine's changes.

    queue  ── packets ──> engine ── changes ──> plane (kernel)     first the changes, all or none,
      ^                      │                                     then the verdicts that depend on them
      └────── verdicts ──────┘
    events ── a flow began, was answered, ended ──> engine ── changes ──> plane

The kernel translates headers; a verdict changes no more than the payload. Where the kernel cannot follow the engine,
the messages that announce what is not there are dropped, and its table is made anew from what the engine has.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Final

from doorman.config.model import Config
from doorman.daemon.audit_trail import AuditTrail
from doorman.daemon.clock import seconds
from doorman.daemon.growth import grown
from doorman.daemon.keeper import Keeper
from doorman.daemon.segments import SegmentRoad
from doorman.daemon.shut_doors import ShutDoors
from doorman.daemon.tunnel_use import TunnelUse
from doorman.dataplanes.netfilter.conntrack import dump
from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.events import Event, Events, Kind
from doorman.dataplanes.netfilter.flow import SEEN_REPLY, FlowKey
from doorman.dataplanes.netfilter.marks import ADMITTED, AUDITED, CARRIED, INSPECTED, OURS, PLAIN, PROXIED
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.netfilter.queue import MOST_PACKETS, Queue
from doorman.dataplanes.netfilter.queued_packet import QueuedPacket
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.engine import Engine
from doorman.engine.flows import KernelFlow, flow_answered, flow_began, flow_ended, ipsec_news, session_ended
from doorman.engine.inspection import Inspection
from doorman.engine.ladder import Ladders, held_back, judged
from doorman.engine.results import Change, DoorClosed, DoorOpened, DoorPromoted, Fate, Result, SessionCut, Side, cuts
from doorman.memory import Garbage
from doorman.net.addresses import Endpoint
from doorman.net.packet import TCP, UDP, parse_packet

FlowNews = tuple[str, KernelFlow]
"""What happened to a flow: `begun` or `ended`, and which."""
Watcher = Callable[[Inspection | FlowNews], None]

_log = logging.getLogger(__name__)
_FORWARDED: Final = Fate.FORWARDED
_PASSED: Final = Fate.PASSED
_DROPPED: Final = Fate.DROPPED
_FORWARD: Final = 2
"""The hook in which the kernel hands out nothing but datagrams that it carries all the same."""
_NOT_OURS: Final = frozenset({"no-translation", "no-session-or-door", "esp-other-vrf", "ike-other-vrf"})
"""Reasons for which the engine drops what the kernel knows better: it may be for the gateway itself, or another VRF."""
_GRACE: Final = 5.0
"""Seconds for which a flow may be unknown to the kernel, though a packet of it came."""


class Traffic:
    """One engine at work on one kernel.

    Attributes:
        sides: which side of the NAT an interface is on, by its index.
        received: packets that came from the queue.
        counters: of what the engine does not count.
        segments: the road of TCP in mode vtcp.
        ladders: of its calls.
        watchers: told of every message that an ALG saw, and of every flow through a name of the engine.
    """

    def __init__(self, engine: Engine, plane: NetfilterPlane, queue: Queue, events: Events, keeper: Keeper) -> None:
        self.engine = engine
        self.plane = plane
        self.queue = queue
        self.events = events
        self.sides: dict[int, Side] = {}
        self.received = 0
        self.counters: Counter[str] = Counter()
        self.segments = SegmentRoad(engine, plane, queue)
        self.ladders = Ladders()
        self.watchers: list[Watcher] = []
        self._keeper = keeper
        self._mark = plane.mark
        self._tunnel_use = TunnelUse(engine, plane)
        self._audit_trail = AuditTrail()
        self._shut_doors = ShutDoors()
        self._garbage = Garbage()
        self._behind = False
        self._uncut: list[SessionCut] = []
        self._config: Config | None = None
        self._overruns = 0

    def adopt(self, config: Config) -> None:
        """Let the kernel translate as a configuration says, with all names and doors the engine has.

        Raises:
            PlaneRefused: it goes on as before.
        """
        state, now = self.engine.state, seconds()
        names = chain(state.bindings, state.outside)
        self.plane.synchronise(config, names, state.doors.everyone(), now, state.ipsec())
        self.queue.when_full(accept=config.fails_open)
        self._config = config
        self._behind = False
        changes = self.engine.take_changes()
        self._keeper.note(changes)
        uncut = self._uncut + cuts(changes)
        self._uncut.clear()
        self.plane.commit(uncut, now)

    def reconfigure(self, config: Config) -> None:
        """Let the kernel follow an engine whose configuration is another now; of names and doors, only what changed.

        Raises:
            PlaneRefused: it goes on as before.
        """
        if self._behind or not self.plane.reconfigure(config):
            self.adopt(config)
            return
        self.queue.when_full(accept=config.fails_open)
        self._config = config
        self.commit()

    def on_packets(self) -> bool:
        """Decide about packets that wait, some at a time; whether more may wait."""
        packets = self.queue.receive()
        if not packets:
            return False
        self.received += len(packets)
        now = seconds()
        results: list[Result] = []
        # What those before in the batch have changed may be what the next announces once more.
        depend_from = MOST_PACKETS
        for packet in packets:
            results.append(self._decide(packet, now))
            if depend_from == MOST_PACKETS and self.engine.state.changes:
                depend_from = len(results) - 1
        announced = bool(self.engine.state.changes)
        followed = self.commit()
        if announced:
            self._keeper.flush_urgent(now)  # nothing is announced that a restart would not know of
        for at, packet in enumerate(packets):
            result = results[at]
            may_go = followed or not (at >= depend_from or result.inspections or result.is_of_stream)
            self._judge(packet, result, may_go=may_go)
        self.queue.flush()
        self._let_go_of_tunnels()
        self.segments.settle()
        if self._keeper.urgent:
            self._keeper.flush_urgent(now)
        for result in results:
            if result.inspections:
                self.watch(judged(result) if followed else held_back(result.inspections, "kernel-refused"))
        return len(packets) == MOST_PACKETS

    def on_events(self) -> None:
        """Hear what flows began, were answered, and ended."""
        now = seconds()
        for event in self.events.receive():
            if event.flow.mark & AUDITED and self.plane.judges(event.flow):
                self._audit_trail.see(event, self.plane.class_numbers())
            if event.flow.mark & OURS and self.plane.has(event.flow):
                self._on_event(event, now)
        if self.events.overruns != self._overruns:
            self._overruns = self.events.overruns
            self._audit_trail.compare(filter(self.plane.judges, dump(AUDITED, AUDITED)))
            self.compare_flows()
        self.commit()

    def _on_event(self, event: Event, now: float) -> None:
        """Hear what became of a flow through a name of the engine."""
        for flow in self.plane.flows_of(event.flow):
            if event.kind == Kind.DESTROY:
                if self.segments.has_followed(event.flow):
                    continue
                self._tell("ended", flow)
                flow_ended(self.engine, flow, now)
            elif event.kind == Kind.UPDATE and event.flow.status & SEEN_REPLY:
                flow_answered(self.engine, flow, now)
            elif event.kind == Kind.NEW:
                self._tell("begun", flow)
                self._hear_of(flow, now)

    def on_time(self) -> None:
        """End what is over, and make the table anew if somebody removed it; to be called each second."""
        self._see_tunnels()
        self._let_go_of_tunnels()
        self.engine.expire(seconds())
        self.segments.remind(seconds())
        if self._config is not None:
            self.segments.prolong(self._config.timeouts.tcp, seconds())
        self._garbage.spare()
        self._garbage.collect()
        if not self._behind and not self._is_in_force():
            self.counters["table-lost"] += 1
            _log.warning("somebody has emptied or removed the kernel's table: it is made anew")
            self._behind = True
        self.commit()
        if self._shut_doors:
            self._end_flows_of_doors()

    def compare_flows(self) -> None:
        """Make the engine's sessions those that the kernel has: some news may be lost, or older than we are."""
        state, now = self.engine.state, seconds()
        known: set[tuple[int, Endpoint, Endpoint]] = set()
        for flow, answered in self.plane.flows():
            self._hear_of(flow, now)
            if answered:
                flow_answered(self.engine, flow, now)
            known.add((flow.protocol, flow.inside_local, flow.outside))
        for session in list(state.sessions):
            ends = session.protocol, session.inside_local, session.outside_local
            # The proxy's connections are not the kernel's to know; what came just now may be on its way there.
            is_carried = session.protocol != TCP or session.splice is not None
            if is_carried and ends not in known and session.last_used < now - _GRACE:
                session_ended(self.engine, session, now)
                self.counters["flows-missed"] += 1
        self.commit()

    def forget_uninspected(self, config: Config, *, connections: bool = False) -> None:
        """Let flows of signalling that began while nobody inspected them begin anew, with the next packet.

        TCP connections, which that resets, only where told so; and not those that a proxy has, or is to have.
        """
        served = {
            UDP: _all_of(config.flow_ports) | _all_of(config.carried_ports),
            TCP: _all_of(config.ports("tcp", "vtcp")) if connections else set(),
        }
        keys = [
            flow.key
            for flow in filter(self.plane.has, dump(0, INSPECTED | CARRIED | PLAIN | PROXIED))
            if self.plane.flows_of(flow) and served.get(flow.protocol, set()) & {flow.sender.port, flow.receiver.port}
        ]
        try:
            self.plane.forget(keys)
        except PlaneRefused as refused:
            _log.warning("flows cannot be forgotten: %s", refused)

    def commit(self) -> bool:
        """Let the kernel follow the engine; whether it does."""
        changes = self.engine.take_changes()
        if changes:
            self._keeper.note(changes)
            self._note(changes)
        if not (changes or self._behind):
            return True
        now = seconds()
        try:
            if not self._behind:
                self.plane.commit(changes, now)
                return True
        except Exception as error:  # noqa: BLE001 - packets wait for a verdict, whatever happened to the change
            self.counters["commit-refused"] += 1
            unexpected = not isinstance(error, PlaneRefused)
            _log.warning("the kernel refused a change, its table is made anew: %s", error, exc_info=unexpected)
        self._uncut += cuts(changes)
        return self._catch_up()

    def _note(self, changes: list[Change]) -> None:
        """Count changes, and tell those who need to know."""
        opened = closed = promoted = 0
        for change in changes:
            if isinstance(change, DoorOpened):
                opened += 1
            elif isinstance(change, DoorClosed):
                closed += 1
            elif isinstance(change, DoorPromoted):
                promoted += 1
            elif (news := ipsec_news(change)) is not None:
                self._tell(*news)
        if opened:
            self.counters["doors-opened"] += opened
        if promoted:
            self.counters["doors-promoted"] += promoted
        if closed:
            self.counters["doors-closed"] += closed
            self._shut_doors.note(changes)

    def save(self) -> None:
        """Let a restart know of all that was done, before anything tells of it."""
        self._keeper.flush(seconds())

    def watch(self, inspections: tuple[Inspection, ...]) -> None:
        """Remember messages in short, and tell those who watch."""
        for inspection in inspections:
            self.ladders.see(inspection)
            if self.watchers:
                self._inform(inspection)

    def _tell(self, event: str, flow: KernelFlow) -> None:
        self.counters[f"flows-{event}"] += 1
        self._inform((event, flow))

    def _inform(self, news: Inspection | FlowNews) -> None:
        for watcher in self.watchers:
            try:
                watcher(news)
            except Exception:  # noqa: BLE001 - whatever they do with it, flows and calls go on
                _log.exception("an internal error; somebody who watches was not told")

    def _catch_up(self) -> bool:
        if self._config is None:
            return False
        try:
            self.adopt(self._config)
        except Exception as error:  # noqa: BLE001 - as above; it is tried again
            self._behind = True
            self.counters["table-refused"] += 1
            _log.error("the kernel's table cannot be made: %s", error, exc_info=not isinstance(error, PlaneRefused))
            return False
        return True

    def _decide(self, packet: QueuedPacket, now: float) -> Result:
        """What becomes of a packet."""
        side = self.sides.get(packet.in_index)
        if side is None:
            return Result(_PASSED, packet.data, Side.OUTSIDE)
        try:
            if packet.hook == _FORWARD or packet.mark & CARRIED:
                return self.engine.carried.look(packet.data, side, now)
            return self.engine.receive(packet.data, side, now)
        except Exception:  # noqa: BLE001 - whatever one packet does to us, the others need their verdicts
            _log.exception("an internal error; the packet is dropped")
            self.engine.drops["internal-error"] += 1
            return Result(_DROPPED, packet.data, side, "internal-error")

    def _judge(self, packet: QueuedPacket, result: Result, *, may_go: bool) -> None:
        fate = result.fate
        if not may_go:
            self.counters["not-announced"] += 1
            self.engine.drops["kernel-refused"] += 1
            self.queue.drop(packet.id)
        elif self.segments.judge(packet, result):
            pass
        elif fate is _FORWARDED or fate is _PASSED:
            mark = packet.mark & ~CARRIED
            if result.stopped:
                self.queue.repeat(packet.id, mark=mark | PLAIN)
                return
            if fate is _FORWARDED:
                mark |= self._mark  # what conntrack does not know, IPsec, bears none yet by which it is routed
            changed = _changed(packet.data, result.packet)
            self.queue.accept(packet.id, changed, mark=mark if mark != packet.mark else None)
        elif result.reason in _NOT_OURS and not self._forget_reply(packet.data):
            self.engine.drops[result.reason] -= 1
            self.counters["for-the-gateway-itself"] += 1
            self.queue.accept(packet.id)
        else:
            self.queue.drop(packet.id)

    def _end_flows_of_doors(self) -> None:
        """End the flows of doors that are shut, which no name tells of."""
        try:
            flows = filter(self.plane.judges, dump(ADMITTED, ADMITTED | INSPECTED))
            self.plane.forget(self._shut_doors.ended(flows, self.engine.state.doors))
        except (NetlinkError, PlaneRefused) as error:
            _log.warning("media of calls that have ended may go on: %s", error)

    def _see_tunnels(self) -> None:
        try:
            self._tunnel_use.look(seconds())
        except NetlinkError as error:
            _log.warning("the kernel does not tell which tunnels are in use: %s", error)

    def _let_go_of_tunnels(self) -> None:
        if not self.plane.new_tunnels:
            return
        try:
            self.plane.let_go_of_tunnels()
        except PlaneRefused as refused:
            _log.warning("an answer to a tunnel may not find its host: %s", refused)

    def _is_in_force(self) -> bool:
        try:
            return self.plane.is_in_force()
        except NetlinkError as error:
            _log.warning("the kernel does not tell whether its table is there: %s", error)
            return True

    def _hear_of(self, flow: KernelFlow, now: float) -> None:
        """Tell the engine of a flow that is there; what it cannot explain of its own names is forgotten."""
        if not flow_began(self.engine, flow, now) and self._is_ours(flow):
            self._forget(flow)

    def _is_ours(self, flow: KernelFlow) -> bool:
        """Whether a flow must have a name of the engine: not one of another gateway, nor the near half of a hairpin."""
        owns = self.engine.state.rules.owns
        return owns(flow.inside_global.address) and not (flow.begun == Side.INSIDE and owns(flow.outside.address))

    def _forget(self, flow: KernelFlow) -> None:
        """Let the kernel forget a flow which no name of ours explains: its next packet is decided on anew."""
        ends = flow.protocol, flow.inside_local, flow.outside
        try:
            self.plane.forget([FlowKey(*ends), FlowKey(*ends, is_reply=True)])
        except PlaneRefused as refused:
            _log.warning("a flow cannot be forgotten: %s", refused)
        self.counters["flows-forgotten"] += 1

    def _forget_reply(self, data: bytes) -> bool:
        """Forget the flow that a packet answers, where the kernel translated it while we were not there to see."""
        packet = parse_packet(data)
        if packet is None or packet.protocol == TCP:  # what a connection was translated to must be reset
            return False
        try:
            return any(self.plane.forget([FlowKey(packet.protocol, packet.sender, packet.receiver, is_reply=True)]))
        except PlaneRefused:
            return False


def _changed(came: bytes, goes: bytes) -> bytes | None:
    """A packet as it goes on; None where that is as it came."""
    if goes == came:
        return None
    return grown(goes, came)


def _all_of(ports: Mapping[str, frozenset[int]]) -> set[int]:
    return set().union(*ports.values())
