"""Header lines of SIP messages: what each of them says, wherever in a message it stands (RFC 3261, section 7.3).

    Via: SIP/2.0/UDP 192.168.1.10:5060;branch=…     most lines are in the next message again, and in the one after that:
    f: "Alice" <sip:alice@192.168.1.10>;tag=…       the answer repeats what the request said, and a phone its own name.
    CSeq: 1 INVITE                                  So a line is read once, and looked up from then on.

What is new in each message, or each call, is cut out before: the branch of a Via, tags, Call-ID, the number of a CSeq.

Compact forms are the same header (section 7.3.3): f is From.
"""

import re
from functools import lru_cache
from typing import Final

from doorman.net.memo import remember
from doorman.wire.malformed import Malformed
from doorman.wire.uri import HostPort, Via, find_agents, find_uris_in, find_via_in

NAMES: Final[tuple[str, ...]] = (
    "", "call-id", "cseq", "content-length", "to", "from", "via",
    "alert-info", "also", "authorization", "call-info", "cc-diversion", "contact", "content-encoding",
    "content-transfer-encoding", "content-type", "diversion", "error-info", "expires", "geolocation", "history-info",
    "p-asserted-identity", "p-associated-uri", "p-called-party-id", "p-charge-info", "p-preferred-identity",
    "p-served-user", "path", "policy-contact", "proxy-authorization", "record-route", "refer-events-at", "refer-to",
    "referred-by", "remote-party-id", "reply-to", "requested-by", "route", "service-route", "session-expires",
    "trigger-consent", "warning",
)  # fmt: skip
"""Canonical names of the headers that matter to a gateway, by their kinds; those of kind 0 do not."""
CALL_ID: Final = 1
CSEQ: Final = 2
CONTENT_LENGTH: Final = 3
TO: Final = 4
FROM: Final = 5
VIA: Final = 6

_COMPACT: Final = {
    "i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
    "r": "refer-to", "b": "referred-by", "t": "to", "v": "via", "x": "session-expires",
}  # fmt: skip
_OTHERS: Final = (
    "Accept", "Accept-Encoding", "Accept-Language", "Allow", "Allow-Events", "Date", "Event", "Max-Forwards", "Min-SE",
    "RAck", "RSeq", "Reason", "Require", "Server", "Subject", "Subscription-State", "Supported", "User-Agent",
)  # fmt: skip
KINDS: Final = {name: kind for kind, name in enumerate(NAMES) if name}
"""The kinds of the headers that matter, by their canonical names."""
_NAMED: Final = {**KINDS, **{letter: KINDS[name] for letter, name in _COMPACT.items()}}
# Names as they are usually spelled, of headers that matter and of others: looked up without reading the name.
_SPELLED: Final = {
    **{name.title(): kind for name, kind in _NAMED.items()},
    **_NAMED,
    **dict.fromkeys(_OTHERS, 0),
    **{name: KINDS[name.lower()] for name in ("CSeq", "Call-ID", "P-Associated-URI", "P-Called-Party-ID")},
}
_WARNING: Final = KINDS["warning"]
_TOKEN: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]++")
_TAG: Final = re.compile(r";[ \t\r\n\f\v]*+tag[ \t\r\n\f\v]*+=[ \t\r\n\f\v]*+([^;>, \t\r\n\f\v]++)", re.IGNORECASE)
_USUAL_TAG: Final = ";tag="
_LONGEST_NAME: Final = 64
"""Bytes of a header's name that are looked at, and remembered; no known one is longer."""
_LENGTH_DIGITS: Final = 9
_SPACE: Final = " \t\r\n\v\f"
"""What may stand around a number: of text, `str.strip` would take more."""
LONGEST: Final = 256
"""Bytes of a line that is remembered: a peer chooses what it sends, and must not fill the memory with it."""
_REMEMBERED: Final = 4_096
"""Names, and lines, that are remembered."""
_LONGEST_BLOCK: Final = 512
"""Bytes of lines that are remembered in one piece."""
_BLOCKS_REMEMBERED: Final = 1_024
"""Such pieces."""


