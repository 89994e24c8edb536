import time
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket

import pytest

from doorman.daemon.notify import Notifier, watchdog_interval
from kit.waiting import DEADLINE


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@{tmp_path}/notify"


def test_each_message(address: str) -> None:
    with socket(AF_UNIX, SOCK_DGRAM) as systemd:
        systemd.bind(address.replace("@", "\0"))
        systemd.settimeout(DEADLINE)
        notifier = Notifier.of({"NOTIFY_SOCKET": address})

        assert notifier.ready("2 calls\nREADY=0")
        assert systemd.recv(1000) == b"READY=1\nSTATUS=2 calls READY=0"
        assert notifier.stopping()
        assert systemd.recv(1000) == b"STOPPING=1"
        assert notifier.status("3 calls")
        assert systemd.recv(1000) == b"STATUS=3 calls"
        assert notifier.watchdog()
        assert systemd.recv(1000) == b"WATCHDOG=1"

        before = time.monotonic_ns() // 1000
        assert notifier.reloading()
        first, _, microseconds = systemd.recv(1000).partition(b"\nMONOTONIC_USEC=")
        assert first == b"RELOADING=1"
        assert before <= int(microseconds) <= time.monotonic_ns() // 1000


def test_nobody_to_tell(tmp_path: Path) -> None:
    for address in (None, "", "relative", str(tmp_path / "none"), "/" + "x" * 200):
        assert not Notifier(address).ready()
    assert not Notifier(str(tmp_path)).status("")


def test_a_full_socket_is_not_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket(AF_UNIX, SOCK_DGRAM) as systemd:
        systemd.bind(path)
        sent = 0
        while Notifier(path).watchdog():
            sent += 1
            assert sent < 100_000
        assert sent


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog(environment: dict[str, str], interval: float | None) -> None:
    assert watchdog_interval(environment, 42) == interval
