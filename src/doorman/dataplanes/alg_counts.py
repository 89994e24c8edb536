"""What an ALG counts: messages by the rows of its statistics, with transport and direction of each; drops; notes."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from doorman.algs.api import Direction
from doorman.algs.makers import MAKERS
from doorman.engine.engine import Engine
from doorman.engine.inspection import Kind, Tally
from doorman.net.packet import PROTOCOL_NAMES, TCP, UDP


def counted_rows(alg: str, seen: Mapping[Kind, Tally]) -> list[dict[str, object]]:
    """All rows of an ALG: `name`, `total`, and for `udp` and `tcp` how many went `outbound` and `inbound`."""
    rows = MAKERS[alg].rows
    counts: Counter[tuple[str, int, Direction]] = Counter()
    for (name, _, protocol, direction), tally in seen.items():
        counts[rows.row_of(name), protocol, direction] += tally.count
    return [
        {"name": row, "total": sum(counts[row, protocol, way] for protocol in (UDP, TCP) for way in Direction)}
        | {
            PROTOCOL_NAMES[protocol]: {way.name.lower(): counts[row, protocol, way] for way in Direction}
            for protocol in (UDP, TCP)
        }
        for row in rows.names
    ]


def alg_counts(engine: Engine, alg: str, repeated: Counter[str]) -> dict[str, Any]:
    """An ALG's counters: the keys are listed in `cli.gateway`. `repeated`: messages that were sent again."""
    seen = engine.inspector.seen.get(alg, {})
    return {
        "messages": dict(sorted(engine.inspector.messages.get(alg, {}).items())),
        "rows": counted_rows(alg, seen),
        "accepted": accepted(seen),
        "repeated": dict(sorted(repeated.items())),
        "drops": {name: count for name, count in engine.drops.items() if count and name.startswith(f"{alg}: ")},
        "notes": dict(engine.state.notes),
        "totals": dict(engine.inspector.algs[alg].totals()) if alg in engine.inspector.algs else {},
    }


def clear_alg_counts(engine: Engine, alg: str) -> None:
    """Begin an ALG's counters at zero, with those of the notes, which are of all ALGs."""
    engine.inspector.seen.get(alg, {}).clear()
    engine.state.notes.clear()
    for name in [name for name in engine.drops if name.startswith(f"{alg}: ")]:
        del engine.drops[name]


def accepted(seen: Mapping[Kind, Tally]) -> dict[str, int]:
    """How many requests of each method were answered with 200."""
    counts: Counter[str] = Counter()
    for (name, answers, _, _), tally in seen.items():
        if name == "200":
            counts[answers or "unknown"] += tally.count
    return dict(sorted(counts.items()))
