"""Packets that an interface receives, though no wire brought them.

    we write -> TAP device of ours -> tc: mirred, ingress redirect -> the kernel receives it on the interface

Nothing is said to the interface itself. Behind it a packet is like any other that came in there: firewalls, rules and
routing see that interface. The device goes with our process, however that ends, and the redirect with the device
(tc-mirred(8), https://docs.kernel.org/networking/tuntap.html).
"""

import fcntl
import os
import struct
from pathlib import Path
from typing import Self

from doorman.lab.errors import LabError
from doorman.lab.namespaces import run
from doorman.selftest.errors import CannotTest

_TUN = Path("/dev/net/tun")
_TUNSETIFF = 0x400454CA
_TAP, _NO_INFORMATION, _EXCLUSIVE = 0x0002, 0x1000, 0x8000
_IFREQ = struct.Struct("16sH22x")
_MAC = bytes.fromhex("020000000001")
"""The device's: an address administered locally. What comes in must be for it, else the kernel forwards nothing."""
_FRAME_START = _MAC + bytes.fromhex("020000000002") + b"\x08\x00"
"""Receiver, sender, EtherType of IPv4."""


class Inlet:
    """A way into an interface, until it is closed.

    Args:
        name: of the TAP device; there must be none of this name.
        interface: which receives.

    Raises:
        CannotTest: the device is there already or may not be made, or `ip` or `tc` refuse.
    """

    def __init__(self, name: str, interface: str) -> None:
        self._tap = _make(name)
        try:
            run("ip", "link", "set", name, "address", _MAC.hex(":"), "addrgenmode", "none", "arp", "off", "up")
            run("tc", "qdisc", "add", "dev", name, "ingress")
            every, redirect = ("u32", "match", "u32", "0", "0"), ("mirred", "ingress", "redirect", "dev", interface)
            run("tc", "filter", "add", "dev", name, "parent", "ffff:", "protocol", "ip", *every, "action", *redirect)
        except LabError as error:
            self.close()
            raise CannotTest(f"{error}\nmend: modprobe --all sch_ingress cls_u32 act_mirred") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the device."""
        os.close(self._tap)

    def write(self, packet: bytes) -> None:
        """Let the interface receive an IPv4 packet.

        Raises:
            OSError: the device is not up any more.
        """
        os.write(self._tap, _FRAME_START + packet)


def _make(name: str) -> int:
    try:
        tap = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise CannotTest(f"{_TUN}: {error.strerror}\nmend: modprobe tun, or give the container the device") from None
    try:
        fcntl.ioctl(tap, _TUNSETIFF, _IFREQ.pack(name.encode(), _TAP | _NO_INFORMATION | _EXCLUSIVE))
    except OSError as error:
        os.close(tap)
        raise CannotTest(f"the device {name} cannot be made: {error.strerror}\nis another selftest running?") from None
    return tap
