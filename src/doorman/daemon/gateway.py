"""A running gateway: the engine on its kernel, as its operators and its TCP proxy know it (`cli.gateway`, `legs`)."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from doorman import __version__
from doorman.algs.api import Refused
from doorman.cli.check import UnreadableError, read_text
from doorman.cli.debug.nat import flow_lines
from doorman.cli.debug.sip import debug_lines
from doorman.cli.debug.topic import Topic
from doorman.cli.gateway import NotApplied, Selection, Unsubscribe
from doorman.config.errors import ConfigErrors, printable
from doorman.config.in_force import in_force
from doorman.config.model import Config
from doorman.config.reader import Reader
from doorman.config.render import render
from doorman.daemon import views
from doorman.daemon.access import access_matches, clear_matches
from doorman.daemon.admitted import review_flows
from doorman.daemon.call_view import call_view
from doorman.daemon.clock import seconds
from doorman.daemon.devices import Addresses, services, sides, with_addresses
from doorman.daemon.half_open import HalfOpen, limits_half_open
from doorman.daemon.legs import Traffic as ProxyTraffic
from doorman.daemon.stale_flows import stale_flows, translate_alike
from doorman.daemon.startup_file import rewrite
from doorman.daemon.traces import Traces
from doorman.daemon.traffic import FlowNews, Traffic
from doorman.dataplanes.access_report import access_entries
from doorman.dataplanes.alg_counts import alg_counts, clear_alg_counts
from doorman.dataplanes.guard_report import clear_guard, guard_entries
from doorman.dataplanes.netfilter.conntrack import dump
from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.flow import FlowKey
from doorman.dataplanes.netfilter.marks import ADMITTED
from doorman.dataplanes.netfilter.rtnetlink import interface_addresses
from doorman.dataplanes.plane import PlaneRefused
from doorman.dataplanes.report import Json
from doorman.engine.connecting import connect
from doorman.engine.connections import Connection
from doorman.engine.inspection import Inspection
from doorman.engine.ladder import Ladders, held_back
from doorman.engine.results import Side
from doorman.nat.rules import Rules, UnusableConfig
from doorman.net.addresses import Address, Endpoint

_log = logging.getLogger(__name__)
_NAT = Topic("nat")
_MOST_LINES = 10
"""Lines of the configuration that are named one by one."""


def effective(config: Config, addresses: Addresses) -> tuple[Config, list[str]]:
    """What of a configuration can work on this machine, with the addresses it really has, and what to say of it."""
    usable, _ = in_force(config)
    return with_addresses(usable, addresses)


class Gateway:
    """One gateway at work.

    Args:
        path: of its configuration.
        config: what that says.
        traffic: engine and kernel.
        traces: where traces are written.
        strict: whether commands of other features in the configuration are errors.

    Attributes:
        config: the running configuration, as typed.
        proxied: what the TCP proxy counts.
    """

    version = __version__

    def __init__(self, path: Path, config: Config, traffic: Traffic, traces: Path, *, strict: bool = False) -> None:
        self.config_path = path
        self._strict = strict
        self.config = config
        self._traffic = traffic
        self.proxied = ProxyTraffic()
        self._engine = traffic.engine
        self._begun = seconds()
        self._addresses: Addresses = interface_addresses()
        self._baseline = views.Counts(traffic)
        self._ladders = Ladders()
        self._traces = Traces(traces, seconds)
        self._half_open = HalfOpen()
        traffic.watchers.append(self._watch)

    @property
    def uptime(self) -> float:
        """See `cli.gateway.Gateway`."""
        return seconds() - self._begun

    # Configuration

    def apply(self, config: Config) -> list[str]:
        """See `cli.gateway.Gateway`."""
        try:
            addresses = interface_addresses()
            self._engine.state.reserve(services())
        except OSError as error:
            raise NotApplied(f"the machine does not tell what it has: {error.strerror or error}") from None
        wanted, told = effective(config, addresses)
        before, _ = effective(self.config, self._addresses or addresses)
        rules = self._engine.state.rules
        try:
            self._traffic.plane.check(wanted)
            self._engine.reconfigure(wanted, seconds())
        except (PlaneRefused, UnusableConfig) as refused:
            raise NotApplied(str(refused)) from None
        try:
            self._traffic.reconfigure(wanted)
        except PlaneRefused as refused:
            with contextlib.suppress(UnusableConfig, PlaneRefused):
                self._engine.reconfigure(before, seconds())
                self._traffic.adopt(before)
            raise NotApplied(str(refused)) from None
        self._traffic.sides = sides(wanted)
        self._traffic.forget_uninspected(wanted)
        if not translate_alike(before, wanted):
            self._begin_anew(rules)
        try:
            review_flows(self._traffic)
        except (PlaneRefused, NetlinkError) as error:
            _log.warning("flows that the policies end may go on: %s", error)
        self.config, self._addresses = config, addresses
        return told

    def _begin_anew(self, before: Rules) -> None:
        """Let ordinary flows go by the rules of now."""
        try:
            self._traffic.plane.forget(list(stale_flows(dump(), before, self._engine.state.rules)))
        except (PlaneRefused, NetlinkError) as error:
            _log.warning("flows that the configuration ends may go on: %s", error)

    def reload(self) -> list[str]:
        """See `cli.gateway.Gateway`."""
        reader = Reader(str(self.config_path), strict=self._strict)
        try:
            config = reader.read(read_text(self.config_path))
        except (UnreadableError, ConfigErrors) as error:
            raise NotApplied(str(error)) from None
        return [*map(str, reader.warnings), *self.apply(config)]

    def refresh(self) -> list[str]:
        """Follow the machine's interfaces, if one came, went or changed its address; to be called now and then."""
        if interface_addresses() == self._addresses and sides(self.config) == self._traffic.sides:
            return []
        return self.apply(self.config)

    def write_memory(self) -> Path:
        """See `cli.gateway.Gateway`."""
        path = self.config_path
        self._spare_foreign_commands()
        try:
            rewrite(path, render(self.config))
        except OSError as error:
            raise NotApplied(f"{printable(str(path))}: {error.strerror}") from None
        return path

    def _spare_foreign_commands(self) -> None:
        """See that the file has no commands which the running configuration knows nothing of: they would be lost."""
        reader = Reader(str(self.config_path))
        with contextlib.suppress(OSError, UnreadableError, ConfigErrors):
            reader.read(read_text(self.config_path))
        if reader.warnings:
            lines = ", ".join(str(warning.line) for warning in reader.warnings[:_MOST_LINES])
            more = ", ..." if len(reader.warnings) > _MOST_LINES else ""
            name = printable(str(self.config_path))
            raise NotApplied(f"{name}: commands of other features would be lost, in lines {lines}{more}")

    # What there is

    def translations(self, *, verbose: bool) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return views.translations(self._engine, seconds(), verbose=verbose)

    def doors(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return views.doors(self._engine, seconds())

    def calls(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return views.calls(self._engine, seconds())

    def registrations(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return views.registrations(self._engine, seconds())

    def statistics(self) -> Json:
        """See `cli.gateway.Gateway`."""
        return self._baseline.statistics(self.config, self.proxied)

    def alg_statistics(self, alg: str) -> Json:
        """See `cli.gateway.Gateway`."""
        return alg_counts(self._engine, alg, self._ladders.repeated)

    def guard(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return guard_entries(self._engine, seconds())

    def access_lists(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return access_entries(self.config.access_lists, access_matches(self._traffic))

    def call_details(self, call_id: str) -> Json:
        """See `cli.gateway.Gateway`."""
        return call_view(self._traffic, self._ladders, call_id)

    def traces(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return iter(self._traces)

    # What can be done

    def clear_translations(self, selection: Selection, *, forced: bool) -> int:
        """See `cli.gateway.Gateway`."""
        cleared, at = 0, seconds()
        for session in list(self._engine.state.sessions):
            ends = session.inside_global, session.inside_local, session.outside_local, session.outside_global
            if selection.covers(session.protocol, ends):
                self._engine.state.cut_session(session, at)
                cleared += 1
        cleared += self._engine.state.clear_ipsec(selection.covers)
        if forced:
            cleared += self._engine.state.free_unused(
                lambda binding: selection.covers(binding.protocol, (binding.global_, binding.local, None, None))
            )
        self._traffic.commit()
        chosen: list[FlowKey] = []
        for flow, seen in views.translated(self._engine):
            ends = seen.inside_global, seen.inside_local, seen.outside, seen.outside
            if selection.covers(seen.protocol, ends):
                chosen.append(flow.key)
        try:
            return cleared + sum(self._traffic.plane.forget(chosen))
        except PlaneRefused as refused:
            raise NotApplied(str(refused)) from None

    def clear_statistics(self) -> None:
        """See `cli.gateway.Gateway`."""
        self._baseline.clear(self.proxied)
        self._ladders.repeated.clear()

    def clear_alg_statistics(self, alg: str) -> None:
        """See `cli.gateway.Gateway`."""
        clear_alg_counts(self._engine, alg)
        self._ladders.repeated.clear()

    def clear_guard(self, source: Address | None) -> int:
        """See `cli.gateway.Gateway`."""
        return clear_guard(self._engine, source)

    def clear_access_lists(self, name: str | None) -> int:
        """See `cli.gateway.Gateway`."""
        try:
            return clear_matches(self._traffic, name)
        except PlaneRefused as refused:
            raise NotApplied(str(refused)) from None

    def trace(self, topic: Topic, name: str, seconds: int) -> Path:
        """See `cli.gateway.Gateway`."""
        return self._traces.begin(topic, name, seconds)

    def end_trace(self, name: str) -> None:
        """See `cli.gateway.Gateway`."""
        self._traces.end(name)

    def expire_traces(self) -> None:
        """End the traces whose time is up; to be called each second."""
        self._traces.expire()

    def thin_out(self) -> None:
        """End the oldest half-open sessions where there are too many; to be called each second."""
        if not limits_half_open(self.config.firewall):
            return
        plane = self._traffic.plane
        flows = dump(ADMITTED, ADMITTED)
        ended, said = self._half_open.excess(flows, self.config.firewall, plane.class_numbers())
        for line in said:
            _log.warning("%s", printable(line))
        try:
            plane.forget([flow.key for flow in ended])
        except PlaneRefused as refused:
            _log.warning("half-open sessions go on: %s", refused)

    def close(self) -> None:
        """End what it writes."""
        self._traces.close()

    def subscribe(self, topics: frozenset[Topic], tell: Callable[[str], None]) -> Unsubscribe:
        """See `cli.gateway.Gateway`."""

        def watch(news: Inspection | FlowNews) -> None:
            if isinstance(news, Inspection):
                wanted = any(topic.covers(news) for topic in topics)
                lines = debug_lines(news, time.time_ns()) if wanted else ()
            else:
                lines = flow_lines(news, time.time_ns()) if _NAT in topics else ()
            for line in lines:
                tell(line)

        self._traffic.watchers.append(watch)
        return lambda: self._traffic.watchers.remove(watch)

    def _watch(self, news: Inspection | FlowNews) -> None:
        if isinstance(news, Inspection):
            self._ladders.see(news)
            self._traces.see(news, time.time_ns())

    # What the proxy needs, see `daemon.legs`

    def origin(self, receiver: Endpoint, sender: Endpoint) -> tuple[Endpoint, Endpoint]:
        """See `daemon.legs.Gateway`."""
        try:
            found = self._traffic.plane.origin(receiver, sender)
        except PlaneRefused as refused:
            _log.warning("a connection is refused: %s", refused)
            found = None
        if found is None:
            raise Refused("not-redirected")
        return found

    def side_of(self, client: Address) -> Side:
        """See `daemon.legs.Gateway`."""
        return Side.INSIDE if self._engine.state.rules.is_inside(client) else Side.OUTSIDE

    def connect(self, sender: Endpoint, receiver: Endpoint, side: Side) -> Connection:
        """See `daemon.legs.Gateway`."""
        return connect(self._engine, sender, receiver, side, seconds())

    def translate_leg(self, port: int, connection: Connection) -> None:
        """See `daemon.legs.Gateway`."""
        try:
            self._traffic.plane.translate_leg(port, connection.source, connection.target)
        except PlaneRefused as refused:
            _log.warning("a connection is refused: %s", refused)
            raise Refused("uncommitted") from None

    def commit(self, inspections: tuple[Inspection, ...]) -> bool:
        """See `daemon.legs.Gateway`."""
        followed = self._traffic.commit()
        self._traffic.save()
        self._traffic.watch(inspections if followed else held_back(inspections, "kernel-refused"))
        return followed

    def now(self) -> float:
        """See `daemon.legs.Gateway`."""
        return seconds()
