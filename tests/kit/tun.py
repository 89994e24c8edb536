"""TUN devices: the kernel's own TCP on one side, the test on the other.

Device(namespace, "10.9.0.1", "10.9.0.2")     packets to the other address come out of the device, those put in arrive
"""

import fcntl
import os
import struct

from kit.namespaces import Namespace

_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_INFORMATION = 0x1001


class Device:
    """A TUN device of a namespace, with an address and a route to one other."""

    def __init__(self, namespace: Namespace, address: str, other: str, mtu: int = 1_500) -> None:
        with namespace.inside():
            self.descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(self.descriptor, _TUNSETIFF, struct.pack("16sH22x", b"tun0", _TUN_WITHOUT_INFORMATION))
        namespace.run("ip", "address", "add", address, "peer", other, "dev", "tun0")
        namespace.run("ip", "link", "set", "tun0", "up", "mtu", str(mtu))

    def read(self) -> bytes | None:
        """A packet that the kernel sends; None if there is none now."""
        try:
            return os.read(self.descriptor, 70_000)
        except BlockingIOError:
            return None

    def write(self, packet: bytes) -> None:
        """Let the kernel receive a packet."""
        os.write(self.descriptor, packet)

    def close(self) -> None:
        """Remove the device."""
        os.close(self.descriptor)
