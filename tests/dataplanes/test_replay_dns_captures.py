"""Real DNS of other projects through replay, the one who asks or the one who answers inside; tshark judges.

Every address that an answer has is a host inside with a name of its own, so that all of them must be translated: into
the answers of a server inside the global ones, and of one outside nothing may arrive but what was captured.
"""

import random
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from doorman.algs.api import Direction
from doorman.cli.replay import overload_config
from doorman.config.model import Config
from doorman.config.statics import StaticHost
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import Address, Prefix, address_of, address_text
from doorman.net.captures import Frame
from doorman.net.packet import UDP, readdress
from doorman.wire.dns import possible_addresses
from kit.captures import SHARED, Replayed, missing, read, replayed
from kit.connections import opened, packets
from kit.roles import Seen, seen_in

IPV6 = {"zeek_ech", "zeek_naptr"}
"""Captures without IPv4: they pass as they are."""
SIGNED = {
    *("ndpi_dns_fragmented", "suricata_dns-with-additionals", "zeek_dns-two-responses", "zeek_dynamic-update"),
    "zeek_nsec3",
}
"""Those with signatures, whose messages stay."""
GAP = "suricata_dns-tcp-ts-gap"
"""Some segments of it are missing: what comes behind them is not looked into."""
ALL = sorted(path for path in (SHARED / "dns").glob("*.pcap") if path.stem not in IPV6)
ROLES = ["asks inside", "answers inside"]
FIELDS = ["ip.src", "ip.dst", "dns.a", "dns.qry.name", "dns.ptr.domain_name", "_ws.malformed", "udp.checksum.status"]
PORT = 53


class Run(NamedTuple):
    done: Replayed
    before: Seen
    after: Seen


@cache
def taken(path: Path) -> list[Frame]:
    return opened(read(path.read_bytes()))


@cache
def servers(path: Path) -> tuple[Address, ...]:
    """Who is asked: at their port, or, where that is of both ends, by messages that are no responses."""
    found: dict[Address, None] = {}
    for _, one in packets(taken(path)):
        if one.source_port != one.destination_port:
            found |= dict.fromkeys([one.destination] * (one.destination_port == PORT))
            found |= dict.fromkeys([one.source] * (one.source_port == PORT))
        elif not one.payload[2] & 0x80:
            found[one.destination] = None
    return tuple(found)


@cache
def clients(path: Path) -> tuple[Address, ...]:
    ends = ((one.source, one.destination) for _, one in packets(taken(path)))
    return tuple(dict.fromkeys(end for both in ends for end in both if end not in servers(path)))


@cache
def told(path: Path) -> tuple[Address, ...]:
    """The addresses in answers, but those of the ends themselves."""
    found = dict.fromkeys(Address(one) for _, p in packets(taken(path)) for one in possible_addresses(p.payload))
    ends = {*servers(path), *clients(path)}
    return tuple(one for one in found if one not in ends and one != bytes(4))


def names(path: Path, role: str) -> dict[str, str]:
    """What each host with a name for itself is called outside."""
    own = servers(path) if role == "answers inside" else clients(path)
    return {address_text(host): f"172.31.{n // 250}.{n % 250 + 1}" for n, host in enumerate((*own, *told(path)))}


def gateway(path: Path, role: str) -> Config:
    inside = clients(path) if role == "asks inside" else servers(path)
    config = overload_config([Prefix(host, 32) for host in inside], address_of("203.0.113.1"))
    for host, name in names(path, role).items():
        config.statics.add(StaticHost(address_of(host), address_of(name)))
    return config


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, str], Run]:
    folder = tmp_path_factory.mktemp("out")
    before = seen_in([taken(path) for path in ALL], folder / "before.pcapng", FIELDS)
    found = {}
    for role in ROLES:
        done = [replayed(taken(path), gateway(path, role)) for path in ALL]
        after = seen_in([read(one.out) for one in done], folder / f"{role}.pcapng", FIELDS)
        for path, one, was, became in zip(ALL, done, before, after, strict=True):
            found[path, role] = Run(one, was, became)
    return found


all_captures = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
all_roles = pytest.mark.parametrize("role", ROLES)


def test_the_captures_are_here() -> None:
    if not ALL:
        missing("the folder ../shared/captures")
    assert len(ALL) >= 19


@all_roles
@all_captures
def test_an_exchange(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    """Nothing is garbled or lost, and all addresses that have names are the names outside; tshark reads both."""
    done, before, after = runs[path, role]
    assert (done.found["asymmetries"], done.reasons) == ([], [])
    outside = names(path, role)
    said, seen = all_of(before, "dns.a"), all_of(after, "dns.a")
    if path.stem == GAP:
        assert done.found["notes"]["tcp-segment-missing"] > 0
    elif path.stem not in SIGNED:
        assert seen == Counter({outside.get(address, address): n for address, n in said.items()})
        assert not seen.keys() & outside.keys()
    assert sum(seen.values()) == sum(said.values())
    for field in ("dns.qry.name", "dns.ptr.domain_name", "_ws.malformed"):
        assert all_of(after, field) == all_of(before, field)
    assert all_of(after, "udp.checksum.status")["0"] == all_of(before, "udp.checksum.status")["0"]


def all_of(seen: Seen, field: str) -> Counter[str]:
    return Counter(value for frame in seen for value in frame[field])


def test_what_these_captures_hold_is_counted(runs: dict[tuple[Path, str], Run]) -> None:
    counted: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    for (_, role), run in runs.items():
        if role == "asks inside":
            counted.update(run.done.found["messages"]["dns"])
            noted.update(run.done.found["notes"])
    assert min(counted[name] for name in ("query", "update", "NOERROR", "NXDOMAIN")) > 0
    assert noted["signed"] > 0


# Damaged messages


@all_captures
def test_damaged_messages(path: Path) -> None:
    """No error of ours, and what passes is as long as it was: no name in reverse is among them."""
    chance = random.Random(path.stem)
    for role in ROLES:
        engine = Engine(gateway(path, role), random.Random(1).random)
        inside = clients(path) if role == "asks inside" else servers(path)
        for _, packet in packets(taken(path)):
            if packet.protocol != UDP or not packet.has_ports or packet.source not in inside:
                continue
            for _ in range(20):
                data = damaged(packet.payload, chance)
                result = engine.receive(readdress(packet, packet.sender, packet.receiver, data), Side.INSIDE, 1000.0)
                assert result.fate == Fate.DROPPED or len(result.packet) == len(packet.data) + len(data) - len(
                    packet.payload
                )
                assert all(one.message.direction == Direction.OUTBOUND for one in result.inspections)
        assert "internal-error" not in str(engine.drops)


def damaged(data: bytes, chance: random.Random) -> bytes:
    kind = chance.randrange(4)
    if kind == 0 or not data:
        return data[: chance.randrange(len(data) + 1)]
    if kind == 1:
        edges = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(3))})
        parts = [data[start:stop] for start, stop in pairwise(edges)]
        chance.shuffle(parts)
        return b"".join(parts)
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        changed[chance.randrange(len(data))] = chance.choice(
            [0, 1, 0x3F, 0x40, 0xC0, 0xC1, 0xFF, chance.randrange(256)]
        )
    return bytes(changed)
