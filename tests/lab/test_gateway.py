"""How the lab runs a gateway: any program that says `ready` on a line and ends when it is asked to."""

import sys
from pathlib import Path

import pytest

from doorman.lab import gateway
from doorman.lab.errors import LabError
from doorman.lab.gateway import SAMPLE_CONFIG, running_gateway
from doorman.lab.network import network

STAND_IN = """
import signal, sys
print("not", "ready", file=sys.stderr)
print(*sys.argv[1:], file=sys.stderr)
print("ready", file=sys.stderr, flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    signal.pause()
"""


def plays(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(gateway, "doorman", lambda *words: [sys.executable, "-c", program, *words])


def test_a_gateway_serves_and_can_be_started_again(
    lab_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays(monkeypatch, STAND_IN)
    with network(lab_name) as net:
        with running_gateway(net, SAMPLE_CONFIG, tmp_path, "--table", "t") as first:
            said = first.log.read_text()
            assert (
                f"run {SAMPLE_CONFIG} --socket {tmp_path}/doorman.sock --state-dir {tmp_path}/state --table t\n" in said
            )
            first.program.kill()
        with running_gateway(net, SAMPLE_CONFIG, tmp_path) as second:
            assert second.pid != first.pid
            assert second.log.read_text().splitlines().count("ready") == 2
        assert second.program.has_ended()


def test_a_gateway_that_cannot_start_is_quoted(lab_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plays(monkeypatch, "raise SystemExit('nft is missing')")
    with network(lab_name) as net, pytest.raises(LabError, match="nft is missing"):  # noqa: SIM117 - two steps
        with running_gateway(net, SAMPLE_CONFIG, tmp_path):
            pass


def test_a_configuration_must_be_there(lab_name: str, tmp_path: Path) -> None:
    with network(lab_name) as net, pytest.raises(LabError, match="no such file"):  # noqa: SIM117 - two steps
        with running_gateway(net, tmp_path / "none.cfg", tmp_path):
            pass
