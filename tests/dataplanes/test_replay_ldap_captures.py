"""Real LDAP of other projects through replay, each end as the inside: no directory of NetMeeting, so nothing changes.

So that something would, people are put into it as well: the same connections, with entries of an Internet Locator
Service between their messages, however they are cut or damaged.
"""

import random
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet import TCP as SCAPY_TCP

from doorman.algs.registry import Service
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.addresses import Address, Endpoint, address_of, address_text
from doorman.net.captures import Frame
from doorman.net.packet import TCP, Packet
from kit.captures import SHARED, Replayed, missing, read, replayed
from kit.connections import named, opened, packets, raw, streams
from kit.ldap import added, found, person
from kit.packets import tcp
from kit.roles import NEIGHBOUR, all_roles, gateway_for

ALL = sorted((SHARED / "ldap").glob("*.pcap*"))
OUTSIDE, LOOPBACK = address_of("203.0.113.1"), address_of("127.0.0.1")
PHONE, PEER = address_of("10.0.0.10"), address_of("198.51.100.20")
PORTS = {389, 3268}
"""The second is that of a global catalogue."""
ENCRYPTED = "zeek_ldap-starttls"


def tcp_packets(frames: list[Frame]) -> list[tuple[Frame, Packet]]:
    return [(frame, one) for frame, one in packets(frames) if one.protocol == TCP and one.has_ports]


@cache
def taken(path: Path) -> list[Frame]:
    """The LDAP of a capture, with right checksums; what two programs of one machine said is said by two hosts."""
    made = []
    for frame, packet in tcp_packets(read(path.read_bytes())):
        if not PORTS & {packet.source_port, packet.destination_port}:
            continue
        parsed = IP(packet.data)
        if LOOPBACK in {packet.source, packet.destination}:
            (parsed.src, _), (parsed.dst, _) = (named(apart(end)) for end in (packet.sender, packet.receiver))
        del parsed.chksum, parsed[SCAPY_TCP].chksum
        made.append(raw(frame, bytes(parsed)))
    return opened(made)


def apart(end: Endpoint) -> Endpoint:
    return Endpoint(PEER if end.port in PORTS else PHONE, end.port)


def ends(path: Path) -> tuple[Endpoint, Endpoint]:
    """Client and directory of the first connection."""
    _, first = tcp_packets(taken(path))[0]
    pair = first.sender, first.receiver
    return pair if pair[1].port in PORTS else pair[::-1]


def inside_of(path: Path, role: str) -> Address:
    return ends(path)[role == "callee"].address


USED = [path for path in ALL if tcp_packets(taken(path))]
all_captures = pytest.mark.parametrize("path", USED, ids=lambda path: path.stem)
both_ends = pytest.mark.parametrize("role", ["caller", "callee"])


def run(path: Path, role: str) -> Replayed:
    inside = inside_of(path, role)
    config = gateway_for(role, inside, OUTSIDE)
    config.services[Service("ldap", "tcp")] |= PORTS
    engine = Engine(config, random.Random(1).random)
    if role == "crowded":
        used = {end.port for _, one in tcp_packets(taken(path)) for end in (one.sender, one.receiver)}
        for port in sorted(used):
            neighbour = tcp(f"{address_text(NEIGHBOUR)}:{port}", "192.0.2.1:9")
            engine.receive(neighbour, Side.INSIDE, taken(path)[0].time_ns / 1e9)
    return replayed(taken(path), engine)


def test_the_captures_are_here() -> None:
    if not ALL:
        missing("the folder ../shared/captures")
    assert len(USED) >= 10


@all_roles
@all_captures
def test_what_is_no_directory_of_people_passes_byte_for_byte(path: Path, role: str) -> None:
    done = run(path, role)
    assert (done.found["drops"], done.found["asymmetries"]) == ([], [])
    notes = set(done.found["notes"]) - {"between-outside-hosts", "between-inside-hosts"}
    assert notes == ({"tls"} if path.stem == ENCRYPTED else set())
    assert bool(done.found["messages"]["ldap"])
    inside, other = inside_of(path, role), ends(path)[role != "callee"].address
    assert [*streams(done.packets, OUTSIDE).values()] == [*streams(taken(path), inside).values()]
    assert [*streams(done.packets, other).values()] == [*streams(taken(path), other).values()]


