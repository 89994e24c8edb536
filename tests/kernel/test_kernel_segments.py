"""Segments of TCP through a kernel (mode vtcp): wire, queue, engine, verdict and what is sent beside it, wire."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP

from doorman.config.model import Config
from doorman.dataplanes.netfilter.plane import NetfilterPlane
from doorman.dataplanes.plane import PlaneRefused
from doorman.engine.results import Change, Side
from kit.live import Live
from kit.namespaces import Namespace
from kit.packets import icmp_error, quote_of, rebuilt
from kit.sip import GLOBAL, OVERLOAD, request, sdp
from kit.wires import Places, Wires

INSIDE, OUTSIDE = Side
VTCP = "ip nat service sip tcp mode vtcp\n"
PHONE, PEER = ("10.0.0.10", 40_000), ("198.51.100.20", 5060)
MSS = [("MSS", 1_460)]
TLS = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(200)
FIRST = {INSIDE: 5_000, OUTSIDE: 2**32 - 100}


def over_tcp(message: bytes) -> bytes:
    return message.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")


INVITE = over_tcp(request(body=sdp()))


class Dialogue:
    """A connection whose segments are made by hand; each end answers only what it is told to."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.next = dict(FIRST)
        self.expected = {INSIDE: 0, OUTSIDE: 0}
        self.name = ("", 0)

    def open(self) -> None:
        """The handshake."""
        [syn] = self.say(INSIDE, "S", options=MSS)
        self.name = (syn.src, syn[TCP].sport)
        self.say(OUTSIDE, "SA", options=MSS)
        assert self.say(INSIDE, "A")

    def segment(self, side: Side, flags: str, data: bytes = b"", *, back: int = 0, **more: Any) -> bytes:  # noqa: ANN401
        """A segment as a side sends it, `back` bytes before its next."""
        ends = (PHONE, PEER) if side == INSIDE else (PEER, self.name)
        (source, sport), (target, dport) = ends
        header = TCP(sport=sport, dport=dport, flags=flags, seq=(self.next[side] - back) % 2**32, window=20_000, **more)
        header.ack = self.expected[side] if "A" in flags else 0
        return bytes(IP(src=source, dst=target, flags="DF") / header / data)

    def say(self, side: Side, flags: str, data: bytes = b"", **more: Any) -> list[Any]:  # noqa: ANN401 - scapy
        """The next bytes of a stream; all that left then, on both sides."""
        packet = self.segment(side, flags, data, **more)
        self.next[side] += len(data) + ("S" in flags) + ("F" in flags)
        return self.heard(self.live.packets(side, packet))

    def heard(self, packets: Sequence[bytes]) -> list[Any]:
        """The packets that left, as scapy reads them; whoever one is for has heard it."""
        found = []
        for packet in packets:
            parsed = IP(packet)
            if TCP not in parsed:
                continue
            assert rebuilt(parsed) == packet, "a length or checksum that scapy computes otherwise"
            side = INSIDE if parsed.dst == PHONE[0] else OUTSIDE
            header = parsed[TCP]
            behind = header.seq + len(bytes(header.payload)) + bool(set("SF") & set(str(header.flags)))
            if header.seq == self.expected[side] or "S" in str(header.flags):
                self.expected[side] = behind % 2**32
            found.append(parsed)
        return found


def carried(packets: list[Any]) -> bytes:
    return b"".join(bytes(packet[TCP].payload) for packet in packets)


def ends(packet: Any) -> tuple[tuple[str, int], tuple[str, int]]:  # noqa: ANN401 - scapy
    return (packet.src, packet[TCP].sport), (packet.dst, packet[TCP].dport)


Make = Callable[..., Live]


