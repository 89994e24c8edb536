"""`doorman shell` at a terminal: a real one (pty), with a real child process, and the keys that are no text."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit.shell import FakeGateway, served

PROGRAM = """
import argparse, sys
from doorman.cli.shell.client import add_shell_arguments, run_shell
parser = argparse.ArgumentParser()
add_shell_arguments(parser)
sys.exit(run_shell(parser.parse_args()))
"""
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>])")
DEADLINE = 30.0


class Terminal:
    """A child at a terminal: what it shows is read up to a text that is waited for, and given back."""

    def __init__(self, path: Path, home: Path) -> None:
        self.end, child = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "XDG_STATE_HOME": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--socket", str(path)],
            stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(child)
        self._shown = ""
        self.wait_for("Router>")

    def types(self, keys: str, *, shows: str) -> str:
        """Type, and wait for a text."""
        os.write(self.end, keys.encode())
        return self.wait_for(shows)

    def wait_for(self, text: str) -> str:
        """Wait for a text behind the one waited for last; give what was shown with it."""
        until = time.monotonic() + DEADLINE
        while text not in self._shown:
            readable, _, _ = select.select([self.end], [], [], max(0, until - time.monotonic()))
            assert readable, f"{text!r} did not come, but {self._shown!r}"
            try:
                data = os.read(self.end, 65_536)
            except OSError:  # the child is gone
                data = b""
            assert data, f"{text!r} did not come, but {self._shown!r}"
            self._shown = ESCAPES.sub("", self._shown + data.decode(errors="replace"))
        before, found, self._shown = self._shown.partition(text)
        return (before + found).replace("\r", "")

    def close(self) -> int:
        """Wait for the child's end."""
        code = self.process.wait(DEADLINE)
        os.close(self.end)
        return code


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path / "gateway.cfg")


@pytest.fixture
def terminal(gateway: FakeGateway, tmp_path: Path) -> Iterator[tuple[Terminal, Callable[[Callable[[], None]], None]]]:
    with served(gateway, tmp_path / "doorman.sock") as do:
        one = Terminal(tmp_path / "doorman.sock", tmp_path)
        try:
            yield one, do
        finally:
            if one.process.poll() is None:
                one.process.kill()
                one.process.wait()


AtTerminal = tuple[Terminal, Callable[[Callable[[], None]], None]]


def test_help_and_completion(terminal: AtTerminal) -> None:
    at, _ = terminal
    at.types("sh?", shows="show  Show running system information")
    at.wait_for("Router> sh")  # the line is given back, and goes on
    at.types("\t", shows="ow")
    at.types("vers\t", shows="ion")
    at.types("\r", shows="Router uptime is 0 minutes")
    at.types("show ip nat \t", shows="doors  statistics  translations")
    at.wait_for("Router> show ip nat")
    at.types("tr\t", shows="anslations")
    at.types("\r", shows="Total number of translations: 0")


def test_an_error_has_a_caret_under_the_word(terminal: AtTerminal) -> None:
    at, _ = terminal
    assert f"\n{' ' * 13}^" in at.types("show foo\r", shows="% Invalid input")
    assert f"\n{' ' * 13}^" in at.types("show foo ?", shows="% Invalid input")


def test_control_keys(terminal: AtTerminal, gateway: FakeGateway) -> None:
    at, _ = terminal
    at.types("enable\r", shows="Router#")
    at.types("conf t\r", shows="Router(config)#")
    at.types("hostname never\x03", shows="Router(config)#")
    at.types("hostname GW\x1a", shows="GW#")
    assert gateway.config.hostname == "GW"
    os.write(at.end, b"\x04")
    assert at.close() == 0


def test_debug_lines_appear_above_what_is_typed(terminal: AtTerminal, gateway: FakeGateway) -> None:
    at, do = terminal
    at.types("enable\r", shows="Router#")
    at.types("debug ip nat sip\r", shows="debugging is on")
    at.wait_for("Router#")
    at.types("show ver", shows="show ver")
    do(gateway.register)
    at.wait_for("processing REGISTER message")
    at.wait_for("Router# show ver")
    at.types("\r", shows="Router uptime")


def test_the_rest_of_an_answer_can_be_dropped(terminal: AtTerminal, gateway: FakeGateway) -> None:
    at, do = terminal
    do(lambda: gateway.crowd(3_000))
    at.types("show ip nat translations\r", shows="Pro ")
    at.process.send_signal(signal.SIGINT)
    at.wait_for("Router>")
    at.types("show version\r", shows="Router uptime")


def test_history_is_kept(terminal: AtTerminal, tmp_path: Path) -> None:
    at, _ = terminal
    at.types("show version\r", shows="uptime")
    at.types("\x1b[A", shows="show version")
    os.write(at.end, b"\x03exit\r")
    assert at.close() == 0
    assert "+show version" in (tmp_path / "doorman" / "history").read_text()


def test_the_gateway_ends(gateway: FakeGateway, tmp_path: Path) -> None:
    with served(gateway, tmp_path / "doorman.sock"):
        at = Terminal(tmp_path / "doorman.sock", tmp_path)
    at.wait_for("doorman shell: the gateway closed the connection")
    assert at.close() == 2


def test_no_gateway(gateway: FakeGateway, tmp_path: Path) -> None:
    assert gateway.subscribers == {}
    end, child = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--socket", str(tmp_path / "none")],
        stdin=child, capture_output=True, text=True, check=False, timeout=DEADLINE,
    )  # fmt: skip
    os.close(end)
    os.close(child)
    assert done.returncode == 2
    assert "is the gateway running? start it with: doorman run CONFIG" in done.stderr
