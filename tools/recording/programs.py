"""Programs in a namespace: started, waited for and stopped, each within a time limit."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_START_SECONDS = 10.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_LOG_LINES = 40


class RecordingError(Exception):
    """A program did not do its part; the message says which one, and how its log ends."""


class Program:
    """A running program whose output goes to a log file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    def wait_for_udp(self, address: str, port: int) -> None:
        """Return when a UDP socket is bound to the address in the program's namespace.

        Raises:
            RecordingError: the program ended before, or there is none after 10 seconds.
        """
        sockets = Path(f"/proc/{self._process.pid}/net/udp")
        bound = f" {int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{port:04X} "
        self._wait_until(lambda: bound in sockets.read_text(), f"is not listening on {address}:{port}")

    def wait_for_text(self, text: str) -> None:
        """Return when the text stands in the program's log; raises as `wait_for_udp` does."""
        self._wait_until(lambda: text in self._log.read_text(errors="replace"), f"has not said {text!r}")

    def finish(self, seconds: float) -> None:
        """Wait for the program to end by itself, and well.

        Raises:
            RecordingError: it is still running after that many seconds, or its exit status is not 0.
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

    def kill(self) -> None:
        """End the program where it is still running."""
        self._process.kill()
        self._process.wait()

    def _wait_until(self, condition: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not condition():
            if self._process.poll() is not None:
                raise self._error(f"ended with status {self._process.returncode}")
            if time.monotonic() > deadline:
                raise self._error(f"{complaint} after {_START_SECONDS:g} seconds")
            time.sleep(_POLL_SECONDS)

    def _error(self, complaint: str) -> RecordingError:
        last_lines = self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return RecordingError("\n  ".join([f"{self.name} {complaint}:", *last_lines]))


@contextmanager
def running(
    name: str, namespace: str, command: Sequence[str], directory: Path, output: Path | None = None
) -> Iterator[Program]:
    """Run a command in a namespace and a directory; it has ended when the block is left.

    Args:
        name: what messages call it; `NAME.log` in the directory holds what it says.
        namespace: the network namespace.
        command: the program and its arguments.
        directory: its working directory.
        output: where its standard output goes; None is the log.
    """
    log = directory / f"{name}.log"
    with log.open("ab") as said, (output or log).open("ab") as written:
        # A group of its own: the terminal's ^C reaches this script alone, which then ends its programs in order.
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=said,
            process_group=0,
        )
    program = Program(name, process, log)
    try:
        yield program
    finally:
        program.kill()
