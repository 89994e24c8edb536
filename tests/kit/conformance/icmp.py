"""RFC 5508: NAT behavioural requirements for ICMP."""

from functools import partial

from scapy.layers.inet import ICMP, IP, UDP, IPOption_NOP
from scapy.packet import Raw

from doorman.engine.results import Side
from kit.conformance import errors
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
    query,
    quoted,
    refusal,
)
from kit.gateway import INTERFACES
from kit.packets import icmp_error, ip, ping, pong, shown, udp
from kit.subjects.subject import Arrives, Left

EXTENSIONS = bytes.fromhex("2000e5fd 00080101 00064140")
"""One object of MPLS labels (RFC 4884, section 7; RFC 4950)."""


def _queries(gate: Gate) -> Cell:
    came = []
    for kind, back in (("echo-request", 0), ("timestamp-request", 14)):
        left = gate.out(ping("192.168.1.10", PEER, 5000, kind))
        name = int(ends_of(left.packet)[0].partition(":")[2]) if left else 0
        came.append(gate.comes(bytes(ip(PEER, OWN) / ICMP(type=back, id=name, seq=1) / b"ping")))
    return judged(all(came), "echo, timestamp", "do not pass")


def _one_identifier(gate: Gate) -> Cell:
    gate.name(query, "192.168.1.11:5000", PEERS[2])
    names = {gate.name(query, PHONE, peer) for peer in PEERS}
    return judged(len(names) == 1, "independent of the peer", "another one where it is taken at a peer")


def _asked(gate: Gate) -> Arrives:
    left = gate.out(query(PHONE, PEER))
    assert left is not None
    return Arrives(Side.OUTSIDE, answer("icmp", left))


def _timer(gate: Gate) -> Cell:
    seconds = gate.seconds(_asked)
    return judged(seconds >= 60, f"{seconds} s", f"{seconds} s")


def _configured(gate: Gate) -> Cell:
    if not gate.subject.is_configurable:
        return inapplicable("set by sysctl")
    seconds = gate.seconds(_asked, GATEWAY + "ip nat translation icmp-timeout 120\n")
    return judged(seconds == 120, "icmp-timeout", f"{seconds} s")


def _sent(gate: Gate) -> Left:
    left = gate.out(udp(PHONE, PEER))
    assert left is not None
    return left


def _damaged(gate: Gate, at: int) -> Cell:
    """An error with a byte that is another one."""
    told = bytearray(refusal(_sent(gate)))
    told[at] ^= 0x10
    if at != 22:  # the error's own checksum is right
        read = IP(bytes(told))
        del read[ICMP].chksum
        told = bytearray(bytes(read))
    return judged(gate.into(bytes(told)) is None, "dropped", "passes as wrong as it came")


def _with_options(gate: Gate) -> Cell:
    header = IP(src="192.168.1.10", dst="198.51.100.7", options=[IPOption_NOP()] * 4)
    left = gate.out(bytes(header / UDP(sport=5000, dport=9000) / b"data"))
    error = gate.into(refusal(left, cut=32)) if left else None
    arrived = error is not None and bytes(error.packet[28 + 24 : 28 + 28]) == b"\x13\x88\x23\x28"
    return judged(arrived, "traversed", "not translated")


def _quoted_checksum(gate: Gate) -> Cell:
    """The quoted UDP header says a wrong checksum, as one that a network card was to compute."""
    left = _sent(gate)
    about = bytearray(left.packet)
    about[26] ^= 0x55
    error = gate.into(icmp_error("198.51.100.1", OWN, bytes(about)))
    return judged(error is not None and error.side == Side.INSIDE, "not looked at", "dropped")


def extended(left: Left, kind: int = 11) -> bytes:
    """An error with extensions: the quote, padded to 128 bytes, its length in words in byte 5 (RFC 4884)."""
    quote = left.packet[:128].ljust(128, b"\0")
    source = IP(left.packet).src
    error = ICMP(type=kind, code=0, length=32)
    return bytes(ip("198.51.100.1", source) / error / Raw(quote + EXTENSIONS))


