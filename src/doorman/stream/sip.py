"""Finding SIP messages in a stream (RFC 3261, sections 7.5 and 18.3; RFC 5626, section 4.4.1)."""

import re

from doorman.stream.framing import MAX_MESSAGE
from doorman.stream.headed import Grammar, HeadedFramer
from doorman.wire.sip import begins_like_sip

_GRAMMAR = Grammar(
    begins_like_sip,
    start=re.compile(rb"[A-Za-z0-9.!%*_+`'~-]{1,32}+(?:[ \t]|\Z)|SIP(?:/|\Z)", re.IGNORECASE),
    longest_start=33,
    lengths=re.compile(rb"\r\n(?:content-length|l)[ \t]*+:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE),
    foreign="not-sip",
    without_length="no-content-length",
)


def framer(limit: int = MAX_MESSAGE) -> HeadedFramer:
    """SIP's framer: messages of at most so many bytes."""
    return HeadedFramer(_GRAMMAR, limit)
