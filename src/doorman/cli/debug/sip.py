"""`debug ip nat sip`: the lines IOS prints for each SIP message, made from what the ALG decided."""

from collections.abc import Iterator
from datetime import UTC, datetime

from doorman.algs.api import Edit, OpenDoor
from doorman.dataplanes.report import shown
from doorman.engine.inspection import Inspection
from doorman.wire.malformed import Malformed
from doorman.wire.multipart import find_parts
from doorman.wire.sdp import SessionDescription, read_sdp
from doorman.wire.sip import SipMessage, read_sip

_BODY_RULE = "SDP "


def debug_lines(inspection: Inspection, time_ns: int) -> Iterator[str]:
    """The lines about one message, each with its time (UTC)."""
    at = datetime.fromtimestamp(time_ns / 1e9, UTC)
    stamp = f"{at:%b} {at.day} {at:%H:%M:%S}.{at.microsecond // 1000:03d} UTC"
    for line in _lines(inspection):
        yield f"{stamp}: {line}"


def _lines(inspection: Inspection) -> Iterator[str]:
    outcome = inspection.outcome
    if not outcome.name:
        yield f"NAT: SIP: [0] not a SIP message, {len(inspection.message.data)} bytes passed"
        return
    yield f"NAT: SIP: [0] processing {outcome.name} message"
    if outcome.drop is not None:
        yield f"NAT: SIP: [0] message dropped: {outcome.drop}"
        return
    doors = sum(isinstance(effect, OpenDoor) for effect in outcome.effects)
    register = int(outcome.name == "REGISTER")
    progress = f"NAT: SIP: [0] register:{register} door_created:{int(doors > 0)}"
    for edit in outcome.edits:
        if edit.rule.startswith(_BODY_RULE) or edit.rule == "Content-Length":
            continue
        yield progress
        if edit.rule == "Contact":
            yield "NAT: SIP: Contact header found"
            yield "NAT: SIP: Trying to find expires parameter"
        yield f"NAT: SIP: [0] translated embedded address {_change(inspection, edit)}"
    yield progress
    yield from _body_lines(inspection)


def _change(inspection: Inspection, edit: Edit) -> str:
    return f"{shown(inspection.message.data[edit.start : edit.end])}->{shown(edit.new)}"


def _body_lines(inspection: Inspection) -> Iterator[str]:
    try:
        before, after = read_sip(inspection.message.data), read_sip(inspection.after)
    except Malformed:
        return
    if before is None or after is None or before.body_start == before.body_end:
        return
    yield "NAT: SIP: [0] message body found"
    for old, new in zip(_descriptions(before), _descriptions(after), strict=False):
        yield f"NAT: SIP: Media Lines present:{len(old.media)}"
        for mine, theirs in zip(_media(old), _media(new), strict=False):
            if mine != theirs:
                yield f"NAT: SIP: Translated global m=({mine}) -> ({theirs})"
    yield (
        f"NAT: SIP: old_sdp_len:{before.body_end - before.body_start} new_sdp_len :{after.body_end - after.body_start}"
    )


def _descriptions(sip: SipMessage) -> list[SessionDescription]:
    parts = find_parts(sip.data, sip.value("content-type"), sip.body_start, sip.body_end)
    return [read_sdp(sip.data, start, end) for kind, start, end in parts if kind == b"application/sdp"]


def _media(description: SessionDescription) -> list[str]:
    lines = []
    for media in description.media:
        host = media.connection or description.connection
        where = ".".join(map(str, host.address)) if host is not None and host.address is not None else "?"
        lines.append(f"{where}, {media.port.number}")
    return lines
