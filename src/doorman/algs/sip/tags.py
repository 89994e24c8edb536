"""The tags of a message, which name its dialog (RFC 3261, section 19.3)."""

from doorman.wire.sip import SipMessage


def to_tag(sip: SipMessage) -> bytes:
    """The tag in the first To header, b"" where there is none."""
    return sip.to_tag


def from_tag(sip: SipMessage) -> bytes:
    """The tag in the first From header, b"" where there is none."""
    return sip.from_tag
