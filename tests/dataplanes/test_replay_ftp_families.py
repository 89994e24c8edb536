"""FTP between families through replay: an inside of IPv6, and what an outside of IPv4 sees, as tshark reads it."""

import random
from pathlib import Path

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from doorman.config.reader import read_config
from doorman.engine.realms import engines
from doorman.net.captures import Frame
from doorman.net.links import find_packet
from kit.captures import SHARED, Replayed, frames, missing, read, replayed
from kit.ftp64 import HOST, NAME, V6V4, V6V4_STATIC
from kit.roles import Seen, seen_in

SESSIONS = SHARED / "ftp" / "suricata_ftp-all-data-ipv6.pcap"
"""A client and a server of IPv6: all commands that move data, passive and active."""
CLIENT, SERVER = "fd00:10:16:1::3", "fd00:10:16:1::2"
PEER, PEER_V6 = "198.51.100.20", "2001:db8:64::c633:6414"
FIELDS = [
    *("ip.src", "ip.dst", "ipv6.src", "tcp.dstport", "tcp.payload", "tcp.len"),
    *("ftp.request.command", "ftp.request.arg", "ftp.response.code", "tcp.checksum.status", "ip.checksum.status"),
]
EXTENDED = {"EPSV": "PASV", "EPRT": "PORT"}


def through(text: str, captured: list[Frame]) -> Replayed:
    (engine,) = engines(read_config(text, "test.cfg"), random.Random(1).random).values()
    return replayed(captured, engine)


def seen(done: Replayed, folder: Path) -> Seen:
    (found,) = seen_in([read(done.out)], folder / "out.pcapng", FIELDS)
    return found


def said(found: Seen, field: str) -> list[str]:
    return [word for frame in found for word in frame[field]]


def called_by_prefix() -> list[Frame]:
    """The capture as if its server had IPv4 and were called by the prefix."""
    if not SESSIONS.exists():
        missing("the folder ../shared/captures")
    packets = []
    for frame in read(SESSIONS.read_bytes()):
        packet = IPv6(frame.data[find_packet(frame.data, frame.link) :])
        if TCP in packet:
            packet.src, packet.dst = (PEER_V6 if end == SERVER else end for end in (packet.src, packet.dst))
            del packet[TCP].chksum
            packets.append(bytes(packet))
    return frames(*packets)


def test_a_client_of_ipv6_and_a_server_of_ipv4(tmp_path: Path) -> None:
    """Real sessions, in which the outside sees the commands of RFC 959 only, and its data connections come in."""
    captured = called_by_prefix()
    (before,) = seen_in([captured], tmp_path / "in.pcapng", FIELDS)
    done = through(V6V4.replace("2001:db8:1::/64", "fd00:10:16:1::/64"), captured)
    after = seen(done, tmp_path)
    assert (done.found["drops"], done.found["asymmetries"]) == ([], [])
    assert len(after) == len(before)
    commands = said(before, "ftp.request.command")
    assert commands.count("EPSV") == commands.count("EPRT") == 7
    assert said(after, "ftp.request.command") == [EXTENDED.get(command, command) for command in commands]
    codes = said(before, "ftp.response.code")
    assert said(after, "ftp.response.code") == [code.replace("229", "227") for code in codes]
    assert said(after, "ipv6.src") == []
    assert {end for frame in after for end in frame["ip.src"] + frame["ip.dst"]} == {PEER, "203.0.113.1"}
    assert "0" not in said(after, "tcp.checksum.status") + said(after, "ip.checksum.status")
    told = bytes.fromhex("".join(said(after, "tcp.payload")))
    assert b"fd00:" not in told
    assert told.count(b"PORT 203,0,113,1,") == 7
    assert told.count(b"(198,51,100,20,") == 7


Lines = list[tuple[bool, bytes]]
"""Lines of a session, and whether the client says them."""


def session(lines: Lines, client: str, server: str) -> list[Frame]:
    """A control connection, each line in a segment of its own."""
    ends = ((client, 40_000), (server, 21))
    next_, packets = [1_000, 9_000], []

    def send(end: int, flags: str, data: bytes = b"") -> None:
        (source, sport), (target, dport) = ends[end], ends[1 - end]
        header = TCP(sport=sport, dport=dport, flags=flags, seq=next_[end], ack=next_[1 - end] if "A" in flags else 0)
        packets.append(bytes(IPv6(src=source, dst=target) / header / data))
        next_[end] += len(data) + ("S" in flags)

    send(0, "S")
    send(1, "SA")
    send(0, "A")
    for by_client, line in lines:
        send(1 - by_client, "PA", line + b"\r\n")
        send(int(by_client), "A")
    return frames(*packets)


ANSWERED: Lines = [
    (False, b"220 ready"),
    (True, b"ALGS STATUS64"),
    (False, b"216 EPSVEPRT"),
    (True, b"EPSV ALL"),
    (False, b"504 Command not implemented for that parameter"),
    (True, b"EPSV"),
    (False, b"229-This way\r\n (|||40003|)\r\n229 please"),
    (True, f"EPRT |2|{HOST}|40003|".encode()),
    (False, b"200 ok"),
]
DISABLED: Lines = [(True, b"ALGS DISABLE64"), (False, b"216 NONE"), (True, b"EPSV"), (False, b"229 ok (|||40003|)")]


def at_once(lines: Lines) -> Lines:
    return [(end, b"\r\n".join(line for by, line in lines if by == end)) for end in (True, False)]


@pytest.mark.parametrize("lines", [ANSWERED + DISABLED, at_once(ANSWERED)], ids=["line by line", "at once"])
def test_what_the_gateway_answers_itself(tmp_path: Path, lines: Lines) -> None:
    """What was captured behind a gateway with this ALG arrives as it did then, however it was asked for."""
    done = through(V6V4, session(lines, HOST, PEER_V6))
    assert (done.found["drops"], done.found["asymmetries"]) == ([], [])
    told = bytes.fromhex("".join(said(seen(done, tmp_path), "tcp.payload"))).splitlines()
    disabled = [b"NOOP", b"200 OK", b"EPSV", b"229 ok (|||40003|)"] if lines[-1] == DISABLED[-1] else []
    assert sorted(told) == sorted([
        *(b"220 ready", b"NOOP", b"200 OK", b"NOOP", b"200 OK", b"PASV", b"227-This way", b" (198,51,100,20,156,67)"),
        *(b"227 please", b"PORT 203,0,113,1,156,67", b"200 ok", *disabled),
    ])  # fmt: skip


def test_a_client_of_ipv4_and_a_server_of_ipv6(tmp_path: Path) -> None:
    """What a server inside got as EPSV its client may have said so itself; then it is told by 229."""
    lines: Lines = [
        (False, b"220 ready"),
        (True, f"EPRT |2|{PEER_V6}|40003|".encode()),
        (False, b"200 ok"),
        (True, b"EPSV"),
        (False, b"229 ok (|||40003|)"),
    ]
    done = through(V6V4_STATIC, session(lines, PEER_V6, HOST))
    assert (done.found["drops"], done.found["asymmetries"]) == ([], [])
    found = seen(done, tmp_path)
    assert {end for frame in found for end in frame["ip.src"] + frame["ip.dst"]} == {PEER, NAME}
    assert said(found, "ftp.request.arg") == [f"|1|{PEER}|40003|"]
