"""`doorman replay` from its options to what it writes: files, terminal, exit codes."""

import json
import re
import sys
from io import BytesIO
from pathlib import Path

import pytest

from doorman.cli import progress
from doorman.cli.reasons import DROPS, NOTES, meaning_of_drop, meaning_of_note
from doorman.cli.replay import Options, replay_capture
from doorman.net.captures import Frame, create_capture, open_capture
from kit.captures import PROJECT, call, frames, inside, pcap, read, tshark
from kit.packets import udp
from kit.sip import OVERLOAD, PEER, PHONE, answer, crlf, incoming, request, sdp

Capsys = pytest.CaptureFixture[str]
INSIDE = ("10.0.0.0/24",)
GLOBAL = "203.0.113.1"


def options(tmp_path: Path, *packets: bytes) -> Options:
    """Options for a capture of these packets, of a call where there are none."""
    path = tmp_path / "in.pcap"
    path.write_bytes(pcap(frames(*(packets or call()))))
    return Options((path,), inside=INSIDE, outside_address=GLOBAL)


def refused(wanted: Options, capsys: Capsys) -> str:
    """The error of a replay that does nothing."""
    assert replay_capture(wanted) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


# What is written


def test_output_and_report(tmp_path: Path, capsys: Capsys) -> None:
    out, told = tmp_path / "out.pcapng", tmp_path / "report.json"
    assert replay_capture(options(tmp_path)._replace(output=out, json_report=told)) == 0
    report = json.loads(told.read_text())
    assert report["packets"]["written"] == len(read(out.read_bytes())) == len(call())
    assert (
        "8 packets: 4 from inside, 4 from outside, 0 passed unchanged, 0 dropped; 8 written" in capsys.readouterr().out
    )
    assert [frame["sip.Method"] for frame in tshark(out, "sip.Method")] == [
        ["INVITE"], [], [], ["ACK"], [], [], ["BYE"], [],
    ]  # fmt: skip


def test_the_format_of_the_output_is_as_its_name_says(tmp_path: Path) -> None:
    for name, magic in (("o.pcap", b"\xd4\xc3\xb2\xa1"), ("o.pcapng", b"\x0a\x0d\x0d\x0a"), ("o", b"\xd4\xc3\xb2\xa1")):
        replay_capture(options(tmp_path)._replace(output=tmp_path / name))
        assert (tmp_path / name).read_bytes()[:4] == magic


def test_an_output_without_packets_is_a_capture(tmp_path: Path) -> None:
    wanted = options(tmp_path, udp(PEER, PHONE))._replace(output=tmp_path / "o.pcap")
    assert replay_capture(wanted) == 0
    assert read((tmp_path / "o.pcap").read_bytes()) == []


def test_the_same_capture_gives_the_same_output(tmp_path: Path) -> None:
    crowd = [udp(f"10.0.0.{host}:5060", PEER, request(host=f"10.0.0.{host}")) for host in range(10, 20)]
    outputs = []
    for _ in range(2):
        replay_capture(options(tmp_path, *crowd)._replace(output=tmp_path / "o.pcap"))
        outputs.append((tmp_path / "o.pcap").read_bytes())
    assert outputs[0] == outputs[1]


def test_a_truncated_capture_is_used_as_far_as_it_goes(tmp_path: Path, capsys: Capsys) -> None:
    wanted = options(tmp_path)._replace(output=tmp_path / "o.pcap", json_report=tmp_path / "r.json")
    wanted.captures[0].write_bytes(wanted.captures[0].read_bytes()[:-1])
    assert replay_capture(wanted) == 1
    shown = capsys.readouterr()
    assert shown.out.startswith("7 packets: ")
    assert shown.err.startswith(f"{wanted.captures[0]}: ")
    assert shown.err.endswith("; the 7 packets before that were used\n")
    assert len(read((tmp_path / "o.pcap").read_bytes())) == 7
    assert json.loads((tmp_path / "r.json").read_text())["packets"]["read"] == 7


# What cannot be done


def test_files_that_cannot_be_read(tmp_path: Path, capsys: Capsys) -> None:
    wanted = options(tmp_path)
    assert (
        refused(wanted._replace(captures=(tmp_path / "none",)), capsys)
        == f"{tmp_path}/none: No such file or directory\n"
    )
    assert refused(wanted._replace(captures=(tmp_path,)), capsys) == f"{tmp_path}: Is a directory\n"
    gone = wanted._replace(inside=(), outside_address=None, config=tmp_path / "gone.cfg")
    assert refused(gone, capsys) == f"{tmp_path}/gone.cfg: No such file or directory\n"
    assert refused(wanted._replace(output=tmp_path / "no" / "o"), capsys).endswith("/no/o: No such file or directory\n")


