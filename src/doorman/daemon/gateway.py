"""A running gateway: the engine on its kernel, as its operators know it (`cli.gateway`)."""

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from doorman import __version__
from doorman.cli.check import UnreadableError, read_text
from doorman.cli.debug.topic import Topic
from doorman.cli.gateway import NotApplied, Selection, Unsubscribe
from doorman.config.errors import ConfigErrors, printable
from doorman.config.in_force import in_force
from doorman.config.model import Config
from doorman.config.reader import Reader
from doorman.config.realms import Realm, config_of, realms
from doorman.config.render import render
from doorman.daemon import views
from doorman.daemon.access import access_matches, clear_matches
from doorman.daemon.call_view import call_view
from doorman.daemon.clock import seconds
from doorman.daemon.devices import Addresses, services, sides, with_addresses
from doorman.daemon.half_open import limits_half_open
from doorman.daemon.journal import JournalFailed
from doorman.daemon.monitor import Monitor
from doorman.daemon.part import Part, config_for_kernel
from doorman.daemon.parts import Parts
from doorman.daemon.policies import clear_policy_counts, clear_policy_sessions, policy_counts, policy_sessions
from doorman.daemon.startup_file import rewrite
from doorman.daemon.traces import Traces
from doorman.daemon.traffic import FlowNews, Traffic
from doorman.daemon.views import summed
from doorman.dataplanes.access_report import access_entries
from doorman.dataplanes.alg_counts import alg_counts, clear_alg_counts
from doorman.dataplanes.guard_report import clear_guard, guard_entries
from doorman.dataplanes.nat64_report import nat64_counters, nat64_entries
from doorman.dataplanes.netfilter.chains.ipv6 import NAT64_COUNTER
from doorman.dataplanes.netfilter.errors import NetlinkError
from doorman.dataplanes.netfilter.nft import NftError
from doorman.dataplanes.netfilter.rtnetlink import interface_addresses
from doorman.dataplanes.plane import PlaneRefused
from doorman.dataplanes.report import Json, session_entries
from doorman.dataplanes.zone_report import zone_pair_entries
from doorman.engine.engine import Engine
from doorman.engine.inspection import Inspection
from doorman.engine.realms import carry_on, reserve
from doorman.nat.rules import UnusableConfig
from doorman.net.addresses import Address

_log = logging.getLogger(__name__)
_MOST_LINES = 10
"""Lines of the configuration that are named one by one."""


def effective(config: Config, addresses: Addresses) -> tuple[Config, list[str]]:
    """What of a configuration can work on this machine, with the addresses it really has, and what to say of it."""
    usable, _ = in_force(config)
    return with_addresses(usable, addresses)


class _Subscription(NamedTuple):
    """An operator who wants to hear of topics, and what ends that in each part."""

    topics: frozenset[Topic]
    tell: Callable[[str], None]
    ends: list[Unsubscribe]


