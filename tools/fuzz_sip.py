"""Fuzz the SIP gateway for a while (`make fuzz`), or run again what failed: `--replay FILE`. See tests/kit/fuzz.

Each defect is saved as a small script in tests/fuzz/corpus, where the tests replay it for ever.
"""

import argparse
import random
import sys
import time
from pathlib import Path

_TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(_TESTS))

from kit.fuzz.effort import Effort  # noqa: E402 - found in the folder above
from kit.fuzz.script import read_script  # noqa: E402
from kit.fuzz.timing import LIMIT  # noqa: E402
from kit.fuzz.trial import run  # noqa: E402

_BETWEEN = 10.0
"""Seconds from one line of progress to the next."""


def main() -> int:
    """Fuzz, or replay; 1 if anything fails."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=600.0)
    options.add_argument("--seed", type=int, help="of the random numbers; another one each time otherwise")
    options.add_argument("--limit", type=float, default=LIMIT * 1000, help="milliseconds of CPU time for a message")
    options.add_argument("--corpus", type=Path, default=_TESTS / "fuzz" / "corpus", help="where what fails is saved")
    options.add_argument("--replay", type=Path, nargs="+", help="run these scripts, and nothing else")
    given = options.parse_args()
    if given.replay:
        for path in given.replay:
            run(read_script(path.read_bytes()), given.limit / 1000)
            print(f"{path}: nothing fails")
        return 0
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", flush=True)
    effort = Effort(random.Random(seed), given.corpus, given.limit / 1000, say)
    fuzz(effort, given.seconds)
    for defect, times in effort.found.most_common():
        print(f"{times:6} x {defect}")
    return 1 if effort.found else 0


def fuzz(effort: Effort, seconds: float) -> None:
    """Go on until the time is over."""
    effort.begin()
    begun = noted = time.monotonic()
    before = effort.executions
    say(f"the seeds: {effort}")
    now = begun
    while now < begun + seconds:
        effort.go_on()
        now = time.monotonic()
        if now > noted + _BETWEEN:
            noted = now
            say(f"{now - begun:.0f} s, {(effort.executions - before) / (now - begun):.0f}/s: {effort}")
    say(f"{now - begun:.0f} s, {(effort.executions - before) / (now - begun):.0f}/s: {effort}")


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
