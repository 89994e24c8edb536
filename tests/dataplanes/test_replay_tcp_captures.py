"""SIP over TCP through replay, each end of it as the inside: real connections, and real calls put into connections."""

import random
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple, cast

import pytest

from doorman.algs.registry import Service
from doorman.config.model import Config
from doorman.engine.engine import Engine
from doorman.engine.results import Result, Side
from doorman.net.addresses import Address, Endpoint, address_of, address_text
from doorman.net.captures import Frame
from doorman.net.packet import TCP
from kit.captures import SHARED, Replayed, missing, read, replayed
from kit.connections import moved, opened, over_tcp, packets, streams
from kit.packets import tcp
from kit.roles import NEIGHBOUR, ROLES, Seen, all_roles, garbled, gateway_for, global_address, seen_in

REAL = [
    "nrusso_sip_basic_do_183.pcapng",
    "nrusso_sip_options_oob.pcapng",
    "nrusso_sip_prack_do_183.pcapng",
    "nrusso_sip_prack_eo_183.pcapng",
    "nrusso_sip_recording_siprec_signalling.pcap",
    "nrusso_sip_refer_transfer.pcapng",
    "ndpi_http_on_sip_port.pcap",
    "suricata_sip-body-large.pcap",
    "suricata_sip-tcp-method.pcap",
    "suricata_sip-tcp-pattern-matching.pcap",
]
TOO_LONG = "suricata_sip-body-large"
"""A message of 65 kB: the gateway resets its connection."""
FUZZED = "ndpi_fuzz-2006-06-26-2594"
"""Messages that cannot be read: of those that come from the outside, nobody can say what was sent."""
LOOPBACK = address_of("127.0.0.1")
DATAGRAMS = sorted(
    path
    for path in (SHARED / "sip").glob("*.pcap*")
    if path.name not in REAL and not path.stem.startswith(("sngrep_ipip", "sngrep_ipv6frag"))
)
ALL = [SHARED / "sip" / name for name in REAL] + DATAGRAMS
ANALYSIS = [
    f"tcp.analysis.{name}"
    for name in (
        *("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment"),
        *("ack_lost_segment", "duplicate_ack", "window_full", "zero_window", "zero_window_probe", "keep_alive"),
    )
]
HOSTS = [
    *("sip.Via.sent-by.address", "sip.r-uri.host", "sip.contact.host", "sip.Record-Route.host", "sip.Route.host"),
    *("sdp.connection_info.address", "sdp.owner.address"),
]
FIELDS = [
    *("ip.src", "ip.dst", "tcp.srcport", "sip.Method", "sip.Status-Code", "tcp.checksum.status", "ip.checksum.status"),
    *(*ANALYSIS, *HOSTS),
]
BAD = "0"
SEQUENCES = ("-o", "tcp.analyze_sequence_numbers:TRUE")


