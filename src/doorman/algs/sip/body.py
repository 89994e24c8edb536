"""Translating the bodies of SIP messages: session descriptions, also within multiparts."""

from doorman.algs.api import Edit, Effect, Nat, Note
from doorman.algs.sip.media import Announced, MediaTranslation
from doorman.wire.multipart import find_parts
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
    for start, end in _descriptions(sip, effects):
        media = MediaTranslation(read_sdp(sip.data, start, end), nat)
        media.run(MAX_MEDIA)
        body_edits += media.edits
        effects += media.effects
        announced = media.announced if announced is None else announced + media.announced
    if body_edits:
        edits += body_edits
        _correct_length(sip, edits, body_edits)
        edits.sort()
    return announced


def _descriptions(sip: SipMessage, effects: list[Effect]) -> list[tuple[int, int]]:
    """Where the session descriptions of a body stand."""
    if "content-encoding" in sip.places and sip.value("content-encoding").strip().lower() != b"identity":
        effects.append(Note("encoded-body"))
        return []
    found = []
    for kind, start, end in find_parts(sip.data, sip.value("content-type"), sip.body_start, sip.body_end):
        if kind == b"application/sdp" or (not kind and sip.data.startswith(b"v=0", start)):
            found.append((start, end))
        elif kind.startswith((b"application/pkcs7", b"application/x-pkcs7")):
            effects.append(Note("encrypted-body"))
    return found


def _correct_length(sip: SipMessage, edits: list[Edit], body_edits: list[Edit]) -> None:
    growth = 0
    for start, end, new, _ in body_edits:
        growth += len(new) - end + start
    if sip.length is None or not growth:
        return
    start, end = sip.length
    width = end - start if sip.data[start : start + 1] == b"0" else 0
    length = sip.body_end - sip.body_start + growth
    edits.append(Edit(start, end, str(length).zfill(width).encode(), "Content-Length"))
