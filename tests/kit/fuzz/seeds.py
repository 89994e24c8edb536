"""Where fuzzing begins: conversations of our own, and those of the captures beside the project, if they are there."""

from collections.abc import Iterator
from pathlib import Path

from doorman.net.addresses import address_text
from doorman.net.captures import DamagedCapture, NotACapture, open_capture
from doorman.net.links import find_packet, packet_end
from doorman.net.packet import TCP, UDP, parse_packet
from doorman.stream.assembler import Assembler
from doorman.stream.framing import Kind as Piece
from doorman.stream.sip import framer
from doorman.wire.malformed import Malformed
from doorman.wire.sip import read_sip
from kit.fuzz.mutation import with_length
from kit.fuzz.script import Kind, Script, Step
from kit.fuzz.words import PARTS, SDP_LINES, XML
from kit.sip import SHARED, answer, incoming, request, sdp, sip

_PHONE, _PEER, _NAME = b"10.0.0.10", b"198.51.100.20", b"203.0.113.1"
_MOST_STEPS = 10
_LONGEST = 60_000

Said = tuple[str, str, bytes]
"""Who said what to whom."""


def seeds() -> list[Script]:
    """All of them."""
    return [*own(), *alone(), *captured()]


def own() -> list[Script]:
    """Calls and other exchanges, one for each thing that the gateway follows."""
    media, tagged = sdp("198.51.100.20", 6000), "To: <sip:bob@198.51.100.20>;tag=b"
    out, into = Kind.OUT, Kind.IN
    bye, ack = (_in_dialog(request(method)) for method in ("BYE", "ACK"))
    conversations: list[list[tuple[Kind, bytes] | float]] = [
        [(out, request(body=sdp())), (into, answer(180)), (into, answer(body=media)), (out, ack), 10.0, (out, bye)],
        [(into, incoming(body=media)), (out, _reply(incoming(), 200, sdp())), 5.0, (into, incoming("BYE"))],
        [
            (out, request("REGISTER", "Expires: 600")),
            (into, answer(method="REGISTER")),
            500.0,
            (into, incoming("OPTIONS")),
        ],
        [
            (out, request(body=sdp())),
            (into, answer(401)),
            (out, _numbered(request(body=sdp()), 2)),
            (into, answer(486)),
        ],
        [
            (out, request(body=sdp())),
            (into, answer(183, "RSeq: 1", body=media)),
            (out, request("CANCEL")),
            (into, answer(487)),
        ],
        [
            (out, request()),
            (into, answer(body=media)),
            (out, _in_dialog(request("ACK", body=sdp()))),
            121.0,
            (out, bye),
        ],
        [
            (out, request(body=sdp())),
            (into, answer(body=media)),
            (out, _numbered(_in_dialog(request(body=sdp("0.0.0.0"))), 2)),
        ],
        [(out, request("SUBSCRIBE", "Event: dialog", "Expires: 60")), (into, answer(202, method="SUBSCRIBE"))],
        [(out, request("REFER", "Refer-To: <sip:carol@10.0.0.11:5060>", tagged)), (into, answer(202, method="REFER"))],
        [(out, request("UPDATE", body=sdp("10.0.0.10", 4010, *_texts(SDP_LINES[:6]))))],
        [(out, request(body=sdp("10.0.0.10", 4000, *_texts(SDP_LINES[20:35]))))],
        [(out, request(body=sdp("10.0.0.10", 4000, *_texts(SDP_LINES[35:43]))))],
        [
            (out, sip("MESSAGE sip:bob@198.51.100.20 SIP/2.0", *_FEW, body=b"hello")),
            (out, b"\r\n\r\n"),
            (out, b"\0" * 20),
        ],
        [(out, sip("INVITE sip:b@198.51.100.20 SIP/2.0", *_FEW, "c: multipart/mixed;boundary=b", body=_parts()))],
    ]
    conversations += [[(out, _notify(kind, body)), (into, _notify(kind, body))] for kind, body in XML]
    return [
        Script(gateway, tuple(Step(Kind.WAIT, b"", step) if isinstance(step, float) else Step(*step) for step in steps))
        for number, steps in enumerate(conversations)
        for gateway in (("overload", "busy", "pool", "static")[number % 4], "overload")
    ]


