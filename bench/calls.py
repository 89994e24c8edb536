"""A hundred thousand calls at once, two doors each: memory of a call, and whether the last opens like the first."""

import gc
import random
import time
import tracemalloc
from statistics import median

from doorman.algs.api import Direction, Message, Path
from doorman.algs.sip.alg import SipAlg
from doorman.engine.inspection import Inspector
from doorman.engine.state import State
from doorman.engine.views import Outward
from doorman.net.addresses import Endpoint, address_of
from doorman.net.packet import UDP
from figures import figure
from traffic import OUTSIDE, config, host, invite

CALLS = 100_000
HOSTS = 400
BATCH = 2_000


class Gateway:
    """The tables and ALGs of a gateway, fed with messages as the engine feeds them."""

    def __init__(self) -> None:
        settings = config()
        self.state = State(settings, random.Random(1).random)
        self.inspector = Inspector(settings.services)

    def open(self, calls: range) -> None:
        """Begin calls."""
        state, server = self.state, Endpoint(OUTSIDE, 5060)
        for call in calls:
            name = host(call % HOSTS)
            own = Endpoint(address_of(name), 5060)
            nat = Outward(state.names, own.address)
            path = Path(own, server, nat.translate(own, UDP), server)
            data = invite(name, call, 10_000 + call // HOSTS * 2)
            outcome = self.inspector.ask("sip", Message(data, Direction.OUTBOUND, UDP, path, call * 0.0001), nat)
            state.carry_out(outcome.effects, call * 0.0001)
            state.keep(nat.made, call * 0.0001)
        state.changes.clear()


def memory() -> float:
    """Bytes that a call holds, its doors and bindings included."""
    gateway = Gateway()
    gateway.open(range(2_000))
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    gateway.open(range(2_000, 22_000))
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown / 20_000


def growth() -> tuple[float, int, int]:
    """How much longer the last calls take than the first, and how many calls and doors there were at the end."""
    gateway = Gateway()
    gateway.open(range(BATCH))
    times = []
    for start in range(BATCH, CALLS, BATCH):
        calls = range(start, start + BATCH)
        began = time.process_time()
        gateway.open(calls)
        times.append(time.process_time() - began)
    alg = gateway.inspector.algs["sip"]
    held = len(alg.calls) if isinstance(alg, SipAlg) else 0
    return median(times[-5:]) / median(times[:5]), held, len(gateway.state.doors)


def main() -> None:
    """Print bytes per call, and the ratio of the last to the first."""
    ratio, held, doors = growth()
    figure("call-memory", memory(), "bytes/call", "<= 4096")
    figure("last-call-vs-first", ratio, "times", "0.8 to 1.2", calls=held, doors=doors)


if __name__ == "__main__":
    main()
