"""The tags of a message, which name its dialog (RFC 3261, section 19.3)."""

import re
from typing import Final

from doorman.wire.sip import SipMessage

_TAG: Final = re.compile(rb";\s*+tag\s*+=\s*+([^;>,\s]++)", re.IGNORECASE)
_SEMICOLON: Final = 0x3B


def tag_of(sip: SipMessage, name: str) -> bytes:
    """The tag in the first From or To header, b"" where there is none."""
    known = sip.tags.get(name)
    if known is None:
        known = sip.tags[name] = _read_tag(sip.value(name))
    return known


def _read_tag(value: bytes) -> bytes:
    before, usual, tag = value.partition(b";tag=")
    if _SEMICOLON not in before and (not usual or tag.isalnum()):
        return tag  # nothing else can be one
    found = _TAG.search(value)
    return found[1] if found is not None else b""
