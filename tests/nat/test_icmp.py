"""ICMP errors: whoever gets one finds its own packet quoted, as scapy would have built it."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from doorman.nat.icmp import Quote, quoted, readdress_error, renumbered
from doorman.net.addresses import Endpoint, address_of
from doorman.net.packet import Packet, parse_packet
from kit.packets import MAKERS, gre, icmp_error, ping, udp

INSIDE, OUTSIDE, PEER, ROUTER = "192.168.1.10", "203.0.113.1", "198.51.100.7", "198.51.100.1"
EXTENSIONS = bytes.fromhex("2000d8a8000801010001e0ff")
"""An MPLS label stack (RFC 4950), for behind a quote padded to 128 bytes (RFC 4884, section 4)."""
CUTS = st.integers(28, 80)


def endpoint(text: str, port: int = 0) -> Endpoint:
    return Endpoint(address_of(text), port)


def parsed(data: bytes) -> Packet:
    packet = parse_packet(data)
    assert packet is not None
    return packet


def quote_in(error: bytes) -> Quote:
    quote = quoted(parsed(error))
    assert quote is not None
    return quote


def translated(error: bytes, port: int, peer_port: int) -> bytes:
    """The error as it goes to the inside, for a packet that the inside sent from `port`."""
    sender, receiver = endpoint(INSIDE, port), endpoint(PEER, peer_port)
    packet = parsed(error)
    return readdress_error(packet, quote_in(error).readdressed(sender, receiver), packet.source, sender.address)


@given(CUTS, st.sampled_from([(3, 1), (3, 4), (4, 0), (5, 1), (11, 0), (12, 0)]), st.sampled_from(["udp", "tcp"]))
def test_the_quote_becomes_the_packet_that_was_sent(cut: int, kind: tuple[int, int], protocol: str) -> None:
    make = MAKERS[protocol]
    assume(protocol == "udp" or cut != 37)  # of half a checksum nothing can be said
    told = icmp_error(ROUTER, OUTSIDE, make(f"{OUTSIDE}:61000", f"{PEER}:53", data=b"odd")[:cut], *kind)
    expected = icmp_error(ROUTER, INSIDE, make(f"{INSIDE}:5000", f"{PEER}:53", data=b"odd")[:cut], *kind)
    quote = quote_in(told)
    assert (quote.sender, quote.receiver) == (endpoint(OUTSIDE, 61000), endpoint(PEER, 53))
    assert translated(told, 5000, 53) == expected


@given(CUTS, st.sampled_from([0, 7, 65_535]), st.sampled_from([0, 9, 65_535]))
def test_a_quoted_query_gets_its_identifier_back(cut: int, inside: int, outside: int) -> None:
    told = icmp_error(ROUTER, OUTSIDE, ping(OUTSIDE, PEER, outside)[:cut], 11, 0)
    expected = icmp_error(ROUTER, INSIDE, ping(INSIDE, PEER, inside)[:cut], 11, 0)
    assert translated(told, inside, inside) == expected


def test_ports_of_zero_are_ports() -> None:
    told = icmp_error(ROUTER, OUTSIDE, udp(f"{OUTSIDE}:0", f"{PEER}:0"))
    assert translated(told, 5000, 0) == icmp_error(ROUTER, INSIDE, udp(f"{INSIDE}:5000", f"{PEER}:0"))


@pytest.mark.parametrize("protocol", ["udp", "tcp", "ping"])
def test_extensions_behind_a_quote_stay(protocol: str) -> None:
    def about(address: str, port: int) -> bytes:
        if protocol == "ping":
            return ping(address, PEER, port, data=bytes(200))[:128]
        make = MAKERS[protocol]
        return make(f"{address}:{port}", f"{PEER}:53", data=bytes(200))[:128]

    told = icmp_error(ROUTER, OUTSIDE, about(OUTSIDE, 61000), 11, 0, behind=EXTENSIONS)
    expected = icmp_error(ROUTER, INSIDE, about(INSIDE, 5000), 11, 0, behind=EXTENSIONS)
    assert translated(told, 5000, 53) == expected


def test_a_quote_with_options_and_no_udp_checksum() -> None:
    def about(address: str, port: int) -> bytes:
        options = b"\x94\x04\0\0"
        header = IP(src=address, dst=PEER, ihl=6, options=[]) / b""
        packet = IP(bytes(header)[:20] + options)
        del packet.chksum
        return bytes(IP(src=address, dst=PEER, options=packet.options) / UDP(sport=port, dport=53, chksum=0) / b"data")

    told, expected = (
        icmp_error(ROUTER, address, about(address, port)) for address, port in ((OUTSIDE, 61000), (INSIDE, 5000))
    )
    assert translated(told, 5000, 53) == expected


def test_a_protocol_without_ports_gets_its_address() -> None:
    told = icmp_error(ROUTER, OUTSIDE, gre(OUTSIDE, PEER), 3, 2)
    assert translated(told, 0, 0) == icmp_error(ROUTER, INSIDE, gre(INSIDE, PEER), 3, 2)


@given(st.binary(max_size=60), CUTS)
def test_there_and_back_gives_the_very_bytes(extra: bytes, cut: int) -> None:
    told = icmp_error(ROUTER, OUTSIDE, udp(f"{OUTSIDE}:61000", f"{PEER}:53")[:cut], behind=extra)
    there = parsed(translated(told, 5000, 53))
    back = quote_in(there.data).readdressed(endpoint(OUTSIDE, 61000), endpoint(PEER, 53))
    assert readdress_error(there, back, there.source, address_of(OUTSIDE)) == told


def test_a_damaged_quote_stays_damaged_and_the_error_right() -> None:
    about = bytearray(udp(f"{OUTSIDE}:61000", f"{PEER}:53"))
    about[26] ^= 0x55
    changed = translated(icmp_error(ROUTER, OUTSIDE, bytes(about)), 5000, 53)
    right = icmp_error(ROUTER, INSIDE, udp(f"{INSIDE}:5000", f"{PEER}:53"))
    assert changed[:22] + changed[24:54] + changed[56:] == right[:22] + right[24:54] + right[56:]
    assert bytes(IP(changed)) == changed
    fresh = IP(changed)
    del fresh[ICMP].chksum
    assert bytes(fresh) == changed


def test_an_error_takes_over_the_number_that_its_translation_quotes() -> None:
    about = {seq: bytes(IP(src=OUTSIDE, dst=PEER) / TCP(sport=61000, dport=5060, seq=seq)) for seq in (7, 2**32 - 9)}
    first, second = (icmp_error(ROUTER, OUTSIDE, quote) for quote in about.values())
    sender, receiver = endpoint(INSIDE, 5000), endpoint(PEER, 5060)
    quote = quote_in(first).readdressed(sender, receiver, -16)
    inside = readdress_error(parsed(first), quote, address_of(ROUTER), sender.address)
    assert renumbered(first, inside) == second
    assert renumbered(second, inside) is None
    datagram = icmp_error(ROUTER, OUTSIDE, udp(f"{OUTSIDE}:61000", f"{PEER}:53"))
    assert renumbered(datagram, translated(datagram, 5000, 53)) is None
    assert renumbered(first[:40], inside) is None


@pytest.mark.parametrize("fragment", [1, 185])
def test_a_later_fragment_has_no_ports_to_read(fragment: int) -> None:
    quote = quote_in(icmp_error(ROUTER, OUTSIDE, udp(f"{OUTSIDE}:61000", f"{PEER}:53", frag=fragment)))
    assert (quote.sender, quote.receiver) == (endpoint(OUTSIDE), endpoint(PEER))


def test_a_first_fragment_has() -> None:
    quote = quote_in(icmp_error(ROUTER, OUTSIDE, udp(f"{OUTSIDE}:61000", f"{PEER}:53", flags="MF")))
    assert quote.sender == endpoint(OUTSIDE, 61000)


@pytest.mark.parametrize("about", [b"", bytes(19), b"\x41" + bytes(30), b"\x4f" + bytes(40), bytes(IPv6() / UDP())])
def test_what_is_no_ipv4_packet_is_no_quote(about: bytes) -> None:
    assert quoted(parsed(icmp_error(ROUTER, OUTSIDE, about))) is None


@given(st.binary(max_size=60), st.sampled_from([1, 6, 17, 47]), st.integers(5, 15))
def test_whatever_is_quoted_can_be_changed(data: bytes, protocol: int, words: int) -> None:
    about = bytes([0x40 | words]) + data[:8].ljust(8, b"\0") + bytes([protocol]) + data[8:].ljust(10, b"\0")
    error = icmp_error(ROUTER, OUTSIDE, about)
    quote = quoted(parsed(error))
    if quote is not None:
        assert len(translated(error, 5000, 53)) == len(error)
