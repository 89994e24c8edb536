"""Putting datagrams together: any order, duplicates, overlaps, limits, and the captures of other projects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP, IPOption, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6

from doorman.net import fragments
from doorman.net.captures import open_capture
from doorman.net.checksum import is_valid
from doorman.net.links import find_packet, packet_end
from doorman.net.reassembly import Datagram, Limits, Reason, Reassembler, Refused

DATA = bytes(n * 7 & 0xFF for n in range(3000))
SPACIOUS = Limits()


def v4_packet(source: str = "192.0.2.1", identification: int = 7, data: bytes = DATA) -> bytes:
    return bytes(IP(src=source, dst="192.0.2.9", id=identification) / UDP(sport=1, dport=2) / data)


def v6_packet(data: bytes = DATA) -> bytes:
    header = IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrHopByHop()
    return bytes(header / UDP(sport=1, dport=2) / data)


def piece(start: int, data: bytes, *, more: bool = True, identification: int = 7, source: str = "192.0.2.1") -> bytes:
    header = IP(src=source, dst="192.0.2.9", id=identification, proto=17, frag=start // 8, flags="MF" if more else 0)
    return bytes(header / data)


def add_all(reassembler: Reassembler, packets: list[bytes]) -> list[Datagram | Refused | None]:
    return [reassembler.add(packet, 0.0) for packet in packets]


def reasons(packets: list[bytes], limits: Limits = SPACIOUS) -> list[tuple[Reason, int] | None]:
    results = add_all(Reassembler(limits), packets)
    return [(result.reason, result.fragments) if isinstance(result, Refused) else None for result in results]


@given(st.data(), st.sampled_from([v4_packet(), v6_packet()]), st.sampled_from([1280, 600, 200]))
def test_any_order_with_duplicates_gives_the_packet(data: st.DataObject, packet: bytes, mtu: int) -> None:
    pieces = fragments.fragment(packet, mtu, 99)
    *before, last = data.draw(st.permutations(pieces))
    again = data.draw(st.lists(st.sampled_from(before), max_size=4))
    *waiting, whole = add_all(Reassembler(), [*before, *again, last])
    assert set(waiting) == {None}
    assert isinstance(whole, Datagram)
    assert (whole.packet, whole.fragments) == (packet, len(pieces) + len(again))


@pytest.mark.parametrize("size", [8, 64, 1480])
def test_what_scapy_cut_is_put_together(size: int) -> None:
    alert = IP(src="192.0.2.1", dst="192.0.2.9", id=7, options=[IPOption(b"\x94\x04\0\0")], ttl=3)
    packet = alert / UDP(sport=1, dport=2) / DATA[:900]
    *_, whole = add_all(Reassembler(), [bytes(cut) for cut in fragment(packet, size)])
    assert isinstance(whole, Datagram)
    assert whole.packet == bytes(packet)
    assert is_valid(whole.packet[:24])


def test_what_scapy_cut_of_ipv6_is_put_together() -> None:
    header: Any = IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(id=5)
    *_, whole = add_all(Reassembler(), [bytes(cut) for cut in fragment6(header / UDP(sport=1, dport=2) / DATA, 1280)])
    assert isinstance(whole, Datagram)
    assert whole.packet == bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1, dport=2) / DATA)
    assert str(whole.id) == "2001:db8::1 > 2001:db8::2 id 0x5"


def test_bytes_behind_the_packet_are_left_out() -> None:
    *_, whole = add_all(Reassembler(), [cut + b"padding" for cut in fragments.fragment(v4_packet(), 1500)])
    assert isinstance(whole, Datagram)
    assert whole.packet == v4_packet()


def test_an_atomic_fragment_stands_alone() -> None:
    atomic = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(id=99) / UDP(sport=1, dport=2))
    reassembler = Reassembler()
    reassembler.add(fragments.fragment(v6_packet(), 1280, 99)[0], 0.0)
    whole = reassembler.add(atomic, 0.0)
    assert isinstance(whole, Datagram)
    assert whole.packet == bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1, dport=2))
    assert len(reassembler) == 1


@pytest.mark.parametrize(
    "packets",
    [
        [piece(0, bytes(16)), piece(8, bytes(16))],
        [piece(8, bytes(16)), piece(0, bytes(16))],
        [piece(0, bytes(16)), piece(0, b"other data, 16 b")],
        [piece(0, bytes(16)), piece(0, bytes(8))],
        [piece(0, bytes(8)), piece(0, bytes(16))],
        [piece(0, bytes(24)), piece(8, bytes(8))],
        [piece(16, bytes(4), more=False), piece(24, bytes(8))],
        [piece(16, bytes(4), more=False), piece(16, bytes(8))],
        [piece(16, bytes(4), more=False), piece(24, bytes(4), more=False)],
        [piece(16, bytes(8), more=False), piece(16, bytes(8))],
        [piece(16, bytes(8)), piece(16, bytes(8), more=False)],
        [piece(16, bytes(8)), piece(8, bytes(8), more=False)],
    ],
)
def test_fragments_that_overlap_refuse_the_whole_datagram_and_what_comes_later(packets: list[bytes]) -> None:
    later = [piece(32, bytes(8)), piece(0, bytes(8))]
    assert reasons(packets + later) == [None, (Reason.OVERLAP, 2), (Reason.OVERLAP, 1), (Reason.OVERLAP, 1)]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4), st.booleans()), min_size=1, max_size=12))
def test_a_datagram_is_only_what_every_fragment_agrees_with(parts: list[tuple[int, int, bool]]) -> None:
    """Cut out of one text at places that overlap as they will: whole only when they are a partition of it."""
    reassembler = Reassembler()
    taken: list[tuple[int, int, bool]] = []
    for at, length, more in parts:
        result = reassembler.add(piece(at * 8, DATA[at * 8 : (at + length) * 8], more=more), 0.0)
        taken.append((at, length, more))
        if isinstance(result, Refused):
            return
        if isinstance(result, Datagram):
            if not at and not more:
                return
            places = sorted(set(taken))
            assert [at for at, _, _ in places] == [0, *(at + length for at, length, _ in places[:-1])]
            assert [more for _, _, more in places] == [True] * (len(places) - 1) + [False]
            assert result.packet[20:] == DATA[: len(result.packet) - 20]
            return


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x45" + bytes(10),
        piece(0, bytes(9)),
        piece(0, b""),
        piece(8, b"", more=False),
        piece(0, bytes(16))[:-1],
        b"\x44" + piece(0, bytes(16))[1:],
        b"\x60" + bytes(10),
        bytes(IPv6() / IPv6ExtHdrFragment(m=1) / bytes(9)),
        bytes(IPv6() / IPv6ExtHdrFragment(m=1, offset=5) / bytes(16))[:-1],
        bytes(IPv6(nh=44, plen=4) / bytes(4)),
    ],
)
def test_a_malformed_fragment_is_refused_alone(packet: bytes) -> None:
    assert Reassembler().add(packet, 0.0) == Refused(None, Reason.MALFORMED, 1)


def test_a_datagram_longer_than_a_packet_can_be_is_refused() -> None:
    assert reasons([piece(65_528, bytes(8), more=False)]) == [(Reason.TOO_LONG, 1)]
    start = 65_512
    steps = [piece(at, bytes(1456)) for at in range(0, start - 1456 + 1, 1456)]
    rest = [piece(len(steps) * 1456, bytes(start - len(steps) * 1456))] if len(steps) * 1456 < start else []
    *waiting, last = reasons([*steps, *rest, piece(start, bytes(8), more=False)])
    assert set(waiting) == {None}
    assert last == (Reason.TOO_LONG, len(steps) + len(rest) + 1)


def test_the_longest_datagram_is_put_together() -> None:
    packet = v4_packet(data=bytes(65_535 - 28))
    *_, whole = add_all(Reassembler(), fragments.fragment(packet, 576))
    assert isinstance(whole, Datagram)
    assert whole.packet == packet


def test_limits_refuse_and_take_nothing_from_others() -> None:
    many = [piece(at * 8, bytes(8)) for at in range(4)]
    assert reasons(many, Limits(fragments=3)) == [None, None, None, (Reason.TOO_MANY, 4)]
    others = [piece(0, bytes(8), identification=number) for number in range(3)]
    assert reasons(others, Limits(per_source=2)) == [None, None, (Reason.SOURCE_FULL, 1)]
    sources = [piece(0, bytes(8), source=f"192.0.2.{number}") for number in range(3)]
    reassembler = Reassembler(Limits(datagrams=2))
    assert [bool(result) for result in add_all(reassembler, sources)] == [False, False, True]
    assert isinstance(reassembler.add(piece(8, bytes(8), more=False, source="192.0.2.0"), 0.0), Datagram)
    assert reassembler.add(sources[2], 0.0) is None


def test_what_is_not_whole_in_time_is_given_up() -> None:
    reassembler = Reassembler(Limits(timeout=30.0, per_source=3))
    refused = [piece(0, bytes(16), identification=1), piece(8, bytes(16), identification=1)]
    add_all(reassembler, [*refused, piece(0, bytes(8), identification=2), piece(16, bytes(8), identification=2)])
    reassembler.add(piece(0, bytes(8), identification=3), 5.0)
    assert reassembler.expire(29.9) == []
    (given_up,) = reassembler.expire(30.0)
    assert (str(given_up.id), given_up.reason, given_up.fragments) == (
        "192.0.2.1 > 192.0.2.9 id 0x2",
        Reason.TIMEOUT,
        2,
    )
    assert len(reassembler) == 1
    assert reassembler.add(piece(8, bytes(8), more=False, identification=1), 31.0) is None
    assert [lost.fragments for lost in reassembler.expire(100.0)] == [1, 1]
    assert not reassembler.expire(100.0)
    assert add_all(reassembler, [piece(0, bytes(8), identification=n) for n in range(3)]) == [None] * 3


def test_datagrams_of_other_projects_are_those_tshark_puts_together(
    shared_captures: list[Path], run: Callable[..., str]
) -> None:
    wholes = 0
    for path in shared_captures:
        reassembler, ours = Reassembler(), []
        with path.open("rb") as stream:
            for frame in open_capture(stream):
                start = find_packet(frame.data, frame.link)
                if start >= 0 and fragments.is_fragment(frame.data, start):
                    whole = reassembler.add(frame.data[start : packet_end(frame, start)], frame.time_ns / 1e9)
                    if isinstance(whole, Datagram):
                        version = whole.packet[0] >> 4
                        header = (whole.packet[0] & 15) * 4 if version == 4 else 40
                        ours.append(f"{whole.fragments} {len(whole.packet) - header}")
        if ours:
            words = ["-e", "ip.fragment.count", "-e", "ip.reassembled.length"]
            words += ["-e", "ipv6.fragment.count", "-e", "ipv6.reassembled.length"]
            output = run("tshark", "-n", "-r", path, "-T", "fields", *words)
            assert ours == [" ".join(line.split()) for line in output.splitlines() if line.strip()], path
            wholes += len(ours)
    assert wholes > 10
