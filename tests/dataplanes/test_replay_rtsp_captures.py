"""Real RTSP sessions of other projects through replay, each end of them as the inside; tshark judges what comes out."""

import re
from collections import Counter
from pathlib import Path

import pytest

from doorman.firewall.doors import may_lead_to
from doorman.net.addresses import address_text
from doorman.net.captures import Frame
from kit.captures import EXAMPLES, SHARED, missing, read
from kit.connections import opened, streams
from kit.roles import Seen, all_roles
from kit.stream_captures import Run, StreamCaptures, faults, tcp_packets

OWN = EXAMPLES / "rtsp-session.pcap"
ALL = [*sorted((SHARED / "rtsp").glob("*.pcap*")), OWN]
SAID = ["rtsp.method", "rtsp.status"]
FIELDS = ["ip.src", "rtsp.transport", "rtsp.session", *SAID]
TOKENS = [
    b"\r\n",
    b"$",
    b"Transport: ",
    b"client_port=22-23;",
    b";destination=192.0.2.66",
    b'"',
    b",",
    b"RTSP/1.0 200 OK",
]
SENT_AGAIN = {"ndpi_rtsp", "ipfixprobe_rtsp"}
"""Packets captured on several interfaces, or sent again: how tshark counts them depends on how they are cut."""


def taken(path: Path) -> list[Frame]:
    return opened([frame for frame, _ in tcp_packets(read(path.read_bytes()))])


CAPTURES = StreamCaptures(ALL, {554, 8554}, taken)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, str], Run]:
    """All captures through all gateways."""
    return CAPTURES.runs(tmp_path_factory.mktemp("out"), FIELDS)


all_captures = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def test_the_captures_are_here() -> None:
    if ALL == [OWN]:
        missing("the folder ../shared/captures")
    assert len(ALL) >= 4


@all_roles
@all_captures
def test_a_session(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    """Nothing is garbled or lost, the inside gets what was captured, and tshark finds no new fault."""
    done, before, after = runs[path, role]
    assert done.found["packets"]["read"] == len(CAPTURES.taken(path))
    assert (done.found["asymmetries"], done.found["drops"]) == ([], [])
    host = CAPTURES.inside_of(path, role)
    assert streams(done.packets, host) in ({}, streams(CAPTURES.taken(path), host)) or role != "callee"
    assert (faults(after) - faults(before)).keys() <= (
        {"tcp.analysis.duplicate_ack"} if path.stem in SENT_AGAIN else set()
    )
    if path.stem not in SENT_AGAIN:
        assert said(after) == said(before)
    assert said(after).keys() == said(before).keys()


def said(seen: Seen) -> Counter[str]:
    return Counter(word for frame in seen for field in SAID for word in frame[field])


@all_roles
@all_captures
def test_no_inside_address_is_left(path: Path, role: str, runs: dict[tuple[Path, str], Run]) -> None:
    inside = CAPTURES.inside_of(path, role)
    own = re.compile(rb"(?<![\d.])" + re.escape(address_text(inside).encode()) + rb"(?![\d.])")
    out = read(runs[path, role].done.out)
    assert not [payload for payload in CAPTURES.sent_by(CAPTURES.outside_of(path), out) if own.search(payload)]
    assert not CAPTURES.sent_by(inside, out)


both_ends = pytest.mark.parametrize("role", ["caller", "callee"])


@both_ends
@all_captures
def test_any_segmentation(path: Path, role: str) -> None:
    CAPTURES.check_segmentation(path, role)


@both_ends
@all_captures
def test_damaged_sessions(path: Path, role: str) -> None:
    """Whatever is said: no error of ours, and every door is of the inside end, at a harmless port."""
    inside = CAPTURES.inside_of(path, role)
    for engine in CAPTURES.damages(path, role, TOKENS):
        for door in engine.state.doors.everyone():
            assert door.leads_to.address == inside
            assert door.visitor is not None
            assert may_lead_to(door.protocol, door.leads_to.port)
