"""Real NetBIOS packets of other projects through replay, each speaker of them as the inside; tshark judges."""

import random
import subprocess
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from scapy.layers.inet import IP, fragment

from doorman.config.model import Config
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import Address, address_of, address_text
from doorman.net.captures import Frame
from doorman.net.packet import UDP, Packet, parse_packet
from kit.captures import SHARED, Replayed, missing, read, replayed
from kit.connections import packets, raw
from kit.packets import udp
from kit.roles import NEIGHBOUR, ROLES, Seen, all_roles, gateway_for, seen_in

PORTS = {137, 138}
ALL = sorted((SHARED / "netbios").glob("*.*"))
OUTSIDE = address_of("203.0.113.1")
FIELDS = [
    *("ip.src", "ip.dst", "udp.srcport", "udp.dstport", "nbns.addr", "nbdgm.src.ip", "nbdgm.src.port"),
    *("frame.protocols", "_ws.malformed", "ip.checksum.status", "udp.checksum.status"),
]
BAD = "0"


class Case(NamedTuple):
    """A capture, and which of its hosts is inside."""

    path: Path
    inside: Address


class Run(NamedTuple):
    """One case through one gateway, and what tshark sees before and after."""

    done: Replayed
    before: Seen
    after: Seen


@cache
def taken(path: Path) -> list[Frame]:
    """The NetBIOS of a capture, what is said over and over only twice; one in another format is converted."""
    data = path.read_bytes()
    if path.suffix == ".snoop":
        data = subprocess.run(["editcap", "-F", "pcap", path, "-"], check=True, capture_output=True).stdout
    said: Counter[tuple[Address, Address, bytes]] = Counter()
    found = []
    for frame, packet in packets(read(data)):
        if packet.protocol == UDP and PORTS & {packet.source_port, packet.destination_port}:
            what = (packet.source, packet.destination, packet.payload[4:])
            said[what] += 1
            if said[what] <= 2:
                found.append(raw(frame, packet.data))
    return found


def speakers(path: Path) -> list[Address]:
    """The two hosts that send most."""
    return [host for host, _ in Counter(packet.source for _, packet in packets(taken(path))).most_common(2)]


CASES = [Case(path, host) for path in ALL for host in speakers(path)]
all_cases = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.path.stem}-{address_text(case.inside)}")


def gateway(case: Case, role: str) -> Config:
    return gateway_for(role, case.inside, OUTSIDE)


def run(case: Case, role: str) -> Replayed:
    engine = Engine(gateway(case, role), random.Random(1).random)
    if role == "crowded":
        for port in PORTS:
            neighbour = udp(f"{address_text(NEIGHBOUR)}:{port}", "192.0.2.1:9")
            engine.receive(neighbour, Side.INSIDE, taken(case.path)[0].time_ns / 1e9)
    return replayed(taken(case.path), engine)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Case, str], Run]:
    """All cases through all gateways."""
    folder = tmp_path_factory.mktemp("out")
    keys = [(case, role) for role in ROLES for case in CASES]
    done = [run(case, role) for case, role in keys]
    before = seen_in([taken(case.path) for case, _ in keys], folder / "before.pcapng", FIELDS)
    after = seen_in([read(one.out) for one in done], folder / "after.pcapng", FIELDS)
    return {key: Run(*one) for key, one in zip(keys, zip(done, before, after, strict=True), strict=True)}


def test_the_captures_are_here() -> None:
    if not ALL:
        missing("the folder ../shared/captures")
    assert len(ALL) >= 7
    assert sum(len(taken(path)) for path in ALL) > 150


@all_roles
@all_cases
def test_a_speaker(case: Case, role: str, runs: dict[tuple[Case, str], Run]) -> None:
    """Nothing is garbled or lost, and each address that was the host's own is its name outside.

    Behind a shared address it hears only those whom it asked.
    """
    done, before, after = runs[case, role]
    assert done.found["asymmetries"] == []
    assert set(done.reasons) <= (set() if role == "callee" else {"no-session-or-door", "no-translation"})
    dropped = {drop["packet"] for drop in done.found["drops"]}
    before = [frame for number, frame in enumerate(before, 1) if number not in dropped]
    assert len(after) == len(before)
    own, name = address_text(case.inside), address_text(OUTSIDE)
    for was, is_ in zip(before, after, strict=True):
        if own in was["ip.src"]:
            assert is_["ip.src"] == [name]
            assert is_["nbns.addr"] == [name if address == own else address for address in was["nbns.addr"]]
        if own in was["ip.src"] and was["nbdgm.src.ip"] == [own]:
            assert (is_["nbdgm.src.ip"], is_["nbdgm.src.port"]) == ([name], is_["udp.srcport"])
        if is_["frame.protocols"] == was["frame.protocols"]:  # by other ports, tshark may see another protocol
            assert len(is_["_ws.malformed"]) == len(was["_ws.malformed"])
        for field in ("ip.checksum.status", "udp.checksum.status"):
            assert is_[field] != [BAD] or was[field] == [BAD]
    crossing = [frame for frame in after if name in frame["ip.src"] + frame["ip.dst"]]
    assert not [frame for frame in crossing if own in frame["nbns.addr"] + frame["nbdgm.src.ip"]]


def payloads(case: Case) -> list[Packet]:
    return [packet for _, packet in packets(taken(case.path)) if packet.source == case.inside]


@all_cases
def test_a_datagram_in_fragments(case: Case) -> None:
    """Whatever the fragments, it leaves as the whole one does."""
    for packet in {one.payload: one for one in payloads(case)}.values():
        whole = Engine(gateway(case, "callee"), random.Random(1).random).receive(packet.data, Side.INSIDE, 0.0)
        engine = Engine(gateway(case, "callee"), random.Random(1).random)
        parts = [bytes(one) for one in fragment(IP(packet.data), 24)]
        results = [engine.receive(part, Side.INSIDE, 0.0) for part in parts]
        left, kept = parse_packet(results[-1].packet), parse_packet(whole.packet)
        assert left is not None
        assert kept is not None
        assert left.payload == kept.payload


@all_cases
def test_damaged_packets(case: Case) -> None:
    """No error of ours; a packet keeps its length, opens nothing, and names nobody but this host."""
    chance = random.Random(address_text(case.inside))
    for packet in payloads(case)[:60]:
        engine = Engine(gateway(case, "caller"), random.Random(1).random)
        data = damaged(packet.payload, chance)
        sender, receiver = str(packet.sender), str(packet.receiver)
        result = engine.receive(udp(sender, receiver, data), Side.INSIDE, 0.0)
        assert "internal-error" not in result.reason
        left = parse_packet(result.packet)
        assert left is not None
        assert result.fate == Fate.DROPPED or len(left.payload) == len(data)
        assert not list(engine.state.doors)
        assert {one.local.address for one in engine.state.bindings} <= {case.inside}


def damaged(data: bytes, chance: random.Random) -> bytes:
    edges = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(3))})
    parts = [data[start:stop] for start, stop in pairwise(edges)]
    kind = chance.randrange(3)
    if kind == 0:
        chance.shuffle(parts)
    elif kind == 1:
        del parts[chance.randrange(len(parts))]
    else:
        parts = [bytes(byte ^ (chance.random() < 0.1) * chance.randrange(256) for byte in data)]
    return b"".join(parts)