def _extensions(gate: Gate) -> Cell:
    error = gate.into(extended(_sent(gate)))
    arrived = error is not None and error.packet.endswith(EXTENSIONS) and error.packet[25] == 32
    if not arrived or error is None:
        return Cell("fail", "do not arrive")
    inner = error.packet[28 : 28 + 128]
    length = int.from_bytes(inner[2:4], "big")
    whole = shown(inner[:length]).startswith(f"udp {PHONE}") and not any(inner[length:])
    return judged(whole, "intact, and the padding", "the padding is changed")


def _inward_flow(gate: Gate) -> bytes:
    """What a server gets, who is known by a static name."""
    left = gate.into(udp(PEER, f"{OWN}:8080"))
    assert left is not None
    return left.packet


def _from_inside(gate: Gate) -> Cell:
    about = _inward_flow(gate)
    error = gate.out(icmp_error("192.168.1.6", "198.51.100.7", about[:28]))
    return judged(quoted(error) == f"198.51.100.7: {PEER} > {OWN}:8080", "reverted", quoted(error) or "dropped")


def _inside_kind(gate: Gate) -> Cell:
    about = _inward_flow(gate)
    kinds = [(3, 1), (3, 3), (11, 1), (12, 0)]
    left = [gate.out(icmp_error("192.168.1.6", "198.51.100.7", about[:28], *kind)) for kind in kinds]
    return judged([tuple(one.packet[20:22]) for one in left if one] == kinds, "unchanged", "changed")


def _sources(gate: Gate) -> Cell:
    """Basic NAT: the reporter's own name; otherwise the name of what is quoted."""
    seen = {}
    for name, server, reporters in ((f"{OWN}:8080", "192.168.1.6", ("192.168.1.6", "192.168.1.99")),
                                    ("203.0.113.5:9", "192.168.1.5", ("192.168.1.5", "192.168.1.7"))):  # fmt: skip
        left = gate.into(udp(PEER, name))
        about = left.packet[:28] if left else b""
        for reporter in reporters:
            error = gate.out(icmp_error(reporter, "198.51.100.7", about))
            seen[server, reporter] = IP(error.packet).src if error else "nothing"
    wanted = {
        ("192.168.1.6", "192.168.1.6"): OWN, ("192.168.1.6", "192.168.1.99"): OWN,
        ("192.168.1.5", "192.168.1.5"): "203.0.113.5", ("192.168.1.5", "192.168.1.7"): "203.0.113.7",
    }  # fmt: skip
    private = any(source.startswith("192.168") for source in seen.values())
    otherwise = "private" if private else "the name of the quoted host"
    return judged(seen == wanted, "the reporter's name, or the gateway's", otherwise)


def _no_refresh(gate: Gate) -> Cell:
    """An error neither prolongs nor ends a query."""
    whole = gate.seconds(_asked)
    alive = []
    for silence in (whole - 2, whole - 20):
        gate.begin()
        left = gate.out(query(PHONE, PEER))
        assert left is not None
        gate.subject.age(10)
        gate.into(refusal(left))
        gate.subject.age(silence)
        alive.append(gate.comes(answer("icmp", left)))
    return judged(alive == [False, True], "neither refreshed nor ended", "refreshed" if alive[0] else "ended")


def _hairpinned_query(gate: Gate) -> Cell:
    left = gate.out(ping("192.168.1.5", "203.0.113.7", 9))
    back = gate.out(pong("192.168.1.7", "203.0.113.5", 9))
    arrived = [left and ends_of(left.packet), back and ends_of(back.packet)]
    wanted = [("203.0.113.5:9", "192.168.1.7:9"), ("203.0.113.7:9", "192.168.1.5:9")]
    return judged(arrived == wanted, "there and back", "not there and back, or with internal addresses")


def _hairpinned_error(gate: Gate) -> Cell:
    left = gate.out(udp("192.168.1.5:9", "203.0.113.7:7"))
    error = gate.out(icmp_error("192.168.1.7", "203.0.113.5", left.packet[:28])) if left else None
    found = quoted(error)
    return judged(found == "192.168.1.5: 192.168.1.5:9 > 203.0.113.7:7", "to its sender", found or "does not arrive")


