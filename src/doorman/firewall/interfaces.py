"""Which interface a host is behind: an engine knows networks, not wires.

An interface is that of the hosts in its network. Hosts in no network are behind the only interface that is left for
them: those that the NAT knows to be inside behind the one with `ip nat inside`, others behind that with `ip nat
outside`, else, of a packet between two interfaces, the other one. Where a kernel carries the flows it has routes, and
is asked for those first.
"""

from collections.abc import Callable

from doorman.config.model import Config
from doorman.net.addresses import Address
from doorman.net.memo import remember
from doorman.net.routes import UNKNOWN, Route

Known = Callable[[Address], bool]
"""Says whether a host is known to be inside."""


class Interfaces:
    """The interfaces of a gateway that are in use; None stands for the gateway itself.

    Args:
        config: has them.
        route: the routes of a kernel.
        is_inside: whether a host is known to be inside.
    """

    __slots__ = (
        "_cache",
        "_downstream",
        "_is_inside",
        "_names",
        "_networks",
        "_own",
        "_route",
        "_unsided",
        "_upstream",
    )

    def __init__(self, config: Config, route: Route | None = None, is_inside: Known | None = None) -> None:
        self._route = route
        self._is_inside = is_inside
        used = [one for one in config.interfaces.values() if not one.shutdown]
        self._names = [one.name for one in used]
        self._networks = [(one.network, one.name) for one in used if one.network is not None]
        self._unsided = {one.name for one in used if one.nat is None}
        self._own = {one.address for one in used}
        sides = ([one.name for one in used if one.nat == side] for side in ("inside", "outside"))
        self._downstream, self._upstream = (names[0] if len(names) == 1 else UNKNOWN for names in sides)
        self._cache: dict[Address, str | None] = {}

    def between(self, source: Address, destination: Address) -> tuple[str | None, str | None]:
        """The interface that a packet comes in by, and the one that it goes out by."""
        ingress, egress = self.of(source), self.of(destination)
        if ingress == UNKNOWN != egress:
            ingress = self._other_than(egress)
        elif egress == UNKNOWN != ingress:
            egress = self._other_than(ingress)
        return ingress, egress

    def is_beside_nat(self, source: Address, destination: Address) -> bool:
        """Whether a packet comes or goes by an interface that is neither inside nor outside: nothing is translated."""
        return any(name in self._unsided for name in self.between(source, destination))

    def order(self, name: str | None) -> int:
        """Where an interface stands among those of the configuration; the gateway itself is behind them all."""
        return self._names.index(name) if name in self._names else len(self._names)

    def of(self, address: Address) -> str | None:
        """The interface that a host is behind."""
        routed = self._route(address) if self._route is not None and address not in self._own else UNKNOWN
        if routed in self._names:
            return routed
        try:
            return self._cache[address]
        except KeyError:
            near = (name for network, name in self._networks if address in network)
            is_inside = self._is_inside is not None and self._is_inside(address)
            behind = self._downstream if is_inside else self._upstream
            return remember(self._cache, address, None if address in self._own else next(near, behind))

    def _other_than(self, name: str | None) -> str:
        others = [one for one in self._names if one != name]
        return others[0] if len(others) == 1 else UNKNOWN
