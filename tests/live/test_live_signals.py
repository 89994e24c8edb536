"""Signals at bad moments: while the gateway begins, and while it ends."""

import os
import signal
import subprocess
import sys

import pytest

from kit.lab import Lab, eventually

SIGNALLED = """
import os, signal, sys
from doorman.daemon import parts, run, service
from doorman.main import main

number = getattr(signal, sys.argv.pop())

def signalled(action):
    def first(*arguments, **options):
        os.kill(os.getpid(), number)
        return action(*arguments, **options)
    return first

{moment}
sys.exit(main())
"""
BEGINNING = "run.drop_privileges = signalled(run.drop_privileges)"
"""The kernel has the table already."""
ENDING = """
parts.NetfilterPlane.close = signalled(parts.NetfilterPlane.close)
service.Notifier.ready = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
"""
"""Asked to end once, and again before the table is gone."""


def run_in_the_lab(lab: Lab, moment: str, name: str) -> subprocess.CompletedProcess[str]:
    places = "--socket", str(lab.directory / "doorman.sock"), "--state-dir", str(lab.directory / "state")
    script = [sys.executable, "-c", SIGNALLED.format(moment=moment), "run", str(lab.config), *places, name]
    command = ["ip", "netns", "exec", lab.network.gateway, *script]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize(("moment", "name"), [(BEGINNING, "SIGTERM"), (ENDING, "SIGTERM"), (ENDING, "SIGHUP")])
def test_a_signal_at_a_bad_moment_leaves_nothing_behind(lab: Lab, moment: str, name: str) -> None:
    lab.configure()
    before = lab.in_gateway("nft", "list", "ruleset")
    done = run_in_the_lab(lab, moment, name)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert lab.in_gateway("nft", "list", "ruleset") == before
    assert not (lab.directory / "doorman.sock").exists()


def test_signals_in_a_storm_have_the_last_word_said_heard(lab: Lab) -> None:
    lab.configure()
    with lab.serving() as gateway:
        for number in range(1, 101):
            lab.configure(f"ip nat translation udp-timeout {number}")
            os.kill(gateway.pid, signal.SIGHUP)
        eventually(lambda: "udp-timeout 100\n" in lab.order("show running-config"), "not applied")
        assert "Traceback" not in gateway.log.read_text()
