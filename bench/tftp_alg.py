"""The TFTP ALG alone: requests, each from a port of its own, with its door."""

import random

from doorman.algs.api import Direction, Message, Path
from doorman.engine.inspection import Inspector
from doorman.engine.state import State
from doorman.engine.views import Outward
from doorman.net.addresses import Endpoint, address_of
from doorman.net.packet import UDP
from figures import figure, rate
from traffic import OUTSIDE, config, host

REQUESTS = 8_000
HOSTS = 40
_RRQ = b"\0\1images/switch-17.bin\0octet\0blksize\x001428\0tsize\x000\0"


def main() -> None:
    """Print messages per second."""
    gateway = config()
    server = Endpoint(OUTSIDE, 69)
    work = [Endpoint(address_of(host(number % HOSTS)), 20_000 + number // HOSTS) for number in range(REQUESTS)]

    def run() -> int:
        state = State(gateway, random.Random(1).random)
        inspector = Inspector(gateway.services)
        for number, own in enumerate(work):
            now = number * 0.001
            nat = Outward(state.names, own.address)
            path = Path(own, server, nat.translate(own, UDP), server)
            outcome = inspector.ask("tftp", Message(_RRQ, Direction.OUTBOUND, UDP, path, now), nat)
            state.carry_out(outcome.effects, now)
            state.keep(nat.made, now)
        if len(state.doors) != REQUESTS:
            raise RuntimeError("the bench does not do what it measures")
        return REQUESTS

    figure("tftp-alg", rate(run), "messages/s", ">= 10000", bytes=len(_RRQ))


if __name__ == "__main__":
    main()
