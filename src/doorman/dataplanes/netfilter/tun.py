"""A TUN device: what the kernel routes to it we read as packets, what we write the kernel receives (tuntap.rst).

Before each packet stands what is left to be done to it, see `offload`: TCP comes in pieces of up to 64 kB.

It is there as long as it is open: it goes with our process, however that ends, and its routes go with it.

    ifinfomsg   family:u8  pad  type:u16  index:i32  flags:u32  change:u32    attributes: 4 MTU, 13 length of its queue,
                26 of families { 10 IPv6 { 8 how it gives itself addresses:u8 } }
"""

import contextlib
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Final

from doorman.dataplanes.netfilter.messages import attribute
from doorman.dataplanes.netfilter.rtnetlink import MAIN, Route, Way, add_route, change
from doorman.net.addresses import Address, Prefix

DEVICE_FILE: Final = Path("/dev/net/tun")
MTU: Final = 1_500
"""Of the device, in bytes."""

_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_TUN, _NO_INFORMATION, _WITH_OFFLOAD, _EXCLUSIVE = 0x0001, 0x1000, 0x4000, 0x8000
_FLAGS = _TUN | _NO_INFORMATION | _WITH_OFFLOAD | _EXCLUSIVE
_LEFT_TO_US = 0x01 | 0x02 | 0x04
"""Checksums, and segments of TCP in IPv4 and IPv6."""
_LONGEST = 65_600
"""Bytes that are read at once, at most."""
_IFREQ = struct.Struct("16sH22x")
_NEW_LINK, _NEW_ADDRESS = 16, 20
_LINK, _IFADDRMSG, _U32 = struct.Struct("=BxHiII"), struct.Struct("=BBBBI"), struct.Struct("=I")
_LINK_MTU, _LINK_QUEUE, _ADDRESS, _LOCAL = 4, 13, 1, 2
_UP = 1
_OF_FAMILIES, _OF_IPV6, _GENERATION, _NONE = 26, 10, 8, b"\x01"
_NO_LINK_LOCAL = attribute(_OF_FAMILIES, attribute(_OF_IPV6, attribute(_GENERATION, _NONE)))
"""There are no neighbours to talk to."""
_QUEUE_LENGTH = 2_048
"""Packets that wait until we read."""


class Tun:
    """A device of this name, with an IPv4 address, up.

    Raises:
        OSError: there is one of this name, or it cannot be made.
    """

    def __init__(self, name: str, address: Address) -> None:
        self.name = name
        self._file = os.open(DEVICE_FILE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._file, _TUNSETIFF, _IFREQ.pack(name.encode(), _FLAGS))
            fcntl.ioctl(self._file, _TUNSETOFFLOAD, _LEFT_TO_US)
            self._index = socket.if_nametoindex(name)
            sizes = attribute(_LINK_MTU, _U32.pack(MTU)) + attribute(_LINK_QUEUE, _U32.pack(_QUEUE_LENGTH))
            change(_NEW_LINK, _LINK.pack(socket.AF_UNSPEC, 0, self._index, 0, 0) + sizes + _NO_LINK_LOCAL)
            change(_NEW_LINK, _LINK.pack(socket.AF_UNSPEC, 0, self._index, _UP, _UP))
            own = _IFADDRMSG.pack(socket.AF_INET, 32, 0, 0, self._index)
            change(_NEW_ADDRESS, own + attribute(_LOCAL, address) + attribute(_ADDRESS, address))
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """For whoever waits for packets."""
        return self._file

    def attract(self, network: Prefix, mtu: int = 0) -> None:
        """Let the kernel send us what is for a network, in packets of at most so many bytes where an MTU is given.

        Raises:
            OSError: the kernel refused, EEXIST where there is a route to it already.
        """
        add_route(Route(network, Way(self._index, None), MAIN, mtu))

    def read(self) -> bytes:
        """A packet that the kernel sends to the device; none if there is none now.

        Raises:
            OSError: the device is no more.
        """
        try:
            return os.read(self._file, _LONGEST)
        except BlockingIOError:
            return b""

    def write(self, packet: bytes) -> bool:
        """Let the kernel receive a packet; False if it does not take it."""
        try:
            os.write(self._file, packet)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Remove the device."""
        with contextlib.suppress(OSError):
            os.close(self._file)
