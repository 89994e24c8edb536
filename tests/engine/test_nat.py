"""Ordinary traffic through the gateway: this packet in, that packet out."""

from collections.abc import Callable

import pytest

from doorman.engine.results import Fate, Side
from doorman.net.fragments import fragment
from kit.gateway import INTERFACES, OVERLOAD, POOL, SHARED_POOL, STATIC, STATIC_PORT, Gateway, gateway
from kit.packets import MAKERS, Maker, gre, icmp_error, ping, pong, quote_of, shown, tcp, udp

PHONE, OTHER = "192.168.1.10:5000", "192.168.1.11:5000"
PEER = "198.51.100.7:9000"


def tables(gate: Gateway) -> tuple[int, int, int]:
    """Dynamic bindings, sessions and doors."""
    state = gate.engine.state
    return sum(not binding.static for binding in state.bindings), len(state.sessions), len(state.doors)


# Out and back


@pytest.mark.parametrize("data", [b"", b"odd", b"sixteen bytes..."])
def test_a_datagram_goes_out_under_the_gateways_name_and_its_answer_comes_back(data: bytes) -> None:
    gate = gateway(OVERLOAD)
    assert gate.inside(udp(PHONE, PEER, data)) == "outside: udp 203.0.113.1:5000 > 198.51.100.7:9000"
    assert gate.outside(udp(PEER, "203.0.113.1:5000", data)) == "inside: udp 198.51.100.7:9000 > 192.168.1.10:5000"


def test_a_connection_does_too() -> None:
    gate = gateway(OVERLOAD)
    for _ in range(2):
        assert gate.inside(tcp(PHONE, PEER)) == "outside: tcp 203.0.113.1:5000 > 198.51.100.7:9000"
        assert gate.outside(tcp(PEER, "203.0.113.1:5000")) == "inside: tcp 198.51.100.7:9000 > 192.168.1.10:5000"


@pytest.mark.parametrize("identifier", [0, 7])
def test_a_ping_does_too_and_two_with_one_identifier_are_told_apart(identifier: int) -> None:
    gate = gateway(OVERLOAD)
    assert gate.inside(ping(PHONE, PEER, identifier)) == (
        f"outside: echo-request 203.0.113.1 > 198.51.100.7 id {identifier}"
    )
    other = int(gate.inside(ping(OTHER, PEER, identifier)).split()[-1])
    assert other != identifier
    assert gate.outside(pong(PEER, "203.0.113.1", other)) == (
        f"inside: echo-reply 198.51.100.7 > 192.168.1.11 id {identifier}"
    )
    assert gate.outside(pong(PEER, "203.0.113.1", identifier)) == (
        f"inside: echo-reply 198.51.100.7 > 192.168.1.10 id {identifier}"
    )


def test_a_static_host_is_reached_from_outside_with_every_protocol() -> None:
    gate = gateway(STATIC)
    assert gate.outside(udp(PEER, "203.0.113.5:69")) == "inside: udp 198.51.100.7:9000 > 192.168.1.5:69"
    assert gate.outside(tcp(PEER, "203.0.113.5:80")) == "inside: tcp 198.51.100.7:9000 > 192.168.1.5:80"
    assert gate.outside(ping(PEER, "203.0.113.5", 7)) == "inside: echo-request 198.51.100.7 > 192.168.1.5 id 7"
    assert gate.outside(gre(PEER, "203.0.113.5")) == "inside: protocol-47 198.51.100.7 > 192.168.1.5"
    assert gate.inside(tcp("192.168.1.5:80", PEER, "SA")) == "outside: tcp 203.0.113.5:80 > 198.51.100.7:9000"
    assert gate.inside(pong("192.168.1.5", PEER, 7)) == "outside: echo-reply 203.0.113.5 > 198.51.100.7 id 7"
    assert gate.inside(gre("192.168.1.5", "198.51.100.8")) == "outside: protocol-47 203.0.113.5 > 198.51.100.8"


