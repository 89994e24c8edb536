"""TFTP of other projects' captures through replay, clients or servers as the inside; tshark judges what leaves."""

import random
from functools import cache
from pathlib import Path

import pytest

from doorman.cli.replay import overload_config
from doorman.config.model import Config
from doorman.config.statics import StaticHost
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.addresses import Address, Prefix, address_of
from doorman.net.captures import Frame
from doorman.net.packet import Packet
from doorman.net.packet import parse_packet as parsed
from kit.captures import SHARED, Replayed, missing, read, replayed, tshark
from kit.connections import packets, raw
from kit.packets import udp

TOKEN_RING = "wsfork_tftp"
"""A link that nobody has any more: its one packet passes as it is."""
ALL = sorted(path for path in (SHARED / "tftp").glob("*.pcap") if path.stem != TOKEN_RING)
GLOBAL, TFTP_PORT = address_of("203.0.113.1"), 69
FIELDS = ["tftp.opcode", "tftp.block", "tftp.source_file", "udp.checksum.status", "ip.checksum.status"]

all_captures = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
both_ends = pytest.mark.parametrize("inside", ["clients", "servers"])


@cache
def taken(path: Path) -> list[tuple[Frame, Packet]]:
    return [(raw(frame, one.data), one) for frame, one in packets(read(path.read_bytes()))]


def ends(path: Path, inside: str) -> list[Address]:
    """The hosts of one kind, each once."""
    asked = [one for _, one in taken(path) if one.destination_port == TFTP_PORT]
    found = (one.source if inside == "clients" else one.destination for one in asked)
    return list(dict.fromkeys(found))


def gateway(path: Path, inside: str) -> Config:
    """Clients share an address; servers have one each."""
    hosts = ends(path, inside)
    config = overload_config([Prefix(host, 32) for host in hosts], GLOBAL)
    if inside == "servers":
        config.dynamic_sources.clear()
        for number, host in enumerate(hosts):
            config.statics.add(StaticHost(host, address_of(f"203.0.113.{number + 10}")))
    return config


def through(path: Path, inside: str, frames: list[Frame]) -> Replayed:
    return replayed(frames, Engine(gateway(path, inside), random.Random(1).random))


def test_the_captures_are_here() -> None:
    if not ALL:
        missing("the folder ../shared/captures")
    assert len(ALL) == 3


@both_ends
@all_captures
def test_a_capture(path: Path, inside: str, tmp_path: Path) -> None:
    """Each transfer comes by the door of its request; nothing is changed but names, and no inside one is left."""
    frames = [frame for frame, _ in taken(path)]
    done = through(path, inside, frames)
    assert done.found["asymmetries"] == []
    assert done.reasons == []
    left = [one for one in map(parsed, done.packets) if one is not None]
    assert [one.payload for one in left] == [one.payload for _, one in taken(path)]
    assert {*ends(path, inside)}.isdisjoint(end for one in left for end in (one.source, one.destination))
    answered = {(one.receiver, one.source) for _, one in taken(path)}
    asked = {(one.sender, one.destination) for _, one in taken(path) if one.destination_port == TFTP_PORT}
    used = [door for door in done.found["doors"] if door["promoted_at_packet"]]
    assert len(used) == (len(asked & answered) if inside == "clients" else 0)
    (tmp_path / "before.pcapng").write_bytes(replayed(frames, Config()).out)
    (tmp_path / "after.pcapng").write_bytes(done.out)
    before, after = (tshark(tmp_path / f"{name}.pcapng", *FIELDS) for name in ("before", "after"))
    assert after == before


@both_ends
@all_captures
def test_damaged_datagrams(path: Path, inside: str) -> None:
    """Whatever is said: no error of ours, nothing changed, and every door is of a client that asked."""
    chance = random.Random(path.stem + inside)
    engine = Engine(gateway(path, inside), chance.random)
    clients = {*ends(path, "clients")}
    for _, one in taken(path)[:200]:
        data = bytes(byte ^ (chance.random() < 0.05) * chance.randrange(256) for byte in one.payload[:40])
        packet = udp(str(one.sender), str(one.receiver), data[: chance.randrange(1, 41)])
        side = Side.INSIDE if one.source in {*ends(path, inside)} else Side.OUTSIDE
        engine.receive(packet, side, 1000.0)
        for door in engine.state.doors.everyone():
            assert door.leads_to.address in clients
    assert "internal-error" not in str(engine.drops)
