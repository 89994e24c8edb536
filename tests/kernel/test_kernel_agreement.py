"""Random configurations, random packets: the engine and the kernel with our rules do the same with each."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings

from doorman.engine.results import Side
from doorman.net.checksum import is_valid
from doorman.net.fragments import fragment
from kit.agreement.gateways import INTERFACES, Lines, configurations
from kit.agreement.steps import DAMAGES, Answer, Begin, Refuse, RefuseFragment, Step, exchanges
from kit.agreement.trial import Trial
from kit.conformance.gate import ends_of
from kit.packets import icmp_error, udp

CONFIGURATIONS = 220
PAIRS = 2_000
"""What issue 5 asks for."""


def test_engine_and_kernel_agree(trial: Trial) -> None:
    @given(configurations, exchanges)
    @settings(
        max_examples=CONFIGURATIONS,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def agree(lines: Lines, steps: list[Step]) -> None:
        told = trial.differences("\n".join(lines) + "\n", steps)
        assert not told, "\n".join(["", *lines, "", told])

    agree()
    assert trial.pairs >= PAIRS, trial.kinds
    assert trial.left >= PAIRS / 3
    assert min(trial.kinds[kind] for kind in ("Begin", "Answer", "Again", "Intrude", "Refuse")) >= PAIRS / 50


ERRORS = (
    INTERFACES
    + """
access-list 1 permit 192.168.1.0 0.0.0.255
ip nat inside source static 192.168.1.5 203.0.113.5
ip nat inside source list 1 interface out0 overload
"""
)
FLOWS = (
    Begin("udp", Side.INSIDE, "192.168.1.10:5000", "198.51.100.7:9"),
    Begin("tcp", Side.INSIDE, "192.168.1.10:5000", "198.51.100.7:9"),
    Begin("echo-request", Side.INSIDE, "192.168.1.10:5000", "198.51.100.7:9"),
    Begin("udp", Side.OUTSIDE, "198.51.100.7:9", "203.0.113.5:5000"),
    Begin("udp", Side.INSIDE, "192.168.1.10:5000", "203.0.113.5:5000"),
)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: f"{flow.kind}-{flow.sender}-{flow.receiver}")
def test_they_agree_about_errors_of_all_kinds(trial: Trial, flow: Begin) -> None:
    """Whole and truncated quotes, extensions, wrong checksums, of the receiver and of a router."""
    variants = itertools.product(("", "198.51.100.1"), (200, 12, 8, 7, 4, 0), (False, True), DAMAGES)
    steps = [step for variant in variants for step in (flow, Refuse(0, variant[0], 3, 4, *variant[1:]))]
    before = trial.pairs
    told = trial.differences(ERRORS, steps)
    assert not told, told
    assert trial.pairs == before + len(steps)


KINDS = (
    *((3, code) for code in range(16)),
    *((4, 0), (11, 0), (11, 1), (12, 0), (12, 1), (12, 2)),
)
"""Every error about a packet (RFC 792, 1122, 1812); a redirect is the one exception, see docs/rfc.md."""


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: f"{flow.kind}-{flow.sender}-{flow.receiver}")
def test_they_agree_about_every_type_and_code(trial: Trial, flow: Begin) -> None:
    """From the receiver and from a router in turn, some with extensions."""
    variants = zip(KINDS, itertools.cycle(("", "198.51.100.1")), itertools.cycle((False, False, True)), strict=False)
    steps = [step for kind, by, extended in variants for step in (flow, Refuse(0, by, *kind, 8, extended))]
    before, left = trial.pairs, trial.left
    told = trial.differences(ERRORS, steps)
    assert not told, told
    assert trial.pairs == before + len(steps)
    assert trial.left == left + len(steps), "one of them was let through by neither"


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: f"{flow.kind}-{flow.sender}-{flow.receiver}")
@pytest.mark.parametrize(("more", "offset", "passes"), [(True, 0, True), (True, 185, False), (False, 370, False)])
def test_they_agree_about_a_quoted_fragment(
    trial: Trial,
    flow: Begin,
    more: bool,  # noqa: FBT001 - a parameter of the test
    offset: int,
    passes: bool,  # noqa: FBT001 - the same
) -> None:
    """A first one tells the ports of its flow; what later ones quote nobody can tell, and they do not pass."""
    steps = [
        step
        for kind in ((3, 3), (3, 4), (11, 1))
        for step in (flow, RefuseFragment(Refuse(0, "", *kind, 8), offset, more=more))
    ]
    left = trial.left
    difference = trial.differences(ERRORS, steps)
    assert not difference, difference
    assert trial.left == left + len(steps) // (1 if passes else 2)


@pytest.mark.parametrize("order", [1, -1])
def test_they_agree_about_an_error_in_fragments(trial: Trial, order: int) -> None:
    for gateway in (trial.model, trial.real):
        gateway.begin(ERRORS)
        [left] = gateway.send(udp("192.168.1.10:5000", "198.51.100.7:9", bytes(900)), Side.INSIDE)
        told = icmp_error("198.51.100.1", "203.0.113.1", left.packet)
        pieces = fragment(told, 620)[::order]
        arrived = [one for piece in pieces for one in gateway.send(piece, Side.OUTSIDE)]
        assert {one.side for one in arrived} == {Side.INSIDE}
        data = b"".join(one.packet[20:] for one in sorted(arrived, key=lambda one: one.packet[6] & 31))
        assert is_valid(data)
        assert ends_of(data[8:]) == ("192.168.1.10:5000", "198.51.100.7:9")


STATIC = "ip nat inside source static 192.168.1.5 203.0.113.5\n"
OTHER = STATIC.replace("203.0.113.5", "203.0.113.6")
OUT = Begin("udp", Side.INSIDE, "192.168.1.5:5000", "198.51.100.7:9")
IN = Begin("udp", Side.OUTSIDE, "198.51.100.7:9", "203.0.113.5:5000")


@pytest.mark.parametrize(("model", "real"), [(STATIC, OTHER), (OTHER, STATIC), (STATIC, ""), ("", STATIC)])
@pytest.mark.parametrize("steps", [(OUT,), (IN, Answer(0))])
def test_a_difference_of_rules_is_found(trial: Trial, model: str, real: str, steps: tuple[Step, ...]) -> None:
    model, real = f"{INTERFACES}\n{model}", f"{INTERFACES}\n{real}"
    assert not trial.differences(model, steps)
    assert "model: " in trial.differences(model, steps, real)
