"""`--explain`: each rewritten message before and after, line by line, with the rule behind each change.

The names are NAT's own: an inside host's *inside local* address is its own, its *inside global* one what others see.
"""

from collections.abc import Iterator

from doorman.algs.api import VOID, CloseDoors, Direction, Edit, Effect, Message, Note, OpenDoor, apply_edits
from doorman.cli.in_words import IN_WORDS, Lines
from doorman.cli.reasons import NOT_DONE, meaning_of_drop
from doorman.dataplanes.report import label, shown
from doorman.engine.inspection import Inspection
from doorman.engine.modes import as_decided
from doorman.net.addresses import address_text
from doorman.net.packet import TCP

_ITSELF = frozenset({"Content-Length", "TTL"})
"""Rules that are about no address."""
_PLACES = frozenset({"pointer", "length", "BER length"})
"""Rules that are about where something stands."""
_BY_POINTER = "name: "
"""The rule of a name that has only a pointer to one that is changed."""
_MEANING = {
    Direction.OUTBOUND: "inside local to global",
    Direction.INBOUND: "inside global to local",
}


def explain(inspection: Inspection, packet: int) -> Iterator[str]:
    """What was done to a message, and why; the lines begin with `-` as it came, `+` as it goes on."""
    path, outcome, withheld = inspection.message.path, as_decided(inspection.outcome), inspection.outcome.withheld
    way = "outbound" if inspection.message.direction == Direction.OUTBOUND else "inbound"
    yield f"packet {packet}: {way} {outcome.name or 'message that is not ' + inspection.alg}"
    yield f"  {path.sent_from} -> {path.sent_to}, leaves as {path.arrives_from} -> {path.arrives_to}"
    if withheld is not None:
        yield f"  mode {withheld.mode}: {NOT_DONE[withheld.mode]}"
    words, meaning = IN_WORDS.get(inspection.alg), _MEANING[inspection.message.direction]
    if words is not None:
        yield from _diff_in_words(words.lines, inspection.message, outcome.edits, meaning)
    else:
        yield from _diff(inspection.message, outcome.edits, meaning)
    if outcome.drop is not None:
        meaning = meaning_of_drop(outcome.drop)
        yield f"  dropped: {outcome.drop}{f', {meaning}' if meaning else ''}"
    yield from dict.fromkeys(_effects(outcome.effects, inspection.message.now))
    yield ""


def _diff_in_words(lines_of: Lines, message: Message, edits: list[Edit], meaning: str) -> Iterator[str]:
    """The same of a message that is no text: what it says, before and after, piece by piece."""
    streamed = message.protocol == TCP
    before = lines_of(message.data, streamed=streamed)
    after = lines_of(apply_edits(message.data, edits), streamed=streamed)
    for old, new in zip(before, after, strict=False):
        if old.text == new.text:
            yield f"    {old.text}"
        else:
            here = [edit for edit in edits if old.start <= edit.start < old.end and edit.rule not in _PLACES]
            yield f"  - {old.text}"
            yield f"  + {new.text:<66} ! {_rules(here, meaning) or _BY_POINTER + meaning}"


def _diff(message: Message, edits: list[Edit], meaning: str) -> Iterator[str]:
    data = message.data
    at = 0
    waiting = list(edits)
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        here = [edit for edit in waiting if edit.start < end]
        waiting = waiting[len(here) :]
        line = data[at:end]
        if here:
            yield f"  - {_line(line)}"
            yield f"  + {_line(_changed(line, here, at)):<66} ! {_rules(here, meaning)}"
        else:
            yield f"    {_line(line)}".rstrip()
        at = end


def _rules(edits: list[Edit], meaning: str) -> str:
    rules = dict.fromkeys(edit.rule for edit in edits)
    return ", ".join(rule if rule in _ITSELF or rule.startswith(VOID) else f"{rule}: {meaning}" for rule in rules)


def _changed(line: bytes, edits: list[Edit], at: int) -> bytes:
    parts = []
    done = 0
    for edit in edits:
        parts += [line[done : edit.start - at], edit.new]
        done = edit.end - at
    return b"".join([*parts, line[done:]])


def _line(line: bytes) -> str:
    return shown(line.rstrip(b"\r\n"))


def _effects(effects: list[Effect], now: float) -> Iterator[str]:
    for effect in effects:
        if isinstance(effect, OpenDoor):
            door = effect.door
            visitor = address_text(door.visitor) if door.visitor is not None else "anyone"
            yield f"  door for {door.role}: {visitor} may reach {door.leads_to} at {door.entrance}"
        elif isinstance(effect, CloseDoors):
            delay = effect.at - now
            what = f" at {effect.entrance}" if effect.entrance is not None else ""
            yield f"  doors of {label(effect.owner)}{what} close in {delay:g} s"
        elif isinstance(effect, Note):
            yield f"  note: {effect.name}{' ' + shown(effect.detail) if effect.detail else ''}"
