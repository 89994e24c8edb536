"""ICMP of other projects' captures through replay: errors by themselves, and with the packets that they are about."""

import random
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP

from doorman.cli.replay import overload_config
from doorman.config.model import Config
from doorman.config.statics import StaticHost
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import Address, Prefix, address_of, address_text
from doorman.net.captures import Frame
from doorman.net.packet import TCP, Packet, parse_packet
from kit.captures import SHARED, Replayed, missing, read, replayed, tshark
from kit.connections import packets, raw
from kit.packets import rebuilt

GLOBAL = address_of("203.0.113.1")
ALL = sorted((SHARED / "icmp").glob("*.pcap*"))
IPV6 = [path for path in ALL if "icmp6" in path.stem or "IcmpV6" in path.stem]
"""Errors of ICMPv6: they pass as they are."""
ALONE = [path for path in ALL if path not in IPV6 and path.stat().st_size < 300]
"""One error, and nothing that it could be about."""
TRACEROUTE, FRAGMENTATION = SHARED / "icmp/csanders_icmp_traceroute.pcapng", SHARED / "icmp/suricata_bug-3616-smtp.pcap"
FIELDS = ["icmp.type", "icmp.code", "icmp.checksum.status", "icmp.mtu", "icmp.seq", "ip.checksum.status"]


@pytest.fixture(autouse=True)
def _captures() -> None:
    if not ALL:
        missing("the folder ../shared/captures")


def taken(path: Path) -> list[tuple[Frame, Packet]]:
    return [(raw(frame, one.data), one) for frame, one in packets(read(path.read_bytes()))]


def sharing(*inside: Address) -> Config:
    return overload_config([Prefix(host, 32) for host in inside], GLOBAL)


def through(config: Config, frames: list[Frame]) -> Replayed:
    return replayed(frames, Engine(config, random.Random(1).random))


def left(done: Replayed) -> list[Packet]:
    return [one for one in map(parse_packet, done.packets) if one is not None]


def test_the_captures_are_here() -> None:
    assert (len(ALL), len(IPV6), len(ALONE)) == (16, 6, 7)


@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_an_error_about_nothing_that_passed(path: Path) -> None:
    """It comes from outside to a translated host, and does not get there; from inside, it does not get out."""
    [(frame, error)] = taken(path)
    for host in (error.source, error.destination):
        done = through(sharing(host), [frame])
        assert done.packets == []
        assert done.reasons[0].startswith("icmp-error-without-")
    assert through(Config(), [frame]).packets == [error.data]


@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_an_error_about_a_packet_that_passed(path: Path) -> None:
    """What it quotes is sent first, as far as that can be known: then its host gets it, and finds its packet in it."""
    [(_, error)] = taken(path)
    about = IP(error.data)[ICMP].payload
    quote = bytes(about)
    if len(quote) < 28:
        return  # nobody can tell which packet that was
    host = error.destination
    config = sharing(host)
    config.dynamic_sources.clear()
    config.statics.add(StaticHost(host, GLOBAL))
    engine = Engine(config, random.Random(1).random)
    sent = IP(quote.ljust(int.from_bytes(quote[2:4], "big"), b"\0"))
    if address_of(sent.src) != host:
        return  # nor did its receiver send it
    out = engine.receive(rebuilt(sent), Side.INSIDE, 1000.0)
    assert out.fate == Fate.FORWARDED
    told = IP(error.data)
    told.dst = address_text(GLOBAL)
    told[ICMP].payload = IP(quote[:12] + GLOBAL + quote[16:])
    result = engine.receive(rebuilt(told), Side.OUTSIDE, 1000.0)
    assert result.fate == Fate.FORWARDED, result.reason
    arrived = IP(result.packet)
    assert address_of(arrived.dst) == host
    assert bytes(arrived[ICMP].payload)[12:20] == quote[12:20]
    assert rebuilt(arrived) == result.packet


@pytest.mark.parametrize("path", IPV6, ids=lambda path: path.stem)
def test_icmpv6_passes(path: Path) -> None:
    frames = read(path.read_bytes())
    done = through(sharing(address_of("10.0.0.1")), frames)
    assert (done.found["drops"], done.found["packets"]["written"]) == ([], len(frames))


def test_a_traceroute(tmp_path: Path) -> None:
    """Each router's error arrives with the query that it is about."""
    frames = [frame for frame, _ in taken(TRACEROUTE)]
    host = taken(TRACEROUTE)[0][1].source
    done = through(sharing(host), frames)
    assert (done.found["drops"], done.found["asymmetries"]) == ([], [])
    assert all(host not in {one.source, one.destination} for one in left(done))
    assert bytes(host) not in b"".join(done.packets)
    (tmp_path / "out.pcapng").write_bytes(done.out)
    before, after = tshark(TRACEROUTE, *FIELDS), tshark(tmp_path / "out.pcapng", *FIELDS)
    assert after == [seen for seen in before if seen["icmp.type"]]


@pytest.mark.parametrize("inside", ["sender", "receiver"])
def test_fragmentation_needed(inside: str, tmp_path: Path) -> None:
    """A router on the way asks a mail client for shorter segments; from either side its MTU gets through."""
    error = next(one for _, one in taken(FRAGMENTATION) if one.is_error)
    flow = next(one for _, one in taken(FRAGMENTATION) if one.protocol == TCP and one.source == error.destination)
    host = flow.source if inside == "sender" else flow.destination
    frames = [frame for frame, one in taken(FRAGMENTATION) if one.protocol == TCP or one.is_error]
    config = sharing(host, *([error.source] if inside == "receiver" else []))
    if inside == "receiver":
        config.dynamic_sources.clear()
        config.statics.add(StaticHost(host, GLOBAL))
    done = through(config, frames)
    assert done.found["asymmetries"] == []
    (tmp_path / "out.pcapng").write_bytes(done.out)
    errors = [seen for seen in tshark(tmp_path / "out.pcapng", *FIELDS) if seen["icmp.type"] == ["3"]]
    wanted = [seen for seen in tshark(FRAGMENTATION, *FIELDS) if seen["icmp.type"] == ["3"]]
    assert errors == wanted
    assert bytes(host) not in b"".join(one.data[:60] for one in left(done) if one.is_error)