class HeaderLine:
    """A header as it is written, perhaps without what is new in a message (`recall`).

    Where in a message it stands it does not know, nor how long the new part is there.

    Attributes:
        kind: which header it is, see `NAMES`.
        written: all of it, a character for each byte, with the lines that continue it and without the last one's end.
        length: bytes of it, that end included.
        start, end: where its value stands in it; of Content-Length, the digits.
        branch: of a Via, where the branch stands or was cut out, counted from the beginning of the value.
        token: what tells by it: the Call-ID, the number of a CSeq as written, the tag of To and From. b"" where it is
            none, or another header.
        rest: what follows the token: the method of a CSeq. A Call-ID that goes on is none.
        number: of Content-Length; -1 where it is none, or another header.
    """

    __slots__ = ("_places", "_vias", "branch", "end", "kind", "length", "number", "rest", "start", "token", "written")

    def __init__(self, kind: int, written: str, length: int, start: int) -> None:
        self.kind = kind
        self.written = written
        self.length = length
        self.start = start
        self.end = self.branch = len(written)
        self.token = self.rest = b""
        self.number = -1
        self._places: tuple[HostPort, ...] | None = None
        self._vias: tuple[Via, ...] | None = None

    @property
    def value(self) -> bytes:
        """Its value."""
        return _bytes(self.written[self.start : self.end])

    def places(self, most: int) -> tuple[HostPort, ...]:
        """The addresses in its value, see `find_uris` and `find_agents`; in a long line not many more than `most`."""
        places = self._places
        if places is None:
            if self.kind == _WARNING:
                places = find_agents(self.value)
            else:
                places = find_uris_in(self.written, self.start, self.end, most)
            self._places = places
        return places

    def vias(self, most: int) -> tuple[Via, ...]:
        """The values of a Via header, see `find_via`; in a long line not many more than `most`."""
        vias = self._vias
        if vias is None:
            vias = self._vias = find_via_in(self.written, self.start, self.end, most)
        return vias

    def shift(self, place: HostPort, gap: int) -> int:
        """How much further a place of a Via stands in a message whose branch of so many bytes was cut out."""
        return gap if place.start >= self.branch else 0


class Singles:
    """The headers that a message has once, and the first From and To.

    Attributes:
        call_id, cseq, length, to, sender: Call-ID, CSeq, Content-Length, To and From; None where there is none.
    """

    __slots__ = ("call_id", "cseq", "length", "sender", "to")

    def __init__(self) -> None:
        self.call_id: HeaderLine | None = None
        self.cseq: HeaderLine | None = None
        self.length: HeaderLine | None = None
        self.to: HeaderLine | None = None
        self.sender: HeaderLine | None = None

    def take(self, line: HeaderLine) -> None:
        """Keep a header if it is one of these.

        Raises:
            Malformed: there is one already.
        """
        kind = line.kind
        if not kind or kind > FROM:
            return
        if kind == FROM:
            self.sender = self.sender or line
        elif kind == TO:
            self.to = self.to or line
        elif kind == CALL_ID:
            _require_none(self.call_id)
            self.call_id = line
        elif kind == CSEQ:
            _require_none(self.cseq)
            self.cseq = line
        else:
            _require_none(self.length)
            self.length = line


def _require_none(line: HeaderLine | None) -> None:
    if line is not None:
        raise Malformed(f"{NAMES[line.kind]}-twice")  # which would be meant (RFC 3261, section 7.3.1)?


class Block:
    """Headers that follow each other: all of them, and those of which a message has one."""

    __slots__ = ("lines", "singles")

    def __init__(self, lines: list[HeaderLine]) -> None:
        self.lines = lines
        self.singles = Singles()
        for line in lines:
            self.singles.take(line)


_BLOCKS: Final[dict[str, Block]] = {}
_LINES: Final[dict[str, HeaderLine]] = {}
_BRANCH: Final = ";branch="
_CSEQ: Final = "CSeq: "
_LOWER: Final = 0x20
"""The bit by which a small letter differs from a capital."""
_C: Final = ord("c")
_F: Final = ord("f")
_T: Final = ord("t")
_V: Final = ord("v")
_0: Final = ord("0")
_9: Final = ord("9")


def recall(data: bytes, text: str, at: int, end: int) -> tuple[HeaderLine, int, int]:
    """Read the header `text[at:end]` that one line holds, or recall it; its end, CRLF, follows.

    Of what most write, the part that is new in a message is cut out before: the branch of a Via; the tag that ends a
    From or To; a Call-ID; of the number of a CSeq, all digits but the first. Whatever else the header says, it says
    without it.

    Returns:
        The header, then where the new part begins and ends; that is at one place where there is none.

    Raises:
        Malformed: it is none.
    """
    letter = data[at] | _LOWER
    begin = stop = end
    if letter == _C:
        begin = at + len(_CALL_ID.written)
        if text[at:begin] == _CALL_ID.written and _is_word(text[begin:end]):
            return _CALL_ID, begin, end
        begin, stop = _find_number(data, text, at, end)
    elif letter in (_F, _T):
        begin = _find_tag(text, at, end)
    elif letter == _V:
        begin, stop = _find_branch(text, at, end)
    return _header_line(_without(text, at, begin, stop, end)), begin, stop


