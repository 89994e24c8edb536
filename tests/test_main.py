"""The command as the shell sees it: exit codes, and what goes to which stream."""

import subprocess
import sys
from pathlib import Path

import pytest

import doorman
from doorman import main as command
from kit.captures import EXAMPLES

DOORMAN = Path(sys.executable).with_name("doorman")
CAPTURE, CONFIG = EXAMPLES / "sipp-call.pcap", EXAMPLES / "overload.cfg"
GATEWAY = ["--inside", "192.168.1.0/24", "--outside-address", "203.0.113.1"]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DOORMAN, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"doorman {doorman.__version__}\n", "")


@pytest.mark.parametrize("command_name", [[], ["replay"], ["check"]])
def test_help(command_name: list[str]) -> None:
    done = run(*command_name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: doorman")
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["check"],
        ["replay"],
        ["replay", CAPTURE, "--loud"],
        ["replay", CAPTURE, "--debug", "h323"],
        ["replay", CAPTURE, "--mtu", "67"],
        ["replay", CAPTURE, "--mtu", "65536"],
        ["replay", CAPTURE, "--mtu", "many"],
        ["replay", CAPTURE, "--expl"],
    ],
)
def test_a_command_line_that_cannot_be_understood(arguments: list[str | Path]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: doorman")
    assert "Traceback" not in done.stderr


def test_replay() -> None:
    done = run("replay", CAPTURE, "--config", CONFIG)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("306 packets: 153 from inside, 153 from outside, 0 passed unchanged, 0 dropped\n")
    assert run("replay", CAPTURE, *GATEWAY).stdout == done.stdout


def test_a_capture_that_ends_in_damage(tmp_path: Path) -> None:
    damaged = tmp_path / "cut.pcap"
    damaged.write_bytes(CAPTURE.read_bytes()[:-5])
    done = run("replay", damaged, *GATEWAY)
    assert done.returncode == 1
    assert done.stdout.startswith("305 packets: ")
    assert done.stderr.startswith(f"{damaged}: ")
    assert done.stderr.endswith("; the 305 packets before that were used\n")


def test_what_is_no_capture() -> None:
    done = run("replay", CONFIG, *GATEWAY)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{CONFIG}: not a pcap or pcapng file: it begins with 21 20 41 20\n"


def test_check() -> None:
    done = run("check", CONFIG)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{CONFIG}: 14 lines, no errors\n")
    bad = run("check", EXAMPLES / "README.md")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "Traceback" not in bad.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind")
def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    with subprocess.Popen(
        [DOORMAN, "replay", CAPTURE, *GATEWAY, "--explain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_an_interrupt_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_check", interrupted)
    monkeypatch.setattr(sys, "argv", ["doorman", "check", "x"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 130


def test_check_does_not_load_what_only_replay_needs() -> None:
    code = "import sys; from doorman.cli.check import check_file; import doorman.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.split(".")[:2] in (["doorman", "engine"], ["doorman", "dataplanes"])]
    assert not {"rich", "json", "difflib", "subprocess"} & set(loaded)
    assert not [name for name in loaded if name == "doorman.algs.makers" or name.endswith(".alg")]


def test_strict(tmp_path: Path) -> None:
    config = tmp_path / "router.cfg"
    config.write_text(f"version 17.3\n{CONFIG.read_text()}")
    commands: list[list[str | Path]] = [["check", config], ["replay", CAPTURE, "--config", config]]
    for arguments in commands:
        done = run(*arguments)
        assert (done.returncode, "1:1\n  version 17.3\n  ^\n% Warning" in done.stderr) == (0, True)
        assert run(*arguments, "--strict").returncode == 2
    done = run("run", config, "--strict", "--state-dir", tmp_path)
    assert (done.returncode, "% Invalid input detected" in done.stderr) == (2, True)
