"""Wires on which no packet is waited for in vain: what follows it is IPv6, about which no rule of IPv4 is.

It goes back by the interface that it came by, since zones let no IPv6 pass between two.
"""

import itertools
import select

from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6

from doorman.engine.results import Side
from kit.subjects.subject import Left
from kit.waiting import DEADLINE
from kit.wires import Wires

_IPV6 = b"\x86\xdd"
_ETHERNET = 14
_OUTGOING = 4
_ENDS = (("fd00:1::1", "fd00:1::2"), ("fd00:2::1", "fd00:2::2"))
"""Two hosts on each side."""
_numbers = itertools.count()


class Sweep:
    """Sends packets through a gateway's wires, and finds whatever comes of each."""

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        run = wires.gateway.run
        run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        for network, link in (("fd00:1::/64", "in0"), ("fd00:2::/64", "out0")):
            run("ip", "-6", "route", "add", network, "dev", link)
        run("ip", "route", "add", "10.0.0.0/8", "dev", "in0")
        run("ip", "route", "add", "172.16.0.0/24", "dev", "out0")
        self._behind = [
            bytes(IPv6(src=source, dst=target) / UDP(sport=9, dport=9, chksum=1)) for source, target in _ENDS
        ]

    def send(self, packet: bytes, side: Side) -> list[Left]:
        """What leaves of a packet that is put on a wire."""
        self._wires.send(packet, side)
        return self.rest(side)

    def rest(self, side: Side) -> list[Left]:
        """What leaves until a packet that is put on this wire now has left."""
        mark = next(_numbers).to_bytes(4, "big")
        behind = self._behind[side][:4] + b"\0\x0c" + self._behind[side][6:44] + b"\0\x0c\0\1" + mark
        end, head = self._wires._ends[side]  # noqa: SLF001 - what the wires themselves put on them is IPv4
        end.send(head[:12] + _IPV6 + behind)
        found: list[Left] = []
        while not self._look(found, mark):
            assert select.select([end for end, _ in self._wires._ends], [], [], DEADLINE)[0], "the mark does not come"  # noqa: SLF001 - as above
        self._look(found, mark)  # what came before the mark may have come out on the side that was looked at first
        return found

    def _look(self, found: list[Left], mark: bytes) -> bool:
        """Collect what has come out; whether the mark has."""
        is_behind = False
        for side in Side:
            end, _ = self._wires._ends[side]  # noqa: SLF001 - as above
            try:
                while True:
                    frame, (_, _, kind, *_) = end.recvfrom(1 << 17)
                    if kind == _OUTGOING:
                        continue
                    if frame[12:14] == b"\x08\0":
                        found.append(Left(side, frame[_ETHERNET:]))
                    is_behind = is_behind or (frame[12:14] == _IPV6 and frame.endswith(mark))
            except BlockingIOError:
                continue
        return is_behind