class Gateway:
    """One gateway at work.

    Args:
        path: of its configuration.
        config: what that says.
        parts: what serves each realm; one of them if there are no VRFs.
        traces: where traces are written.
        strict: whether commands of other features in the configuration are errors.

    Attributes:
        config: the running configuration, as typed.
    """

    version = __version__

    def __init__(self, path: Path, config: Config, parts: Parts, traces: Path, *, strict: bool = False) -> None:
        self.config_path = path
        self._strict = strict
        self.config = config
        self._parts = parts
        self._subscriptions: list[_Subscription] = []
        self._begun = seconds()
        self._addresses: Addresses = interface_addresses()
        self._traces = Traces(traces, seconds)
        self._monitor = Monitor()
        logging.getLogger().addHandler(self._monitor)
        for part in parts.values():
            self._see(part)

    @property
    def uptime(self) -> float:
        """See `cli.gateway.Gateway`."""
        return seconds() - self._begun

    # Configuration

    def apply(self, config: Config) -> list[str]:
        """See `cli.gateway.Gateway`."""
        try:
            addresses = interface_addresses()
            reserve(self._engines(), services())
        except OSError as error:
            raise NotApplied(f"the machine does not tell what it has: {error.strerror or error}") from None
        wanted, told = effective(config, addresses)
        before, _ = effective(self.config, self._addresses or addresses)
        rules = {realm: part.engine.state.rules for realm, part in self._parts.items()}
        self._carry_on(before, wanted)
        for realm, known in rules.items():
            if realm in realms(wanted):
                self._parts[realm].follow(config_of(before, realm), config_of(wanted, realm), known)
        for realm in [realm for realm in self._parts if realm not in realms(wanted)]:
            self._parts.end(realm)
        self.config, self._addresses = config, addresses
        return told

    def _carry_on(self, before: Config, wanted: Config) -> None:
        """Let engines and kernel go on by another configuration, or all as before."""
        parts, kept = self._parts, [realm for realm in self._parts if realm in realms(wanted)]
        self._make_edge_ready(before, wanted)
        parts.place(wanted)
        try:
            for realm in kept:
                parts[realm].traffic.plane.check(config_for_kernel(wanted, realm, parts))
            made = carry_on(self._engines(), wanted, seconds(), parts.routes_by(wanted))
        except (PlaneRefused, UnusableConfig) as refused:
            self._make_edge_ready(before, before)
            parts.place(before)
            raise NotApplied(str(refused)) from None
        try:
            for realm in kept:
                parts[realm].traffic.reconfigure(config_for_kernel(wanted, realm, parts))
            for realm, engine in made.items():
                parts.begin(realm, engine, wanted)
                self._see(parts[realm])
        except (PlaneRefused, JournalFailed, NftError, OSError) as refused:
            self._go_back(before, made)
            raise NotApplied(str(refused)) from None

    def _make_edge_ready(self, before: Config, wanted: Config) -> None:
        """Let IPv6 hosts be served as a configuration says, or as before."""
        try:
            self._parts.edge.make_ready(wanted)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._parts.edge.make_ready(before)
            raise NotApplied(f"NAT64 cannot begin: {error.strerror or error}") from None

    def _go_back(self, before: Config, made: Collection[Realm]) -> None:
        """Let all be as before."""
        parts = self._parts
        for realm in made:
            if realm in parts:
                parts.end(realm)
        parts.place(before)
        with contextlib.suppress(NotApplied):
            self._make_edge_ready(before, before)
        with contextlib.suppress(UnusableConfig, PlaneRefused):
            carry_on(self._engines(), before, seconds())
            for realm, part in parts.items():
                part.traffic.adopt(config_for_kernel(before, realm, parts))

    def _engines(self) -> dict[Realm, Engine]:
        return {realm: part.engine for realm, part in self._parts.items()}

    def _see(self, part: Part) -> None:
        """Trace and debug what passes a part."""
        self._follow_traces()
        for subscription in self._subscriptions:
            subscription.ends.append(part.subscribe(subscription.topics, subscription.tell))

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
        if self.knows_interfaces() and interface_addresses() == self._addresses:
            return []
        return self.apply(self.config)

    def knows_interfaces(self) -> bool:
        """Whether the interfaces of the NAT are those that were there when it was last applied, by their numbers."""
        return all(sides(config_of(self.config, realm)) == part.traffic.sides for realm, part in self._parts.items())

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
        return self._of_all(lambda part: views.translations(part.traffic, seconds(), verbose=verbose))

    def doors(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return self._of_all(lambda part: views.doors(part.engine, seconds()))

    def calls(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return self._of_all(lambda part: views.calls(part.engine, seconds()))

    def registrations(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return self._of_all(lambda part: views.registrations(part.engine, seconds()))

    def statistics(self) -> Json:
        """See `cli.gateway.Gateway`."""
        return summed(
            [
                part.baseline.statistics(config_of(self.config, realm), part.proxied)
                for realm, part in self._parts.items()
            ]
        )

    def alg_statistics(self, alg: str) -> Json:
        """See `cli.gateway.Gateway`."""
        return summed([alg_counts(part.engine, alg, part.traffic.ladders.repeated) for part in self._parts.values()])

    def sessions(self, alg: str) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return self._of_all(lambda part: session_entries(part.engine, alg, seconds()))

    def guard(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return self._of_all(lambda part: guard_entries(part.engine, seconds()))

    def access_lists(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        matches: dict[str, list[int]] = {}
        for part in self._parts.values():
            for name, counts in access_matches(part.traffic).items():
                known = matches.get(name, [0] * len(counts))
                matches[name] = [one + other for one, other in zip(known, counts, strict=True)]
        return access_entries(self.config.access_lists, matches)

    def zone_pairs(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        counts, sessions = policy_counts(self._traffics()), policy_sessions(self._traffics())
        return zone_pair_entries(self.config.firewall, counts, sessions, seconds())

    def nat64_translations(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return chain.from_iterable(
            nat64_entries(views.translations(part.traffic, seconds(), verbose=False), part.engine.state.stand_ins)
            for part in self._parts.values()
        )

    def nat64_statistics(self) -> Json:
        """See `cli.gateway.Gateway`."""
        edge, part = self._parts.edge, next(iter(self._parts.values()))
        not_enabled = views.ipv6_dropped(part.traffic, NAT64_COUNTER) if edge.is_there else 0
        return nat64_counters(self.config, part.engine.state.stand_ins, edge.counts, not_enabled)

    def call_details(self, call_id: str) -> Json:
        """See `cli.gateway.Gateway`."""
        return summed([call_view(part.traffic, call_id, part.named) for part in self._parts.values()])

    def traces(self) -> Iterator[Json]:
        """See `cli.gateway.Gateway`."""
        return iter(self._traces)

    # What can be done

    def clear_translations(self, selection: Selection, *, forced: bool) -> int:
        """See `cli.gateway.Gateway`."""
        try:
            return sum(
                part.clear_translations(selection, forced=forced)
                for part in self._parts.values()
                if selection.vrf in {None, part.realm}
            )
        except PlaneRefused as refused:
            raise NotApplied(str(refused)) from None

    def clear_statistics(self) -> None:
        """See `cli.gateway.Gateway`."""
        for part in self._parts.values():
            part.baseline.clear(part.proxied)
            part.traffic.ladders.repeated.clear()

    def clear_nat64_statistics(self) -> None:
        """See `cli.gateway.Gateway`."""
        self._parts.edge.counts.clear()

    def clear_alg_statistics(self, alg: str) -> None:
        """See `cli.gateway.Gateway`."""
        for part in self._parts.values():
            clear_alg_counts(part.engine, alg)
            part.traffic.ladders.repeated.clear()

    def clear_guard(self, source: Address | None) -> int:
        """See `cli.gateway.Gateway`."""
        return sum(clear_guard(part.engine, source) for part in self._parts.values())

    def clear_access_lists(self, name: str | None) -> int:
        """See `cli.gateway.Gateway`."""
        try:
            return max(clear_matches(part.traffic, name) for part in self._parts.values())
        except PlaneRefused as refused:
            raise NotApplied(str(refused)) from None

    def clear_zone_counters(self, pair: str | None) -> None:
        """See `cli.gateway.Gateway`."""
        try:
            for traffic in self._traffics():
                clear_policy_counts(traffic, pair)
        except PlaneRefused as refused:
            raise NotApplied(str(refused)) from None

    def clear_zone_sessions(self, pair: str | None) -> int:
        """See `cli.gateway.Gateway`."""
        try:
            return sum(clear_policy_sessions(traffic, pair) for traffic in self._traffics())
        except (PlaneRefused, NetlinkError) as refused:
            raise NotApplied(str(refused)) from None

    def trace(self, topic: Topic, name: str, seconds: int) -> Path:
        """See `cli.gateway.Gateway`."""
        path = self._traces.begin(topic, name, seconds)
        self._follow_traces()
        return path

    def end_trace(self, name: str) -> None:
        """See `cli.gateway.Gateway`."""
        self._traces.end(name)
        self._follow_traces()

    def expire_traces(self) -> None:
        """End the traces whose time is up; to be called each second."""
        self._traces.expire()
        self._follow_traces()

    def thin_out(self) -> None:
        """End the oldest half-open sessions where there are too many; to be called each second."""
        if not limits_half_open(self.config.firewall):
            return
        for part in self._parts.values():
            part.thin_out(self.config.firewall)

    def close(self) -> None:
        """End what it writes."""
        self._traces.close()
        logging.getLogger().removeHandler(self._monitor)

    def monitor(self, tell: Callable[[str], None]) -> Unsubscribe:
        """See `cli.gateway.Gateway`."""
        return self._monitor.listen(tell)

    def subscribe(self, topics: frozenset[Topic], tell: Callable[[str], None]) -> Unsubscribe:
        """See `cli.gateway.Gateway`."""
        made = _Subscription(topics, tell, [part.subscribe(topics, tell) for part in self._parts.values()])
        self._subscriptions.append(made)

        def unsubscribe() -> None:
            self._subscriptions.remove(made)
            for end in made.ends:
                end()

        return unsubscribe

    def _traffics(self) -> list[Traffic]:
        return [part.traffic for part in self._parts.values()]

    def _of_all(self, listed: Callable[[Part], Iterator[Json]]) -> Iterator[Json]:
        """A list of each part, one behind the other."""
        return chain.from_iterable(part.named(listed(part)) for part in self._parts.values())

    def _follow_traces(self) -> None:
        """Watch what passes while a trace is at work, and only then: each message is told of."""
        for traffic in self._traffics():
            if (self._trace_one in traffic.watchers) == bool(self._traces):
                continue
            if self._traces:
                traffic.watchers.append(self._trace_one)
            else:
                traffic.watchers.remove(self._trace_one)

    def _trace_one(self, news: Inspection | FlowNews) -> None:
        if isinstance(news, Inspection):
            self._traces.see(news, time.time_ns())
