"""A script over TCP: all messages of an end are one stream, given to the gateway whole and in any pieces."""

import random
import time
import zlib
from collections.abc import Callable
from itertools import pairwise

from doorman.algs.api import Note
from doorman.engine.connecting import connect
from doorman.engine.connections import End, Relay
from doorman.engine.engine import Engine
from doorman.engine.inspection import Inspection
from doorman.engine.results import Side
from kit.fuzz.aftermath import judge_end
from kit.fuzz.gateways import BEGIN, UNTOUCHED, config_of, spoken
from kit.fuzz.judge import Failure, Footprint, judge_departure, judge_drop
from kit.fuzz.protocols import judge_doors, judge_ldap, judge_rtsp
from kit.fuzz.script import Kind, Script
from kit.packets import endpoint

_PHONE, _PEER = "10.0.0.10:40000", "198.51.100.20"
_FEW = 400
"""Bytes of messages that are given one by one now and then."""


def by_streams(script: Script, seen: Footprint) -> list[float]:
    """All messages of an end one stream: whole messages, and cut anywhere, with the same outcome."""
    chance = random.Random(zlib.crc32(bytes(script)))
    whole, spent = _Run(script, seen).run(lambda data: [data])
    cut, _ = _Run(script, set()).run(lambda data: _pieces(data, chance))
    if whole != cut:
        ends = ("what the client gets", "what the server gets", "whether it is reset")
        differ = [name for name, one, other in zip(ends, whole, cut, strict=True) if one != other]
        raise Failure("cut-otherwise", ", ".join(differ))
    return spent


Streams = tuple[bytes, bytes, bool]
"""What arrives at the client and at the server, and whether the connection was reset."""


class _Run:
    """One connection of a script's phone to its peer."""

    def __init__(self, script: Script, seen: Footprint) -> None:
        self._script = script
        self._seen = seen
        self._arrived = (bytearray(), bytearray())
        self._engine = Engine(config_of(script.gateway), random.Random(7).random)
        self._protocol, port = spoken(script.gateway)
        self._connection = connect(self._engine, endpoint(_PHONE), endpoint(f"{_PEER}:{port}"), Side.INSIDE, BEGIN)

    def run(self, cut: Callable[[bytes], list[bytes]]) -> tuple[Streams, list[float]]:
        """What arrives, if each message is given in the pieces that it is cut into; the CPU time of each message."""
        connection, now = self._connection, BEGIN
        spent: list[float] = []
        for kind, data, seconds in self._script.steps:
            if kind == Kind.WAIT:
                now += seconds
                self._engine.expire(now)
                continue
            spent.append(self._feed(cut(data), End.CLIENT if kind == Kind.OUT else End.SERVER, now))
            if not connection.alive:
                break
        broken = not connection.alive
        if self._protocol != "sip":
            judge_doors(self._engine)
        for end in End:
            self._take(connection.finish(end, now), end)
        connection.close(now)
        judge_end(self._engine, now, self._script.gateway)
        return (bytes(self._arrived[0]), bytes(self._arrived[1]), broken), spent

    def _feed(self, pieces: list[bytes], end: End, now: float) -> float:
        """Give what an end sent, piece by piece; the CPU time for each message there was."""
        begun, messages = time.process_time(), 0
        for piece in pieces:
            relay = self._connection.receive(piece, end, now)
            messages += len(relay.inspections)
            self._take(relay, end)
            if relay.close:
                break
        return (time.process_time() - begun) / max(messages, 1)

    def _take(self, relay: Relay, end: End) -> None:
        self._arrived[1 - end].extend(relay.data)
        self._arrived[end].extend(relay.back)
        for inspection in relay.inspections:
            if self._protocol == "sip":
                _judge_inspection(inspection, end, touched=self._script.gateway not in UNTOUCHED)
            else:
                _judge_other(self._protocol, inspection)
            self._seen.add(("tcp", end, inspection.outcome.name, inspection.outcome.drop))


def _judge_inspection(inspection: Inspection, end: End, *, touched: bool) -> None:
    outcome, data = inspection.outcome, inspection.message.data
    if outcome.drop is not None:
        judge_drop(outcome.drop, "tcp")
    elif not touched:
        if inspection.after != data:
            raise Failure("touched", "in a stream")
    elif end == End.CLIENT and outcome.name not in {"", "malformed"}:
        notes = {effect.name for effect in outcome.effects if isinstance(effect, Note)}
        judge_departure(data, inspection.after, notes)


def _judge_other(protocol: str, inspection: Inspection) -> None:
    if inspection.outcome.drop is not None:
        judge_drop(inspection.outcome.drop, "tcp")
    elif inspection.outcome.name != "malformed":
        judge = judge_rtsp if protocol == "rtsp" else judge_ldap
        judge(inspection.message.data, inspection.after)


def _pieces(data: bytes, chance: random.Random) -> list[bytes]:
    if len(data) < _FEW and chance.random() < 0.1:
        return [bytes([byte]) for byte in data]
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((1, 1, 2, 5))))
    return [data[start:end] for start, end in pairwise([0, *places, len(data)])]
