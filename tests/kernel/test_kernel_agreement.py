"""Random configurations, random packets: the engine and the kernel with our rules do the same with each."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings

from doorman.engine.results import Side
from kit.agreement.gateways import INTERFACES, Lines, configurations
from kit.agreement.steps import Answer, Begin, Step, exchanges
from kit.agreement.trial import Trial
from kit.namespaces import Namespace
from kit.subjects.live import Live
from kit.subjects.replay import Replay
from kit.wires import Wires

CONFIGURATIONS = 170
PAIRS = 2_000
"""What issue 5 asks for."""
MUTE = "add table ip mute; add chain ip mute output { type filter hook output priority 300; policy drop; }"
"""The machine itself says nothing: it answers packets that are for nobody, and the engine does not."""


@pytest.fixture(scope="module")
def trial(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:  # noqa: ARG001 - its check
    with ExitStack() as stack:
        gateway, far = Namespace.make(), Namespace.make()
        stack.callback(far.remove)
        stack.callback(gateway.remove)
        live = Live(Wires(gateway, far, stack), stack, tmp_path_factory.mktemp("agreement"))
        gateway.run("nft", MUTE)
        yield Trial(Replay(), live)


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
    assert trial.left >= PAIRS / 4
    assert min(trial.kinds[kind] for kind in ("Begin", "Answer", "Again", "Intrude", "Refuse")) >= PAIRS / 50


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
