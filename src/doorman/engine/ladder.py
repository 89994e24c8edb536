"""Ladders: which messages of a call went by, in short, for those who ask about one call.

    phone                      gateway                      peer
      | 10.0.0.10 -- INVITE ---> | 203.0.113.1 -- INVITE ---> |    a step: when, what, which way, between whom
      |                          | <-- 200 (INVITE) --------- |    on both sides, and why if it did not go on

They are kept beside the ALGs, which know nothing of them, from what the gateway tells those who watch; so the ladder of
a call stays for a while when the call is over. Of a message no bytes are kept. What is too much makes room for what is
new: in a call the oldest steps, over all calls the one that was silent for longest.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Final

from doorman.algs.api import About, Message, Outcome, Owner
from doorman.engine.inspection import Inspection
from doorman.engine.results import Fate, Result

MOST_STEPS: Final = 64
"""Of one call."""
MOST_BYTES: Final = 32 << 20
"""Of all ladders together, by the estimates below."""
LADDER_BYTES: Final = 1_000
STEP_BYTES: Final = 300
"""Of a ladder without steps and without its name, and of a step: measured, and rounded up."""

_LOOKED_BACK: Final = 8
"""Steps in which a message that is sent again is looked for."""
_DROPPED: Final = Fate.DROPPED


class Step:
    """A message that went by.

    Attributes:
        time: when it came first, in seconds of the engine's clock.
        name: what it is, as in `Outcome`.
        answers: what it answers, as in `About`.
        direction: which way it went.
        protocol: 17 or 6.
        path: between whom, as both sides see it.
        drop: why it did not go on, None where it did.
        digest: of its bytes.
        repeats: how often it came again.
    """

    __slots__ = ("answers", "digest", "direction", "drop", "name", "path", "protocol", "repeats", "time")

    def __init__(self, message: Message, outcome: Outcome, about: About, digest: int) -> None:
        self.time = message.now
        self.name = outcome.name
        self.answers = about.answers
        self.direction = message.direction
        self.protocol = message.protocol
        self.path = message.path
        self.drop = outcome.drop
        self.digest = digest
        self.repeats = 0


class Ladder:
    """What went by of one call.

    Attributes:
        owner: whose it is.
        begun: when its first message came, in seconds.
        steps: the newest of its messages, in order.
        earlier: how many were there before those.
    """

    __slots__ = ("begun", "earlier", "owner", "steps")

    def __init__(self, owner: Owner, begun: float) -> None:
        self.owner = owner
        self.begun = begun
        self.steps: list[Step] = []
        self.earlier = 0


class Ladders:
    """The ladders of many calls.

    Args:
        most_bytes: how much memory they may take, roughly.

    Attributes:
        repeated: how many messages were sent again, by name.
    """

    __slots__ = ("_bytes", "_ladders", "_most_bytes", "repeated")

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.repeated: Counter[str] = Counter()
        self._ladders: OrderedDict[Owner, Ladder] = OrderedDict()
        self._most_bytes = most_bytes
        self._bytes = 0

    def __iter__(self) -> Iterator[Ladder]:
        return iter(self._ladders.values())

    def __len__(self) -> int:
        return len(self._ladders)

    def find(self, owner: Owner) -> Ladder | None:
        """The ladder of a call."""
        return self._ladders.get(owner)

    def see(self, inspection: Inspection) -> None:
        """Take note of a message."""
        message, outcome = inspection.message, inspection.outcome
        about = outcome.about
        if about is None:
            return
        owner = about.owner
        ladder = self._ladders.get(owner)
        if ladder is None:
            ladder = self._ladders[owner] = Ladder(owner, message.now)
            self._bytes += _weight(ladder)
        else:
            self._ladders.move_to_end(owner)
        new, steps = Step(message, outcome, about, hash(message.data)), ladder.steps
        for at in range(len(steps) - 1, max(-1, len(steps) - 1 - _LOOKED_BACK), -1):
            step = steps[at]
            if step.direction is not new.direction:
                continue
            if step.digest == new.digest and step.drop == new.drop:
                step.repeats += 1
                self.repeated[step.name] += 1
                return
            if step.path is not new.path and step.path == new.path:
                new.path = step.path  # held once
        steps.append(new)
        self._bytes += STEP_BYTES
        self._make_room(ladder)

    def _make_room(self, ladder: Ladder) -> None:
        if len(ladder.steps) > MOST_STEPS:
            del ladder.steps[0]
            ladder.earlier += 1
            self._bytes -= STEP_BYTES
        while self._bytes > self._most_bytes and self._ladders:
            _, oldest = self._ladders.popitem(last=False)
            self._bytes -= _weight(oldest)


def judged(result: Result) -> tuple[Inspection, ...]:
    """The messages in a packet, and what became of each, also where something else than its ALG dropped the last."""
    if result.fate is not _DROPPED:
        return result.inspections
    return held_back(result.inspections, result.reason.partition(": ")[2] or result.reason)


def held_back(inspections: tuple[Inspection, ...], reason: str) -> tuple[Inspection, ...]:
    """Messages of which the last did not go on, for its ALG's reason or else for this one."""
    if not inspections or inspections[-1].outcome.drop is not None:
        return inspections
    last = inspections[-1]
    said = last.outcome
    outcome = Outcome(said.edits, said.effects, said.name, reason, said.about, said.withheld, reset=said.reset)
    return (*inspections[:-1], Inspection(last.alg, last.message, outcome, last.after))


def _weight(ladder: Ladder) -> int:
    return LADDER_BYTES + len(ladder.owner.name) + STEP_BYTES * len(ladder.steps)
