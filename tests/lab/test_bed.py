"""The operator's lab: built, used, and taken down whatever happened to it."""

import argparse
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from doorman.cli.lab import add_lab_arguments, run_lab
from doorman.lab import bed
from doorman.lab.errors import LabError
from doorman.lab.namespaces import exists
from doorman.lab.network import named
from doorman.lab.processes import recorded
from doorman.lab.wire import Faults


def lab(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_lab_arguments(parser)
    return run_lab(parser.parse_args(words))


def left_of(name: str) -> list[str]:
    """What there still is: namespaces, files, and processes that were given the name."""
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    found = [line for line in processes.splitlines() if name in line and "pytest" not in line]
    found += [space for space in named(name).namespaces if exists(space)]
    return found + [str(path) for path in [Path("/run", name)] if path.exists()]


def test_up_call_down(lab_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab("--name", lab_name, "up", "--gateway", "kernel", "--phones", "3", "--delay", "2") == 0
    shown = capsys.readouterr().out
    assert "192.168.1.10 to .12, phones" in shown
    assert f"doorman lab --name {lab_name} call" in shown
    assert bed.standing(lab_name).faults == (0.0, 2.0, 0.0, 1)
    assert lab("--name", lab_name, "up") == 1
    assert "is up already" in capsys.readouterr().err
    # Plain NAT: the call is set up, the caller hears nobody.
    assert lab("--name", lab_name, "call", "--seconds", "0.4") == 1
    shown = capsys.readouterr().out
    assert "A call from 192.168.1.10 to sip:bob@198.51.100.20:5060 over udp." in shown
    assert "The caller hung up. Media did not flow both ways: the caller heard nobody." in shown
    assert lab("--name", lab_name, "shell") == 1
    assert "has no shell" in capsys.readouterr().err
    assert lab("--name", lab_name, "down") == 0
    assert left_of(lab_name) == []
    assert lab("--name", lab_name, "down") == 0
    assert capsys.readouterr().out == "The lab is down.\nNo lab was up.\n"


def test_capture_writes_both_sides(lab_name: str, tmp_path: Path) -> None:
    bed.up(bed.Setup(lab_name, gateway="kernel"))
    assert lab("--name", lab_name, "capture", str(tmp_path / "new"), "--seconds", "0.1") == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["inside.pcap", "outside.pcap"]


def test_down_after_a_crash_leaves_nothing(lab_name: str) -> None:
    setup = bed.Setup(lab_name, gateway="kernel", faults=Faults(delay=1))
    bed.up(setup)
    keeper, wire = (recorded(setup.directory / f"{name}.pid") for name in ("keeper", "wire"))
    assert keeper is not None
    assert wire is not None
    os.kill(keeper.pid, signal.SIGKILL)
    os.waitpid(keeper.pid, 0)
    assert recorded(setup.directory / "wire.pid") == wire
    assert bed.down(lab_name)
    assert recorded(setup.directory / "wire.pid") is None
    assert left_of(lab_name) == []
    assert not bed.down(lab_name)


def test_up_that_fails_leaves_nothing(lab_name: str, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no such file"):
        bed.up(bed.Setup(lab_name, config=tmp_path / "none.cfg"))
    assert left_of(lab_name) == []


def test_without_a_lab_the_rest_says_so(lab_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab("--name", lab_name, "call") == 1
    assert capsys.readouterr().err == "doorman lab: no lab is up: doorman lab up\n"


def test_a_damaged_lab_can_be_taken_down(lab_name: str) -> None:
    directory = Path("/run", lab_name)
    directory.mkdir()
    (directory / "lab.json").write_text(json.dumps([1]))
    with pytest.raises(LabError, match="damaged"):
        bed.standing(lab_name)
    assert bed.down(lab_name)
    assert left_of(lab_name) == []


def test_a_directory_that_is_not_a_labs_is_left_alone(lab_name: str) -> None:
    directory = Path("/run", lab_name)
    directory.mkdir()
    (directory / "other").touch()
    try:
        with pytest.raises(LabError, match="not a lab's"):
            bed.down(lab_name)
    finally:
        (directory / "other").unlink()
        directory.rmdir()


@pytest.mark.parametrize("name", ["doorman", "systemd", "doorman-../x", "doorman-", "doorman-A"])
def test_names_that_could_be_something_elses_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="a lab's name is"):
        bed.down(name)


def test_all_words_after_shell_are_the_shells() -> None:
    parser = argparse.ArgumentParser()
    add_lab_arguments(parser)
    words = ["shell", "-c", "show version", "--json", "--help"]
    assert parser.parse_args(words).arguments == words[1:]


@pytest.mark.parametrize("words", [["up", "--loss", "101"], ["up", "--delay", "-1"], ["call", "--calls", "0"]])
def test_numbers_out_of_range_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_lab_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(words)
    assert "is not between" in capsys.readouterr().err


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert lab("up") == 2
    assert "run this as root" in capsys.readouterr().err
