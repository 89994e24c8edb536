"""IPv6 to IPv4 and back: what scapy builds of the same fields, and a packet that comes back is what it was."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.packet import Raw

from doorman.net.addresses import Address, address_of, parse_prefix
from doorman.net.embedding import embed, embedded
from doorman.net.siit import Untranslatable, to_ipv4, to_ipv6
from kit.packets import rebuilt

PREFIX = parse_prefix("2001:db8:64::/96")
HOST, STAND_IN, SERVER = "2001:db8:1::5", "240.1.0.1", "192.0.2.80"
SERVER_V6 = "2001:db8:64::c000:250"
ROUTER, ROUTER_V6 = "198.51.100.1", "2001:db8:64::c633:6401"


def ipv4_of(address: Address) -> Address:
    return embedded(PREFIX, address) or address_of(STAND_IN)


def ipv6_of(address: Address) -> Address:
    return address_of(HOST) if address == address_of(STAND_IN) else embed(PREFIX, address)


def down(packet: Any, identification: int = 0) -> bytes:  # noqa: ANN401 - scapy has no types
    data = bytes(packet)
    ends = ipv4_of(Address(data[8:24])), ipv4_of(Address(data[24:40]))
    return to_ipv4(data, ends, ipv4_of, identification)


def up(packet: Any, mtu: int = 1500) -> list[bytes]:  # noqa: ANN401 - scapy
    data = bytes(packet)
    ends = ipv6_of(Address(data[12:16])), ipv6_of(Address(data[16:20]))
    return to_ipv6(data, ends, ipv6_of, mtu)


def v6(**fields: Any) -> Any:  # noqa: ANN401 - scapy
    return IPv6(src=HOST, dst=SERVER_V6, **fields)


def v4(**fields: Any) -> Any:  # noqa: ANN401 - scapy
    return IP(src=SERVER, dst=STAND_IN, **fields)


@st.composite
def transports(draw: st.DrawFn) -> Any:  # noqa: ANN401 - scapy
    ports = st.integers(0, 65_535)
    data = draw(st.binary(max_size=60))
    if draw(st.booleans()):
        return UDP(sport=draw(ports), dport=draw(ports)) / data
    return TCP(sport=draw(ports), dport=draw(ports), seq=draw(ports), flags="PA") / data


@given(transports(), st.integers(0, 255), st.integers(1, 255), st.integers(0, 65_535))
def test_what_goes_out_is_what_scapy_builds(transport: Any, tos: int, hops: int, identification: int) -> None:  # noqa: ANN401
    expected = IP(src=STAND_IN, dst=SERVER, tos=tos, ttl=hops, id=identification) / transport
    assert down(v6(tc=tos, hlim=hops, fl=0x12345) / transport, identification) == rebuilt(expected)


@given(transports(), st.integers(0, 255), st.integers(1, 255), st.integers(0, 65_535))
def test_what_comes_in_is_what_scapy_builds(transport: Any, tos: int, hops: int, identification: int) -> None:  # noqa: ANN401
    expected = IPv6(src=SERVER_V6, dst=HOST, tc=tos, hlim=hops) / transport
    assert up(v4(tos=tos, ttl=hops, id=identification) / transport) == [rebuilt(expected)]


@given(transports(), st.sampled_from(["none", "fragment"]), st.integers(0, 1_000), st.integers(0, 0xFFFF))
def test_a_packet_comes_back_as_it_was(transport: Any, form: str, offset: int, identification: int) -> None:  # noqa: ANN401
    header = v6(tc=7, hlim=9)
    if form == "fragment":
        header /= IPv6ExtHdrFragment(offset=offset, m=1, id=identification)
    before = bytes(header / transport)
    across = down(before, identification)
    assert to_ipv6(across, (Address(before[8:24]), Address(before[24:40])), ipv6_of, 1500) == [before]


@given(transports(), st.integers(1, 0xFFFF))
def test_what_is_damaged_stays_damaged(transport: Any, damage: int) -> None:  # noqa: ANN401 - scapy
    whole = bytes(v6() / transport)
    at = 40 + (16 if isinstance(transport, TCP) else 6)
    right = int.from_bytes(whole[at : at + 2], "big")
    wrong = (right + damage) % 0xFFFF or 0xFFFF
    assume(wrong % 0xFFFF != right % 0xFFFF)
    across = down(whole[:at] + wrong.to_bytes(2, "big") + whole[at + 2 :])
    assert across != rebuilt(IP(across))


@given(st.binary(max_size=60), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_an_echo_is_one_of_the_other_family(data: bytes, identifier: int, sequence: int) -> None:
    asked = v6() / ICMPv6EchoRequest(id=identifier, seq=sequence, data=data)
    assert down(asked) == bytes(IP(src=STAND_IN, dst=SERVER, id=0) / ICMP(type=8, id=identifier, seq=sequence) / data)
    answered = v4() / ICMP(type=0, id=identifier, seq=sequence) / data
    expected = IPv6(src=SERVER_V6, dst=HOST) / ICMPv6EchoReply(id=identifier, seq=sequence, data=data)
    assert up(answered) == [bytes(expected)]


def test_extension_headers_are_stepped_over() -> None:
    payload = UDP(sport=1, dport=2) / b"abc"
    routed = IPv6ExtHdrRouting(addresses=[], segleft=0)
    packet = v6() / IPv6ExtHdrHopByHop() / routed / IPv6ExtHdrDestOpt() / payload
    assert down(packet) == bytes(IP(src=STAND_IN, dst=SERVER, id=0) / payload)


def test_a_long_packet_is_not_to_be_cut() -> None:
    assert IP(down(v6() / UDP() / bytes(1_232), 7)).fields["id"] == 7  # 1260 bytes
    longer = IP(down(v6() / UDP() / bytes(1_233), 7))
    assert (longer.id, str(longer.flags)) == (0, "DF")


@pytest.mark.parametrize("offset", [0, 4])
def test_a_fragment_stays_one(offset: int) -> None:
    sent = v6() / IPv6ExtHdrFragment(nh=17, offset=offset, m=1, id=0xABCD1234) / Raw(bytes(range(64)))
    across = IP(down(sent))
    assert (across.frag, str(across.flags), across.id, across.proto) == (offset, "MF", 0x1234, 17)
    back = IPv6(
        up(IP(src=SERVER, dst=STAND_IN, id=0x1234, flags="MF", frag=offset, proto=17) / Raw(bytes(range(64))))[0]
    )
    header = back[IPv6ExtHdrFragment]
    assert (header.offset, header.m, header.id, header.nh) == (offset, 1, 0x1234, 17)


def test_what_may_be_cut_is_cut_to_the_mtu() -> None:
    data = bytes(range(256)) * 6
    pieces = up(v4(id=9) / UDP(sport=1, dport=2) / data[:1_460], mtu=1_400)
    assert [len(piece) for piece in pieces] == [1_400 - 1_400 % 8, 40 + 8 + 1_468 - 1_352]
    assert {IPv6(piece)[IPv6ExtHdrFragment].id for piece in pieces} == {9}
    assert len(up(v4(flags="DF") / UDP() / data[:1_460], mtu=1_400)) == 1
    fragments = up(v4(id=9, flags="MF", frag=8, proto=17) / Raw(bytes(1_472)), mtu=1_500)
    assert max(map(len, fragments)) <= 1_500
    assert [IPv6(piece)[IPv6ExtHdrFragment].m for piece in fragments] == [1, 1]


def test_a_datagram_without_a_checksum_gets_one() -> None:
    sent = v4() / UDP(sport=1, dport=2, chksum=0) / b"hello"
    expected = bytes(IPv6(src=SERVER_V6, dst=HOST) / UDP(sport=1, dport=2) / b"hello")
    assert up(sent) == [expected]


REFUSED_V6 = [
    (v6() / IPv6ExtHdrRouting(addresses=["2001:db8::9"], segleft=1) / UDP(), "source-route"),
    (v6() / ICMPv6ND_NS(tgt="2001:db8::1"), "icmp-type"),
    (v6() / IPv6ExtHdrFragment(m=1) / ICMPv6EchoRequest(data=bytes(16)), "icmp-fragment"),
    (v6() / ICMPv6DestUnreach() / Raw(b"short"), "quote-cut"),
    (v6() / ICMPv6ParamProblem(ptr=3) / bytes(v6() / UDP()), "icmp-type"),
    (v6(nh=1) / Raw(bytes(8)), "protocol-of-one-family"),
    (v6(nh=44) / Raw(b"abc"), "ip-header-damaged"),
    (v6(nh=0) / Raw(b"\x11\x09" + bytes(8)), "ip-header-damaged"),
    (v6() / UDP() / bytes(65_520), "packet-too-long"),
]
REFUSED_V4 = [
    (v4() / UDP(chksum=0) / b"x", None),
    (v4(flags="MF") / UDP(chksum=0) / bytes(8), "no-udp-checksum"),
    (v4(flags="MF") / ICMP() / bytes(8), "icmp-fragment"),
    (v4() / ICMP(type=13) / bytes(12), "icmp-type"),
    (v4() / ICMP(type=3, code=14) / bytes(v4() / UDP()), "icmp-type"),
    (v4(chksum=1) / UDP(), "ip-header-damaged"),
    (v4(options=[IPOption(b"\x83\x07\x04\x01\x02\x03\x04")]) / UDP(), "source-route"),
    (v4(options=[IPOption(b"\x83\x07\x08\x01\x02\x03\x04")]) / UDP(), None),
    (v4(proto=58) / Raw(bytes(8)), "protocol-of-one-family"),
    (v4(proto=0) / Raw(bytes(8)), "protocol-of-one-family"),
    (v4(len=19) / Raw(b""), "ip-header-damaged"),
]


@pytest.mark.parametrize(("packet", "reason"), REFUSED_V6)
def test_what_ipv4_does_not_know_is_refused_by_name(packet: Any, reason: str) -> None:  # noqa: ANN401 - scapy
    with pytest.raises(Untranslatable, match=f"^{reason}$"):
        down(packet)


@pytest.mark.parametrize(("packet", "reason"), REFUSED_V4)
def test_what_ipv6_does_not_know_is_refused_by_name(packet: Any, reason: str | None) -> None:  # noqa: ANN401 - scapy
    if reason is None:
        assert len(up(packet)) == 1
        return
    with pytest.raises(Untranslatable, match=f"^{reason}$"):
        up(packet)


ERRORS_V6 = [
    (ICMPv6DestUnreach(code=0), ICMP(type=3, code=1)),
    (ICMPv6DestUnreach(code=1), ICMP(type=3, code=10)),
    (ICMPv6DestUnreach(code=4), ICMP(type=3, code=3)),
    (ICMPv6PacketTooBig(mtu=1_400), ICMP(type=3, code=4, nexthopmtu=1_380)),
    (ICMPv6PacketTooBig(mtu=20), ICMP(type=3, code=4, nexthopmtu=1_260)),
    (ICMPv6PacketTooBig(mtu=100_000), ICMP(type=3, code=4, nexthopmtu=65_535)),
    (ICMPv6TimeExceeded(code=0), ICMP(type=11, code=0)),
    (ICMPv6ParamProblem(code=0, ptr=6), ICMP(type=12, code=0, ptr=9)),
    (ICMPv6ParamProblem(code=1, ptr=6), ICMP(type=3, code=2)),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS_V6)
def test_an_error_of_ipv6_quotes_what_was_sent_as_ipv4(error: Any, expected: Any) -> None:  # noqa: ANN401 - scapy
    """The host tells of a packet that the server sent it."""
    payload = UDP(sport=53, dport=999) / b"abcdefgh"
    told = v6() / error / (IPv6(src=SERVER_V6, dst=HOST, hlim=3) / payload)
    quote = IP(src=SERVER, dst=STAND_IN, ttl=3, id=0) / payload
    assert down(told, 5) == bytes(IP(src=STAND_IN, dst=SERVER, id=5) / expected / quote)


ERRORS_V4 = [
    (ICMP(type=3, code=1), ICMPv6DestUnreach(code=0)),
    (ICMP(type=3, code=3), ICMPv6DestUnreach(code=4)),
    (ICMP(type=3, code=13), ICMPv6DestUnreach(code=1)),
    (ICMP(type=3, code=2), ICMPv6ParamProblem(code=1, ptr=6)),
    (ICMP(type=3, code=4, nexthopmtu=1_380), ICMPv6PacketTooBig(mtu=1_400)),
    (ICMP(type=3, code=4, nexthopmtu=576), ICMPv6PacketTooBig(mtu=1_280)),
    (ICMP(type=11, code=1), ICMPv6TimeExceeded(code=1)),
    (ICMP(type=12, code=0, ptr=9), ICMPv6ParamProblem(code=0, ptr=6)),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS_V4)
def test_an_error_of_ipv4_quotes_what_was_sent_as_ipv6(error: Any, expected: Any) -> None:  # noqa: ANN401 - scapy
    """A router tells of a packet that the host sent."""
    payload = UDP(sport=999, dport=53) / b"abcdefgh"
    told = IP(src=ROUTER, dst=STAND_IN) / error / (IP(src=STAND_IN, dst=SERVER, ttl=3) / payload)
    quote = v6(hlim=3) / payload
    assert up(told) == [bytes(IPv6(src=ROUTER_V6, dst=HOST) / expected / quote)]


def test_a_router_that_tells_no_mtu_is_guessed_at() -> None:
    sent = IP(src=STAND_IN, dst=SERVER) / UDP() / bytes(1_472)
    told = up(IP(src=ROUTER, dst=STAND_IN) / ICMP(type=3, code=4) / bytes(sent)[:28])[0]
    assert IPv6(told)[ICMPv6PacketTooBig].mtu == 1_492 + 20


def test_a_quote_may_end_anywhere() -> None:
    whole = bytes(IP(src=STAND_IN, dst=SERVER, id=0) / TCP(sport=9, dport=80, seq=1) / bytes(40))
    quoted = bytes(v6() / TCP(sport=9, dport=80, seq=1) / bytes(40))
    for cut in range(28, len(whole) + 1, 4):
        told = IPv6(up(IP(src=ROUTER, dst=STAND_IN) / ICMP(type=11) / whole[:cut])[0])
        assert bytes(told[ICMPv6TimeExceeded])[8:28] == quoted[:20]
        assert bytes(told[ICMPv6TimeExceeded])[8:] == quoted[: cut + 20]
        assert bytes(told) == rebuilt(told)


def test_extensions_follow_a_padded_quote() -> None:
    """RFC 4884: in ICMP the length counts 4 bytes, in ICMPv6 8."""
    payload = UDP(sport=999, dport=53) / bytes(72)
    quote = bytes(IP(src=STAND_IN, dst=SERVER, ttl=3, id=0) / payload).ljust(128, b"\0")
    extension = b"\x20\0\xde\xad\0\x08\x01\x01\x12\x34\x51\x01"
    told = IP(src=ROUTER, dst=STAND_IN, id=0) / ICMP(type=11, length=32) / (quote + extension)
    across = up(told)[0]
    body = across[40:]
    assert body[4] == 16
    assert body[8 : 8 + 128] == bytes(v6(hlim=3) / payload).ljust(128, b"\0")
    assert body[8 + 128 :] == extension
    assert across == rebuilt(IPv6(across))


@given(st.binary(max_size=120))
def test_whatever_comes_is_translated_or_refused_by_name(data: bytes) -> None:
    for first, translate in ((b"\x60", down), (b"\x45", up)):
        with suppress(Untranslatable):
            translate(first + data.ljust(60, b"\x11"))


@given(st.binary(max_size=120), st.integers(0, 255), st.sampled_from([1, 3, 4, 11, 12, 128]))
def test_so_is_every_error(data: bytes, code: int, kind: int) -> None:
    for packet, translate in ((v6(nh=58), down), (v4(proto=1), up)):
        with suppress(Untranslatable):
            translate(packet / Raw(bytes((kind, code)) + data))
