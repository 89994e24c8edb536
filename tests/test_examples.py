"""The captures of examples/ are what their README says: tshark is the judge."""

import os
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
INSIDE = "192.168.1."

MESSAGES = {
    "sipp-call": "INVITE 180 200 ACK BYE 200",
    "baresip-call": "INVITE 180 200 ACK BYE 200",
    "registration": "REGISTER 401 REGISTER 200 INVITE 180 200 ACK BYE 200 REGISTER 200",
    "fragmented-invite": "INVITE 180 200 ACK BYE 200",
    "incoming-call": "INVITE 180 200 ACK BYE 200",
}
"""The SIP messages of each capture, in order: nothing is missing, nothing had to be sent again."""

OTHERS = {
    "dns-lookups",
    "ftp-session",
    "tftp-session",
    "rsh-session",
    "rtsp-session",
    "directory-of-people",
    "netbios-names",
}
"""Captures of other protocols, which have tests of their own."""

all_examples = pytest.mark.parametrize("name", MESSAGES)


class Packet(NamedTuple):
    """What tshark says of one packet; a field it does not have is empty."""

    source: str
    destination: str
    source_port: str
    destination_port: str
    ip_checksum: str
    udp_checksum: str
    more_fragments: str
    fragment_count: str
    method: str
    status: str
    request_uri: str
    call_id: str
    contact: str
    sdp_address: str
    sdp_port: str
    rtp_type: str
    expert: str
    malformed: str


FIELDS = [
    *("ip.src", "ip.dst", "udp.srcport", "udp.dstport", "ip.checksum.status", "udp.checksum.status"),
    *("ip.flags.mf", "ip.fragment.count", "sip.Method", "sip.Status-Code", "sip.r-uri", "sip.Call-ID"),
    *("sip.contact.uri", "sdp.connection_info.address", "sdp.media.port"),
    *("rtp.p_type", "_ws.expert", "_ws.malformed"),
]
GOOD = "1"
SET = {"1", "True"}
"""A bit that is set, as tshark 4.0 and later versions write it."""


@cache
def read(name: str) -> list[Packet]:
    tshark = shutil.which("tshark")
    if tshark is None:
        if "CI" in os.environ:
            pytest.fail("tshark is missing")
        pytest.skip("tshark is missing")
    command = [tshark, "-n", "-r", str(EXAMPLES / f"{name}.pcap"), "-T", "fields", "-E", "occurrence=f"]
    command += ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    command += [argument for field in FIELDS for argument in ("-e", field)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    return [Packet(*line.split("\t")) for line in lines]


def sip(name: str) -> list[Packet]:
    return [packet for packet in read(name) if packet.method or packet.status]


def from_inside(packet: Packet) -> bool:
    return packet.source.startswith(INSIDE)


def test_every_capture_is_known_and_described() -> None:
    readme = (EXAMPLES / "README.md").read_text()
    assert {path.stem for path in EXAMPLES.glob("*.pcap")} == {*MESSAGES, *OTHERS}
    files = [*EXAMPLES.glob("*.pcap"), *EXAMPLES.glob("*.cfg")]
    assert [path.name for path in files if f"`{path.name}`" not in readme] == []


@all_examples
def test_size_is_small(name: str) -> None:
    assert (EXAMPLES / f"{name}.pcap").stat().st_size < 100_000


@all_examples
def test_every_packet_is_between_inside_and_outside(name: str) -> None:
    for packet in read(name):
        assert from_inside(packet) != packet.destination.startswith(INSIDE)


@all_examples
def test_nothing_is_malformed(name: str) -> None:
    assert [packet for packet in read(name) if packet.expert or packet.malformed] == []


@all_examples
def test_checksums_are_right(name: str) -> None:
    for packet in read(name):
        assert packet.ip_checksum == GOOD
        assert packet.udp_checksum == GOOD or packet.more_fragments in SET


@all_examples
def test_dialogs_are_whole(name: str) -> None:
    assert " ".join(packet.method or packet.status for packet in sip(name)) == MESSAGES[name]


@all_examples
def test_audio_flows_both_ways_between_the_endpoints_of_the_sdp(name: str) -> None:
    announced = {from_inside(packet): (packet.sdp_address, packet.sdp_port) for packet in sip(name) if packet.sdp_port}
    audio = Counter(
        (from_inside(packet), (packet.source, packet.source_port), (packet.destination, packet.destination_port))
        for packet in read(name)
        if packet.rtp_type
    )
    assert set(audio) == {(inside, announced[inside], announced[not inside]) for inside in (True, False)}
    assert min(audio.values()) >= 90


def test_registered_contact_is_the_one_that_is_called() -> None:
    messages = sip("registration")
    (invite,) = (packet for packet in messages if packet.method == "INVITE")
    assert invite.request_uri == messages[0].contact
    assert invite.source == messages[0].destination
    assert invite.sdp_address != invite.source


def test_invite_and_answer_come_in_fragments() -> None:
    invite, _ringing, answer, *others = sip("fragmented-invite")
    assert (invite.fragment_count, answer.fragment_count) == ("2", "2")
    assert [packet.fragment_count for packet in others] == [""] * 3


def test_exchange_is_called_from_outside() -> None:
    invite = sip("incoming-call")[0]
    assert not from_inside(invite)
    assert invite.destination == "192.168.1.5"
