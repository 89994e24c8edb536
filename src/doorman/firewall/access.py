"""Access lists on interfaces: which packets may come in by one, and go out by one.

    ip access-group NAME in     packets as they come, before anything is translated
    ip access-group NAME out    packets as they leave, with the addresses they were given

Where a kernel carries the flows, it judges and counts. The engine asks all the same what a message that it lets go on
will meet on its way out: what is denied there must not have opened a door.

An engine knows networks, not wires: an interface is that of the hosts in its network; on a side with a single one, also
of all who are in no network, since they must be behind it. A kernel's routes come first. Lists are about IPv4.
"""

from collections import deque
from typing import NamedTuple

from doorman.algs.api import Refused
from doorman.config.access_lists import AccessList, Entry, Traffic
from doorman.config.model import Config, Interface, NatSide
from doorman.net.addresses import Address, Endpoint
from doorman.net.memo import remember
from doorman.net.packet import ICMP, TCP, Packet
from doorman.net.routes import UNKNOWN, Route

DENIED = "access-list"
"""The reason for which a packet is dropped."""

_INSIDE: NatSide = "inside"
_OUTSIDE: NatSide = "outside"
_FLAGS_AT = 13
_MOST_LOGGED = 100


class Denial(NamedTuple):
    """A packet that a line of a list denied."""

    name: str
    entry: Entry
    traffic: Traffic


class CountedList:
    """An access list, and how often each of its lines matched; what a kernel will count is left to it."""

    __slots__ = ("_counts_permitted", "listed", "matches")

    def __init__(self, listed: AccessList, *, delegated: bool = False) -> None:
        self.listed = listed
        self.matches = [0] * len(listed.entries)
        self._counts_permitted = not delegated

    def permits(self, traffic: Traffic) -> bool:
        """Whether a packet may pass; a list without lines, or that does not exist, lets all pass, as in IOS."""
        entries = self.listed.entries
        if not entries:
            return True
        index = self.listed.match(traffic)
        if index is None:
            return False
        permit = entries[index].permit
        self.matches[index] += self._counts_permitted or not permit
        return permit

    def clear(self) -> None:
        """Begin counting at zero."""
        self.matches = [0] * len(self.matches)

    def go_on(self, before: "CountedList") -> None:
        """Take over the counts of the lines that there were before."""
        known: dict[Entry, int] = dict(zip(before.listed.entries, before.matches, strict=True))
        self.matches = [known.get(entry, 0) for entry in self.listed.entries]


class _Gates:
    """The interfaces of one side of the NAT, found by the address of who is behind them."""

    __slots__ = ("_cache", "_interfaces", "_others", "_route")

    def __init__(self, config: Config, side: NatSide, route: Route | None) -> None:
        self._route = route
        self._interfaces = [one for one in config.interfaces.values() if one.nat == side and not one.shutdown]
        self._others = self._interfaces[0] if len(self._interfaces) == 1 else None
        self._cache: dict[Address, Interface | None] = {}

    def of(self, address: Address) -> Interface | None:
        """The interface that a host is behind; None where nobody can tell."""
        routed = self._route(address) if self._route is not None else UNKNOWN
        if routed != UNKNOWN:
            return next((one for one in self._interfaces if one.name == routed), None)
        try:
            return self._cache[address]
        except KeyError:
            near = (one for one in self._interfaces if any(address in network for network in one.networks))
            return remember(self._cache, address, next(near, self._others))


class AccessGroups:
    """The access lists of all interfaces.

    Attributes:
        lists: those that are applied to an interface, by name.
        logged: what lines with `log` have denied of what a kernel carries, the newest last; for somebody to take.
    """

    __slots__ = ("_delegated", "_gates", "lists", "logged")

    def __init__(self, config: Config, *, delegated: bool = False, route: Route | None = None) -> None:
        self._delegated = delegated
        self.logged: deque[Denial] = deque(maxlen=_MOST_LOGGED)
        self._gates = (_Gates(config, _INSIDE, route), _Gates(config, _OUTSIDE, route))
        applied = {name for one in config.interfaces.values() for name in (one.access_in, one.access_out) if name}
        lists = config.lists
        self.lists = {
            name: CountedList(lists.get(name, AccessList(name)), delegated=delegated) for name in sorted(applied)
        }

    def admit(self, packet: Packet, side: int) -> None:
        """Let a packet come in by the interface that it arrives on, where that is ours to say; side 0 is inside.

        Raises:
            Refused: the access list there denies it.
        """
        gate = self._gates[side].of(packet.source) if not self._delegated else None
        if gate is not None and gate.access_in is not None:
            self._judge(gate.access_in, packet, packet.sender, packet.receiver)

    def release(self, packet: Packet, sender: Endpoint, receiver: Endpoint, side: int) -> None:
        """Let a packet go out, with these ends, by the interface that it leaves by.

        Raises:
            Refused: the access list there denies it.
        """
        gate = self._gates[side].of(receiver.address)
        if gate is not None and gate.access_out is not None:
            self._judge(gate.access_out, packet, sender, receiver)

    def go_on(self, before: "AccessGroups") -> None:
        """Take over the counts of another configuration."""
        for name, counted in self.lists.items():
            if name in before.lists:
                counted.go_on(before.lists[name])

    def _judge(self, name: str, packet: Packet, sender: Endpoint, receiver: Endpoint) -> None:
        if len(packet.source) != 4:  # noqa: PLR2004 - the length of IPv4
            return
        traffic = traffic_of(packet, sender, receiver)
        if self.lists[name].permits(traffic):
            return
        if self._delegated:
            self._log(self.lists[name].listed, traffic)
        raise Refused(DENIED)

    def _log(self, listed: AccessList, traffic: Traffic) -> None:
        index = listed.match(traffic)
        if index is not None and listed.entries[index].log:
            self.logged.append(Denial(listed.name, listed.entries[index], traffic))


def access_groups(config: Config, *, delegated: bool = False, route: Route | None = None) -> AccessGroups | None:
    """The access lists of the interfaces of a configuration; None where there are none."""
    groups = AccessGroups(config, delegated=delegated, route=route)
    return groups if groups.lists else None


def traffic_of(packet: Packet, sender: Endpoint, receiver: Endpoint) -> Traffic:
    """What access lists look at of a packet whose ends are these."""
    data, at = packet.data, packet.transport_at
    if packet.protocol == ICMP:
        kind, code = packet.message
        return Traffic(ICMP, sender.address, receiver.address, icmp_type=kind, icmp_code=code)
    if packet.payload_at == at:
        return Traffic(packet.protocol, sender.address, receiver.address)
    flags = data[at + _FLAGS_AT] if packet.protocol == TCP else 0
    return Traffic(packet.protocol, sender.address, receiver.address, sender.port, receiver.port, flags)