@pytest.fixture
def make(new_namespace: Callable[[], Namespace], tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def live(config: str = OVERLOAD + VTCP, plane: type[NetfilterPlane] = NetfilterPlane) -> Live:
            wires = Wires(new_namespace(), new_namespace(), stack, Places(inside="10.0.0.1"))
            return Live(wires, stack, tmp_path, config, plane=plane)

        yield live


@pytest.fixture
def dialogue(make: Make) -> Dialogue:
    made = Dialogue(make())
    made.open()
    return made


def test_what_is_held_is_acknowledged_in_the_name_of_the_other_end(dialogue: Dialogue) -> None:
    [back] = dialogue.say(INSIDE, "PA", INVITE[:300])
    assert ends(back) == (PEER, PHONE)
    assert (str(back[TCP].flags), back[TCP].ack) == ("A", FIRST[INSIDE] + 1 + 300)
    [whole] = dialogue.say(INSIDE, "PA", INVITE[300:])
    assert ends(whole) == (dialogue.name, PEER)
    assert carried([whole]).startswith(b"INVITE ")
    assert GLOBAL.encode() in carried([whole])
    assert b"10.0.0.10" not in carried([whole])
    assert "203.0.113.1 . udp . 4000" in dialogue.live.elements("doors")


def long_message(size: int) -> bytes:
    head, _, body = INVITE.partition(b"\r\n\r\n")
    return head + b"\r\nX: " + b"x" * (size - len(INVITE) - 5) + b"\r\n\r\n" + body


def tell(dialogue: Dialogue, message: bytes) -> list[Any]:
    """Say a message in segments of the usual length, and hear what leaves."""
    cut = [message[at : at + 1_400] for at in range(0, len(message), 1_400)]
    return [packet for piece in cut for packet in dialogue.say(INSIDE, "PA", piece)]


def test_the_first_segment_goes_by_the_verdict_and_the_others_beside_it(dialogue: Dialogue) -> None:
    sent = [packet for packet in tell(dialogue, long_message(5_000)) if packet.dst == PEER[0]]
    assert len(sent) == 4
    assert {ends(packet) for packet in sent} == {(dialogue.name, PEER)}
    assert {packet.ttl for packet in sent} == {63}, "as if all had been forwarded"
    assert [packet[TCP].seq for packet in sent] == sorted(packet[TCP].seq for packet in sent)
    assert carried(sent).endswith(b"a=sendrecv\r\n") or len(carried(sent)) > 4_900
    assert len(dialogue.live.flows("-p", "tcp")) == 1, "conntrack took one that we made for a connection"


def test_what_does_not_fit_the_link_leaves_in_fragments(dialogue: Dialogue) -> None:
    dialogue.live.run("ip", "link", "set", "out0", "mtu", "1000")
    message = long_message(5_000)
    packets = [
        packet
        for at in range(0, len(message), 900)
        for packet in dialogue.live.packets(INSIDE, dialogue.segment(INSIDE, "PA", message[at : at + 900], back=-at))
        if IP(packet).dst == PEER[0]
    ]
    assert len(packets) > 6
    assert max(map(len, packets)) <= 1_000
    data: dict[int, bytearray] = {}
    for packet in map(IP, packets):
        data.setdefault(packet.id, bytearray())[packet.frag * 8 :] = bytes(packet.payload)
    assert sum(len(whole) - 20 for whole in data.values()) >= 4_950
    assert not dialogue.live.plane.injection.failed


def test_numbers_that_conntrack_cannot_know_are_no_reason_to_drop(dialogue: Dialogue) -> None:
    """Each message becomes longer: what the outside acknowledges was never sent, as far as conntrack saw."""
    for number in range(30):
        message = over_tcp(request("OPTIONS", call_id=f"c{number}"))
        assert carried(dialogue.say(INSIDE, "PA", message))
        [acknowledged] = dialogue.say(OUTSIDE, "A")
        assert acknowledged[TCP].ack == dialogue.next[INSIDE]
    shift = dialogue.expected[OUTSIDE] - dialogue.next[INSIDE]
    assert shift, "the numbers are the same"
    [answer] = dialogue.say(OUTSIDE, "PA", TLS)
    assert (ends(answer), answer[TCP].ack) == ((PEER, PHONE), dialogue.next[INSIDE])
    [ended] = dialogue.say(INSIDE, "RA")
    assert (ends(ended), ended[TCP].seq) == ((dialogue.name, PEER), dialogue.expected[OUTSIDE])


@pytest.mark.parametrize("side", [INSIDE, OUTSIDE])
def test_a_reset_passes_whatever_was_acknowledged(dialogue: Dialogue, side: Side) -> None:
    for number in range(5):
        dialogue.say(INSIDE, "PA", over_tcp(request("OPTIONS", call_id=f"c{number}")))
        dialogue.say(OUTSIDE, "A")
    [reset] = dialogue.say(side, "R")
    assert str(reset[TCP].flags) == "R"


def test_a_connection_may_be_silent_for_a_day(dialogue: Dialogue) -> None:
    dialogue.say(INSIDE, "PA", INVITE)
    dialogue.say(OUTSIDE, "A")
    dialogue.say(INSIDE, "PA", over_tcp(request("OPTIONS", call_id="two")))
    [flow] = dialogue.live.flows("-p", "tcp")
    assert int(flow.split()[2]) > 86_000, "the kernel thinks that data were never acknowledged"


def test_an_icmp_error_is_about_the_number_that_its_receiver_knows(dialogue: Dialogue) -> None:
    dialogue.say(INSIDE, "PA", INVITE)
    second = dialogue.next[INSIDE]
    [sent] = dialogue.say(INSIDE, "PA", over_tcp(request("OPTIONS", call_id="two")))
    assert sent[TCP].seq != second
    error = icmp_error("198.51.100.1", GLOBAL, bytes(sent)[:28], 3, 4)
    [arrived] = [packet for packet in dialogue.live.packets(OUTSIDE, error) if packet[9] == 1]
    quote = IP(quote_of(arrived))
    assert (quote.src, int.from_bytes(quote_of(arrived)[20:22])) == PHONE
    assert int.from_bytes(quote_of(arrived)[24:28]) == second
    again = IP(arrived)
    del again[ICMP].chksum
    assert bytes(again) == arrived


def test_what_is_no_sip_is_queued_no_more(dialogue: Dialogue) -> None:
    assert carried(dialogue.say(INSIDE, "PA", TLS)) == TLS
    dialogue.say(OUTSIDE, "A")
    before = dialogue.live.traffic.received
    assert carried(dialogue.say(INSIDE, "PA", INVITE)) == INVITE
    assert carried(dialogue.say(OUTSIDE, "PA", INVITE)) == INVITE
    assert dialogue.live.traffic.received == before
    assert dialogue.live.elements("doors") == Dialogue(dialogue.live).live.elements("doors")


def test_a_connection_whose_splice_is_lost_is_reset(dialogue: Dialogue) -> None:
    dialogue.say(INSIDE, "PA", INVITE)
    for session in list(dialogue.live.engine.state.sessions):
        dialogue.live.engine.state.end_session(session, 0.0)
    for side, known in ((INSIDE, (PEER, PHONE)), (OUTSIDE, (dialogue.name, PEER))):
        [reset] = map(IP, dialogue.live.packets(side, dialogue.segment(side, "A")))
        assert (ends(reset), str(reset[TCP].flags)) == (known, "R")


@pytest.mark.parametrize("end", [["RA"], ["FA", "FA", "A"]], ids=["reset", "closed"])
def test_the_same_ports_again_before_the_kernel_told_of_the_end(dialogue: Dialogue, end: list[str]) -> None:
    dialogue.say(INSIDE, "PA", INVITE)
    dialogue.say(OUTSIDE, "A")
    for number, flags in enumerate(end):
        assert dialogue.say(Side(number % 2), flags)
    again = Dialogue(dialogue.live)
    again.next = {INSIDE: 3_000_000, OUTSIDE: 77}
    again.open()
    assert b"10.0.0.10" not in carried(again.say(INSIDE, "PA", INVITE))
    assert carried(again.say(OUTSIDE, "PA", TLS)) == TLS


class StubbornPlane(NetfilterPlane):
    """The kernel, but it refuses as long as it is told to."""

    refuses = False

    def commit(self, changes: Sequence[Change], now: float) -> None:
        if self.refuses:
            raise PlaneRefused("told to refuse")
        super().commit(changes, now)

    def synchronise(self, config: Config, *rest: Any) -> None:  # noqa: ANN401 - whatever it is called with
        if self.refuses:
            raise PlaneRefused("told to refuse")
        super().synchronise(config, *rest)


def test_what_the_kernel_does_not_take_is_not_announced_until_it_does(make: Make) -> None:
    live = make(plane=StubbornPlane)
    dialogue = Dialogue(live)
    dialogue.open()
    assert isinstance(live.plane, StubbornPlane)
    live.plane.refuses = True
    assert dialogue.say(INSIDE, "PA", INVITE) == []
    again = dialogue.segment(INSIDE, "PA", INVITE, back=len(INVITE))
    assert dialogue.heard(live.packets(INSIDE, again)) == [], "it announces what is not there"
    live.plane.refuses = False
    sent = dialogue.heard(live.packets(INSIDE, again))
    assert GLOBAL.encode() in carried(sent)
    assert "203.0.113.1 . udp . 4000" in live.elements("doors")