@pytest.mark.parametrize("data", [b"", b"abc", b"GET / HTTP/1.1\r\n", b"\xd4\xc3\xb2\xa1\x02\x00"])
def test_what_is_no_capture_is_told_in_one_line(data: bytes, tmp_path: Path, capsys: Capsys) -> None:
    wanted = options(tmp_path)._replace(output=tmp_path / "o.pcap")
    wanted.captures[0].write_bytes(data)
    error = refused(wanted, capsys)
    assert error.startswith(f"{wanted.captures[0]}: not a ")
    assert error.count("\n") == 1
    assert not (tmp_path / "o.pcap").exists()


def test_inputs_are_never_written_over(tmp_path: Path, capsys: Capsys) -> None:
    wanted = options(tmp_path)
    before = wanted.captures[0].read_bytes()
    config = tmp_path / "gw.cfg"
    config.write_text(OVERLOAD)
    link, twin = tmp_path / "link", tmp_path / "twin"
    link.symlink_to(wanted.captures[0])
    twin.hardlink_to(wanted.captures[0])
    for path in (wanted.captures[0], link, twin):
        assert refused(wanted._replace(output=path), capsys) == f"{path}: is the capture itself\n"
        assert refused(wanted._replace(json_report=path), capsys) == f"{path}: is the capture itself\n"
    configured = Options(wanted.captures, config=config)
    for told in (configured._replace(output=config), configured._replace(json_report=config)):
        assert refused(told, capsys) == f"{config}: is the configuration itself\n"
    assert (wanted.captures[0].read_bytes(), config.read_text()) == (before, OVERLOAD)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"inside": ()}, "say what is inside: --config FILE, or --inside PREFIX with --outside-address ADDR"),
        (
            {"outside_address": None},
            "say what is inside: --config FILE, or --inside PREFIX with --outside-address ADDR",
        ),
        ({"config": Path("x.cfg")}, "give either --config, or --inside and --outside-address"),
        ({"inside": ("10.0.0.300/24",)}, "10.0.0.300"),
        ({"inside": ("10.0.0.0/33",)}, "33"),
        ({"outside_address": "gateway\x1b[2J"}, r"gateway\x1b[2J"),
        ({"inside": ("2001:db8::/32",)}, "only IPv4 is translated; use --config for a gateway that lets IPv6 pass"),
        ({"outside_address": "2001:db8::1"}, "only IPv4 is translated; use --config for a gateway that lets IPv6 pass"),
    ],
)
def test_what_is_inside_must_be_said(change: dict[str, object], error: str, tmp_path: Path, capsys: Capsys) -> None:
    said = refused(options(tmp_path)._replace(**change), capsys)  # type: ignore[arg-type] # of any option
    assert error in said
    assert said.count("\n") == 1


def test_errors_of_the_configuration_have_line_and_caret(tmp_path: Path, capsys: Capsys) -> None:
    config = tmp_path / "gw.cfg"
    wanted = Options(options(tmp_path).captures, config=config)
    config.write_text("hostname gw\nip nat inside sauce list 1\n")
    assert refused(wanted, capsys) == (
        f"{config}:2:15\n  ip nat inside sauce list 1\n                ^\n% Invalid input detected at '^' marker.\n"
    )
    config.write_bytes(b"hostname \xff\n")
    assert refused(wanted, capsys) == f"{config}: not a text in UTF-8: byte 0xff in line 1\n"
    config.write_text(
        "interface out0\n ip nat outside\naccess-list 1 permit any\nip nat inside source list 1 interface out0\n"
    )
    assert refused(wanted, capsys).startswith(f"{config}: ")


