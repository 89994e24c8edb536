"""Captures of a protocol over TCP through gateways, each end of them as the inside: what their tests have in common.

captures = StreamCaptures(paths, {21}, taken)
captures.run(path, "caller")            through a replay; see `kit/roles.py`
captures.passed(path, "callee", said)   what is said on one connection, cut or damaged, through a proxy
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

from scapy.layers.inet import IP
from scapy.layers.inet import TCP as SCAPY_TCP

from doorman.config.model import Config
from doorman.engine.connecting import connect
from doorman.engine.connections import End
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.addresses import Address, Endpoint, address_text
from doorman.net.captures import Frame
from doorman.net.packet import TCP, Packet
from kit.captures import Replayed, read, replayed
from kit.connections import packets
from kit.packets import tcp
from kit.roles import NEIGHBOUR, ROLES, Seen, gateway_for, global_address, seen_in

ANALYSIS = [
    f"tcp.analysis.{name}"
    for name in (
        *("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment"),
        *("ack_lost_segment", "duplicate_ack", "window_full", "zero_window", "zero_window_probe", "keep_alive"),
    )
]
CHECKSUMS = ["tcp.checksum.status", "ip.checksum.status"]
BAD = "0"

Said = list[tuple[End, bytes]]
"""What two ends say, in turn."""


class Run(NamedTuple):
    """One capture through one gateway, and what tshark sees before and after."""

    done: Replayed
    before: Seen
    after: Seen


class StreamCaptures:
    """Captures whose messages go over TCP.

    Args:
        paths: the files.
        ports: of the servers.
        taken: the frames of a file, with connections that begin with a SYN.
    """

    def __init__(self, paths: list[Path], ports: Iterable[int], taken: Callable[[Path], list[Frame]]) -> None:
        self.paths = paths
        self.ports = frozenset(ports)
        self.taken = cache(taken)
        self.talk = cache(self._talk)

    def ends(self, path: Path) -> tuple[Endpoint, Endpoint]:
        """Client and server of the connection on which most is said."""
        said: Counter[tuple[Endpoint, Endpoint]] = Counter()
        for _, one in tcp_packets(self.taken(path)):
            if {one.source_port, one.destination_port} & self.ports:
                pair = (one.sender, one.receiver)
                said[pair if one.destination_port in self.ports else pair[::-1]] += len(one.payload)
        return said.most_common(1)[0][0]

    def inside_of(self, path: Path, role: str) -> Address:
        """The host that is inside."""
        return self.ends(path)[role == "callee"].address

    def outside_of(self, path: Path) -> Address:
        """What it is called outside."""
        return global_address(self.paths.index(path))

    def gateway(self, path: Path, role: str) -> Config:
        """The gateway that has it inside."""
        return gateway_for(role, self.inside_of(path, role), self.outside_of(path))

    def run(self, path: Path, role: str) -> Replayed:
        """A capture through its gateway."""
        engine = Engine(self.gateway(path, role), random.Random(1).random)
        if role == "crowded":
            inside = self.inside_of(path, role)
            ends = {end for _, one in tcp_packets(self.taken(path)) for end in (one.sender, one.receiver)}
            for port in sorted(end.port for end in ends if end.address == inside):
                engine.receive(
                    tcp(f"{address_text(NEIGHBOUR)}:{port}", "192.0.2.1:9"),
                    Side.INSIDE,
                    self.taken(path)[0].time_ns / 1e9,
                )
        return replayed(self.taken(path), engine)

    def runs(self, folder: Path, fields: list[str]) -> dict[tuple[Path, str], Run]:
        """All captures through all gateways, with what tshark says of these fields and of what may be wrong."""
        options = ("-o", "tcp.analyze_sequence_numbers:TRUE")
        asked = [*fields, *CHECKSUMS, *ANALYSIS]
        before = seen_in([self.taken(path) for path in self.paths], folder / "before.pcapng", asked, options)
        found = {}
        for role in ROLES:
            done = [self.run(path, role) for path in self.paths]
            after = seen_in([read(one.out) for one in done], folder / f"{role}.pcapng", asked, options)
            for path, one, was, became in zip(self.paths, done, before, after, strict=True):
                found[path, role] = Run(one, was, became)
        return found

    def sent_by(self, host: Address, frames: list[Frame]) -> list[bytes]:
        """What a host says on its connections to servers, or as one."""
        of_protocol = (one for _, one in tcp_packets(frames) if {one.source_port, one.destination_port} & self.ports)
        return [one.payload for one in of_protocol if one.source == host]

    def _talk(self, path: Path) -> Said:
        """What is said on that connection."""
        client, server = self.ends(path)
        sent: dict[Endpoint, set[int]] = {client: set(), server: set()}
        found: Said = []
        for _, one in tcp_packets(self.taken(path)):
            if {one.sender, one.receiver} == {client, server} and one.payload:
                number = IP(one.data)[SCAPY_TCP].seq
                if number not in sent[one.sender]:
                    sent[one.sender].add(number)
                    found.append((End.CLIENT if one.sender == client else End.SERVER, one.payload))
        return found

    def passed(self, path: Path, role: str, spoken: Said) -> tuple[dict[End, bytes], Engine]:
        """What both ends hear, and the engine in between."""
        engine = Engine(self.gateway(path, role), random.Random(1).random)
        client, server = self.ends(path)
        side = Side.INSIDE
        if role == "callee":
            side, server = Side.OUTSIDE, Endpoint(self.outside_of(path), server.port)
        connection = connect(engine, client, server, side, 1000.0)
        heard = {End.CLIENT: b"", End.SERVER: b""}
        for end, data in spoken:
            relay = connection.receive(data, end, 1000.0)
            heard[End(1 - end)] += relay.data
            heard[end] += relay.back
        return heard, engine

    def check_segmentation(self, path: Path, role: str) -> None:
        """Byte by byte, or all that an end says in one go, is the same."""
        talk = self.talk(path)
        whole, engine = self.passed(path, role, talk)
        apart = [(end, bytes([byte])) for end, data in talk for byte in data]
        joined = [(end, b"".join(data for _, data in some)) for end, some in groupby(talk, key=lambda one: one[0])]
        for spoken in (apart, joined):
            heard, other = self.passed(path, role, spoken)
            assert heard == whole
            assert other.inspector.messages == engine.inspector.messages
            assert doors(other) == doors(engine)

    def damages(self, path: Path, role: str, tokens: list[bytes], times: int = 6) -> list[Engine]:
        """The engines that damaged sessions went through; each of their errors would be ours."""
        chance = random.Random(path.stem + role)
        engines = []
        for _ in range(times):
            spoken = [(end, damaged(data, chance, tokens)) for end, data in self.talk(path)]
            heard, engine = self.passed(path, role, spoken)
            assert "internal-error" not in str(engine.drops)
            assert heard.keys() == {End.CLIENT, End.SERVER}
            engines.append(engine)
        return engines


def tcp_packets(frames: list[Frame]) -> list[tuple[Frame, Packet]]:
    """The packets of TCP with their frames."""
    return [(frame, one) for frame, one in packets(frames) if one.protocol == TCP and one.has_ports]


def doors(engine: Engine) -> list[tuple[str, str]]:
    """The doors that are open."""
    return [(str(door.entrance), str(door.leads_to)) for door in engine.state.doors]


def faults(seen: Seen) -> Counter[str]:
    """What tshark finds wrong."""
    found = Counter(field for frame in seen for field in ANALYSIS if frame[field])
    for frame in seen:
        found.update(field for field in CHECKSUMS if BAD in frame[field])
    return found


def damaged(data: bytes, chance: random.Random, tokens: list[bytes]) -> bytes:
    """Perhaps something else: parts in another order, a part less, one of the tokens more, or other bytes."""
    if chance.random() < 0.7:
        return data
    edges = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(3))})
    parts = [data[start:stop] for start, stop in pairwise(edges)]
    kind = chance.randrange(4)
    if kind == 0:
        chance.shuffle(parts)
    elif kind == 1:
        parts.insert(chance.randrange(len(parts)), chance.choice(tokens))
    elif kind == 2:
        del parts[chance.randrange(len(parts))]
    else:
        parts = [bytes(byte ^ (chance.random() < 0.1) * chance.randrange(256) for byte in data)]
    return b"".join(parts)