def test_a_static_port_is_reached_from_outside_and_its_host_is_else_as_others() -> None:
    gate = gateway(STATIC_PORT)
    assert gate.outside(tcp(PEER, "203.0.113.1:8080")) == "inside: tcp 198.51.100.7:9000 > 192.168.1.6:80"
    assert gate.inside(tcp("192.168.1.6:80", PEER, "SA")) == "outside: tcp 203.0.113.1:8080 > 198.51.100.7:9000"
    assert gate.inside(tcp("192.168.1.6:80", "198.51.100.8:1")) == "outside: tcp 203.0.113.1:8080 > 198.51.100.8:1"
    assert gate.inside(udp("192.168.1.6:80", PEER)) == "outside: udp 203.0.113.1:80 > 198.51.100.7:9000"
    assert gate.outside(udp(PEER, "203.0.113.1:8080")) == "dropped: no-translation"


def test_a_pool_gives_each_host_an_address_of_its_own() -> None:
    gate = gateway(POOL)
    assert gate.mapped(udp(PHONE, PEER)) == "203.0.113.20:5000"
    assert gate.mapped(udp(OTHER, PEER)) == "203.0.113.21:5000"
    assert gate.mapped(tcp("192.168.1.10:22", PEER)) == "203.0.113.20:22"
    assert gate.inside(gre(PHONE, PEER)) == "outside: protocol-47 203.0.113.20 > 198.51.100.7"
    assert gate.outside(gre(PEER, "203.0.113.20")) == "inside: protocol-47 198.51.100.7 > 192.168.1.10"


def test_the_next_port_cannot_be_foretold() -> None:
    """RFC 6056."""

    def ports(seed: int) -> list[str]:
        gate = gateway(OVERLOAD, seed)
        return [gate.mapped(udp(f"192.168.1.{number}:5000", PEER)) for number in range(10, 30)]

    assert ports(1) == ports(1)
    assert len(set(ports(1)) & set(ports(2))) <= 2


# What is left alone


@pytest.mark.parametrize("make", [udp, tcp, gre])
def test_packets_between_two_inside_or_two_outside_hosts_pass_unchanged(make: Callable[[str, str], bytes]) -> None:
    gate = gateway(STATIC)
    for receive, source, target in (
        (gate.inside, PHONE, OTHER),
        (gate.inside, PEER, "198.51.100.8:1"),
        (gate.inside, PEER, PHONE),
        (gate.outside, PEER, "198.51.100.8:1"),
        (gate.outside, PEER, "192.168.1.99:1"),
    ):
        packet = make(source, target)
        assert receive(packet).startswith("passed ")
        assert gate.packet == packet
    assert tables(gate) == (0, 0, 0)


@pytest.mark.parametrize("kind", [3, 11])
def test_so_do_icmp_errors_between_them(kind: int) -> None:
    gate = gateway(STATIC)
    for receive, source, target in (
        (gate.inside, PHONE, OTHER),
        (gate.inside, PEER, "198.51.100.8:1"),
        (gate.outside, PEER, "198.51.100.8:1"),
    ):
        for about in (udp(target, source), b""):
            packet = icmp_error(source, target, about, kind)
            assert receive(packet).startswith("passed ")
            assert gate.packet == packet


def test_a_host_that_no_rule_names_passes_and_so_do_errors_for_it() -> None:
    gate = gateway(OVERLOAD.replace("access-list 1", "access-list 1 deny 192.168.1.66\naccess-list 1", 1))
    routed = "192.168.1.66:5000"
    assert gate.inside(udp(routed, PEER)) == "passed outside: udp 192.168.1.66:5000 > 198.51.100.7:9000"
    assert gate.outside(udp(PEER, routed)) == "passed inside: udp 198.51.100.7:9000 > 192.168.1.66:5000"
    assert gate.outside(icmp_error(PEER, routed, udp(routed, PEER))).startswith("passed inside: error 3")
    assert gate.inside(icmp_error(routed, PEER, udp(PEER, routed))).startswith("passed outside: error 3")


