"""The part of a gateway that serves one realm (see `config.realms`): its engine, and its share of the kernel.

What the TCP proxy of the realm needs of it is here, too (`legs`).
"""

import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from doorman.algs.api import Refused
from doorman.cli.debug.lines import debug_lines
from doorman.cli.debug.nat import flow_lines
from doorman.cli.debug.topic import Topic
from doorman.cli.gateway import Selection, Unsubscribe
from doorman.config.errors import printable
from doorman.config.model import Config
from doorman.config.realms import Realm, config_of, sharing
from doorman.config.zones import Firewall
from doorman.daemon import views
from doorman.daemon.admitted import review_flows
from doorman.daemon.clock import seconds
from doorman.daemon.devices import sides
from doorman.daemon.half_open import HalfOpen
from doorman.daemon.keeper import Keeper
from doorman.daemon.legs import Traffic as ProxyTraffic
from doorman.daemon.packet_news import PacketNews
from doorman.daemon.stale_flows import stale_flows, translate_alike
from doorman.daemon.traffic import FlowNews, Traffic
from doorman.dataplanes.netfilter.chains.zones import class_counts
from doorman.dataplanes.netfilter.conntrack import dump
from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.flow import FlowKey
from doorman.dataplanes.netfilter.marks import ADMITTED, OURS
from doorman.dataplanes.plane import PlaneRefused
from doorman.dataplanes.report import Json
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection
from doorman.engine.inspection import Inspection
from doorman.engine.ladder import held_back
from doorman.engine.results import Side
from doorman.nat.rules import Rules
from doorman.net.addresses import Address, Endpoint

_log = logging.getLogger(__name__)
_NAT = Topic("nat")


