"""The tags of a message, which name its dialog (RFC 3261, section 19.3)."""

import re

from doorman.wire.sip import SipMessage

_TAG = re.compile(rb";\s*+tag\s*+=\s*+([^;>,\s]++)", re.IGNORECASE)


def tag_of(sip: SipMessage, name: str) -> bytes:
    """The tag in the first From or To header, b"" where there is none."""
    found = _TAG.search(sip.value(name))
    return found[1] if found else b""
