"""`doorman shell` without a terminal: commands and scripts, what they print where, and their exit codes."""

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from doorman.cli.shell.client import add_shell_arguments, run_shell
from doorman.cli.shell.connection import CannotConnect, Connection
from doorman.daemon import control
from kit.shell import FakeGateway, served

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path / "gateway.cfg")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "doorman.sock"


def shell(path: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_shell_arguments(parser)
    return run_shell(parser.parse_args(["--socket", str(path), *arguments]))


@contextmanager
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A pipe as standard input; gives the end to write to, which the caller closes."""
    source, sink = os.pipe()
    with os.fdopen(source) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield sink


def piped(monkeypatch: pytest.MonkeyPatch, path: Path, script: str, *arguments: str) -> int:
    with standard_input(monkeypatch) as sink:
        os.write(sink, script.encode())
        os.close(sink)
        return shell(path, *arguments)


# -c


def test_commands(gateway: FakeGateway, path: Path, capsys: Capture) -> None:
    with served(gateway, path):
        code = shell(
            path, "-c", "show version", "-c", "conf t\nhostname GW\nend", "-c", "show running-config | inc host"
        )
    assert code == 0
    assert capsys.readouterr().out == (
        "Doorman, application-level gateways for NAT and firewalls, version 0.1.0\n"
        "Router uptime is 0 minutes\n"
        f"Configuration file is {gateway.config_path}\n"
        "Enter configuration commands, one per line.  End with CNTL/Z.\n"
        "hostname GW\n"
    )


def test_the_first_error_ends_it(gateway: FakeGateway, path: Path, capsys: Capture) -> None:
    with served(gateway, path):
        code = shell(path, "-c", "conf t", "-c", "hostname GW", "-c", "ip nat foo", "-c", "hostname other")
    assert (code, gateway.config.hostname) == (1, "GW")
    assert capsys.readouterr().err == (
        "GW(config)# ip nat foo\n                   ^\n% Invalid input detected at '^' marker.\n"
    )


def test_an_error_without_a_caret_and_a_line_that_attacks(gateway: FakeGateway, path: Path, capsys: Capture) -> None:
    with served(gateway, path):
        assert shell(path, "-c", "show\x1b[2J") == 1
        assert capsys.readouterr().err.splitlines()[0] == r"Router# show\x1b[2J"
        assert shell(path, "-c", "show") == 1
        assert capsys.readouterr().err == "Router# show\n% Incomplete command.\n"


def test_json(gateway: FakeGateway, path: Path, capsys: Capture) -> None:
    gateway.call()
    with served(gateway, path):
        assert shell(path, "--json", "-c", "show ip nat translations") == 0
    assert len(json.loads(capsys.readouterr().out)["data"]) == 3


def test_a_large_table_arrives_whole(gateway: FakeGateway, path: Path, capsys: Capture) -> None:
    gateway.crowd(2_000)
    with served(gateway, path):
        assert shell(path, "-c", "show ip nat translations") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2_002


def test_exit_ends_it(gateway: FakeGateway, path: Path, capsys: Capture) -> None:
    with served(gateway, path):
        assert shell(path, "-c", "exit", "-c", "show version") == 0
    assert capsys.readouterr().out == ""


# A script


def test_a_script(gateway: FakeGateway, path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "! a comment\r\n\r\nenable\nconfigure terminal\nhostname GW\ndo show version | include uptime"
    with served(gateway, path):
        assert piped(monkeypatch, path, script) == 0
    assert capsys.readouterr().out == (
        "Enter configuration commands, one per line.  End with CNTL/Z.\nGW uptime is 0 minutes\n"
    )


def test_a_script_stops_at_its_first_error(
    gateway: FakeGateway, path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(gateway, path):
        assert piped(monkeypatch, path, "conf t\nno such thing\nhostname GW\n") == 1
    assert gateway.config.hostname == "Router"
    assert capsys.readouterr().err.startswith("Router(config)# no such thing\n")


def test_an_empty_script(gateway: FakeGateway, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(gateway, path):
        assert piped(monkeypatch, path, "") == 0


def test_bytes_that_are_no_text(gateway: FakeGateway, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(gateway, path), standard_input(monkeypatch) as sink:
        os.write(sink, b"\xff\xfe\n")
        os.close(sink)
        assert shell(path) == 1


def test_a_script_sees_debug_lines_while_it_waits(
    gateway: FakeGateway, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, sink = os.pipe()
    with served(gateway, path) as do, standard_input(monkeypatch) as script, os.fdopen(source) as output:
        monkeypatch.setattr(sys, "stdout", os.fdopen(sink, "w"))
        codes: list[int] = []
        thread = Thread(target=lambda: codes.append(shell(path)))
        thread.start()
        os.write(script, b"debug ip nat sip\n")
        assert output.readline() == "IP NAT SIP debugging is on\n"
        do(gateway.register)
        assert output.readline().endswith("NAT: SIP: [0] processing REGISTER message\n")
        os.close(script)
        thread.join(30)
        sys.stdout.close()
    assert codes == [0]


# No gateway


def test_no_gateway(path: Path, capsys: Capture) -> None:
    assert shell(path, "-c", "show version") == 2
    assert capsys.readouterr().err == (
        f"doorman shell: cannot connect to {path}: No such file or directory\n"
        "is the gateway running? start it with: doorman run CONFIG [--socket PATH]\n"
    )


def test_a_path_that_is_too_long(tmp_path: Path, capsys: Capture) -> None:
    assert shell(tmp_path / ("x" * 200), "-c", "show version") == 2
    assert "cannot connect" in capsys.readouterr().err


def test_too_many_sessions(gateway: FakeGateway, path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CLIENTS", 0)
    with served(gateway, path):
        assert shell(path, "-c", "show version") == 2
    assert capsys.readouterr().err == "doorman shell: % Too many sessions\n"


def test_a_gateway_that_ends_meanwhile(
    gateway: FakeGateway, path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with standard_input(monkeypatch) as script:
        with served(gateway, path):
            codes: list[int] = []
            thread = Thread(target=lambda: codes.append(shell(path)))
            thread.start()
            os.write(script, b"debug ip nat\n")
            while not gateway.subscribers and thread.is_alive():
                thread.join(0.001)
        thread.join(30)
        os.close(script)
    assert codes == [2]
    assert capsys.readouterr().err == "doorman shell: the gateway closed the connection\n"


def test_a_gateway_that_does_not_answer(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(str(path))
        stopped.listen()
        with pytest.raises(CannotConnect, match="the gateway does not answer"):
            Connection(path, 0.01)


def test_scripts_do_not_load_the_line_editor() -> None:
    code = "import sys, doorman.cli.shell.client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"prompt_toolkit", "asyncio", "doorman.cli.shell.session", "doorman.engine"} & set(loaded)
