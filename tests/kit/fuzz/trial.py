"""One script through a gateway, by every road, and what must hold whatever it says.

- nothing is raised but what has a name; nothing is dropped without a reason; no loop, no message over 5 ms of CPU time
- what leaves is what the edits make of what came, reads again as the same message, and does not name the inside host
- a stream that is cut elsewhere gives the same stream
- what is saved of the gateway is adopted by another; time brings all tables back to where they were
"""

import gc
import time

from doorman.algs.api import Note, Refused, apply_edits
from doorman.engine.results import Fate
from doorman.net.packet import parse_packet
from doorman.wire.malformed import Malformed
from doorman.wire.sip import read_sip
from kit.fuzz.aftermath import judge_end
from kit.fuzz.gateways import UNTOUCHED, FuzzedGateway
from kit.fuzz.judge import Failure, Footprint, alarm, judge_departure, judge_drop
from kit.fuzz.script import Kind, Script
from kit.fuzz.streams import by_streams
from kit.fuzz.timing import LIMIT, hold_to
from kit.packets import endpoint
from kit.sip import PEER, PHONE, Passage


def run(script: Script, limit: float = LIMIT) -> Footprint:
    """Put a script through.

    Raises:
        Failure: something that must hold did not.
    """
    seen: Footprint = set()
    gc.collect(1)  # so that none of it comes while a message is measured
    with alarm():
        for data in script.messages:
            _read(data)
        hold_to(limit, script, lambda: _by_datagrams(script, seen))
        hold_to(limit, script, lambda: by_streams(script, seen))
        _replayed(script)
    return seen


def _read(data: bytes) -> None:
    """The reader by itself."""
    try:
        message = read_sip(data)
    except Malformed as malformed:
        if not malformed.reason:
            raise Failure("nameless", "Malformed") from malformed
        return
    if message is not None and not 0 <= message.body_start <= message.body_end <= len(data):
        raise Failure("reader", f"a body from {message.body_start} to {message.body_end}")


def _by_datagrams(script: Script, seen: Footprint) -> list[float]:
    """Each message a datagram; the CPU time of each."""
    gateway = FuzzedGateway(script.gateway)
    spent = []
    for kind, data, seconds in script.steps:
        if kind == Kind.WAIT:
            gateway.wait(seconds)
            continue
        begun = time.process_time()
        sent = gateway.out(data) if kind == Kind.OUT else gateway.in_(data, PEER, gateway.name_of_phone)
        spent.append(time.process_time() - begun)
        _judge(script.gateway, kind, data, sent)
        seen |= _footprint(kind, sent)
        seen.update((door.role, door.visitor is None, door.flows) for door in gateway.doors)
    judge_end(gateway.engine, gateway.now, script.gateway)
    return spent


def _judge(gateway: str, kind: Kind, data: bytes, sent: Passage) -> None:
    """What became of a datagram."""
    if sent.fate == Fate.DROPPED:
        judge_drop(sent.reason, "udp")
        if sent.data != data:
            raise Failure("dropped-changed", sent.reason)
    elif gateway in UNTOUCHED:
        if sent.data != data:
            raise Failure("touched", f"by a gateway that should {gateway}")
    elif apply_edits(data, sent.edits) != sent.data:
        raise Failure("edits", "what left is not what the edits make of it")
    elif sent.outcome is not None and kind == Kind.OUT:
        judge_departure(data, sent.data, {effect.name for effect in sent.outcome.effects if isinstance(effect, Note)})


def _footprint(kind: Kind, sent: Passage) -> Footprint:
    seen: Footprint = {(kind, sent.fate, sent.reason)}
    if sent.outcome is not None:
        name = sent.outcome.name
        seen.update((name, type(effect).__name__, getattr(effect, "name", "")) for effect in sent.outcome.effects)
        seen.update((name, kind, edit.rule) for edit in sent.outcome.edits)
    return seen


def _replayed(script: Script) -> None:
    """What the outside must have sent for a message to arrive inside as it stands, and what arrives then."""
    gateway = FuzzedGateway(script.gateway)
    for data in script.messages[:2]:
        try:
            packet = parse_packet(gateway.engine.as_sent(_datagram(data)))
        except Refused as refused:
            judge_drop(str(refused), "replay")
            continue
        if packet is None:
            raise Failure("as-sent", "no packet")
        received = gateway.in_(packet.payload, str(packet.sender), str(packet.receiver))
        if received.fate == Fate.DROPPED:
            judge_drop(received.reason, "replay")


def _datagram(data: bytes) -> bytes:
    sender, receiver = endpoint(PEER), endpoint(PHONE)
    head = b"\x45\0" + (28 + len(data)).to_bytes(2, "big") + b"\0\0\x40\0\x40\x11\0\0"
    ports = sender.port.to_bytes(2, "big") + receiver.port.to_bytes(2, "big")
    return head + sender.address + receiver.address + ports + (8 + len(data)).to_bytes(2, "big") + b"\0\0" + data
