"""The recorded FTP session is what examples/README.md says, and goes through a gateway as it should; tshark judges."""

import json
from pathlib import Path

import pytest

from doorman.cli.replay import Options, replay_capture
from kit.captures import Replayed, read, replayed, tshark
from kit.vrf import OVERLOAD as VRFS

EXAMPLES = Path(__file__).parents[1] / "examples"
CAPTURE, CONFIG = EXAMPLES / "ftp-session.pcap", EXAMPLES / "overload.cfg"
CONTENT = b"It was a bright cold day in April.\n"


@pytest.fixture(scope="module")
def done() -> Replayed:
    return replayed(read(CAPTURE.read_bytes()), CONFIG.read_text())


def test_the_session_is_whole() -> None:
    frames = tshark(CAPTURE, "ftp.request.command", "ip.checksum.status", "tcp.checksum.status", "tcp.payload")
    commands = [command for frame in frames for command in frame["ftp.request.command"]]
    assert [one for one in commands if one in {"PORT", "PASV", "EPSV", "RETR", "STOR", "QUIT"}] == (
        ["PORT", "RETR", "PASV", "RETR", "EPSV", "RETR", "EPSV", "STOR", "QUIT"]
    )
    assert {*(frame["ip.checksum.status"][0] for frame in frames)} == {"1"}
    assert {*(frame["tcp.checksum.status"][0] for frame in frames)} == {"1"}
    carried = [bytes.fromhex(payload) for frame in frames for payload in frame["tcp.payload"]]
    assert carried.count(CONTENT) == 4
    assert CAPTURE.stat().st_size < 20_000


def test_through_a_gateway(done: Replayed, tmp_path: Path) -> None:
    assert (done.found["drops"], done.found["asymmetries"], done.found["notes"]) == ([], [], {})
    assert done.found["rewritten_by"] == {"ftp": 1}
    [door] = done.found["doors"]
    assert (door["role"], door["visitor"], door["opened_at_packet"]) == ("data", "198.51.100.20", 28)
    assert door["promoted_at_packet"] == door["closed_at_packet"] == 31
    (tmp_path / "out.pcapng").write_bytes(done.out)
    frames = tshark(tmp_path / "out.pcapng", "ip.addr", "ftp.active.cip", "ftp.active.port", "tcp.checksum.status")
    assert not [frame for frame in frames if "192.168.1.10" in frame["ip.addr"]]
    assert [frame["ftp.active.cip"] for frame in frames if frame["ftp.active.cip"]] == [["203.0.113.1"]]
    assert {*(frame["tcp.checksum.status"][0] for frame in frames)} == {"1"}


def test_from_one_endpoint_in_each_of_two_vrfs(tmp_path: Path) -> None:
    (tmp_path / "gw.cfg").write_text(VRFS.replace("10.0.0.", "192.168.1."))
    wanted = Options(
        (CAPTURE, CAPTURE),
        config=tmp_path / "gw.cfg",
        vrfs=("red", "blue"),
        output=tmp_path / "out.pcap",
        json_report=tmp_path / "report.json",
    )
    assert replay_capture(wanted) == 0
    entrances = []
    for found in json.loads((tmp_path / "report.json").read_text())["vrfs"].values():
        assert (found["drops"], found["asymmetries"], found["rewritten_by"]) == ([], [], {"ftp": 1})
        [door] = found["doors"]
        assert door["leads_to"] == "192.168.1.10:40421"
        assert door["promoted_at_packet"]
        entrances.append(door["entrance"])
    assert len(set(entrances)) == 2
