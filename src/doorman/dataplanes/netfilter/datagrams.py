"""Datagrams that wait in a socket, many of them taken by one system call (recvmmsg(2), which Python does not have).

    mmsghdr   msghdr: name*  name length  iovec*  iovecs  control*  control length  flags     length of what came
    iovec     base*  length

One by one each costs a call, and an exception tells that there are no more.
"""

import ctypes
import errno
import mmap
import os
import socket
from typing import Final

_DONT_WAIT: Final = int(socket.MSG_DONTWAIT)
_LINE: Final = 64
"""Bytes of a line of the processor's caches."""


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    _fields_ = (("header", _Header), ("received", ctypes.c_uint))


class Datagrams:
    """Memory for `most` datagrams of up to `size` bytes; no page of it is taken up before something needs it."""

    def __init__(self, most: int, size: int) -> None:
        # Were slots whole pages apart, their beginnings would be in each other's way in the caches.
        step = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE + _LINE
        memory = mmap.mmap(-1, most * step)
        base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        self._most = most
        vectors = (_Vector * most)(*(_Vector(base + at * step, size) for at in range(most)))
        self._messages = (_Message * most)()
        for message, vector in zip(self._messages, vectors, strict=True):
            message.header.vectors, message.header.vector_count = ctypes.pointer(vector), 1
        self._place = ctypes.byref(self._messages)
        slots = memoryview(memory)
        self._slots = [slots[at * step : at * step + size] for at in range(most)]
        words = memoryview(self._messages).cast("B").cast("I")
        first, apart = (count // words.itemsize for count in (_Message.received.offset, ctypes.sizeof(_Message)))
        self._lengths = words[first::apart]
        self._receive = ctypes.CDLL(None, use_errno=True).recvmmsg

    def take(self, descriptor: int) -> list[bytes]:
        """Take datagrams that wait, as many as there is memory for; those that are longer are cut short. Never blocks.

        Raises:
            OSError: what the socket has to tell.
        """
        count: int = self._receive(descriptor, self._place, self._most, _DONT_WAIT, None)
        if count >= 0:
            slots, lengths = self._slots, self._lengths
            return [slots[at][: lengths[at]].tobytes() for at in range(count)]
        number = ctypes.get_errno()
        if number == errno.EAGAIN:
            return []
        raise OSError(number, os.strerror(number))