def test_links_of_two_kinds_do_not_fit_into_a_pcap(tmp_path: Path, capsys: Capsys) -> None:
    wanted = options(tmp_path)._replace(output=tmp_path / "o.pcap")
    both = [*frames(*call()), *(ethernet(frame) for frame in frames(*call()))]
    stream = BytesIO()
    writer = create_capture(stream, "in.pcapng")
    for number, frame in enumerate(both):
        writer.write(frame._replace(interface=number // len(call())))
    wanted.captures[0].write_bytes(stream.getvalue())
    assert "o.pcap: " in refused(wanted, capsys)
    assert replay_capture(wanted._replace(output=tmp_path / "o.pcapng")) == 0
    assert capsys.readouterr().out.startswith("16 packets: ")


def ethernet(frame: Frame) -> Frame:
    """A raw packet with an Ethernet header."""
    return frame._replace(data=bytes(12) + b"\x08\0" + frame.data, wire_length=frame.wire_length + 14, link=1)


# What the terminal shows


def test_drops_are_explained(tmp_path: Path, capsys: Capsys) -> None:
    invite = udp(PEER, PHONE, inside(incoming(body=sdp("198.51.100.20", 6000))))
    broken = udp(PHONE, PEER, request().replace(b"CSeq: 1", b"CSeq: one"))
    assert replay_capture(options(tmp_path, invite, invite, broken)) == 0
    shown = capsys.readouterr().out
    assert shown[shown.index("# dropped") :] == (
        "# dropped, and why\n"
        "Count  Reason          First packet  From -> to, as captured\n"
        "2      no-translation  1             udp 198.51.100.20:5060 -> 10.0.0.10:5060\n"
        "1      sip: cseq       3             udp 10.0.0.10:5060 -> 198.51.100.20:5060\n"
        f"no-translation: {DROPS['no-translation']}\n"
        f"sip: cseq: {DROPS['cseq']}\n"
        "\n"
        "what was not dropped arrives inside exactly as it was captured\n"
        "(what the capture shows as an answer to a dropped packet would not have been sent)\n"
    )
    assert "ip nat inside source static" in DROPS["no-translation"]


def test_what_the_verdict_rests_on(tmp_path: Path, capsys: Capsys) -> None:
    wanted = options(tmp_path)
    for inside_networks, verdict in (
        (INSIDE, "every message arrives inside exactly as it was captured"),
        (
            ("192.168.0.0/16",),
            "no packet goes from an inside host to an outside one or back: is what is inside said rightly?",
        ),
    ):
        assert replay_capture(wanted._replace(inside=inside_networks)) == 0
        assert capsys.readouterr().out.splitlines()[-1] == verdict
    assert replay_capture(options(tmp_path, udp(PHONE, PEER, request()))) == 0
    assert capsys.readouterr().out.endswith("nothing comes from outside that could arrive otherwise than captured\n")


def test_an_asymmetry_is_shown_with_both_texts(tmp_path: Path, capsys: Capsys) -> None:
    told = answer(180).replace(b"To: <sip:bob@198.51.100.20>", b"To: \x1b[2J<sip:bob@203.0.113.1>")
    assert replay_capture(options(tmp_path, udp(PHONE, PEER, request()), udp(PEER, PHONE, told))) == 0
    shown = capsys.readouterr().out
    end = shown[shown.index("1 packets would have arrived") :].splitlines()
    assert end[1] == "packet 2: - as captured, + as it would have been delivered"
    assert "    198.51.100.20:5060 -> 10.0.0.10:5060" in end
    assert "  - Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKoneINVITE" in end
    assert "  + Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bKoneINVITE" in end
    assert r"  + To: \x1b[2J<sip:bob@10.0.0.10>;tag=b" in end


def test_nothing_a_message_says_reaches_the_terminal_raw(tmp_path: Path, capsys: Capsys) -> None:
    evil = b"\x1b]0;owned\x07\x9b2J\xc3\xa9"
    body = crlf(sdp()).replace(b"s=-", b"s=" + evil)
    hostile = request(call_id="EVIL", body=body).replace(b"EVIL", evil).replace(b"alice@", b"a" + evil + b"@")
    wanted = options(tmp_path, udp(PHONE, PEER, hostile), udp(PHONE, PEER, evil * 20))
    assert replay_capture(wanted._replace(debug=("sip",), explain=True)) == 0
    shown = capsys.readouterr().out
    assert r"Call-ID: \x1b]0;owned\x07\x9b2J\xc3\xa9" in shown
    assert all(" " <= character <= "~" or character == "\n" for character in shown)


def test_the_bar_of_a_long_capture_loses_no_packet(
    tmp_path: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LONG", 1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    path = options(tmp_path).captures[0]
    with path.open("rb") as stream:
        reader = open_capture(stream)
        assert len(list(progress.watched(reader, path.stat().st_size))) == len(call())
    assert capsys.readouterr().out == ""


# The words


def test_every_reason_and_note_of_the_code_has_a_meaning() -> None:
    # Patterns are the operator's: what is wrong with one is said where it is typed.
    modules = (PROJECT / "src" / "doorman").rglob("*.py")
    files = [path for path in modules if "config" not in path.parts and not path.name.startswith("regex")]
    source = "\n".join(path.read_text() for path in files)
    reasons = set(re.findall(r'(?:Malformed|Refused)\("([a-z-]+)"\)', source))
    notes = set(re.findall(r'Note\("([a-z-]+)"', source)) | set(re.findall(r'notes\["([a-z-]+)"\]', source))
    assert len(reasons) > 20
    assert len(notes) > 10
    assert sorted(reasons - set(DROPS) - set(NOTES)) == []
    assert sorted(notes - set(NOTES)) == []


def test_meanings() -> None:
    assert meaning_of_drop("sip: no-call-id") == DROPS["no-call-id"]
    assert meaning_of_drop("of tomorrow") == ""
    assert meaning_of_note("of tomorrow") == ""
