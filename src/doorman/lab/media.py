"""Senders and counters of RTP: one station serves any number of ports, in any number of namespaces.

A stream is a UDP socket that sends to where it was directed and counts what it receives. A thread of the station does
the work, so that media flows whatever the test or the operator waits for meanwhile. However many streams there are, the
station sends no more than 8,000 packets a second: each of many streams then sends more slowly, and none is favoured.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from random import Random

from doorman.lab.errors import LabError
from doorman.lab.namespaces import entered
from doorman.lab.stream import Stream

_INTERVAL = 0.02
_MOST_PACKETS_PER_SECOND = 8_000
_LONGEST_WAIT = 0.02
_BUFFER_BYTES = 1 << 20


def interval(streams: int) -> float:
    """The seconds between two packets of a stream where a station has so many: 0.02 or, above 160, more."""
    return max(_INTERVAL, streams / _MOST_PACKETS_PER_SECOND)


class Station:
    """All streams of a test or a call, and the thread that serves them. Made by `station`."""

    def __init__(self, seed: int = 1) -> None:
        self._random = Random(seed)  # noqa: S311 - chance that shall repeat itself
        self._ports = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._due: list[tuple[float, int, Stream]] = []
        self._opened = 0
        self._numbers = 0
        self._idle_rounds = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="rtp", daemon=True)

    def open(self, namespace: str, address: str, port: int = 0) -> Stream:
        """Open a port in a namespace; what it sends goes nowhere until the stream is directed.

        Args:
            namespace: the network namespace.
            address: an address of that namespace.
            port: 0 for any.

        Raises:
            LabError: the address or the port cannot be had.
        """
        with entered(namespace):
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.bind((address, port))
        except OSError as error:
            opened.close()
            raise LabError(f"no RTP port {address}:{port} in {namespace}: {error.strerror}") from None
        opened.settimeout(0)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        stream = Stream(opened, self._random.getrandbits(32))
        with self._lock:
            self._ports.register(opened, selectors.EVENT_READ, stream)
            self._opened += 1
            self._numbers += 1
            # Streams opened together do not all send at the same moment.
            heappush(
                self._due, (time.monotonic() + self._random.random() * interval(self._opened), self._numbers, stream)
            )
        return stream

    def shut(self, stream: Stream) -> None:
        """Close a stream's port; what it counted stays."""
        stream.stop()
        with self._lock:
            self._ports.unregister(stream.port)
            self._due = [turn for turn in self._due if turn[2] is not stream]
            heapify(self._due)
            self._opened -= 1
            stream.port.close()

    def settle(self) -> None:
        """Return when all has been counted that had arrived.

        Raises:
            LabError: more keeps arriving, for ten seconds.
        """
        # A round that is under way may have looked before the last packet came.
        before = self._idle_rounds
        wait_until(lambda: self._idle_rounds >= before + 2, "media keeps arriving")

    def start(self) -> None:
        """Begin to send and count."""
        self._thread.start()

    def close(self) -> None:
        """Send and count no more; the ports are free."""
        self._ending.set()
        self._thread.join()
        for key in list(self._ports.get_map().values()):
            key.data.port.close()
        self._ports.close()

    def _serve(self) -> None:
        while not self._ending.is_set():
            with self._lock:
                wait = self._send_what_is_due()
                ready = self._ports.select(0)
                for key, _ in ready:
                    key.data.receive()
            if not ready:
                self._idle_rounds += 1
                # Not longer than a port opened meanwhile may wait for its turn.
                self._ending.wait(min(wait, _LONGEST_WAIT))

    def _send_what_is_due(self) -> float:
        """Send, and say in how many seconds there is more to send."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            due, number, stream = heappop(self._due)
            stream.send()
            # Late by more than a turn: what was missed is not made up for, that would be a burst.
            heappush(self._due, (max(due + interval(self._opened), now), number, stream))
        return self._due[0][0] - now if self._due else _LONGEST_WAIT


@contextmanager
def station(seed: int = 1) -> Iterator[Station]:
    """A station that works during the block; the seed decides its SSRCs."""
    made = Station(seed)
    made.start()
    try:
        yield made
    finally:
        made.close()


def wait_until(condition: Callable[[], bool], complaint: str, seconds: float = 10.0) -> None:
    """Return when the condition holds.

    Raises:
        LabError: it does not within that time; the complaint.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"{complaint} after {seconds:g} seconds")
        time.sleep(0.01)
