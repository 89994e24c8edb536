"""What gateways in a kernel have in common: wires, the links they are plugged into, and conntrack."""

import re

from kit.subjects.sweep import Sweep
from kit.wires import Wires

_FLOW = re.compile(r"^(\w+) +\d+ (\d+) .*?src=(192\.168\.1\.10) ", re.MULTILINE)
"""A flow of the phone in conntrack's list: its protocol, and how long it still lives."""
_WIDE = 1500
_STEP = 5
"""Seconds; all times that are given to a kernel are multiples of it."""


class Links:
    """The surroundings of a gateway's namespace.

    Attributes:
        sweep: its wires.
        run: runs a program there.
    """

    def __init__(self, wires: Wires) -> None:
        self.sweep = Sweep(wires)
        self.run = wires.gateway.run
        self._is_narrow = False

    def begin(self) -> None:
        """Let conntrack forget all flows, and the links be as at first."""
        if self._is_narrow:
            self.narrow(_WIDE)
        self.run("conntrack", "-F")

    def narrow(self, mtu: int) -> None:
        """Let the link outside take no longer packets than these, in bytes: 1280 at least, for the sake of IPv6."""
        self.run("ip", "link", "set", "out0", "mtu", str(mtu))
        self._is_narrow = mtu != _WIDE

    def seconds(self) -> int:
        """How long the one flow of the phone may be silent, by conntrack, whose clock has gone on a little."""
        [(_, left, _)] = _FLOW.findall(self.run("conntrack", "-L"))
        return (int(left) // _STEP + 1) * _STEP

    def age(self, seconds: int) -> None:
        """Let the phone's flows have been silent for so long."""
        for protocol, left, host in _FLOW.findall(self.run("conntrack", "-L")):
            chosen = ("-p", protocol, "-s", host)
            if int(left) > seconds:
                self.run("conntrack", "-U", *chosen, "-t", str(int(left) - seconds))
            else:
                self.run("conntrack", "-D", *chosen)
