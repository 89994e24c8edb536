"""How much later a message of a call arrives through Doorman than through plain NAT, some fifty messages a second."""

import random
import time
from statistics import median, quantiles

from doorman.lab.network import OUTSIDE_PHONE
from figures import figure
from live.beds import Bed
from live.messages import SIP_PORT, accepted, ended, follow_up, request
from live.wire import Sink

_CALLS = 80
_PHONE = "192.168.1.10"
_FIRST_CALL = 100_000
_PAUSE = 0.030
"""Seconds between two messages at most; on average half of it."""


def measure(beds: list[Bed]) -> None:
    """Print the percentiles of both, and how far they are apart."""
    ends = [(bed.sink(_PHONE, SIP_PORT, inside=True), bed.sink(OUTSIDE_PHONE, SIP_PORT)) for bed in beds]
    times: list[dict[str, list[float]]] = [{} for _ in beds]
    pauses = random.Random(1)
    try:
        for call in range(_FIRST_CALL, _FIRST_CALL + _CALLS):
            for (inside, outside), taken in zip(ends, times, strict=True):
                _call(inside, outside, call, taken, pauses)
    finally:
        for end in (end for pair in ends for end in pair):
            end.close()
    p50, p99 = zip(*map(_percentiles, times), strict=True)
    names = [bed.name for bed in beds]
    for name, values, target in (("p50", p50, "< 0.5"), ("p99", p99, "< 3")):
        of_each = {bed: round(value, 3) for bed, value in zip(names, values, strict=True)}
        by_kind = {kind: round(median(taken), 3) for kind, taken in times[-1].items()} if name == "p50" else {}
        figure(f"live-added-latency-{name}", values[-1] - values[0], "ms", target, **of_each, **by_kind)


def _call(inside: Sink, outside: Sink, call: int, taken: dict[str, list[float]], pauses: random.Random) -> None:
    """A whole call, one message after the other; how long each was on its way, by what it is."""
    invitation = request(_PHONE, call)
    to = OUTSIDE_PHONE, SIP_PORT

    def carry(kind: str, sender: Sink, receiver: Sink, data: bytes, target: tuple[str, int]) -> tuple[bytes, tuple[str, int]]:
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


def _percentiles(taken: dict[str, list[float]]) -> tuple[float, float]:
    cuts = quantiles((value for values in taken.values() for value in values), n=100)
    return cuts[49], cuts[98]