class Part:
    """An engine at work on the kernel.

    Args:
        realm: whose flows it is about.
        traffic: engine and kernel.
        keeper: of its state.
        listener: where the kernel redirects TCP signalling to.
        news: what is told of packets that rules log.

    Attributes:
        proxied: what its TCP proxy counts.
        baseline: its counters.
    """

    def __init__(
        self, realm: Realm, traffic: Traffic, keeper: Keeper, listener: socket.socket, news: PacketNews
    ) -> None:
        self.realm = realm
        self.traffic = traffic
        self.engine = traffic.engine
        self.keeper = keeper
        self.listener = listener
        self.news = news
        self.proxied = ProxyTraffic()
        self.baseline = views.Counts(traffic)
        self._half_open = HalfOpen()

    def named(self, entries: Iterator[Json]) -> Iterator[Json]:
        """Entries of a list with the VRF that they are of; as they are where they are of none."""
        return entries if self.realm is None else (entry | {"vrf": self.realm} for entry in entries)

    def follow(self, before: Config, wanted: Config, rules: Rules) -> None:
        """Let flows and interfaces be as another configuration says; `rules`: the NAT's of before."""
        self.traffic.sides = sides(wanted)
        self.traffic.forget_uninspected(wanted)
        try:
            review_flows(self.traffic)
        except (PlaneRefused, NetlinkError) as error:
            _log.warning("flows that the policies end may go on: %s", error)
        if translate_alike(before, wanted):
            return
        try:
            flows = filter(self.traffic.plane.has, dump())
            self.traffic.plane.forget(list(stale_flows(flows, rules, self.engine.state.rules)))
        except (PlaneRefused, NetlinkError) as error:
            _log.warning("flows that the configuration ends may go on: %s", error)

    def thin_out(self, firewall: Firewall) -> None:
        """End the oldest half-open sessions where there are too many."""
        plane = self.traffic.plane
        flows = filter(plane.judges, dump(ADMITTED, ADMITTED))
        numbers = plane.class_numbers()
        try:
            counted = plane.counts()
            begun = {place: class_counts(counted, place).flows for place in numbers}
            excess = self._half_open.excess(flows, firewall, numbers, begun)
            for line in excess.said:
                _log.warning("%s", printable(line))
            plane.block(excess.blocked)
            plane.forget([flow.key for flow in excess.ended])
        except PlaneRefused as refused:
            _log.warning("half-open sessions go on: %s", refused)

    def forget(self) -> None:
        """Let nothing be left of what is saved, nor of the flows that go by its names: its realm is no more."""
        self.keeper.discard()
        try:
            self.traffic.plane.forget([flow.key for flow in filter(self.traffic.plane.has, dump(OURS, OURS))])
        except (PlaneRefused, NetlinkError) as error:
            _log.warning("flows that the configuration ends may go on: %s", error)

    def clear_translations(self, selection: Selection, *, forced: bool) -> int:
        """See `cli.gateway.Gateway`.

        Raises:
            PlaneRefused: the kernel refuses.
        """
        state, cleared, at = self.engine.state, 0, seconds()
        for session in list(state.sessions):
            ends = session.inside_global, session.inside_local, session.outside_local, session.outside_global
            if selection.covers(session.protocol, ends):
                state.cut_session(session, at)
                cleared += 1
        cleared += state.clear_ipsec(selection.covers)
        if forced:
            cleared += state.free_unused(lambda binding: selection.covers(binding.protocol, views.ends_of(binding)))
        self.traffic.commit()
        chosen: list[FlowKey] = []
        for flow, seen in views.translated(self.traffic):
            ends = seen.inside_global, seen.inside_local, seen.outside, seen.outside_global or seen.outside
            if selection.covers(seen.protocol, ends):
                chosen.append(flow.key)
        return cleared + sum(self.traffic.plane.forget(chosen))

    def subscribe(self, topics: frozenset[Topic], tell: Callable[[str], None]) -> Unsubscribe:
        """See `cli.gateway.Gateway`; where there are VRFs, each line says of which it is."""
        place = f"vrf {self.realm}: " if self.realm is not None else ""

        def watch(news: Inspection | FlowNews) -> None:
            if isinstance(news, Inspection):
                wanted = any(topic.covers(news) for topic in topics)
                lines = debug_lines(news, time.time_ns()) if wanted else ()
            else:
                lines = flow_lines(news, time.time_ns()) if _NAT in topics else ()
            for line in lines:
                tell(place + line)

        self.traffic.watchers.append(watch)
        return lambda: self.traffic.watchers.remove(watch)

    # What the proxy needs, see `daemon.legs`

    def origin(self, receiver: Endpoint, sender: Endpoint) -> tuple[Endpoint, Endpoint]:
        """See `daemon.legs.Gateway`."""
        try:
            found = self.traffic.plane.origin(receiver, sender)
        except PlaneRefused as refused:
            _log.warning("a connection is refused: %s", refused)
            found = None
        if found is None:
            raise Refused("not-redirected")
        return found

    def side_of(self, client: Address) -> Side:
        """See `daemon.legs.Gateway`."""
        return Side.INSIDE if self.engine.state.rules.is_inside(client) else Side.OUTSIDE

    def connect(self, sender: Endpoint, receiver: Endpoint, side: Side) -> Connection:
        """See `daemon.legs.Gateway`."""
        return connect(self.engine, sender, receiver, side, seconds())

    def translate_leg(self, port: int, connection: Connection) -> None:
        """See `daemon.legs.Gateway`."""
        try:
            self.traffic.plane.translate_leg(port, connection.source, connection.target)
        except PlaneRefused as refused:
            _log.warning("a connection is refused: %s", refused)
            raise Refused("uncommitted") from None

    def commit(self, inspections: tuple[Inspection, ...]) -> bool:
        """See `daemon.legs.Gateway`."""
        followed = self.traffic.commit()
        self.traffic.save()
        self.traffic.watch(inspections if followed else held_back(inspections, "kernel-refused"))
        return followed

    def now(self) -> float:
        """See `daemon.legs.Gateway`."""
        return seconds()


def config_for_kernel(config: Config, realm: Realm, parts: Mapping[Realm, Part]) -> Config:
    """What of a configuration the kernel does for a part; access lists of a shared outside for the first part alone."""
    own = config_of(config, realm)
    shared = sharing(config, realm)
    if realm == next(other for other in parts if other in shared):
        return own
    interfaces = {
        name: replace(one, access_in=None, access_out=None) if one.nat == "outside" else one
        for name, one in own.interfaces.items()
    }
    return replace(own, interfaces=interfaces)