class Recorder:
    """An engine that keeps what leaves towards the inside."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.delivered: list[bytes] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)

    def receive(self, data: bytes, side: Side, now: float) -> Result:
        result = self.engine.receive(data, side, now)
        if result.leaves == Side.INSIDE:
            self.delivered += result.packets
        return result


class Run(NamedTuple):
    """One capture through one gateway, and what tshark sees before and after."""

    inside: str
    done: Replayed
    delivered: list[bytes]
    before: Seen
    after: Seen


@cache
def taken(path: Path) -> list[Frame]:
    frames = read(path.read_bytes())
    if path.name not in REAL:
        return over_tcp(frames, random.Random(path.name))
    first = next(packet for _, packet in packets(frames) if packet.protocol == TCP)
    if first.source == LOOPBACK:
        phone, peer = address_of("10.0.0.10"), address_of("198.51.100.20")
        ends = {first.sender: phone, first.receiver: peer}
        frames = moved(frames, {end: Endpoint(address, end.port) for end, address in ends.items()})
    return opened([frame for frame, packet in packets(frames) if packet.protocol == TCP])


def ends(path: Path) -> tuple[Endpoint, Endpoint]:
    first = next(iter(packets(taken(path))), None)
    return (first[1].sender, first[1].receiver) if first is not None else (Endpoint(NEIGHBOUR, 1),) * 2


def inside_of(path: Path, role: str) -> Address:
    return ends(path)[role == "callee"].address


def outside_of(path: Path) -> Address:
    return global_address(ALL.index(path))


def gateway(path: Path, role: str) -> Config:
    config = gateway_for(role, inside_of(path, role), outside_of(path))
    ports = {end.port for _, packet in packets(taken(path)) for end in (packet.sender, packet.receiver)}
    config.services[Service("sip", "tcp")] = frozenset({5060, 5062} | (ports - {80, 8888}))
    return config


def run(path: Path, role: str) -> tuple[Replayed, list[bytes]]:
    recorder = Recorder(Engine(gateway(path, role), random.Random(1).random))
    now = taken(path)[0].time_ns / 1e9 if taken(path) else 0.0
    inside = inside_of(path, role)
    if role == "crowded":
        own = {
            end.port for _, one in packets(taken(path)) for end in (one.sender, one.receiver) if end.address == inside
        }
        for port in sorted(own):
            recorder.receive(tcp(f"{address_text(NEIGHBOUR)}:{port}", "192.0.2.1:9"), Side.INSIDE, now)
    return replayed(taken(path), cast("Engine", recorder)), recorder.delivered


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, str], Run]:
    """All captures through all gateways."""
    folder = tmp_path_factory.mktemp("out")
    before = seen_in([taken(path) for path in ALL], folder / "before.pcapng", FIELDS, SEQUENCES)
    found = {}
    for role in ROLES:
        done = [run(path, role) for path in ALL]
        after = seen_in([read(one.out) for one, _ in done], folder / f"{role}.pcapng", FIELDS, SEQUENCES)
        for path, (one, delivered), was, became in zip(ALL, done, before, after, strict=True):
            found[path, role] = Run(address_text(inside_of(path, role)), one, delivered, was, became)
    return found


all_captures = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def test_the_captures_are_here() -> None:
    if not DATAGRAMS:
        missing("the folder ../shared/captures")
    assert len(ALL) >= 40


@all_roles
@all_captures
def test_nothing_is_garbled(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    found = runs[path, role].done.found
    assert found["packets"]["read"] == len(taken(path))
    assert garbled(found, path, role) == []
    assert "internal-error" not in str(found["drops"])
    assert "tcp-segment-missing" not in found["notes"]


@all_roles
@all_captures
def test_the_inside_gets_the_captured_streams(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    one = runs[path, role]
    host = inside_of(path, role)
    if not one.done.found["drops"]:
        assert streams(one.delivered, host) == streams(taken(path), host)


@all_roles
@all_captures
def test_tshark_finds_nothing_wrong_that_was_not_before(
    path: Path, role: str, runs: dict[tuple[Path, str], Run]
) -> None:
    one = runs[path, role]
    assert faults(one.after) - faults(one.before) == Counter()


def faults(seen: Seen) -> Counter[str]:
    said = Counter(field for frame in seen for field in ANALYSIS if frame[field])
    for frame in seen:
        said.update(field for field in FIELDS if field.endswith(".checksum.status") and BAD in frame[field])
    return said


@all_roles
@all_captures
def test_every_message_is_translated_and_goes_on(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    one = runs[path, role]
    own = re.compile(rf"(?<![\d.]){re.escape(one.inside)}(?![\d.])")
    outside = address_text(outside_of(path))
    crossing = [frame for frame in one.after if outside in frame["ip.src"] + frame["ip.dst"]]
    left = [value for frame in crossing for field in HOSTS for value in frame[field] if own.search(value)]
    if path.stem == TOO_LONG:
        assert "sip: message-too-long" in one.done.reasons
        return
    if path.stem != FUZZED:
        assert left == []
    if not one.done.found["drops"]:
        assert messages(one.after) == messages(one.before)


def messages(seen: Seen) -> Counter[str]:
    return Counter(kind for frame in seen for kind in frame["sip.Method"] + frame["sip.Status-Code"])
