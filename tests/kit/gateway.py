"""A playbook for the NAT: this packet in, that packet out.

phones 192.168.1.10, .11     gateway 203.0.113.1     anybody outside, such as 198.51.100.7

gate = gateway(OVERLOAD)
assert gate.inside(udp("192.168.1.10:5000", "198.51.100.7:53")) == "outside: udp 203.0.113.1:5000 > 198.51.100.7:53"
"""

import random

from doorman.config.reader import read_config
from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from kit.packets import shown

INTERFACES = """
interface in0
 ip address 192.168.1.1 255.255.255.0
 ip nat inside
interface out0
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
access-list 1 permit 192.168.1.0 0.0.0.255
"""
OVERLOAD = INTERFACES + "ip nat inside source list 1 interface out0 overload\n"
POOL = INTERFACES + "ip nat pool P 203.0.113.20 203.0.113.21 prefix-length 24\nip nat inside source list 1 pool P\n"
SHARED_POOL = POOL.replace("pool P\n", "pool P overload\n")
STATIC = OVERLOAD + "ip nat inside source static 192.168.1.5 203.0.113.5\n"
STATIC_PORT = OVERLOAD + "ip nat inside source static tcp 192.168.1.6 80 interface out0 8080\n"


class Gateway:
    """An engine with a clock that only the test moves."""

    def __init__(self, config_text: str, seed: int = 1) -> None:
        self.engine = Engine(read_config(config_text, "test.cfg"), random.Random(seed).random)
        self.now = 1000.0
        self.packet = b""

    def inside(self, packet: bytes) -> str:
        """Let a packet arrive on the inside; `SIDE: PACKET` where it leaves, or what else became of it."""
        return self._receive(packet, Side.INSIDE)

    def outside(self, packet: bytes) -> str:
        """Let a packet arrive on the outside."""
        return self._receive(packet, Side.OUTSIDE)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.engine.expire(self.now)

    def mapped(self, packet: bytes) -> str:
        """The global name which a packet from the inside leaves with."""
        text = self.inside(packet)
        assert text.startswith("outside: "), text
        return text.split()[2]

    def _receive(self, packet: bytes, side: Side) -> str:
        result = self.engine.receive(packet, side, self.now)
        self.packet = result.packet
        if result.fate == Fate.DROPPED:
            return f"dropped: {result.reason}"
        if result.fate == Fate.HELD:
            return "held"
        passed = "passed " if result.fate == Fate.PASSED else ""
        return f"{passed}{result.leaves.name.lower()}: {shown(result.packet)}"


def gateway(config_text: str, seed: int = 1) -> Gateway:
    """A gateway with this configuration; the seed is that of its random ports."""
    return Gateway(config_text, seed)
