"""One run of the fuzzer: scripts are made of scripts, and those that fail become small files in the corpus.

A script that made the gateway do what no other did, or some line of it run that had not run before (looked at for one
in 25), is kept for this run, to make others of.
"""

import random
import resource
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from kit.fuzz.judge import Failure, Footprint
from kit.fuzz.minimise import minimise
from kit.fuzz.mutation import mutate
from kit.fuzz.script import Script, read_script
from kit.fuzz.seeds import seeds
from kit.fuzz.trial import run
from kit.fuzz.watch import Lines, Watch, signature

_WATCHED = 25
_MOST_PARENTS = 4_000
_MOST_GROWTH = 200_000
"""Kilobytes that the process may grow by, once the seeds have run."""
_ATTEMPTS = 2_000
_SLOW_ATTEMPTS = 100
"""Scripts that are tried for a smaller one."""
_RECENT = 0.3
"""What was found last leads further: how often it is taken."""


class Effort:
    """A run.

    Args:
        chance: what is drawn from.
        corpus: the folder of what failed, and where that is saved.
        limit: seconds of CPU time for a message.
        say: tells of each defect.

    Attributes:
        found: how often each defect was met.
        executions, messages: how many scripts were run, and messages in them.
    """

    def __init__(self, chance: random.Random, corpus: Path, limit: float, say: Callable[[str], None]) -> None:
        self.found: Counter[str] = Counter()
        self.executions = self.messages = 0
        self._chance = chance
        self._corpus = corpus
        self._limit = limit
        self._say = say
        self._parents: list[Script] = []
        self._seen: Footprint = set()
        self._lines: Lines = set()
        self._watch = Watch(self._lines)
        self._most = 0

    def begin(self) -> None:
        """Run the seeds, and what failed before."""
        kept = [read_script(path.read_bytes()) for path in sorted(self._corpus.glob("*.script"))]
        for script in [*kept, *seeds()]:
            if script.steps:
                self._attempt(script, watched=False)
                self._attempt(script, watched=True, kept=True)
        self._most = memory() + _MOST_GROWTH

    def go_on(self) -> None:
        """Run one script more."""
        parents, chance = self._parents, self._chance
        parent = chance.choice(parents[-50:] if chance.random() < _RECENT else parents)
        self._attempt(mutate(parent, parents, chance), watched=not self.executions % _WATCHED)
        if memory() > self._most:
            self.found["memory grows"] += 1
            self._most = memory() + _MOST_GROWTH

    def _attempt(self, script: Script, *, watched: bool, kept: bool = False) -> None:
        self.executions += 1
        self.messages += len(script.messages)
        try:
            seen, new = self._watch.run(script) if watched else (run(script, self._limit), 0)
        except Failure as failure:
            self._report(script, failure)
            return
        if (kept or new or not seen <= self._seen) and len(self._parents) < _MOST_PARENTS:
            self._parents.append(script)
        self._seen |= seen

    def _report(self, script: Script, failure: Failure) -> None:
        """Make a failing script small and save it, unless one like it is known."""
        defect = signature(script, failure)
        self.found[defect] += 1
        if self.found[defect] > 1:
            return
        attempts = _SLOW_ATTEMPTS if failure.kind in {"slow", "endless"} else _ATTEMPTS
        small = minimise(script, lambda candidate: self._fails_so(candidate, defect), attempts)
        path = self._corpus / f"{failure.kind}-{zlib.crc32(bytes(small)):08x}.script"
        path.write_bytes(bytes(small))
        self._say(f"FAILS: {failure}\n  {defect}\n  again: python tools/fuzz_sip.py --replay {path}")

    def _fails_so(self, script: Script, defect: str) -> bool:
        try:
            run(script, self._limit)
        except Failure as failure:
            return signature(script, failure) == defect
        return False

    def __str__(self) -> str:
        return (
            f"{self.executions} scripts of {self.messages} messages, {len(self._parents)} kept, {len(self._seen)} "
            f"outcomes, {len(self._lines)} lines, {memory() // 1000} MB, {len(self.found)} defects"
        )


def memory() -> int:
    """The most kilobytes that the process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
