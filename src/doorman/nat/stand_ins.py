"""Which IPv4 address stands for which IPv6 host inside, see `config.stand_ins`: given at its first packet.

A host keeps its stand-in as long as anything may know it by that: for as long as the longest timeout says after its
last packet, and while it has a name outside. One that nobody ever answered has no connection, and keeps it only for as
long as what is not answered may: so whoever makes up senders uses up the 65,536 of a rule for minutes.
"""

from collections.abc import Collection, Iterator
from typing import Final

from doorman.algs.api import Refused, Touched
from doorman.config.ipv6_lists import Ipv6List
from doorman.config.model import Config, Timeouts, lifetime
from doorman.config.stand_ins import blocks, fixed, is_at_work
from doorman.net.addresses import Address, Prefix

SWEEP: Final = 60.0
"""Seconds between looks at which hosts are idle."""
_UNANSWERED: Final = 600.0
"""Seconds that a kernel keeps flows of other protocols in which there was no answer."""
_BLOCK: Final = 1 << 16


class _Block:
    """The stand-ins of the hosts that a rule permits."""

    __slots__ = ("listed", "network", "next", "taken")

    def __init__(self, listed: Ipv6List, prefix: Prefix, went_on: dict[int, int]) -> None:
        self.listed = listed
        self.network = int.from_bytes(prefix.network, "big")
        self.next = went_on.get(self.network, 0)
        self.taken = 0


class StandIns:
    """The IPv6 hosts of a gateway, and their stand-ins.

    Attributes:
        prefix: under which they call hosts of IPv4; None where nobody is translated.
        touched: the hosts that got one or lost it.
    """

    def __init__(self, config: Config) -> None:
        self.touched = Touched()
        self._of_host: dict[Address, Address] = {}
        self._host_of: dict[Address, Address] = {}
        self._seen: dict[Address, float] = {}
        self._answered: set[Address] = set()
        self._next_sweep = 0.0
        self._blocks: list[_Block] = []
        self.follow(config)

    def follow(self, config: Config) -> None:
        """Go on by another configuration; hosts that it permits as before keep their stand-ins."""
        at_work = is_at_work(config)
        self.prefix = config.nat64.prefix if at_work else None
        self._static = fixed(config.nat64) if at_work else {}
        found = blocks(config.nat64).items() if at_work else ()
        went_on = {block.network: block.next for block in self._blocks}
        self._blocks = [_Block(config.ipv6_lists[rule.access_list], prefix, went_on) for rule, prefix in found]
        self._idle, self._unanswered = _idle_after(config.timeouts)
        kept = [(host, stand_in) for host, stand_in in self if host not in self._static]
        self._of_host = self._static.copy()
        self._host_of = {stand_in: host for host, stand_in in self._static.items()}
        for host, stand_in in kept:
            if not self._enter(host, stand_in):
                self._forget(stand_in)
                self.touched.add(host)

    def __iter__(self) -> Iterator[tuple[Address, Address]]:
        """The hosts with the stand-ins that they were given, the static ones not included."""
        return ((host, stand_in) for host, stand_in in self._of_host.items() if host not in self._static)

    def __len__(self) -> int:
        return len(self._of_host)

    def known(self, host: Address) -> Address | None:
        """The stand-in of a host that has one."""
        return self._of_host.get(host)

    def host(self, stand_in: Address) -> Address | None:
        """The host behind a stand-in."""
        return self._host_of.get(stand_in)

    def give(self, host: Address, now: float) -> Address:
        """The stand-in of a host that sends, which gets one if it has none.

        Raises:
            Refused: no rule permits the host, or no stand-in is free.
        """
        stand_in = self._of_host.get(host)
        if stand_in is None:
            stand_in = self._new(host)
            self.touched.add(host)
        self._seen[stand_in] = now
        return stand_in

    def see(self, stand_in: Address, now: float) -> None:
        """A packet went to the host behind a stand-in."""
        self._seen[stand_in] = now
        self._answered.add(stand_in)

    def adopt(self, host: Address, stand_in: Address, now: float) -> None:
        """Let a host have the stand-in that it had before the gateway was started again.

        Raises:
            Refused: today's configuration would not give it that one, or another host has it.
        """
        if stand_in in self._host_of or host in self._of_host:
            raise Refused("name-taken")
        if not self._enter(host, stand_in):
            raise Refused("no-nat64-rule")
        self.see(stand_in, now)

    def is_due(self, now: float) -> bool:
        """Whether it is time to look for idle hosts; asked each second."""
        return now >= self._next_sweep and bool(self._seen)

    def expire(self, now: float, used: Collection[Address]) -> None:
        """Take back the stand-ins of idle hosts, but those that are `used`."""
        self._next_sweep = now + SWEEP
        for stand_in, seen in list(self._seen.items()):
            if now - seen <= (self._idle if stand_in in self._answered else self._unanswered) or stand_in in used:
                continue
            self._forget(stand_in)
            host = self._host_of[stand_in]
            if host not in self._static:
                self._leave(host, stand_in)
                self.touched.add(host)

    def _forget(self, stand_in: Address) -> None:
        self._seen.pop(stand_in, None)
        self._answered.discard(stand_in)

    def _new(self, host: Address) -> Address:
        block = self._block_of(host)
        if block is None:
            raise Refused("no-nat64-rule")
        if block.taken >= _BLOCK:
            raise Refused("stand-ins-exhausted")
        while True:  # one is free, and each step looks at another
            stand_in = Address((block.network + block.next % _BLOCK).to_bytes(4, "big"))
            block.next += 1
            if stand_in not in self._host_of:
                break
        self._take(host, stand_in, block)
        return stand_in

    def _enter(self, host: Address, stand_in: Address) -> bool:
        """Let a host have this stand-in if it is one of the rule that permits it."""
        block = self._block_of(host)
        place = int.from_bytes(stand_in, "big") - (block.network if block is not None else 0)
        if block is None or not 0 <= place < _BLOCK:
            return False
        block.next = max(block.next, place + 1)  # one that was another's comes last
        self._take(host, stand_in, block)
        return True

    def _take(self, host: Address, stand_in: Address, block: _Block) -> None:
        self._of_host[host] = stand_in
        self._host_of[stand_in] = host
        block.taken += 1

    def _leave(self, host: Address, stand_in: Address) -> None:
        del self._of_host[host], self._host_of[stand_in]
        block = self._block_of(host)
        if block is not None:
            block.taken -= 1

    def _block_of(self, host: Address) -> _Block | None:
        return next((block for block in self._blocks if block.listed.permits(host)), None)


def _idle_after(timeouts: Timeouts) -> tuple[float, float]:
    """Seconds after which no flow of a silent host can be left, and none of one that was never answered."""
    short = (timeouts.udp, timeouts.icmp, timeouts.dns, timeouts.syn, *(seconds for _, _, seconds in timeouts.ports))
    unanswered = max(_UNANSWERED, *map(lifetime, short))
    return max(unanswered, *map(lifetime, (timeouts.translation, timeouts.tcp, timeouts.pptp))), unanswered
