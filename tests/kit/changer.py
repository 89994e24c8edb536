"""A translator of SIP streams without an engine: it changes messages, drops some, and stops where told.

changed(INVITE)         what becomes of a message
whole(stream)           the stream that goes on, if all of it comes at once
Splice(Changer())
"""

from doorman.stream.assembler import Assembler, Unit
from doorman.stream.framing import Kind
from doorman.stream.outgoing import Piece
from doorman.stream.sip import framer
from doorman.stream.splice import Translation
from kit.sip import request, sdp, sip

INVITE = request("INVITE", body=sdp())
SHORT = sip("OPTIONS sip:x SIP/2.0", "Call-ID: 1")
DROPPED = sip("FROB sip:x SIP/2.0", "Call-ID: 1")
SHRINKS = sip("SIP/2.0 200 OK", "Via: 203.0.113.111;x", "Contact: 203.0.113.111", "X: 203.0.113.111")
STOPS = sip("MESSAGE sip:x SIP/2.0", "Call-ID: 1", "Subject: stop")
TAILS = [
    b"",
    b"\x16\x03\x01 not SIP any more" + bytes(200),
    sip("BYE sip:x SIP/2.0", "l: -3", length=None),
    INVITE[:99],
]


STREAM = [INVITE, SHORT, DROPPED, SHRINKS, b"\r\n\r\n", b"\r\n"]


def changed(message: bytes) -> bytes:
    """What becomes of a message."""
    if message == DROPPED:
        return b""
    return message.replace(b"10.0.0.10", b"203.0.113.100:65535").replace(b"203.0.113.111", b"1.1.1.1")


class Changer:
    """Changes messages as they come; what has no end passes."""

    def __init__(self) -> None:
        self._assemblers = [Assembler(framer(2_000)), Assembler(framer(2_000))]
        self.inspected = True
        self.why: list[str] = []

    def receive(self, data: bytes, end: int, now: float) -> Translation:  # noqa: ARG002 - not asked
        if not self.inspected:
            return only(end, [Piece(len(data), data)])
        pieces: list[Piece] = []
        tails: tuple[list[Piece], list[Piece]] = ([], [])
        for unit in self._assemblers[end].feed(data):
            pieces.append(Piece(len(unit.data), self._goes_on(unit)))
            if unit.data == STOPS or unit.kind in {Kind.RAW, Kind.REFUSED}:
                tails = self._stopped() or tails
        tails[end][:0] = pieces
        return Translation(tails)

    def finish(self, end: int, now: float) -> Translation:  # noqa: ARG002 - not asked
        return only(end, [Piece(len(unit.data), unit.data) for unit in self._assemblers[end].finish()])

    def _goes_on(self, unit: Unit) -> bytes:
        return changed(unit.data) if unit.kind == Kind.MESSAGE and self.inspected else unit.data

    def _stopped(self) -> tuple[list[Piece], list[Piece]] | None:
        return self.stop("", 0.0).pieces if self.inspected else None

    def stop(self, why: str, now: float) -> Translation:  # noqa: ARG002 - not asked
        self.why.append(why)
        self.inspected = False
        held = [assembler.stop() for assembler in self._assemblers]
        first, second = ([Piece(len(data), data)] if data else [] for data in held)
        return Translation((first, second))


def only(end: int, pieces: list[Piece]) -> Translation:
    return Translation(([], pieces) if end else (pieces, []))


def whole(stream: bytes) -> bytes:
    """The stream that goes on, message by message."""
    changer = Changer()
    pieces = [*changer.receive(stream, 0, 0.0).pieces[0], *changer.finish(0, 0.0).pieces[0]]
    return b"".join(piece.data for piece in pieces)
