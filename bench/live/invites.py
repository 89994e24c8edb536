"""INVITEs that a gateway carries in a second, each a new call: many phones, and one trunk's single flow."""

from statistics import median
from typing import NamedTuple

from doorman.lab.network import OUTSIDE_PHONE
from doorman.net.addresses import Endpoint, address_of
from figures import figure
from live.beds import PHONES, Bed
from live.messages import SIP_PORT, request
from live.wire import Flood, Frames, Injector, Sink, flood
from traffic import OUTSIDE, udp

_ROUNDS = 5
_CALLS = 1_500
"""Of a round: together they need fewer ports than one host may have of a shared address."""
_WINDOW = 256
_LOSS = 0.001
_SAMPLES = 20


class _Side(NamedTuple):
    bed: Bed
    injector: Injector
    sink: Sink


def measure(beds: list[Bed]) -> None:
    """Print INVITEs per second, Doorman's beside those of the kernel's helper."""
    sides = [_Side(bed, bed.injector(inside=True), bed.sink(OUTSIDE_PHONE, SIP_PORT)) for bed in beds]
    try:
        _measure("invites-phones", sides, [bed_phone(number) for number in range(1, PHONES)], 0)
        _measure("invites-trunk", sides, [bed_phone(0)], _ROUNDS * _CALLS)
    finally:
        for side in sides:
            side.injector.close()
            side.sink.close()


def bed_phone(number: int) -> str:
    """The address of an inside phone; the first is number 0."""
    return f"192.168.1.{10 + number}"


def _measure(name: str, sides: list[_Side], phones: list[str], first: int) -> None:
    rates: dict[str, list[float]] = {side.bed.name: [] for side in sides}
    lost, cpu = 0.0, []
    for number in range(_ROUNDS):
        calls = range(first + number * _CALLS, first + (number + 1) * _CALLS)
        for side in sides:
            before = side.bed.cpu_seconds()
            done = _round(side, phones, calls)
            rates[side.bed.name].append(done.rate if done.lost <= _LOSS else 0.0)
            if side.bed.gateway_pid:
                lost = max(lost, done.lost)
                side.sink.settle()  # what it has yet to do, it does for these
                cpu.append((side.bed.cpu_seconds() - before) / done.sent)
    plain, helper, ours = (median(rates[each]) for each in ("plain", "helper", "doorman"))
    figure(
        f"live-{name}-vs-helper",
        ours / helper,
        "times",
        ">= 0.25",
        doorman=round(ours),
        helper=round(helper),
        plain_nat=round(plain),
        cpu_us=round(median(cpu) * 1e6, 1),
        worst_loss=round(lost, 4),
    )


def _round(side: _Side, phones: list[str], calls: range) -> Flood:
    """Send the INVITEs of some calls; those that arrive must have been translated, but by plain NAT."""
    seen: list[bytes] = []
    frames = Frames([side.bed.inside_link + _packet(phones[call % len(phones)], call) for call in calls])
    done = flood(side.injector, frames, side.sink, _WINDOW, seen.append)
    if side.bed.name != "plain" and not all(map(_is_translated, seen)):
        raise RuntimeError("the bench does not do what it measures")
    return done


def _packet(phone: str, call: int) -> bytes:
    return udp(Endpoint(address_of(phone), SIP_PORT), Endpoint(OUTSIDE, SIP_PORT), request(phone, call))


def _is_translated(message: bytes) -> bool:
    return b"192.168." not in message and b"\r\nc=IN IP4 203.0.113." in message
