"""What `doorman doctor` prints, and its exit code."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from doorman.cli import doctor
from doorman.dataplanes.netfilter.requirements.finding import Finding, found, missing, warning

GOOD = [found("Linux kernel", "6.1.0"), warning("policy drop", "table inet fw", "nft insert rule …")]
BAD = [*GOOD, missing("IPv4 forwarding", "net.ipv4.ip_forward is 0", "sysctl -w net.ipv4.ip_forward=1")]


def run(monkeypatch: pytest.MonkeyPatch, findings: list[Finding], *arguments: str) -> tuple[int, dict[str, Any]]:
    asked: dict[str, Any] = {}

    def requirements(config: object, **options: object) -> list[Finding]:
        asked.update(options, config=config)
        return findings

    monkeypatch.setattr(doctor, "requirements", requirements)
    parser = argparse.ArgumentParser()
    doctor.add_doctor_arguments(parser)
    return doctor.run_doctor(parser.parse_args(arguments)), asked


def test_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = run(monkeypatch, BAD)
    assert code == 2
    assert capsys.readouterr().out.splitlines() == [
        "ok  Linux kernel     6.1.0",
        "--  policy drop      table inet fw",
        "                     mend: nft insert rule \\u2026",
        "!!  IPv4 forwarding  net.ipv4.ip_forward is 0",
        "                     mend: sysctl -w net.ipv4.ip_forward=1",
        "",
        "The gateway cannot run here: 1 of what it needs is missing.",
    ]


def test_warnings_do_not_count(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    optional = missing("VRF devices", "", "modprobe vrf", required=False)
    assert run(monkeypatch, [*GOOD, optional])[0] == 0
    assert capsys.readouterr().out.endswith("\nThe gateway can run here.\n")


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, BAD, "--json")[0] == 2
    told = json.loads(capsys.readouterr().out)
    assert told["ready"] is False
    assert told["findings"][-1] == {
        "name": "IPv4 forwarding",
        "state": "missing",
        "required": True,
        "detail": "net.ipv4.ip_forward is 0",
        "mend": "sysctl -w net.ipv4.ip_forward=1",
    }


def test_a_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "doorman.cfg"
    file.write_text("interface eth0\n ip nat inside\n")
    code, asked = run(monkeypatch, GOOD, str(file), "--table", "mine", "--socket", "s", "--state-dir", "d")
    assert code == 0
    assert list(asked["config"].interfaces) == ["eth0"]
    assert (asked["table"], asked["control_socket"], asked["state_directory"]) == ("mine", Path("s"), Path("d"))


def test_a_bad_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "doorman.cfg"
    file.write_text("ip nat frobnicate\n")
    assert run(monkeypatch, GOOD, str(file))[0] == 2
    assert run(monkeypatch, GOOD, str(tmp_path / "none"))[0] == 2
    assert "No such file" in capsys.readouterr().err
