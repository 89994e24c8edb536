"""Finding the lines of FTP's control connection. A server begins with a code, a client with a command of FTP.

So a browser that was made to send an HTTP request to port 21 speaks no FTP, whatever lines its body has.
"""

import re

from doorman.stream.framing import MAX_MESSAGE
from doorman.stream.lines import LineFramer
from doorman.wire.ftp import LONGEST_VERB, VERBS

_WORD = re.compile(rb"(?:\xff[\xfb-\xfe].|\xff[\xf0-\xfa]){0,16}([A-Za-z@]++|[0-9]++)?", re.DOTALL)
_CODE_LENGTH = 3
_AFTER_CODE = frozenset(b" -\r\n")
_AFTER_VERB = frozenset(b" \r\n")
_IAC = b"\xff"
_LONGEST_TELNET = 3


def framer(limit: int = MAX_MESSAGE) -> LineFramer:
    """FTP's framer: lines of at most so many bytes."""
    return LineFramer(begins_like_ftp, "not-ftp", limit)


def begins_like_ftp(data: bytes) -> bool | None:
    """Whether a stream that begins so is a control connection; None: more is needed to tell."""
    found = _WORD.match(data)
    word = (found and found[1]) or b""
    at = found.end() if found is not None else 0
    if not word:
        rest = data[at:]
        return None if not rest or (rest.startswith(_IAC) and len(rest) < _LONGEST_TELNET) else False
    if word.isdigit():
        if at == len(data) and len(word) <= _CODE_LENGTH:
            return None
        return len(word) == _CODE_LENGTH and data[at] in _AFTER_CODE
    if at == len(data) and len(word) <= LONGEST_VERB:
        return None
    return word.upper() in VERBS and at < len(data) and data[at] in _AFTER_VERB
