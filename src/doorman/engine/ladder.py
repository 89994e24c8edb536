"""Ladders: which messages of a call went by, in short, for those who ask about one call.

    phone                      gateway                      peer
      | 10.0.0.10 -- INVITE ---> | 203.0.113.1 -- INVITE ---> |    a step: when, what, which way, between whom
      |                          | <-- 200 (INVITE) --------- |    on both sides, and why if it did not go on

They are kept beside the ALGs, which know nothing of them, from what the gateway tells those who watch; so the ladder of
a call stays for a while when the call is over. Of a message no bytes are kept. What is too much makes room for what is
new: in a call the oldest steps, over all calls the one that was silent for longest.
"""

from collections import Counter, deque
from collections.abc import Iterator
from typing import Final

from doorman.algs.api import Message, Outcome, Owner, Path
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

    def __init__(self, message: Message, outcome: Outcome, path: Path, digest: int) -> None:
        self.time = message.now
        self.name = outcome.name
        self.answers = outcome.answers
        self.direction = message.direction
        self.protocol = message.protocol
        self.path = path
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
        moved: when something went by, by the number of messages that had, over all calls.
        queued: when it was put among those that may have to make room.
    """

    __slots__ = ("begun", "earlier", "moved", "owner", "queued", "steps")

    def __init__(self, owner: Owner, begun: float) -> None:
        self.owner = owner
        self.begun = begun
        self.steps: list[Step] = []
        self.earlier = 0
        self.moved = 0
        self.queued = 0


class Ladders:
    """The ladders of many calls.

    Args:
        most_bytes: how much memory they may take, roughly.

    Attributes:
        repeated: how many messages were sent again, by name.
    """

    __slots__ = ("_bytes", "_ladders", "_most_bytes", "_queue", "_seen", "repeated")

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.repeated: Counter[str] = Counter()
        self._ladders: dict[Owner, Ladder] = {}
        self._queue: deque[Ladder] = deque()
        self._most_bytes = most_bytes
        self._bytes = 0
        self._seen = 0

    def __iter__(self) -> Iterator[Ladder]:
        """Those in which nothing has moved for longest first."""
        return iter(sorted(self._ladders.values(), key=_moved))

    def __len__(self) -> int:
        return len(self._ladders)

    def find(self, owner: Owner) -> Ladder | None:
        """The ladder of a call."""
        return self._ladders.get(owner)

    def see(self, inspection: Inspection) -> None:
        """Take note of a message."""
        message, outcome = inspection.message, inspection.outcome
        owner = outcome.owner
        if owner is None:
            return
        self._seen += 1
        ladder = self._ladders.get(owner) or self._begin(owner, message.now)
        ladder.moved = self._seen
        steps, direction, digest, path = ladder.steps, message.direction, inspection.digest, message.path
        for at in range(len(steps) - 1, max(-1, len(steps) - 1 - _LOOKED_BACK), -1):
            step = steps[at]
            if step.direction is not direction:
                continue
            if step.digest == digest and step.drop == outcome.drop and step.name == outcome.name:
                step.repeats += 1
                self.repeated[step.name] += 1
                return
            if step.path is not path and step.path == path:
                path = step.path  # held once
        steps.append(Step(message, outcome, path, digest))
        self._bytes += STEP_BYTES
        if len(steps) > MOST_STEPS:
            del steps[0]
            ladder.earlier += 1
            self._bytes -= STEP_BYTES
        if self._bytes > self._most_bytes:
            self._make_room()

    def _begin(self, owner: Owner, now: float) -> Ladder:
        ladder = self._ladders[owner] = Ladder(owner, now)
        ladder.queued = self._seen
        self._queue.append(ladder)
        self._bytes += _weight(ladder)
        return ladder

    def _make_room(self) -> None:
        """Give up what was silent for longest; what moved since it was queued is queued anew, and only then."""
        while self._bytes > self._most_bytes:
            ladder = self._queue.popleft()
            if ladder.queued < ladder.moved:
                ladder.queued = ladder.moved
                self._queue.append(ladder)
            else:
                del self._ladders[ladder.owner]
                self._bytes -= _weight(ladder)


def _moved(ladder: Ladder) -> int:
    return ladder.moved


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
    outcome = said.instead(said.edits, said.effects, reason, said.withheld)
    return (*inspections[:-1], last.judged(outcome))


def _weight(ladder: Ladder) -> int:
    return LADDER_BYTES + len(ladder.owner.name) + STEP_BYTES * len(ladder.steps)
