"""The recorded TFTP session is what examples/README.md says, and goes through a gateway as it should; tshark judges."""

from pathlib import Path

import pytest

from kit.captures import EXAMPLES, Replayed, read, replayed, tshark

CAPTURE, CONFIG = EXAMPLES / "tftp-session.pcap", EXAMPLES / "overload.cfg"
SIDES = ["ip.src", "ip.dst", "udp.srcport", "udp.dstport", "tftp.opcode", "udp.checksum.status"]
REQUESTS = {"1", "2"}


@pytest.fixture(scope="module")
def done() -> Replayed:
    return replayed(read(CAPTURE.read_bytes()), CONFIG.read_text())


def test_the_session_is_whole() -> None:
    frames = tshark(CAPTURE, *SIDES)
    spoken = [frame["tftp.opcode"][0] for frame in frames]
    # This client acknowledges an error, and is told by ICMP that nobody listens any more.
    assert "".join(spoken) == "13434" + "243434" + "1544"
    assert {frame["udp.checksum.status"][0] for frame in frames} == {"1"}
    to_69 = [frame["udp.dstport"] == ["69"] for frame in frames]
    assert to_69 == [opcode in REQUESTS for opcode in spoken]


def test_through_a_gateway(done: Replayed, tmp_path: Path) -> None:
    assert (done.found["drops"], done.found["asymmetries"], done.found["notes"]) == ([], [], {})
    doors = done.found["doors"]
    assert [(door["role"], door["visitor"]) for door in doors] == [("data", "198.51.100.20")] * 3
    assert all(door["promoted_at_packet"] == door["opened_at_packet"] + 1 for door in doors)
    (tmp_path / "out.pcapng").write_bytes(done.out)
    before, after = tshark(CAPTURE, *SIDES), tshark(tmp_path / "out.pcapng", *SIDES)
    assert [frame["tftp.opcode"] for frame in after] == [frame["tftp.opcode"] for frame in before]
    assert {address for frame in after for address in (*frame["ip.src"], *frame["ip.dst"])} == {
        "203.0.113.1",
        "198.51.100.20",
    }
    assert {frame["udp.checksum.status"][0] for frame in after} == {"1"}
