"""RFC 4787: network address translation behavioural requirements for unicast UDP."""

from functools import partial

from scapy.layers.inet import IP, UDP

from doorman.engine.results import Side
from doorman.net.checksum import checksum
from doorman.net.fragments import fragment as cut
from kit.conformance import errors, mapping
from kit.conformance.gate import (
    GATEWAY,
    OWN,
    PEER,
    PEERS,
    PHONE,
    Cell,
    Gate,
    Requirement,
    answer,
    ends_of,
    inapplicable,
    judged,
    passed,
)
from kit.packets import ip, udp
from kit.sip import request
from kit.subjects.subject import Arrives

_LONG = 1400


def _opened(gate: Gate) -> Arrives:
    left = gate.out(udp(PHONE, PEER))
    assert left is not None
    return Arrives(Side.OUTSIDE, answer("udp", left))


def _timer(gate: Gate, least: int) -> Cell:
    seconds = gate.seconds(_opened)
    return judged(seconds >= least, f"{seconds} s", f"{seconds} s")


def _dns(gate: Gate) -> Cell:
    def asks(gate: Gate) -> Arrives:
        left = gate.out(udp(PHONE, "198.51.100.7:53"))
        assert left is not None
        return Arrives(Side.OUTSIDE, udp("198.51.100.7:53", ends_of(left.packet)[0]))

    return passed(f"DNS {gate.seconds(asks)} s")


def _configured(gate: Gate) -> Cell:
    if not gate.subject.is_configurable:
        return inapplicable("set by sysctl")
    seconds = gate.seconds(_opened, GATEWAY + "ip nat translation udp-timeout 600\n")
    return judged(seconds == 600, "udp-timeout", f"{seconds} s")


def _refreshed(gate: Gate, side: Side) -> Cell:
    """Whether a packet that way lets the mapping live as long as at first."""
    before = gate.seconds(_opened)
    gate.begin()
    probe = _opened(gate)
    packet = udp(PHONE, PEER) if side == Side.INSIDE else probe.packet
    gate.subject.send(packet, side)
    for _ in range(2):
        gate.subject.age(before - 5)
        gate.subject.send(packet, side)
    gate.subject.age(before - 5)
    return judged(gate.comes(probe.packet), "true", "false")


def _alg(gate: Gate, config: str, otherwise: str) -> Cell:
    """Whether a message that only an ALG would change leaves as it came."""
    gate.begin(config)
    message = request(host="192.168.1.10")
    left = gate.out(udp("192.168.1.10:5060", "198.51.100.20:5060", message))
    return judged(left is not None and left.packet.endswith(message), "left alone", otherwise)


def _alg_off(gate: Gate) -> Cell:
    if not gate.subject.is_configurable:
        return passed("none, unless a rule assigns one")
    return _alg(gate, GATEWAY + "no ip nat service sip udp port 5060\n", "cannot be switched off")


def _deterministic(gate: Gate) -> Cell:
    """The same in every gateway, however the ports were taken before."""
    kinds = {mapping.independent_mapping(gate, "udp").measured}
    for taken in range(3):
        gate.begin()
        for number in range(20, 60):
            gate.name(udp, f"192.168.1.{number}:{5000 + number % (taken + 1)}", PEERS[taken])
        kinds.add("endpoint-independent" if len({gate.name(udp, PHONE, peer) for peer in PEERS}) == 1 else "another")
    return judged(len(kinds) == 1, "always the same", "depends on what others did")


def _too_long(gate: Gate, flags: str) -> list[bytes]:
    """What comes of a long datagram, out of a link that is narrower."""
    gate.subject.narrow(1300)
    packet = bytes(ip(PHONE, PEER, flags=flags) / UDP(sport=5000, dport=9000) / bytes(_LONG))
    return [left.packet for left in gate.subject.send(packet, Side.INSIDE)]


def _told_to_fragment(gate: Gate) -> Cell:
    if not gate.subject.has_links:
        return inapplicable("replay has no links")
    told = _too_long(gate, "DF")
    is_told = len(told) == 1 and tuple(told[0][20:22]) == (3, 4) and ends_of(told[0][28:]) == (PHONE, PEER)
    return judged(is_told, f"type 3 code 4, MTU {int.from_bytes(told[0][26:28], 'big')}" if told else "", "not told")


