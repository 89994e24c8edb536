"""rsh and rlogin of other projects' captures through replay: real sessions, syslog on their port, an endless name."""

import gzip
import random
from functools import cache

import pytest
from scapy.layers.inet import IP, TCP

from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import Side
from doorman.net.captures import Frame
from doorman.net.packet import Packet, parse_packet
from kit.captures import SHARED, Replayed, missing, read, replayed
from kit.connections import packets, raw, streams
from kit.packets import endpoint, tcp
from kit.rcmd import SERVED
from kit.sip import OVERLOAD

RCMD = SHARED / "rcmd"
CLIENT, SERVER = "10.0.0.10", "198.51.100.20"
"""What the two ends of a capture on one machine are called here."""
_WINDOW = 50
"""Packets of that capture before the client sends more than the server said it would take."""
RLOGIN = OVERLOAD.replace("10.0.0.", "192.168.1.") + "ip nat service rcmd tcp port 513\n"


@pytest.fixture(scope="module", autouse=True)
def _captures() -> None:
    if not RCMD.exists():
        missing("the folder ../shared/captures")


@cache
def rsh(client: str, server: str) -> list[Frame]:
    """Two sessions of one machine with itself, as two hosts would have them."""
    found = []
    for frame, one in packets(read((RCMD / "ndpi_rsh.pcap").read_bytes())):
        parsed = IP(one.data)
        ends = (client, server) if one.destination_port == 514 else (server, client)
        parsed.src, parsed.dst = ends
        del parsed.chksum, parsed[TCP].chksum
        found.append(raw(frame, bytes(parsed)))
    return found


def left(done: Replayed) -> list[Packet]:
    return [one for one in map(parse_packet, done.packets) if one is not None]


@pytest.mark.parametrize("crowded", [False, True])
def test_clients_inside(crowded: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The ports that they announce stay, or become others as long; the server never connects in this capture."""
    engine = Engine(read_config(OVERLOAD, "test.cfg"), random.Random(1).random)
    frames = rsh(CLIENT, SERVER)
    if crowded:
        for port in (1020, 1022):
            engine.receive(tcp(f"10.0.0.11:{port}", "192.0.2.9:9"), Side.INSIDE, frames[0].time_ns / 1e9)
    done = replayed(frames, engine)
    assert (done.found["asymmetries"], done.found["drops"], done.found["notes"]) == ([], [], {})
    assert done.found["messages"]["rcmd"] == {"rsh": 2}
    doors = done.found["doors"]
    assert [door["leads_to"] for door in doors] == ["10.0.0.10:1022", "10.0.0.10:1020"]
    ports = [door["entrance"].partition(":")[2].encode() for door in doors]
    assert (b"1022" in ports) != crowded
    said = [one.payload for one in left(done) if one.destination_port == 514 and one.payload]
    assert said[::2] == [port + b"\0" for port in ports]
    assert all(one.source != endpoint(CLIENT).address for one in left(done))


def test_servers_inside() -> None:
    frames = rsh(SERVER, CLIENT)
    done = replayed(frames, SERVED)
    assert (done.found["asymmetries"], done.found["drops"], done.found["notes"]) == ([], [], {})
    assert (done.found["messages"]["rcmd"], done.found["doors"]) == ({"rsh": 2}, [])
    before = [one.payload for _, one in packets(frames)]
    assert [one.payload for one in left(done)] == before


def test_syslog_is_left_alone() -> None:
    frames = read((RCMD / "ndpi_rsh-syslog-false-positive.pcap").read_bytes())
    done = replayed(frames, OVERLOAD.replace("10.0.0.0 0.0.0.255", "172.31.0.0 0.0.255.255"))
    assert (done.found["asymmetries"], done.found["drops"]) == ([], [])
    assert done.found["notes"] == {"rcmd-connection-already-open": 1, "cut-short-by-capture": 2}
    assert [one.payload for one in left(done)] == [one.payload for _, one in packets(frames)]


def test_an_endless_name_is_nobodys_affair() -> None:
    """A client of rlogin sends names without end: they go on as they come, and nothing is kept."""
    data = gzip.decompress((RCMD / "zeek_rlogin-long-client-user-no-nul.pcapng.gz").read_bytes())
    frames = [raw(frame, one.data) for frame, one in packets(read(data))][:_WINDOW]
    client = next(one for _, one in packets(frames) if one.destination_port == 513)
    config = RLOGIN.replace("192.168.1.0 0.0.0.255", f"host {client.sender}".rpartition(":")[0])
    done = replayed(frames, config)
    assert (done.found["asymmetries"], done.found["drops"]) == ([], [])
    host = client.source
    assert streams(done.packets, host) in ({}, streams(frames, host))
    assert sum(len(one.payload) for one in left(done)) == sum(len(one.payload) for _, one in packets(frames))
