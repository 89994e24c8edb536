"""Header lines of SIP messages: what each of them says, wherever in a message it stands (RFC 3261, section 7.3).

    Via: SIP/2.0/UDP 192.168.1.10:5060;branch=…     most lines are in the next message again, and in the one after that:
    f: "Alice" <sip:alice@192.168.1.10>;tag=1       the answer repeats what the request said, and a phone its own name.
    CSeq: 1 INVITE                                  So a line is read once, and looked up from then on.

Compact forms are the same header (section 7.3.3): f is From.
"""

import re
from functools import lru_cache
from typing import Final

from doorman.net.memo import remember
from doorman.wire.malformed import Malformed
from doorman.wire.uri import HostPort, Via, find_agents, find_uris_in, find_via_in, may_hold_address

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
    """A header as it is written; where in a message that is it does not know.

    Attributes:
        kind: which header it is, see `NAMES`.
        written: all of it, a character for each byte, with the lines that continue it and without the last one's end.
        length: bytes of it, that end included.
        start, end: where its value stands in it; of Content-Length, the digits.
        token: what tells by it: the Call-ID, the number of a CSeq as written, the tag of To and From. b"" where it is
            none, or another header.
        rest: what follows the token: the method of a CSeq. A Call-ID that goes on is none.
        number: of Content-Length; -1 where it is none, or another header.
    """

    __slots__ = ("_places", "_vias", "end", "kind", "length", "number", "rest", "start", "token", "written")

    def __init__(self, kind: int, written: str, length: int, start: int) -> None:
        self.kind = kind
        self.written = written
        self.length = length
        self.start = start
        self.end = len(written)
        self.token = self.rest = b""
        self.number = -1
        self._places: tuple[HostPort, ...] | None = None
        self._vias: tuple[Via, ...] | None = None

    @property
    def value(self) -> bytes:
        """Its value."""
        return _bytes(self.written[self.start : self.end])

    def share(self, via: "HeaderLine") -> None:
        """Say the same as another Via, which has no parameters."""
        self._vias = via.vias(LONGEST)

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


class Singles:
    """The headers that a message has once, the first From and To, and whether there is a Via.

    Attributes:
        call_id, cseq, length, to, sender: Call-ID, CSeq, Content-Length, To and From; None where there is none.
        via: whether there is one.
    """

    __slots__ = ("call_id", "cseq", "length", "sender", "to", "via")

    def __init__(self) -> None:
        self.call_id: HeaderLine | None = None
        self.cseq: HeaderLine | None = None
        self.length: HeaderLine | None = None
        self.to: HeaderLine | None = None
        self.sender: HeaderLine | None = None
        self.via = False

    def take(self, line: HeaderLine) -> None:
        """Keep a header if it is one of these.

        Raises:
            Malformed: there is one already.
        """
        kind = line.kind
        if not kind or kind > VIA:
            return
        if kind == VIA:
            self.via = True
        elif kind == FROM:
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

    def join(self, later: "Singles") -> None:
        """Take those of headers that come after them, From and To being there.

        Raises:
            Malformed: there is one already.
        """
        if later.call_id is not None:
            self.take(later.call_id)
        if later.cseq is not None:
            self.take(later.cseq)
        if later.length is not None:
            self.take(later.length)

    def are_named(self) -> bool:
        """Whether the headers that name a message's hop, its ends and its call were there."""
        return self.via and self.call_id is not None and self.to is not None and self.sender is not None


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
"""Lines that were read; of a Via, whose branch is new in each request, what stands before its parameters."""
_USUAL_VIA: Final = "Via:"


def header_line(written: str) -> HeaderLine:
    """Read a header that one line holds, or recall it; it is given without its end, CRLF.

    Raises:
        Malformed: it is none.
    """
    line = _LINES.get(written)
    if line is not None:
        return line
    if "\n" in written or "\r" in written:
        raise Malformed("header-line")  # they end a line for some, and hide a header from the others
    parameters = written.find(";") if written.startswith(_USUAL_VIA) else -1
    if parameters >= 0 and not may_hold_address(written, parameters + 1, len(written)):
        return _with_parameters(header_line(written[:parameters]), written)
    line = read_line(written, len(written) + len("\r\n"))
    if len(written) <= LONGEST and (line.kind != VIA or parameters < 0):
        remember(_LINES, written, line, _REMEMBERED)
    return line


def header_block(written: str) -> Block:
    """Read headers that are all on lines of their own, each with its end, or recall them.

    Raises:
        Malformed: one of them is none, or is there twice.
    """
    block = _BLOCKS.get(written)
    if block is None:
        block = Block([header_line(line) for line in written.split("\r\n")[:-1]])
        if len(written) <= _LONGEST_BLOCK:
            remember(_BLOCKS, written, block, _BLOCKS_REMEMBERED)
    return block


def _with_parameters(via: HeaderLine, written: str) -> HeaderLine:
    """A Via like another one without parameters."""
    line = HeaderLine(VIA, written, len(written) + len("\r\n"), via.start)
    line.share(via)
    return line


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
    elif kind in (CALL_ID, CSEQ):
        words = _bytes(written[start:]).split(None, 2)
        if words and (kind == CALL_ID or words[0].isdigit()):
            line.token = words[0]
        if len(words) > 1:
            line.rest = words[1]
    elif kind == CONTENT_LENGTH:
        digits = written[start:].strip(_SPACE)
        if digits.isdecimal() and len(digits) <= _LENGTH_DIGITS:
            line.start = written.index(digits, start)
            line.end = line.start + len(digits)
            line.number = int(digits)
    return line


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
