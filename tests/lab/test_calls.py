"""Real calls between two sipp, with media counted at both ends; nothing is translated between them."""

import subprocess
from pathlib import Path

import pytest

from doorman.lab.calls import place
from doorman.lab.capture import capturing_both_sides
from doorman.lab.gateway import kernel_nat
from doorman.lab.media import Station
from doorman.lab.network import EXCHANGE_GLOBAL, INSIDE_EXCHANGE, network
from doorman.lab.phones import Played
from doorman.lab.plans import from_inside, from_outside, to_registered

SHORT = Played(seconds=0.4)
PACKETS = 20


def fields(capture: Path, wanted: str, *names: str) -> list[list[str]]:
    command = ["tshark", "-n", "-r", str(capture), "-Y", wanted, "-T", "fields"]
    command += [argument for name in names for argument in ("-e", name)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    return [line.split("\t") for line in shown.splitlines()]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_from_inside_has_media_both_ways(lab_name: str, tmp_path: Path, media: Station, transport: str) -> None:
    with network(lab_name, reachable_inside=True, phones=2) as net:
        report = place(from_inside(net, SHORT._replace(transport=transport), phone=1), tmp_path, media)
    (leg,) = report.legs
    assert report.has_two_way_media
    assert (leg.caller.sent, leg.caller.received, leg.callee.sent, leg.callee.received) == (PACKETS,) * 4
    assert leg.callee.sources == {("192.168.1.11", 20008): PACKETS}
    assert leg.caller.sources == {("198.51.100.20", 30008): PACKETS}
    assert 200 <= report.answered_ms[0] < 2000


def test_both_sides_of_the_gateway_are_recorded(lab_name: str, tmp_path: Path, media: Station) -> None:
    with network(lab_name, reachable_inside=True) as net, capturing_both_sides(net, tmp_path) as captures:
        report = place(from_outside(net, SHORT, INSIDE_EXCHANGE), tmp_path, media)
    assert report.has_two_way_media
    for capture in captures:
        messages = fields(capture, "sip", "sip.Method", "sip.Status-Code")
        assert [method or status for method, status in messages] == ["INVITE", "180", "200", "ACK", "BYE", "200"]
        assert len(fields(capture, "rtp", "rtp.seq")) == 2 * PACKETS
        assert fields(capture, "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0", "ip.id") == []


def test_a_registered_phone_is_called_by_its_contact(lab_name: str, tmp_path: Path, media: Station) -> None:
    with network(lab_name, reachable_inside=True) as net:
        plan = to_registered(net, tmp_path, SHORT)
        report = place(plan, tmp_path, media)
    assert plan.target.startswith("sip:alice@192.168.1.10:5060")
    assert report.has_two_way_media


def test_many_calls_at_once_are_counted_each(lab_name: str, tmp_path: Path, media: Station) -> None:
    with network(lab_name, reachable_inside=True) as net:
        report = place(from_inside(net, Played(calls=40, rate=100, seconds=0.4)), tmp_path, media)
    assert len(report.legs) == 40
    assert {leg.caller.received for leg in report.legs} == {leg.callee.received for leg in report.legs} == {PACKETS}
    assert len({ssrc for leg in report.legs for ssrc in leg.caller.senders | leg.callee.senders}) == 80


def test_plain_nat_loses_the_media_of_the_outside_phone(lab_name: str, tmp_path: Path, media: Station) -> None:
    with network(lab_name) as net:
        kernel_nat(net)
        out = place(from_inside(net, SHORT), tmp_path, media)
        into = place(from_outside(net, SHORT), tmp_path, media)
    assert not out.has_two_way_media
    assert out.legs[0].callee.sources == {("203.0.113.1", 20008): PACKETS}
    assert (out.legs[0].caller.received, out.legs[0].callee.refused > 0) == (0, True)
    assert into.legs[0].caller.sources == {(EXCHANGE_GLOBAL, 20008): PACKETS}
    assert into.legs[0].callee.received == 0
