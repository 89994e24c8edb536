"""The zone-based firewall as JSON: the same for replay and the live gateway, wherever the counts come from."""

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any

from doorman.config.render_zones import match_text
from doorman.config.zones import ClassMap, Firewall, PolicyClass, ZonePair
from doorman.engine.screen import Screen
from doorman.firewall.counts import ClassCounts
from doorman.firewall.sessions import UNKNOWN_TIME, Inspected
from doorman.net.packet import PROTOCOL_NAMES

Json = dict[str, Any]
Counts = Callable[[str, str], ClassCounts]
"""What was counted at a zone pair for a class of its policy, by their names."""


def counts_in(screen: Screen | None) -> Counts:
    """What an engine has counted itself."""
    if screen is None:
        return lambda pair, class_map: ClassCounts()  # noqa: ARG005 - nothing, wherever
    return lambda pair, class_map: screen.firewall.counts[pair, class_map]


def summed_counts(several: Iterable[Counts]) -> Counts:
    """What several counted together."""
    every = list(several)
    return lambda pair, class_map: reduce(ClassCounts.plus, (one(pair, class_map) for one in every), ClassCounts())


def sessions_in(screen: Screen | None) -> Iterable[Inspected]:
    """The sessions of an engine."""
    return screen.firewall.sessions if screen is not None else ()


def zone_pair_entries(firewall: Firewall, counts: Counts, sessions: Iterable[Inspected], now: float) -> Iterator[Json]:
    """Each zone pair by name, with the classes of its policy in order; `class-default` is always the last."""
    listed: dict[tuple[str, str], list[Inspected]] = {}
    for session in list(sessions):
        listed.setdefault((session.verdict.pair, session.verdict.class_map), []).append(session)
    for _, pair in sorted(firewall.zone_pairs.items()):
        yield {
            "name": pair.name,
            "source": pair.source,
            "destination": pair.destination,
            "policy": pair.policy,
            "classes": [
                _class(firewall, pair, rule, counts, listed.get((pair.name, rule.class_map), []), now)
                for rule in firewall.rules(pair)
            ],
        }


def clear_counts(screen: Screen | None, pair: str | None) -> None:
    """Begin what an engine counts at a zone pair at zero, or at all."""
    if screen is not None:
        screen.firewall.counts.clear(pair)


def clear_sessions(screen: Screen | None, pair: str | None) -> int:
    """End the sessions of a zone pair, or all; how many there were."""
    chosen = [one for one in sessions_in(screen) if pair in {None, one.verdict.pair}]
    for one in chosen:
        if screen is not None:
            screen.firewall.sessions.end(one)
    return len(chosen)


def _class(  # noqa: PLR0913, PLR0917 - a class, and where what is told of it comes from
    firewall: Firewall, pair: ZonePair, rule: PolicyClass, counts: Counts, sessions: list[Inspected], now: float
) -> Json:
    class_map = firewall.class_maps.get(rule.class_map, ClassMap(rule.class_map, any_of=True))
    counted = counts(pair.name, rule.class_map)
    return {
        "class_map": rule.class_map,
        "kind": "match-any" if class_map.any_of else "match-all",
        "matches": [match_text(match) for match in class_map.matches] or ["any"],
        "action": rule.action or "drop",
        "log": rule.log,
        "parameter_map": rule.parameter_map,
        "application": None if rule.application is None else " ".join(rule.application),
        "police": None if rule.police is None else {"rate": rule.police.rate, "burst": rule.police.bucket},
        **counted._asdict(),
        "reasons": dict(counted.reasons),
        "sessions": [_session(session, now) for session in sessions],
    }


def _session(session: Inspected, now: float) -> Json:
    return {
        "protocol": PROTOCOL_NAMES.get(session.traffic.protocol, str(session.traffic.protocol)),
        "initiator": str(session.initiator),
        "responder": str(session.responder),
        "state": session.state,
        "created": None if session.began == UNKNOWN_TIME else max(0.0, now - session.began),
        "heard": max(0.0, now - session.last_used),
        "sent": list(session.sent),
    }
