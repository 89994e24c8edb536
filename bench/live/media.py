"""Media through a call's doors beside plain NAT: the kernel's work alone, or there is something wrong."""

from statistics import median
from typing import NamedTuple

from doorman.lab.network import OUTSIDE_PHONE
from doorman.net.addresses import Endpoint, address_of
from figures import figure
from live.beds import Bed
from live.messages import SIP_PORT, accepted, follow_up, media_port, request
from live.wire import Frames, Injector, Sink, flood
from traffic import udp

_ROUNDS = 15
_PACKETS = 20_000
"""Each way, in a round."""
_WINDOW = 256
_PAYLOAD = bytes(172)
"""RTP of 20 ms of G.711: an IP packet of 200 bytes."""
_CALL = 200_000
_PHONE = "192.168.1.11"
_OUTSIDE_PORT = 30_000
_LOSS = 0.001


class _Way(NamedTuple):
    """One direction of a stream."""

    injector: Injector
    frames: Frames
    sink: Sink


class _Stream(NamedTuple):
    bed: Bed
    ways: tuple[_Way, _Way]


def measure(beds: list[Bed]) -> None:
    """Print packets per second and CPU per packet, Doorman's as a ratio to plain NAT's."""
    streams = [_stream(bed) for bed in beds]
    rates: dict[str, list[float]] = {bed.name: [] for bed in beds}
    cpu: dict[str, list[float]] = {bed.name: [] for bed in beds}
    queued = [bed.queued() for bed in beds]
    for _ in range(_ROUNDS):
        for bed, ways in streams:
            done = [flood(*way, _WINDOW) for way in ways]
            if any(each.lost > _LOSS for each in done):
                raise RuntimeError("media was lost")
            arrived = sum(each.arrived for each in done)
            rates[bed.name].append(arrived / sum(each.seconds for each in done))
            cpu[bed.name].append(sum(each.cpu_seconds for each in done) / arrived * 1e6)
    # The number of the last packet of a queue counts all that ever came to it.
    if [bed.queued() for bed in beds] != queued:
        raise RuntimeError("media came to the queue")
    per_second = {name: round(median(values)) for name, values in rates.items()}
    microseconds = {name: round(median(values), 2) for name, values in cpu.items()}
    figure("live-media-rate-vs-nat", _ratio(rates), "times", ">= 0.95", **per_second)
    figure("live-media-cpu-vs-nat", 1 / _ratio(cpu), "times", ">= 0.95", **microseconds, queued=0)


def _ratio(values: dict[str, list[float]]) -> float:
    """The median of the ratios of rounds that followed each other."""
    return median(ours / theirs for ours, theirs in zip(values["doorman"], values["plain"], strict=True))


def _stream(bed: Bed) -> _Stream:
    """Set a call up, and send the first packet each way."""
    signalling = bed.sink(_PHONE, SIP_PORT, inside=True), bed.sink(OUTSIDE_PHONE, SIP_PORT)
    invitation = request(_PHONE, _CALL)
    signalling[0].socket.sendto(invitation, (OUTSIDE_PHONE, SIP_PORT))
    arrived, back = signalling[1].take()
    signalling[1].socket.sendto(accepted(arrived, _OUTSIDE_PORT), back)
    signalling[0].take()
    signalling[0].socket.sendto(follow_up(b"ACK", invitation), (OUTSIDE_PHONE, SIP_PORT))
    signalling[1].take()
    for sink in signalling:
        sink.close()

    inside = bed.sink(_PHONE, media_port(_CALL), inside=True)
    outside = bed.sink(OUTSIDE_PHONE, _OUTSIDE_PORT)
    inside.socket.sendto(_PAYLOAD, (OUTSIDE_PHONE, _OUTSIDE_PORT))
    _, (address, port) = outside.take()
    if bed.name == "doorman" and b"m=audio %d " % port not in arrived:
        raise RuntimeError("media does not leave by the port that was announced")
    here, there = Endpoint(address_of(_PHONE), media_port(_CALL)), Endpoint(address_of(OUTSIDE_PHONE), _OUTSIDE_PORT)
    out = Frames([bed.inside_link + udp(here, there, _PAYLOAD)] * _PACKETS)
    back_in = Frames([bed.outside_link + udp(there, Endpoint(address_of(address), port), _PAYLOAD)] * _PACKETS)
    ways = _Way(bed.injector(inside=True), out, outside), _Way(bed.injector(inside=False), back_in, inside)
    return _Stream(bed, ways)
