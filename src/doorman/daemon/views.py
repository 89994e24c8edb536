"""What an operator sees of a running gateway, as JSON: tables of the engine, completed by what the kernel counts."""

import logging
import math
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from doorman.algs.sip.alg import SipAlg
from doorman.algs.sip.calls import Call
from doorman.config.model import Config
from doorman.config.validity import mask_of
from doorman.daemon.legs import Traffic as ProxyTraffic
from doorman.daemon.traffic import Traffic
from doorman.dataplanes.netfilter.chains.ipv6 import COUNTER as IPV6_COUNTER
from doorman.dataplanes.netfilter.conntrack import dump
from doorman.dataplanes.netfilter.counters import Count
from doorman.dataplanes.netfilter.flow import Flow
from doorman.dataplanes.plane import PlaneRefused
from doorman.dataplanes.report import (
    Json,
    binding_entry,
    call_entry,
    door_entry,
    inward_entries,
    peering_entry,
    registration_entry,
    session_entry,
    translation_entry,
    tunnel_entries,
)
from doorman.engine.engine import Engine
from doorman.engine.flows import KernelFlow
from doorman.nat.bindings import Binding
from doorman.nat.sessions import Session, flow_key
from doorman.net.addresses import Endpoint, address_text

_log = logging.getLogger(__name__)
_TRACKED = Path("/proc/sys/net/netfilter/nf_conntrack_count")
_COUNTED = 10_000
"""Flows that are counted one by one."""
_NO_DETAILS: Json = {"created": None, "used": None, "left": None, "alg": None, "packets": None, "bytes": None}


def translations(traffic: Traffic, now: float, *, verbose: bool) -> Iterator[Json]:
    """Bindings nobody uses now, then flows: those of the engine, and those that only the kernel knows."""
    state = traffic.engine.state
    for binding in [*state.bindings, *state.outside]:
        if binding.static or not binding.sessions:
            yield binding_entry(binding) | (_of_binding(binding) if verbose else {})
    unseen = dict.fromkeys(state.sessions)
    for flow, seen in translated(traffic):
        way = state.sessions.outward.get(flow_key(seen.protocol, seen.inside_local, seen.outside))
        if way is None:
            details = _of_flow(flow) | {"flags": ["extended"], "by": "kernel"}
            yield _kernel_entry(seen) | (details if verbose else {})
        elif way.session in unseen:
            del unseen[way.session]
            yield session_entry(way.session) | (_of_session(way.session, flow, now) if verbose else {})
    yield from _tunnels(traffic.engine, now, verbose=verbose)
    for session in unseen:
        yield session_entry(session) | (_of_session(session, None, now) if verbose else {})


def _tunnels(engine: Engine, now: float, *, verbose: bool) -> Iterator[Json]:
    """ESP of hosts that share an address, and IKE of those that keep its port."""
    tunnels = engine.state.tunnels
    for entry in inward_entries(engine.state.rules):
        yield entry | (_NO_DETAILS | {"flags": ["static"], "by": "doorman"} if verbose else {})
    for tunnel in list(tunnels):
        times = {"created": now - tunnel.began, "used": now - tunnel.last_used, "left": tunnels.ends(tunnel) - now}
        for entry in tunnel_entries(tunnel):
            yield entry | (_NO_DETAILS | times | {"flags": ["extended"], "by": "doorman"} if verbose else {})
    for peering in list(engine.state.peerings):
        used = _NO_DETAILS | {"used": now - peering.last_used, "alg": "ike", "flags": ["extended"], "by": "doorman"}
        yield peering_entry(peering) | (used if verbose else {})


def translated(traffic: Traffic) -> Iterator[tuple[Flow, KernelFlow]]:
    """What conntrack has of flows to this gateway's addresses; others may translate on this machine, too."""
    rules = traffic.engine.state.rules
    return (
        (flow, seen)
        for flow in filter(traffic.plane.has, dump())
        for seen in traffic.plane.flows_of(flow)
        if seen.outside_global is not None or rules.owns(seen.inside_global.address)
    )


def doors(engine: Engine, now: float) -> Iterator[Json]:
    """The doors that are open."""
    for door in list(engine.state.doors):
        yield door_entry(door) | {"opened": now - door.opened, "left": _left(door.closes, now), "flows": door.flows}


