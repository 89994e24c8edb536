"""`debug ip nat sip`: the lines IOS prints for each SIP message, made from what the ALG decided.

A `register:0 door_created:0` stands before each header that is looked at and before the body; a Contact is announced;
what was replaced follows as `OLD->NEW`. Ports are shown where they changed as well.
"""

from collections.abc import Iterator

from doorman.algs.api import OpenDoor, apply_edits
from doorman.cli.reasons import NOT_DONE
from doorman.dataplanes.report import shown
from doorman.engine.inspection import Inspection
from doorman.engine.modes import as_decided
from doorman.wire.malformed import Malformed
from doorman.wire.multipart import find_parts
from doorman.wire.sdp import read_sdp
from doorman.wire.session_description import SessionDescription
from doorman.wire.sip import Header, SipMessage, read_sip

_LOOKED_AT = frozenset({"via", "from", "to", "contact"})
"""Headers of which each message has its own; others are told of where they were changed."""


def sip_lines(inspection: Inspection) -> Iterator[str]:
    """The lines about one message."""
    outcome = as_decided(inspection.outcome)
    if not outcome.name:
        yield f"NAT: SIP: [0] not a SIP message, {len(inspection.message.data)} bytes passed"
        return
    yield f"NAT: SIP: [0] processing {outcome.name} message"
    withheld = inspection.outcome.withheld
    if withheld is not None:
        yield f"NAT: SIP: [0] mode {withheld.mode}: {NOT_DONE[withheld.mode]}"
    if outcome.drop is not None:
        yield f"NAT: SIP: [0] message dropped: {outcome.drop}"
        return
    doors = sum(isinstance(effect, OpenDoor) for effect in outcome.effects)
    register = int(outcome.name == "REGISTER")
    progress = f"NAT: SIP: [0] register:{register} door_created:{int(doors > 0)}"
    before = _read(inspection.message.data)
    if before is None:
        return
    for header in [Header("request-uri", before.uri_start, before.uri_end), *before.headers]:
        name = header.name
        changes = [
            _change(before.data[edit.start : edit.end], edit.new)
            for edit in outcome.edits
            if header.start <= edit.start < header.end and name != "content-length"
        ]
        if changes or name in _LOOKED_AT:
            yield progress
        if name == "contact":
            yield "NAT: SIP: Contact header found"
            yield "NAT: SIP: Trying to find expires parameter"
        yield from (f"NAT: SIP: [0] translated embedded address {change}" for change in changes)
    yield progress
    after = _read(inspection.after if withheld is None else apply_edits(before.data, outcome.edits))
    if after is not None and before.body_start != before.body_end:
        yield from _body_lines(before, after)


def _read(data: bytes) -> SipMessage | None:
    try:
        return read_sip(data)
    except Malformed:
        return None


def _change(old: bytes, new: bytes) -> str:
    """Both addresses, without the port where it stayed the same."""
    host, _, port = old.rpartition(b":")
    if host and new.endswith(b":" + port):
        old, new = host, new.removesuffix(b":" + port)
    return f"{shown(old)}->{shown(new)}"


def _body_lines(before: SipMessage, after: SipMessage) -> Iterator[str]:
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
    return [read_sdp(sip.data, part.start, part.end) for part in parts if part.content_type == b"application/sdp"]


def _media(description: SessionDescription) -> list[str]:
    lines = []
    for media in description.media:
        host = media.connection or description.connection
        where = ".".join(map(str, host.address)) if host is not None and host.address is not None else "?"
        lines.append(f"{where}, {media.port.number}")
    return lines
