"""One call, for those who ask about it: its messages as a ladder, what the ALG knows of it, its doors, its end.

A call is asked for by its Call-ID, or as much of it as tells it from all others. Two inside phones that call each other
are two calls under one Call-ID, one for each of them. The keys of a call; times are seconds since 1970:

    call_id, inside_party, from, to, state, dialogs, streams    as in a replay's report; None or empty where not `known`
    known                     whether the ALG still has a record of it
    begun, answered           when its first message came, and the answer to its INVITE; None where not seen
    ended                     `time` and `why`, None as long as it goes on
    lasted                    seconds from its answer to its end, or until now; None where it was not answered
    messages                  time, message, answers, direction (outbound, inbound), transport, inside, known_as,
                              outside (its ends), drop (why, None where it went on), repeats (how often it came again)
    earlier                   how many messages are not kept
    timers                    `time` and `why` of what ended because of the time
    doors                     what the caller has to tell of them
"""

from collections.abc import Callable, Iterable

from doorman.algs.api import Owner
from doorman.algs.sip.alg import SipAlg
from doorman.algs.sip.calls import Call, State
from doorman.dataplanes.replay import Replay
from doorman.dataplanes.report import Json, call_entry, door_record_entry, protocol_name, shown
from doorman.engine.engine import Engine
from doorman.engine.ladder import Ladders, Step
from doorman.engine.results import Ending
from doorman.net.addresses import address_text

MOST_CANDIDATES = 50
"""Calls that are listed where more than one is meant."""

_UNKNOWN: Json = {"from": None, "to": None, "state": None, "dialogs": {}, "streams": []}
_UNCOUNTED: Json = dict.fromkeys(("packets_in", "packets_out", "bytes_in", "bytes_out"))
_OVER = frozenset({"call-too-long", "session-expired", "call-unanswered"})
"""Why an ALG gave a call up; other endings are of what belongs to a call."""


def find_calls(engine: Engine, ladders: Ladders, wanted: str) -> list[Owner]:
    """Whose calls have a Call-ID, as it is shown, or else begin so."""
    known = dict.fromkeys([*(ladder.owner for ladder in ladders), *(call.owner for call in _calls(engine))])
    named = [(shown(owner.name), owner) for owner in known if owner.alg == "sip"]
    exact = [owner for name, owner in named if name == wanted]
    return exact or [owner for name, owner in named if name.startswith(wanted)]


def replayed_call(replay: Replay, ladders: Ladders, wanted: str) -> Json:
    """All about a call of a replay, at the end of the capture; of its doors it is told in packet numbers."""

    def doors(owner: Owner) -> list[Json]:
        return [_UNCOUNTED | door_record_entry(record) for record in replay.doors if record.door.owner == owner]

    now = max((step.time for ladder in ladders for step in ladder.steps), default=0.0)
    return call_report(replay.engine, ladders, wanted, doors, 0.0, now)


def call_report(  # noqa: PLR0913, PLR0917 - the gateway, the call, and three things that differ live and in replay
    engine: Engine,
    ladders: Ladders,
    wanted: str,
    doors: Callable[[Owner], list[Json]],
    epoch: float,
    now: float,
) -> Json:
    """All about a call.

    Args:
        engine: the gateway.
        ladders: what went by.
        wanted: its Call-ID, or the beginning of that.
        doors: what to tell of its doors.
        epoch: what to add to the engine's times to have seconds since 1970.
        now: the engine's time.

    Returns:
        `calls`: none, one, or one for each inside party; `candidates`: where more than one is meant, their Call-IDs.
    """
    owners = find_calls(engine, ladders, wanted)
    names = dict.fromkeys(owner.name for owner in owners)
    if len(names) > 1:
        return {"calls": [], "candidates": [shown(name) for name in list(names)[:MOST_CANDIDATES]]}
    return {"calls": [_entry(engine, ladders, owner, doors, epoch, now) for owner in owners], "candidates": []}


def _entry(  # noqa: PLR0913, PLR0917 - see `call_report`
    engine: Engine, ladders: Ladders, owner: Owner, doors: Callable[[Owner], list[Json]], epoch: float, now: float
) -> Json:
    call = next((call for call in _calls(engine) if call.owner == owner), None)
    ladder = ladders.find(owner)
    steps = ladder.steps if ladder is not None else []
    endings = [ending for ending in engine.state.endings if ending.owner == owner]
    ended = _end_of(call, steps, endings)
    answered = _answered_at(call, steps)
    known = call_entry(call) if call is not None else _UNKNOWN
    return {
        **known,
        "call_id": shown(owner.name),
        "inside_party": address_text(owner.party),
        "known": call is not None,
        "begun": _round(ladder.begun + epoch) if ladder is not None else None,
        "answered": _round(answered + epoch) if answered is not None else None,
        "ended": {"time": _round(ended[0] + epoch), "why": ended[1]} if ended is not None else None,
        "lasted": _round((now if ended is None else ended[0]) - answered) if answered is not None else None,
        "messages": [_message(step, epoch) for step in steps],
        "earlier": ladder.earlier if ladder is not None else 0,
        "timers": [
            {"time": _round(ending.time + epoch), "why": ending.why}
            for ending in endings
            if ending.why in _OVER or ended is None or ending.time < ended[0]
        ],
        "doors": doors(owner),
    }


def _message(step: Step, epoch: float) -> Json:
    inside, name, outside = _ends(step)
    return {
        "time": _round(step.time + epoch),
        "message": step.name,
        "answers": step.answers or None,
        "direction": step.direction.name.lower(),
        "transport": protocol_name(step.protocol),
        "inside": inside,
        "known_as": name,
        "outside": outside,
        "drop": shown(step.drop.encode()) if step.drop is not None else None,
        "repeats": step.repeats,
    }


def _ends(step: Step) -> tuple[str, str, str]:
    """The inside end, its name outside, and the outside end."""
    path = step.path
    if step.direction:
        return str(path.arrives_to), str(path.sent_to), str(path.sent_from)
    return str(path.sent_from), str(path.arrives_from), str(path.arrives_to)


def _end_of(call: Call | None, steps: list[Step], endings: list[Ending]) -> tuple[float, str] | None:
    """When a call ended, and why; None for one that goes on, or of which nobody knows."""
    if call is not None and call.state is not State.ENDED:
        return None
    timer = next((ending for ending in reversed(endings) if ending.why in _OVER), None)
    if timer is not None:
        return timer.time, timer.why
    step = next((step for step in reversed(steps) if step.drop is None and _ends_a_call(step)), None)
    if step is None:
        return None
    what = f"{step.name} ({step.answers})" if step.answers else step.name
    return step.time, f"{what} from {'outside' if step.direction else 'inside'}"


def _ends_a_call(step: Step) -> bool:
    return step.name in {"BYE", "CANCEL"} or (step.answers == "INVITE" and step.name >= "300")


def _answered_at(call: Call | None, steps: list[Step]) -> float | None:
    if call is not None and call.established:
        return call.established
    answers = (step.time for step in steps if step.drop is None and step.answers == "INVITE" and step.name[0] == "2")
    return next(answers, None)


def _calls(engine: Engine) -> Iterable[Call]:
    alg = engine.inspector.algs.get("sip")
    return alg.calls if isinstance(alg, SipAlg) else ()


def _round(seconds: float) -> float:
    return round(seconds, 3)
