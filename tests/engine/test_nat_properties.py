"""Any traffic, any bytes, any time: nothing raises, nothing leaks, and what arrives is what was sent."""

from contextlib import suppress
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorman.algs.api import Refused
from doorman.engine.results import Fate, Side
from doorman.net.fragments import fragment
from doorman.net.packet import parse_packet
from kit.gateway import OVERLOAD, POOL, SHARED_POOL, STATIC, STATIC_PORT, Gateway, gateway
from kit.packets import MAKERS, Maker, gre, icmp_error, ping, tcp, udp

CONFIGS = st.sampled_from([OVERLOAD, POOL, SHARED_POOL, STATIC, STATIC_PORT])
INSIDE = st.sampled_from(["192.168.1.10", "192.168.1.11", "192.168.1.5", "192.168.1.6"])
OUTSIDE = st.sampled_from(["198.51.100.7", "198.51.100.8"])
GLOBAL = st.sampled_from(["203.0.113.1", "203.0.113.5", "203.0.113.20"])
PORTS = st.sampled_from([0, 53, 5000, 5060])
MAKER: st.SearchStrategy[Maker] = st.sampled_from(list(MAKERS.values()))
SIP = (
    b"OPTIONS sip:a@192.0.2.66 SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK1\r\nCall-ID: 1\r\n"
    b"From: <sip:b@192.168.1.10>;tag=1\r\nTo: <sip:a@192.0.2.66>\r\nCSeq: 1 OPTIONS\r\n"
    b"Contact: <sip:b@192.168.1.10:5060>\r\nContent-Length: 0\r\n\r\n"
)


class Step(NamedTuple):
    """A packet that arrives on a side, some time after the one before."""

    packet: bytes
    side: Side
    after: float


@st.composite
def packets(draw: st.DrawFn, senders: st.SearchStrategy[str], receivers: st.SearchStrategy[str]) -> bytes:
    host, peer = draw(senders), draw(receivers)
    source, target = f"{host}:{draw(PORTS)}", f"{peer}:{draw(PORTS)}"
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return udp(source, target, draw(st.sampled_from([b"", b"data", SIP if host in SIP.decode() else b"odd"])))
    if kind == 1:
        return tcp(source, target, draw(st.sampled_from(["S", "SA", "A", "FA", "R"])))
    if kind == 2:
        return ping(source, target, draw(PORTS), draw(st.sampled_from(["echo-request", "echo-reply"])))
    if kind == 3:
        return gre(source, target)
    if kind == 4:
        return icmp_error(source, target, draw(MAKER)(target, source)[: draw(st.integers(20, 40))])
    return draw(st.sampled_from(fragment(udp(source, target, bytes(100)), 68)))


OUTBOUND = packets(INSIDE, OUTSIDE | GLOBAL | INSIDE)
INBOUND = packets(OUTSIDE, GLOBAL | INSIDE)
PAUSES = st.sampled_from([0.0, 0.0, 0.5, 59.0, 200.0, 4000.0])
STEPS = st.lists(
    st.builds(Step, OUTBOUND, st.just(Side.INSIDE), PAUSES) | st.builds(Step, INBOUND, st.just(Side.OUTSIDE), PAUSES),
    max_size=15,
)
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def play(gate: Gateway, steps: list[Step]) -> None:
    for packet, side, after in steps:
        gate.now += after
        gate.engine.receive(packet, side, gate.now)


@QUICK
@given(CONFIGS, STEPS)
def test_when_all_is_over_nothing_is_left(config_text: str, steps: list[Step]) -> None:
    gate = gateway(config_text)
    play(gate, steps)
    state = gate.engine.state
    assert {way.session for way in state.sessions.outward.values()} == {
        way.session for way in state.sessions.inward.values()
    }
    gate.wait(1e6)
    gate.wait(1)  # what an ALG gives up then closes its doors within a second
    assert (state.sessions.outward, state.sessions.inward, list(state.doors)) == ({}, {}, [])
    assert all(binding.static and not binding.sessions and not binding.doors for binding in state.bindings)
    assert all_names_can_be_had(gate)


def all_names_can_be_had(gate: Gateway) -> bool:
    """Whether no port of any address is taken but those of statics, and no address of any pool."""
    bindings = gate.engine.state.bindings
    fixed = {(binding.protocol, binding.global_) for binding in bindings}
    for (protocol, address), space in bindings.holdings._spaces.items():  # noqa: SLF001 - else 64,000 packets for each
        for taken, name in fixed:
            if (taken, name.address) == (protocol, address):
                space.release(name.port)
        if not space.claim(0, 65_536):
            return False
    return not any(rule.pool._leased for rule in gate.engine.state.rules.dynamic)  # noqa: SLF001 - else as many hosts


@QUICK
@given(CONFIGS, STEPS, st.lists(packets(OUTSIDE, INSIDE), max_size=5))
def test_what_the_outside_must_have_sent_arrives_as_these_very_bytes(
    config_text: str, steps: list[Step], wanted: list[bytes]
) -> None:
    gate = gateway(config_text)
    play(gate, steps)
    for packet in wanted:
        with suppress(Refused):
            result = gate.engine.receive(gate.engine.as_sent(packet), Side.OUTSIDE, gate.now)
            assert result.fate in {Fate.DROPPED, Fate.HELD} or result.packet == packet


@QUICK
@given(CONFIGS, packets(INSIDE, OUTSIDE), st.sampled_from([b"", b"odd", b"a longer answer"]))
def test_an_answer_always_arrives(config_text: str, packet: bytes, data: bytes) -> None:
    gate = gateway(config_text)
    first = gate.engine.receive(packet, Side.INSIDE, 0.0)
    parsed = parse_packet(packet)
    assert parsed is not None
    if first.fate != Fate.FORWARDED or parsed.protocol not in {6, 17}:
        return
    make = MAKERS["udp" if parsed.protocol == 17 else "tcp"]
    answer = make(str(parsed.receiver), str(parsed.sender), data=data)
    arrived = gate.engine.receive(gate.engine.as_sent(answer), Side.OUTSIDE, 1.0)
    assert (arrived.fate, arrived.packet) == (Fate.FORWARDED, answer)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    packet = bytearray(draw(OUTBOUND | INBOUND | packets(OUTSIDE, INSIDE)))
    for _ in range(draw(st.integers(0, 3))):
        packet[draw(st.integers(0, len(packet) - 1))] = draw(st.integers(0, 255))
    return bytes(packet[: draw(st.integers(0, len(packet)))] if draw(st.booleans()) else packet)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(CONFIGS, st.lists(st.tuples(damaged() | st.binary(max_size=90), st.sampled_from(Side)), max_size=8))
def test_damaged_packets_have_outcomes(config_text: str, arriving: list[tuple[bytes, Side]]) -> None:
    gate = gateway(config_text)
    for packet, side in arriving:
        with suppress(Refused):
            gate.engine.as_sent(packet)
        result = gate.engine.receive(packet, side, gate.now)
        assert bool(result.reason) == (result.fate == Fate.DROPPED)
        assert "internal-error" not in result.reason
    gate.wait(1e6)
    assert not gate.engine.state.sessions


def test_a_lease_is_not_prolonged_by_a_gap_in_which_nothing_was_looked_at() -> None:
    """A signalling door ends when its call did, not when somebody found out; the host's address with it."""
    gate = gateway(POOL)
    gate.wait(0.5)
    gate.inside(udp("192.168.1.10:5060", "198.51.100.7:5060", SIP))
    gate.wait(1e6)
    gate.wait(1)
    assert list(gate.engine.state.bindings) == []