def recall_block(data: bytes, text: str, at: int, end: int) -> tuple[Block, int, int]:
    """Read the headers `text[at:end]` that are all on lines of their own, each with its end, or recall them.

    What is new is cut out of the first one, if that is CSeq. For the rest see `recall`.

    Raises:
        Malformed: one of them is none, or is there twice.
    """
    begin, stop = _find_number(data, text, at, end)
    written = _without(text, at, begin, stop, end)
    block = _BLOCKS.get(written)
    if block is None:
        block = Block([_header_line(line) for line in written.split("\r\n")[:-1]])
        if len(written) <= _LONGEST_BLOCK:
            remember(_BLOCKS, written, block, _BLOCKS_REMEMBERED)
    return block, begin, stop


def _find_branch(text: str, at: int, end: int) -> tuple[int, int]:
    begin = text.find(_BRANCH, at, end)
    if begin >= 0:
        begin += len(_BRANCH)
        stop = text.find(";", begin, end)
        branch = text[begin : stop if stop >= 0 else end]
        if branch.isalnum() or not ("/" in branch or '"' in branch or "\r" in branch):
            return begin, begin + len(branch)
    return end, end


def _find_tag(text: str, at: int, end: int) -> int:
    begin = text.find(_USUAL_TAG, at, end)
    if begin >= 0:
        begin += len(_USUAL_TAG)
        tag = text[begin:end]
        if tag.isalnum() or _TOKEN.fullmatch(tag) is not None:
            return begin
    return end


def _find_number(data: bytes, text: str, at: int, end: int) -> tuple[int, int]:
    first = stop = at + len(_CSEQ)
    if text[at:first] == _CSEQ:
        while stop < end and _0 <= data[stop] <= _9:
            stop += 1
    return (first + 1, stop) if stop > first else (end, end)


def _is_word(text: str) -> bool:
    return not (" " in text or "\t" in text or "\r" in text or "\v" in text or "\f" in text)


def _without(text: str, at: int, begin: int, stop: int, end: int) -> str:
    return text[at:end] if begin == stop else text[at:begin] + text[stop:end]


def _header_line(written: str) -> HeaderLine:
    line = _LINES.get(written)
    if line is not None:
        return line
    if "\n" in written or "\r" in written:
        raise Malformed("header-line")  # they end a line for some, and hide a header from the others
    line = read_line(written, len(written) + len("\r\n"))
    return remember(_LINES, written, line, _REMEMBERED) if len(written) <= LONGEST else line


def read_line(written: str, length: int) -> HeaderLine:
    """Read a header of so many bytes, which may be continued on lines within it.

    Raises:
        Malformed: it is none.
    """
    colon = written.find(":")
    kind = _SPELLED.get(written[:colon]) if colon >= 0 else None
    if kind is None:
        kind = _kind_of(written[: min(colon, _LONGEST_NAME)]) if colon >= 0 else -1
        if kind < 0:
            raise Malformed("header-line")
    start = colon + 1
    end = len(written)
    while start < end and (written[start] == " " or written[start] == "\t"):
        start += 1
    line = HeaderLine(kind, written, length, start)
    if kind in (TO, FROM):
        line.token = _read_tag(written, start)
    elif kind == VIA:
        line.branch = written.find(_BRANCH) + len(_BRANCH) - start
    elif kind in (CALL_ID, CSEQ):
        words = _bytes(written[start:]).split(None, 2)
        if words and (kind == CALL_ID or words[0].isdigit()):
            line.token = words[0]
        if len(words) > 1:
            line.rest = words[1]
    elif kind == CONTENT_LENGTH:
        _read_length(line)
    return line


def _read_length(line: HeaderLine) -> None:
    digits = line.written[line.start :].strip(_SPACE)
    if digits.isdecimal() and len(digits) <= _LENGTH_DIGITS:
        line.start = line.written.index(digits, line.start)
        line.end = line.start + len(digits)
        line.number = int(digits)


@lru_cache(_REMEMBERED)
def _kind_of(name: str) -> int:
    """The kind of a header by its name, -1 for what is no name."""
    name = name.rstrip(" \t")  # allowed before the colon (RFC 3261, section 7.3.1)
    return _NAMED.get(name.lower(), 0) if _TOKEN.fullmatch(name) else -1


def _read_tag(written: str, start: int) -> bytes:
    at = written.find(";", start)
    if at < 0:
        return b""
    first = at + len(_USUAL_TAG)
    if written[at:first] == _USUAL_TAG and written[first:].isalnum():
        return _bytes(written[first:])  # nothing else can be one
    found = _TAG.search(written, at)
    return _bytes(found[1]) if found is not None else b""


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


_CALL_ID: Final = read_line("Call-ID: ", len("Call-ID: \r\n"))
"""The header that names a call, without its name."""
