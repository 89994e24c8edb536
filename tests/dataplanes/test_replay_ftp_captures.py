"""Real FTP sessions of other projects through replay, each end of them as the inside; tshark judges what comes out."""

import re
from collections import Counter
from pathlib import Path

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet import TCP as SCAPY_TCP

from doorman.firewall.doors import may_lead_to
from doorman.net.addresses import Endpoint, address_of, address_text
from doorman.net.captures import Frame
from doorman.net.packet import TCP
from kit.captures import SHARED, missing, read
from kit.connections import named, opened, raw, streams
from kit.roles import Seen, all_roles
from kit.stream_captures import Run, StreamCaptures, faults, tcp_packets

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
SAID = ["ftp.request.command", "ftp.response.code"]
FIELDS = ["ip.src", "ip.dst", "tcp.srcport", *SAID]
TOKENS = [b"PORT ", b"\r\n", b"227 ", b"\xff\xf4", b",", b"|1|"]


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


CAPTURES = StreamCaptures(ALL, {CONTROL}, taken)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, str], Run]:
    """All captures through all gateways."""
    return CAPTURES.runs(tmp_path_factory.mktemp("out"), FIELDS)


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
    taken = CAPTURES.taken(path)
    assert done.found["packets"]["read"] == len(taken)
    if not (path.stem == BOUNCE and role == "callee"):
        assert done.found["asymmetries"] == []
    if path.stem in TOO_LONG:
        assert "ftp: message-too-long" in done.reasons
        return
    assert done.found["drops"] == []
    host = CAPTURES.inside_of(path, role)
    assert streams(done.packets, host) in ({}, streams(taken, host)) or role != "callee"
    assert said(after) == said(before) or path.stem == DAMAGED
    assert path.stem == DAMAGED or faults(after) - faults(before) == Counter()


def said(seen: Seen) -> Counter[str]:
    return Counter(word.upper() for frame in seen for field in SAID for word in frame[field])


@all_roles
@all_captures
def test_no_inside_address_is_left(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    inside = CAPTURES.inside_of(path, role)
    text = re.escape(address_text(inside).encode()).replace(rb"\.", rb"[.,]")
    own = re.compile(rb"(?<![\d.,])" + text + rb"(?![\d.])")
    out = read(runs[path, role].done.out)
    left = [payload for payload in CAPTURES.sent_by(CAPTURES.outside_of(path), out) if own.search(payload)]
    said = [line for line in left if line[:4].upper() in {b"PORT", b"EPRT", b"227 ", b"227-"}]
    assert said == [] or path.stem == ENCRYPTED
    assert not CAPTURES.sent_by(inside, out)


both_ends = pytest.mark.parametrize("role", ["caller", "callee"])


@both_ends
@all_captures
def test_any_segmentation(path: Path, role: str) -> None:
    if path.stem not in TOO_LONG:
        CAPTURES.check_segmentation(path, role)


@both_ends
@all_captures
def test_damaged_sessions(path: Path, role: str) -> None:
    """Whatever is said: no error of ours, and every door is of the inside end, for the other, at a harmless port."""
    client, server = CAPTURES.ends(path)
    inside, outside = (server, client) if role == "callee" else (client, server)
    for engine in CAPTURES.damages(path, role, TOKENS):
        for door in engine.state.doors.everyone():
            assert (door.leads_to.address, door.visitor) == (inside.address, outside.address)
            assert may_lead_to(TCP, door.leads_to.port)
