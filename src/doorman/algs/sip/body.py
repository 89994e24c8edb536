"""Translating the bodies of SIP messages: session descriptions, also within multiparts."""

from doorman.algs.api import Edit, Effect, Nat, Note
from doorman.algs.sip.media import Announced, MediaTranslation
from doorman.wire.multipart import Part, find_parts
from doorman.wire.sdp import read_sdp
from doorman.wire.sip import SipMessage

MAX_MEDIA = 12
"""Media lines of a description, as Cisco IOS and Junos have it (channels per call)."""


def translate_body(sip: SipMessage, nat: Nat, edits: list[Edit], effects: list[Effect]) -> list[Announced] | None:
    """Translate the descriptions in a body, and add to edits and effects; what they announce, None without any.

    Raises:
        Malformed: a description or multipart cannot be read, or is over a limit.
        Refused: something may not be announced, or no name is left for it.
    """
    if sip.body_end == sip.body_start:
        return None
    announced: list[Announced] | None = None
    body_edits: list[Edit] = []
    for part in _descriptions(sip, effects):
        media = MediaTranslation(read_sdp(sip.data, part.start, part.end), nat)
        media.run(MAX_MEDIA)
        body_edits += media.edits
        if part.length is not None:
            body_edits += _corrected(sip.data, part.length, media.edits)
        effects += media.effects
        announced = media.announced if announced is None else announced + media.announced
    if body_edits:
        edits += body_edits
        if sip.length is not None:
            edits += _corrected(sip.data, sip.length, body_edits)
        edits.sort()
    return announced


def _descriptions(sip: SipMessage, effects: list[Effect]) -> list[Part]:
    """The session descriptions in a body."""
    if "content-encoding" in sip.places and sip.value("content-encoding").strip().lower() != b"identity":
        effects.append(Note("encoded-body"))
        return []
    found = []
    for part in find_parts(sip.data, sip.value("content-type"), sip.body_start, sip.body_end):
        kind = part.content_type
        if kind == b"application/sdp" or (not kind and sip.data.startswith(b"v=0", part.start)):
            found.append(part)
        elif kind.startswith((b"application/pkcs7", b"application/x-pkcs7")):
            effects.append(Note("encrypted-body"))
    return found


def _corrected(data: bytes, place: tuple[int, int], edits: list[Edit]) -> list[Edit]:
    """The edit, if one is due, that makes a length right after edits of what it counts; leading zeros are kept."""
    start, end = place
    growth = 0
    for at, stop, new, _ in edits:
        growth += len(new) - stop + at
    if not growth:
        return []
    width = end - start if data[start : start + 1] == b"0" else 0
    return [Edit(start, end, str(int(data[start:end]) + growth).zfill(width).encode(), "Content-Length")]
