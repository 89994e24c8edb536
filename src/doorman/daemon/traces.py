"""Traces: the signalling of one call or host as captures, written by the gateway in its state directory.

A message is written as its sender sent it, on the interface `inside` or `outside`, and as its receiver gets it, on the
other; one that was dropped only as it was sent. Media never come here. What the gateway sees is messages, so the
headers around them are made anew: addresses and ports are right, a message over TCP is one segment whatever it came in,
and there are no handshakes.

Operators choose the name of the file and nothing else of its place: it is a new file in one directory, and bounded.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from doorman.algs.api import Direction
from doorman.cli.debug.topic import Topic
from doorman.cli.gateway import NotApplied
from doorman.dataplanes.report import Json
from doorman.engine.inspection import Inspection
from doorman.net.addresses import Endpoint
from doorman.net.datagrams import MOST_DATA, datagram, segment
from doorman.net.frames import Frame
from doorman.net.links import RAW
from doorman.net.packet import UDP
from doorman.net.pcapng import PcapngWriter
from doorman.net.tcp import SEQUENCES

MOST_BYTES = 10_000_000
"""Of one file, a little more or less than that."""
MOST_AT_ONCE = 8
MOST_FILES = 100
"""In the directory, also of earlier runs."""
MOST_REMEMBERED = 32
"""Traces of which `show` still tells when they are over."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENDING = ".pcapng"
_SIDES = ("inside", "outside")
_FIRST = 1
"""The sequence number of a connection's first byte."""
_AROUND = 80
"""Bytes that the capture adds to a message, about."""


class Trace:
    """One trace.

    Attributes:
        path: of its file.
        topic: what it is about.
        messages, bytes: how many were written.
        ends: when it is over, in seconds.
        state: `active`, or why it is over.
    """

    def __init__(self, path: Path, topic: Topic, file: BinaryIO, ends: float) -> None:
        self.path = path
        self.topic = topic
        self.ends = ends
        self.messages = self.bytes = 0
        self.state = "active"
        self._file = file
        self._writer = PcapngWriter(file, _SIDES)
        self._sequences: dict[tuple[Endpoint, Endpoint], int] = {}

    @property
    def active(self) -> bool:
        """Whether it goes on."""
        return self.state == "active"

    def write(self, inspection: Inspection, time_ns: int) -> None:
        """Write a message, if it is one of the topic; the file that cannot be written ends the trace."""
        if not self.topic.covers(inspection):
            return
        message, drop = inspection.message, inspection.outcome.drop
        path, side = message.path, int(message.direction == Direction.INBOUND)
        try:
            self._write(side, path.sent_from, path.sent_to, message.protocol, message.data, time_ns)
            if drop is None:
                self._write(1 - side, path.arrives_from, path.arrives_to, message.protocol, inspection.after, time_ns)
        except OSError as error:
            self.end(f"failed: {error.strerror}")
            return
        self.messages += 1
        if self.bytes >= MOST_BYTES:
            self.end("full")

    def end(self, state: str) -> None:
        """Write no more."""
        if self.active:
            self.state = state
            try:
                self._file.close()
            except OSError as error:
                self.state = f"failed: {error.strerror}"

    def _write(  # noqa: PLR0913, PLR0917 - a packet, and where and when it was seen
        self, side: int, sender: Endpoint, receiver: Endpoint, protocol: int, data: bytes, time_ns: int
    ) -> None:
        data = data[:MOST_DATA]
        if protocol == UDP:
            packet = datagram(sender, receiver, data)
        else:
            sent, received = (self._sequences.get(way, _FIRST) for way in ((sender, receiver), (receiver, sender)))
            packet = segment(sender, receiver, data, sent, received)
            self._sequences[sender, receiver] = (sent + len(data)) % SEQUENCES
        self._writer.write(Frame(packet, time_ns, len(packet), RAW, side))
        self.bytes += len(packet) + _AROUND


class Traces:
    """All traces of a gateway.

    Args:
        directory: where they are written; made when the first one is.
        clock: the time in seconds.
    """

    def __init__(self, directory: Path, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock
        self._traces: list[Trace] = []

    def __bool__(self) -> bool:
        """Whether one is at work."""
        return any(trace.active for trace in self._traces)

    def __iter__(self) -> Iterator[Json]:
        now = self._clock()
        for trace in list(self._traces):
            yield {
                "file": trace.path.name,
                "of": trace.topic.condition,
                "messages": trace.messages,
                "bytes": trace.bytes,
                "left": max(0.0, trace.ends - now) if trace.active else None,
                "state": trace.state,
            }

    def begin(self, topic: Topic, name: str, seconds: int) -> Path:
        """Begin a trace. See `cli.gateway.Gateway.trace` for what is raised."""
        file_name = _file_name(name)
        if sum(trace.active for trace in self._traces) >= MOST_AT_ONCE:
            raise NotApplied(f"{MOST_AT_ONCE} traces are at work already")
        path = self._directory / file_name
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            if sum(1 for _ in self._directory.iterdir()) >= MOST_FILES:
                raise NotApplied(f"{self._directory} has {MOST_FILES} files: remove some")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            file = os.fdopen(descriptor, "wb")
        except OSError as error:
            raise NotApplied(f"{path}: {error.strerror}") from None
        self._traces.append(Trace(path, topic, file, self._clock() + seconds))
        self._forget()
        return path

    def end(self, name: str) -> None:
        """End a trace before its time. See `cli.gateway.Gateway.end_trace` for what is raised."""
        file_name = _file_name(name)
        trace = next((trace for trace in self._traces if trace.active and trace.path.name == file_name), None)
        if trace is None:
            raise NotApplied(f"no trace to {file_name} is at work")
        trace.end("stopped")

    def see(self, inspection: Inspection, time_ns: int) -> None:
        """Write a message to all traces that it is for."""
        for trace in self._traces:
            if trace.active:
                trace.write(inspection, time_ns)

    def expire(self) -> None:
        """End the traces whose time is up; to be called each second."""
        now = self._clock()
        for trace in self._traces:
            if trace.active and trace.ends <= now:
                trace.end("done")

    def close(self) -> None:
        """End all."""
        for trace in self._traces:
            trace.end("stopped")

    def _forget(self) -> None:
        over = [trace for trace in self._traces if not trace.active]
        for trace in over[: len(self._traces) - MOST_REMEMBERED]:
            with contextlib.suppress(ValueError):
                self._traces.remove(trace)


def _file_name(name: str) -> str:
    """A name that leads nowhere else, with the ending of the format.

    Raises:
        NotApplied: it is none.
    """
    if not _NAME.fullmatch(name):
        raise NotApplied("a file has a name of letters, digits, '.', '-' and '_', up to 64")
    return name if name.endswith(_ENDING) else name + _ENDING
