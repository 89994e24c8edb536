"""One configuration and its packets, through both gateways."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kit.agreement.exceptions import excepted
from kit.agreement.judge import Judge, as_it_came
from kit.agreement.steps import Sent, Step
from kit.namespaces import Namespace
from kit.subjects.live import Live
from kit.subjects.replay import Replay
from kit.wires import Wires

_MUTE = "add table ip mute; add chain ip mute output { type filter hook output priority 300; policy drop; }"
"""The machine itself says nothing: it answers packets that are for nobody, and the engine does not."""


class Trial:
    """Puts packets through the engine and the kernel, and holds the one to the other.

    Attributes:
        model, real: the two.
        pairs: how many packets were compared, each by the configuration of then.
        kinds: how many of each kind of step; and of each exception.
        left: how many packets left.
    """

    def __init__(self, model: Replay, real: Live) -> None:
        self.model = model
        self.real = real
        self.pairs = self.left = 0
        self.kinds: Counter[str] = Counter()

    def differences(self, config: str, steps: Sequence[Step], real_config: str | None = None) -> str:
        """What the two do differently with the first packet about which they do; nothing if they agree about all.

        `real_config` is what the kernel is given in its place, to see that a difference is found.
        """
        self.model.begin(config)
        self.real.begin(real_config or config)
        judge = Judge(self.model.engine)
        modelled: list[Sent | None] = []
        real: list[Sent | None] = []
        for step in steps:
            told = self._take(step, judge, modelled, real)
            if told:
                story = "\n".join(str(sent.arrives.packet.hex()) for sent in modelled if sent)
                return f"{step}\n{told}\npackets until then, the last one is it:\n{story}"
        return ""

    def _take(self, step: Step, judge: Judge, modelled: list[Sent | None], real: list[Sent | None]) -> str:
        arrives, arrives_really = step.arrives(modelled), step.arrives(real)
        why = "nothing to do"
        if arrives is not None and arrives_really is not None:
            why = excepted(self.model.engine, arrives, arrives_really)
        if arrives is None or arrives_really is None or why:
            self.kinds[why] += 1
            modelled.append(None)
            real.append(None)
            return ""
        self.pairs += 1
        self.kinds[type(step).__name__] += 1
        left = self.model.send(arrives.packet, arrives.side)
        really = [as_it_came(one) for one in self.real.send(arrives_really.packet, arrives_really.side)]
        modelled.append(Sent(arrives, left[0] if left else None))
        real.append(Sent(arrives_really, really[0] if really else None))
        self.left += len(left)
        if len(left) > 1 or len(really) > 1:
            return f"several packets: {len(left)} of the model, {len(really)} of the kernel"
        return judge.difference(left[0] if left else None, really[0] if really else None)


@contextmanager
def open_trial(directory: Path) -> Iterator[Trial]:
    """A trial in network namespaces of its own; the directory is for the gateway's journal."""
    with ExitStack() as stack:
        gateway, far = Namespace.make(), Namespace.make()
        stack.callback(far.remove)
        stack.callback(gateway.remove)
        live = Live(Wires(gateway, far, stack), stack, directory)
        gateway.run("nft", _MUTE)
        yield Trial(Replay(), live)
