"""The recorded RTSP sessions are what examples/README.md says, and pass a gateway as they should; tshark judges."""

from pathlib import Path

import pytest

from kit.captures import Replayed, read, replayed, tshark

EXAMPLES = Path(__file__).parents[1] / "examples"
CAPTURE, CONFIG = EXAMPLES / "rtsp-session.pcap", EXAMPLES / "static-pbx.cfg"
METHODS = ["OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY", "TEARDOWN"]
CHECKSUMS = ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status"]


@pytest.fixture(scope="module")
def done() -> Replayed:
    return replayed(read(CAPTURE.read_bytes()), CONFIG.read_text())


def test_the_sessions_are_whole() -> None:
    frames = tshark(CAPTURE, "rtsp.method", "rtsp.status", "rtp.p_type", "udp.port", "tcp.port", *CHECKSUMS)
    assert [method for frame in frames for method in frame["rtsp.method"]] == 3 * METHODS
    assert [status for frame in frames for status in frame["rtsp.status"]] == 3 * len(METHODS) * ["200"]
    assert {status for frame in frames for name in CHECKSUMS for status in frame[name]} == {"1"}
    media = [frame for frame in frames if frame["rtp.p_type"]]
    assert {(kind, bool(frame["udp.port"])) for frame in media for kind in frame["rtp.p_type"]} == {
        ("0", True),
        ("0", False),
        ("26", True),
        ("26", False),
    }
    assert CAPTURE.stat().st_size < 50_000


def test_through_a_gateway(done: Replayed, tmp_path: Path) -> None:
    found = done.found
    assert (found["drops"], found["asymmetries"], found["notes"]) == ([], [], {})
    assert found["rewritten_by"] == {"rtsp": 8}
    assert len(found["doors"]) == 8
    assert [door["role"] for door in found["doors"]] == 4 * ["rtp", "rtcp"]
    assert all(door["promoted_at_packet"] for door in found["doors"] if door["role"] == "rtp")
    assert [session["transport"] for session in found["sessions"]["rtsp"]] == ["udp", "interleaved", "udp"]
    (tmp_path / "out.pcapng").write_bytes(done.out)
    frames = tshark(tmp_path / "out.pcapng", "ip.addr", "rtsp.request", "rtsp.method", "sdp.owner.address", *CHECKSUMS)
    assert b"192.168.1." not in done.out
    assert {owner for frame in frames for owner in frame["sdp.owner.address"]} == {"198.51.100.20", "203.0.113.5"}
    assert [method for frame in frames for method in frame["rtsp.method"]] == 3 * METHODS
    assert {status for frame in frames for name in CHECKSUMS for status in frame[name]} == {"1"}
