"""ICMP errors about flows of any protocol."""

from doorman.engine.results import Side
from kit.conformance.gate import MAKERS, PEER, PHONE, Cell, Gate, answer, judged, quoted, refusal
from kit.packets import icmp_error

_KINDS = ((3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (11, 0), (12, 0))


def end_nothing(gate: Gate, protocol: str) -> Cell:
    """After errors of all kinds, twice each, the peer still reaches the host."""
    make = MAKERS[protocol]
    left = gate.out(make(PHONE, PEER))
    if left is None:
        return Cell("fail", "nothing leaves")
    for kind, code in _KINDS * 2:
        gate.into(refusal(left, kind=kind, code=code))
    return judged(gate.comes(answer(protocol, left)), "end nothing", "end the mapping")


def any_router(gate: Gate, protocol: str) -> Cell:
    """Errors come from routers nobody talked to."""
    left = gate.out(MAKERS[protocol](PHONE, PEER))
    came = left is not None and all(
        gate.comes(refusal(left, router)) for router in ("198.51.100.1", "203.0.113.9", "198.51.100.7")
    )
    return judged(came, "whoever sends them", "filtered by their source")


def are_translated(gate: Gate, protocol: str, kinds: tuple[tuple[int, int], ...] = _KINDS) -> Cell:
    """They arrive at the host, and quote its own packet."""
    for kind, code in kinds:
        left = gate.out(MAKERS[protocol](PHONE, PEER))
        error = gate.into(refusal(left, kind=kind, code=code)) if left else None
        receiver = PEER if protocol != "icmp" else PEER.partition(":")[0] + ":5000"
        if error is None or error.side != Side.INSIDE or quoted(error) != f"192.168.1.10: {PHONE} > {receiver}":
            return Cell("fail", f"type {kind} code {code}: {quoted(error) or 'does not arrive'}")
    return Cell("pass", "translated")


def kind_stays(gate: Gate) -> Cell:
    """Type and code of an error are as they came."""
    left = gate.out(MAKERS["udp"](PHONE, PEER))
    stay = []
    for kind, code in _KINDS:
        error = gate.into(refusal(left, kind=kind, code=code)) if left else None
        stay.append(error is not None and tuple(error.packet[20:22]) == (kind, code))
    return judged(all(stay), "unchanged", "changed")


def without_mapping(gate: Gate, side: Side) -> Cell:
    """An error about a packet that nobody sent."""
    if side == Side.OUTSIDE:
        told = icmp_error("198.51.100.1", "203.0.113.1", MAKERS["udp"]("203.0.113.1:7777", PEER)[:28])
    else:
        told = icmp_error("192.168.1.10", "198.51.100.7", MAKERS["udp"](PEER, PHONE)[:28])
    left = gate.into(told) if side == Side.OUTSIDE else gate.out(told)
    return judged(left is None, "dropped", "passes, with the address inside")
