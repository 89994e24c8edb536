"""Access lists and policies of many lines beside rules that somebody wrote by hand for nft.

A flow of UDP passes by the last line, where a list judges each of its packets, or a policy its first one. The hand has
written a rule for each line, one below the other; `sets` is what it gets with one set of nft for all.
"""

from collections.abc import Iterator
from statistics import median

from doorman.lab.network import OUTSIDE_PHONE
from doorman.net.addresses import Endpoint, address_of
from figures import figure
from live.beds import CONFIG, PLAIN, Bed, Setup, beds
from live.wire import Frames, Injector, Sink, flood
from traffic import udp

_SIZES = 10, 100, 1_000
_ROUNDS = 15
_PACKETS = 20_000
_WINDOW = 256
_PAYLOAD = bytes(172)
_PHONE, _PORT, _OUTSIDE_PORT = "192.168.1.11", 40_000, 30_000
_LOSS = 0.001

_ZONES = """
class-map type inspect CLASS
 match access-group name RULES
policy-map type inspect POLICY
 class type inspect CLASS
  inspect
zone security LAN
zone security WAN
zone-pair security PAIR source LAN destination WAN
 service-policy type inspect POLICY
interface in0
 zone-member security LAN
interface out0
 zone-member security WAN
"""


def measure() -> None:
    """Print what each kind and number of rules costs, as a ratio to plain nft's packets per second."""
    for size in _SIZES:
        for kind in ("access-list", "policy"):
            with beds(*_setups(kind, size)) as three:
                _measure(kind, size, three)


def _setups(kind: str, size: int) -> Iterator[Setup]:
    established = "ct state established,related accept" if kind == "policy" else ""
    lines = [f"ip daddr {host} udp dport {port} accept" for host, port in _targets(size)]
    pairs = ", ".join(f"{host} . {port}" for host, port in _targets(size))
    for name, rules in (("nft", lines), ("sets", [f"ip daddr . udp dport {{ {pairs} }} accept"])):
        text = "\n".join([established, *rules, "drop"])
        chain = (
            f"chain forwarded {{ type filter hook forward priority filter\niifname in0 jump listed\n{established}\n}}"
        )
        yield Setup(f"{name}{size}", f"{PLAIN}\ntable ip bench {{ chain listed {{\n{text}\n}}\n{chain}\n}}\n")
    listed = "".join(f" permit udp any host {host} eq {port}\n" for host, port in _targets(size))
    applied = _ZONES if kind == "policy" else "interface in0\n ip access-group RULES in\n"
    yield Setup(f"doorman{size}", config=f"{CONFIG}ip access-list extended RULES\n{listed}{applied}")


def _targets(size: int) -> Iterator[tuple[str, int]]:
    """What lines are about; the last one is what passes."""
    for number in range(size - 1):
        yield f"192.0.{number // 250}.{number % 250}", 5_000 + number
    yield OUTSIDE_PHONE, _OUTSIDE_PORT


def _measure(kind: str, size: int, three: list[Bed]) -> None:
    ways = [_way(bed) for bed in three]
    rates: list[list[float]] = [[], [], []]
    for _ in range(_ROUNDS):
        for way, measured in zip(ways, rates, strict=True):
            done = flood(*way, _WINDOW)
            if done.lost > _LOSS:
                raise RuntimeError("packets were lost")
            measured.append(done.rate)
    by_hand, by_set, ours = rates
    figure(
        f"live-{kind}-{size}-vs-nft",
        _ratio(ours, by_hand),
        "times",
        ">= 0.9",
        vs_sets=round(_ratio(ours, by_set), 3),
        per_second={"nft": round(median(by_hand)), "sets": round(median(by_set)), "doorman": round(median(ours))},
    )


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios of rounds that followed each other."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def _way(bed: Bed) -> tuple[Injector, Frames, Sink]:
    """The stream's way out; its first packet has passed."""
    outside = bed.sink(OUTSIDE_PHONE, _OUTSIDE_PORT)
    inside = bed.sink(_PHONE, _PORT, inside=True)
    inside.socket.sendto(_PAYLOAD, (OUTSIDE_PHONE, _OUTSIDE_PORT))
    _, back = outside.take()
    outside.socket.sendto(_PAYLOAD, back)
    inside.take()
    here, there = Endpoint(address_of(_PHONE), _PORT), Endpoint(address_of(OUTSIDE_PHONE), _OUTSIDE_PORT)
    return bed.injector(inside=True), Frames([bed.inside_link + udp(here, there, _PAYLOAD)] * _PACKETS), outside
