"""Replay of an inside that has IPv6 alone: the outside sees IPv4, and what arrives is what was captured."""

import random

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

from doorman.config.reader import read_config
from doorman.dataplanes.replay import Replay
from doorman.engine.realms import engines
from doorman.net import links
from doorman.net.captures import Frame
from kit.nat64 import CONFIG, HOST, OTHER
from kit.packets import rebuilt

TEXT = CONFIG.replace("list HOSTS interface out0", "list HOSTS pool P") + "nat64 v4 pool P 203.0.113.10 203.0.113.10\n"
SERVER, SERVER_V6 = "198.51.100.80", "2001:db8:64::c633:6450"


class Written:
    """What the outside sees."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def write(self, frame: Frame) -> None:
        self.frames.append(frame)

    def finish(self) -> None:
        """Nothing."""


def replayed(*packets: Packet, link: int = links.ETHERNET, text: str = TEXT) -> tuple[Replay, list[Frame]]:
    (engine,) = engines(read_config(text, "t"), random.Random(1).random).values()
    written = Written()
    replay = Replay(engine, written)
    frames = [Frame(bytes(one), number * 10**9, len(bytes(one)), link) for number, one in enumerate(packets, 1)]
    replay.run(frames)
    return replay, written.frames


def seen(frames: list[Frame]) -> list[str]:
    return [f"{packet.src} > {packet.dst}" for packet in (Ether(frame.data)[IP] for frame in frames)]


def out(host: str = HOST) -> Packet:
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IPv6(src=host, dst=SERVER_V6)


def back(host: str = HOST) -> Packet:
    return Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IPv6(src=SERVER_V6, dst=host)


def test_the_outside_sees_ipv4() -> None:
    replay, frames = replayed(
        out() / UDP(sport=5000, dport=9) / b"who",
        back() / UDP(sport=9, dport=5000) / b"you",
        out() / ICMPv6EchoRequest(id=5, seq=1, data=b"ping"),
        back() / ICMPv6EchoReply(id=5, seq=1, data=b"ping"),
        out() / TCP(sport=5001, dport=80, flags="S"),
        back() / TCP(sport=80, dport=5001, flags="SA", ack=1),
    )
    assert (replay.drops, replay.asymmetries, dict(replay.notes)) == ([], [], {})
    assert (replay.counts.from_inside, replay.counts.from_outside, replay.counts.written) == (3, 3, 6)
    pool = "203.0.113.10"
    assert seen(frames) == [f"{pool} > {SERVER}", f"{SERVER} > {pool}"] * 3
    for frame in frames:
        packet = Ether(frame.data)
        assert packet.type == 0x0800
        assert rebuilt(packet[IP]) == bytes(packet[IP])
    assert bytes(Ether(frames[1].data)[UDP].payload) == b"you"
    assert (Ether(frames[2].data)[ICMP].type, Ether(frames[3].data)[ICMP].type) == (8, 0)


def test_a_host_with_a_name_for_itself_is_called() -> None:
    replay, frames = replayed(back(OTHER) / UDP(sport=9, dport=7) / b"come in", out(OTHER) / UDP(sport=7, dport=9))
    assert (replay.drops, replay.asymmetries) == ([], [])
    assert seen(frames) == [f"{SERVER} > 203.0.113.9", f"203.0.113.9 > {SERVER}"]


def test_an_error_is_about_what_the_outside_knows() -> None:
    sent = out() / UDP(sport=5000, dport=9) / b"who"
    error = Ether() / IPv6(src="2001:db8:64::c000:201", dst=HOST) / ICMPv6TimeExceeded() / sent[IPv6]
    replay, frames = replayed(sent, error)
    assert (replay.drops, replay.asymmetries) == ([], [])
    told = Ether(frames[1].data)
    assert (told[IP].src, told[IP].dst) == ("192.0.2.1", "203.0.113.10")
    assert IP(bytes(told[ICMP])[8:]).src == "203.0.113.10"


def test_fragments_are_put_together() -> None:
    whole = bytes(UDP(sport=5000, dport=9, chksum=1) / bytes(2_000))
    pieces = (whole[:1_200], whole[1_200:])
    sent = [
        out() / IPv6ExtHdrFragment(nh=17, offset=number * 150, m=1 - number, id=77) / Raw(piece)
        for number, piece in enumerate(pieces)
    ]
    replay, frames = replayed(*sent)
    assert replay.drops == []
    assert [str(Ether(frame.data)[IP].flags) for frame in frames] == ["MF", ""]


def test_what_is_dropped_is_told_as_it_was_captured() -> None:
    strange = out("2001:db8:2::1") / UDP(sport=1, dport=9)
    replay, frames = replayed(strange, out() / UDP(sport=2, dport=9))
    (drop,) = replay.drops
    assert (drop.packet, drop.reason, drop.data) == (1, "no-nat64-rule", bytes(strange[IPv6]))
    assert len(frames) == 1


def test_what_stays_within_ipv6_passes() -> None:
    packet = Ether() / IPv6(src=HOST, dst="2001:db8:1::1") / UDP()
    replay, frames = replayed(packet)
    assert [frame.data for frame in frames] == [bytes(packet)]
    assert dict(replay.notes) == {"between-outside-hosts": 1}


ZONES = """\
class-map type inspect match-any PINGS
 match protocol icmp