Said = list[tuple[End, bytes]]


@cache
def talk(path: Path) -> Said:
    """What was said on the first connection, with people between."""
    client, server = ends(path)
    said: Said = []
    seen: set[tuple[End, int]] = set()
    for _, one in tcp_packets(taken(path)):
        if {one.sender, one.receiver} == {client, server} and one.payload:
            end, number = End.CLIENT if one.sender == client else End.SERVER, IP(one.data)[SCAPY_TCP].seq
            if (end, number) not in seen:
                seen.add((end, number))
                said.append((end, one.payload))
    return said


def with_people(path: Path, role: str) -> tuple[Said, dict[End, bytes]]:
    """The same with somebody who registers and is found, behind the first messages; what each end must hear of that."""
    client, server = (end.address for end in ends(path))
    there = address_text(OUTSIDE)
    if role == "caller":
        asks, answers = (address_text(client), there), (there, address_text(client))
    else:
        asks, answers = (address_text(client), address_text(client)), (address_text(server), there)
    begin = [(End.CLIENT, added(person(asks[0]))), (End.SERVER, found(person(answers[0])))]
    heard = {End.SERVER: added(person(asks[1])), End.CLIENT: found(person(answers[1]))}
    return [*begin, *talk(path)], heard


def passed(path: Path, role: str, spoken: Said) -> tuple[dict[End, bytes], Engine]:
    """What both ends hear, and the engine in between."""
    engine = Engine(gateway_for(role, inside_of(path, role), OUTSIDE), random.Random(1).random)
    client, server = ends(path)
    side = Side.INSIDE
    if role == "callee":
        side, server = Side.OUTSIDE, Endpoint(OUTSIDE, server.port)
    server = Endpoint(server.address, 389)
    connection = connect(engine, client, server, side, 1000.0)
    heard = {End.CLIENT: b"", End.SERVER: b""}
    for end, data in spoken:
        relay = connection.receive(data, end, 1000.0)
        heard[End(1 - end)] += relay.data
        heard[end] += relay.back
    return heard, engine


@both_ends
@all_captures
def test_people_between_in_any_segmentation(path: Path, role: str) -> None:
    spoken, people = with_people(path, role)
    whole = {End(1 - end): b"".join(data for one, data in talk(path) if one == end) for end in End}
    chance = random.Random(path.stem)
    for cut in (1, 7, 1_000_000):
        apart_ = [(end, data[at : at + cut]) for end, data in spoken for at in range(0, len(data), cut)]
        heard, engine = passed(path, role, apart_)
        assert heard == {end: people[end] + whole[end] for end in End}
        assert not engine.drops
    edges = [sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(4))}) for _, data in spoken]
    pieces = [
        (end, data[start:stop])
        for (end, data), cuts in zip(spoken, edges, strict=True)
        for start, stop in pairwise(cuts)
    ]
    assert passed(path, role, pieces)[0] == heard


@both_ends
@all_captures
def test_damaged_messages(path: Path, role: str) -> None:
    """Whatever is said: no error of ours, no door, and no name for anybody but the ends."""
    chance = random.Random(path.stem + role)
    spoken = with_people(path, role)[0]
    for _ in range(12):
        heard, engine = passed(path, role, [(end, damaged(data, chance)) for end, data in spoken])
        assert "internal-error" not in str(engine.drops)
        assert heard.keys() == {End.CLIENT, End.SERVER}
        assert not list(engine.state.doors)
        assert {one.local.address for one in engine.state.bindings} <= {inside_of(path, role)}


def damaged(data: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.4:
        return data
    edges = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(3))})
    parts = [data[start:stop] for start, stop in pairwise(edges)]
    kind = chance.randrange(3)
    if kind == 0:
        chance.shuffle(parts)
    elif kind == 1:
        del parts[chance.randrange(len(parts))]
    else:
        parts = [bytes(byte ^ (chance.random() < 0.05) * chance.randrange(256) for byte in data)]
    return b"".join(parts)