def calls(engine: Engine, now: float) -> Iterator[Json]:
    """The calls of the SIP ALG."""
    for call in _records(engine, b"INVITE"):
        yield call_entry(call) | {"left": _left(call.forget_at, now)}


def registrations(engine: Engine, now: float) -> Iterator[Json]:
    """Its registrations."""
    for call in _records(engine, b"REGISTER"):
        yield registration_entry(call) | {"left": _left(call.forget_at, now)}


class Counts:
    """All counters of a gateway, from the last time they were cleared."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._before: dict[str, Counter[str]] = {}

    def clear(self, proxied: ProxyTraffic) -> None:
        """Begin at zero. What the engine counts is the engine's: it forgets; what the kernel counts is remembered."""
        engine = self._traffic.engine
        for counter in (engine.drops, engine.state.notes, self._traffic.counters):
            counter.clear()
        for seen in engine.inspector.seen.values():
            seen.clear()
        self._before = self._groups(proxied)

    def statistics(self, config: Config, proxied: ProxyTraffic) -> Json:
        """See `cli.show.statistics` for the keys."""
        engine, state = self._traffic.engine, self._traffic.engine.state
        counted = self._traffic.counters
        static = sum(binding.static for binding in (*state.bindings, *state.outside))
        extended = max(_tracked(self._traffic), len(state.sessions))
        groups = {
            title: dict(counter - self._before.get(title, Counter())) or {"none": 0}
            for title, counter in self._groups(proxied).items()
        }
        return {
            "translations": {"static": static, "dynamic": extended, "extended": extended},
            "interfaces": {
                side: [one.name for one in config.interfaces.values() if one.nat == side]
                for side in ("inside", "outside")
            },
            "hits": max(0, self._traffic.received - counted["flows-begun"]),
            "misses": counted["flows-begun"],
            "expired": counted["flows-ended"],
            "mappings": list(self._mappings(config)),
            "doors": {"open": len(state.doors)}
            | {name: counted[f"doors-{name}"] for name in ("opened", "closed", "promoted")},
            "queued": self._traffic.queue.statistics().waiting,
            "counters": groups,
            "drops": dict(engine.drops),
            "notes": dict(state.notes),
        }

    def _groups(self, proxied: ProxyTraffic) -> dict[str, Counter[str]]:
        traffic = self._traffic
        queue = traffic.queue.statistics()
        segments = traffic.segments.counters + Counter(
            {f"not-sent-{error}": count for error, count in traffic.plane.injection.failed.items()}
        )
        return {
            "Queue": Counter(
                {
                    "received": traffic.received,
                    "dropped-full": queue.dropped,
                    "dropped-unread": queue.user_dropped,
                    "overruns": traffic.queue.overruns,
                    "verdicts-refused": traffic.queue.refused_verdicts,
                }
            ),
            "Kernel": Counter({"commits": traffic.plane.commits, "changes": traffic.plane.steps})
            + Counter({name: count for name, count in traffic.counters.items() if not name.startswith("doors-")})
            + Counter({"ipv6-dropped": ipv6_dropped(traffic, IPV6_COUNTER)} if traffic.engine.screen else {}),
            "TCP proxy": Counter(
                {
                    "accepted": proxied.accepted,
                    "open": proxied.open,
                    "bytes-from-clients": proxied.bytes[0],
                    "bytes-from-servers": proxied.bytes[1],
                    "held-back": proxied.uncommitted,
                }
            )
            + Counter({f"refused-{reason}": count for reason, count in proxied.refused.items()}),
        } | ({"TCP segments": segments} if segments else {})

    def _mappings(self, config: Config) -> Iterator[Json]:
        """The dynamic rules: of inside hosts, of outside hosts, and of virtual ones."""
        rules = self._traffic.engine.state.rules
        in_use = Counter(id(binding.rule) for binding in self._everything())
        inside = zip(config.dynamic_sources, rules.dynamic, strict=False)
        outside = zip(config.outside_sources, rules.outside.dynamic, strict=False)
        for source, rule in inside:
            yield self._mapping(config, "inside source", source.access_list, source.pool, in_use[id(rule)]) | {
                "interface": source.interface,
                "overload": source.overload,
            }
        for named, rule in outside:
            yield self._mapping(config, "outside source", named.access_list, named.pool, in_use[id(rule)])
        flows = translated(self._traffic) if config.destinations else ()
        virtual = [flow.reply_sender.address for flow, _ in flows]
        for shared in config.destinations:
            hosts = config.pools[shared.pool].ranges if shared.pool in config.pools else ()
            used = sum(any(first <= end <= last for first, last in hosts) for end in virtual)
            yield self._mapping(config, "inside destination", shared.access_list, shared.pool, used)

    def _mapping(self, config: Config, kind: str, access_list: str, pool: str | None, in_use: int) -> Json:
        common: Json = {"kind": kind, "access_list": access_list, "pool": pool, "interface": None, "overload": False}
        return common | {"in_use": in_use} | self._pool(config, pool)

    def _everything(self) -> Iterator[Binding]:
        state = self._traffic.engine.state
        return chain(state.bindings, state.outside)

    def _pool(self, config: Config, name: str | None) -> Json:
        pool = config.pools.get(name or "")
        if pool is None:
            return {}
        used = {
            binding.global_.address
            for binding in self._everything()
            if not binding.static and any(first <= binding.global_.address <= last for first, last in pool.ranges)
        }
        return {
            "ranges": [[address_text(first), address_text(last)] for first, last in pool.ranges],
            "netmask": address_text(mask_of(pool.prefix_length)),
            "type": pool.type,
            "addresses": pool.size,
            "allocated": len(used),
            "misses": self._traffic.engine.drops["pool-exhausted"],
        }


