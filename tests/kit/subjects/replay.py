"""The engine as replay has it, with a clock that only the test moves."""

import random

from doorman.engine.engine import Engine
from doorman.engine.results import Fate, Side
from doorman.net.addresses import Address, Prefix, address_of
from kit.subjects.subject import Left, Opening, read

_WEEK = 7 * 86_400
_INSIDE = (Prefix(address_of("192.168.1.0"), 24), Prefix(address_of("10.0.0.0"), 8))
_OWN = {address_of("192.168.1.1"), address_of("203.0.113.1")}


class Replay:
    """The engine of replay, see `Subject`."""

    name = "replay"
    is_configurable = True
    has_links = False

    def __init__(self) -> None:
        self.now = 0.0

    def begin(self, config: str) -> None:
        """See `Subject.begin`."""
        self.engine = Engine(read(config), random.Random(5).random)
        self.now = 1000.0

    def send(self, packet: bytes, side: Side) -> list[Left]:
        """See `Subject.send`."""
        result = self.engine.receive(packet, side, self.now)
        if result.fate == Fate.PASSED:
            return _routed(result.packet)
        return [Left(result.leaves, one) for one in result.packets]

    def age(self, seconds: int) -> None:
        """See `Subject.age`."""
        self.now += seconds

    def narrow(self, mtu: int) -> None:
        """See `Subject.narrow`: there are none."""

    def seconds(self, config: str, opening: Opening) -> int:
        """See `Subject.seconds`: the silence after which it is over, at most a week, found by halving."""
        lives, over = 0, _WEEK
        while over - lives > 1:
            middle = (lives + over) // 2
            self.begin(config)
            probe = opening(self)
            self.now += middle
            if self.send(probe.packet, probe.side):
                lives = middle
            else:
                over = middle
        return over


def _routed(packet: bytes) -> list[Left]:
    """Where a packet goes that no rule is about: an engine knows no routes."""
    target = Address(packet[16:20])
    if target in _OWN:
        return []
    return [Left(Side.INSIDE if any(target in network for network in _INSIDE) else Side.OUTSIDE, packet)]
