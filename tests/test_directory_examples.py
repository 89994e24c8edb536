"""The recorded directories are what examples/README.md says, and go through a gateway as they should; tshark judges."""

from pathlib import Path

import pytest

from kit.captures import EXAMPLES, Replayed, read, replayed, tshark
from kit.ldap import number

PEOPLE, NAMES = EXAMPLES / "directory-of-people.pcap", EXAMPLES / "netbios-names.pcap"
CHECKSUMS = ("ip.checksum.status", "udp.checksum.status", "tcp.checksum.status")


def through(capture: Path, config: str) -> Replayed:
    done = replayed(read(capture.read_bytes()), (EXAMPLES / config).read_text())
    assert (done.found["drops"], done.found["asymmetries"]) == ([], [])
    return done


@pytest.mark.parametrize("capture", [PEOPLE, NAMES], ids=lambda capture: capture.stem)
def test_the_recordings_are_whole(capture: Path) -> None:
    frames = tshark(capture, *CHECKSUMS, "_ws.malformed")
    assert {status for frame in frames for field in CHECKSUMS for status in frame[field]} == {"1"}
    assert not [frame for frame in frames if frame["_ws.malformed"]]
    assert capture.stat().st_size < 12_000


def test_somebody_registers_and_is_found(tmp_path: Path) -> None:
    done = through(PEOPLE, "overload.cfg")
    assert done.found["notes"] == {"tls": 1}
    assert done.found["rewritten_by"]["ldap"] == 4
    (tmp_path / "out.pcapng").write_bytes(done.out)
    for path, own in ((PEOPLE, "192.168.1.10"), (tmp_path / "out.pcapng", "203.0.113.1")):
        frames = tshark(path, "ldap.AttributeValue", *CHECKSUMS)
        values = [bytes.fromhex(value.replace(":", "")) for frame in frames for value in frame["ldap.AttributeValue"]]
        assert values.count(number(own).encode()) == 4
        assert {status for frame in frames for field in CHECKSUMS for status in frame[field]} == {"1"}


def test_names_are_registered_and_looked_up(tmp_path: Path) -> None:
    done = through(NAMES, "static-pbx.cfg")
    counted = done.found["messages"]["netbios-ns"]
    assert counted["registration-request"] == counted["registration-response"] == 5
    assert (counted["query-response"], done.found["messages"]["netbios-dgm"]) == (1, {"direct-group": 1})
    (tmp_path / "out.pcapng").write_bytes(done.out)
    fields = ("ip.src", "ip.dst", "nbns.addr", "nbdgm.src.ip")
    crossing = [
        one for one in tshark(tmp_path / "out.pcapng", *fields) if "198.51.100." in str(one["ip.src"] + one["ip.dst"])
    ]
    told = [address for frame in crossing for address in frame["nbns.addr"] + frame["nbdgm.src.ip"]]
    assert told == ["203.0.113.5"] * 12
