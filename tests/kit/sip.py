"""A playbook for the SIP tests: this message in at one side of a gateway, that message out at the other.

phone 10.0.0.10      gateway 203.0.113.1      peer 198.51.100.20, media server 198.51.100.99
phone 10.0.0.11
"""

import os
import random
from pathlib import Path
from typing import NamedTuple

import pytest

from doorman.algs.api import Door, Edit, Outcome
from doorman.algs.sip.alg import SipAlg
from doorman.algs.sip.calls import Call
from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import Address, Endpoint, address_of, address_text
from doorman.net.packet import parse_packet
from kit.packets import endpoint

SHARED = Path(__file__).parents[3] / "shared" / "captures"

PHONE = "10.0.0.10:5060"
OTHER_PHONE = "10.0.0.11:5060"
PEER = "198.51.100.20:5060"
STRANGER = "192.0.2.66:5060"
GLOBAL = "203.0.113.1"

INTERFACES = """
interface in0
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
interface out0
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
access-list 1 permit 10.0.0.0 0.0.0.255
"""
OVERLOAD = INTERFACES + "ip nat inside source list 1 interface out0 overload\n"
POOL = (
    INTERFACES + "ip nat pool P 203.0.113.10 203.0.113.14 prefix-length 24\n" + "ip nat inside source list 1 pool P\n"
)
STATIC = INTERFACES + "ip nat inside source static 10.0.0.10 203.0.113.100\n"
NO_NAT = INTERFACES


class Passage(NamedTuple):
    """What became of a datagram: its fate, what left, and what the ALG decided about it (None: not asked)."""

    fate: Fate
    reason: str
    data: bytes
    source: str
    target: str
    outcome: Outcome | None

    @property
    def text(self) -> str:
        """The message that left."""
        return self.data.decode("latin-1")

    @property
    def edits(self) -> list[Edit]:
        """What was replaced."""
        return self.outcome.edits if self.outcome is not None else []

    def lines(self, name: str) -> list[str]:
        """The values of a header, as spelled in the message that left, or of SDP lines such as `c` and `m`."""
        return [line[len(name) + 1 :].strip() for line in self.text.splitlines() if line[: len(name)] == name]

    def line(self, name: str) -> str:
        """The one value of a header."""
        (value,) = self.lines(name)
        return value


class Gateway:
    """An engine with a clock that tests turn: `now`, in seconds."""

    def __init__(self, config: str = OVERLOAD) -> None:
        self.config = read_config(config, "test.cfg")
        self.engine = Engine(self.config, random.Random(7).random)
        self.now = 1000.0

    def out(self, data: bytes, source: str = PHONE, target: str = PEER) -> Passage:
        """Send a datagram from the inside."""
        return self._send(data, source, target, Side.INSIDE)

    def in_(self, data: bytes, source: str = PEER, target: str = GLOBAL + ":5060") -> Passage:
        """Send a datagram from the outside."""
        return self._send(data, source, target, Side.OUTSIDE)

    def learned(self, data: bytes, source: str = PEER, target: str = PHONE) -> tuple[bytes, Passage]:
        """What the outside must have sent for this datagram to arrive inside, and what arrives when it does."""
        packet = parse_packet(self.engine.as_sent(_packet(data, endpoint(source), endpoint(target))))
        assert packet is not None
        return packet.payload, self.in_(packet.payload, str(packet.sender), str(packet.receiver))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.engine.expire(self.now)

    @property
    def doors(self) -> list[Door]:
        """The doors that are open."""
        return sorted(self.engine.state.doors, key=lambda door: (door.role, door.entrance))

    def media_doors(self) -> list[str]:
        """The doors of calls, each as `role visitor>entrance>inside`."""
        return [show_door(door) for door in self.doors if door.inspect_as is None]

    def signalling_doors(self) -> list[str]:
        """The doors for SIP itself, in the same words."""
        return [show_door(door) for door in self.doors if door.inspect_as is not None]

    @property
    def sip(self) -> SipAlg:
        """The SIP ALG."""
        alg = self.engine.inspector.algs["sip"]
        assert isinstance(alg, SipAlg)
        return alg

    def call(self, call_id: str, party: str = "10.0.0.10") -> Call:
        """A call of the database."""
        (call,) = (c for c in self.sip.calls if c.owner.name == call_id.encode() and c.owner.party == address_of(party))
        return call

    def notes(self, name: str) -> int:
        """How often an oddity was noted."""
        return self.engine.state.notes[name]

    def bindings(self) -> list[str]:
        """All bindings, as `inside>global`."""
        return sorted(f"{binding.local}>{binding.global_}" for binding in self.engine.state.bindings)

    def _send(self, data: bytes, source: str, target: str, side: Side) -> Passage:
        result = self.engine.receive(_packet(data, endpoint(source), endpoint(target)), side, self.now)
        packet = parse_packet(result.packet)
        assert packet is not None
        outcome = result.inspections[-1].outcome if result.inspections else None
        sender, receiver = str(packet.sender), str(packet.receiver)
        return Passage(result.fate, result.reason, packet.payload, sender, receiver, outcome)


