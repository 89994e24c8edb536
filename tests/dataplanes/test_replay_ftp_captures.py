"""Real FTP sessions of other projects through replay, each end of them as the inside; tshark judges what comes out."""

import random
import re
from collections import Counter
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet import TCP as SCAPY_TCP

from doorman.config.model import Config
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.firewall.doors import may_lead_to
from doorman.net.addresses import Address, Endpoint, address_of, address_text
from doorman.net.captures import Frame
from doorman.net.packet import TCP, Packet
from kit.captures import SHARED, Replayed, missing, read, replayed
from kit.connections import named, opened, packets, raw, streams
from kit.packets import tcp
from kit.roles import NEIGHBOUR, ROLES, Seen, all_roles, gateway_for, global_address, seen_in

IPV6 = {"ndpi_ftp_failed", "suricata_ftp-all-data-ipv6"}
"""Captures without IPv4: they pass as they are."""
DAMAGED = "pcpp_Ftp"
"""Lines out of several sessions: their connections were never seen to begin, and stay as they are."""
BOUNCE = "suricata_ftp-active-dynamic_port"
"""EPRT with an IPv6 address, which is not the client's: no server inside gets that."""
ENCRYPTED = "ndpi_ftp-start-tls"
"""AUTH TLS, and later CCC: what is said in the clear again is not looked into."""
TOO_LONG = {"suricata_ftp-too-long-command-buffered", "suricata_ftp-too-long-response"}
"""Lines longer than 8,192 bytes: the gateway ends the connection."""
ALL = sorted(path for path in (SHARED / "ftp").glob("*.pcap") if path.stem not in IPV6)
LOOPBACK, PHONE, PEER = address_of("127.0.0.1"), address_of("10.0.0.10"), address_of("198.51.100.20")
CONTROL, SYNTHETIC = 21, Endpoint(address_of("1.1.1.1"), 5555)
ANALYSIS = [
    f"tcp.analysis.{name}"
    for name in (
        *("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment"),
        *("ack_lost_segment", "duplicate_ack", "window_full", "zero_window", "zero_window_probe", "keep_alive"),
    )
]
SAID = ["ftp.request.command", "ftp.response.code"]
FIELDS = ["ip.src", "ip.dst", "tcp.srcport", *SAID, "tcp.checksum.status", "ip.checksum.status", *ANALYSIS]
BAD = "0"


class Run(NamedTuple):
    """One capture through one gateway, and what tshark sees before and after."""

    done: Replayed
    before: Seen
    after: Seen


def tcp_packets(frames: list[Frame]) -> list[tuple[Frame, Packet]]:
    return [(frame, one) for frame, one in packets(frames) if one.protocol == TCP and one.has_ports]


@cache
def taken(path: Path) -> list[Frame]:
    """The TCP of a capture; what two programs of one machine said is said by two hosts.

    The client of some captures is the same, so that tshark would take them for one connection: its port is another.
    """
    found = []
    for frame, packet in tcp_packets(read(path.read_bytes())):
        data = packet.data
        if packet.source == packet.destination == LOOPBACK:
            parsed = IP(data)
            (parsed.src, _), (parsed.dst, _) = (named(apart(end)) for end in (packet.sender, packet.receiver))
            if packet.payload:
                parsed[SCAPY_TCP].payload = type(parsed[SCAPY_TCP].payload)(
                    packet.payload.replace(b"127,0,0,1", b"10,0,0,10")
                )
            del parsed.chksum, parsed[SCAPY_TCP].chksum
            data = bytes(parsed)
        elif SYNTHETIC in {packet.sender, packet.receiver}:
            parsed = IP(data)
            parsed[SCAPY_TCP].setfieldval("sport" if packet.sender == SYNTHETIC else "dport", 6_000 + ALL.index(path))
            del parsed[SCAPY_TCP].chksum
            data = bytes(parsed)
        found.append(raw(frame, data))
    return opened(found)


def apart(end: Endpoint) -> Endpoint:
    return Endpoint(PEER if end.port in {20, CONTROL} else PHONE, end.port)


def control_ends(path: Path) -> tuple[Endpoint, Endpoint]:
    """Client and server of the first control connection."""
    ends = ((one.sender, one.receiver) for _, one in tcp_packets(taken(path)))
    first = next(pair for pair in ends if CONTROL in {pair[0].port, pair[1].port})
    return first if first[1].port == CONTROL else first[::-1]


def inside_of(path: Path, role: str) -> Address:
    return control_ends(path)[role == "callee"].address


def gateway(path: Path, role: str) -> Config:
    return gateway_for(role, inside_of(path, role), global_address(ALL.index(path)))


def run(path: Path, role: str) -> Replayed:
    engine = Engine(gateway(path, role), random.Random(1).random)
    if role == "crowded":
        inside = inside_of(path, role)
        ends = {end for _, one in tcp_packets(taken(path)) for end in (one.sender, one.receiver)}
        for port in sorted(end.port for end in ends if end.address == inside):
            engine.receive(
                tcp(f"{address_text(NEIGHBOUR)}:{port}", "192.0.2.1:9"), Side.INSIDE, taken(path)[0].time_ns / 1e9
            )
    return replayed(taken(path), engine)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, str], Run]:
    """All captures through all gateways."""
    folder = tmp_path_factory.mktemp("out")
    options = ("-o", "tcp.analyze_sequence_numbers:TRUE")
    before = seen_in([taken(path) for path in ALL], folder / "before.pcapng", FIELDS, options)
    found = {}
    for role in ROLES:
        done = [run(path, role) for path in ALL]
        after = seen_in([read(one.out) for one in done], folder / f"{role}.pcapng", FIELDS, options)
        for path, one, was, became in zip(ALL, done, before, after, strict=True):
            found[path, role] = Run(one, was, became)
    return found


