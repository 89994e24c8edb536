"""`doorman replay` of VRFs: one capture each, or one with named interfaces; a call from the same endpoint in each."""

import json
from io import BytesIO
from pathlib import Path

import pytest

from doorman.cli.replay import Options, replay_capture
from doorman.net.captures import Frame
from doorman.net.links import RAW
from doorman.net.pcapng import PcapngWriter
from kit.captures import BEGIN, call, frames, pcap, tshark
from kit.vrf import OVERLOAD, OWN_OUTSIDES

Capsys = pytest.CaptureFixture[str]


def two_calls(tmp_path: Path, config: str = OVERLOAD) -> Options:
    """A call of each VRF between the same endpoints, packet by packet at the same time, in a capture of its own."""
    for name in ("red", "blue"):
        (tmp_path / f"{name}.pcap").write_bytes(pcap(frames(*call(name))))
    (tmp_path / "gw.cfg").write_text(config)
    return Options(
        (tmp_path / "red.pcap", tmp_path / "blue.pcap"),
        config=tmp_path / "gw.cfg",
        vrfs=("red", "blue"),
        output=tmp_path / "out.pcap",
        json_report=tmp_path / "report.json",
    )


def named(path: Path, *names: str) -> Path:
    """A pcapng file with a call for each interface."""
    stream = BytesIO()
    writer = PcapngWriter(stream, names)
    for step, packets in enumerate(zip(*(call(name or "none") for name in names), strict=True)):
        for index, packet in enumerate(packets):
            writer.write(Frame(packet, BEGIN + step * 1_000_000, len(packet), RAW, index))
    path.write_bytes(stream.getvalue())
    return path


def names_of_media(out: Path) -> dict[str, set[str]]:
    """By Call-ID, the address and port that the outside was told for the audio of the phone."""
    told: dict[str, set[str]] = {}
    fields = ("sip.Call-ID", "sip.Method", "sdp.connection_info.address", "sdp.media.port")
    for frame in tshark(out, *fields):
        if frame["sip.Method"] == ["INVITE"] and frame["sdp.media.port"]:
            address, port = frame["sdp.connection_info.address"][0], frame["sdp.media.port"][0]
            told.setdefault(frame["sip.Call-ID"][0], set()).add(f"{address}:{port}")
    return told


def test_a_call_of_one_endpoint_in_each_of_two_vrfs(tmp_path: Path, capsys: Capsys) -> None:
    wanted = two_calls(tmp_path)
    assert replay_capture(wanted) == 0
    told = json.loads((tmp_path / "report.json").read_text())["vrfs"]
    shown = capsys.readouterr().out
    assert shown.count("every message arrives inside exactly as it was captured") == 2
    assert [line for line in shown.splitlines() if line.startswith("# vrf")] == ["# vrf red", "# vrf blue"]
    media = {}
    for name, report in told.items():
        assert report["packets"]["from_inside"] == report["packets"]["from_outside"] == 4
        assert (report["drops"], report["asymmetries"]) == ([], [])
        assert [one["call_id"] for one in report["calls"]] == [name]
        [door] = [door for door in report["doors"] if door["role"] == "rtp"]
        assert door["leads_to"] == "10.0.0.10:4000"
        assert door["promoted_at_packet"] == 6
        media[name] = {door["entrance"]}
    assert media["red"] != media["blue"]
    assert names_of_media(tmp_path / "out.pcap") == media


def test_where_each_vrf_has_its_own_outside_both_keep_their_port(tmp_path: Path) -> None:
    assert replay_capture(two_calls(tmp_path, OWN_OUTSIDES)) == 0
    media = names_of_media(tmp_path / "out.pcap")
    assert media == {"red": {"203.0.113.1:4000"}, "blue": {"203.0.113.1:4000"}}


