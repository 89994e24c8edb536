"""How a figure is taken and printed: one JSON line each, with what it is held against."""

import gc
import json
import time
from collections.abc import Callable

from doorman.engine import engine
from doorman.memory import settle_collector

settle_collector()  # as the gateway itself does


def rate(work: Callable[[], int], rounds: int = 7) -> float:
    """Things per second: the best of several rounds, each of which says how many things it did.

    What else happens on a shared machine only ever takes time away; the median says more about the neighbours.
    """
    rates = []
    for _ in range(rounds):
        gc.collect()
        start = time.perf_counter()
        done = work()
        rates.append(done / (time.perf_counter() - start))
    return max(rates)


def figure(name: str, value: float, unit: str, target: str, **details: object) -> None:
    """Print a figure; `target` is what the project has set itself."""
    build = "interpreted" if engine.__file__.endswith(".py") else "compiled"
    told = {"figure": name, "value": round(value, 3), "unit": unit, "target": target, "build": build, **details}
    print(json.dumps(told), flush=True)