def test_so_do_errors_about_ports_that_no_rule_names() -> None:
    gate = gateway(STATIC_PORT.replace("permit 192.168.1.0 0.0.0.255", "deny any"))
    refused = icmp_error("192.168.1.6", "198.51.100.7", udp(PEER, "192.168.1.6:81"))
    assert gate.inside(refused) == "passed outside: error 3 192.168.1.6 > 198.51.100.7"
    refused = icmp_error("192.168.1.6", "198.51.100.7", tcp(PEER, "192.168.1.6:80"))
    assert gate.inside(refused) == "dropped: icmp-error-without-session"


def test_ipv6_passes() -> None:
    gate = gateway(OVERLOAD)
    packet = bytes.fromhex("6000000000083a40") + bytes(15) + b"\1" + bytes(15) + b"\2" + b"\x80" + bytes(7)
    for side in Side:
        result = gate.engine.receive(packet, side, 0.0)
        assert (result.fate, result.packet) == (Fate.PASSED, packet)


# What is dropped, and hurts nobody else


def test_nobody_comes_in_unasked() -> None:
    gate = gateway(OVERLOAD)
    assert gate.outside(udp(PEER, "203.0.113.1:5000")) == "dropped: no-translation"
    gate.inside(udp(PHONE, PEER))
    assert gate.outside(udp("192.0.2.66:9000", "203.0.113.1:5000")) == "dropped: no-session-or-door"
    assert gate.outside(tcp(PEER, "203.0.113.1:5000")) == "dropped: no-translation"
    assert gate.outside(ping(PEER, "203.0.113.1", 7)) == "dropped: no-translation"
    assert gate.engine.drops == {"no-translation": 3, "no-session-or-door": 1}


def test_a_protocol_without_ports_cannot_share_an_address() -> None:
    gate = gateway(OVERLOAD)
    assert gate.inside(gre(PHONE, PEER)) == "dropped: protocol-without-ports"
    assert tables(gate) == (0, 0, 0)


def test_an_exhausted_pool_drops_newcomers_only() -> None:
    gate = gateway(POOL)
    gate.inside(udp(PHONE, PEER))
    gate.inside(udp(OTHER, PEER))
    for _ in range(2):
        assert gate.inside(udp("192.168.1.12:5000", PEER)) == "dropped: pool-exhausted"
    assert tables(gate) == (2, 2, 0)
    assert gate.mapped(udp("192.168.1.10:6000", PEER)) == "203.0.113.20:6000"
    assert gate.outside(udp(PEER, "203.0.113.21:5000")).startswith("inside: ")


def test_exhausted_ports_drop_newcomers_only() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(udp(PHONE, PEER))
    take_all_ports(gate)
    assert gate.inside(udp("192.168.1.12:6000", PEER)) == "dropped: ports-exhausted"
    assert tables(gate) == (1, 1, 0)
    assert gate.mapped(udp(PHONE, "198.51.100.8:1")) == "203.0.113.1:5000"
    assert gate.mapped(tcp("192.168.1.12:6000", PEER)) == "203.0.113.1:6000"


def take_all_ports(gate: Gateway) -> None:
    """Leave no UDP port of the gateway's address, as 64,000 phones would."""
    space = gate.engine.state.bindings.holdings.space(17, b"\xcb\x00\x71\x01")  # type: ignore[arg-type]
    for port in range(65_536):
        space.claim(port)


@pytest.mark.parametrize("packet", [b"", b"\x45", bytes(40), b"\x4f" + bytes(39), b"\x65" * 39])
def test_what_is_no_packet_is_dropped(packet: bytes) -> None:
    gate = gateway(OVERLOAD)
    for side in Side:
        assert gate.engine.receive(packet, side, 0.0).reason == "damaged-packet"
    assert gate.engine.as_sent(packet) == packet


@pytest.mark.parametrize("protocol", [1, 6, 17])
@pytest.mark.parametrize("length", [0, 7])
def test_a_header_cut_short_cannot_share_an_address(protocol: int, length: int) -> None:
    packet = gre(PHONE, PEER)[:20] + bytes(length)
    packet = packet[:9] + bytes([protocol]) + packet[10:]
    for config_text, reason in ((OVERLOAD, "protocol-without-ports"), (POOL, "")):
        gate = gateway(config_text)
        assert gate.engine.receive(packet, Side.INSIDE, 0.0).reason == reason


