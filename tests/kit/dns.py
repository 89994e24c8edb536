"""DNS: messages by the book of dnspython, strategies for them, and a playbook for a gateway that they pass.

    host inside 10.0.0.10     server inside 10.0.0.5, outside 203.0.113.5     everybody else outside

gate = Dns(STATIC)
gate.answers("www.example.org. 300 IN A 10.0.0.5")      from inside  -> ["www.example.org. 300 IN A 203.0.113.5"]
"""

import random
from collections.abc import Sequence

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from hypothesis import strategies as st

from doorman.algs.api import Direction, Message, Outcome, Path, apply_edits
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.engine.views import Mirror
from doorman.net.addresses import address_of
from doorman.net.packet import TCP, UDP
from kit.packets import endpoint, udp
from kit.sip import INTERFACES, OVERLOAD

HOST, SERVER, RESOLVER, ASKING = "10.0.0.10", "10.0.0.5", "198.51.100.53", "198.51.100.7"
STATIC = OVERLOAD + f"ip nat inside source static {SERVER} 203.0.113.5\n"
POOL = INTERFACES + (
    "ip nat pool P 203.0.113.20 203.0.113.27 prefix-length 24\nip nat inside source list 1 pool P\n"
    f"ip nat inside source static {SERVER} 203.0.113.5\n"
)
OUTSIDE_LIST = OVERLOAD + (
    "access-list 7 permit 10.0.0.0 0.0.0.255\nip nat pool O 10.99.0.1 10.99.0.30 prefix-length 24\n"
    "ip nat outside source list 7 pool O add-route\nip nat outside source static 192.168.7.7 10.98.0.7 add-route\n"
)


def query(name: str, kind: str = "A", *, edns: bool = False) -> dns.message.QueryMessage:
    """A question."""
    asked = dns.message.make_query(name, kind, use_edns=0 if edns else None, want_dnssec=False)
    asked.id = 4711
    return asked


def answer(
    question: dns.message.Message, *lines: str, authority: Sequence[str] = (), additional: Sequence[str] = ()
) -> dns.message.Message:
    """A response with these records."""
    said = dns.message.make_response(question, recursion_available=True)
    for section, texts in ((said.answer, lines), (said.authority, authority), (said.additional, additional)):
        section += [dns.rrset.from_text(*_words(text)) for text in texts]
    return said


def _words(line: str) -> tuple[str, int, str, str, str]:
    name, ttl, class_, kind, data = line.split(None, 4)
    return name, int(ttl), class_, kind, data


def lines(message: dns.message.Message, section: str = "answer") -> list[str]:
    """The records of a section, a line each."""
    return [line for rrset in getattr(message, section) for line in rrset.to_text().splitlines()]


def read(data: bytes) -> dns.message.Message:
    """What dnspython makes of a message."""
    return dns.message.from_wire(data, one_rr_per_rrset=True)


class Dns:
    """A gateway with DNS that passes it, over UDP."""

    def __init__(self, config: str = STATIC) -> None:
        self.engine = Engine(read_config(config, "test.cfg"), random.Random(7).random)
        self.now = 1000.0
        self.outcome = Outcome([], [])
        self.reason = ""

    def goes_out(self, message: bytes | dns.message.Message, sender: str = "", receiver: str = "") -> bytes:
        """A datagram from the inside, as it arrives outside; empty if it does not."""
        return self._passes(message, sender or f"{HOST}:4000", receiver or f"{RESOLVER}:53", Side.INSIDE)

    def comes_in(self, message: bytes | dns.message.Message, sender: str = "", receiver: str = "") -> bytes:
        """A datagram from the outside, as it arrives inside."""
        return self._passes(message, sender or f"{RESOLVER}:53", receiver or "203.0.113.1:4000", Side.OUTSIDE)

    def asked(self, name: str, kind: str = "A") -> dns.message.Message:
        """A question of the host inside, as it arrives outside."""
        return read(self.goes_out(query(name, kind)))

    def told(self, name: str, *records: str, kind: str = "A") -> list[str]:
        """The host inside asks, and gets an answer: its records there."""
        self.goes_out(query(name, kind))
        return lines(read(self.comes_in(answer(query(name, kind), *records))))

    def tells(
        self, name: str, *records: str, authority: Sequence[str] = (), additional: Sequence[str] = ()
    ) -> list[str]:
        """The server inside is asked, and answers: its records outside."""
        asking, served = f"{ASKING}:5000", "203.0.113.5:53"
        self.comes_in(query(name), asking, served)
        said = answer(query(name), *records, authority=authority, additional=additional)
        return lines(read(self.goes_out(said, f"{SERVER}:53", asking)))

    @property
    def notes(self) -> dict[str, int]:
        """What was noted."""
        return dict(self.engine.state.notes)

    def _passes(self, message: bytes | dns.message.Message, sender: str, receiver: str, side: Side) -> bytes:
        data = message if isinstance(message, bytes) else message.to_wire()
        result = self.engine.receive(udp(sender, receiver, data), side, self.now)
        self.reason = result.reason
        if result.inspections:
            self.outcome = result.inspections[-1].outcome
        return result.packet[28:] if result.fate in {Fate.FORWARDED, Fate.PASSED} else b""


