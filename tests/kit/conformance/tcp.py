"""RFC 5382: NAT behavioural requirements for TCP."""

from functools import partial

from doorman.engine.results import Side
from kit.conformance import errors, mapping
from kit.conformance.gate import (
    GATEWAY,
    OWN,
    PEER,
    PHONE,
    POOL,
    Cell,
    Gate,
    Requirement,
    ends_of,
    inapplicable,
    judged,
    segment,
)
from kit.sip import request
from kit.subjects.subject import Arrives

_SPLICED = GATEWAY + "ip nat service sip tcp mode vtcp\n"


def _opening(sender: str, receiver: str) -> bytes:
    return segment(sender, receiver, "S", 100)


def _talk(gate: Gate, client: str, server: str, side: Side) -> tuple[list[bool], str]:
    """A whole connection, from SYN to the last ACK; what arrived of it, and what the client is called."""
    sides = (side, Side(1 - side))
    left = gate.subject.send(segment(client, server, "S", 100), side)
    if not left:
        return [False], ""
    sender, receiver = ends_of(left[0].packet)
    steps = (
        (1, "SA", 900, 101), (0, "A", 101, 901), (0, "PA", 101, 901), (1, "PA", 901, 105), (0, "A", 105, 905),
        (1, "FA", 905, 105), (0, "FA", 105, 906), (1, "A", 906, 106),
    )  # fmt: skip
    ends = ((client, server), (receiver, sender))
    came = [bool(gate.subject.send(segment(*ends[who], flags, seq, ack), sides[who])) for who, flags, seq, ack in steps]
    return came, sender


def _sequences(gate: Gate) -> Cell:
    out, _ = _talk(gate, PHONE, PEER, Side.INSIDE)
    into, _ = _talk(gate, PEER, f"{OWN}:8080", Side.OUTSIDE)
    return judged(all(out) and all(into), "both ways, whole", f"{out.count(False)} and {into.count(False)} lost")


def _at_once(gate: Gate) -> Cell:
    """Both ends send SYN, then both SYN and ACK (RFC 9293, figure 7)."""
    name = gate.name(_opening, PHONE, PEER)
    came = [
        gate.comes(segment(PEER, name, "S", 900)),
        gate.out(segment(PHONE, PEER, "SA", 100, 901)) is not None,
        gate.comes(segment(PEER, name, "SA", 900, 101)),
        gate.comes(segment(PEER, name, "PA", 901, 101)),
    ]
    return judged(all(came), "opens", f"{came.count(False)} segments lost")


def _unsolicited(gate: Gate) -> Cell:
    left = gate.subject.send(segment(PEER, f"{OWN}:5555", "S", 100), Side.OUTSIDE)
    return judged(not left, "silent", "answered at once")


def _unwanted(gate: Gate) -> Cell:
    """A SYN to an address that hosts share, and that is not the machine's own."""
    gate.begin(POOL)
    left = gate.subject.send(segment(PEER, "203.0.113.20:5555", "S", 100), Side.OUTSIDE)
    return judged(not left, "silent", "answered, or sent back")


def _half_open(gate: Gate) -> Arrives:
    left = gate.out(segment(PHONE, PEER, "S", 100))
    assert left is not None
    return Arrives(Side.OUTSIDE, segment(PEER, ends_of(left.packet)[0], "SA", 900, 101))


def _open(gate: Gate) -> Arrives:
    first = _half_open(gate)
    gate.into(first.packet)
    gate.out(segment(PHONE, PEER, "A", 101, 901))
    return Arrives(Side.OUTSIDE, segment(PEER, ends_of(first.packet)[1], "PA", 901, 101))


def _closing(gate: Gate) -> Arrives:
    probe = _open(gate)
    gate.out(segment(PHONE, PEER, "FA", 101, 901))
    return probe


def _established(gate: Gate) -> Cell:
    seconds = gate.seconds(_open)
    return judged(seconds >= 7440, f"{seconds} s", f"{seconds} s")


def _transitory(gate: Gate) -> Cell:
    opening, closing = gate.seconds(_half_open), gate.seconds(_closing)
    told = f"{opening} s opening, {closing} s closing"
    return judged(min(opening, closing) >= 240, told, told)


def _configured(gate: Gate) -> Cell:
    if not gate.subject.is_configurable:
        return inapplicable("set by sysctl")
    lines = "tcp-timeout 7440", "syn-timeout 240", "finrst-timeout 240"
    config = GATEWAY + "".join(f"ip nat translation {line}\n" for line in lines)
    seconds = [gate.seconds(opening, config) for opening in (_open, _half_open, _closing)]
    return judged(seconds == [7440, 240, 240], "tcp-, syn-, finrst-timeout", f"{seconds}")


def _alg(gate: Gate) -> Cell:
    """Whether a message that only an ALG would change leaves as it came; in the mode in which no proxy is needed."""
    if gate.subject.is_configurable:
        gate.begin(_SPLICED)
    client, server = "192.168.1.10:5060", "198.51.100.20:5060"
    name = gate.name(_opening, client, server)
    gate.into(segment(server, name, "SA", 900, 101))
    gate.out(segment(client, server, "A", 101, 901))
    message = request(host="192.168.1.10").replace(b"/UDP", b"/TCP")
    left = gate.subject.send(segment(client, server, "A", 101, 901, data=message), Side.INSIDE)
    return judged(any(one.packet.endswith(message) for one in left), "left alone", "SIP is on")


REQUIREMENTS = (
    Requirement("1", "endpoint-independent mapping", partial(mapping.independent_mapping, protocol="tcp")),
    Requirement("2", "all valid sequences, from both sides", _sequences),
    Requirement("2a", "simultaneous open", _at_once),
    Requirement("3", "filtering by endpoint or address at most", partial(mapping.filtering, protocol="tcp")),
    Requirement("3a", "filtering can be configured (may)", lambda _: inapplicable("it cannot")),
    Requirement("3b", "filtering may differ from that of UDP (may)", lambda _: inapplicable("it does not")),
    Requirement("4", "no answer to an unsolicited SYN for 6 s", _unsolicited),
    Requirement("4a", "silent where a policy wants it", _unwanted),
    Requirement("5", "established connections live 2 h 4 min", _established),
    Requirement("5", "opening and closing ones live 4 min", _transitory),
    Requirement("5a", "those times can be configured (may)", _configured),
    Requirement("6", "ALGs are off unless configured", _alg),
    Requirement("7", "no overloading of ports", partial(mapping.overloading, protocol="tcp")),
    Requirement("8", "hairpins", partial(mapping.hairpin, protocol="tcp")),
    Requirement("8", "hairpins between ordinary flows", partial(mapping.hairpin_of_flows, protocol="tcp")),
    Requirement("8a", "hairpins with the external source", partial(mapping.hairpin_source, protocol="tcp")),
    Requirement(
        "9",
        "unreachables are translated",
        partial(errors.are_translated, protocol="tcp", kinds=((3, 1), (3, 3), (3, 4))),
    ),
    Requirement("10", "no ICMP message ends a connection", partial(errors.end_nothing, protocol="tcp")),
)