def _fragmented(gate: Gate) -> Cell:
    if not gate.subject.has_links:
        return inapplicable("replay has no links")
    pieces = [IP(packet) for packet in _too_long(gate, "")]
    in_order = [piece.frag for piece in pieces] == sorted({piece.frag for piece in pieces})
    return judged(len(pieces) == 2 and in_order, "in order", f"{len(pieces)} pieces")


def _fragments(gate: Gate, order: int) -> bool:
    """Whether a datagram that comes in pieces arrives whole."""
    probe = _opened(gate)
    read = IP(probe.packet)
    whole = bytes(ip(read.src, read.dst, id=77) / UDP(sport=read.sport, dport=read.dport) / bytes(_LONG))
    pieces = cut(whole, 620)[::order]
    left = [one for piece in pieces for one in gate.subject.send(piece, Side.OUTSIDE)]
    carried = sum(len(one.packet) - 20 for one in left if one.side == Side.INSIDE)
    return carried == 8 + _LONG


def _reassembles(gate: Gate) -> Cell:
    came = [_fragments(gate, 1), _fragments(gate, -1)]
    return judged(all(came), "in order and out of order", "only in order" if came[0] else "none")


def _flooded(gate: Gate) -> Cell:
    """A thousand first fragments of one sender, whose others never come."""
    whole = bytes(ip("198.51.100.66", OWN) / UDP(sport=9, dport=9) / bytes(1200))
    first = cut(whole, 620)[0]
    for number in range(1000):
        header = first[:4] + number.to_bytes(2, "big") + first[6:10] + b"\0\0" + first[12:20]
        gate.into(header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + first[20:])
    return judged(gate.comes(_opened(gate).packet) and _fragments(gate, 1), "others still pass", "block others")


REQUIREMENTS = (
    Requirement("1", "endpoint-independent mapping", partial(mapping.independent_mapping, protocol="udp")),
    Requirement("2", "a host keeps one address of a pool", mapping.paired),
    Requirement("3", "no overloading of ports", partial(mapping.overloading, protocol="udp")),
    Requirement("3a", "ports stay below or above 1024", partial(mapping.port_range, protocol="udp")),
    Requirement("4", "parity of ports", partial(mapping.parity, protocol="udp")),
    Requirement("5", "mappings live 2 minutes", partial(_timer, least=120)),
    Requirement("5a", "shorter for well-known ports (may)", _dns),
    Requirement("5b", "that time can be configured", _configured),
    Requirement("5c", "5 minutes unless configured", partial(_timer, least=300)),
    Requirement("6", "refreshed by what goes out", partial(_refreshed, side=Side.INSIDE)),
    Requirement("6a", "refreshed by what comes in (may)", partial(_refreshed, side=Side.OUTSIDE)),
    Requirement("7", "inside and outside networks do not collide", lambda _: inapplicable("addresses are configured")),
    Requirement("8", "filtering by endpoint or address at most", partial(mapping.filtering, protocol="udp")),
    Requirement("8a", "filtering can be configured (may)", lambda _: inapplicable("it cannot")),
    Requirement("9", "hairpins", partial(mapping.hairpin, protocol="udp")),
    Requirement("9", "hairpins between ordinary flows", partial(mapping.hairpin_of_flows, protocol="udp")),
    Requirement("9a", "hairpins with the external source", partial(mapping.hairpin_source, protocol="udp")),
    Requirement("10", "ALGs are off unless configured", partial(_alg, config=GATEWAY, otherwise="SIP is on")),
    Requirement("10a", "each ALG can be switched off", _alg_off),
    Requirement("11", "the same at all times", _deterministic),
    Requirement("12", "no ICMP message ends a mapping", partial(errors.end_nothing, protocol="udp")),
    Requirement("12a", "ICMP is not filtered by its source", partial(errors.any_router, protocol="udp")),
    Requirement("12b", "unreachables pass", partial(errors.are_translated, protocol="udp", kinds=((3, 1), (3, 3)))),
    Requirement("13", "too long, with DF: says so", _told_to_fragment),
    Requirement("13a", "too long, without DF: fragments", _fragmented),
    Requirement("14", "takes fragments in any order", _reassembles),
    Requirement("14a", "fragments that never end block nobody", _flooded),
)
