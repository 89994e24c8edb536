"""What an ALG counts: messages by method and by class of response, with transport and direction of each; drops; notes.

The rows are those of Cisco's SIP ALG: the methods one by one; the responses 100, 180, 183 and 200 one by one, all
others by class. What is neither is counted under two more names.
"""

from collections import Counter
from typing import Any

from doorman.algs.api import Direction
from doorman.algs.sip.alg import SipAlg
from doorman.engine.engine import Engine
from doorman.engine.inspection import Kind
from doorman.net.packet import PROTOCOL_NAMES, TCP, UDP

METHODS = (
    "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER",
    "SUBSCRIBE", "UPDATE",
)  # fmt: skip
OTHERS_OF_1XX = "1XX (excluding 100, 180, 183)"
OTHERS_OF_2XX = "2XX (excluding 200)"
ROWS = (
    *METHODS,
    *("100", "180", "183", OTHERS_OF_1XX, "200", OTHERS_OF_2XX, "3XX", "4XX", "5XX", "6XX"),
    *("unknown", "malformed"),
)
_CLASSES = {"1": OTHERS_OF_1XX, "2": OTHERS_OF_2XX, "3": "3XX", "4": "4XX", "5": "5XX", "6": "6XX"}


def row_of(name: str) -> str:
    """The row of a message, by its name in counters."""
    if name in ROWS:
        return name
    return _CLASSES.get(name[:1], "unknown") if name.isdecimal() else "unknown"


def sip_rows(seen: Counter[Kind]) -> list[dict[str, object]]:
    """All rows: `name`, `total`, and for `udp` and `tcp` how many went `outbound` and `inbound`."""
    counts: Counter[tuple[str, int, Direction]] = Counter()
    for (name, _, protocol, direction), count in seen.items():
        counts[row_of(name), protocol, direction] += count
    return [
        {"name": row, "total": sum(counts[row, protocol, way] for protocol in (UDP, TCP) for way in Direction)}
        | {
            PROTOCOL_NAMES[protocol]: {way.name.lower(): counts[row, protocol, way] for way in Direction}
            for protocol in (UDP, TCP)
        }
        for row in ROWS
    ]


def alg_counts(engine: Engine, alg: str, repeated: Counter[str]) -> dict[str, Any]:
    """An ALG's counters: the keys are listed in `cli.gateway`. `repeated`: messages that were sent again."""
    seen = engine.inspector.seen.get(alg, Counter())
    return {
        "messages": dict(sorted(engine.inspector.messages.get(alg, {}).items())),
        "rows": sip_rows(seen),
        "accepted": accepted(seen),
        "repeated": dict(sorted(repeated.items())),
        "drops": {name: count for name, count in engine.drops.items() if count and name.startswith(f"{alg}: ")},
        "notes": dict(engine.state.notes),
        "totals": {"calls": _records(engine, b"INVITE"), "registrations": _records(engine, b"REGISTER")},
    }


def clear_alg_counts(engine: Engine, alg: str) -> None:
    """Begin an ALG's counters at zero, with those of the notes, which are of all ALGs."""
    engine.inspector.seen.get(alg, Counter()).clear()
    engine.state.notes.clear()
    for name in [name for name in engine.drops if name.startswith(f"{alg}: ")]:
        del engine.drops[name]


def accepted(seen: Counter[Kind]) -> dict[str, int]:
    """How many requests of each method were answered with 200."""
    counts: Counter[str] = Counter()
    for (name, answers, _, _), count in seen.items():
        if name == "200":
            counts[answers or "unknown"] += count
    return dict(sorted(counts.items()))


def _records(engine: Engine, method: bytes) -> int:
    alg = engine.inspector.algs.get("sip")
    return sum(call.method == method for call in alg.calls) if isinstance(alg, SipAlg) else 0