policy-map type inspect OUT
 class type inspect PINGS
  inspect
zone security IN
zone security OUT
zone-pair security OUT source IN destination OUT
 service-policy type inspect OUT
interface lan0
 zone-member security IN
interface out0
 zone-member security OUT
"""


def test_policies_are_about_the_zone_of_its_interface() -> None:
    replay, frames = replayed(
        out() / ICMPv6EchoRequest(id=5, seq=1, data=b"ping"),
        back() / ICMPv6EchoReply(id=5, seq=1, data=b"ping"),
        out() / UDP(sport=5000, dport=9) / b"who",
        text=TEXT + ZONES,
    )
    assert [(drop.packet, drop.reason) for drop in replay.drops] == [(3, "zone-policy")]
    assert len(frames) == 2


PACKET = IPv6(src=HOST, dst=SERVER_V6) / UDP(sport=5000, dport=9)


@pytest.mark.parametrize(
    ("link", "header", "expected_link", "expected"),
    [
        (links.RAW, "", links.RAW, ""),
        (links.IPV6, "", links.IPV4, ""),
        (links.LOOPBACK, "1e000000", links.LOOPBACK, "02000000"),
        (links.LOOPBACK, "0000001e", links.LOOPBACK, "00000002"),
        (links.LOOP, "0000001e", links.LOOP, "00000002"),
        (links.COOKED, "0000000100060200000000010000" + "86dd", links.COOKED, "0000000100060200000000010000" + "0800"),
        (links.COOKED_V2, "86dd" + "00" * 18, links.COOKED_V2, "0800" + "00" * 18),
    ],
)
def test_frames_of_each_kind_say_that_they_carry_ipv4(
    link: int, header: str, expected_link: int, expected: str
) -> None:
    frame = Frame(bytes.fromhex(header) + bytes(PACKET), 10**9, len(header) // 2 + len(bytes(PACKET)), link)
    (engine,) = engines(read_config(TEXT, "t"), random.Random(1).random).values()
    written = Written()
    Replay(engine, written).run([frame])
    (one,) = written.frames
    assert one.link == expected_link
    assert one.data.startswith(bytes.fromhex(expected) + b"\x45")
    assert one.wire_length == len(one.data)


def test_tags_stay() -> None:
    _, frames = replayed(Ether() / Dot1Q(vlan=5) / PACKET)
    packet = Ether(frames[0].data)
    assert (packet[Dot1Q].vlan, packet[Dot1Q].type, packet[IP].dst) == (5, 0x0800, SERVER)
