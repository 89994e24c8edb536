"""How much later a message of a call arrives through Doorman than through plain NAT, some fifty messages a second."""

import random
import time
from statistics import median, quantiles

from doorman.lab.network import OUTSIDE_PHONE
from figures import figure
from live.beds import Bed
from live.messages import SIP_PORT, accepted, ended, follow_up, request
from live.wire import Sink

_ROUNDS, _CALLS = 5, 20
"""A call is five messages."""
_PHONE = "192.168.1.10"
_FIRST_CALL = 100_000
_PAUSE = 0.030
"""Seconds between two messages at most; on average half of it."""

_Taken = dict[str, list[float]]
"""Milliseconds on the way, by kind of message."""


def measure(beds: list[Bed]) -> None:
    """Print the percentiles of both, each the median of rounds, and how far they are apart."""
    ends = [(bed.sink(_PHONE, SIP_PORT, inside=True), bed.sink(OUTSIDE_PHONE, SIP_PORT)) for bed in beds]
    rounds: list[list[_Taken]] = [[] for _ in beds]
    pauses = random.Random(1)
    try:
        for number in range(_ROUNDS):
            for taken in rounds:
                taken.append({})
            for call in range(_CALLS):
                for (inside, outside), taken in zip(ends, rounds, strict=True):
                    _call(inside, outside, _FIRST_CALL + number * _CALLS + call, taken[-1], pauses)
    finally:
        for end in (end for pair in ends for end in pair):
            end.close()
    plain, ours = (list(map(_percentiles, taken)) for taken in rounds)
    for index, (name, target) in enumerate((("p50", "< 0.5"), ("p99", "< 3"))):
        before, after = [cuts[index] for cuts in plain], [cuts[index] for cuts in ours]
        details = {"doorman": median(after), "plain_nat": median(before), "best_round": min(after)}
        shown = {key: round(value, 3) for key, value in details.items()}
        figure(f"live-added-latency-{name}", median(after) - median(before), "ms", target, **shown)
    invites = [value for taken in rounds[-1] for value in taken["invite"]]
    figure("live-invite-latency-p50", median(invites), "ms", "none: it opens doors and is saved")


def _call(inside: Sink, outside: Sink, call: int, taken: _Taken, pauses: random.Random) -> None:
    """A whole call, one message after the other; how long each was on its way, by what it is."""
    invitation = request(_PHONE, call)
    to = OUTSIDE_PHONE, SIP_PORT

    def carry(
        kind: str, sender: Sink, receiver: Sink, data: bytes, target: tuple[str, int]
    ) -> tuple[bytes, tuple[str, int]]:
        time.sleep(pauses.random() * _PAUSE)
        begun = time.perf_counter()
        sender.socket.sendto(data, target)
        arrived = receiver.take()
        taken.setdefault(kind, []).append((time.perf_counter() - begun) * 1000)
        return arrived

    arrived, back = carry("invite", inside, outside, invitation, to)
    carry("ok", outside, inside, accepted(arrived), back)
    carry("ack", inside, outside, follow_up(b"ACK", invitation), to)
    arrived, back = carry("bye", inside, outside, follow_up(b"BYE", invitation), to)
    carry("bye_ok", outside, inside, ended(arrived), back)


def _percentiles(taken: _Taken) -> tuple[float, float]:
    cuts = quantiles((value for values in taken.values() for value in values), n=100)
    return cuts[49], cuts[98]