def test_frames_are_told_apart_by_the_interface_that_saw_them(tmp_path: Path) -> None:
    wanted = two_calls(tmp_path)._replace(captures=(named(tmp_path / "both.pcapng", "red0", "blue0"),), vrfs=())
    assert replay_capture(wanted) == 0
    told = json.loads((tmp_path / "report.json").read_text())["vrfs"]
    assert [[one["call_id"] for one in told[name]["calls"]] for name in ("red", "blue")] == [["red0"], ["blue0"]]
    assert all(report["drops"] == report["asymmetries"] == [] for report in told.values())
    assert all(report["packets"]["read"] == 8 for report in told.values())


def test_frames_of_other_interfaces_are_passed_over(tmp_path: Path, capsys: Capsys) -> None:
    wanted = two_calls(tmp_path)
    together = named(tmp_path / "all.pcapng", "red0", "out0")
    assert replay_capture(wanted._replace(captures=(together,), vrfs=())) == 0
    assert json.loads((tmp_path / "report.json").read_text())["vrfs"]["blue"]["packets"]["read"] == 0
    shown = capsys.readouterr()
    assert shown.err == f"{together}: 8 packets were seen by other interfaces than inside ones, and are passed over\n"


def test_one_vrf_alone_gives_the_usual_report(tmp_path: Path, capsys: Capsys) -> None:
    wanted = two_calls(tmp_path)._replace(captures=(tmp_path / "blue.pcap",), vrfs=("blue",), explain=True)
    assert replay_capture(wanted) == 0
    assert "calls" in json.loads((tmp_path / "report.json").read_text())
    shown = capsys.readouterr().out
    assert shown.startswith("packet 1: outbound INVITE\n")
    assert "vrf" not in shown


def test_of_several_each_message_is_explained_with_its_vrf(tmp_path: Path, capsys: Capsys) -> None:
    assert replay_capture(two_calls(tmp_path)._replace(explain=True)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("vrf red: packet 1: outbound INVITE\n")
    assert "\nvrf blue: packet 1: outbound INVITE\n" in shown


@pytest.mark.parametrize(
    ("vrfs", "captures", "message"),
    [
        (("green",), ("red.pcap",), "no VRF green with an inside: there is red, blue"),
        (("red",), ("red.pcap", "blue.pcap"), "say --vrf once for each capture, in their order"),
        ((), ("red.pcap",), "{path}/red.pcap: say of which VRF it is: --vrf red or blue"),
        ((), ("unnamed.pcapng",), "{path}/unnamed.pcapng: say of which VRF it is: --vrf red or blue"),
    ],
)
def test_what_must_be_said(
    vrfs: tuple[str, ...], captures: tuple[str, ...], message: str, tmp_path: Path, capsys: Capsys
) -> None:
    wanted = two_calls(tmp_path)
    named(tmp_path / "unnamed.pcapng", "")
    paths = tuple(tmp_path / name for name in captures)
    assert replay_capture(wanted._replace(captures=paths, vrfs=vrfs)) == 2
    assert capsys.readouterr().err == message.format(path=tmp_path) + "\n"


def test_several_captures_of_one_network_are_one_in_time(tmp_path: Path) -> None:
    packets = frames(*call())
    (tmp_path / "even.pcap").write_bytes(pcap(packets[::2]))
    (tmp_path / "odd.pcap").write_bytes(pcap(packets[1::2]))
    wanted = two_calls(tmp_path)._replace(captures=(tmp_path / "even.pcap", tmp_path / "odd.pcap"), vrfs=("red", "red"))
    assert replay_capture(wanted) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["packets"]["read"], report["drops"], report["asymmetries"]) == (8, [], [])


def test_the_end_of_a_damaged_capture_is_told_of(tmp_path: Path, capsys: Capsys) -> None:
    wanted = two_calls(tmp_path)
    whole = (tmp_path / "red.pcap").read_bytes()
    (tmp_path / "red.pcap").write_bytes(whole[:-1])
    assert replay_capture(wanted) == 1
    assert capsys.readouterr().err.startswith(f"{tmp_path}/red.pcap: cut short in the record")
    report = json.loads((tmp_path / "report.json").read_text())["vrfs"]
    assert [report[name]["packets"]["read"] for name in ("red", "blue")] == [7, 8]
