"""One direction of a connection: bytes as they come in, whole messages out, nothing lost and nothing in another order.

A protocol is looked for at the first byte of a connection and then at the ends of messages only. Where it is not
found, that direction is never looked into again: a message that stands in the middle of another protocol's bytes is
none (NAT Slipstreaming).
"""

from typing import NamedTuple

from doorman.stream.framing import Foreign, Framer, Kind
from doorman.wire.malformed import Malformed


class Unit(NamedTuple):
    """A piece of a stream. What stands in all units of a stream, one behind the other, is what came.

    Attributes:
        kind: what it is; how much is in one unit matters of messages only.
        data: its bytes.
        note: the name of an oddity, or why the stream is refused or no longer looked into.
    """

    kind: Kind
    data: bytes
    note: str = ""


class Assembler:
    """Puts messages together. It holds back at most one that is not whole yet, whose length the framer bounds.

    Attributes:
        stopped: why bytes are no longer looked into, "" while they are.
    """

    __slots__ = ("_framer", "_waiting", "stopped")

    def __init__(self, framer: Framer) -> None:
        self.stopped = ""
        self._framer = framer
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[Unit]:
        """Take the next bytes of the stream; give what is whole now, in order."""
        if self.stopped:
            return [Unit(Kind.RAW, data)] if data else []
        waiting = self._waiting
        if not waiting:
            units, used = self._cut(data)
            if used < len(data):
                waiting += memoryview(data)[used:]
            return units
        waiting += data
        units, used = self._cut(waiting)
        del waiting[:used]
        return units

    def finish(self) -> list[Unit]:
        """The stream has ended; give what waited for more."""
        held = bytes(self._waiting)
        self._waiting.clear()
        if not held:
            return []
        return [Unit(Kind.REFUSED, held, "message-cut-short") if self._framer.begun else Unit(Kind.RAW, held)]

    def stop(self) -> bytes:
        """Look into the stream no longer; give what waited."""
        self.stopped = self.stopped or "not-wanted"
        held = bytes(self._waiting)
        self._waiting.clear()
        return held

    def _cut(self, data: bytes | bytearray) -> tuple[list[Unit], int]:
        """The units that begin these bytes, and how many bytes those are."""
        units: list[Unit] = []
        at = 0
        while True:
            try:
                found = self._framer.find(data, at)
            except Foreign as foreign:
                self.stopped = foreign.name
                units.append(Unit(Kind.RAW, bytes(data[at:]), foreign.name))
                return units, len(data)
            except Malformed as malformed:
                self.stopped = malformed.reason
                units.append(Unit(Kind.REFUSED, bytes(data[at:]), malformed.reason))
                return units, len(data)
            if found is None:
                return units, at
            units.append(Unit(found.kind, bytes(data[at : at + found.length]), found.note))
            at += found.length
