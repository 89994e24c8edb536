"""`debug ip nat ALG`: what an ALG decided about each message, in the words that IOS has for SIP."""

from collections.abc import Iterator

from doorman.algs.api import Note, OpenDoor
from doorman.cli.debug.sip import sip_lines
from doorman.cli.debug.stamp import stamp
from doorman.cli.in_words import IN_WORDS
from doorman.cli.reasons import NOT_DONE
from doorman.dataplanes.report import shown
from doorman.engine.inspection import Inspection
from doorman.engine.modes import as_decided


def debug_lines(inspection: Inspection, time_ns: int) -> Iterator[str]:
    """The lines about one message, each with its time (UTC)."""
    for line in sip_lines(inspection) if inspection.alg == "sip" else _lines(inspection):
        yield f"{stamp(time_ns)}: {line}"


def _lines(inspection: Inspection) -> Iterator[str]:
    outcome, withheld = as_decided(inspection.outcome), inspection.outcome.withheld
    title = f"NAT: {inspection.alg.upper()}:"
    if outcome.name:
        yield f"{title} [0] processing {outcome.name} message"
    if withheld is not None:
        yield f"{title} [0] mode {withheld.mode}: {NOT_DONE[withheld.mode]}"
    if outcome.drop is not None:
        yield f"{title} [0] message dropped: {outcome.drop}"
    for edit in outcome.edits:
        before = inspection.message.data[edit.start : edit.end]
        old, new = (_text(inspection.alg, edit.rule, data) for data in (before, edit.new))
        if old or inspection.alg not in IN_WORDS:
            yield f"{title} [0] translated {edit.rule} {old}->{new}"
    for effect in outcome.effects:
        if isinstance(effect, OpenDoor):
            yield f"{title} [0] door created: {effect.door.entrance} -> {effect.door.leads_to}"
        elif isinstance(effect, Note):
            yield f"{title} [0] {effect.name}{' ' + shown(effect.detail) if effect.detail else ''}"


def _text(alg: str, rule: str, data: bytes) -> str:
    """What an edit replaces, or by what; empty where that tells nothing."""
    words = IN_WORDS.get(alg)
    return words.edited(rule, data) if words is not None else shown(data)
