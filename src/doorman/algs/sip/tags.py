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
        value = sip.value(name)
        found = _TAG.search(value) if _SEMICOLON in value else None
        known = sip.tags[name] = found[1] if found is not None else b""
    return known
