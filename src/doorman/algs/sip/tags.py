"""The tags of a message, which name its dialog (RFC 3261, section 19.3)."""

import re
from typing import Final

from doorman.wire.sip import SipMessage

_TAG: Final = re.compile(rb";\s*+tag\s*+=\s*+([^;>,\s]++)", re.IGNORECASE)
_USUAL: Final = b";tag="


def to_tag(sip: SipMessage) -> bytes:
    """The tag in the first To header, b"" where there is none."""
    tag = sip.to_tag
    if tag is None:
        tag = sip.to_tag = _read_tag(sip, "to")
    return tag


def from_tag(sip: SipMessage) -> bytes:
    """The tag in the first From header, b"" where there is none."""
    tag = sip.from_tag
    if tag is None:
        tag = sip.from_tag = _read_tag(sip, "from")
    return tag


def _read_tag(sip: SipMessage, name: str) -> bytes:
    header = sip.first(name)
    if header is None:
        return b""
    data, text, end = sip.data, sip.text, header.end
    at = text.find(";", header.start, end)
    if at < 0:
        return b""
    first = at + len(_USUAL)
    if data[at:first] == _USUAL and text[first:end].isalnum():
        return data[first:end]  # nothing else can be one
    found = _TAG.search(data, at, end)
    return found[1] if found is not None else b""
