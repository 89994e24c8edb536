"""What must hold of a gateway after a script, whatever that said."""

import random

from doorman.algs.rtsp.sessions import RtspSession
from doorman.engine.engine import Engine
from doorman.engine.snapshot import contents_of, restore
from kit.fuzz.gateways import config_of, spoken
from kit.fuzz.judge import Failure
from kit.saved import everything

_LONG = 50_000.0
"""Seconds in which everything is over; calls and what follows from their end, four times."""
_MOST_LEFT = 1_000
"""Doors, bindings, calls and the like that one script may leave; quotas are far below."""


def judge_end(engine: Engine, now: float, name: str) -> None:
    """What is in the tables can be saved and adopted, and ends by itself."""
    protocol, _ = spoken(name)
    state, alg = engine.state, engine.inspector.algs[protocol]
    counted = [*state.notes, *engine.drops, *engine.inspector.messages[protocol], *alg.remembered(), *state.doors]
    if len(counted) > _MOST_LEFT or len(list(state.bindings)) > _MOST_LEFT:
        raise Failure("unbounded", f"{len(counted)} names, calls and doors")
    if protocol == "sip" or not _has_orphans(engine, protocol):
        _judge_saved(engine, now, name)
    for _ in range(4):
        now += _LONG
        engine.expire(now)
    left = [*state.doors.everyone(), *state.sessions, *(known for known in state.bindings if not known.static)]
    left += getattr(alg, "calls", []) if protocol == "sip" else alg.remembered()
    if left:
        raise Failure("left", ", ".join(sorted({type(item).__name__ for item in left})))


def _has_orphans(engine: Engine, protocol: str) -> bool:
    """Whether doors are left of what is over, and closes them soon: these do not outlive a restart."""
    owners = {one.owner for one in engine.inspector.algs[protocol].remembered() if isinstance(one, RtspSession)}
    return any(door.owner not in owners for door in engine.state.doors.everyone())


def _judge_saved(engine: Engine, now: float, name: str) -> None:
    records = dict(everything(engine))
    other = Engine(config_of(name), random.Random(8).random)
    restored = restore(other, records.items(), now)
    if restored.refused:
        raise Failure("not-restored", ", ".join(sorted(restored.refused)))
    again = dict(everything(other))
    differ = {contents_of(record).kind for record in records.items() if again.get(record[0]) != record[1]}
    if name == "observe":
        return  # doors that were never opened are not there to be found again
    if differ or len(again) != len(records):
        raise Failure("restored-otherwise", ", ".join(sorted(differ)))