all_captures = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def test_the_captures_are_here() -> None:
    if not ALL:
        missing("the folder ../shared/captures")
    assert len(ALL) >= 25


@all_roles
@all_captures
def test_a_session(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    """Nothing is garbled or lost, the inside gets what was captured, and tshark finds no new fault."""
    done, before, after = runs[path, role]
    assert done.found["packets"]["read"] == len(taken(path))
    if not (path.stem == BOUNCE and role == "callee"):
        assert done.found["asymmetries"] == []
    if path.stem in TOO_LONG:
        assert "ftp: message-too-long" in done.reasons
        return
    assert done.found["drops"] == []
    host = inside_of(path, role)
    assert streams(done.packets, host) in ({}, streams(taken(path), host)) or role != "callee"
    assert said(after) == said(before) or path.stem == DAMAGED
    assert path.stem == DAMAGED or faults(after) - faults(before) == Counter()


def said(seen: Seen) -> Counter[str]:
    return Counter(word.upper() for frame in seen for field in SAID for word in frame[field])


def faults(seen: Seen) -> Counter[str]:
    found = Counter(field for frame in seen for field in ANALYSIS if frame[field])
    for frame in seen:
        found.update(field for field in FIELDS if field.endswith(".checksum.status") and BAD in frame[field])
    return found


@all_roles
@all_captures
def test_no_inside_address_is_left(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    inside = inside_of(path, role)
    text = re.escape(address_text(inside).encode()).replace(rb"\.", rb"[.,]")
    own = re.compile(rb"(?<![\d.,])" + text + rb"(?![\d.])")
    outside = global_address(ALL.index(path))
    control = [
        one
        for _, one in tcp_packets(read(runs[path, role].done.out))
        if CONTROL in {one.source_port, one.destination_port}
    ]
    left = [one.payload for one in control if one.source == outside and own.search(one.payload)]
    said = [line for line in left if line[:4].upper() in {b"PORT", b"EPRT", b"227 ", b"227-"}]
    assert said == [] or path.stem == ENCRYPTED
    assert all(inside not in {one.source, one.destination} for one in control)


# What is said on one control connection, cut otherwise or damaged


Said = list[tuple[End, bytes]]


@cache
def talk(path: Path) -> Said:
    client, server = control_ends(path)
    sent: dict[Endpoint, set[int]] = {client: set(), server: set()}
    found: Said = []
    for _, one in tcp_packets(taken(path)):
        if {one.sender, one.receiver} == {client, server} and one.payload:
            number = IP(one.data)[SCAPY_TCP].seq
            if number not in sent[one.sender]:
                sent[one.sender].add(number)
                found.append((End.CLIENT if one.sender == client else End.SERVER, one.payload))
    return found


def passed(path: Path, role: str, spoken: Said) -> tuple[dict[End, bytes], Engine]:
    """What both ends hear, and the engine in between."""
    engine = Engine(gateway(path, role), random.Random(1).random)
    client, server = control_ends(path)
    side = Side.INSIDE
    if role == "callee":
        side, server = Side.OUTSIDE, Endpoint(global_address(ALL.index(path)), server.port)
    connection = connect(engine, client, server, side, 1000.0)
    heard = {End.CLIENT: b"", End.SERVER: b""}
    for end, data in spoken:
        relay = connection.receive(data, end, 1000.0)
        heard[End(1 - end)] += relay.data
        heard[end] += relay.back
    return heard, engine


both_ends = pytest.mark.parametrize("role", ["caller", "callee"])


@both_ends
@all_captures
def test_any_segmentation(path: Path, role: str) -> None:
    if path.stem in TOO_LONG:
        return
    whole, engine = passed(path, role, talk(path))
    apart = [(end, bytes([byte])) for end, data in talk(path) for byte in data]
    joined = [(end, b"".join(data for _, data in some)) for end, some in groupby(talk(path), key=lambda one: one[0])]
    for spoken in (apart, joined):
        heard, other = passed(path, role, spoken)
        assert heard == whole
        assert other.inspector.messages == engine.inspector.messages
        assert doors(other) == doors(engine)


def doors(engine: Engine) -> list[tuple[str, str]]:
    return [(str(door.entrance), str(door.leads_to)) for door in engine.state.doors]


@both_ends
@all_captures
def test_damaged_sessions(path: Path, role: str) -> None:
    """Whatever is said: no error of ours, and every door is of the inside end, for the other, at a harmless port."""
    chance = random.Random(path.stem + role)
    client, server = control_ends(path)
    inside, outside = (server, client) if role == "callee" else (client, server)
    for _ in range(6):
        heard, engine = passed(path, role, [(end, damaged(data, chance)) for end, data in talk(path)])
        assert "internal-error" not in str(engine.drops)
        assert heard.keys() == {End.CLIENT, End.SERVER}
        for door in engine.state.doors.everyone():
            assert (door.leads_to.address, door.visitor) == (inside.address, outside.address)
            assert may_lead_to(TCP, door.leads_to.port)


def damaged(data: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.7:
        return data
    edges = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(3))})
    parts = [data[start:stop] for start, stop in pairwise(edges)]
    kind = chance.randrange(4)
    if kind == 0:
        chance.shuffle(parts)
    elif kind == 1:
        parts.insert(
            chance.randrange(len(parts)), chance.choice([b"PORT ", b"\r\n", b"227 ", b"\xff\xf4", b",", b"|1|"])
        )
    elif kind == 2:
        del parts[chance.randrange(len(parts))]
    else:
        parts = [bytes(byte ^ (chance.random() < 0.1) * chance.randrange(256) for byte in data)]
    return b"".join(parts)
