"""Programs in a namespace: started, waited for and stopped, each within a time limit."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from doorman.lab.errors import LabError
from doorman.lab.processes import record

UNPACKED = Path("/opt/doorman-peers")
"""Where tools/system-packages.sh puts programs that are not installed; each in a folder of its package."""
_START_SECONDS = 10.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_LOG_LINES = 40
_LISTENING = " 0A "
"""A TCP socket's state as /proc/net/tcp writes it; in /proc/net/udp it would be `07`."""


class Program:
    """A running program whose output goes to a log file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def wait_for_udp(self, address: str, port: int) -> None:
        """Return when a UDP socket is bound to the address in the program's namespace.

        Raises:
            LabError: the program ended before, or there is none after 10 seconds.
        """
        self._wait_for_socket("udp", address, port, "")

    def wait_for_tcp(self, address: str, port: int) -> None:
        """Return when a TCP socket listens at the address in the program's namespace; raises as `wait_for_udp` does."""
        self._wait_for_socket("tcp", address, port, _LISTENING)

    def wait_for_text(self, text: str) -> None:
        """Return when the text stands in the program's log; raises as `wait_for_udp` does."""
        self.wait_until(lambda: text in self.log.read_text(errors="replace"), f"has not said {text!r}")

    def wait_until(self, condition: Callable[[], bool], complaint: str, seconds: float = _START_SECONDS) -> None:
        """Return when the condition holds.

        Args:
            condition: what is waited for; asked 50 times a second.
            complaint: what the error says after the program's name.
            seconds: how long to wait.

        Raises:
            LabError: the program ended before, or the time is up.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if self._process.poll() is not None:
                # It may have done its part with its last breath.
                if condition():
                    return
                raise self._error(f"ended with status {self._process.returncode}")
            if time.monotonic() > deadline:
                raise self._error(f"{complaint} after {seconds:g} seconds")
            time.sleep(_POLL_SECONDS)

    def has_ended(self) -> bool:
        """Whether the program has ended, well or not."""
        return self._process.poll() is not None

    def finish(self, seconds: float) -> None:
        """Wait for the program to end by itself, and well.

        Raises:
            LabError: it is still running after that many seconds, or its exit status is not 0.
        """
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self._error(f"is still running after {seconds:g} seconds") from None
        if status != 0:
            raise self._error(f"ended with status {status}")

    def interrupt(self) -> None:
        """Ask the program to end, as a ^C does, and wait for it; raises as `finish` does."""
        self._process.send_signal(signal.SIGINT)
        self.finish(_STOP_SECONDS)

    def terminate_if_running(self) -> None:
        """Ask the program to end (SIGTERM) unless it has, and wait for it; raises as `finish` does."""
        if not self.has_ended():
            self._process.terminate()
            self.finish(_STOP_SECONDS)

    def kill(self) -> None:
        """End the program where it is still running, and with it what it has left running."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # a group as its session: its own
        self._process.wait()

    def _wait_for_socket(self, protocol: str, address: str, port: int, state: str) -> None:
        sockets = Path(f"/proc/{self.pid}/net/{protocol}")
        local = f" {int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{port:04X} "

        def listens() -> bool:
            try:
                lines = sockets.read_text().splitlines()
            except FileNotFoundError:
                return False  # the program has ended
            return any(local in line and state in line for line in lines)

        self.wait_until(listens, f"is not listening on {protocol} {address}:{port}")

    def _error(self, complaint: str) -> LabError:
        last_lines = self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return LabError("\n  ".join([f"{self.name} {complaint}:", *last_lines]))


@contextmanager
def running(
    name: str, namespace: str, command: Sequence[str], directory: Path, output: Path | None = None
) -> Iterator[Program]:
    """Run a command in a namespace and a directory; it has ended when the block is left.

    While it runs, `NAME.pid` in the directory is its record (`processes.record`), for `down` after a crash of ours.

    Args:
        name: what messages call it; `NAME.log` in the directory holds what it says.
        namespace: the network namespace.
        command: the program and its arguments.
        directory: its working directory.
        output: where its standard output goes; None is the log.
    """
    log = directory / f"{name}.log"
    on_record = directory / f"{name}.pid"
    with log.open("ab") as said, (output or log).open("ab") as written:
        # A session of its own: the terminal's ^C and its closing reach us alone, and we end our programs in order.
        process = subprocess.Popen(  # noqa: S603 - a list of words, no shell
            ["ip", "netns", "exec", namespace, *command],  # noqa: S607 - where the system's PATH has it
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=said,
            start_new_session=True,
        )
    program = Program(name, process, log)
    try:
        record(on_record, process.pid)
        yield program
    finally:
        program.kill()
        on_record.unlink(missing_ok=True)