_FEW = [
    "v: SIP/2.0/UDP 10.0.0.10;branch=z9hG4bK1;rport", "f: <sip:alice@10.0.0.10>;tag=a", "t: <sip:bob@198.51.100.20>",
    "i: few", "CSeq: 1 MESSAGE", "m: <sip:alice@10.0.0.10>",
]  # fmt: skip


def _texts(lines: list[bytes]) -> list[str]:
    return [line.decode("latin-1") for line in lines]


def _parts() -> bytes:
    return b"--b\r\n" + b"\r\n--b\r\n".join(PARTS) + b"\r\n--b--\r\n"


def _notify(kind: bytes, body: bytes) -> bytes:
    return sip("NOTIFY sip:bob@198.51.100.20 SIP/2.0", *_FEW, f"Content-Type: {kind.decode()}", body=body)


def _in_dialog(message: bytes) -> bytes:
    return message.replace(b"To: <sip:bob@198.51.100.20>", b"To: <sip:bob@198.51.100.20>;tag=b")


def _numbered(message: bytes, number: int) -> bytes:
    return message.replace(b"CSeq: 1", b"CSeq: %d" % number)


def _reply(asked: bytes, status: int, body: str) -> bytes:
    """The phone's answer, which names the phone as it knows itself."""
    lines = asked.replace(_NAME, _PHONE).split(b"\r\n")
    kept = [line.decode() for line in lines[1:] if line[:3] in {b"Via", b"Fro", b"Cal", b"CSe"}]
    more = ["To: <sip:alice@10.0.0.10>;tag=a", "Contact: <sip:alice@10.0.0.10:5060>", "Content-Type: application/sdp"]
    return sip(f"SIP/2.0 {status} OK", *kept, *more, body=body)


# What others wrote


def alone() -> Iterator[Script]:
    """The messages of RFC 4475 and of a SIP server's tests, from each side."""
    for pattern in ("sip/torture/*.dat", "sip/messages/*.sip"):
        for path in sorted(SHARED.glob(pattern)):
            for kind in (Kind.OUT, Kind.IN):
                yield Script("overload", (Step(kind, path.read_bytes()),))
    for path in sorted(SHARED.glob("sdp/*.sdp")):
        yield Script("overload", (Step(Kind.OUT, request(body=path.read_bytes())),))


def captured() -> Iterator[Script]:
    """The conversations of captures, each as if its first sender were the phone."""
    for path in sorted([*SHARED.glob("sip/*.pcap*"), *SHARED.glob("mixed/*sip*")]):
        conversations: dict[bytes, list[Said]] = {}
        for said in _said(path):
            try:
                message = read_sip(said[2])
            except Malformed:
                message = None
            conversations.setdefault(message.call_id if message is not None else b"", []).append(said)
        for conversation in conversations.values():
            yield _script(conversation[:_MOST_STEPS])


def _script(conversation: list[Said]) -> Script:
    phone, peer, _ = conversation[0]
    steps = []
    for sender, _, data in conversation:
        kind, name = (Kind.OUT, _PHONE) if sender == phone else (Kind.IN, _NAME)
        renamed = data.replace(phone.encode(), name).replace(peer.encode(), _PEER)
        steps.append(Step(kind, renamed if renamed == data else with_length(renamed)))
    return Script("overload", tuple(steps))


def _said(path: Path) -> Iterator[Said]:
    """The SIP messages of a capture: datagrams, and what TCP segments in the order captured hold."""
    streams: dict[bytes, Assembler] = {}
    with path.open("rb") as stream:
        try:
            for frame in open_capture(stream):
                start = find_packet(frame.data, frame.link)
                packet = parse_packet(frame.data[start : packet_end(frame, start)]) if start >= 0 else None
                if packet is None or 5060 not in {packet.source_port, packet.destination_port}:
                    continue
                sender, receiver = address_text(packet.source), address_text(packet.destination)
                if packet.protocol == UDP:
                    yield sender, receiver, packet.payload
                elif packet.protocol == TCP:
                    flow = (
                        bytes(packet.sender.address)
                        + bytes(packet.receiver.address)
                        + bytes([packet.source_port % 256])
                    )
                    units = streams.setdefault(flow, Assembler(framer(_LONGEST))).feed(packet.payload)
                    yield from ((sender, receiver, unit.data) for unit in units if unit.kind == Piece.MESSAGE)
        except (DamagedCapture, NotACapture):
            return