def ipv6_dropped(traffic: Traffic, counter: str) -> int:
    """How many packets of IPv6 the kernel has dropped and counted so, since it has the counter."""
    try:
        return traffic.plane.counts().get(counter, Count()).packets
    except PlaneRefused as refused:
        _log.warning("it is not known how much IPv6 was dropped: %s", refused)
        return 0


def summed(found: list[Json]) -> Json:
    """What several parts of a gateway say of themselves, as one: numbers are added, lists joined."""
    whole = found[0]
    for other in found[1:]:
        whole = _sum(whole, other)
    return whole


def _sum(one: Any, other: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _sum(one.get(key), other.get(key)) for key in one | other}
    if isinstance(one, list) and isinstance(other, list):
        if one and [_name(entry) for entry in one] == [_name(entry) for entry in other] != [None] * len(one):
            return [_sum(entry, twin) for entry, twin in zip(one, other, strict=True)]
        return one + [entry for entry in other if entry not in one]
    if isinstance(one, bool) or not isinstance(one, int) or not isinstance(other, int):
        return other if one is None else one
    return one + other


def _name(entry: Any) -> object:  # noqa: ANN401 - JSON
    return entry.get("name") if isinstance(entry, dict) else None


def _records(engine: Engine, method: bytes) -> Iterator[Call]:
    alg = engine.inspector.algs.get("sip")
    if isinstance(alg, SipAlg):
        yield from [call for call in alg.calls if call.method == method]


def _left(at: float, now: float) -> float | None:
    return None if at == math.inf else max(0.0, at - now)


def _tracked(traffic: Traffic) -> int:
    """The flows that the kernel translates; of a large table, all that it tracks: counting them would take too long."""
    try:
        tracked = int(_TRACKED.read_text(encoding="ascii"))
    except (OSError, ValueError):
        tracked = 0
    return tracked if tracked > _COUNTED else sum(1 for _ in translated(traffic))


def _kernel_entry(flow: KernelFlow) -> Json:
    outside_global = flow.outside_global or flow.outside
    return translation_entry(flow.protocol, (flow.inside_global, flow.inside_local, flow.outside, outside_global))


def ends_of(binding: Binding) -> tuple[Endpoint | None, Endpoint | None, Endpoint | None, Endpoint | None]:
    """The four ends of a binding, in the order of the columns; None for those that it says nothing of."""
    if binding.outside:
        return None, None, binding.global_, binding.local
    return binding.global_, binding.local, None, None


def _of_binding(binding: Binding) -> Json:
    return _NO_DETAILS | {"flags": ["static"] if binding.static else [], "by": "doorman"}


def _of_session(session: Session, flow: Flow | None, now: float) -> Json:
    details = _NO_DETAILS if flow is None else _of_flow(flow)
    return details | {"used": now - session.last_used, "alg": session.alg, "flags": ["extended"], "by": "doorman"}


def _of_flow(flow: Flow) -> Json:
    packets, octets = flow.packets + flow.reply_packets, flow.bytes + flow.reply_bytes
    return _NO_DETAILS | {"left": flow.timeout, "packets": packets or None, "bytes": octets or None}