def show_door(door: Door) -> str:
    """A door as `role visitor>entrance>inside`."""
    visitor = address_text(door.visitor) if door.visitor is not None else "any"
    return f"{door.role} {visitor}>{door.entrance}>{door.leads_to}"


def sip(start: str, *headers: str, body: str | bytes = b"", length: str | None = "Content-Length: {}") -> bytes:
    """A message: start line, headers, a Content-Length written as `length` says, and the body with CRLFs."""
    content = crlf(body) if isinstance(body, str) else body
    lines = [start, *headers]
    if length is not None:
        lines.append(length.format(len(content)))
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def crlf(text: str) -> bytes:
    """A text of lines, without blanks before them and with line ends as on the wire."""
    return "".join(line.strip() + "\r\n" for line in text.strip().splitlines()).encode("latin-1")


def request(method: str = "INVITE", *more: str, call_id: str = "one", body: str | bytes = b"", host: str = "") -> bytes:
    """A request of the phone 10.0.0.10, or of `host`, to the peer."""
    host = host or "10.0.0.10"
    headers = [
        f"Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{call_id}{method}",
        f"From: <sip:alice@{host}>;tag=a",
        f"To: <sip:{'alice' if method == 'REGISTER' else 'bob'}@198.51.100.20>",
        f"Call-ID: {call_id}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:alice@{host}:5060>",
        *more,
        *(["Content-Type: application/sdp"] if body else []),
    ]
    return sip(f"{method} sip:bob@198.51.100.20 SIP/2.0", *headers, body=body)


def answer(
    status: int = 200, *more: str, call_id: str = "one", method: str = "INVITE", body: str | bytes = b""
) -> bytes:
    """The peer's response to `request`, as the peer sends it when the phone's name is 203.0.113.1:5060."""
    headers = [
        f"Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK{call_id}{method}",
        "From: <sip:alice@203.0.113.1>;tag=a",
        "To: <sip:bob@198.51.100.20>;tag=b",
        f"Call-ID: {call_id}",
        f"CSeq: 1 {method}",
        "Contact: <sip:bob@198.51.100.20:5060>",
        *more,
        *(["Content-Type: application/sdp"] if body else []),
    ]
    return sip(f"SIP/2.0 {status} Whatever", *headers, body=body)


def incoming(method: str = "INVITE", *more: str, call_id: str = "in", body: str | bytes = b"") -> bytes:
    """A request of the peer to the phone that is known as 203.0.113.1:5060."""
    headers = [
        f"Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK{call_id}{method}",
        "From: <sip:bob@198.51.100.20>;tag=b",
        "To: <sip:alice@203.0.113.1>" + (";tag=a" if method == "BYE" else ""),
        f"Call-ID: {call_id}",
        f"CSeq: 1 {method}",
        "Contact: <sip:bob@198.51.100.20:5060>",
        *more,
        *(["Content-Type: application/sdp"] if body else []),
    ]
    return sip(f"{method} sip:alice@203.0.113.1:5060 SIP/2.0", *headers, body=body)


def sdp(host: str = "10.0.0.10", port: int = 4000, *more: str) -> str:
    """A session description with one audio stream, and further lines after it."""
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP 0",
        *more,
    ]
    return "\n".join(lines)


def shared_file(name: str) -> bytes:
    """A file of the folder of captures beside the project; skips the test where there is no such folder."""
    path = SHARED / name
    if not path.exists():
        missing = f"the folder ../shared/captures with {name} is not here"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return path.read_bytes()


def _packet(data: bytes, source: Endpoint, target: Endpoint) -> bytes:
    udp = (
        source.port.to_bytes(2, "big") + target.port.to_bytes(2, "big") + (8 + len(data)).to_bytes(2, "big") + bytes(2)
    )
    addresses = Address(source.address + target.address)
    if len(source.address) == 4:
        head = b"\x45\0" + (28 + len(data)).to_bytes(2, "big") + b"\0\0\x40\0\x40\x11\0\0"
    else:
        head = b"\x60\0\0\0" + (8 + len(data)).to_bytes(2, "big") + b"\x11\x40"
    return head + addresses + udp + data
