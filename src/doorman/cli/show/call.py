"""`show alg sip call CALL-ID`: one call with the ladder of its messages.

A message stands in the middle, with an arrow for the way it went; beside it are the inside end, the name that has
outside, and the outside end.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from doorman.cli.reasons import meaning_of_drop, meaning_of_note
from doorman.cli.show.durations import duration
from doorman.cli.show.table import table
from doorman.dataplanes.report import Json

_DOOR = ("Pro", "Role", "Visitor", "Entrance", "Leads to", "State", "Packets in/out", "Bytes in/out")
_LIFE = (("opened", "opened_at_packet"), ("used", "promoted_at_packet"), ("closed", "closed_at_packet"))
_STREAM = ("Media", "Inside", "Outside")


def show_call(found: Json) -> Iterator[str]:
    """The lines about a call, about each of both where it is one of two inside phones, or which calls may be meant."""
    if found["candidates"]:
        yield "more than one call begins so:"
        yield from (f"  {name}" for name in found["candidates"])
        return
    if not found["calls"]:
        yield "no such call"
    for number, call in enumerate(found["calls"]):
        if number:
            yield ""
        yield from _call(call)


def _call(call: Json) -> Iterator[str]:
    yield f"Call-ID {call['call_id']}, inside party {call['inside_party']}"
    if call["known"]:
        yield f"{call['from']} -> {call['to']}, state {call['state']}"
    else:
        yield "not in the call database (any more); this is what went by"
    yield _times(call)
    for tag, state in call["dialogs"].items():
        yield f"Dialog {tag}: {state}"
    if call["streams"]:
        yield from table(
            _STREAM, [[stream["kind"], stream["inside"] or "-", stream["outside"] or "-"] for stream in call["streams"]]
        )
    if call["doors"]:
        yield from table(_DOOR, [_door(door) for door in call["doors"]])
    yield from _ladder(call)


def _times(call: Json) -> str:
    """When it began, how long it lasted, and how it ended."""
    parts = []
    if call["begun"] is not None:
        parts.append(f"Begun {_day(call['begun'])} {_clock(call['begun'])} UTC")
    parts.append("not answered" if call["answered"] is None else f"answered {_clock(call['answered'])}")
    if call["lasted"] is not None:
        parts.append(f"{'lasted' if call['ended'] else 'lasts since'} {duration(call['lasted'])}")
    if call["ended"] is not None:
        why = call["ended"]["why"]
        meaning = meaning_of_note(why)
        parts.append(f"ended by {why}" + (f" ({meaning})" if meaning else ""))
    return ", ".join(parts)


def _door(door: Json) -> list[str]:
    return [
        door["transport"],
        door["role"],
        door["visitor"] or "any",
        door["entrance"],
        door["leads_to"],
        door.get("state") or _life(door),
        _both(door["packets_in"], door["packets_out"]),
        _both(door["bytes_in"], door["bytes_out"]),
    ]


def _life(door: Json) -> str:
    """In replay: the numbers of the packets that opened it, came first, and closed it."""
    life = [f"{word} {door[key]}" for word, key in _LIFE if door[key]]
    return ", ".join(life)


def _both(incoming: int | None, outgoing: int | None) -> str:
    return "-" if incoming is None else f"{incoming} / {outgoing}"


def _ladder(call: Json) -> Iterator[str]:
    if call["earlier"]:
        yield f"{call['earlier']} earlier messages are not kept"
    rows = [(message["time"], _message(message)) for message in call["messages"]]
    rows += [(timer["time"], [_clock(timer["time"]), *[""] * 5, f"timer: {timer['why']}"]) for timer in call["timers"]]
    rows.sort(key=lambda row: row[0])
    names = ["Time", "Pro", "Inside", "Message", "Known as", "Outside", ""]
    yield from table(names, [row for _, row in rows], most=len(rows))
    for reason in dict.fromkeys(message["drop"] for message in call["messages"] if message["drop"]):
        meaning = meaning_of_drop(f"sip: {reason}")
        if meaning:
            yield f"{reason}: {meaning}"


def _message(message: Json) -> list[str]:
    name = message["message"] + (f" ({message['answers']})" if message["answers"] else "")
    inward = message["direction"] == "inbound"
    remarks = [
        f"dropped: {message['drop']}" if message["drop"] is not None else "",
        f"sent {message['repeats'] + 1} times" if message["repeats"] else "",
    ]
    return [
        _clock(message["time"]),
        message["transport"],
        message["inside"],
        _arrow(name, inward=inward, stopped=message["drop"] is not None),
        message["known_as"],
        message["outside"],
        ", ".join(filter(None, remarks)),
    ]


def _arrow(name: str, *, inward: bool, stopped: bool) -> str:
    """The message on an arrow as long as most need; one that was dropped ends at a bar."""
    width = 18
    if inward:
        return f"{'|' if stopped else '<'}-- {name} ".ljust(width, "-")
    return f"-- {name} ".ljust(width - 1, "-") + ("|" if stopped else ">")


def _clock(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def _day(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%b} {at.day}"