def _exhausted(gate: Gate) -> Cell:
    """The last address of a pool is given out."""
    if not gate.subject.is_configurable:
        return inapplicable("ports do not run out in a test")
    gate.begin(
        INTERFACES + "ip nat pool P 203.0.113.20 203.0.113.20 prefix-length 24\nip nat inside source list 1 pool P\n"
    )
    gate.out(udp(PHONE, PEER))
    told = gate.out(udp("192.168.1.11:5000", PEER))
    return judged(told is not None and tuple(told.packet[20:22]) == (3, 13), "type 3 code 13", "dropped without a word")


def _own(gate: Gate) -> Cell:
    """What the gateway says and answers itself."""
    if not gate.subject.has_links:
        return inapplicable("replay is no host")
    expired = gate.out(udp(PHONE, PEER, ttl=1))
    echoed = gate.out(ping("192.168.1.10", "192.168.1.1", 7))
    said = [expired is not None and expired.packet[20] == 11, echoed is not None and echoed.packet[20] == 0]
    return judged(all(said), "time exceeded, echo reply", "silent")


def _obsolete(gate: Gate) -> Cell:
    if not gate.subject.has_links:
        return inapplicable("replay is no host")
    told = gate.out(bytes(ip("192.168.1.10", "192.168.1.1") / ICMP(type=15, id=7, seq=1)))
    return judged(told is None, "not answered", "answered")


def _advertisement(gate: Gate) -> Cell:
    left = gate.out(bytes(ip("192.168.1.10", PEER) / ICMP(type=9) / bytes(8)))
    return Cell("pass", "dropped" if left is None else f"passes from {IP(left.packet).src}")


REQUIREMENTS = (
    Requirement("1", "queries and their answers pass", _queries),
    Requirement("1a", "one identifier for all peers", _one_identifier),
    Requirement("2", "queries live 60 s", _timer),
    Requirement("2a", "that time can be configured", _configured),
    Requirement("3", "errors with a wrong checksum are dropped", partial(_damaged, at=22)),
    Requirement("3a", "and such that quote a wrong IP checksum", partial(_damaged, at=38)),
    Requirement("3b", "options of the quoted packet are traversed", _with_options),
    Requirement("3c", "its transport checksum is not looked at", _quoted_checksum),
    Requirement("3d", "extensions and padding stay", _extensions),
    Requirement("4", "from outside, about nothing: dropped", partial(errors.without_mapping, side=Side.OUTSIDE)),
    Requirement("4a", "the quote is reverted", partial(errors.are_translated, protocol="udp")),
    Requirement("4b", "type and code stay", errors.kind_stays),
    Requirement("4c", "the receiver is the quoted sender", partial(errors.are_translated, protocol="icmp")),
    Requirement("5", "from inside, about nothing: dropped", partial(errors.without_mapping, side=Side.INSIDE)),
    Requirement("5a", "the quote is reverted", _from_inside),
    Requirement("5b", "type and code stay", _inside_kind),
    Requirement("5c", "the sender has a public address", _sources),
    Requirement("6", "errors about queries refresh and end nothing", _no_refresh),
    Requirement("7", "hairpinned queries", _hairpinned_query),
    Requirement("7a", "hairpinned errors", _hairpinned_error),
    Requirement("8", "no resources: says so, code 13", _exhausted),
    Requirement("9", "a policy may keep ICMP back (may)", lambda _: inapplicable("rules of the machine")),
    Requirement("10a", "time exceeded, echo replies", _own),
    Requirement("10b", "redirects, timestamps, masks … (may)", lambda _: inapplicable("the machine's affair")),
    Requirement("10c", "no information replies", _obsolete),
    Requirement("10d-f", "DS field, when to send errors, how many", lambda _: inapplicable("the machine's affair")),
    Requirement("11", "other messages: dropped or handled (may)", _advertisement),
)
