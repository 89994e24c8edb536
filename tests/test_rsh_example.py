"""The recorded rsh session is what examples/README.md says, and goes through a gateway as it should; tshark judges."""

from pathlib import Path

import pytest

from kit.captures import EXAMPLES, Replayed, read, replayed, tshark

CAPTURE, CONFIG = EXAMPLES / "rsh-session.pcap", EXAMPLES / "overload.cfg"
SIDES = ["ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "tcp.flags.syn", "tcp.checksum.status", "rsh.stderr_port"]
SIDES += ["tcp.payload"]
SET = {"1", "True"}
CROWD = "ip nat inside source static tcp 192.168.1.99 1022 interface out0 1022\n"
"""Somebody else has the port outside."""


def test_the_session_is_whole() -> None:
    frames = tshark(CAPTURE, *SIDES)
    opened = [(frame["ip.src"][0], frame["tcp.dstport"][0]) for frame in frames if frame["tcp.flags.syn"][0] in SET][
        ::2
    ]
    assert opened == [("192.168.1.10", "514"), ("198.51.100.20", "1022")]
    assert {frame["tcp.checksum.status"][0] for frame in frames} == {"1"}
    said = b"".join(bytes.fromhex(payload) for frame in frames for payload in frame["tcp.payload"])
    assert said.startswith(b"1022\0")
    assert b"April\n" in said
    assert b"oops\n" in said


@pytest.mark.parametrize("crowd", ["", CROWD], ids=["alone", "crowded"])
def test_through_a_gateway(crowd: str, tmp_path: Path) -> None:
    done: Replayed = replayed(read(CAPTURE.read_bytes()), CONFIG.read_text() + crowd)
    assert (done.found["drops"], done.found["asymmetries"], done.found["notes"]) == ([], [], {})
    [door] = done.found["doors"]
    assert (door["role"], door["visitor"], door["leads_to"]) == ("stderr", "198.51.100.20", "192.168.1.10:1022")
    assert door["promoted_at_packet"]
    (tmp_path / "out.pcapng").write_bytes(done.out)
    frames = tshark(tmp_path / "out.pcapng", *SIDES)
    assert not [frame for frame in frames if "192.168.1.10" in (*frame["ip.src"], *frame["ip.dst"])]
    assert {frame["tcp.checksum.status"][0] for frame in frames} == {"1"}
    said = b"".join(bytes.fromhex(payload) for frame in frames for payload in frame["tcp.payload"])
    port = door["entrance"].partition(":")[2]
    assert said.startswith(port.encode() + b"\0root\0")
    assert (port == "1022") == (not crowd)
    assert 512 <= int(port) < 1024
