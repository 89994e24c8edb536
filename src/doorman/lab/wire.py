"""A wire between two interfaces that loses, delays and reorders IPv4 packets, for kernels without netem.

    python -m doorman.lab.wire ONE OTHER [--loss PERCENT] [--delay MS] [--reorder PERCENT] [--seed N]

It copies every frame that comes in at one interface to the other one, in both directions, until it is ended; then a
line for each direction says what became of its packets. The faults are drawn from the seed, a sequence for each
direction, so that the same packets meet the same faults. All other frames (ARP) are spared: losing one stops everything
for a second, which is not what a lossy line looks like.
"""

import argparse
import select
import signal
import socket
import sys
import time
from collections import deque
from random import Random
from typing import NamedTuple

_ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_IGNORE_OUTGOING = 23
"""packet(7): a socket sees what arrives only. Since Linux 4.20."""
_SO_RCVBUFFORCE = 33
_BUFFER_BYTES = 8 << 20
_LONGEST_FRAME = 65_536
_BATCH = 64
"""Frames taken from one side before the other one has its turn."""

_IPV4 = b"\x08\x00"
"""The EtherType, bytes 12 and 13 of a frame."""
_MOST_BYTES = 16 << 20
_MOST_HELD = 16
_HOLD_SECONDS = 0.1


class Faults(NamedTuple):
    """What a wire does, each way: shares in percent, the delay in milliseconds."""

    loss: float = 0.0
    delay: float = 0.0
    reorder: float = 0.0
    seed: int = 1

    def arguments(self) -> list[str]:
        """The options that say so to this program."""
        named = zip(self._fields, self, strict=True)
        return [word for name, value in named for word in (f"--{name}", f"{value:g}")]


class Direction:
    """One way through the wire. The clock comes in as an argument; any seconds that never run backwards will do.

    A reordered packet is held until the next that is not has passed, at most 0.1 s. At most 16 are held and at most
    16 MiB are on their way; what is more is dropped, as a full queue does.
    """

    def __init__(self, faults: Faults, name: str) -> None:
        self.passed = self.lost = self.reordered = self.overflowed = 0
        self._faults = faults
        self._random = Random(f"{faults.seed} {name}")  # noqa: S311 - chance that shall repeat itself
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._bytes = 0
        self._held: list[bytes] = []
        self._held_until = 0.0

    def take(self, frame: bytes, now: float) -> None:
        """A frame comes in."""
        if frame[12:14] != _IPV4:
            self._send(frame, now)
            return
        # Both are drawn for each packet: a change of one share leaves the other's sequence alone.
        lost = self._random.random() * 100 < self._faults.loss
        reordered = self._random.random() * 100 < self._faults.reorder
        if lost:
            self.lost += 1
        elif reordered and len(self._held) < _MOST_HELD:
            self.reordered += 1
            if not self._held:
                self._held_until = now + _HOLD_SECONDS
            self._held.append(frame)
        else:
            self._send(frame, now)
            self._release(now)

    def due(self, now: float) -> list[bytes]:
        """The frames that come out by now, in their order."""
        if self._held and now >= self._held_until:
            self._release(now)
        frames = []
        while self._under_way and self._under_way[0][0] <= now:
            frame = self._under_way.popleft()[1]
            self._bytes -= len(frame)
            frames.append(frame)
        self.passed += len(frames)
        return frames

    def next_due(self) -> float | None:
        """When `due` has something to give, None if nothing is in the wire."""
        times = [self._under_way[0][0]] if self._under_way else []
        if self._held:
            times.append(self._held_until)
        return min(times, default=None)

    def __str__(self) -> str:
        counted = f"{self.passed} passed, {self.lost} lost, {self.reordered} reordered"
        return f"{counted}, {self.overflowed} dropped by a full queue"

    def _release(self, now: float) -> None:
        for frame in self._held:
            self._send(frame, now)
        self._held.clear()

    def _send(self, frame: bytes, now: float) -> None:
        if self._bytes + len(frame) > _MOST_BYTES:
            self.overflowed += 1
            return
        self._bytes += len(frame)
        self._under_way.append((now + self._faults.delay / 1_000, frame))


def carry(one: str, other: str, faults: Faults, ended: socket.socket) -> list[Direction]:
    """Be the wire between two interfaces of this namespace until `ended` can be read; says `ready` on standard error.

    Returns:
        What became of the packets of each direction.

    Raises:
        OSError: there is no such interface, or this user may not.
    """
    with _tap(one) as first, _tap(other) as second:
        ways = [
            (first, second, Direction(faults, "there")),
            (second, first, Direction(faults, "back")),
        ]
        sys.stderr.write("ready\n")
        sys.stderr.flush()
        while True:
            readable, _, _ = select.select([first, second, ended], [], [], _wait([way[2] for way in ways]))
            if ended in readable:
                return [direction for _, _, direction in ways]
            for source, sink, direction in ways:
                if source in readable:
                    _take_in(source, direction)
                _give_out(sink, direction)


def _tap(interface: str) -> socket.socket:
    """A socket for every frame of an interface."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    tap.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    tap.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    tap.bind((interface, _ETH_P_ALL))
    tap.settimeout(0)
    return tap


def _wait(directions: list[Direction]) -> float | None:
    times = [due for direction in directions if (due := direction.next_due()) is not None]
    return max(0.0, min(times) - time.monotonic()) if times else None


def _take_in(source: socket.socket, direction: Direction) -> None:
    for _ in range(_BATCH):
        try:
            frame = source.recv(_LONGEST_FRAME)
        except OSError:
            # Nothing more, or the interface is down; it may come up again.
            return
        direction.take(frame, time.monotonic())


def _give_out(sink: socket.socket, direction: Direction) -> None:
    for frame in direction.due(time.monotonic()):
        try:
            sink.send(frame)
        except OSError:
            direction.passed -= 1
            direction.overflowed += 1


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="A wire that loses, delays and reorders packets.", allow_abbrev=False)
    parser.add_argument("one", metavar="ONE")
    parser.add_argument("other", metavar="OTHER")
    for share in ("loss", "delay", "reorder"):
        parser.add_argument(f"--{share}", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    ended, signalled = socket.socketpair()
    with ended, signalled:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: signalled.send(b"."))
        faults = Faults(options.loss, options.delay, options.reorder, options.seed)
        there, back = carry(options.one, options.other, faults, ended)
    sys.stderr.write(f"{options.one} to {options.other}: {there}\n{options.other} to {options.one}: {back}\n")


if __name__ == "__main__":
    main()
