"""The recorded lookups are what examples/README.md says, and go through a gateway as they should; tshark judges."""

from pathlib import Path

import pytest

from kit.captures import Replayed, read, replayed, tshark

EXAMPLES = Path(__file__).parents[1] / "examples"
CAPTURE, CONFIG = EXAMPLES / "dns-lookups.pcap", EXAMPLES / "static-pbx.cfg"
FIELDS = ["dns.flags.response", "dns.a", "dns.qry.name", "dns.ptr.domain_name", "_ws.malformed"]


@pytest.fixture(scope="module")
def done() -> Replayed:
    return replayed(read(CAPTURE.read_bytes()), CONFIG.read_text())


def test_the_lookups_are_whole() -> None:
    frames = tshark(CAPTURE, *FIELDS, "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status")
    assert [frame["dns.a"] for frame in frames if frame["dns.a"]] == [
        ["198.51.100.10"], ["192.168.1.5"], ["192.168.1.5"], ["192.168.1.5"], ["192.168.1.10"],
    ]  # fmt: skip
    assert [frame["dns.ptr.domain_name"] for frame in frames if frame["dns.ptr.domain_name"]] == (
        [["pbx.example.org"], ["pbx.example.net"]]
    )
    for field in ("ip.checksum.status", "udp.checksum.status", "tcp.checksum.status"):
        assert {value for frame in frames for value in frame[field]} == {"1"}


def test_through_a_gateway(done: Replayed, tmp_path: Path) -> None:
    assert (done.found["drops"], done.found["asymmetries"], done.found["notes"]) == ([], [], {})
    assert done.found["rewritten_by"] == {"dns": 8}
    assert done.found["doors"] == []
    (tmp_path / "out.pcapng").write_bytes(done.out)
    frames = tshark(tmp_path / "out.pcapng", *FIELDS, "ip.addr", "udp.checksum.status", "tcp.checksum.status")
    assert [frame["dns.a"] for frame in frames if frame["dns.a"]] == [
        ["198.51.100.10"], ["203.0.113.5"], ["203.0.113.5"], ["203.0.113.5"], ["203.0.113.1"],
    ]  # fmt: skip
    asked = [frame["dns.qry.name"][0] for frame in frames if frame["dns.qry.name"] and "arpa" in str(frame)]
    assert asked == ["5.113.0.203.in-addr.arpa"] * 4
    assert not [frame for frame in frames if frame["_ws.malformed"]]
    assert not [frame for frame in frames if "192.168." in str(frame)]
    for field in ("udp.checksum.status", "tcp.checksum.status"):
        assert {value for frame in frames for value in frame[field]} == {"1"}
