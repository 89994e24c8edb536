"""The SIP ALG alone: INVITEs with a description, each a new call, state and doors included."""

import random

from doorman.algs.api import Direction, Message, Path, apply_edits
from doorman.engine.inspection import Inspector
from doorman.engine.state import State
from doorman.engine.views import Outward
from doorman.net.addresses import Endpoint, address_of
from doorman.net.packet import UDP
from figures import figure, rate
from traffic import OUTSIDE, config, host, invite

CALLS = 12_000
HOSTS = 40


def main() -> None:
    """Print messages per second."""
    gateway = config()
    server = Endpoint(OUTSIDE, 5060)
    work = []
    for call in range(CALLS):
        name = host(call % HOSTS)
        work.append((address_of(name), invite(name, call, 10_000 + call // HOSTS * 2)))

    def run() -> int:
        state = State(gateway, random.Random(1).random)
        inspector = Inspector(gateway.services)
        for number, (address, data) in enumerate(work):
            now = number * 0.001
            own = Endpoint(address, 5060)
            nat = Outward(state.names, address)
            path = Path(own, server, nat.translate(own, UDP), server)
            message = Message(data, Direction.OUTBOUND, UDP, path, now)
            outcome = inspector.ask("sip", message, nat)
            apply_edits(data, outcome.edits)
            state.carry_out(outcome.effects, now)
            state.keep(nat.made, now)
        if len(state.doors) < 2 * CALLS:
            raise RuntimeError("the bench does not do what it measures")
        return CALLS

    figure("sip-alg", rate(run), "messages/s", ">= 12000", bytes=len(work[0][1]))


if __name__ == "__main__":
    main()