# Back in again: hairpin


def test_inside_hosts_meet_under_their_global_names() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(udp(PHONE, "203.0.113.1:5002"))
    assert gate.inside(udp("192.168.1.11:5002", "203.0.113.1:5000")) == (
        "inside: udp 203.0.113.1:5002 > 192.168.1.10:5000"
    )
    assert gate.inside(udp(PHONE, "203.0.113.1:5002")) == "inside: udp 203.0.113.1:5000 > 192.168.1.11:5002"


@pytest.mark.parametrize("config_text", [STATIC, SHARED_POOL + "ip nat inside source static 192.168.1.5 203.0.113.5\n"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_static_host_answers_an_inside_host(name: str, config_text: str) -> None:
    gate, make = gateway(config_text), MAKERS[name]
    sent = gate.inside(make(PHONE, "203.0.113.5:80"))
    seen_as = sent.split()[2]
    assert sent == f"inside: {name} {seen_as} > 192.168.1.5:80"
    for _ in range(2):
        assert gate.inside(make("192.168.1.5:80", seen_as)) == f"inside: {name} 203.0.113.5:80 > 192.168.1.10:5000"
        assert gate.inside(make(PHONE, "203.0.113.5:80")) == sent


def test_a_static_host_calls_an_inside_host_that_asked_for_it() -> None:
    gate = gateway(STATIC_PORT)
    assert gate.inside(tcp("192.168.1.10:7", "203.0.113.1:8080")) == "inside: tcp 203.0.113.1:7 > 192.168.1.6:80"
    assert gate.inside(tcp("192.168.1.6:80", "203.0.113.1:7")) == "inside: tcp 203.0.113.1:8080 > 192.168.1.10:7"


def test_a_host_meets_itself() -> None:
    gate = gateway(STATIC)
    assert gate.inside(udp("192.168.1.5:9", "203.0.113.5:7")) == "inside: udp 203.0.113.5:9 > 192.168.1.5:7"
    assert gate.inside(udp("192.168.1.5:7", "203.0.113.5:9")) == "inside: udp 203.0.113.5:7 > 192.168.1.5:9"
    assert gate.inside(udp("192.168.1.5:8", "203.0.113.5:8")) == "inside: udp 203.0.113.5:8 > 192.168.1.5:8"


def test_a_ping_and_an_error_go_back_in() -> None:
    gate = gateway(STATIC)
    assert gate.inside(ping(PHONE, "203.0.113.5", 7)) == "inside: echo-request 203.0.113.1 > 192.168.1.5 id 7"
    assert gate.inside(pong("192.168.1.5", "203.0.113.1", 7)) == "inside: echo-reply 203.0.113.5 > 192.168.1.10 id 7"
    gate.inside(udp(PHONE, "203.0.113.5:80"))
    arrived = gate.packet
    assert (
        gate.inside(icmp_error("192.168.1.5", "203.0.113.1", arrived)) == "inside: error 3 203.0.113.5 > 192.168.1.10"
    )
    assert shown(quote_of(gate.packet)) == "udp 192.168.1.10:5000 > 203.0.113.5:80"


@pytest.mark.parametrize("host", ["192.168.1.66", "10.9.9.9"])
def test_a_static_host_answers_a_host_that_has_no_name(host: str) -> None:
    gate = gateway(STATIC.replace("access-list 1", "access-list 1 deny 192.168.1.66\naccess-list 1", 1))
    for _ in range(2):
        assert gate.inside(udp(f"{host}:9", "203.0.113.5:7")) == f"inside: udp {host}:9 > 192.168.1.5:7"
        arrived = gate.packet
        assert gate.inside(udp("192.168.1.5:7", f"{host}:9")) == f"passed inside: udp 203.0.113.5:7 > {host}:9"
        answer = gate.packet
        refused = icmp_error("192.168.1.5", host, arrived)
        assert gate.inside(refused) == f"passed inside: error 3 203.0.113.5 > {host}"
        assert shown(quote_of(gate.packet)) == f"udp {host}:9 > 203.0.113.5:7"
        refused = icmp_error(host, "203.0.113.5", answer)
        assert gate.inside(refused) == f"inside: error 3 {host} > 192.168.1.5"
        assert shown(quote_of(gate.packet)) == f"udp 192.168.1.5:7 > {host}:9"
    assert gate.inside(udp(f"{host}:9", "203.0.113.1:7")) == "dropped: no-translation"


def test_an_unknown_global_name_is_dropped_though_asked_from_inside() -> None:
    assert gateway(OVERLOAD).inside(udp(PHONE, "203.0.113.1:7")) == "dropped: no-translation"


def test_no_address_is_leased_for_packets_to_nobody() -> None:
    gate = gateway(POOL)
    for host in (10, 11, 12):
        assert gate.inside(udp(f"192.168.1.{host}:5000", "203.0.113.21:7")) == "dropped: no-translation"
    assert tables(gate) == (0, 0, 0)


# ICMP errors


def test_a_damaged_error_is_dropped_but_one_cut_short_by_a_capture_passes() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(udp(PHONE, PEER))
    told = icmp_error("198.51.100.7", "203.0.113.1", gate.packet)
    damaged = told[:22] + bytes([told[22] ^ 16]) + told[23:]
    assert gate.outside(damaged) == "dropped: icmp-error-damaged"
    assert gate.outside(told).startswith("inside: error 3")
    assert gate.engine.receive(told[:-4], Side.OUTSIDE, 0.0).fate == Fate.FORWARDED
    between = icmp_error("198.51.100.7", "198.51.100.8", udp("198.51.100.8:1", PEER))
    between = between[:22] + bytes([between[22] ^ 16]) + between[23:]
    assert gate.engine.receive(between, Side.OUTSIDE, 0.0).fate == Fate.PASSED


@pytest.mark.parametrize("cut", [28, 36, 44])
@pytest.mark.parametrize("kind", [3, 4, 5, 11, 12])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_an_error_finds_the_sender_on_either_side(make: Maker, kind: int, cut: int) -> None:
    gate = gateway(OVERLOAD)
    sent = make(PHONE, PEER)
    seen = make(gate.mapped(sent), PEER)
    assert gate.outside(icmp_error("198.51.100.1", "203.0.113.1", seen[:cut], kind)) == (
        f"inside: error {kind} 198.51.100.1 > 192.168.1.10"
    )
    assert quote_of(gate.packet) == sent[:cut]
    gate.outside(make(PEER, "203.0.113.1:5000"))
    assert gate.inside(icmp_error(PHONE, PEER, gate.packet[:cut], kind)) == (
        f"outside: error {kind} 203.0.113.1 > 198.51.100.7"
    )
    assert quote_of(gate.packet) == make(PEER, "203.0.113.1:5000")[:cut]


@pytest.mark.parametrize("identifier", [0, 7])
def test_an_error_about_a_query_finds_its_sender(identifier: int) -> None:
    gate = gateway(OVERLOAD)
    gate.inside(ping(OTHER, PEER, identifier))
    sent = ping(PHONE, PEER, identifier)
    gate.inside(sent)
    told = icmp_error("198.51.100.1", "203.0.113.1", gate.packet, 11, 0)
    assert gate.outside(told) == "inside: error 11 198.51.100.1 > 192.168.1.10"
    assert quote_of(gate.packet) == sent
    assert gate.engine.as_sent(gate.packet) == told


def test_an_error_about_gre_finds_its_sender() -> None:
    gate = gateway(POOL)
    gate.inside(gre(PHONE, PEER))
    gate.outside(icmp_error("198.51.100.1", "203.0.113.20", gate.packet, 3, 2))
    assert quote_of(gate.packet) == gre(PHONE, PEER)


def test_an_error_about_nothing_known_is_dropped() -> None:
    gate = gateway(OVERLOAD)
    assert gate.outside(icmp_error(PEER, "203.0.113.1", udp("203.0.113.1:1", PEER))) == (
        "dropped: icmp-error-without-session"
    )
    assert gate.inside(icmp_error(PHONE, PEER, udp(PEER, PHONE))) == "dropped: icmp-error-without-session"
    assert gate.outside(icmp_error(PEER, "203.0.113.1", b"")) == "dropped: icmp-error-without-quote"


def test_an_error_neither_ends_nor_prolongs_a_session() -> None:
    gate = gateway(OVERLOAD)
    seen = udp(gate.mapped(udp(PHONE, PEER)), PEER)
    gate.wait(200)
    assert gate.outside(icmp_error(PEER, "203.0.113.1", seen)).startswith("inside: ")
    assert gate.engine.state.sessions
    gate.wait(101)
    assert tables(gate) == (0, 0, 0)


# Time


TIMES = (
    "ip nat translation udp-timeout 30\nip nat translation tcp-timeout 90\nip nat translation syn-timeout 70\n"
    "ip nat translation finrst-timeout 5\nip nat translation icmp-timeout 13\nip nat translation dns-timeout 7\n"
    "ip nat translation port-timeout udp 123 never\nip nat translation timeout 40\n"
)


def silence(gate: Gateway) -> int:
    """Seconds until the tables are empty; 999: never."""
    seconds = 0
    while tables(gate)[0]:
        gate.wait(1)
        seconds += 1
        if seconds == 999:
            break
    return seconds


@pytest.mark.parametrize(
    ("packet", "seconds"),
    [
        (udp(PHONE, PEER), 30),
        (udp(PHONE, "198.51.100.7:53"), 7),
        (udp(PHONE, "198.51.100.7:123"), 999),
        (ping(PHONE, PEER, 7), 13),
        (tcp(PHONE, PEER), 70),
    ],
)
def test_silence_ends_a_session_and_frees_its_name(packet: bytes, seconds: int) -> None:
    gate = gateway(OVERLOAD + TIMES)
    gate.inside(packet)
    assert silence(gate) == seconds


@pytest.mark.parametrize(("closing", "seconds"), [([], 90), (["FA"], 5), (["FA", "A"], 5), (["R"], 5), (["R", "A"], 5)])
def test_a_connection_lives_by_its_flags(closing: list[str], seconds: int) -> None:
    gate = gateway(OVERLOAD + TIMES)
    gate.inside(tcp(PHONE, PEER, "S"))
    gate.outside(tcp(PEER, "203.0.113.1:5000", "SA"))
    for flags in ["A", *closing]:
        gate.inside(tcp(PHONE, PEER, flags))
    assert silence(gate) == seconds


def test_a_connection_met_in_its_middle_lives_as_long_as_others() -> None:
    gate = gateway(OVERLOAD + TIMES)
    gate.inside(tcp(PHONE, PEER, "A"))
    gate.inside(tcp(PHONE, PEER, "A"))
    assert silence(gate) == 90


@pytest.mark.parametrize("side", Side)
def test_packets_of_either_side_keep_a_session(side: Side) -> None:
    gate = gateway(OVERLOAD + TIMES)
    gate.inside(udp(PHONE, PEER))
    for _ in range(5):
        gate.wait(29)
        text = gate.inside(udp(PHONE, PEER)) if side == Side.INSIDE else gate.outside(udp(PEER, "203.0.113.1:5000"))
        assert not text.startswith("dropped")
    assert silence(gate) == 30


def test_a_leased_address_is_kept_while_its_host_is_silent_and_then_given_back() -> None:
    gate = gateway(POOL + TIMES)
    gate.inside(udp(PHONE, PEER))
    gate.inside(udp(OTHER, PEER))
    gate.wait(50)
    assert gate.mapped(udp(PHONE, PEER)) == "203.0.113.20:5000"
    gate.wait(19)
    assert gate.inside(udp("192.168.1.12:5000", PEER)) == "dropped: pool-exhausted"
    gate.wait(1)
    assert gate.mapped(udp("192.168.1.12:5000", PEER)) == "203.0.113.21:5000"
    assert silence(gate) == 70


# Fragments


def test_who_calls_waits_until_somebody_answers() -> None:
    """RFC 9293, section 3.10.7.3: only a SYN answers, and who waits for it sends another, or a reset."""
    gate = gateway(OVERLOAD)
    gate.inside(tcp(PHONE, PEER, "S"))
    name = gate.mapped(tcp(PHONE, PEER, "S"))
    assert gate.inside(tcp(PHONE, PEER, "A")) == "dropped: tcp-not-answered"
    assert gate.outside(tcp(PEER, name, "A")).startswith("inside: ")
    assert gate.inside(tcp(PHONE, PEER, "A")) == "dropped: tcp-not-answered"
    assert gate.outside(tcp(PEER, name, "SA")).startswith("inside: ")
    assert gate.inside(tcp(PHONE, PEER, "A")).startswith("outside: ")


def test_who_is_asked_does_not_ask_by_the_same_identifier() -> None:
    gate = gateway(OVERLOAD)
    gate.inside(ping(PHONE, PEER, 7))
    assert gate.outside(ping(PEER, "203.0.113.1", 7)) == "dropped: no-session-or-door"
    assert gate.outside(pong(PEER, "203.0.113.1", 7)).startswith("inside: ")


def test_fragments_are_put_together_on_both_sides() -> None:
    gate = gateway(OVERLOAD)
    whole = udp(PHONE, PEER, bytes(range(256)) * 9)
    first, *middle, last = fragment(whole, 600)
    assert [gate.inside(piece) for piece in (last, *middle)] == ["held"] * (len(middle) + 1)
    assert gate.inside(first) == "outside: udp 203.0.113.1:5000 > 198.51.100.7:9000"
    back = udp(PEER, "203.0.113.1:5000", bytes(range(256)) * 9)
    *before, last = fragment(back, 600)
    assert {gate.outside(piece) for piece in before} == {"held"}
    assert gate.outside(last) == "inside: udp 198.51.100.7:9000 > 192.168.1.10:5000"
    assert gate.packet == udp(PEER, PHONE, bytes(range(256)) * 9)


def test_the_sides_do_not_mix_their_fragments() -> None:
    gate = gateway(OVERLOAD)
    first, last = fragment(udp(PEER, "203.0.113.1:5000", bytes(900)), 600)
    assert gate.outside(first) == "held"
    assert gate.inside(last) == "held"


def test_overlapping_and_missing_fragments_are_dropped_with_their_reason() -> None:
    gate = gateway(OVERLOAD)
    first, _ = fragment(udp(PHONE, PEER, bytes(900)), 600)
    other, _ = fragment(udp(PHONE, PEER, b"x" * 900), 600)
    assert [gate.inside(first), gate.inside(other)] == ["held", "dropped: overlapping fragments"]
    gate.outside(fragment(udp(PEER, "203.0.113.1:5000", bytes(900)), 600)[0])
    gate.wait(31)
    assert gate.engine.drops["fragments missing"] == 1


def test_no_inside_interface_no_translation() -> None:
    bare = INTERFACES.replace(" ip nat inside\n", "") + "ip nat inside source list 1 interface out0 overload\n"
    assert gateway(bare).mapped(udp(PHONE, PEER)) == "203.0.113.1:5000"


def test_names_that_are_kept_for_later_can_be_taken_back_at_once() -> None:
    gate = gateway(POOL)
    gate.mapped(udp(PHONE, PEER))
    state = gate.engine.state
    assert state.free_unused(lambda _: True) == 0  # it is in use
    for session in list(state.sessions):
        state.cut_session(session, gate.now)
    assert tables(gate) == (1, 0, 0)
    assert state.free_unused(lambda binding: str(binding.local) == "192.168.1.99:0") == 0
    assert state.free_unused(lambda _: True) == 1
    assert tables(gate) == (0, 0, 0)
    gate.wait(100_000)
    assert gate.mapped(udp(OTHER, PEER)) == "203.0.113.21:5000"
    assert gate.mapped(udp(PHONE, PEER)) == "203.0.113.20:5000"
