"""Which flows a NAT rule is about: by an access list, or by a route map of such lists and of interfaces.

Most rules look at the inside host alone. Those that look at where its flow goes as well may give one host several
names, each for other destinations.
"""

from typing import NamedTuple

from doorman.config.access_lists import ANY, AccessList, Traffic
from doorman.config.model import Config
from doorman.net.address_set import AddressSet
from doorman.net.addresses import Address, Endpoint, Prefix
from doorman.net.routes import Route

NO_MESSAGE = (-1, -1)


class Towards:
    """A flow, as rules look at it besides the address of its inside host.

    Attributes:
        protocol: its number.
        port: of the inside host.
        remote: its outside end, as the outside knows it.
        message: type and code of the ICMP query that begins it.
    """

    __slots__ = ("message", "port", "protocol", "remote")

    def __init__(self, protocol: int, port: int, remote: Endpoint, message: tuple[int, int] = NO_MESSAGE) -> None:
        self.protocol = protocol
        self.port = port
        self.remote = remote
        self.message = message


class Exits:
    """The outside interfaces, by the address of who is behind them.

    A kernel that carries the flows has routes, and is asked for them; not for our own names, to which nothing leaves.
    Those are of the interface in whose network they are, or of the only one, as all are where there are no routes.

    Args:
        config: has the interfaces, and the names.
        route: of the kernel.
    """

    __slots__ = ("_names", "_networks", "_only", "_route")

    def __init__(self, config: Config, route: Route | None = None) -> None:
        outside = [one for one in config.interfaces.values() if one.nat == "outside" and not one.shutdown]
        self._networks: list[tuple[Prefix, str]] = [(network, one.name) for one in outside for network in one.networks]
        self._only = outside[0].name if len(outside) == 1 else None
        self._route = route
        statics = config.statics
        own = [address for interface in config.interfaces.values() for address, _ in interface.addresses]
        own += [rule.global_ for rule in statics.hosts]
        own += [rule.global_ for rule in statics.ports if rule.global_ is not None]
        pools = (config.pools.get(source.pool or "") for source in config.dynamic_sources)
        self._names = AddressSet(own, (ends for pool in pools if pool is not None for ends in pool.ranges))

    def of(self, address: Address) -> str | None:
        """The interface by which an address is reached; None where nobody can tell."""
        if self._route is not None and address not in self._names:
            return self._route(address) or None  # UNKNOWN
        return next((name for network, name in self._networks if address in network), self._only)


class Step(NamedTuple):
    """What must be true, and what that decides: some list permits the flow, and it leaves by some interface."""

    permit: bool
    lists: tuple[AccessList, ...]
    interfaces: tuple[str, ...]

    @property
    def by_source(self) -> bool:
        """Whether it looks at the inside host alone."""
        return not self.interfaces and all(listed.by_source is not None for listed in self.lists)


class Selector:
    """The flows that a rule is about.

    Attributes:
        by_source: whether it looks at the inside host alone.
    """

    __slots__ = ("_exits", "_steps", "by_source")

    def __init__(self, steps: list[Step], exits: Exits) -> None:
        self._steps = steps
        self._exits = exits
        self.by_source = all(step.by_source for step in steps)

    def may_choose(self, host: Address) -> bool:
        """Whether some flow of a host is meant."""
        for step in self._steps:
            if step.lists and not any(_may_permit(listed, host) for listed in step.lists):
                continue
            if step.permit:
                return True
            if step.by_source:
                return False
        return False

    def chooses(self, host: Address, towards: Towards) -> bool:
        """Whether a flow of a host is meant."""
        remote, (kind, code) = towards.remote, towards.message
        traffic = Traffic(
            towards.protocol, host, remote.address, towards.port, remote.port, icmp_type=kind, icmp_code=code
        )
        for step in self._steps:
            if step.lists and not any(_permits(listed, traffic) for listed in step.lists):
                continue
            if step.interfaces and self._exits.of(remote.address) not in step.interfaces:
                continue
            return step.permit
        return False

    def is_about(self, host: Address) -> bool:
        """Whether a host is meant in a line that names a network: `any` says who is translated, not where it is."""
        lines = (line for step in self._steps for listed in step.lists for line in listed.entries)
        return self.may_choose(host) and any(
            line.permit and line.source_hosts != ANY and host in line.source_hosts for line in lines
        )


def select(config: Config, access_list: str, route_map: str | None, exits: Exits) -> Selector:
    """What a rule of a configuration selects; its lists, and its route map, must be there."""
    return Selector(steps_of(config, access_list, route_map), exits)


def steps_of(config: Config, access_list: str, route_map: str | None) -> list[Step]:
    """What a rule of a configuration asks, of which the first that is true decides; none is a deny."""
    lists = config.lists
    if route_map is None:
        return [Step(permit=True, lists=(lists[access_list],), interfaces=())]
    return [
        Step(entry.permit, tuple(lists[name] for name in entry.access_lists), entry.interfaces)
        for entry in config.route_maps[route_map].entries
    ]


def _permits(listed: AccessList, traffic: Traffic) -> bool:
    index = listed.match(traffic)
    return index is not None and listed.entries[index].permit


def _may_permit(listed: AccessList, host: Address) -> bool:
    """Whether a list permits some flow of a host."""
    for entry in listed.entries:
        if host in entry.source_hosts:
            if entry.permit:
                return True
            if entry.by_source is not None:
                return False
    return False
