"""What systemd is told of the daemon: sd_notify(3), without a library.

A datagram of lines `NAME=VALUE` to the Unix socket that $NOTIFY_SOCKET names: a path, or a name in the abstract
namespace written with `@` for its leading zero byte. Without the variable nothing is sent, and nothing fails.
"""

import os
import socket
import time
from collections.abc import Mapping
from typing import Self


class Notifier:
    """Tells systemd of the daemon's state.

    Each method says whether the message was sent; one that cannot be is lost, since the daemon never waits for systemd.
    """

    def __init__(self, address: str | None) -> None:
        """Take $NOTIFY_SOCKET; None or an empty text tells nobody."""
        self._address: str | bytes | None = None
        if address and address[0] in "/@":
            self._address = b"\0" + os.fsencode(address[1:]) if address[0] == "@" else address

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Make one of the environment, normally os.environ."""
        return cls(environment.get("NOTIFY_SOCKET"))

    def ready(self, status: str = "") -> bool:
        """Signalling is served, at first or after a reload."""
        return self._send("READY=1", *_status(status))

    def reloading(self, status: str = "") -> bool:
        """A reload begins; `ready` ends it. systemd demands the time, of CLOCK_MONOTONIC in microseconds."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        return self._send("RELOADING=1", f"MONOTONIC_USEC={now}", *_status(status))

    def stopping(self, status: str = "") -> bool:
        """The daemon ends."""
        return self._send("STOPPING=1", *_status(status))

    def status(self, text: str) -> bool:
        """A line for people, which `systemctl status` shows."""
        return self._send(*_status(text))

    def watchdog(self) -> bool:
        """The daemon lives; due at least every `watchdog_interval` seconds."""
        return self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> bool:
        if self._address is None or not lines:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.settimeout(0)
            try:
                link.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return False
        return True


def watchdog_interval(environment: Mapping[str, str], pid: int) -> float | None:
    """How often systemd wants to hear of process `pid`, in seconds: half of its patience; None if it does not care.

    $WATCHDOG_USEC and $WATCHDOG_PID are those of sd_watchdog_enabled(3).
    """
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or not int(microseconds) or environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(microseconds) / 2e6


def _status(text: str) -> tuple[str, ...]:
    """A line of its own: a line end within would begin another message."""
    return (f"STATUS={' '.join(text.split())}",) if text else ()
