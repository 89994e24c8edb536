"""Many packets in one system call: `sendmmsg` of ready frames on an interface, `recvmmsg` of datagrams of a socket.

A frame that leaves by a veth interface is on the CPU of its sender until it waits in a queue: for a program, or in the
socket that it was for. So one thread that sends and counts is all of the path, but for that program.
"""

import ctypes
import os
import socket
import time
from collections.abc import Callable, Sequence
from select import POLLIN, poll
from typing import NamedTuple

_SO_RCVBUFFORCE, _SOL_PACKET, _PACKET_QDISC_BYPASS = 33, 263, 20
_RECEIVE_BUFFER = 64 << 20
_BATCH = 64
"""Packets of one system call."""
_ROOM = 2_048
"""Bytes of a datagram that are looked at."""
_IDLE = 0.25
"""Seconds without an arrival after which what is under way is lost."""
_LOST = 2.0
"""Seconds after which a single message will not come any more."""
_libc = ctypes.CDLL(None, use_errno=True)


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """Struct mmsghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vector", ctypes.c_void_p),
        ("vectors", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("padding", ctypes.c_int),
        ("length", ctypes.c_uint32),
    )


class Frames:
    """Frames in memory, as `sendmmsg` wants them."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self.count = len(frames)
        self._data = ctypes.create_string_buffer(b"".join(frames))
        self._vectors = (_Iovec * self.count)()
        self.headers = (_Header * self.count)()
        at = ctypes.addressof(self._data)
        for vector, header, frame in zip(self._vectors, self.headers, frames, strict=True):
            vector.base, vector.length = at, len(frame)
            header.vector, header.vectors = ctypes.addressof(vector), 1
            at += len(frame)

    def address(self, index: int) -> int:
        """Where the header of a frame is."""
        return ctypes.addressof(self.headers) + index * ctypes.sizeof(_Header)


class Injector:
    """Puts frames on the wire of an interface of this network namespace."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        self._socket.bind((interface, 0))

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def send(self, frames: Frames, start: int, count: int) -> int:
        """Send some of the frames; how many went."""
        sent: int = _libc.sendmmsg(self._socket.fileno(), ctypes.c_void_p(frames.address(start)), count, 0)
        if sent < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return sent


class Sink:
    """Counts the datagrams of a UDP socket of this network namespace, and lets samples of them be seen."""

    def __init__(self, address: str, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        self.socket.bind((address, port))
        self._data = ctypes.create_string_buffer(_BATCH * _ROOM)
        self._vectors = (_Iovec * _BATCH)()
        self._headers = (_Header * _BATCH)()
        for index, (vector, header) in enumerate(zip(self._vectors, self._headers, strict=True)):
            vector.base, vector.length = ctypes.addressof(self._data) + index * _ROOM, _ROOM
            header.vector, header.vectors = ctypes.addressof(vector), 1
        self._poll = poll()
        self._poll.register(self.socket, POLLIN)

    def close(self) -> None:
        """Give the socket back."""
        self.socket.close()

    def receive(self) -> int:
        """Take the datagrams that are there, some at most; how many they were."""
        came: int = _libc.recvmmsg(self.socket.fileno(), self._headers, _BATCH, 0, None)
        return max(came, 0)

    def sample(self) -> bytes:
        """The first of the datagrams that `receive` took last."""
        return self._data.raw[: min(self._headers[0].length, _ROOM)]

    def take(self) -> tuple[bytes, tuple[str, int]]:
        """The next datagram, and where it comes from.

        Raises:
            RuntimeError: none comes.
        """
        if not self.wait(_LOST):
            raise RuntimeError("a message was lost")
        data, sender = self.socket.recvfrom(_ROOM)
        return data, sender

    def settle(self) -> None:
        """Return when nothing has arrived for a while."""
        while self.wait(_IDLE):
            self.receive()

    def wait(self, seconds: float) -> bool:
        """Whether a datagram comes within that time."""
        return bool(self._poll.poll(seconds * 1000))


class Flood(NamedTuple):
    """What came of a closed loop: packets sent and arrived, and the seconds from the first until the last came."""

    sent: int
    arrived: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Packets per second that arrived."""
        return self.arrived / self.seconds

    @property
    def lost(self) -> float:
        """The part that was lost."""
        return 1 - self.arrived / self.sent


def flood(
    injector: Injector, frames: Frames, sink: Sink, window: int, look: Callable[[bytes], None] | None = None
) -> Flood:
    """Send all frames, at most `window` under way at any time, and count those that arrive.

    Args:
        injector: where they leave.
        frames: each is sent once.
        sink: where they arrive.
        window: how many have left and not arrived; lost ones count, so that not more than a window can be.
        look: is shown one of every system call's datagrams.
    """
    sent = arrived = 0
    cpu = time.process_time()
    begun = last = time.perf_counter()
    while arrived < frames.count:
        room = min(window - (sent - arrived), frames.count - sent, _BATCH)
        if room > 0:
            sent += injector.send(frames, sent, room)
        came = sink.receive()
        if came:
            arrived += came
            last = time.perf_counter()
            if look is not None:
                look(sink.sample())
        elif room <= 0 and not sink.wait(_IDLE):
            break
    return Flood(sent, arrived, last - begun, time.process_time() - cpu)