def translated(gate: Dns, data: bytes, direction: Direction, *, tcp: bool = False, ends: str = "") -> bytes:
    """A message past the ALG alone; dropped, it is empty."""
    inside, outside = endpoint(ends or f"{HOST}:4000"), endpoint(f"{RESOLVER}:53")
    near, far = (inside, outside) if direction == Direction.OUTBOUND else (outside, inside)
    path = Path(near, far, near, far)
    message = Message(data, direction, TCP if tcp else UDP, path, 0.0)
    view = gate.engine.state.view(direction, path)
    gate.outcome = gate.engine.inspector.ask("dns", message, view)
    gate.engine.state.carry_out(gate.outcome.effects, 0.0)
    return apply_edits(data, gate.outcome.edits) if gate.outcome.drop is None else b""


def as_sent(gate: Dns, data: bytes, *, tcp: bool = False) -> bytes:
    """What the outside must have sent for a message to arrive so at the host inside."""
    inside, outside = endpoint(f"{HOST}:4000"), endpoint(f"{RESOLVER}:53")
    message = Message(data, Direction.OUTBOUND, TCP if tcp else UDP, Path(inside, outside, inside, outside), 0.0)
    mirror = Mirror(gate.engine.state.names, address_of(HOST))
    return apply_edits(data, gate.engine.inspector.as_sent("dns", message, mirror))


# Messages of any kind

OWN = [SERVER, "203.0.113.5", "198.51.100.9", "10.0.0.6", "203.0.113.6"]
labels = st.sampled_from(["www", "a", "ns1", "mail-7", "x" * 63, "EXAMPLE", "org"])
hosts = st.lists(labels, min_size=1, max_size=3).map(lambda parts: ".".join([*parts, "example", "org."]))
reverses = st.sampled_from(OWN).map(lambda text: ".".join(text.split(".")[::-1]))
zones = st.sampled_from(["in-addr.arpa.", "IN-ADDR.arpa."])
whole_names = st.one_of(hosts, st.tuples(reverses, zones).map(".".join))
names = st.one_of(
    whole_names,
    st.tuples(reverses, zones, st.integers(1, 3)).map(lambda one: ".".join([*one[0].split(".")[one[2] :], one[1]])),
)
"""Hosts, addresses in reverse, and zones of these."""


def _rdata(names: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, str]]:
    return st.one_of(
        st.sampled_from(OWN).map(lambda address: ("A", address)),
        st.just(("AAAA", "2001:db8::5")),
        names.map(lambda name: ("PTR", name)),
        names.map(lambda name: ("CNAME", name)),
        names.map(lambda name: ("NS", name)),
        names.map(lambda name: ("MX", f"10 {name}")),
        names.map(lambda name: ("SRV", f"1 2 53 {name}")),
        st.tuples(names, names).map(lambda two: ("SOA", f"{two[0]} {two[1]} 1 2 3 4 5")),
        st.just(("TXT", '"10.0.0.5" "\\007in-addr\\004arpa\\000"')),
        st.just(("TYPE65280", "\\# 10 00010001000000000004")),
    )


@st.composite
def responses(draw: st.DrawFn, names: st.SearchStrategy[str] = names) -> dns.message.Message:
    """A response with records in all sections."""
    rdata = _rdata(names)
    said = dns.message.make_response(
        query(draw(names), draw(st.sampled_from(["A", "PTR", "ANY"])), edns=draw(st.booleans()))
    )
    for section in (said.answer, said.authority, said.additional):
        for owner, (kind, data) in draw(st.lists(st.tuples(names, rdata), max_size=3)):
            section.append(dns.rrset.from_text(owner, draw(st.sampled_from([0, 300])), "IN", kind, data))
    return said
