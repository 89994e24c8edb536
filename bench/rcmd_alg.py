"""The RCMD ALG alone: the port that begins each connection, with its name outside and its door."""

import random

from doorman.algs.api import Direction, Message, Path, apply_edits
from doorman.engine.inspection import Inspector
from doorman.engine.state import State
from doorman.engine.views import Outward
from doorman.net.addresses import Endpoint, address_of
from doorman.net.packet import TCP
from figures import figure, rate
from traffic import OUTSIDE, config, host

CONNECTIONS = 4_000
HOSTS = 200


def main() -> None:
    """Print messages per second."""
    gateway = config()
    server = Endpoint(OUTSIDE, 514)
    work = [
        (Endpoint(address_of(host(number % HOSTS)), 1_023), 1_022 - number // HOSTS) for number in range(CONNECTIONS)
    ]

    def run() -> int:
        state = State(gateway, random.Random(1).random)
        inspector = Inspector(gateway.services)
        for number, (own, port) in enumerate(work):
            now = number * 0.001
            nat = Outward(state.names, own.address)
            path = Path(own, server, nat.translate(own, TCP), server)
            message = Message(b"%d\0" % port, Direction.OUTBOUND, TCP, path, now, of_client=True)
            outcome = inspector.ask("rcmd", message, nat)
            apply_edits(message.data, outcome.edits)
            state.carry_out(outcome.effects, now)
            state.keep(nat.made, now)
        if len(state.doors) != CONNECTIONS:
            raise RuntimeError("the bench does not do what it measures")
        return CONNECTIONS

    figure("rcmd-alg", rate(run), "messages/s", ">= 10000", bytes=5)


if __name__ == "__main__":
    main()
